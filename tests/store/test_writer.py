import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.store import writer as module
from desktop_app.store.writer import Writer


def make(path: Path, heard: list[BaseException]) -> Writer:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, timeout=0.05)
        connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
        return connection

    return Writer("here", connect, heard.append, lambda: None, lambda: None)


async def test_many_writes_share_a_transaction(tmp_path: Path) -> None:
    commits = 0
    writer = make(tmp_path / "a.db", [])
    await writer.start()

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    await writer.put(lambda c: c.set_trace_callback(count), lazy=False)
    await asyncio.gather(*[writer.put(lambda c: c.execute("INSERT INTO t VALUES (1)"), lazy=True) for _ in range(200)])
    assert commits < 20
    await writer.stop()


async def test_a_writer_that_breaks_lets_nobody_wait(tmp_path: Path) -> None:
    """A fault of ours between two groups: what waits fails, what comes later too, and it is told once."""
    heard: list[BaseException] = []
    writer = make(tmp_path / "a.db", heard)
    written = threading.Event()

    def fail() -> None:
        written.wait(60)
        raise ZeroDivisionError

    writer._after_group = fail
    await writer.start()
    assert await writer.put(lambda _: 1, lazy=False) == 1
    waiting = asyncio.gather(*(writer.put(lambda _: 2, lazy=lazy) for lazy in (False, True)), return_exceptions=True)
    written.set()
    assert ["writer failed" in str(outcome) for outcome in await waiting] == [True, True]
    with pytest.raises(StoreError):
        await writer.put(lambda _: 3, lazy=False)
    assert [type(error) for error in heard] == [ZeroDivisionError]
    assert writer.pending == 0
    await writer.stop()


async def test_one_wake_up_answers_a_whole_group(tmp_path: Path) -> None:
    writer = make(tmp_path / "a.db", [])
    await writer.start()
    gate = threading.Event()
    writer.put(lambda _: gate.wait(10), lazy=False)
    futures = [writer.put(lambda _: None, lazy=False) for _ in range(100)]
    done_at: list[int] = []
    turn = 0

    def note(_: object) -> None:
        done_at.append(turn)

    for future in futures:
        future.add_done_callback(note)
    gate.set()
    while not all(future.done() for future in futures):
        turn += 1
        await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    assert len(set(done_at)) <= 2
    await writer.stop()


async def test_a_lock_held_by_somebody_else_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = make(path, [])
    await writer.start()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        future = writer.put(lambda c: c.execute("INSERT INTO t VALUES (1)").rowcount, lazy=False)
        done, _ = await asyncio.wait([future], timeout=0.3)
        assert not done
        other.execute("COMMIT")
    assert await asyncio.wait_for(future, 10) == 1
    await writer.stop()


async def test_a_lock_never_given_back_fails_what_waits_and_nothing_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BUSY_LIMIT_S", 0.1)
    path = tmp_path / "a.db"
    heard: list[BaseException] = []
    writer = make(path, heard)
    await writer.start()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        future = writer.put(lambda c: c.execute("INSERT INTO t VALUES (1)"), lazy=False)
        for _ in range(5):
            writer.put(lambda c: c.execute("INSERT INTO t VALUES (2)"), lazy=False)
        with pytest.raises(StoreError, match="locked by another process"):
            await asyncio.wait_for(future, 10)
        other.execute("ROLLBACK")
    # The same failure of many writes is told once.
    assert len(heard) == 1
    assert await writer.put(lambda c: c.execute("INSERT INTO t VALUES (3)").rowcount, lazy=False) == 1
    await writer.stop()


async def test_a_lazy_write_waits_for_company_and_a_flush_hurries_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 30.0)
    writer = make(tmp_path / "a.db", [])
    await writer.start()
    lazy = writer.put(lambda _: "lazy", lazy=True)
    assert await writer.put(lambda _: "urgent", lazy=False) == "urgent"
    assert not lazy.done()
    await asyncio.wait_for(writer.flush(), 10)
    assert await lazy == "lazy"
    await writer.stop()


async def test_lazy_writes_are_not_starved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OVERDUE_S", 0.05)
    writer = make(tmp_path / "a.db", [])
    await writer.start()
    lazy = writer.put(lambda _: "lazy", lazy=True)
    for _ in range(100_000):
        writer.put(lambda _: None, lazy=False)
        await writer.put(lambda _: writer.put, lazy=False)
        if lazy.done():
            break
    assert lazy.done()
    await writer.stop()


async def test_a_connection_that_cannot_be_made_is_told_to_the_starter() -> None:
    def refuse() -> sqlite3.Connection:
        raise StoreError("no")

    writer = Writer("here", refuse, lambda _: None, lambda: None, lambda: None)
    with pytest.raises(StoreError, match="no"):
        await writer.start()
    await writer.stop()


async def test_what_goes_at_once_waits_for_the_disk_and_what_may_lie_does_not(tmp_path: Path) -> None:
    """An answer whose row a power loss takes back could be answered differently at the next start."""
    writer = make(tmp_path / "a.db", [])
    await writer.start()

    def level(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    full, normal = 2, 1
    for lazy, expected in ((False, full), (True, normal), (False, full)):
        assert await writer.put(level, lazy=lazy) == expected
    await writer.stop()


async def test_an_arrival_does_not_wait_for_the_disk_and_is_there_with_whatever_is_written_next(tmp_path: Path) -> None:
    writer = make(tmp_path / "a.db", [])
    await writer.start()
    levels: list[int] = []

    def insert(connection: sqlite3.Connection) -> None:
        levels.append(int(connection.execute("PRAGMA synchronous").fetchone()[0]))
        connection.execute("INSERT INTO t VALUES (1)")

    full, normal = 2, 1
    quick, lazy, urgent = (False, True), (True, False), (False, False)
    for kind in (quick, lazy, lazy, quick, urgent, lazy):
        await writer.put(insert, *kind)
    assert levels == [normal, full, normal, normal, full, normal]
    # A read's flush changes nothing, so it puts nothing on the disk either.
    await writer.put(insert, *quick)
    await writer.flush()
    await writer.put(insert, *lazy)
    assert levels[-2:] == [normal, full]
    await writer.stop()


async def test_an_answer_is_on_the_disk_although_an_arrival_shares_its_moment(tmp_path: Path) -> None:
    writer = make(tmp_path / "a.db", [])
    await writer.start()
    gate = threading.Event()
    levels: list[tuple[str, int]] = []

    def note(name: str) -> Callable[[sqlite3.Connection], None]:
        return lambda c: levels.append((name, int(c.execute("PRAGMA synchronous").fetchone()[0])))

    writer.put(lambda _: gate.wait(10), lazy=False)
    for name, quick in (("arrival", True), ("answer", False), ("next arrival", True)):
        writer.put(note(name), lazy=False, quick=quick)
    gate.set()
    await writer.flush()
    assert dict(levels)["answer"] == 2
    assert [name for name, _ in levels] == ["arrival", "answer", "next arrival"]
    await writer.stop()
