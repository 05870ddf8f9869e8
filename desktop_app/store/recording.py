"""How jobs and log lines get into their tables, cheaply enough to happen many times in every job."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

from desktop_app.core.events import LogLine
from desktop_app.core.job import JobRecord, JobState
from desktop_app.store.database import Database
from desktop_app.store.lists import index_jobs, index_log
from desktop_app.store.redact import Redactor
from desktop_app.store.rows import JOB_COLUMNS, LOG_COLUMNS, job_row, log_row, storable

INDEX_LINES = 500
INDEX_JOBS = 100

# A job's identity never changes, and what the indexes hold changes at its end only.
_FIXED = {"id", "session", "profile_id", "profile_name", "received_at", "workflow", "replay_of"}
_CHANGING = [(place, name) for place, name in enumerate(JOB_COLUMNS) if name not in _FIXED and name != "total_ms"]
_TOTAL = JOB_COLUMNS.index("total_ms")

_INSERT = (
    f"INSERT OR IGNORE INTO job ({', '.join(JOB_COLUMNS)}, ended) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(JOB_COLUMNS))}, ?)"
)
_SET = ", ".join(f"{name} = ?" for _, name in _CHANGING)
_STEP = f"UPDATE job SET {_SET} WHERE id = ? AND ended IS NULL"  # noqa: S608
_END = f"UPDATE job SET {_SET}, total_ms = ?, ended = ? WHERE id = ? AND (ended IS NULL OR ended = ?)"  # noqa: S608
_INSERT_LOG = f"INSERT INTO log ({', '.join(LOG_COLUMNS)}) VALUES ({', '.join('?' * len(LOG_COLUMNS))})"  # noqa: S608


class JobWrites:
    """Writes job states. States of a job that follow each other before the writer gets to them become one."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[str, _Waiting] = {}
        self._lock = threading.Lock()
        self._unindexed = 0

    def record(self, record: JobRecord) -> asyncio.Future[None]:
        """See History.record."""
        with self._lock:
            waiting = self._waiting.get(record.id)
            if waiting is not None and waiting.record is not None:
                if not waiting.record.state.terminal and record.state is not JobState.QUEUED:
                    waiting.record = record
                    return waiting.future
                if record.state is JobState.QUEUED:
                    if waiting.record.state.terminal:
                        return waiting.future  # too late: the end is on its way
                    # Back in the queue, which is written first: the step from before must not undo it.
                    waiting.record = None
                    del self._waiting[record.id]
        if record.state is JobState.QUEUED:
            return self._db.write(lambda c: write_job(c, record, self._db.redactor), quick=True)
        waiting = _Waiting(record)
        with self._lock:
            self._waiting[record.id] = waiting
        waiting.future = self._db.write(lambda c: self._write(c, waiting), lazy=True)
        return waiting.future

    def _write(self, connection: sqlite3.Connection, waiting: _Waiting) -> None:
        with self._lock:
            record = waiting.record
            if record is not None and self._waiting.get(record.id) is waiting:
                del self._waiting[record.id]
        if record is not None:
            write_job(connection, record, self._db.redactor)
            self._unindexed += record.state.terminal
        if self._unindexed >= INDEX_JOBS:
            self._unindexed = 0
            index_jobs(connection, 2 * INDEX_JOBS)


class _Waiting:
    """A state of a job that waits to be written; None: a later write has made it void."""

    __slots__ = ("future", "record")

    def __init__(self, record: JobRecord) -> None:
        self.record: JobRecord | None = record
        self.future: asyncio.Future[None]


def write_job(connection: sqlite3.Connection, record: JobRecord, redactor: Redactor) -> None:
    """Adds a job or brings its row up to date; one that has ended keeps its end."""
    row = job_row(record, redactor.known())
    if record.state is JobState.QUEUED:
        if not connection.execute(_INSERT, (*row, None)).rowcount:
            _update(connection, record, row)
    elif not _update(connection, record, row):
        connection.execute(_INSERT, (*row, record.state.value if record.state.terminal else None))


def _update(connection: sqlite3.Connection, record: JobRecord, row: Sequence[Any]) -> bool:
    values = [row[place] for place, _ in _CHANGING]
    if record.state.terminal:
        ended = record.state.value
        values += (row[_TOTAL], ended, row[0], ended)
        return connection.execute(_END, values).rowcount > 0
    values.append(row[0])
    return connection.execute(_STEP, values).rowcount > 0


def write_lines(connection: sqlite3.Connection, lines: Sequence[LogLine], redactor: Redactor, index: bool) -> None:
    """Adds log lines; `index` also brings the next ones into the text index."""
    known = redactor.known()
    connection.executemany(_INSERT_LOG, [log_row(line, known) for line in lines])
    if index:
        index_log(connection, 2 * INDEX_LINES)


def answered_classes(answer: Any) -> str:
    """The names of answered classes, one a line, each once, 100 at most."""
    names: dict[str, None] = {}
    for part in ("objects", "classifications"):
        items = answer.get(part) if isinstance(answer, dict) else None
        for item in items if isinstance(items, list) else ():
            title = item.get("title") if isinstance(item, dict) else None
            if isinstance(title, str) and title:
                names[storable(title.replace("\n", " "), 200)] = None
                if len(names) >= 100:
                    return "\n".join(names)
    return "\n".join(names)
