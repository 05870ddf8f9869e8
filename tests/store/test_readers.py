import asyncio
import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.store.readers import Readers


def make(path: Path) -> Readers:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (x)")

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    return Readers("here", connect, lambda: None)


async def test_reads_run_side_by_side(tmp_path: Path) -> None:
    readers = make(tmp_path / "a.db")
    both = threading.Barrier(2, timeout=10)
    await asyncio.gather(readers.read(lambda _: both.wait()), readers.read(lambda _: both.wait()))
    readers.close()


async def test_an_error_of_the_function_passes_and_the_next_read_works(tmp_path: Path) -> None:
    readers = make(tmp_path / "a.db")
    with pytest.raises(ZeroDivisionError):
        await readers.read(lambda _: 1 // 0)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await readers.read(lambda c: c.execute("SELECT * FROM nowhere"))
    assert await readers.read(lambda c: c.execute("SELECT count(*) FROM t").fetchone()[0]) == 0
    readers.close()


async def test_a_file_that_went_away_is_a_known_error(tmp_path: Path) -> None:
    def gone() -> sqlite3.Connection:
        return sqlite3.connect(f"{(tmp_path / 'none.db').as_uri()}?mode=rw", uri=True)

    readers = Readers("here", gone, lambda: None)
    with pytest.raises(StoreError, match="cannot be opened"):
        await readers.read(lambda c: c.execute("SELECT 1"))
    readers.close()


async def test_a_checkpoint_after_closing_is_harmless(tmp_path: Path) -> None:
    readers = make(tmp_path / "a.db")
    readers.checkpoint()
    readers.close()
    readers.checkpoint()
