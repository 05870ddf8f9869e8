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
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from desktop_app.core.aio import report_bug, spawn
from desktop_app.core.errors import DeliveryError, HubUnreachable, StoreError
from desktop_app.core.job import Job
from desktop_app.hub.client import HubClient
from desktop_app.hub.listener import Emitter
from desktop_app.jobs import annotating, outgoing
from desktop_app.jobs.answer import Built
from desktop_app.jobs.outgoing import FRAME_BYTES, Outgoing
from desktop_app.jobs.suspects import DROPS, Suspects
from desktop_app.store.outbox import Channel, Outbox, OutboxRow

log = logging.getLogger(__name__)

CONFIRMING_PINGS = 2
KEPT_LOG_LINES = 10_000
KEPT_ANSWERS_BYTES = 2 * 1024**2
"""Answers of this run that are kept as they were sent, for a hub that asks again; packed, for as objects they would
take ten times as much. Older ones are read from the disk."""
KEPT_ANSWER_BYTES = 320
"""What keeping one takes beside its bytes: a small answer is less than half of it."""
CROWDED_ANSWERS = 1_000
CROWDED_BYTES = 64 * 1024**2
"""When so much waits for a hub that is away, no more jobs are taken in hand: they are safe on disk meanwhile."""
BROKE = "Plugdeck itself failed on sending this answer; a report was written"
UNREADABLE = "The answer that was kept on disk cannot be read any more"


class Kept:
    """An answer that is in the outbox and not yet on its way; see `Delivery.keep`."""

    def __init__(self, item: Outgoing, stored: asyncio.Future[bool] | None) -> None:
        self.item = item
        self.stored = stored


class Delivery:
    """The way out for one profile: responses through the outbox, log lines beside them in order.

    Args:
        on_restored: hears the id of a job whose response, kept from an earlier run of the app, was sent, and whether
            that is an error.
        on_given_up: hears the id and the session (as the hub wrote it) of a job whose answer could not go out after
            it had been handed over once, and why: an error goes in its place.
    """

    answers_calls = False
    """Whether a response is the answer to a call of the hub's, so that none can follow once the app has ended."""

    def __init__(
        self,
        profile_id: str,
        outbox: Outbox,
        listener: Emitter,
        client: HubClient,
        on_restored: Callable[[str, bool], None] = lambda _, __: None,
        on_given_up: Callable[[str, Any, str], None] = lambda _, __, ___: None,
    ) -> None:
        self._profile_id = profile_id
        self._outbox = outbox
        self._listener = listener
        self._client = client
        self._on_restored = on_restored
        self._on_given_up = on_given_up
        self._outgoing: deque[Outgoing] = deque()
        self._unconfirmed: deque[Outgoing] = deque()
        self.unsettled: deque[Outgoing] = deque()
        self._suspects = Suspects(self._write_next)
        self._log_lines = 0
        self._pings = 0
        self._left_out = 0
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._answers_bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def waiting(self) -> int:
        """Responses that have not been handed to the socket."""
        return sum(item.job_id is not None for item in self._outgoing) + len(self._suspects.held)

    @property
    def waiting_ids(self) -> set[str]:
        """Ids of the jobs of those."""
        return {item.job_id for item in (*self._outgoing, *self._suspects.held) if item.job_id is not None}

    @property
    def crowded(self) -> bool:
        """Whether so many answers wait that no more should be made."""
        if self._listener.connected or len(self._outgoing) < CROWDED_ANSWERS // 10:
            return False
        sizes = [item.size for item in self._outgoing if item.job_id is not None]
        return len(sizes) >= CROWDED_ANSWERS or sum(sizes) >= CROWDED_BYTES

    @property
    def idle(self) -> bool:
        """Whether nothing waits to go out."""
        return not self._outgoing and not self._suspects.held

    async def restore(self) -> set[str]:
        """Takes up what an earlier run of the app left behind; returns the ids of the jobs.

        Of those that were on their way over HTTP, nothing is said before `settled` has heard whether they got there.
        """
        taken = set()
        for row in await self._outbox.pending(self._profile_id):
            try:
                item = outgoing.response(outgoing.event_in(row.body_json), row.job_id)
            except (ValueError, DeliveryError):
                self._outbox.set_aside(row.job_id)
                continue
            (self.unsettled if row.channel == "http" else self._outgoing).append(item)
            taken.add(row.job_id)
        return taken

    def settled(self, item: Outgoing, why: str) -> None:
        """An answer of `unsettled` got there, or ends as an error that says why."""
        self.unsettled.remove(item)
        if why:
            self._give_up(item, why)
            self._outgoing.append(item)
            self._flush_soon()
        elif item.job_id is not None:
            self._outbox.done(item.job_id)
            self._on_restored(item.job_id, False)

    def keep(self, job: Job, event: dict[str, Any]) -> Kept:
        """Puts a `response` event into the outbox, at once and in order with other writes; `deliver` sends it.

        An error takes the place of an answer that was kept and could not go out.

        Raises:
            DeliveryError: it has no JSON form.
        """
        item = outgoing.response(event, job.id)
        return Kept(item, self._put(job, "socket", item.text, over=outgoing.is_error(event)))

    async def deliver(self, kept: Kept) -> None:
        """Returns once the response is handed to the socket, however long the hub is away.

        Raises:
            DeliveryError: it is larger than the hub takes.
        """
        await self._on_disk(kept)
        kept.item.sent = asyncio.get_running_loop().create_future()
        self._outgoing.append(kept.item)
        self._flush_soon()
        await kept.item.sent

    async def _on_disk(self, kept: Kept) -> None:
        await self._stored(kept.stored)

    async def send(self, job: Job, event: dict[str, Any]) -> None:
        """`keep` and `deliver` in one."""
        await self.deliver(self.keep(job, event))

    def again(self, job_id: str) -> bool:
        """Sends the answer of a job once more, exactly as before; False if it is not kept in memory."""
        if job_id in self.waiting_ids or any(item.job_id == job_id for item in self.unsettled):
            return True
        packed = self._answers.get(job_id)
        if packed is None:
            return False
        self.repeat(job_id, json.loads(zlib.decompress(packed)))
        return True

    def repeat(self, job_id: str, event: dict[str, Any]) -> None:
        """Sends a `response` event that was delivered before; it is not put into the outbox again."""
        try:
            self._outgoing.append(outgoing.response(event, job_id))
        except DeliveryError as error:
            log.warning("the answer cannot be sent again: %s", error)
            return
        self._flush_soon()

    def nothing_to_repeat(self, job: Job, *, done: bool) -> None:
        """The hub asks again for a job that has no response: done by other means, or no longer known."""

    async def annotate(self, job: Job, built: Built) -> None:
        """Hands in a workflow job's answer over HTTP, trying until the hub has decided. The outbox comes first.

        Raises:
            DeliveryError: the hub refused it, or the job lacks what the call needs.
        """
        annotating.need(job)
        session = job.data.get("session", job.session)
        try:
            text = outgoing.dumps({"session": session, "task": job.task_id, "body": built.body})
        except (ValueError, TypeError, RecursionError) as error:
            raise DeliveryError("The answer has no JSON form", where=str(error)[:200]) from error
        await self._stored(self._put(job, "http", text))
        await annotating.hand_in(self._client, job, built, lambda: self._outbox.mark_sent(job.id))
        self._outbox.done(job.id)

    def log(self, event: dict[str, Any]) -> None:
        """Sends a `log` event, in order with the responses; while the hub is away the latest lines are kept."""
        if self._log_lines >= KEPT_LOG_LINES:
            oldest = next(item for item in self._outgoing if item.job_id is None)
            self._outgoing.remove(oldest)
            self._log_lines -= 1
            self._left_out += 1
        self._outgoing.append(outgoing.log_line(event))
        self._log_lines += 1
        self._flush_soon()

    def up(self) -> None:
        """A new connection stands: what was not confirmed on an earlier one goes out again, first and in order."""
        if self._left_out:
            log.warning("%d log lines were left out while the hub was away", self._left_out)
            self._left_out = 0
        again, convicted = self._suspects.connected(self._unconfirmed, self._pings)
        self._unconfirmed.clear()
        for item in convicted:
            why = (
                f"The hub ended the connection {DROPS} times in a row when this answer was sent; an error goes instead"
            )
            log.error("%s (session %s)", why, item.data.get("session"))
            self._give_up(item, why)
        self._outgoing.extendleft(reversed([*convicted, *again]))
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

    def closing(self) -> None:
        """The connection is about to be closed by us. What comes from now on stays in the outbox: the server reads
        nothing after the goodbye, but the goodbye would count as having read all.
        """
        self._closing = True

    def closed(self, *, clean: bool) -> None:
        """The connection was closed by us; `clean` if the server took part, so that it has read everything."""
        self._suspects.stop()
        while clean and self._unconfirmed:
            self._confirm(self._unconfirmed.popleft())

    def _put(self, job: Job, channel: Channel, text: str, *, over: bool = False) -> asyncio.Future[bool] | None:
        row = OutboxRow(
            job_id=job.id,
            profile_id=self._profile_id,
            session=job.session,
            channel=channel,
            body_json=text,
            created_at=time.time(),
        )
        try:
            return self._outbox.put(row, over=over)
        except StoreError as error:
            log.warning("the answer could not be kept on disk: %s", error)
            return None

    async def _stored(self, stored: asyncio.Future[Any] | None) -> None:
        try:
            if stored is not None:
                await stored
        except StoreError as error:
            # A full disk must not keep the answer from the hub; it is only no longer safe against a crash.
            log.warning("the answer could not be kept on disk: %s", error)

    def _confirm(self, item: Outgoing) -> None:
        if item.job_id is not None:
            self._outbox.done(item.job_id)

    def _flush_soon(self) -> None:
        if self._listener.connected and (self._flushing is None or self._flushing.done()):
            self._flushing = spawn(self._flush(), name="delivery flush")

    def _write_next(self, items: list[Outgoing]) -> None:
        self._outgoing.extendleft(reversed(items))
        self._flush_soon()

    def _may_write(self) -> bool:
        return self._listener.connected and not self._closing

    async def _flush(self) -> None:
        while self._outgoing and self._may_write():
            item = self._outgoing.popleft()
            if item.job_id is None:
                self._log_lines -= 1
            try:
                if not await self._write(item):
                    return
            except Exception as error:  # noqa: BLE001 - a bug must hold up neither this answer's end nor the others
                report_bug(error, f"sending {item.event} {item.data.get('session')}")
                self._broke(item)

    async def _write(self, item: Outgoing) -> bool:
        """Whether the next one may follow."""
        if self._too_large(item):
            return True
        if item.stored is not None:
            await self._stored(item.stored)
            item.stored = None
            if not self._may_write():
                self._outgoing.appendleft(item)
                return False
        text = item.text or (outgoing.dumps(item.data) if item.job_id is not None else "")
        item.epoch, item.pings, item.text = self._listener.epoch, self._pings, ""
        if item.job_id is not None:
            self._unconfirmed.append(item)
            self._suspects.written(item)
        try:
            await self._listener.emit(item.event, item.data, text)
        except HubUnreachable:
            if item.job_id is None:
                self._log_lines += 1
            elif item in self._unconfirmed:
                self._unconfirmed.remove(item)
            else:
                return False  # a new connection took it over
            self._outgoing.appendleft(item)
            return False
        self._handed_over(item, text)
        return True

    def _broke(self, item: Outgoing) -> None:
        """What cannot be sent through a fault of ours ends as an error; an error that cannot stays in the outbox."""
        if item in self._unconfirmed:
            self._unconfirmed.remove(item)
        if item.job_id is None:
            return
        if item.sent is not None and not item.sent.done():
            item.sent.set_exception(DeliveryError(BROKE))
        elif not outgoing.is_error(item.data):
            self._give_up(item, BROKE)
            self._outgoing.append(item)

    def _handed_over(self, item: Outgoing, text: str) -> None:
        if item.job_id is None:
            return
        self._remember(item.job_id, text)
        if item.sent is None:
            self._on_restored(item.job_id, outgoing.is_error(item.data))
        elif not item.sent.done():
            item.sent.set_result(None)

    def _remember(self, job_id: str, text: str) -> None:
        packed = zlib.compress(text.encode(), 1)
        self._forget(job_id)
        self._answers[job_id] = packed
        self._answers_bytes += len(packed) + KEPT_ANSWER_BYTES
        while self._answers_bytes > KEPT_ANSWERS_BYTES and len(self._answers) > 1:
            self._forget(next(iter(self._answers)))

    def _forget(self, job_id: str) -> None:
        packed = self._answers.pop(job_id, None)
        if packed is not None:
            self._answers_bytes -= len(packed) + KEPT_ANSWER_BYTES

    def _too_large(self, item: Outgoing) -> bool:
        """Whether the hub would drop the connection over this item; whoever waits for it hears so."""
        limit = self._listener.max_payload
        if limit is None or item.size + FRAME_BYTES <= limit:
            return False
        if item.job_id is None:
            item.data = outgoing.plain_line(item.data, limit // 16)
            return False
        what = f"The answer is {item.size / 1e6:.1f} MB, more than the {limit / 1e6:.1f} MB the hub takes at once"
        if item.sent is None or item.sent.done():
            # Nobody waits for it (any more): the session must end all the same.
            self._give_up(item, what)
            return False
        remedy = "Answer fewer or simpler shapes (a higher confidence, boxes instead of polygons)."
        item.sent.set_exception(DeliveryError(what, remedy=remedy))
        return True

    def _give_up(self, item: Outgoing, why: str) -> None:
        """Puts an error in the place of an answer, on disk too, so that nothing else is ever sent of it."""
        session = item.data.get("session")
        error = outgoing.response(outgoing.error_event(item.data), item.job_id or "")
        item.data, item.size, item.text, item.drops = error.data, error.size, error.text, 0
        if item.job_id is not None:
            item.stored = self._outbox.replace(item.job_id, error.text)
            self._forget(item.job_id)
            self._on_given_up(item.job_id, session, why)
