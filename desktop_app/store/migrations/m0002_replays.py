"""Version 2: finds replays (jobs answered once more, without the hub) without looking at every job."""

from __future__ import annotations

import sqlite3

_SQL = (
    "CREATE INDEX job_replay_time ON job (received_at) WHERE replay_of IS NOT NULL",
    "CREATE INDEX job_replay_profile ON job (profile_id, received_at, ended) WHERE replay_of IS NOT NULL",
    "CREATE INDEX job_replay_of ON job (replay_of) WHERE replay_of IS NOT NULL",
)


def up(connection: sqlite3.Connection) -> None:
    """Adds the indexes; they hold replays alone, so they are small."""
    for statement in _SQL:
        connection.execute(statement)
