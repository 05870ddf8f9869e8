"""Runs over whole projects: how far each is, on disk after every chunk, so that a crash costs one chunk at most."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop_app.store.database import Database
from desktop_app.store.rows import from_json, packed, storable

TODO, IMPORTED, FAILED = 0, 1, 2

_COLUMNS = "job_id, profile_id, project_id, plan, state, page, total, imported, failed, objects, paused, sending"
_FORGET_STEP = 2_000


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One run over a project.

    Attributes:
        plan: in short what was to be done; a later run with the same one may go on with what this one left.
        state: "open", "done" or "cancelled".
        page: the next page of the project's assets, from 1.
        total: how many assets there are to do, as far as is known.
        imported, failed, objects: what became of them, and how many annotations were imported.
        sending: the chunk that may be at the hub already, or None.
    """

    job_id: str
    profile_id: str
    project_id: str
    plan: str
    state: str = "open"
    page: int = 1
    total: int = 0
    imported: int = 0
    failed: int = 0
    objects: int = 0
    paused: bool = False
    sending: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one asset; `reason` is "" where it was imported."""

    asset_id: str
    external_id: str = ""
    reason: str = ""
    objects: int = 0


class Batches:
    """Keeps the runs. All changes are queued in the order of the calls; the futures say when they are on disk."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, job_id: str) -> BatchRow | None:
        """A job's run, or None."""
        return await self._one("job_id = ?", (job_id,))

    async def left(self, profile_id: str, plan: str, since: float, not_these: Sequence[str]) -> BatchRow | None:
        """The latest run with the same plan that was left in the middle, not before `since` (seconds of the epoch)."""
        marks = ", ".join("?" * len(not_these))
        where = f"profile_id = ? AND plan = ? AND state = 'open' AND updated_at >= ? AND job_id NOT IN ({marks})"
        return await self._one(f"{where} ORDER BY updated_at DESC", (profile_id, plan, since, *not_these))

    async def last(self, profile_id: str, project_id: str, not_this: str) -> BatchRow | None:
        """The profile's latest run over a project."""
        where = "profile_id = ? AND project_id = ? AND job_id <> ? ORDER BY created_at DESC"
        return await self._one(where, (profile_id, project_id, not_this))

    def begin(self, row: BatchRow) -> asyncio.Future[None]:
        """Keeps a new run."""

        def write(connection: sqlite3.Connection) -> None:
            now = time.time()
            values = (storable(row.job_id), row.profile_id, storable(row.project_id), row.plan, row.total, now, now)
            connection.execute(
                "INSERT OR IGNORE INTO batch (job_id, profile_id, project_id, plan, state, page, total, imported, "
                "failed, objects, paused, created_at, updated_at) VALUES (?, ?, ?, ?, 'open', 1, ?, 0, 0, 0, 0, ?, ?)",
                values,
            )

        return self._db.write(write)

    def take_over(self, old_id: str, new_id: str) -> asyncio.Future[None]:
        """What an earlier job left in the middle belongs to this one from now on; a new order is not held."""

        def write(connection: sqlite3.Connection) -> None:
            values = (storable(new_id), old_id)
            connection.execute("UPDATE batch SET job_id = ?, paused = 0 WHERE job_id = ?", values)
            connection.execute("UPDATE batch_asset SET job_id = ? WHERE job_id = ?", values)

        return self._db.write(write)

    def take_failed(self, old_id: str, new_id: str) -> asyncio.Future[int]:
        """Puts the failed assets of an earlier run on the list of a new one, and those that it was to try again and
        never did; returns how many."""

        def write(connection: sqlite3.Connection) -> int:
            count = connection.execute(
                "INSERT OR IGNORE INTO batch_asset (job_id, asset_id, state, external_id) "
                "SELECT ?, asset_id, 0, external_id FROM batch_asset WHERE job_id = ? AND state <> 1",
                (storable(new_id), old_id),
            ).rowcount
            connection.execute("UPDATE batch SET total = ? WHERE job_id = ?", (count, storable(new_id)))
            return count

        return self._db.write(write)

    async def todo(self, job_id: str, most: int, after: str = "") -> list[tuple[str, str]]:
        """The next listed assets that are to be done: their ids and external ids, in order of id."""
        query = (
            "SELECT asset_id, external_id FROM batch_asset WHERE job_id = ? AND state = 0 AND asset_id > ? "
            "ORDER BY asset_id LIMIT ?"
        )
        return await self._db.read(lambda c: c.execute(query, (job_id, after, most)).fetchall())

    async def settled(self, job_id: str, asset_ids: Sequence[str]) -> set[str]:
        """Those of the assets that the run is done with."""
        marks = ", ".join("?" * len(asset_ids))
        query = f"SELECT asset_id FROM batch_asset WHERE job_id = ? AND state <> 0 AND asset_id IN ({marks})"  # noqa: S608
        found = await self._db.read(lambda c: c.execute(query, (job_id, *asset_ids)).fetchall())
        return {row[0] for row in found}

    async def failures(self, job_id: str, most: int, after: str = "") -> list[Outcome]:
        """The assets that failed and why, in order of id."""
        query = (
            "SELECT asset_id, external_id, reason FROM batch_asset WHERE job_id = ? AND state = 2 AND asset_id > ? "
            "ORDER BY asset_id LIMIT ?"
        )
        rows = await self._db.read(lambda c: c.execute(query, (job_id, after, most)).fetchall())
        return [Outcome(*row) for row in rows]

    def sending(self, job_id: str, chunk: dict[str, Any] | None) -> asyncio.Future[None]:
        """Notes, before it goes out, what may be at the hub from now on."""
        body = None if chunk is None else packed(self._db.redactor.body(json.dumps(chunk)))
        return self._change(job_id, "sending = ?", body)

    def settle(self, job_id: str, outcomes: Sequence[Outcome], *, page: int, total: int) -> asyncio.Future[None]:
        """A chunk is done: what became of its assets, and where to go on, in one transaction."""
        hidden = self._db.redactor.text

        def write(connection: sqlite3.Connection) -> None:
            key = storable(job_id)
            imported = failed = objects = 0
            for outcome in outcomes:
                state = FAILED if outcome.reason else IMPORTED
                asset = storable(outcome.asset_id)
                old = connection.execute(
                    "SELECT state FROM batch_asset WHERE job_id = ? AND asset_id = ?", (key, asset)
                ).fetchone()
                if old is not None and old[0] == IMPORTED:
                    continue
                reason, name = storable(hidden(outcome.reason)), storable(hidden(outcome.external_id))
                connection.execute(
                    "INSERT OR REPLACE INTO batch_asset (job_id, asset_id, state, external_id, reason) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (key, asset, state, name if outcome.reason else "", reason),
                )
                imported += state == IMPORTED
                failed += (state == FAILED) - (old is not None and old[0] == FAILED)
                objects += outcome.objects
            connection.execute(
                "UPDATE batch SET page = ?, total = ?, imported = imported + ?, failed = failed + ?, "
                "objects = objects + ?, sending = NULL, updated_at = ? WHERE job_id = ?",
                (page, total, imported, failed, objects, time.time(), key),
            )

        return self._db.write(write)

    def pause(self, job_id: str, paused: bool) -> asyncio.Future[None]:
        """Notes that a person holds it, so that a restart does not let it go."""
        return self._change(job_id, "paused = ?", int(paused))

    def end(self, job_id: str, state: str) -> asyncio.Future[None]:
        """The run is over, "done" or "cancelled"."""
        return self._change(job_id, "state = ?", state)

    async def close(self, job_id: str, state: str) -> None:
        """`end`, and only its failed assets are kept, for the list and another try."""
        await self.end(job_id, state)
        doomed = "SELECT asset_id FROM batch_asset WHERE job_id = ? AND state <> 2 LIMIT ?"
        delete = f"DELETE FROM batch_asset WHERE job_id = ? AND asset_id IN ({doomed})"  # noqa: S608
        while await self._db.write(
            lambda c: c.execute(delete, (storable(job_id), storable(job_id), _FORGET_STEP)).rowcount, lazy=True
        ):
            pass

    def _change(self, job_id: str, change: str, value: Any) -> asyncio.Future[None]:
        statement = f"UPDATE batch SET {change}, updated_at = ? WHERE job_id = ?"  # noqa: S608

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(statement, (value, time.time(), storable(job_id)))

        return self._db.write(write)

    async def _one(self, where: str, values: tuple[Any, ...]) -> BatchRow | None:
        query = f"SELECT {_COLUMNS} FROM batch WHERE {where} LIMIT 1"  # noqa: S608
        row = await self._db.read(lambda c: c.execute(query, values).fetchone())
        if row is None:
            return None
        try:
            sending = from_json(row[11])
        except ValueError:
            sending = None
        fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
        fields |= {"paused": bool(row[10]), "sending": sending if isinstance(sending, dict) else None}
        return BatchRow(**fields)
