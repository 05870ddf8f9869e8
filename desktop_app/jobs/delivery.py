"""Getting answers to the hub and knowing that they got there.

The socket has no acknowledgement. A response is written to the outbox first, then sent; it leaves the outbox after two
pings of the server that followed it: the second one implies that our pong, sent after the response, was read. After a
drop, everything that was not confirmed is sent again: the same response for the same session.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desktop_app.core.aio import backoff, spawn
from desktop_app.core.errors import DeliveryError, HubRefused, HubUnreachable, StoreError
from desktop_app.core.job import Job
from desktop_app.hub import protocol
from desktop_app.hub.client import HubClient
from desktop_app.hub.listener import Listener
from desktop_app.jobs.answer import Built
from desktop_app.store.outbox import Outbox, OutboxRow

log = logging.getLogger(__name__)

CONFIRMING_PINGS = 2
KEPT_LOG_LINES = 10_000
FRAME_BYTES = 64
"""What Socket.IO adds around an event, generously."""


@dataclass(slots=True)
class _Item:
    event: str
    data: Any
    job_id: str | None = None
    sent: asyncio.Future[None] | None = None
    epoch: int = 0
    pings: int = 0
    size: int = 0


class Delivery:
    """The way out for one profile: responses through the outbox, log lines beside them in order.

    Args:
        on_restored: hears the id of a job whose response, kept from an earlier run of the app, was sent.
    """

    def __init__(
        self,
        profile_id: str,
        outbox: Outbox,
        listener: Listener,
        client: HubClient,
        on_restored: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._profile_id = profile_id
        self._outbox = outbox
        self._listener = listener
        self._client = client
        self._on_restored = on_restored
        self._outgoing: deque[_Item] = deque()
        self._unconfirmed: deque[_Item] = deque()
        self._log_lines = 0
        self._pings = 0
        self._flushing: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Responses that have not been handed to the socket."""
        return sum(item.job_id is not None for item in self._outgoing)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to go out."""
        return not self._outgoing

    async def restore(self) -> set[str]:
        """Takes up what an earlier run of the app left behind; returns the ids of the jobs."""
        rows = await self._outbox.pending(self._profile_id)
        for row in rows:
            self._outgoing.append(_item(json.loads(row.body_json), row.job_id))
        return {row.job_id for row in rows}

    async def send(self, job: Job, event: dict[str, Any]) -> None:
        """Delivers a `response` event; returns once it is handed to the socket, however long the hub is away.

        Raises:
            DeliveryError: it is larger than the hub takes.
        """
        item = _item(event, job.id)
        row = OutboxRow(
            job_id=job.id,
            profile_id=self._profile_id,
            session=job.session,
            channel="socket",
            body_json=json.dumps(event),
            created_at=time.time(),
        )
        try:
            await self._outbox.put(row)
        except StoreError as error:
            # A full disk must not keep the answer from the hub; it is only no longer safe against a crash.
            log.warning("the answer could not be kept on disk: %s", error)
        item.sent = asyncio.get_running_loop().create_future()
        self._outgoing.append(item)
        await self._flush_now()
        await item.sent

    async def annotate(self, job: Job, built: Built) -> None:
        """Hands in a workflow job's answer over HTTP, trying until the hub has decided.

        Raises:
            DeliveryError: the hub refused it, or the job lacks what the call needs.
        """
        if not job.task_id or not job.api_key:
            missing = "taskId" if not job.task_id else "apiKey"
            raise DeliveryError(
                "The workflow's answer cannot be handed in",
                where=f"the job has no {missing}",
                remedy="Run the workflow stage again.",
            )
        for wait in backoff(1.0, limit=30.0):
            try:
                await self._client.annotate(job.api_key, job.task_id, built.body, is_plugin=built.is_plugin)
                return
            except HubRefused as error:
                if error.status < 500:
                    raise DeliveryError(error.what, where=error.where, remedy=error.remedy) from error
                log.warning("annotate: %s; trying again in %.0f s", error, wait)
            except HubUnreachable as error:
                log.warning("annotate: %s; trying again in %.0f s", error, wait)
                if built.answer is not None and await self._arrived(job.api_key, job.task_id, built.answer):
                    return
            await asyncio.sleep(wait)

    def log(self, event: dict[str, Any]) -> None:
        """Sends a `log` event, in order with the responses; while the hub is away the latest lines are kept."""
        if self._log_lines >= KEPT_LOG_LINES:
            oldest = next(item for item in self._outgoing if item.job_id is None)
            self._outgoing.remove(oldest)
            self._log_lines -= 1
        self._outgoing.append(_Item(protocol.EVENT_LOG, event))
        self._log_lines += 1
        self._flush_soon()

    def up(self) -> None:
        """A new connection stands: what was not confirmed on an earlier one goes out again, first and in order."""
        self._outgoing.extendleft(reversed(self._unconfirmed))
        self._unconfirmed.clear()
        self._flush_soon()

    def ping(self) -> None:
        """The server pinged."""
        self._pings += 1
        epoch = self._listener.epoch
        while self._unconfirmed:
            item = self._unconfirmed[0]
            if item.epoch != epoch or self._pings - item.pings < CONFIRMING_PINGS:
                break
            self._confirm(self._unconfirmed.popleft())

    def closed(self, *, clean: bool) -> None:
        """The connection was closed by us; `clean` if the server took part, so that it has read everything."""
        while clean and self._unconfirmed:
            self._confirm(self._unconfirmed.popleft())

    def _confirm(self, item: _Item) -> None:
        if item.job_id is not None:
            self._outbox.done(item.job_id)

    def _flush_soon(self) -> None:
        if self._listener.connected and (self._flushing is None or self._flushing.done()):
            self._flushing = spawn(self._flush(), name="delivery flush")

    async def _flush_now(self) -> None:
        if self._flushing is None or self._flushing.done():
            await self._flush()
        # A flush under way takes what was just appended.

    async def _flush(self) -> None:
        while self._outgoing and self._listener.connected:
            item = self._outgoing.popleft()
            if item.job_id is None:
                self._log_lines -= 1
            if self._too_large(item):
                continue
            item.epoch, item.pings = self._listener.epoch, self._pings
            if item.job_id is not None:
                self._unconfirmed.append(item)
            try:
                await self._listener.emit(item.event, item.data)
            except HubUnreachable:
                if item.job_id is not None:
                    self._unconfirmed.remove(item)
                else:
                    self._log_lines += 1
                self._outgoing.appendleft(item)
                return
            self._handed_over(item)

    def _handed_over(self, item: _Item) -> None:
        if item.job_id is None:
            return
        if item.sent is None:
            self._on_restored(item.job_id)
        elif not item.sent.done():
            item.sent.set_result(None)

    def _too_large(self, item: _Item) -> bool:
        """Whether the hub would drop the connection over this item; whoever waits for it hears so."""
        limit = self._listener.max_payload
        if item.job_id is None or limit is None or item.size + FRAME_BYTES <= limit:
            return False
        if item.sent is None:
            # Kept from an earlier run, nobody waits for it: the session must end all the same.
            item.data = {"error": True, "session": item.data.get("session")}
            item.size = 0
            return False
        if not item.sent.done():
            item.sent.set_exception(
                DeliveryError(
                    f"The answer is {item.size / 1e6:.1f} MB, more than the {limit / 1e6:.1f} MB the hub takes at once",
                    remedy="Answer fewer or simpler shapes (a higher confidence, boxes instead of polygons).",
                )
            )
        return True

    async def _arrived(self, api_key: str, task_id: str, answer: dict[str, Any]) -> bool:
        """Whether the task holds the answer already, although the hub's reply was lost."""
        try:
            task = await self._client.task(api_key, task_id)
        except (HubRefused, HubUnreachable):
            return False
        present = task.get("answer")
        tools = present.get("tools") if isinstance(present, dict) else None
        if not isinstance(tools, list) or not answer["objects"]:
            return False
        known = {_shape_key(tool) for tool in tools if isinstance(tool, dict)}
        return all(_shape_key(item) in known for item in answer["objects"])


def _item(event: dict[str, Any], job_id: str) -> _Item:
    size = len(json.dumps(event, separators=(",", ":")))
    return _Item(protocol.EVENT_RESPONSE, event, job_id=job_id, size=size)


def _shape_key(item: dict[str, Any]) -> str:
    changing = ("objectId", "metadata", "title")
    return json.dumps({key: value for key, value in item.items() if key not in changing}, sort_keys=True)
