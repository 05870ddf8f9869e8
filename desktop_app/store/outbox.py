"""Answers on their way: on disk before they are sent, and until it is known that they arrived."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from time import time
from typing import Any, Literal

from desktop_app.store.database import Database
from desktop_app.store.rows import packed, storable, unpacked

Channel = Literal["socket", "http"]

_COLUMNS = "job_id, profile_id, session, channel, body, created_at, attempts, sent_at"
_OPEN = "state IN ('waiting', 'sent')"

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


class Outbox:
    """Waiting answers. The first answer of a job stands: a second one never replaces it.

    All changes are queued in the order of the calls; the futures are for those who must know that they are on disk.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, row: OutboxRow) -> asyncio.Future[bool]:
        """Keeps an answer; False where the job has one already (waiting, sent, done or given up)."""
        redactor = self._db.redactor

        def write(connection: sqlite3.Connection) -> bool:
            return (
                connection.execute(
                    f"INSERT INTO outbox ({_COLUMNS}, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting') "  # noqa: S608
                    "ON CONFLICT (job_id) DO NOTHING",
                    (
                        storable(row.job_id), row.profile_id, storable(row.session), row.channel,
                        packed(redactor.body(row.body_json), _COMPRESS_FROM), row.created_at, row.attempts, row.sent_at,
                    ),
                ).rowcount
                == 1
            )  # fmt: skip

        return self._db.write(write)

    async def pending(self, profile_id: str | None = None) -> list[OutboxRow]:
        """Answers that are not known to have arrived, oldest first."""
        where, values = _OPEN, []
        if profile_id is not None:
            where += " AND profile_id = ?"
            values.append(profile_id)
        query = f"SELECT {_COLUMNS} FROM outbox WHERE {where} ORDER BY created_at, rowid"  # noqa: S608
        return await self._db.read(lambda c: [_row(row) for row in c.execute(query, values)])

    async def get(self, job_id: str) -> OutboxRow | None:
        """The answer of a job, also one that arrived (kept for a day), or None."""
        query = f"SELECT {_COLUMNS} FROM outbox WHERE job_id = ?"  # noqa: S608
        row = await self._db.read(lambda c: c.execute(query, (storable(job_id),)).fetchone())
        return None if row is None else _row(row)

    def mark_sent(self, job_id: str) -> asyncio.Future[None]:
        """Notes that it went out once more; it stays pending until `done`."""
        return self._change(job_id, "state = 'sent', attempts = attempts + 1, sent_at = ?", time())

    def done(self, job_id: str) -> asyncio.Future[None]:
        """Notes that it arrived."""
        return self._change(job_id, "state = 'done'")

    def fail(self, job_id: str, reason: str) -> asyncio.Future[None]:
        """Notes that it is given up, and why; it is never sent again."""
        return self._change(job_id, "state = 'failed', reason = ?", storable(self._db.redactor.text(reason)))

    def _change(self, job_id: str, change: str, *values: Any) -> asyncio.Future[None]:
        statement = f"UPDATE outbox SET {change} WHERE job_id = ? AND {_OPEN}"  # noqa: S608

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(statement, (*values, storable(job_id)))

        return self._db.write(write, lazy=True)


def _row(row: tuple[Any, ...]) -> OutboxRow:
    return OutboxRow(row[0], row[1], row[2], row[3], unpacked(row[4]) or "", row[5], row[6], row[7])
