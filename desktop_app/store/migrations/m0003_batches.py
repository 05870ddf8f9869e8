"""Version 3: runs over whole projects (batch models): how far each is, and what became of each of its assets."""

from __future__ import annotations

import sqlite3

_SQL = (
    # sending is the chunk that is on its way to the hub (JSON, compressed), NULL while none is. plan says in short what
    # was to be done: a later run with the same plan goes on where this one stopped.
    """
    CREATE TABLE batch (
        job_id TEXT PRIMARY KEY,
        profile_id TEXT NOT NULL,
        project_id TEXT NOT NULL,
        plan TEXT NOT NULL,
        state TEXT NOT NULL,
        page INTEGER NOT NULL,
        total INTEGER NOT NULL,
        imported INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        objects INTEGER NOT NULL,
        paused INTEGER NOT NULL,
        sending,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    )
    """,
    "CREATE INDEX batch_plan ON batch (profile_id, plan, updated_at) WHERE state = 'open'",
    "CREATE INDEX batch_project ON batch (profile_id, project_id, created_at)",
    # state: 0 to do (runs over the failed assets of an earlier one), 1 imported, 2 failed.
    """
    CREATE TABLE batch_asset (
        job_id TEXT NOT NULL,
        asset_id TEXT NOT NULL,
        state INTEGER NOT NULL,
        external_id TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (job_id, asset_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX batch_asset_open ON batch_asset (job_id, state, asset_id) WHERE state <> 1",
    """
    CREATE TRIGGER batch_deleted AFTER DELETE ON job
    BEGIN
        DELETE FROM batch WHERE job_id = old.id;
        DELETE FROM batch_asset WHERE job_id = old.id;
    END
    """,
)


def up(connection: sqlite3.Connection) -> None:
    """Adds the tables, empty."""
    for statement in _SQL:
        connection.execute(statement)
