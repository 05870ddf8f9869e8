"""The one thread that writes: everything queued at a moment goes into one transaction.

Two lanes: what somebody waits for, or what must survive a crash from this moment on, goes at once; the rest follows
in company, when it has waited a little. So the large parts of a job are written after its answer went out.

What went at once also survives a power loss: an answer that was sent and then forgotten could be answered differently.
What is `quick` goes at once but does not wait for the disk, so that an answer need not wait for it twice, once for its
job's arrival. It survives the death of the app, and a power loss from the next write on, be it a lazy one; what is
lazy, from the next urgent one on.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from desktop_app.core.errors import StoreError
from desktop_app.store.problems import is_busy, is_damage, translated

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], Any]

log = logging.getLogger(__name__)

LINGER_S = 0.03
"""How long a lazy write waits for company; a quick answer is out by then, and keeps the disk to itself."""
_GROUP = 1000
_GROUP_S = 0.1
_LAZY_GROUP_S = 0.004  # an urgent write waits for no more than that (and the last write of a group)
_OVERDUE_S = 0.5  # a lazy write that waited so long goes before urgent ones
_BUSY_LIMIT_S = 30.0


class WriteFuture(asyncio.Future[T]):
    """The outcome of one write; knows whether anybody listens, so that a failure is never silent.

    Attributes:
        heard: whether somebody awaits it or has asked to be called.
    """

    heard = False

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Any = None) -> None:
        """As in asyncio; a task that awaits the future comes through here too."""
        self.heard = True
        if context is None:
            super().add_done_callback(fn)
        else:
            super().add_done_callback(fn, context=context)


_Item = tuple[Write, WriteFuture[Any], float, bool]
_Lane = deque[_Item]
_Outcome = tuple[WriteFuture[Any], Any, BaseException | None]


class Writer:
    """Runs writes in its own thread, on its own connection; those of a lane in the order of `put`.

    A write function may run twice: when another one of its group fails, the group is rolled back and each runs
    again alone. It touches nothing but the connection.

    Attributes:
        pending: how many writes were put and have not reported their outcome yet.
    """

    def __init__(
        self,
        where: str,
        connect: Callable[[], sqlite3.Connection],
        on_error: Callable[[BaseException], None],
        on_damage: Callable[[], None],
        after_group: Callable[[], None],
    ) -> None:
        self._where = where
        self._connect = connect
        self._on_error = on_error
        self._on_damage = on_damage
        self._after_group = after_group
        self._urgent: _Lane = deque()
        self._lazy: _Lane = deque()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._asleep = False
        self._hurry = False
        self._durable: bool | None = None
        self._owing = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self.pending = 0

    async def start(self) -> None:
        """Opens the connection in the thread.

        Raises:
            StoreError: as `connect` raises.
        """
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="plugdeck-store-writer", daemon=True)
        self._thread.start()
        try:
            await asyncio.shield(opened)
        except asyncio.CancelledError:
            opened.add_done_callback(lambda done: done.cancelled() or done.exception())
            await self.stop()
            raise
        except BaseException:
            self._thread.join()
            self._thread = None
            raise

    def put(self, fn: Callable[[sqlite3.Connection], T], lazy: bool, quick: bool = False) -> WriteFuture[T]:
        """Queues a write; call it in the loop's thread.

        Args:
            lazy: it may wait for company.
            quick: it goes at once, and is not waited for until the disk has it.
        """
        future: WriteFuture[T] = WriteFuture(loop=self._loop)
        self.pending += 1
        if self._stopping or self._thread is None:
            closed: _Outcome = (future, None, StoreError("The database is already closed", where=self._where))
            self._loop.call_soon(self._resolve, [closed])
        elif lazy:
            self._lazy.append((fn, future, time.monotonic(), False))
            if self._asleep:
                self._ring()
        else:
            self._urgent.append((fn, future, time.monotonic(), not quick))
            self._ring()
        return future

    def flush(self) -> WriteFuture[None]:
        """Hurries everything put so far; the future is done when it is written."""
        future = self.put(_nothing, True)
        self._hurry = True
        self._ring()
        return future

    async def stop(self) -> None:
        """Writes what is queued, closes the connection and ends the thread."""
        if self._thread is None:
            return
        self._stopping = True
        self._ring()
        thread, self._thread = self._thread, None
        await self._ended
        thread.join()

    def _ring(self) -> None:
        try:
            self._bell.release()
        except RuntimeError:
            pass  # it rings already

    def _run(self, opened: asyncio.Future[None]) -> None:
        try:
            try:
                connection = self._connect()
            except BaseException as error:  # noqa: BLE001 - handed to whoever awaits start()
                self._post(_fail, opened, translated(error, self._where))
                return
            self._post(_succeed, opened)
            try:
                self._serve(connection)
            finally:
                connection.close()
        except sqlite3.Error:
            log.exception("the database could not be closed properly")
        except BaseException as error:  # noqa: BLE001 - who waits must hear of it, and who comes later too
            self._stopping = True
            self._post(self._break_down, error)
        finally:
            self._post(_succeed, self._ended)

    def _serve(self, connection: sqlite3.Connection) -> None:
        urgent, lazy = self._urgent, self._lazy
        while True:
            self._asleep = True
            if not urgent and not lazy and not self._stopping:
                self._bell.acquire()
            self._asleep = False
            # One that waits too long goes first, but never before an urgent one that was put before it.
            if urgent and not (lazy and lazy[0][2] < urgent[0][2] and time.monotonic() - lazy[0][2] > _OVERDUE_S):
                self._post(self._resolve, self._write_group(connection, urgent, _GROUP_S))
                self._after_group()
            elif lazy:
                wait = lazy[0][2] + LINGER_S - time.monotonic()
                if wait > 0 and not self._hurry and not self._stopping:
                    self._bell.acquire(timeout=wait)
                else:
                    self._post(self._resolve, self._write_group(connection, lazy, _LAZY_GROUP_S))
                    self._after_group()
            elif self._stopping:
                return
            else:
                self._hurry = False

    def _write_group(self, connection: sqlite3.Connection, lane: _Lane, limit_s: float) -> list[_Outcome]:
        group: list[_Item] = []
        values: list[Any] = []
        quick = lane is self._urgent and not lane[0][3]
        durable = self._owing if lane is self._lazy else not quick
        self._owing = self._owing or quick
        changes = connection.total_changes
        try:
            self._sync(connection, durable=durable)
            self._begin(connection)
            deadline = time.monotonic() + limit_s
            while lane and len(group) < _GROUP:
                item = lane.popleft()
                if (
                    lane is self._lazy
                    and self._urgent
                    and (self._urgent[0][2] <= item[2] or deadline - item[2] < _OVERDUE_S)
                ):
                    # What it builds on may be in the other lane: a job's first record, of which this is the payload.
                    lane.appendleft(item)
                    break
                if quick and item[3]:
                    lane.appendleft(item)
                    break
                group.append(item)
                values.append(item[0](connection))
                if time.monotonic() > deadline:
                    break
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the write
            self._roll_back(connection)
            if not group:
                # The write lock was not to be had: whatever waits for it has waited long enough.
                group.extend(lane.popleft() for _ in range(len(lane)))
                return [(item[1], None, self._failure(error)) for item in group]
            if len(group) == 1:
                return [(group[0][1], None, self._failure(error))]
            return [self._write_alone(connection, item[0], item[1]) for item in group]
        if durable and connection.total_changes != changes:
            self._owing = False  # the disk has taken what lay before this one too
        return [(item[1], value, None) for item, value in zip(group, values, strict=True)]

    def _write_alone(self, connection: sqlite3.Connection, fn: Write, future: WriteFuture[Any]) -> _Outcome:
        try:
            self._begin(connection)
            value = fn(connection)
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the write
            self._roll_back(connection)
            return future, None, self._failure(error)
        return future, value, None

    def _sync(self, connection: sqlite3.Connection, *, durable: bool) -> None:
        """Whether a commit waits until the write-ahead log is on the disk, and not in the system's memory only."""
        if durable is not self._durable:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _begin(self, connection: sqlite3.Connection) -> None:
        give_up = time.monotonic() + _BUSY_LIMIT_S
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if is_busy(error) and time.monotonic() < give_up and not self._stopping:
                    continue
                raise
            return

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            log.exception("a transaction could not be rolled back")

    def _failure(self, error: BaseException) -> BaseException:
        if is_damage(error):
            self._on_damage()
        return translated(error, self._where)

    def _post(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            log.warning("the event loop was closed before the database")

    def _break_down(self, error: BaseException) -> None:
        """In the loop's thread: the writer is no more, through a fault of ours."""
        left = [item[1] for lane in (self._urgent, self._lazy) for item in lane]
        self._urgent.clear()
        self._lazy.clear()
        remedy = "Start Plugdeck again."
        self._resolve(
            [
                (future, None, StoreError("The database's writer failed", where=self._where, remedy=remedy))
                for future in left
            ]
        )
        self._on_error(error)

    def _resolve(self, outcomes: list[_Outcome]) -> None:
        self.pending -= len(outcomes)
        unheard: dict[str, BaseException] = {}
        for future, value, error in outcomes:
            if error is None:
                if not future.done():
                    future.set_result(value)
                continue
            heard = future.heard
            if not future.done():
                future.set_exception(error)
                if not heard:
                    future.exception()  # it is reported below, so asyncio need not complain
            if not heard:
                unheard.setdefault(str(error), error)
        for error in unheard.values():
            self._on_error(error)


def _nothing(_: sqlite3.Connection) -> None:
    return None


def _succeed(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
