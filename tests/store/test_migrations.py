import contextlib
import sqlite3
from pathlib import Path

import pytest

from desktop_app.core.events import Level
from desktop_app.core.job import JobState
from desktop_app.store.batches import Batches
from desktop_app.store.database import Database
from desktop_app.store.history import History, JobFilter, LogFilter
from desktop_app.store.migrations import LATEST, STEPS, migrate
from desktop_app.store.outbox import Outbox
from desktop_app.store.profiles import ProfileStore
from desktop_app.store.settings import SettingsStore

DATA = Path(__file__).parent / "data"


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()


def old_database(path: Path, version: int) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript((DATA / f"v{version}.sql").read_text("utf-8"))


def test_a_database_of_every_version_is_kept() -> None:
    assert sorted(file.name for file in DATA.glob("v*.sql")) == sorted(f"v{n}.sql" for n in range(1, LATEST + 1))


@pytest.mark.parametrize("version", range(1, LATEST + 1))
def test_no_released_step_was_edited(tmp_path: Path, version: int) -> None:
    old_database(tmp_path / "old.db", version)
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as old,
        contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made,
    ):
        for step in STEPS[:version]:
            step(made)
        assert schema(old) == schema(made)
        assert old.execute("PRAGMA user_version").fetchone()[0] == version


@pytest.mark.parametrize("version", range(1, LATEST + 1))
async def test_everything_in_an_old_database_is_still_there(tmp_path: Path, version: int) -> None:
    path = tmp_path / "plugdeck.db"
    old_database(path, version)
    db = Database(path)
    await db.open()
    assert db.notice == ""
    profiles, settings, history = ProfileStore(db), SettingsStore(db), History(db)
    await profiles.load()
    await settings.load()
    assert [profile.name for profile in profiles.all()] == ["Vehicles", "Plate reader"]
    assert profiles.notices == settings.notices == ()
    assert settings.current.theme == "dark"
    assert settings.current.cache_limit_mb == 512
    jobs = await history.list()
    assert [(job.id, job.state) for job in jobs] == [
        ("j4", JobState.RUNNING),
        ("j3", JobState.CANCELLED),
        ("j2", JobState.FAILED),
        ("j1", JobState.DELIVERED),
    ]
    assert jobs[3].timings.total == 184.5
    assert (jobs[3].width, jobs[3].height, jobs[3].objects, jobs[3].dropped) == (1920, 1080, 2, 1)
    detail = await history.detail("j1")
    assert detail.payload["dataURL"] == "https://bucket.example/street_1.jpg"
    assert detail.answer is not None
    assert [item["title"] for item in detail.answer["objects"]] == ["car", "traffic light"]
    assert detail.response == {"response": detail.answer, "session": "s1"}
    assert detail.notes == ("1 prediction dropped: class “truck” is not mapped",)
    assert detail.predictions == [{"class": "car", "score": 0.93}]
    assert [job.id for job in await history.list(JobFilter(text="street"))] == ["j4", "j3", "j2", "j1"]
    assert [job.id for job in await history.list(JobFilter(class_name="traffic light"))] == ["j1"]
    assert [stored.line.level for stored in await history.logs()] == [Level.ERROR, Level.INFO]
    assert len(await history.logs(LogFilter(text="model"))) == 1
    assert [row.job_id for row in await Outbox(db).pending()] == ["j4"]
    assert (await history.stats("p-vehicles")).median_ms == 184.5
    batch = await Batches(db).get("j4")
    assert (None if batch is None else (batch.page, batch.total, batch.imported, batch.failed, batch.objects)) == (
        (2, 9, 1, 1, 3) if version >= 3 else None
    )
    assert await db.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"
    await db.close()


def test_a_step_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise ValueError

    monkeypatch.setattr("desktop_app.store.migrations.STEPS", (*STEPS, broken))
    monkeypatch.setattr("desktop_app.store.migrations.LATEST", LATEST + 1)
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with pytest.raises(ValueError):  # noqa: PT011 - the step's own
            migrate(connection)
        assert connection.execute("PRAGMA user_version").fetchone()[0] == LATEST
        assert "half" not in dict(schema(connection))


def test_steps_import_nothing_of_the_application() -> None:
    for file in Path(STEPS[0].__code__.co_filename).parent.glob("m*.py"):
        assert "desktop_app" not in file.read_text("utf-8")
