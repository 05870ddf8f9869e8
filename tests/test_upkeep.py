from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core import aio
from desktop_app.core.events import ProfileChanged, Signal
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.jobs.recorder import Recorder
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.profiles import ProfileStore
from desktop_app.upkeep import end_orphans, follow_profiles, keep_within_bounds, notice_changes, take_over


class Services:
    """Stands in for the supervisor: remembers what was stopped and started."""

    def __init__(self, *running: str) -> None:
        self.running = running
        self.calls: list[tuple[str, Any]] = []

    async def stop(self, profile_id: str, *, for_good: bool) -> None:
        self.calls.append(("stop for good" if for_good else "stop", profile_id))

    def start(self, profile: Profile) -> None:
        self.calls.append(("start", profile.name))


def profile(name: str) -> Profile:
    return Profile(name=name, host="http://127.0.0.1", plugin_id=name, source=OnnxSource(path=Path("/m.onnx")))


@pytest.fixture
async def stores(tmp_path: Path) -> Any:
    """Two views of one file, as two processes have them."""
    ours, theirs = Database(tmp_path / "p.db"), Database(tmp_path / "p.db")
    await ours.open()
    await theirs.open()
    stores = ProfileStore(ours), ProfileStore(theirs)
    for store in stores:
        await store.load()
    yield stores
    await ours.close()
    await theirs.close()


async def test_what_another_process_adds_is_told(stores: Any) -> None:
    ours, theirs = stores
    heard: list[ProfileChanged] = []
    ours.changed.connect(heard.append)
    await theirs.save(profile("Defects"))
    await take_over(ours, Services())
    assert [change.profile.name for change in heard] == ["Defects"]
    await take_over(ours, Services())
    assert len(heard) == 1


async def test_what_is_served_is_served_as_it_is_now(stores: Any) -> None:
    ours, theirs = stores
    first, second = profile("One"), profile("Two")
    await theirs.save(first)
    await theirs.save(second)
    await take_over(ours, Services())
    services = Services(first.id, second.id)
    await theirs.save(first.changed(name="One again"))
    await theirs.remove(second.id)
    await take_over(ours, services)
    assert services.calls == [("stop", first.id), ("start", "One again"), ("stop for good", second.id)]


async def test_it_keeps_looking(stores: Any) -> None:
    ours, theirs = stores
    arrived = asyncio.Event()
    ours.changed.connect(lambda _: arrived.set())
    task = aio.spawn(follow_profiles(ours, Services(), every_s=0.01), name="follow")
    await theirs.save(profile("Late"))
    await asyncio.wait_for(arrived.wait(), 10)
    await aio.cancel_and_wait(task)


async def test_the_history_is_pruned_by_the_settings() -> None:
    asked = asyncio.Queue[dict[str, Any]]()

    class Bounds:
        history_days, history_jobs, history_lines = 7, 100, 1000

    class History:
        async def prune(self, **bounds: Any) -> None:
            await asked.put(bounds)

    class Settings:
        current = Bounds()

    task = aio.spawn(keep_within_bounds(History(), Settings(), first_s=0.0, every_s=0.01), name="prune")  # type: ignore[arg-type]
    for _ in range(2):
        assert await asyncio.wait_for(asked.get(), 10) == {"days": 7, "most_jobs": 100, "most_lines": 1000}
    await aio.cancel_and_wait(task)


async def test_connections_are_renewed_after_sleep_and_after_a_change_of_network() -> None:
    told: list[str] = []
    clocks = {"wall": 1000.0, "running": 10.0}
    addresses = iter(["10.0.0.5"] * 5 + ["192.168.1.7"] * 2 + ["", "192.168.1.7"] + ["192.168.1.7"] * 1000)
    looks = 0
    enough = asyncio.Event()

    def address() -> str:
        nonlocal looks
        looks += 1
        clocks["wall"] += 5.0
        clocks["running"] += 5.0
        if looks == 3:
            clocks["wall"] += 3600.0
        if looks == 12:
            enough.set()
        return next(addresses)

    task = aio.spawn(
        notice_changes(
            told.append, every_s=0, wall=lambda: clocks["wall"], running=lambda: clocks["running"], address=address
        ),
        name="notice",
    )
    await asyncio.wait_for(enough.wait(), 60)
    await aio.cancel_and_wait(task)
    assert told == ["the computer slept", "the network changed", "the network is back"]


async def test_jobs_of_a_plugin_that_is_gone_end(stores: Any, tmp_path: Path) -> None:
    ours, _ = stores
    kept = profile("Kept")
    await ours.save(kept)
    db = Database(tmp_path / "p.db")
    await db.open()
    history = History(db)
    for name, profile_id in (("a", kept.id), ("b", "gone")):
        await history.record(JobRecord(name, f"S{name}", profile_id, "Gone", JobState.QUEUED, 1.0, 1.0))
    await end_orphans(history, Recorder(history, Signal()), ours)
    assert [record.id for record in await history.unfinished()] == ["a"]
    ended = await history.get("b")
    assert ended is not None
    assert (ended.state, ended.error) == (
        JobState.FAILED,
        "The plugin Gone was removed before this job was done; the hub cannot be told",
    )
    await db.close()
