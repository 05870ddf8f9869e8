"""Version 1: profiles, settings, jobs with their bodies, the outbox, the log."""

from __future__ import annotations

import sqlite3

_SQL = (
    """
    CREATE TABLE profile (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        position INTEGER NOT NULL,
        body TEXT NOT NULL
    )
    """,
    "CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # n rises with arrival: it is the order of the history and the row id of the text index.
    # ended is the state once it is a terminal one, else NULL: the indexes hold it and not the state, so that the
    # steps of a running job touch nothing but its row.
    """
    CREATE TABLE job (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session TEXT NOT NULL,
        profile_id TEXT NOT NULL,
        profile_name TEXT NOT NULL,
        state TEXT NOT NULL,
        received_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        error TEXT NOT NULL,
        details TEXT NOT NULL,
        url TEXT NOT NULL,
        external_id TEXT NOT NULL,
        asset_id TEXT NOT NULL,
        task_id TEXT NOT NULL,
        project_id TEXT NOT NULL,
        workflow INTEGER NOT NULL,
        asset_path TEXT,
        asset_type TEXT NOT NULL,
        width INTEGER,
        height INTEGER,
        objects INTEGER NOT NULL,
        dropped INTEGER NOT NULL,
        fetch_ms REAL,
        queue_ms REAL,
        run_ms REAL,
        build_ms REAL,
        deliver_ms REAL,
        total_ms REAL,
        replay_of TEXT,
        classes TEXT NOT NULL DEFAULT '',
        ended TEXT
    )
    """,
    "CREATE INDEX job_time ON job (received_at)",
    "CREATE INDEX job_session ON job (session)",
    "CREATE INDEX job_ended ON job (ended, received_at)",
    # Holds all that a profile's statistics and counts need, so that they never touch the wide rows.
    "CREATE INDEX job_profile ON job (profile_id, received_at, ended, total_ms)",
    "CREATE TABLE job_payload (n INTEGER PRIMARY KEY, body)",
    "CREATE TABLE job_answer (n INTEGER PRIMARY KEY, body, predictions)",
    # Only finished jobs are in the text index: an unfinished one still changes, and each change would cost two
    # entries. Searches look at the few unfinished ones directly. Finished ones wait in job_unindexed until there
    # are enough for a batch, which costs a sixth of one by one.
    """
    CREATE VIRTUAL TABLE job_text USING fts5 (
        external_id, error, session, url, asset_id, task_id, classes,
        content = 'job', content_rowid = 'n', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    )
    """,
    "CREATE TABLE job_unindexed (n INTEGER PRIMARY KEY)",
    """
    CREATE TRIGGER job_inserted AFTER INSERT ON job WHEN new.ended IS NOT NULL
    BEGIN
        INSERT INTO job_unindexed (n) VALUES (new.n);
    END
    """,
    """
    CREATE TRIGGER job_finished AFTER UPDATE OF ended ON job WHEN old.ended IS NULL AND new.ended IS NOT NULL
    BEGIN
        INSERT INTO job_unindexed (n) VALUES (new.n);
    END
    """,
    """
    CREATE TRIGGER job_reworded AFTER UPDATE OF external_id, error, session, url, asset_id, task_id, classes ON job
    WHEN old.ended IS NOT NULL AND old.n NOT IN job_unindexed AND (
        old.external_id <> new.external_id OR old.error <> new.error OR old.session <> new.session
        OR old.url <> new.url OR old.asset_id <> new.asset_id OR old.task_id <> new.task_id
        OR old.classes <> new.classes)
    BEGIN
        INSERT INTO job_text (job_text, rowid, external_id, error, session, url, asset_id, task_id, classes)
        VALUES ('delete', old.n, old.external_id, old.error, old.session, old.url, old.asset_id, old.task_id,
            old.classes);
        INSERT INTO job_unindexed (n) VALUES (new.n);
    END
    """,
    """
    CREATE TRIGGER job_deleted AFTER DELETE ON job
    BEGIN
        INSERT INTO job_text (job_text, rowid, external_id, error, session, url, asset_id, task_id, classes)
        SELECT 'delete', old.n, old.external_id, old.error, old.session, old.url, old.asset_id, old.task_id,
            old.classes WHERE old.ended IS NOT NULL AND old.n NOT IN job_unindexed;
        DELETE FROM job_unindexed WHERE n = old.n;
        DELETE FROM job_payload WHERE n = old.n;
        DELETE FROM job_answer WHERE n = old.n;
    END
    """,
    # A finished job stays as it ended, whoever writes later and whatever for.
    """
    CREATE TRIGGER job_ended BEFORE UPDATE OF state, ended ON job
    WHEN old.ended IS NOT NULL AND (new.ended IS NOT old.ended OR new.state <> old.state)
    BEGIN
        SELECT RAISE(IGNORE);
    END
    """,
    """
    CREATE TABLE outbox (
        job_id TEXT PRIMARY KEY,
        profile_id TEXT NOT NULL,
        session TEXT NOT NULL,
        channel TEXT NOT NULL,
        body NOT NULL,
        created_at REAL NOT NULL,
        attempts INTEGER NOT NULL,
        state TEXT NOT NULL,
        sent_at REAL,
        reason TEXT NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX outbox_open ON outbox (profile_id, created_at) WHERE state IN ('waiting', 'sent')",
    "CREATE INDEX outbox_closed ON outbox (created_at) WHERE state IN ('done', 'failed')",
    """
    CREATE TABLE log (
        n INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        level INTEGER NOT NULL,
        message TEXT NOT NULL,
        source TEXT NOT NULL,
        profile_id TEXT NOT NULL,
        profile_name TEXT NOT NULL,
        session TEXT NOT NULL,
        job_id TEXT NOT NULL,
        details TEXT NOT NULL
    )
    """,
    "CREATE INDEX log_profile ON log (profile_id)",
    "CREATE INDEX log_session ON log (session) WHERE session <> ''",
    "CREATE INDEX log_severe ON log (n) WHERE level >= 30",
    "CREATE INDEX log_severe_profile ON log (profile_id) WHERE level >= 30",
    # Filled in batches behind the log (meta 'log_indexed' says how far), which costs a fraction of line by line.
    """
    CREATE VIRTUAL TABLE log_text USING fts5 (
        message, details, content = 'log', content_rowid = 'n', columnsize = 0,
        tokenize = 'unicode61 remove_diacritics 2'
    )
    """,
    "INSERT INTO meta (key, value) VALUES ('log_indexed', 0)",
)


def up(connection: sqlite3.Connection) -> None:
    """Makes the first schema in an empty database."""
    for statement in _SQL:
        connection.execute(statement)
