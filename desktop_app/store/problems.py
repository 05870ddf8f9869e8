"""SQLite's errors in words for people; what is left over is a bug of ours and passes as it is."""

from __future__ import annotations

import sqlite3

from desktop_app.core.errors import StoreError

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_KNOWN: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: (
        "The disk is full",
        "Free some space; Plugdeck goes on by itself.",
    ),
    sqlite3.SQLITE_BUSY: (
        "The database is locked by another process",
        "Close other programs that have it open, such as a database browser.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "The database is locked by another process",
        "Close other programs that have it open, such as a database browser.",
    ),
    sqlite3.SQLITE_READONLY: (
        "The database is read-only",
        "Check the permissions of the data directory and whether its disk is mounted read-only.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database cannot be opened",
        "Check the permissions of the data directory and the free space.",
    ),
    sqlite3.SQLITE_PERM: (
        "The database cannot be opened",
        "Check the permissions of the data directory.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk failed while the database was read or written",
        "Check the disk and the free space.",
    ),
    sqlite3.SQLITE_NOLFS: ("The database is too large for this disk", "Move the data directory to another disk."),
    sqlite3.SQLITE_NOMEM: ("There was not enough memory for the database", "Close other programs."),
    sqlite3.SQLITE_TOOBIG: ("A value is too large for the database", ""),
    sqlite3.SQLITE_INTERRUPT: ("The search was stopped", ""),
}


def primary_code(error: BaseException) -> int | None:
    """SQLite's primary result code of an error, or None."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the file itself is broken."""
    return isinstance(error, sqlite3.DatabaseError) and primary_code(error) in _CORRUPT


def is_busy(error: BaseException) -> bool:
    """Whether an error says that somebody else is writing."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translated(error: BaseException, where: str) -> BaseException:
    """The StoreError for an error that a person can act on, else the error itself."""
    if is_damage(error):
        return StoreError(
            "The database is damaged",
            where=where,
            remedy="Start Plugdeck again: it sets the damaged file aside, keeps it, and goes on with a fresh one.",
        )
    known = _KNOWN.get(primary_code(error) or 0) if isinstance(error, sqlite3.Error) else None
    if known is None:
        return error
    what, remedy = known
    return StoreError(what, where=where, remedy=remedy)
