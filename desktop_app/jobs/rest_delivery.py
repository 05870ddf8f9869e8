"""The way out where the hub calls the plugin: a response is the HTTP answer to the call that brought the job.

The same outbox stands behind it. A response leaves it once it was written to the hub's call. Where the hub has given
its call up meanwhile, or where published clients do it anyway (export plugins), the response goes to
`POST /v2/pluginResponse` (facts: hub-protocol, HTTP API, REST connector).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from desktop_app.core.aio import backoff
from desktop_app.core.errors import DeliveryError, HubError, HubRefused
from desktop_app.core.job import Job
from desktop_app.hub import protocol
from desktop_app.hub.client import HubClient
from desktop_app.hub.rest import RestConnector
from desktop_app.jobs.annotating import FINAL_STATUSES
from desktop_app.jobs.answer import Built
from desktop_app.jobs.delivery import Delivery, Kept
from desktop_app.jobs.outgoing import Outgoing
from desktop_app.store.outbox import Outbox

log = logging.getLogger(__name__)

LINES_FIRST_S = 1.5
"""How long a response waits for the log lines that were written before it."""


class RestDelivery(Delivery):
    """The way out for one profile behind a RestConnector.

    Args:
        is_export: whether the profile's script is an export plugin.
    """

    answers_calls = True

    def __init__(
        self,
        profile_id: str,
        outbox: Outbox,
        connector: RestConnector,
        client: HubClient,
        on_restored: Callable[[str, bool], None] = lambda _, __: None,
        is_export: Callable[[], bool] = lambda: False,
        on_given_up: Callable[[str, Any, str], None] = lambda _, __, ___: None,
    ) -> None:
        super().__init__(profile_id, outbox, connector, client, on_restored, on_given_up)
        self._connector = connector
        self._is_export = is_export
        self._on_their_way: set[str] = set()
        self._held: dict[str, dict[str, Any]] = {}
        self._asked_early: set[str] = set()

    @property
    def waiting(self) -> int:
        """Responses that nobody has taken yet."""
        return len(self._on_their_way)

    @property
    def waiting_ids(self) -> set[str]:
        """Ids of the jobs of those."""
        return set(self._on_their_way)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to go out."""
        return not self._on_their_way

    async def restore(self) -> set[str]:
        """Takes up what an earlier run of the app left behind; returns the ids of the jobs.

        Nobody waits for these responses now, and no key for a call of ours is on disk: each goes out when the hub asks
        for its session again.
        """
        taken = await super().restore()
        self._held = {item.job_id: item.data for item in self._outgoing if item.job_id is not None}
        self._outgoing.clear()
        return taken

    def settled(self, item: Outgoing, why: str) -> None:
        """See Delivery; an error goes out when the hub asks for its session again."""
        super().settled(item, why)
        self._outgoing.clear()
        job_id = item.job_id or ""
        asked = job_id in self._asked_early
        self._asked_early.discard(job_id)
        if why:
            self._held[job_id] = item.data
            if asked:
                self.again(job_id)
        elif asked:
            self._connector.beside(self._answer(None, str(item.data.get("session"))), name="answer again")

    async def deliver(self, kept: Kept) -> None:
        """Returns once the response was written to the hub's call, or the hub has taken it otherwise.

        Raises:
            DeliveryError: the hub has given its call up and does not take the response otherwise.
        """
        await self._on_disk(kept)
        item = kept.item
        job_id = item.job_id or ""
        self._on_their_way.add(job_id)
        try:
            await self._hand_over(item.data)
        finally:
            self._on_their_way.discard(job_id)
        self._outbox.done(job_id)

    def again(self, job_id: str) -> bool:
        """Answers the hub's call with what an earlier run left; False if there is nothing."""
        if any(item.job_id == job_id for item in self.unsettled):
            self._asked_early.add(job_id)
            return True
        event = self._held.get(job_id)
        if event is None:
            return False
        self._connector.beside(self._give(job_id, event), name="answer again")
        return True

    def repeat(self, job_id: str, event: dict[str, Any]) -> None:
        """Answers the hub's call with a `response` event that was delivered before."""
        self._connector.beside(self._answer(event), name="answer again")

    def nothing_to_repeat(self, job: Job, *, done: bool) -> None:
        """Answers the hub's call where the job has no response (any more): see Delivery."""
        event = None if done else protocol.failure(job)
        self._connector.beside(self._answer(event, job.session), name="answer again")

    async def annotate(self, job: Job, built: Built) -> None:
        """Hands in a workflow job's answer, then answers the hub's call with null, as published clients do."""
        await super().annotate(job, built)
        await self._connector.logs.sent(job.session, LINES_FIRST_S)
        await self._answer(None, job.session)
        self._connector.over(job.session)

    def log(self, event: dict[str, Any]) -> None:
        """Sends a `log` object; see SessionLogs."""
        self._connector.logs.add(str(event.get("session")), event)

    def up(self) -> None:
        """Nothing waits for a connection."""

    def ping(self) -> None:
        """There are no pings."""

    def closed(self, *, clean: bool) -> None:
        """What was not taken stays in the outbox."""

    async def _hand_over(self, event: dict[str, Any]) -> None:
        session = str(event.get("session"))
        await self._connector.logs.sent(session, LINES_FIRST_S)
        failed = event.get("error") is True
        try:
            if self._is_export():
                await self._post(session, event)
                await self._answer(event if failed else None, session)
            elif not await self._answer(event):
                log.warning("the hub gave up its call of session %s; its answer goes to /v2/pluginResponse", session)
                await self._post(session, event)
        except DeliveryError as error:
            if not failed:
                # Before anything else: who asks meanwhile must not get what the error is about to replace.
                if not await self._connector.withdraw(session):
                    return
                raise
            # The session ends with the hub's own call, whose status or loss says that it failed.
            log.warning("the error of session %s was not taken: %s", session, error)
            await self._answer(event)
        finally:
            self._connector.over(session)

    async def _answer(self, event: dict[str, Any] | None, session: str = "") -> bool:
        failed = event is not None and event.get("error") is True
        return await self._connector.answer(session or str((event or {}).get("session")), event, failed=failed)

    async def _give(self, job_id: str, event: dict[str, Any]) -> None:
        if await self._answer(event) and self._held.pop(job_id, None) is not None:
            self._outbox.done(job_id)
            self._on_restored(job_id, event.get("error") is True)

    async def _post(self, session: str, event: dict[str, Any]) -> None:
        """Hands the response in by a call of ours, unless the hub asks for it again meanwhile.

        Raises:
            DeliveryError: the hub refused it, or there is no key to call with.
        """
        api_key = self._connector.logs.api_key(session)
        if api_key is None:
            raise DeliveryError(
                "The hub gave its call up before the answer was there",
                where=f"session {session}, which has no API key to hand it in otherwise",
                remedy="Run the plugin again.",
            )
        for wait in backoff(1.0, limit=30.0):
            try:
                await self._client.plugin_response(api_key, event)
                return
            except HubError as error:
                if isinstance(error, HubRefused) and error.status in FINAL_STATUSES:
                    raise DeliveryError(error.what, where=error.where, remedy=error.remedy) from error
                log.warning("pluginResponse: %s; trying again in %.0f s", error, wait)
            await asyncio.sleep(wait)
            if self._connector.was_taken(session):
                return
