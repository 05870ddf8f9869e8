"""The one database file: writes in order through one thread, reads in a few others."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from desktop_app.core.errors import StoreError
from desktop_app.store.opening import open_for_reading, open_for_writing, suspicion
from desktop_app.store.readers import Readers
from desktop_app.store.redact import Redactor
from desktop_app.store.writer import Writer

T = TypeVar("T")

log = logging.getLogger(__name__)

_FLUSH_LIMIT_S = 2.0
_SAY_AGAIN_S = 30.0
_LOG_BYTES = 8 << 20
_CHECKPOINT_EVERY_S = 0.25


class Database:
    """SQLite in WAL mode, shared with other processes on the same file.

    Attributes:
        path: of the file.
        notice: what a person must know about how it was opened (a damaged file set aside), or "".
        redactor: takes secrets out of everything the store writes; the stores on this database share it.
        on_write_error: hears of failed writes that nobody awaits, of the same failure twice a minute at most; logs
            them by default.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        self.redactor = Redactor()
        self.on_write_error: Callable[[BaseException], None] = _log_failure
        self._writer: Writer | None = None
        self._readers: Readers | None = None
        self._log_path = str(path) + "-wal"
        self._checkpoint_at = 0.0
        self._last_failure = ("", 0.0)

    async def open(self) -> None:
        """Opens or makes the file and brings its schema up to date.

        Raises:
            StoreError: it is newer than this code, belongs to another program, or cannot be used.
        """
        where = str(self.path)
        writer = Writer(where, self._connect_writer, self._failed, self._suspect, self._check_log_size)
        await writer.start()
        self._writer = writer
        self._readers = Readers(where, lambda: open_for_reading(self.path), self._suspect)

    async def close(self) -> None:
        """Writes what is queued and closes; harmless when it is not open."""
        readers, self._readers = self._readers, None
        if readers is not None:
            readers.close()
        if self._writer is not None:
            await self._writer.stop()

    def write(
        self, fn: Callable[[sqlite3.Connection], T], *, lazy: bool = False, quick: bool = False
    ) -> asyncio.Future[T]:
        """Queues `fn`, which changes the database on the connection it is given; call it in the loop's thread.

        Writes happen in the order of the calls, many in one transaction; lazy ones too, but others may overtake
        them. `fn` runs in another thread and may run twice (see Writer); it neither begins nor commits. Cancelling
        the future does not take the write back.

        Args:
            lazy: nobody waits for this one: it may lie some ten milliseconds until it has company.
            quick: it goes at once, but the disk need not have it yet when the future is done; see Writer.

        Returns:
            A future of what `fn` returned, done once it is committed. It ends with a StoreError where the disk or
            the file is the trouble, else with what `fn` raised. A failure nobody awaits goes to `on_write_error`.
        """
        if self._writer is None:
            raise StoreError("The database is not open", where=str(self.path))
        return self._writer.put(fn, lazy, quick)

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """What `fn` returns, given a connection that sees one moment of the database: all writes queued before.

        Raises:
            StoreError: the database cannot be read.
        """
        if self._readers is None:
            raise StoreError("The database is not open", where=str(self.path))
        await self.flush()
        readers = self._readers
        if readers is None:
            raise StoreError("The database was closed", where=str(self.path))
        return await readers.read(fn)

    async def flush(self) -> None:
        """Waits until everything queued so far is written, at most two seconds (then reads show what there is)."""
        if self._writer is not None and self._writer.pending:
            await asyncio.wait([self._writer.flush()], timeout=_FLUSH_LIMIT_S)

    def _connect_writer(self) -> sqlite3.Connection:
        connection, self.notice = open_for_writing(self.path)
        return connection

    def _check_log_size(self) -> None:
        """In the writer's thread. A commit that moved the log into the file itself would keep an answer waiting."""
        readers, now = self._readers, time.monotonic()
        if readers is None or now < self._checkpoint_at:
            return
        try:
            grown = os.stat(self._log_path).st_size > _LOG_BYTES  # noqa: PTH116 - a third of Path's time
        except OSError:
            return
        if grown:
            self._checkpoint_at = now + _CHECKPOINT_EVERY_S
            readers.checkpoint()

    def _failed(self, error: BaseException) -> None:
        # Whoever hears of it may log it, and the log is written here: on a full disk that would never end.
        words, now = str(error), time.monotonic()
        if words == self._last_failure[0] and now < self._last_failure[1] + _SAY_AGAIN_S:
            return
        self._last_failure = (words, now)
        self.on_write_error(error)

    def _suspect(self) -> None:
        try:
            suspicion(self.path).touch(mode=0o600)
        except OSError:
            log.exception("the damage could not be noted for the next start")


def _log_failure(error: BaseException) -> None:
    log.error("a write to the database failed: %s", error, exc_info=error)
