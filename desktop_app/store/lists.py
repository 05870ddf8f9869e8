"""The reads of the history: pages, counts, sums, text search."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from desktop_app.core.events import LogLine
from desktop_app.core.job import JobRecord
from desktop_app.store.rows import JOB_COLUMNS, LOG_COLUMNS, job_record, log_line
from desktop_app.store.search import JobFilter, LogFilter, Query, job_query, log_query, match, unfinished_text

_JOB = ", ".join(f"job.{name}" for name in JOB_COLUMNS)
_LOG = ", ".join(f"log.{name}" for name in LOG_COLUMNS)
_BEYOND = 1 << 62


def jobs_where(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[JobRecord]:
    """The jobs that a condition (ours, never typed by anybody) picks."""
    return [job_record(row) for row in connection.execute(f"SELECT {_JOB} FROM job WHERE {where}", values)]  # noqa: S608


def list_jobs(
    connection: sqlite3.Connection, wanted: JobFilter, limit: int, before: tuple[float, str] | None
) -> list[JobRecord]:
    """A page of jobs, newest first: by arrival; with a text, in the order they were recorded in."""
    query = job_query(wanted)
    expression = match(wanted.text, wanted.class_name)
    place = _place(connection, before)
    if expression:
        return _search_jobs(connection, wanted, query, expression, limit, place)
    where, values = query.where, list(query.values)
    if before is not None:
        where += " AND (job.received_at, job.n) < (?, ?)"
        values += [before[0], place]
    rows = connection.execute(
        f"SELECT {_JOB} FROM job INDEXED BY {query.index} WHERE {where} "  # noqa: S608
        "ORDER BY job.received_at DESC, job.n DESC LIMIT ?",
        (*values, limit),
    )
    return [job_record(row) for row in rows]


def count_jobs(connection: sqlite3.Connection, wanted: JobFilter, at_most: int | None) -> int:
    """How many jobs a filter picks."""
    query = job_query(wanted)
    expression = match(wanted.text, wanted.class_name)
    most = -1 if at_most is None else at_most
    if not expression:
        source = f"SELECT 1 FROM job INDEXED BY {query.index} WHERE {query.where} LIMIT ?"  # noqa: S608
        return _number(connection, f"SELECT count(*) FROM ({source})", (*query.values, most))  # noqa: S608
    if query.where == "1":
        source = "SELECT 1 FROM job_text WHERE job_text MATCH ? LIMIT ?"
    else:
        source = (
            "SELECT 1 FROM job_text CROSS JOIN job ON job.n = job_text.rowid "  # noqa: S608
            f"WHERE job_text MATCH ? AND {query.where} LIMIT ?"
        )
    found = _number(connection, f"SELECT count(*) FROM ({source})", (expression, *query.values, most))  # noqa: S608
    extra = unfinished_text(wanted.text)
    found += _number(
        connection,
        f"SELECT count(*) FROM job WHERE {query.where} AND {extra.where}",  # noqa: S608
        (*query.values, *extra.values),
    )
    return found if at_most is None else min(found, at_most)


def stats(connection: sqlite3.Connection, profile_id: str, since: float) -> tuple[int, int, float | None]:
    """Jobs of the hub, failed ones and the median time of delivered ones; answered by indexes alone while none was
    replayed."""
    where = "profile_id = ? AND received_at >= ?"
    replayed = _number(
        connection,
        f"SELECT count(*) FROM job INDEXED BY job_replay_profile WHERE {where} AND replay_of IS NOT NULL",  # noqa: S608
        (profile_id, since),
    )
    if replayed:
        where += " AND replay_of IS NULL"
    jobs, failed, delivered = connection.execute(
        "SELECT count(*), count(CASE WHEN ended = 'failed' THEN 1 END), "  # noqa: S608
        "count(CASE WHEN ended = 'delivered' AND total_ms IS NOT NULL THEN 1 END) "
        f"FROM job INDEXED BY job_profile WHERE {where}",
        (profile_id, since),
    ).fetchone()
    if not delivered:
        return jobs, failed, None
    middle = connection.execute(
        f"SELECT total_ms FROM job INDEXED BY job_profile WHERE {where} "  # noqa: S608
        "AND ended = 'delivered' AND total_ms IS NOT NULL ORDER BY total_ms LIMIT ? OFFSET ?",
        (profile_id, since, 2 - delivered % 2, (delivered - 1) // 2),
    ).fetchall()
    return jobs, failed, sum(row[0] for row in middle) / len(middle)


def list_log(
    connection: sqlite3.Connection, wanted: LogFilter, limit: int, before_id: int | None
) -> list[tuple[int, LogLine]]:
    """A page of log lines with their numbers, newest first."""
    query = log_query(wanted)
    before = _BEYOND if before_id is None else before_id
    expression = match(wanted.text)
    if expression:
        rows = connection.execute(
            f"SELECT log.n, {_LOG} FROM log_text CROSS JOIN log ON log.n = log_text.rowid "  # noqa: S608
            f"WHERE log_text MATCH ? AND log_text.rowid < ? AND {query.where} ORDER BY log_text.rowid DESC LIMIT ?",
            (expression, before, *query.values, limit),
        )
    else:
        hint = f"INDEXED BY {query.index}" if query.index else "NOT INDEXED"
        rows = connection.execute(
            f"SELECT log.n, {_LOG} FROM log {hint} WHERE {query.where} AND log.n < ? "  # noqa: S608
            "ORDER BY log.n DESC LIMIT ?",
            (*query.values, before, limit),
        )
    return [(row[0], log_line(row[1:])) for row in rows]


def index_jobs(connection: sqlite3.Connection, most: int) -> int:
    """Brings finished jobs into the text index of the history; returns how many."""
    batch = "SELECT n FROM job_unindexed ORDER BY n LIMIT ?"
    connection.execute(
        "INSERT INTO job_text (rowid, external_id, error, session, url, asset_id, task_id, classes) "  # noqa: S608
        f"SELECT n, external_id, error, session, url, asset_id, task_id, classes FROM job WHERE n IN ({batch})",
        (most,),
    )
    return connection.execute(f"DELETE FROM job_unindexed WHERE n IN ({batch})", (most,)).rowcount  # noqa: S608


def index_log(connection: sqlite3.Connection, most: int) -> int:
    """Brings the next lines into the text index of the log; returns how many."""
    done = _number(connection, "SELECT value FROM meta WHERE key = 'log_indexed'", ())
    last = connection.execute(
        "SELECT max(n), count(*) FROM (SELECT n FROM log WHERE n > ? ORDER BY n LIMIT ?)", (done, most)
    ).fetchone()
    if not last[1]:
        return 0
    connection.execute(
        "INSERT INTO log_text (rowid, message, details) SELECT n, message, details FROM log "
        "WHERE n > ? AND n <= ? ORDER BY n",
        (done, last[0]),
    )
    connection.execute("UPDATE meta SET value = ? WHERE key = 'log_indexed'", (last[0],))
    return int(last[1])


def _search_jobs(
    connection: sqlite3.Connection, wanted: JobFilter, query: Query, expression: str, limit: int, place: int
) -> list[JobRecord]:
    rows: list[tuple[Any, ...]] = connection.execute(
        f"SELECT job.n, {_JOB} FROM job_text CROSS JOIN job ON job.n = job_text.rowid "  # noqa: S608
        f"WHERE job_text MATCH ? AND job_text.rowid < ? AND {query.where} ORDER BY job_text.rowid DESC LIMIT ?",
        (expression, place, *query.values, limit),
    ).fetchall()
    extra = unfinished_text(wanted.text)
    rows += connection.execute(
        f"SELECT job.n, {_JOB} FROM job WHERE {query.where} AND {extra.where} AND job.n < ? "  # noqa: S608
        "ORDER BY job.n DESC LIMIT ?",
        (*query.values, *extra.values, place, limit),
    ).fetchall()
    rows.sort(key=lambda row: -row[0])
    return [job_record(row[1:]) for row in rows[:limit]]


def _place(connection: sqlite3.Connection, before: tuple[float, str] | None) -> int:
    """The number of the job where a page goes on; of one that was pruned since, nothing older is left beside it."""
    if before is None:
        return _BEYOND
    row = connection.execute("SELECT n FROM job WHERE id = ?", (before[1],)).fetchone()
    return row[0] if row is not None else 0


def _number(connection: sqlite3.Connection, statement: str, values: Sequence[Any]) -> int:
    row = connection.execute(statement, values).fetchone()
    return int(row[0]) if row is not None else 0
