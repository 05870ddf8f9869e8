import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app.core.aio import spawn
from desktop_app.core.errors import StoreError
from desktop_app.store.database import Database
from desktop_app.store.opening import copy_is_sound

WRITER = """
import asyncio, pathlib, sys
from desktop_app.store.database import Database

async def main():
    db = Database(pathlib.Path(sys.argv[1]))
    await db.open()
    name, count = sys.argv[2], int(sys.argv[3])
    for number in range(count):
        future = db.write(lambda c, n=number: c.execute(
            "INSERT INTO setting (key, value) VALUES (?, ?)", (f"{name}-{n}", "x" * 500)))
        if number % 10 == 0:
            await future
            print(number, flush=True)
    await db.close()

asyncio.run(main())
"""


def put(key: str, value: str = "1"):  # type: ignore[no-untyped-def]
    return lambda c: c.execute("INSERT INTO setting (key, value) VALUES (?, ?)", (key, value)).rowcount


def keys(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT key FROM setting ORDER BY key")]


async def test_a_read_sees_all_writes_queued_before_it(db: Database) -> None:
    db.write(put("urgent"))
    db.write(put("lazy"), lazy=True)
    assert await db.read(keys) == ["lazy", "urgent"]


async def test_writes_of_a_lane_happen_in_the_order_of_the_calls(db: Database) -> None:
    seen: list[int] = []
    futures = [db.write(lambda _, n=n: seen.append(n)) for n in range(500)]
    await asyncio.gather(*futures)
    assert seen == list(range(500))
    seen.clear()
    await asyncio.gather(*[db.write(lambda _, n=n: seen.append(n), lazy=True) for n in range(500)])
    assert seen == list(range(500))


async def test_a_lazy_write_never_overtakes_an_urgent_one_from_before(db: Database) -> None:
    seen: list[tuple[str, int]] = []
    for n in range(300):
        db.write(lambda _, n=n: seen.append(("urgent", n)))
        db.write(lambda _, n=n: seen.append(("lazy", n)), lazy=True)
        if n % 7 == 0:
            await asyncio.sleep(0)
    await db.flush()
    places = {item: place for place, item in enumerate(seen)}
    assert len(seen) == 600
    assert all(places["urgent", n] < places["lazy", n] for n in range(300))


async def test_the_future_gives_what_the_function_returned(db: Database) -> None:
    assert await db.write(put("a")) == 1
    assert await db.write(lambda c: c.execute("SELECT value FROM setting").fetchone()[0], lazy=True) == "1"


async def test_one_failing_write_costs_its_group_nothing(tmp_path: Path) -> None:
    db = Database(tmp_path / "plugdeck.db")
    unheard: list[BaseException] = []
    db.on_write_error = unheard.append
    await db.open()

    def half(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise ValueError("in the middle")

    good = [db.write(put(f"good-{n}")) for n in range(20)]
    awaited = db.write(half)
    db.write(half)
    good += [db.write(put(f"more-{n}")) for n in range(20)]
    with pytest.raises(ValueError, match="in the middle"):
        await awaited
    await asyncio.gather(*good)
    found = await db.read(keys)
    assert len(found) == 40
    assert "half" not in found
    # Heard of once by the one who waits, once by the handler for the one nobody waits for.
    assert [str(error) for error in unheard] == ["in the middle"]
    await db.close()


async def test_a_cancelled_waiter_does_not_take_the_write_back(db: Database) -> None:
    future = db.write(put("kept"))
    future.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await future
    assert await db.read(keys) == ["kept"]


async def test_closing_writes_what_is_queued(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    db = Database(path)
    await db.open()
    futures = [db.write(put(f"k{n:04}"), lazy=n % 2 == 0) for n in range(2000)]
    await db.close()
    assert all(future.done() for future in futures)
    again = Database(path)
    await again.open()
    assert len(await again.read(keys)) == 2000
    assert again.notice == ""
    await again.close()
    assert not path.with_name("plugdeck.db-wal").exists()


async def test_after_closing_writes_fail_and_are_heard_of(tmp_path: Path) -> None:
    db = Database(tmp_path / "plugdeck.db")
    with pytest.raises(StoreError):
        db.write(put("early"))
    unheard: list[BaseException] = []
    db.on_write_error = unheard.append
    await db.open()
    await db.close()
    await db.close()
    with pytest.raises(StoreError):
        await db.write(put("late"))
    db.write(put("later"))
    await asyncio.sleep(0)
    assert len(unheard) == 1
    assert "already closed" in str(unheard[0])
    with pytest.raises(StoreError):
        await db.read(keys)


async def test_reading_cannot_write(db: Database) -> None:
    with pytest.raises(StoreError, match="read-only"):
        await db.read(put("no"))


async def test_a_read_sees_one_moment(db: Database) -> None:
    await db.write(put("a"))
    loop = asyncio.get_running_loop()
    halfway = asyncio.Event()

    def twice(connection: sqlite3.Connection) -> tuple[int, int]:
        first = len(keys(connection))
        loop.call_soon_threadsafe(halfway.set)
        asyncio.run_coroutine_threadsafe(written.wait(), loop).result(10)
        return first, len(keys(connection))

    written = asyncio.Event()
    reading = spawn(db.read(twice), name="read")
    await halfway.wait()
    await db.write(put("b"))
    written.set()
    assert await reading == (1, 1)
    assert len(await db.read(keys)) == 2


async def test_a_cancelled_read_stops_working(db: Database) -> None:
    loop = asyncio.get_running_loop()
    started, ended = asyncio.Event(), asyncio.Event()

    def endless(connection: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        try:
            connection.execute(
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
            ).fetchone()
        finally:
            loop.call_soon_threadsafe(ended.set)

    reading = spawn(db.read(endless), name="read")
    await started.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(ended.wait(), 10)
    assert await db.read(keys) == []


async def test_closing_stops_a_long_read(tmp_path: Path) -> None:
    db = Database(tmp_path / "plugdeck.db")
    await db.open()
    loop = asyncio.get_running_loop()
    started = asyncio.Event()

    def endless(connection: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        connection.execute(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        ).fetchone()

    reading = spawn(db.read(endless), name="read")
    await started.wait()
    await asyncio.wait_for(db.close(), 10)
    with pytest.raises(StoreError, match="stopped"):
        await reading


async def test_the_files_are_private(db: Database) -> None:
    await db.write(put("a"))
    for file in db.path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_several_processes_share_the_file(db: Database) -> None:
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(db.path), name, "300", stdout=asyncio.subprocess.PIPE
        )
        for name in ("left", "right")
    ]
    for number in range(300):
        await db.write(put(f"here-{number}"))
    for child in children:
        await asyncio.wait_for(child.communicate(), 60)
        assert child.returncode == 0
    assert len(await db.read(keys)) == 900


async def test_a_new_database_opened_by_several_processes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    children = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(path), str(n), "20", stdout=-3)
        for n in range(4)
    ]
    for child in children:
        assert await asyncio.wait_for(child.wait(), 60) == 0
    db = Database(path)
    await db.open()
    assert len(await db.read(keys)) == 80
    await db.close()


def test_kill_in_the_middle_of_writing_leaves_a_sound_file(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    chance = random.Random(7)
    committed: dict[str, int] = {}
    for turn in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(turn), "100000"], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            last = 0
            for _ in range(chance.randrange(1, 40)):
                last = int(child.stdout.readline())
            os.kill(child.pid, signal.SIGKILL)
            child.wait(10)
        committed[str(turn)] = last
        assert copy_is_sound(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = set(keys(connection))
    for turn, last in committed.items():
        # Whatever was said to be committed is there, and nothing before it is missing.
        assert {f"{turn}-{n}" for n in range(last + 1)} <= found


async def test_a_copy_taken_in_the_middle_of_writing_opens(tmp_path: Path, db: Database) -> None:
    for n in range(200):
        await db.write(put(f"k{n}", "x" * 300))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("plugdeck.db", "plugdeck.db-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    other = Database(copy / "plugdeck.db")
    await other.open()
    assert other.notice == ""
    assert len(await other.read(keys)) == 200
    await other.close()


async def test_a_full_disk_is_a_known_error_and_passes(db: Database) -> None:
    await db.write(lambda c: c.execute("PRAGMA max_page_count = 60").fetchone())
    outcomes = await asyncio.gather(*[db.write(put(f"{n}", "x" * 50_000)) for n in range(50)], return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert errors
    assert all(isinstance(error, StoreError) and "disk is full" in error.what for error in errors)
    assert len(await db.read(keys)) == 50 - len(errors)
    await db.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    await db.write(put("after"))
    assert "after" in await db.read(keys)


async def test_a_failure_that_is_logged_into_the_database_does_not_go_round_in_circles(tmp_path: Path) -> None:
    db = Database(tmp_path / "plugdeck.db")
    heard: list[BaseException] = []

    def fail(_: sqlite3.Connection) -> None:
        raise ValueError("no")

    def log_it(error: BaseException) -> None:
        heard.append(error)
        db.write(fail, lazy=True)

    db.on_write_error = log_it
    await db.open()
    db.write(fail)
    for _ in range(5):
        await db.flush()
    await db.close()
    assert len(heard) == 1


async def test_the_log_is_moved_into_the_file_while_writing_goes_on(db: Database) -> None:
    size = 0
    for n in range(2000):
        await db.write(put(f"k{n}", "x" * 400_000))
        size = db.path.stat().st_size
        if size > 5_000_000:
            break
    assert size > 5_000_000
