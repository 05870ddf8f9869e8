"""The hub's HTTP API for a run that takes hours: an outage is waited for, a refusal is final."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from desktop_app.core.aio import backoff
from desktop_app.core.errors import HubError, HubRefused, JobError
from desktop_app.hub.client import NOTHING_DONE, HubClient
from desktop_app.jobs.annotating import FINAL_STATUSES

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
BAD_KEY = frozenset({401, 403})
MOST_FIVES = 6
"""So often in a row may a call be answered with status 500 before it is sent by halves: one row may be what breaks."""
BAD_ROWS = frozenset({400, 413, 422})
"""Statuses by which one row may spoil the whole call: they are sent by halves until it is found."""


@dataclass(frozen=True, slots=True)
class Row:
    """One asset's pre-labels.

    Attributes:
        asset_id: the hub's id.
        external_id: what it is called, "" where it has no name.
        url: its address, which names it where it has none.
        answer: `{"objects", "classifications", "relations"}`.
        was_labeled: whether it had pre-labels before, None where the hub did not say.
    """

    asset_id: str
    external_id: str
    url: str
    answer: dict[str, Any]
    was_labeled: bool | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The row as the API wants it (facts: hub-protocol, import/labels)."""
        name = {"externalId": self.external_id} if self.external_id else {"data": self.url}
        return {**name, **self.answer}


class PatientHub:
    """Calls for one run.

    Args:
        keys: API keys, tried in turn where one is refused.
        on_waiting: hears what is waited for, and "" when it is over.
    """

    def __init__(
        self, client: HubClient, project_id: str, keys: Sequence[str], on_waiting: Callable[[str], None]
    ) -> None:
        self._client = client
        self._project_id = project_id
        self._keys = list(dict.fromkeys(keys))
        self._on_waiting = on_waiting

    async def page(self, number: int, limit: int, batches: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
        """A page of the project's assets and how many there are.

        Raises:
            HubRefused: finally.
            JobError: there is no API key.
        """
        return await self._read(
            lambda key: self._client.assets(key, self._project_id, page=number, limit=limit, batches=batches)
        )

    async def asset(self, asset_id: str) -> dict[str, Any] | None:
        """One asset, or None where the project has it no longer."""
        try:
            return await self._read(lambda key: self._client.asset(key, self._project_id, asset_id))
        except HubRefused as error:
            if error.status == 404:
                return None
            raise

    async def answer(self, task_id: str) -> dict[str, Any]:
        """What a task is annotated with."""
        task = await self._read(lambda key: self._client.task(key, task_id))
        answer = task.get("answer")
        return answer if isinstance(answer, dict) else {}

    async def send(self, rows: Sequence[Row]) -> dict[str, str]:
        """Imports pre-labels, and does not give up while the hub is away. Where a call ended so that nobody knows
        whether it was carried out, what the hub has is read before it is repeated.

        Returns:
            why, for each asset (by id) whose row the hub refused.

        Raises:
            HubRefused: the hub refuses all: the key, or the project is gone.
            JobError: there is no API key.
        """
        left = list(rows)
        unsettled = False
        failing: HubRefused | None = None
        fives = 0
        for wait in backoff(FIRST_WAIT_S, limit=LONGEST_WAIT_S):
            if unsettled:
                arrived = await self.arrived(left)
                left = [row for row in left if row.asset_id not in arrived]
                unsettled = False
            if not left:
                return {}
            if failing is not None and fives >= MOST_FIVES:
                return await self._halves(left, failing)
            asked, key = 0.0, self._key()
            try:
                await self._client.import_labels(key, self._project_id, [row.body for row in left])
            except HubRefused as error:
                if error.status in BAD_KEY and self._next_key(key):
                    continue
                if error.status in BAD_ROWS:
                    return await self._halves(left, error)
                if error.status in FINAL_STATUSES:
                    raise
                asked = error.retry_after
                unsettled = error.status not in NOTHING_DONE
                failing, fives = error, fives + 1 if error.status == 500 else 0
                self._wait_for(error)
            except HubError as error:
                unsettled, fives = True, 0
                self._wait_for(error)
            else:
                self._on_waiting("")
                return {}
            await asyncio.sleep(max(wait, asked))
        raise AssertionError("the waits have no end")

    async def arrived(self, rows: Sequence[Row]) -> set[str]:
        """Those of the assets that have pre-labels now and had none before: they are there, whoever was not told."""
        found = set()
        for row in rows:
            if row.was_labeled is False:
                asset = await self.asset(row.asset_id)
                if asset is not None and asset.get("isPreLabeled") is True:
                    found.add(row.asset_id)
        return found

    async def _halves(self, rows: list[Row], error: HubRefused) -> dict[str, str]:
        if len(rows) == 1:
            await self.asset(rows[0].asset_id)  # a hub that cannot tell even this is waited for: it is not the row
            return {rows[0].asset_id: f"The hub did not take it: {error}"}
        middle = len(rows) // 2
        return {**await self.send(rows[:middle]), **await self.send(rows[middle:])}

    async def _read(self, call: Callable[[str], Awaitable[T]]) -> T:
        for wait in backoff(FIRST_WAIT_S, limit=LONGEST_WAIT_S):
            asked, key = 0.0, self._key()
            try:
                found = await call(key)
            except HubRefused as error:
                if error.status in BAD_KEY and self._next_key(key):
                    continue
                if error.status in FINAL_STATUSES:
                    raise
                asked = error.retry_after
                self._wait_for(error)
            except HubError as error:
                self._wait_for(error)
            else:
                self._on_waiting("")
                return found
            await asyncio.sleep(max(wait, asked))
        raise AssertionError("the waits have no end")

    def _key(self) -> str:
        if not self._keys:
            raise JobError("There is no API key to read the project with", where="the job has no apiKey")
        return self._keys[0]

    def _next_key(self, refused: str) -> bool:
        """Whether there is another key to try; a call beside this one may have moved on to it already."""
        if refused in self._keys and len(self._keys) > 1:
            self._keys.remove(refused)
            return True
        return refused not in self._keys

    def _wait_for(self, error: HubError) -> None:
        log.warning("a run over a project waits: %s", error)
        self._on_waiting(error.what)
