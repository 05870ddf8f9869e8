"""A few threads that read, each on a connection of its own that cannot write."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from desktop_app.store.problems import is_damage, translated

T = TypeVar("T")

log = logging.getLogger(__name__)

_THREADS = 3
_OPS_BETWEEN_CHECKS = 20_000  # about a millisecond of SQLite's work


class _Ticket:
    __slots__ = ("stopped",)

    def __init__(self) -> None:
        self.stopped = False


class Readers:
    """Runs read functions side by side, each in one consistent snapshot; a read whose task is cancelled stops."""

    def __init__(self, where: str, connect: Callable[[], sqlite3.Connection], on_damage: Callable[[], None]) -> None:
        self._where = where
        self._connect = connect
        self._on_damage = on_damage
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="plugdeck-store-reader")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._tickets: set[_Ticket] = set()

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """What `fn` returns.

        Raises:
            StoreError: the database cannot be read.
        """
        ticket = _Ticket()
        self._tickets.add(ticket)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, fn, ticket)
        except asyncio.CancelledError:
            ticket.stopped = True
            raise
        finally:
            self._tickets.discard(ticket)

    def checkpoint(self) -> None:
        """Starts moving the write-ahead log into the file, beside all reads and writes; callable from any thread."""
        try:
            self._pool.submit(self._checkpoint)
        except RuntimeError:
            pass  # closing, which does the same

    def _checkpoint(self) -> None:
        try:
            self._connection().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            if is_damage(error):
                self._on_damage()
            log.warning("the write-ahead log could not be moved into the database: %s", error)

    def close(self) -> None:
        """Stops running reads and ends the threads; blocks for as long as a read needs to notice (milliseconds)."""
        for ticket in self._tickets:
            ticket.stopped = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _run(self, fn: Callable[[sqlite3.Connection], T], ticket: _Ticket) -> T:
        try:
            connection = self._connection()
            self._local.ticket = ticket
            connection.execute("BEGIN")
            try:
                return fn(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            if is_damage(error):
                self._on_damage()
            known = translated(error, self._where)
            if known is error:
                raise
            raise known from error

    def _connection(self) -> sqlite3.Connection:
        local = self._local
        connection: sqlite3.Connection | None = getattr(local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.set_progress_handler(lambda: local.ticket.stopped, _OPS_BETWEEN_CHECKS)
            local.ticket = _Ticket()
            local.connection = connection
            self._connections.append(connection)
        return connection
