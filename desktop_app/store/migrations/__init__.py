"""Numbered steps from any old database to the present one.

A step that was ever released is never edited (tests hold a database of each version). Steps import nothing of the
application: its code moves on, theirs must not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from desktop_app.store.migrations import m0001_first, m0002_replays, m0003_batches

Step = Callable[[sqlite3.Connection], None]

STEPS: tuple[Step, ...] = (m0001_first.up, m0002_replays.up, m0003_batches.up)
LATEST = len(STEPS)
"""The schema version this code works with, kept in the database's `user_version`."""


def migrate(connection: sqlite3.Connection) -> int:
    """Brings the database to LATEST, each step in a transaction of its own; returns how many steps ran.

    Another process may be migrating the same file: the version is read again once the write lock is ours.
    """
    ran = 0
    while (version := _version(connection)) < LATEST:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == version:
                STEPS[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1:d}")
                ran += 1
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    return ran


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
