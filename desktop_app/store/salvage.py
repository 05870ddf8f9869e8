"""Carries over from a damaged database what can still be read and would be missed most."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

_TABLES: tuple[tuple[str, str, str], ...] = (
    # table, which rows, what to call them
    ("profile", "1", "plugin"),
    ("setting", "1", "setting"),
    ("outbox", "state IN ('waiting', 'sent')", "undelivered answer"),
    ("job", "ended IS NULL", "unfinished job"),
    ("job_payload", "n IN (SELECT n FROM job WHERE ended IS NULL)", ""),
    ("batch", "state = 'open'", ""),
    ("batch_asset", "job_id IN (SELECT job_id FROM batch WHERE state = 'open')", ""),
)


def salvage(damaged: Path, fresh: sqlite3.Connection) -> str:
    """Copies plugins, settings and unfinished work into the fresh database; returns what was saved, in words."""
    saved: list[str] = []
    try:
        old = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=1)
    except sqlite3.Error:
        return ""
    with closing(old), fresh:
        fresh.execute("BEGIN IMMEDIATE")
        for table, where, name in _TABLES:
            count = _copy(old, fresh, table, where)
            if count and name:
                saved.append(f"{count} {name}{'s' if count != 1 else ''}")
    return ", ".join(saved)


def _copy(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str, where: str) -> int:
    try:
        present = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    except sqlite3.Error:
        return 0
    wanted = [row[1] for row in fresh.execute(f"PRAGMA table_info({table})")]
    columns = [name for name in wanted if name in present]
    if not columns:
        return 0
    names = ", ".join(columns)
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    select = f"SELECT {names} FROM {table} WHERE {where}"  # noqa: S608
    count = 0
    # Reading stops at the first broken page: from the other end, the rows behind it are reached too.
    for order in ("ASC", "DESC"):
        for row in _readable(old, f"{select} ORDER BY {columns[0]} {order}"):
            try:
                count += fresh.execute(insert, row).rowcount
            except sqlite3.Error:
                continue  # a row that does not keep the rules of its table was broken
    return count


def _readable(old: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from old.execute(query)
    except (sqlite3.Error, UnicodeError):
        return
