"""Every job ever, what came of it, and the log."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from desktop_app.core.events import LogLine
from desktop_app.core.job import JobDetail, JobRecord
from desktop_app.store import lists, payloads
from desktop_app.store.database import Database
from desktop_app.store.payloads import StoredPayload
from desktop_app.store.recording import INDEX_JOBS, INDEX_LINES, JobWrites, answered_classes, write_lines
from desktop_app.store.redact import Redactor
from desktop_app.store.retention import Pruned, forget, prune
from desktop_app.store.rows import from_json, packed, storable
from desktop_app.store.search import JobFilter, LogFilter

EVERY_JOB = JobFilter()
EVERY_LINE = LogFilter()


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A log line and its place: higher is later; pass the lowest one seen as `before_id` for the page before."""

    id: int
    line: LogLine


@dataclass(frozen=True, slots=True)
class ProfileStats:
    """Sums over a profile's jobs.

    Attributes:
        jobs: all that arrived.
        failed: those that failed.
        median_ms: of the total time of delivered jobs, or None without any.
    """

    jobs: int = 0
    failed: int = 0
    median_ms: float | None = None


_Records = list[JobRecord]  # inside the class, `list` is its method
_Lines = list[StoredLine]


class History:
    """Records jobs and log lines, and reads them back in pages.

    What is recorded is queued at once and in order; the future is for those who must know that it is on disk. No
    API key, secret or query of an address is ever written: it is taken out here, of every text and value.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._redactor = db.redactor
        self._jobs = JobWrites(db)
        self._unindexed = 0

    @property
    def redactor(self) -> Redactor:
        """Takes out what must never be written or shown."""
        return self._redactor

    def hide(self, secrets: str | Callable[[], Collection[str]] | None) -> None:
        """Names a value that is never written (a job's API key), or a function that gives such values."""
        self._redactor.hide(secrets)

    def record(self, record: JobRecord) -> asyncio.Future[None]:
        """Writes the state of a job, a new one or a known one. A finished job never changes its state again.

        Arrivals and ends are written at once; the states between may wait a few milliseconds for company.
        """
        return self._jobs.record(record)

    def store_payload(self, job_id: str, payload: Any) -> asyncio.Future[dict[str, Any] | None]:
        """Keeps the event as received, for a job recorded before. Do not change `payload` after this call.

        Returns:
            a future of what was withheld (see store.payloads): with it, `payloads` gives the event back as it was.

        Raises (through the future):
            LookupError: the job was never recorded.
        """
        if isinstance(payload, dict):
            key = payload.get("apiKey")
            self._redactor.hide(key if isinstance(key, str) else None)
        redactor = self._redactor

        def write(connection: sqlite3.Connection) -> dict[str, Any] | None:
            text, withheld = payloads.to_text(payload, redactor.known())
            _need(
                connection,
                "INSERT OR REPLACE INTO job_payload (n, body) SELECT n, ? FROM job WHERE id = ?",
                packed(text),
                job_id,
            )
            return withheld

        return self._db.write(write, lazy=True)

    def store_answer(
        self,
        job_id: str,
        answer: dict[str, Any] | None,
        response: Any,
        notes: Sequence[str] = (),
        predictions: list[dict[str, Any]] | None = None,
    ) -> asyncio.Future[None]:
        """Keeps what was answered, for a job recorded before. Do not change the arguments after this call.

        Raises (through the future):
            LookupError: the job was never recorded.
        """
        redactor = self._redactor
        notes = tuple(notes)

        def write(connection: sqlite3.Connection) -> None:
            body = packed(redactor.to_json([answer, _folded(response, answer), notes]))
            raw = None if predictions is None else packed(redactor.to_json(predictions))
            _need(
                connection,
                "INSERT OR REPLACE INTO job_answer (n, body, predictions) SELECT n, ?, ? FROM job WHERE id = ?",
                body, raw, job_id,
            )  # fmt: skip
            classes = answered_classes(answer)
            if classes:
                values = (redactor.text(classes), job_id)
                connection.execute("UPDATE job SET classes = ?1 WHERE id = ?2 AND classes <> ?1", values)

        return self._db.write(write, lazy=True)

    def log(self, lines: Sequence[LogLine]) -> asyncio.Future[None]:
        """Keeps log lines, best many at once."""
        redactor = self._redactor
        lines = tuple(lines)
        self._unindexed += len(lines)
        index = self._unindexed >= INDEX_LINES
        if index:
            self._unindexed = 0
        return self._db.write(lambda c: write_lines(c, lines, redactor, index), lazy=True)

    async def get(self, job_id: str) -> JobRecord | None:
        """The record of a job, or None."""
        found = await self._db.read(lambda c: lists.jobs_where(c, "id = ?", (storable(job_id),)))
        return found[0] if found else None

    async def detail(self, job_id: str) -> JobDetail:
        """The large parts of a job; empty where none were kept."""

        def read(connection: sqlite3.Connection) -> JobDetail:
            row = connection.execute(
                "SELECT job_payload.body, job_answer.body, job_answer.predictions FROM job "
                "LEFT JOIN job_payload USING (n) LEFT JOIN job_answer USING (n) WHERE id = ?",
                (storable(job_id),),
            ).fetchone()
            if row is None:
                return JobDetail()
            answer, response, notes = from_json(row[1]) or (None, None, ())
            payload = from_json(row[0])
            stored = payloads.from_value(payload)
            return JobDetail(
                payload if stored is None else stored.data,
                answer,
                _unfolded(response, answer),
                tuple(notes),
                from_json(row[2]),
            )

        return await self._db.read(read)

    async def payloads(self, job_ids: Sequence[str]) -> dict[str, StoredPayload]:
        """The events of jobs, by the jobs' ids; what cannot be read is left out."""

        def read(connection: sqlite3.Connection) -> dict[str, StoredPayload]:
            found: dict[str, StoredPayload] = {}
            for job_id in job_ids:
                row = connection.execute(
                    "SELECT job_payload.body FROM job JOIN job_payload USING (n) WHERE id = ?", (storable(job_id),)
                ).fetchone()
                try:
                    stored = payloads.from_value(from_json(row[0])) if row is not None else None
                except (ValueError, TypeError, RecursionError):
                    stored = None
                if stored is not None:
                    found[job_id] = stored
            return found

        return await self._db.read(read)

    async def find_session(self, session: str, profile_id: str | None = None) -> _Records:
        """The jobs of a session, newest first."""
        where, values = "session = ?", [storable(session)]
        if profile_id is not None:
            where += " AND profile_id = ?"
            values.append(profile_id)
        return await self._db.read(lambda c: lists.jobs_where(c, f"{where} ORDER BY n DESC", values))

    async def list(
        self,
        wanted: JobFilter = EVERY_JOB,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> _Records:
        """A page of jobs, newest first.

        Args:
            before: `(received_at, id)` of the last job of the page before, or None for the first page.
        """
        await self._index_jobs(wanted)
        return await self._db.read(lambda c: lists.list_jobs(c, wanted, limit, before))

    async def count(self, wanted: JobFilter = EVERY_JOB, at_most: int | None = None) -> int:
        """How many jobs; counting stops at `at_most`."""
        await self._index_jobs(wanted)
        return await self._db.read(lambda c: lists.count_jobs(c, wanted, at_most))

    async def logs(self, wanted: LogFilter = EVERY_LINE, limit: int = 500, before_id: int | None = None) -> _Lines:
        """A page of log lines, newest first."""
        if wanted.text:
            await self._db.flush()
            while await self._db.write(lambda c: lists.index_log(c, 2 * INDEX_LINES)):
                pass
        found = await self._db.read(lambda c: lists.list_log(c, wanted, limit, before_id))
        return [StoredLine(number, line) for number, line in found]

    async def unfinished(self, profile_id: str | None = None) -> _Records:
        """Jobs without an end, in the order of their arrival."""
        where, values = "ended IS NULL", []
        if profile_id is not None:
            where += " AND profile_id = ?"
            values.append(profile_id)
        return await self._db.read(lambda c: lists.jobs_where(c, f"{where} ORDER BY received_at, n", values))

    async def stats(self, profile_id: str, since: float = 0.0) -> ProfileStats:
        """Sums over the profile's jobs that arrived at or after `since`."""
        return ProfileStats(*await self._db.read(lambda c: lists.stats(c, profile_id, since)))

    async def prune(
        self,
        *,
        days: float | None = None,
        most_jobs: int | None = None,
        most_lines: int | None = None,
    ) -> Pruned:
        """Deletes the oldest finished jobs and log lines, a few hundred at a time, between other writes.

        Args:
            days: age beyond which both go; None: no bound.
            most_jobs, most_lines: how many stay at most.
        """
        return await prune(self._db, days=days, most_jobs=most_jobs, most_lines=most_lines)

    async def forget(self, profile_id: str) -> Pruned:
        """Deletes everything that is kept of a profile's jobs, which must have ended."""
        return await forget(self._db, profile_id)

    async def _index_jobs(self, wanted: JobFilter) -> None:
        if wanted.text or wanted.class_name:
            await self._db.flush()
            while await self._db.write(lambda c: lists.index_jobs(c, 2 * INDEX_JOBS)):
                pass


def _need(connection: sqlite3.Connection, statement: str, *values: Any) -> None:
    if connection.execute(statement, values).rowcount != 1:
        raise LookupError("the job was not recorded before its parts were stored")


_SAME = {"\x00": "answer"}
"""Stands in the stored response where the answer repeats."""


def _folded(response: Any, answer: Any) -> Any:
    """The response without the answer in it, which would double what a job takes."""
    if not isinstance(response, dict) or not answer:
        return response
    inner = response.get("response")
    if inner is answer or inner == answer:
        return {**response, "response": _SAME}
    if isinstance(inner, dict) and inner.get("answer") == answer:
        return {**response, "response": {**inner, "answer": _SAME}}
    if response.get("answer") == answer:
        return {**response, "answer": _SAME}
    return response


def _unfolded(response: Any, answer: Any) -> Any:
    if response == _SAME:
        return answer
    if isinstance(response, dict):
        return {
            key: _unfolded(item, answer) if key in ("response", "answer") else item for key, item in response.items()
        }
    return response
