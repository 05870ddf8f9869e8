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
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desktop_app.core.aio import backoff, spawn
from desktop_app.core.errors import DeliveryError, HubError, HubRefused, HubUnreachable, StoreError
from desktop_app.core.job import Job
from desktop_app.hub import protocol
from desktop_app.hub.client import NOTHING_DONE, HubClient
from desktop_app.hub.listener import Listener
from desktop_app.jobs.answer import Built
from desktop_app.store.outbox import Outbox, OutboxRow

log = logging.getLogger(__name__)

CONFIRMING_PINGS = 2
KEPT_LOG_LINES = 10_000
KEPT_ANSWERS_BYTES = 32 * 1024**2
"""Answers of this run that are kept as they were sent, for a hub that asks again."""
SUSPECT_DROPS = 2
"""So many drops right after an answer, and it is sent apart from others: it may be what the hub cannot take."""
POISON_DROPS = 5
"""So many, the last one right after it was sent alone, and an error goes in its place; else it would cut every
connection for good."""
WATCH_S = 1.0
"""How long suspects are watched before the next ones follow; twice as many each time that nothing happens."""
FRAME_BYTES = 64
"""What Socket.IO adds around an event, generously."""


FINAL_STATUSES = frozenset(range(400, 500)) - {408, 425, 429}


@dataclass(slots=True, eq=False)
class _Item:
    event: str
    data: Any
    job_id: str | None = None
    sent: asyncio.Future[None] | None = None
    epoch: int = 0
    pings: int = 0
    size: int = 0
    drops: int = 0
    text: str = ""


class Kept:
    """An answer that is in the outbox and not yet on its way; see `Delivery.keep`."""

    def __init__(self, item: _Item, stored: asyncio.Future[bool] | None) -> None:
        self.item = item
        self.stored = stored


class Delivery:
    """The way out for one profile: responses through the outbox, log lines beside them in order.

    Args:
        on_restored: hears the id of a job whose response, kept from an earlier run of the app, was sent, and whether
            that is an error.
    """

    def __init__(
        self,
        profile_id: str,
        outbox: Outbox,
        listener: Listener,
        client: HubClient,
        on_restored: Callable[[str, bool], None] = lambda _, __: None,
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
        self._left_out = 0
        self._suspects: list[_Item] = []
        self._most_suspects = 1
        self._watch: asyncio.TimerHandle | None = None
        self._answers: OrderedDict[str, _Item] = OrderedDict()
        self._answers_bytes = 0
        self._flushing: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Responses that have not been handed to the socket."""
        return sum(item.job_id is not None for item in self._outgoing)

    @property
    def waiting_ids(self) -> set[str]:
        """Ids of the jobs of those."""
        return {item.job_id for item in self._outgoing if item.job_id is not None}

    @property
    def idle(self) -> bool:
        """Whether nothing waits to go out."""
        return not self._outgoing

    async def restore(self) -> set[str]:
        """Takes up what an earlier run of the app left behind; returns the ids of the jobs."""
        taken = set()
        for row in await self._outbox.pending(self._profile_id):
            try:
                event = json.loads(row.body_json)
                if not isinstance(event, dict):
                    raise ValueError("no event")
                item = _item(event, row.job_id)
            except (ValueError, DeliveryError):
                self._outbox.fail(row.job_id, "it cannot be read any more")
                continue
            self._outgoing.append(item)
            taken.add(row.job_id)
        return taken

    def keep(self, job: Job, event: dict[str, Any]) -> Kept:
        """Puts a `response` event into the outbox, at once and in order with other writes; `deliver` sends it.

        Raises:
            DeliveryError: it has no JSON form.
        """
        item = _item(event, job.id)
        row = OutboxRow(
            job_id=job.id,
            profile_id=self._profile_id,
            session=job.session,
            channel="socket",
            body_json=item.text,
            created_at=time.time(),
        )
        try:
            stored = self._outbox.put(row)
        except StoreError as error:
            log.warning("the answer could not be kept on disk: %s", error)
            stored = None
        return Kept(item, stored)

    async def deliver(self, kept: Kept) -> None:
        """Returns once the response is handed to the socket, however long the hub is away.

        Raises:
            DeliveryError: it is larger than the hub takes.
        """
        try:
            if kept.stored is not None:
                await kept.stored
        except StoreError as error:
            # A full disk must not keep the answer from the hub; it is only no longer safe against a crash.
            log.warning("the answer could not be kept on disk: %s", error)
        kept.item.sent = asyncio.get_running_loop().create_future()
        self._outgoing.append(kept.item)
        self._flush_soon()
        await kept.item.sent

    async def send(self, job: Job, event: dict[str, Any]) -> None:
        """`keep` and `deliver` in one."""
        await self.deliver(self.keep(job, event))

    def again(self, job_id: str) -> bool:
        """Sends the answer of a job once more, exactly as before; False if it is not kept in memory."""
        if any(item.job_id == job_id for item in self._outgoing):
            return True
        item = self._answers.get(job_id)
        if item is None:
            return False
        self.repeat(job_id, item.data)
        return True

    def repeat(self, job_id: str, event: dict[str, Any]) -> None:
        """Sends a `response` event that was delivered before; it is not put into the outbox again."""
        try:
            self._outgoing.append(_item(event, job_id))
        except DeliveryError as error:
            log.warning("the answer cannot be sent again: %s", error)
            return
        self._flush_soon()

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
            except HubError as error:
                # 3xx and pages that are no JSON: something stands between us and the hub.
                if isinstance(error, HubRefused) and error.status in FINAL_STATUSES:
                    raise DeliveryError(error.what, where=error.where, remedy=error.remedy) from error
                log.warning("annotate: %s; trying again in %.0f s", error, wait)
                began = not (isinstance(error, HubRefused) and error.status in NOTHING_DONE)
                if began and built.answer and await self._arrived(job.api_key, job.task_id, built.answer):
                    return
            await asyncio.sleep(wait)

    def log(self, event: dict[str, Any]) -> None:
        """Sends a `log` event, in order with the responses; while the hub is away the latest lines are kept."""
        if self._log_lines >= KEPT_LOG_LINES:
            oldest = next(item for item in self._outgoing if item.job_id is None)
            self._outgoing.remove(oldest)
            self._log_lines -= 1
            self._left_out += 1
        try:
            size = len(_dumps(event))
        except (ValueError, TypeError, RecursionError):
            # What a script adds to its lines is its own affair, but it must not break the connection.
            event = _plain_line(event)
            size = len(_dumps(event))
        self._outgoing.append(_Item(protocol.EVENT_LOG, event, size=size))
        self._log_lines += 1
        self._flush_soon()

    def up(self) -> None:
        """A new connection stands: what was not confirmed on an earlier one goes out again, first and in order."""
        if self._left_out:
            log.warning("%d log lines were left out while the hub was away", self._left_out)
            self._left_out = 0
        alone = len(self._suspects) == 1
        for item in self._unconfirmed:
            item.drops = item.drops + 1 if item.pings == self._pings else 0
            if item.drops >= POISON_DROPS and alone and item is self._suspects[0]:
                log.error("the hub ended the connection %d times over one answer; an error goes instead", item.drops)
                item.data, item.size, item.drops = _error(item.data), 0, 0
        self._stop_watching()
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
        self._stop_watching()
        while clean and self._unconfirmed:
            self._confirm(self._unconfirmed.popleft())

    def _confirm(self, item: _Item) -> None:
        if item.job_id is not None:
            self._outbox.done(item.job_id)

    def _flush_soon(self) -> None:
        if self._listener.connected and (self._flushing is None or self._flushing.done()):
            self._flushing = spawn(self._flush(), name="delivery flush")

    async def _flush(self) -> None:
        while self._outgoing and self._listener.connected and not self._must_wait(self._outgoing[0]):
            item = self._outgoing.popleft()
            if item.job_id is None:
                self._log_lines -= 1
            if self._too_large(item):
                continue
            item.epoch, item.pings, item.text = self._listener.epoch, self._pings, ""
            if item.job_id is not None:
                self._unconfirmed.append(item)
                if item.drops >= SUSPECT_DROPS:
                    self._suspects.append(item)
                    if self._watch is None:
                        self._watch = asyncio.get_running_loop().call_later(WATCH_S, self._innocent)
            try:
                await self._listener.emit(item.event, item.data)
            except HubUnreachable:
                if item.job_id is None:
                    self._log_lines += 1
                elif item in self._unconfirmed:
                    self._unconfirmed.remove(item)
                else:
                    return  # a new connection took it over
                self._outgoing.appendleft(item)
                return
            self._handed_over(item)

    def _must_wait(self, item: _Item) -> bool:
        """Whether an answer that may be what cost the connection has to wait until others have proved harmless."""
        if item.drops < SUSPECT_DROPS or not self._suspects:
            return False
        gravest = max(item.drops, *(other.drops for other in self._suspects))
        return gravest >= POISON_DROPS - 1 or len(self._suspects) >= self._most_suspects

    def _innocent(self) -> None:
        """The connection has survived what is being watched."""
        for item in self._suspects:
            item.drops = 0
        more = 2 * self._most_suspects
        self._stop_watching()
        self._most_suspects = more
        self._flush_soon()

    def _stop_watching(self) -> None:
        self._suspects = []
        self._most_suspects = 1
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _handed_over(self, item: _Item) -> None:
        if item.job_id is None:
            return
        self._remember(item.job_id, item)
        if item.sent is None:
            self._on_restored(item.job_id, item.data.get("error") is True)
        elif not item.sent.done():
            item.sent.set_result(None)

    def _remember(self, job_id: str, item: _Item) -> None:
        before = self._answers.pop(job_id, None)
        self._answers_bytes += item.size - (before.size if before else 0)
        self._answers[job_id] = item
        while self._answers_bytes > KEPT_ANSWERS_BYTES and len(self._answers) > 1:
            self._answers_bytes -= self._answers.popitem(last=False)[1].size

    def _too_large(self, item: _Item) -> bool:
        """Whether the hub would drop the connection over this item; whoever waits for it hears so."""
        limit = self._listener.max_payload
        if limit is None or item.size + FRAME_BYTES <= limit:
            return False
        if item.job_id is None:
            item.data = _plain_line(item.data, limit // 16)
            return False
        if item.sent is None or item.sent.done():
            # Nobody waits for it (any more): the session must end all the same.
            item.data, item.size = _error(item.data), 0
            return False
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
        except HubError:
            return False
        present = task.get("answer")
        tools = present.get("tools") if isinstance(present, dict) else None
        more = present.get("classifications") if isinstance(present, dict) else None
        ours = [*answer["objects"], *answer["classifications"]]
        if not ours:
            return False
        known = {
            _shape_key(item)
            for found in (tools, more)
            if isinstance(found, list)
            for item in found
            if isinstance(item, dict)
        }
        return all(_shape_key(item) in known for item in ours)


def _item(event: dict[str, Any], job_id: str) -> _Item:
    try:
        text = _dumps(event)
    except (ValueError, TypeError, RecursionError) as error:
        raise DeliveryError(
            "The answer has no JSON form", where=str(error)[:200], remedy="Return numbers that are finite, and text."
        ) from error
    return _Item(protocol.EVENT_RESPONSE, event, job_id=job_id, size=len(text), text=text)


def _error(event: dict[str, Any]) -> dict[str, Any]:
    return {"error": True, "session": event.get("session")}


def _plain_line(event: dict[str, Any], longest: int = 100_000) -> dict[str, Any]:
    """A log line without what the script added, and cut."""
    line = {key: event.get(key) for key in ("level", "organization", "pluginId", "runBy", "session", "msg")}
    message = str(line["msg"])
    return {**line, "msg": message if len(message) <= longest else f"{message[:longest]}…"}


# As the socket's library writes it, so that its length is what goes over the wire.
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _shape_key(item: dict[str, Any]) -> str:
    changing = ("objectId", "metadata", "title")
    return json.dumps({key: value for key, value in item.items() if key not in changing}, sort_keys=True)
