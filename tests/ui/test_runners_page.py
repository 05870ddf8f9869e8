from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from desktop_app.core.events import Signal
from desktop_app.metrics.address import runner_url
from desktop_app.metrics.watch import Health, ProfileNumbers, RunnerHealth
from desktop_app.store.settings import Settings
from desktop_app.ui.runners_page import RunnersPage, health_words, late_words, state_words
from desktop_app.ui.tasks import Tasks

CARS = ProfileNumbers("Cars", "busy", running=2, queued=5, delivered=1200, failed=3)


class Keeper:
    def __init__(self) -> None:
        self.current = Settings()
        self.changed: Signal[Settings] = Signal()

    async def change(self, **values: Any) -> None:
        self.current = self.current.model_copy(update=values)


class Fleet:
    """Answers for every address as the test says."""

    def __init__(self) -> None:
        self.health: dict[str, RunnerHealth] = {}
        self.asked: list[str] = []

    async def __call__(self, url: str) -> RunnerHealth:
        self.asked.append(url)
        return self.health.get(url, RunnerHealth(url, Health.SILENT, time.time(), "connection refused"))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
async def page(qtbot: Any, fleet: Fleet) -> AsyncIterator[RunnersPage]:
    tasks = Tasks()
    made = RunnersPage(Keeper(), fleet, runner_url, tasks)
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.show()
    yield made
    made.hide()
    await tasks.end()


def texts(card: Any) -> list[str]:
    return [one.text() for one in card.findChildren(QLabel) if one.text()]


async def test_a_runner_is_added_watched_and_left(qtbot: Any, page: RunnersPage, fleet: Fleet, tools: Any) -> None:
    url = "http://10.0.0.7:9464"
    assert page.nothing.isVisible()
    fleet.health[url] = RunnerHealth(url, Health.READY, time.time(), "", "1.2.3", (CARS,))
    page.address.setText("10.0.0.7")
    qtbot.keyClick(page.address, Qt.Key.Key_Return)
    await tools.until(lambda: url in page.seen and page._asking is None)
    assert page.addresses == (url,)
    assert not page.nothing.isVisible()
    card = page.cards[url]
    assert card.state.text() == "Ready: every plugin is online"
    told = texts(card)
    assert all(word in told for word in ("Cars", "busy", "2", "5", "1200", "3"))
    assert card.seen_at.text().startswith("Plugdeck 1.2.3, seen at ")
    # It goes away: what it last said stays away, when it last said it stays.
    del fleet.health[url]
    page.ask()
    await tools.until(lambda: page.seen[url].health is Health.SILENT and page._asking is None)
    assert card.state.text() == "No answer: connection refused"
    assert card.seen_at.text().startswith("Last answer at ")
    assert "Cars" not in texts(card)
    card.remove.click()
    await tools.until(lambda: not page.cards)
    assert page.addresses == ()
    assert page.nothing.isVisible()


async def test_what_is_no_address_is_said_and_not_kept(page: RunnersPage) -> None:
    page.address.setText("http://user:password@host")
    page.add()
    assert page.error.isVisible()
    assert page.addresses == ()
    assert page.address.text(), "to be put right"


async def test_runners_are_asked_only_while_the_page_is_in_sight(page: RunnersPage, fleet: Fleet, tools: Any) -> None:
    page.address.setText("10.0.0.7")
    page.add()
    await tools.until(lambda: fleet.asked)
    assert page._timer.isActive()
    page.hide()
    assert not page._timer.isActive()
    await tools.until(lambda: page._asking is None)
    asked = len(fleet.asked)
    page.show()
    await tools.until(lambda: len(fleet.asked) > asked)


async def test_a_card_that_shows_the_same_keeps_its_labels(page: RunnersPage, fleet: Fleet, tools: Any) -> None:
    url = "http://a:1"
    fleet.health[url] = RunnerHealth(url, Health.READY, 1000.0, "", "1", (CARS,))
    page.address.setText("a:1")
    page.add()
    await tools.until(lambda: url in page.seen and page._asking is None)
    before = page.cards[url].findChildren(QLabel)
    fleet.health[url] = RunnerHealth(url, Health.READY, 2000.0, "", "1", (CARS,))
    page.ask()
    await tools.until(lambda: page.seen[url].at == 2000.0 and page._asking is None)
    assert page.cards[url].findChildren(QLabel) == before


def test_words() -> None:
    def seen(health: Health, **fields: Any) -> RunnerHealth:
        return RunnerHealth("http://a:1", health, 1.0, **fields)

    assert health_words(None)[0] == "Looking…"
    assert health_words(seen(Health.NOT_READY)) == ("Not ready: not every plugin is online", "error")
    assert health_words(seen(Health.DRAINING))[0].startswith("Ending")
    assert health_words(seen(Health.STRANGER))[0] == "What answers there is no Plugdeck"
    assert health_words(seen(Health.SILENT, detail="a\nb"))[0] == "No answer: a b"
    assert [state_words(text) for text in ("busy", "login refused", "of a later version")] == [
        "busy", "login refused", "of a later version",
    ]  # fmt: skip
    assert late_words(seen(Health.READY, profiles=(CARS,))) == ""
    late = seen(Health.READY, profiles=(CARS, ProfileNumbers("b", waiting_s=125.0)))
    assert late_words(late).startswith("1 plugin with answers")
