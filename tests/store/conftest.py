"""Real databases in real files for the store's tests."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.store.database import Database

MakeRecord = Callable[..., JobRecord]
MakeProfile = Callable[..., Profile]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fails a test that leaves one of the store's threads running."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert not [thread.name for thread in left if thread.name.startswith("plugdeck")]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """An open database; a write that fails unheard fails the test."""
    database = Database(tmp_path / "plugdeck.db")
    failures: list[BaseException] = []
    database.on_write_error = failures.append
    await database.open()
    yield database
    await database.close()
    assert not failures


@pytest.fixture
def make_record() -> MakeRecord:
    """Makes job records; each call is a second later than the one before."""
    count = 0
    start = time.time() - 100_000

    def make(**fields: object) -> JobRecord:
        nonlocal count
        count += 1
        values: dict[str, object] = {
            "id": f"job-{count}",
            "session": f"session-{count}",
            "profile_id": "p1",
            "profile_name": "Vehicles",
            "state": JobState.QUEUED,
            "received_at": start + count,
            "updated_at": start + count,
        }
        return JobRecord(**{**values, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_profile() -> MakeProfile:
    """Makes profiles with an ONNX source."""

    def make(name: str = "Vehicles", **fields: object) -> Profile:
        values: dict[str, object] = {
            "name": name,
            "host": "https://api.ango.ai",
            "plugin_id": "65f0c0ffee",
            "source": OnnxSource(path=Path("/models/cars.onnx")),
        }
        return Profile.model_validate({**values, **fields})

    return make
