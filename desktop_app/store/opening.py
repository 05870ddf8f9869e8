"""Opens the database file, whatever state it is in: new, old, newer than this code, damaged, somebody else's."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from desktop_app.core.errors import StoreError
from desktop_app.store.lock import FileLock
from desktop_app.store.migrations import LATEST, migrate
from desktop_app.store.paths import FILE_MODE
from desktop_app.store.problems import is_busy, is_damage
from desktop_app.store.salvage import salvage

T = TypeVar("T")

APPLICATION_ID = 0x506C6764  # "Plgd" in the file's header
BUSY_MS = 5_000
_LAST_SCHEMA_FORMAT = 4
_MAGIC = b"SQLite format 3\x00"
_FULL_CHECK_BYTES = 4 << 20  # up to here a complete check takes a few milliseconds
_SMALL_TABLES = ("profile", "setting", "meta")
_LARGE_TABLES = ("job", "job_payload", "job_answer", "outbox", "log")
_OPEN_LIMIT_S = 15.0


class Damaged(Exception):
    """The file is no usable database."""


def open_for_writing(path: Path) -> tuple[sqlite3.Connection, str]:
    """The connection of the writer, migrated, and a notice for people ("" if all is well).

    A damaged file is moved to `plugdeck.damaged-<time>.db` beside it and a fresh one is made; plugins, settings
    and unfinished work are carried over as far as they can be read.

    Raises:
        StoreError: the file is newer than this code, belongs to another program, or cannot be opened.
    """
    try:
        return _retried(lambda: _open_sound(path)), ""
    except Damaged:
        pass
    repair = FileLock(path.with_suffix(".repair"))
    give_up = time.monotonic() + _OPEN_LIMIT_S
    while not repair.try_acquire("a repair"):
        if time.monotonic() > give_up:
            raise StoreError(
                "Another process has been repairing the database for long",
                where=str(path),
                remedy="Close the other Plugdeck and start again.",
            )
        time.sleep(0.05)
    try:
        try:
            # Whoever held the lock before us may have repaired it.
            return _retried(lambda: _open_sound(path)), ""
        except Damaged:
            return _replace(path)
    finally:
        repair.release()


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot change anything; may be closed from another thread."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -8000")
    return connection


def suspicion(path: Path) -> Path:
    """The file whose presence says that a read or write met damage: the next start checks everything."""
    return path.with_suffix(".suspect")


def _open_sound(path: Path) -> sqlite3.Connection:
    """Raises Damaged for a file that must be set aside."""
    _touch(path)
    size = _check_header(path)
    connection = _connect(path)
    try:
        try:
            _check_owner(connection, path)
            if size:
                _check_content(connection, path, size)
            _configure(connection)
            migrate(connection)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise Damaged from error
            raise
    except BaseException:
        connection.close()
        raise
    suspicion(path).unlink(missing_ok=True)
    return connection


def _touch(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
    except OSError as error:
        raise StoreError(
            f"The database cannot be opened: {error.strerror or error}",
            where=str(path),
            remedy="Check the permissions of the data directory and the free space.",
        ) from error


def _check_header(path: Path) -> int:
    """The file's size. Looks at the bytes alone, so that a file that is not for us is not even opened by SQLite."""
    with path.open("rb") as file:
        header = file.read(100)
    size = path.stat().st_size
    if not size:
        return 0
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise Damaged
    version = int.from_bytes(header[60:64], "big", signed=True)
    if int.from_bytes(header[68:72], "big") == APPLICATION_ID and version > LATEST:
        raise _newer(path)
    if int.from_bytes(header[44:48], "big") > _LAST_SCHEMA_FORMAT:
        raise Damaged  # SQLite calls it an error of nobody's in particular
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    wal = path.with_name(path.name + "-wal")
    # What is missing at the end may still be in the write-ahead log, but not without one.
    if size < int.from_bytes(header[28:32], "big") * page_size and not (wal.exists() and wal.stat().st_size):
        raise Damaged
    return size


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_MS / 1000,
        check_same_thread=False,
        cached_statements=256,
    )


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and tables:
        raise StoreError(
            "This database belongs to another program",
            where=str(path),
            remedy="Name another directory with --data-dir.",
        )
    if version < 0:
        raise Damaged
    if version > LATEST:
        raise _newer(path)


def _newer(path: Path) -> StoreError:
    return StoreError(
        "The data directory was written by a newer version of Plugdeck",
        where=str(path),
        remedy="Install the latest Plugdeck, or name another directory with --data-dir. Nothing was changed.",
    )


def _check_content(connection: sqlite3.Connection, path: Path, size: int) -> None:
    """A complete check where it is quick or where damage was met; else the small tables and both ends of the large."""
    if size <= _FULL_CHECK_BYTES or suspicion(path).exists():
        _expect_ok(connection, "PRAGMA quick_check(1)")
        return
    present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in present.intersection(_SMALL_TABLES):
        _expect_ok(connection, f"PRAGMA quick_check({table})")
    for table in present.intersection(_LARGE_TABLES):
        for order in ("ASC", "DESC"):
            connection.execute(f"SELECT * FROM {table} ORDER BY rowid {order} LIMIT 1").fetchone()  # noqa: S608


def _expect_ok(connection: sqlite3.Connection, pragma: str) -> None:
    row = connection.execute(pragma).fetchone()
    if row is None or row[0] != "ok":
        raise Damaged


def _configure(connection: sqlite3.Connection) -> None:
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        # Lets pruning give space back to the disk; only an empty database can take it up.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -4000")
    # Database moves the log into the file in another thread; this is for when that cannot keep up.
    connection.execute("PRAGMA wal_autocheckpoint = 16000")
    connection.execute(f"PRAGMA journal_size_limit = {4 << 20}")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _retried(attempt: Callable[[], T]) -> T:
    """Several first starts at once collide while the journal mode changes, where SQLite's own waiting does not help."""
    give_up = time.monotonic() + _OPEN_LIMIT_S
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up:
                raise
        time.sleep(0.02)


def _replace(path: Path) -> tuple[sqlite3.Connection, str]:
    aside = _set_aside(path)
    connection = _retried(lambda: _open_sound(path))
    recovered = salvage(aside, connection)
    notice = f"The database was damaged. It was set aside as {aside.name} and a fresh one was made. "
    if recovered:
        notice += f"Recovered: {recovered}. The rest of the history starts anew."
    else:
        notice += "Nothing could be recovered from it: plugins have to be added again."
    return connection, notice


def _set_aside(path: Path) -> Path:
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{count}{path.suffix}")
    moved: list[tuple[Path, Path]] = []
    try:
        for ending in ("", "-wal", "-shm"):
            part = path.with_name(path.name + ending)
            if part.exists():
                target = aside.with_name(aside.name + ending)
                part.replace(target)
                moved.append((part, target))
    except OSError as error:
        # A write-ahead log left alone would be taken for the fresh file's: all move or none.
        for part, target in reversed(moved):
            target.replace(part)
        raise StoreError(
            "The database is damaged, and the file cannot be set aside",
            where=str(path),
            remedy="Close other Plugdecks that use this data directory, then start again.",
        ) from error
    return aside


def copy_is_sound(path: Path) -> bool:
    """Whether a database file passes SQLite's full integrity check (for diagnostics)."""
    with closing(_connect(path)) as connection:
        try:
            return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
        except sqlite3.DatabaseError:
            return False
