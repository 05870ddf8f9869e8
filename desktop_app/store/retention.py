"""Keeps the history within its limits, in steps so small that nobody waits for them."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from desktop_app.store.database import Database

_STEP = 200
_DAY_S = 86_400.0
_CLOSED_ANSWERS = 5_000
_CLOSED_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many of each were deleted."""

    jobs: int = 0
    lines: int = 0
    answers: int = 0


async def prune(
    db: Database, *, days: float | None, most_jobs: int | None, most_lines: int | None, now: float | None = None
) -> Pruned:
    """Deletes what is older than `days` or beyond the counts; see History.prune.

    Unfinished jobs and those whose answer still waits stay, and so does the newest line (its number must not come
    again). Answers in the outbox that were delivered or given up stay for a day, 5,000 at most.
    """
    moment = time.time() if now is None else now
    oldest = moment - days * _DAY_S if days is not None else 0.0
    jobs = lines = answers = 0
    while deleted := await db.write(lambda c: _jobs(c, oldest, most_jobs), lazy=True):
        jobs += deleted
    while deleted := await db.write(lambda c: _lines(c, oldest, most_lines), lazy=True):
        lines += deleted
    while deleted := await db.write(lambda c: _answers(c, moment - _CLOSED_DAYS * _DAY_S), lazy=True):
        answers += deleted
    if jobs or lines or answers:
        while await db.write(_shrink, lazy=True):
            pass
    return Pruned(jobs, lines, answers)


async def forget(db: Database, profile_id: str) -> Pruned:
    """Deletes everything that is kept of a profile's jobs, in small steps; its jobs must have ended.

    The newest line of the log stays, whosever it is: its number must not come again.
    """
    jobs = lines = 0
    while deleted := await db.write(lambda c: _jobs_of(c, profile_id), lazy=True):
        jobs += deleted
    while deleted := await db.write(lambda c: _lines_of(c, profile_id), lazy=True):
        lines += deleted
    answers = await db.write(lambda c: c.execute("DELETE FROM outbox WHERE profile_id = ?", (profile_id,)).rowcount)
    return Pruned(jobs, lines, answers)


def _jobs_of(connection: sqlite3.Connection, profile_id: str) -> int:
    chosen = "SELECT n FROM job WHERE profile_id = ? LIMIT ?"
    return connection.execute(f"DELETE FROM job WHERE n IN ({chosen})", (profile_id, _STEP)).rowcount  # noqa: S608


def _lines_of(connection: sqlite3.Connection, profile_id: str) -> int:
    chosen = "SELECT n FROM log WHERE profile_id = ? AND n < (SELECT max(n) FROM log) LIMIT ?"
    doomed = connection.execute(chosen, (profile_id, _STEP)).fetchall()
    connection.executemany(
        "INSERT INTO log_text (log_text, rowid, message, details) SELECT 'delete', n, message, details FROM log "
        "WHERE n = ? AND n <= (SELECT value FROM meta WHERE key = 'log_indexed')",
        doomed,
    )
    connection.executemany("DELETE FROM log WHERE n = ?", doomed)
    return len(doomed)


def _jobs(connection: sqlite3.Connection, oldest: float, most: int | None) -> int:
    surplus = 0
    if most is not None:
        surplus = connection.execute("SELECT count(*) FROM job").fetchone()[0] - most
    rows = connection.execute(
        "SELECT n, received_at FROM job INDEXED BY job_time WHERE ended IS NOT NULL "
        "AND id NOT IN (SELECT job_id FROM outbox WHERE state IN ('waiting', 'sent')) ORDER BY received_at, n LIMIT ?",
        (_STEP,),
    ).fetchall()
    doomed = [(n,) for place, (n, at) in enumerate(rows) if at < oldest or place < surplus]
    connection.executemany("DELETE FROM job WHERE n = ?", doomed)
    return len(doomed)


def _lines(connection: sqlite3.Connection, oldest: float, most: int | None) -> int:
    first, last = connection.execute("SELECT (SELECT min(n) FROM log), (SELECT max(n) FROM log)").fetchone()
    if last is None:
        return 0
    keep_from = first if most is None else max(first, last - most + 1)
    rows = connection.execute("SELECT n, at FROM log WHERE n < ? ORDER BY n LIMIT ?", (last, _STEP)).fetchall()
    doomed = 0
    for n, at in rows:
        if n >= keep_from and at >= oldest:
            break
        doomed = n
    if not doomed:
        return 0
    connection.execute(
        "INSERT INTO log_text (log_text, rowid, message, details) SELECT 'delete', n, message, details FROM log "
        "WHERE n <= ? AND n <= (SELECT value FROM meta WHERE key = 'log_indexed')",
        (doomed,),
    )
    return connection.execute("DELETE FROM log WHERE n <= ?", (doomed,)).rowcount


def _answers(connection: sqlite3.Connection, oldest: float) -> int:
    closed = connection.execute("SELECT count(*) FROM outbox WHERE state IN ('done', 'failed')").fetchone()[0]
    rows = connection.execute(
        "SELECT job_id, created_at FROM outbox WHERE state IN ('done', 'failed') ORDER BY created_at LIMIT ?", (_STEP,)
    ).fetchall()
    surplus = closed - _CLOSED_ANSWERS
    doomed = [(job_id,) for place, (job_id, at) in enumerate(rows) if at < oldest or place < surplus]
    connection.executemany("DELETE FROM outbox WHERE job_id = ?", doomed)
    return len(doomed)


def _shrink(connection: sqlite3.Connection) -> int:
    """Gives a few free pages back to the disk; returns how many are left."""
    before = connection.execute("PRAGMA freelist_count").fetchone()[0]
    connection.execute(f"PRAGMA incremental_vacuum({_STEP})").fetchall()
    after = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return int(after) if after < before else 0
