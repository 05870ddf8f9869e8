import contextlib
import hashlib
import json
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import Profile
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.migrations import LATEST
from desktop_app.store.opening import copy_is_sound, suspicion
from desktop_app.store.outbox import Outbox, OutboxRow
from desktop_app.store.profiles import ProfileStore

MakeRecord = Callable[..., JobRecord]
MakeProfile = Callable[..., Profile]


async def filled(path: Path, make_profile: MakeProfile, make_record: MakeRecord, jobs: int = 300) -> None:
    db = Database(path)
    await db.open()
    profiles, history, outbox = ProfileStore(db), History(db), Outbox(db)
    for name in ("Vehicles", "Defects"):
        await profiles.save(make_profile(name))
    for _ in range(jobs):
        record = make_record(state=JobState.RUNNING)
        history.record(record)
        history.store_payload(record.id, {"session": record.session, "filler": os.urandom(200).hex()})
        history.record(record.moved(JobState.BUILDING).moved(JobState.DELIVERING).moved(JobState.DELIVERED))
    left = make_record(id="unfinished", state=JobState.DELIVERING)
    await history.record(left)
    await outbox.put(OutboxRow("unfinished", "p1", left.session, "socket", '{"session": "s"}', 1.0))
    await db.close()


def aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("plugdeck.damaged-*.db"))


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\x00", os.urandom(9000), b"\x00" * 5000])
async def test_what_is_no_database_is_set_aside_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plugdeck.db"
    path.write_bytes(content)
    db = Database(path)
    await db.open()
    [kept] = aside(path)
    assert kept.read_bytes() == content
    assert kept.name in db.notice
    assert await db.read(lambda c: c.execute("SELECT count(*) FROM job").fetchone()[0]) == 0
    await db.close()
    again = Database(path)
    await again.open()
    assert again.notice == ""
    await again.close()


async def test_a_version_below_nothing_is_damage(
    tmp_path: Path, make_profile: MakeProfile, make_record: MakeRecord
) -> None:
    """Found by the fuzz test: it was taken for the number of a migration."""
    path = tmp_path / "plugdeck.db"
    await filled(path, make_profile, make_record)
    content = bytearray(path.read_bytes())
    content[60:64] = (-5).to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    db = Database(path)
    await db.open()
    assert len(aside(path)) == 1
    await db.close()


async def test_a_header_that_promises_a_format_of_the_future_is_damage(
    tmp_path: Path, make_profile: MakeProfile, make_record: MakeRecord
) -> None:
    """Found by the fuzz test: SQLite says no more than "unsupported file format" then."""
    path = tmp_path / "plugdeck.db"
    await filled(path, make_profile, make_record)
    content = bytearray(path.read_bytes())
    content[44] = 0x40
    path.write_bytes(content)
    db = Database(path)
    await db.open()
    assert len(aside(path)) == 1
    assert "damaged" in db.notice
    await db.close()


async def test_plugins_and_unfinished_work_come_over_from_a_damaged_file(
    tmp_path: Path, make_profile: MakeProfile, make_record: MakeRecord
) -> None:
    path = tmp_path / "plugdeck.db"
    await filled(path, make_profile, make_record)
    root = page_of(path, "job_payload")
    overwrite(path, root)
    db = Database(path)
    await db.open()
    assert len(aside(path)) == 1
    assert "2 plugins" in db.notice
    assert "1 unfinished job" in db.notice
    profiles = ProfileStore(db)
    await profiles.load()
    assert [profile.name for profile in profiles.all()] == ["Vehicles", "Defects"]
    assert [record.id for record in await History(db).unfinished()] == ["unfinished"]
    assert [row.job_id for row in await Outbox(db).pending()] == ["unfinished"]
    await db.close()


async def test_random_damage_never_keeps_the_app_from_starting(
    tmp_path: Path, make_profile: MakeProfile, make_record: MakeRecord
) -> None:
    path = tmp_path / "plugdeck.db"
    await filled(path, make_profile, make_record)
    sound = path.read_bytes()
    chance = random.Random(11)
    for turn in range(25):
        path = tmp_path / f"turn-{turn}" / "plugdeck.db"
        path.parent.mkdir()
        broken = bytearray(sound)
        for _ in range(chance.randrange(1, 4)):
            start = chance.randrange(len(broken))
            length = chance.choice([1, 16, 4096, 40_000])
            broken[start : start + length] = chance.randbytes(len(broken[start : start + length]))
        if chance.random() < 0.3:
            del broken[chance.randrange(len(broken)) :]
        path.write_bytes(broken)
        db = Database(path)
        await db.open()
        # Usable, and whatever was set aside is still there to be looked at.
        await db.write(lambda c: c.execute("INSERT OR REPLACE INTO setting (key, value) VALUES ('a', '1')"))
        await History(db).list()
        assert bool(db.notice) == bool(aside(path))
        await db.close()
        assert copy_is_sound(path) or not aside(path)


async def test_a_newer_database_is_refused_and_unharmed(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    db = Database(path)
    await db.open()
    await db.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    before = fingerprint(tmp_path)
    with pytest.raises(StoreError) as caught:
        await Database(path).open()
    assert "newer version" in caught.value.what
    assert fingerprint(tmp_path) == before


async def test_a_newer_version_still_in_the_log_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    db = Database(path)
    await db.open()
    await db.write(lambda c: c.execute(f"PRAGMA user_version = {LATEST + 1}"))
    with pytest.raises(StoreError, match="newer version"):
        await Database(path).open()
    assert aside(path) == []
    await db.close()


async def test_another_programs_database_is_refused_and_unharmed(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = fingerprint(tmp_path)
    with pytest.raises(StoreError, match="another program"):
        await Database(path).open()
    assert fingerprint(tmp_path) == before


async def test_damage_met_while_running_is_known_and_found_at_the_next_start(
    tmp_path: Path, make_profile: MakeProfile, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As for a large file, where a start looks at little.
    monkeypatch.setattr("desktop_app.store.opening._FULL_CHECK_BYTES", 0)
    path = tmp_path / "plugdeck.db"
    await filled(path, make_profile, make_record)
    page = middle_page_of(path, "job")
    overwrite(path, page)
    db = Database(path)
    await db.open()
    assert db.notice == ""
    with pytest.raises(StoreError) as caught:
        await db.read(lambda c: c.execute("SELECT * FROM job").fetchall())
    assert "damaged" in caught.value.what
    assert "again" in caught.value.remedy
    await db.close()
    assert suspicion(path).exists()
    again = Database(path)
    await again.open()
    assert "2 plugins" in again.notice
    assert not suspicion(path).exists()
    await again.close()


async def test_a_file_that_may_not_be_opened_is_a_known_error(tmp_path: Path) -> None:
    (tmp_path / "plugdeck.db").mkdir()
    with pytest.raises(StoreError) as caught:
        await Database(tmp_path / "plugdeck.db").open()
    assert caught.value.remedy
    with pytest.raises(StoreError):
        await Database(tmp_path / "nowhere" / "plugdeck.db").open()


async def test_a_damaged_file_that_cannot_be_moved_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plugdeck.db"
    path.write_bytes(b"damaged" * 100)
    path.with_name("plugdeck.db-wal").write_bytes(b"its log")
    before = fingerprint(tmp_path)
    replace = Path.replace

    def held_by_somebody(self: Path, target: Path) -> Path:
        if self.name == "plugdeck.db-wal":
            raise PermissionError
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held_by_somebody)
    with pytest.raises(StoreError, match="cannot be set aside"):
        await Database(path).open()
    after = fingerprint(tmp_path)
    after.pop("plugdeck.repair")
    assert after == before


async def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    path.touch()
    db = Database(path)
    await db.open()
    assert db.notice == ""
    assert await db.read(lambda c: c.execute("PRAGMA user_version").fetchone()[0]) == LATEST
    assert await db.read(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"
    await db.close()


def fingerprint(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def page_of(path: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(row[0])


def middle_page_of(path: Path, table: str) -> int:
    """A leaf in the middle of a table, read from the table's root page (a table interior b-tree page)."""
    data = path.read_bytes()
    start = (page_of(path, table) - 1) * 4096
    assert data[start] == 5
    cells = int.from_bytes(data[start + 3 : start + 5], "big")
    pointer = start + 12 + 2 * (cells // 2)
    cell = start + int.from_bytes(data[pointer : pointer + 2], "big")
    return int.from_bytes(data[cell : cell + 4], "big")


def overwrite(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(json.dumps("damage").encode() * 512)
