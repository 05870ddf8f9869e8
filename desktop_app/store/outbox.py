"""Answers on their way: on disk before they are sent, and until it is known that they arrived."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from dataclasses import dataclass
from time import time
from typing import Any, Literal

from desktop_app.store.database import Database
from desktop_app.store.rows import packed, storable, unpacked

Channel = Literal["socket", "http"]

log = logging.getLogger(__name__)

_COLUMNS = "job_id, profile_id, session, channel, body, created_at, attempts, sent_at"
_OPEN = "state IN ('waiting', 'sent')"
_REPLACE = (
    "UPDATE SET channel = excluded.channel, body = excluded.body, state = 'waiting', attempts = 0, sent_at = NULL "
    "WHERE outbox.state IN ('waiting', 'sent')"
)
_UNREADABLE = "it cannot be read any more"
_ASIDE = " (set aside)"

_COMPRESS_FROM = 16_384  # the answer waits for this write, and its row lives a day


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One answer.

    Attributes:
        body_json: the event or HTTP body as JSON text. On disk, addresses are without their queries and known secrets
            are masked: what is read back after a restart counts as the same answer.
        created_at, sent_at: seconds since the epoch; `sent_at` is None while it was never sent.
        attempts: how often it was sent.
    """

    job_id: str
    profile_id: str
    session: str
    channel: Channel
    body_json: str
    created_at: float
    attempts: int = 0
    sent_at: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many answers a profile has that the hub has not confirmed, and since when (seconds of the epoch)."""

    count: int
    since: float


class Outbox:
    """Waiting answers. The first answer of a job stands: a second one never replaces it.

    All changes are queued in the order of the calls; the futures are for those who must know that they are on disk.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, row: OutboxRow, *, over: bool = False) -> asyncio.Future[bool]:
        """Keeps an answer; False where the job has one already (waiting, sent, done or given up).

        Args:
            over: it takes the place of one that is not known to have arrived.
        """
        redactor = self._db.redactor
        conflict = _REPLACE if over else "NOTHING"

        def write(connection: sqlite3.Connection) -> bool:
            return (
                connection.execute(
                    f"INSERT INTO outbox ({_COLUMNS}, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting') "  # noqa: S608
                    f"ON CONFLICT (job_id) DO {conflict}",
                    (
                        storable(row.job_id), row.profile_id, storable(row.session), row.channel,
                        packed(redactor.body(row.body_json), _COMPRESS_FROM), row.created_at, row.attempts, row.sent_at,
                    ),
                ).rowcount
                == 1
            )  # fmt: skip

        return self._db.write(write)

    async def pending(self, profile_id: str | None = None) -> list[OutboxRow]:
        """Answers that are not known to have arrived, oldest first. One that cannot be read is set aside and said."""
        where, values = _OPEN, []
        if profile_id is not None:
            where += " AND profile_id = ?"
            values.append(profile_id)
        query = f"SELECT {_COLUMNS} FROM outbox WHERE {where} ORDER BY created_at, rowid"  # noqa: S608
        found = await self._db.read(lambda c: c.execute(query, values).fetchall())
        rows = []
        for stored in found:
            try:
                rows.append(_row(stored))
            except (ValueError, TypeError):
                self.set_aside(str(stored[0]))
        return rows

    async def waiting(self) -> dict[str, Waiting]:
        """How many answers are not known to have arrived, and since when, for each profile that has any."""
        query = f"SELECT profile_id, count(*), min(created_at) FROM outbox WHERE {_OPEN} GROUP BY profile_id"  # noqa: S608
        rows = await self._db.read(lambda c: c.execute(query).fetchall())
        return {row[0]: Waiting(int(row[1]), float(row[2])) for row in rows}

    async def get(self, job_id: str) -> OutboxRow | None:
        """The answer of a job, also one that arrived (kept for a day), or None (also where it cannot be read)."""
        query = f"SELECT {_COLUMNS} FROM outbox WHERE job_id = ?"  # noqa: S608
        row = await self._db.read(lambda c: c.execute(query, (storable(job_id),)).fetchone())
        try:
            return None if row is None else _row(row)
        except (ValueError, TypeError):
            return None

    async def set_aside_ids(self, profile_id: str) -> list[str]:
        """Jobs whose answer was set aside, unread, by `set_aside`."""
        query = "SELECT job_id FROM outbox WHERE profile_id = ? AND reason = ?"
        found = await self._db.read(lambda c: c.execute(query, (profile_id, _UNREADABLE)).fetchall())
        return [str(row[0]).removesuffix(_ASIDE) for row in found]

    def set_aside(self, job_id: str) -> asyncio.Future[None]:
        """Keeps a row that cannot be read out of the way, so that the job can be answered otherwise."""
        log.error("an answer in the outbox cannot be read any more; it was set aside (job %s)", job_id)
        values = (_UNREADABLE, storable(job_id) + _ASIDE)
        return self._change(job_id, "state = 'failed', reason = ?, job_id = ?", *values)

    def replace(self, job_id: str, body_json: str) -> asyncio.Future[None]:
        """Something else is sent for a job whose answer is not known to have arrived."""
        body = packed(self._db.redactor.body(body_json), _COMPRESS_FROM)
        return self._change(job_id, "channel = 'socket', state = 'waiting', body = ?", body, lazy=False)

    def mark_sent(self, job_id: str) -> asyncio.Future[None]:
        """Notes that it went out once more; it stays pending until `done`."""
        return self._change(job_id, "state = 'sent', attempts = attempts + 1, sent_at = ?", time())

    def done(self, job_id: str) -> asyncio.Future[None]:
        """Notes that it arrived."""
        return self._change(job_id, "state = 'done'")

    def fail(self, job_id: str, reason: str) -> asyncio.Future[None]:
        """Notes that it is given up, and why; it is never sent again."""
        return self._change(job_id, "state = 'failed', reason = ?", storable(self._db.redactor.text(reason)))

    def _change(self, job_id: str, change: str, *values: Any, lazy: bool = True) -> asyncio.Future[None]:
        statement = f"UPDATE outbox SET {change} WHERE job_id = ? AND {_OPEN}"  # noqa: S608

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(statement, (*values, storable(job_id)))

        return self._db.write(write, lazy=lazy)


def _row(row: tuple[Any, ...]) -> OutboxRow:
    """Raises ValueError or TypeError for a row that is none of ours."""
    body = unpacked(row[4]) or ""
    json.loads(body)
    return OutboxRow(row[0], row[1], row[2], row[3], body, float(row[5]), int(row[6]), row[7])
