"""A run's calls against a client that fails in every way the hub may."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from desktop_app.core.errors import HubError, HubRefused, HubUnreachable, JobError
from desktop_app.jobs.batch import patience
from desktop_app.jobs.batch.patience import PatientHub, Row


class Client:
    """Takes rows, but for the `bad` ones; raises what `trouble` holds first."""

    def __init__(self) -> None:
        self.trouble: list[Exception] = []
        self.after: list[Exception] = []
        self.bad: set[str] = set()
        self.breaking: set[str] = set()
        self.key = "good"
        self.labeled: dict[str, int] = {}
        self.calls: list[list[str]] = []

    async def import_labels(self, key: str, project: str, rows: Sequence[dict[str, Any]]) -> None:
        if key != self.key:
            raise HubRefused("no", status=401)
        if self.trouble:
            raise self.trouble.pop(0)
        names = [row.get("externalId") or row["data"] for row in rows]
        self.calls.append(names)
        if self.breaking & set(names):
            raise HubRefused("it broke", status=500)
        if self.bad & set(names):
            raise HubRefused("a row makes no sense", status=400)
        for name in names:
            self.labeled[name] = self.labeled.get(name, 0) + 1
        if self.after:
            raise self.after.pop(0)

    async def asset(self, key: str, project: str, asset_id: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        if key != self.key:
            raise HubRefused("no", status=401)
        return {"_id": asset_id, "isPreLabeled": asset_id in self.labeled}


ANSWER: dict[str, Any] = {"objects": [], "classifications": [], "relations": []}


def rows(*names: str, was: bool | None = False) -> list[Row]:
    return [Row(name, name, f"https://x.example/{name}", ANSWER, was) for name in names]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long waits."""
    monkeypatch.setattr(patience, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0.002)


@pytest.fixture
def client() -> Client:
    """A hub's client."""
    return Client()


def hub(client: Client, waits: list[str] | None = None, keys: Sequence[str] = ("good",)) -> PatientHub:
    return PatientHub(client, "p", keys, ([] if waits is None else waits).append)  # type: ignore[arg-type]


async def test_an_outage_is_waited_for_and_told(client: Client) -> None:
    waits: list[str] = []
    client.trouble = [HubUnreachable("gone"), HubRefused("busy", status=503), HubError("no JSON")]
    assert await hub(client, waits).send(rows("a", "b")) == {}
    assert client.labeled == {"a": 1, "b": 1}
    assert [wait for wait in waits if wait] == ["gone", "busy", "no JSON"]
    assert waits[-1] == ""


async def test_what_has_arrived_is_not_sent_again(client: Client) -> None:
    client.after = [HubUnreachable("the answer was lost")]
    assert await hub(client).send(rows("a", "b")) == {}
    assert client.labeled == {"a": 1, "b": 1}


async def test_where_nobody_can_tell_the_same_is_sent_again(client: Client) -> None:
    client.after = [HubUnreachable("the answer was lost")]
    assert await hub(client).send([*rows("a", was=True), *rows("b", was=None), *rows("c")]) == {}
    assert client.labeled == {"a": 2, "b": 2, "c": 1}


async def test_one_row_that_the_hub_does_not_take_costs_itself_alone(client: Client) -> None:
    client.bad = {"c"}
    refused = await hub(client).send(rows("a", "b", "c", "d", "e"))
    assert list(refused) == ["c"]
    assert "a row makes no sense" in refused["c"]
    assert client.labeled == {"a": 1, "b": 1, "d": 1, "e": 1}


async def test_the_profiles_key_helps_out_where_the_jobs_is_refused(client: Client) -> None:
    assert await hub(client, keys=("old", "good")).send(rows("a")) == {}
    with pytest.raises(HubRefused):
        await hub(client, keys=("old", "older")).send(rows("b"))
    with pytest.raises(JobError):
        await hub(client, keys=()).send(rows("b"))
    assert client.labeled == {"a": 1}


async def test_a_row_that_breaks_the_hub_costs_itself_alone(client: Client) -> None:
    client.breaking = {"b"}
    waits: list[str] = []
    refused = await hub(client, waits).send(rows("a", "b", "c", was=None))
    assert list(refused) == ["b"]
    assert "it broke" in refused["b"]
    assert client.labeled == {"a": 1, "c": 1}
    assert waits[-1] == ""


async def test_calls_that_are_refused_at_once_all_go_on_with_the_other_key(client: Client) -> None:
    patient = hub(client, keys=("old", "good"))
    found = await asyncio.gather(*(patient.asset(name) for name in "abc"))
    assert [asset and asset["_id"] for asset in found] == ["a", "b", "c"]


async def test_a_project_that_is_gone_ends_it(client: Client) -> None:
    client.trouble = [HubRefused("no such project", status=404)]
    with pytest.raises(HubRefused, match="no such project"):
        await hub(client).send(rows("a"))


def test_an_asset_without_a_name_is_named_by_its_address() -> None:
    [row] = rows("a")
    assert row.body == {"externalId": "a", **ANSWER}
    assert Row("a", "", "https://x.example/a?sig=1", ANSWER).body == {"data": "https://x.example/a?sig=1", **ANSWER}
