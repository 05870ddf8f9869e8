"""Which answer a hub ends the connection over: the guilty one is found, an innocent one never convicted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from desktop_app.jobs import suspects as module
from desktop_app.jobs.outgoing import Outgoing, response
from desktop_app.jobs.suspects import Suspects


class Connections:
    """A hub that ends the connection over the guilty ones, right after they were written."""

    def __init__(self, items: list[Outgoing], guilty: list[Outgoing]) -> None:
        self.suspects = Suspects(self.write)
        self.guilty = guilty
        self.unconfirmed: list[Outgoing] = []
        self.convicted: list[Outgoing] = []
        self.ends = 0
        self.write(items)

    def write(self, items: list[Outgoing]) -> None:
        ended = False
        for item in items:
            self.unconfirmed.append(item)
            self.suspects.written(item)
            ended = ended or item in self.guilty
        if ended:
            self.end()

    def end(self) -> None:
        self.ends += 1
        lost, self.unconfirmed = self.unconfirmed, []
        again, convicted = self.suspects.connected(lost, 0)
        self.convicted += convicted
        self.write(again)

    def confirm(self) -> None:
        """Two pings: what was written has arrived."""
        self.unconfirmed.clear()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_S", 0.05)
    monkeypatch.setattr(module, "WATCH_S", 0.05)


def answers(count: int) -> list[Outgoing]:
    return [response({"response": "x" * number, "session": str(number)}, str(number)) for number in range(count)]


async def test_three_ends_in_a_row_convict_an_answer_that_was_alone(until: Callable[..., object]) -> None:
    [item] = answers(1)
    hub = Connections([item], [item])
    assert (hub.ends, hub.convicted) == (2, [])
    await until(lambda: hub.convicted)  # type: ignore[misc]
    assert (hub.ends, hub.convicted) == (3, [item])


@pytest.mark.parametrize("place", [0, 7, 19])
async def test_the_guilty_one_of_many_is_found_and_no_other(place: int, until: Callable[..., object]) -> None:
    items = answers(20)
    hub = Connections(items, [items[place]])
    await until(lambda: hub.convicted and not hub.suspects.held)  # type: ignore[misc]
    assert hub.convicted == [items[place]]
    assert set(items) - set(hub.unconfirmed) <= {items[place]}


async def test_two_guilty_ones(until: Callable[..., object]) -> None:
    items = answers(9)
    hub = Connections(items, [items[2], items[8]])
    await until(lambda: len(hub.convicted) == 2 and not hub.suspects.held)  # type: ignore[misc]
    assert set(hub.convicted) == {items[2], items[8]}


async def test_a_network_that_cuts_all_the_time_convicts_nobody(until: Callable[..., object]) -> None:
    items = answers(3)
    hub = Connections(items, [])
    for _ in range(40):
        hub.end()
    assert hub.convicted == []
    await until(lambda: len(hub.unconfirmed) == 3)  # type: ignore[misc]


async def test_an_end_long_after_it_was_written_speaks_against_nothing(until: Callable[..., object]) -> None:
    items = answers(2)
    hub = Connections(items, [])
    for _ in range(6):
        hub.end()
        await until(lambda: not hub.suspects.held and all(item.drops == 0 for item in items))  # type: ignore[misc]
    assert hub.convicted == []


async def test_nothing_is_released_after_the_end(until: Callable[..., object]) -> None:
    items = answers(2)
    hub = Connections(items, [])
    hub.end()
    hub.end()
    assert hub.suspects.held
    hub.suspects.stop()
    await asyncio.sleep(0)
    assert hub.suspects.held == ()
