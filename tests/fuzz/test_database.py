"""Databases with bytes flipped, cut short or written over: they open, or are set aside and said, and never half."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from hypothesis import strategies as st

from desktop_app.core.errors import StoreError
from desktop_app.core.events import Level, LogLine
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.outbox import Outbox, OutboxRow
from desktop_app.store.profiles import ProfileStore
from desktop_app.store.settings import SettingsStore
from tests.fuzz.inputs import Loop, fuzz

NAME = "plugdeck.db"


def record(number: int, state: JobState = JobState.DELIVERED) -> JobRecord:
    return JobRecord(
        id=f"job-{number}",
        session=f"s-{number}",
        profile_id="p",
        profile_name="P",
        state=state,
        received_at=time.time() + number,
        updated_at=time.time() + number,
        external_id=f"picture {number}.jpg",
    )


async def fill(folder: Path) -> None:
    """A database with some of everything; its write-ahead log is copied beside it before it is closed."""
    database = Database(folder / NAME)
    await database.open()
    await ProfileStore(database).save(
        Profile(id="p", name="P", host="https://a.example", plugin_id="1", source=OnnxSource(path=Path("x")))
    )
    history, outbox = History(database), Outbox(database)
    for number in range(40):
        history.record(record(number, JobState.DELIVERED if number % 4 else JobState.RUNNING))
        history.store_payload(f"job-{number}", {"session": f"s-{number}", "padding": "x" * 300})
        outbox.put(OutboxRow(f"job-{number}", "p", f"s-{number}", "socket", '{"error": true}', time.time()))
    history.log([LogLine(time.time(), Level.INFO, f"line {n}", "app", "p", "P", "", "", "") for n in range(50)])
    await database.flush()
    for ending in ("", "-wal"):
        shutil.copy(folder / (NAME + ending), folder / f"copy{ending}")
    await database.close()


async def use(path: Path) -> None:
    """Everything a start does, and a job after it."""
    database = Database(path)
    failures: list[BaseException] = []
    database.on_write_error = failures.append
    await database.open()
    try:
        profiles, history, outbox = ProfileStore(database), History(database), Outbox(database)
        await profiles.load()
        await SettingsStore(database).load()
        try:
            for found in await history.list():
                await history.detail(found.id)
            await history.unfinished("p")
            await history.logs()
            await history.stats("p")
            await outbox.pending("p")
            await history.record(record(999, JobState.QUEUED))
        except StoreError:
            return  # said; the next start checks everything
    finally:
        await database.close()
    assert all(isinstance(failure, StoreError) for failure in failures)
    again = Database(path)
    await again.open()
    try:
        assert [found.id for found in await History(again).list() if found.id == "job-999"] == ["job-999"]
    finally:
        await again.close()


def test_any_damage_is_survived(loop: Loop, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    loop.run(fill(made))
    closed = ((made / NAME).read_bytes(), b"")
    killed = ((made / "copy").read_bytes(), (made / "copy-wal").read_bytes())
    assert len(killed[1]) > 4096
    page = 4096
    place = tmp_path / "place"

    damage = st.lists(
        st.tuples(
            st.sampled_from(["flip", "zero", "noise", "cut", "page"]),
            st.booleans(),
            st.floats(0, 1, exclude_max=True),
            st.sampled_from([100, page, 10**9]),
            st.integers(0, 255),
        ),
        min_size=1,
        max_size=4,
    )

    def check(value: tuple[bool, list[tuple[str, bool, float, int, int]]]) -> None:
        was_killed, changes = value
        files = [bytearray(part) for part in (killed if was_killed else closed)]
        for kind, in_log, where, reach, byte in changes:
            data = files[in_log and was_killed]
            if not data:
                continue
            at = int(where * min(max(reach, 1), len(data)))
            if kind == "flip":
                data[at] ^= byte % 256 or 1
            elif kind == "zero":
                data[at : at + 512] = bytes(len(data[at : at + 512]))
            elif kind == "noise":
                data[at : at + 64] = bytes((byte * n) % 256 for n in range(len(data[at : at + 64])))
            elif kind == "cut":
                del data[at:]
            else:
                first = at // page * page
                data[first : first + page] = data[:page]
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / NAME).write_bytes(files[0])
        if was_killed:
            (place / f"{NAME}-wal").write_bytes(files[1])
        try:
            loop.run(use(place / NAME))
        except StoreError:
            return
        with closing(sqlite3.connect(place / NAME)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"

    fuzz("damaged databases", 0.04, st.tuples(st.booleans(), damage), check)
