"""Several profiles at once, each on its own, with real workers."""

from __future__ import annotations

import asyncio
import os
import signal
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.aio import spawn
from desktop_app.core.events import ProfileStatus, Signal
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.listener import Timing
from desktop_app.jobs.assets import Assets
from desktop_app.jobs.cache import Cache
from desktop_app.jobs.recorder import Recorder
from desktop_app.jobs.shared import Shared
from desktop_app.jobs.supervisor import Supervisor
from desktop_app.runner.pool import Runner
from desktop_app.store.batches import Batches
from desktop_app.store.history import History
from desktop_app.store.outbox import Outbox

SCRIPT = """
import os, time
from imerit_ango.plugins import ModelPlugin, run

def callback(data):
    data["logger"].info("in process %d", os.getpid())
    config = data.get("configJSON")
    if config == "die":
        os._exit(3)
    if config == "slow":
        time.sleep(60)
    if config == "raise":
        raise ValueError("the script is not well")
    return {"data": data.get("dataURL"), "objects": [{"title": "bolt", "point": [1, 2]}],
            "classifications": [], "relations": []}

run(ModelPlugin(id="x", secret="y", callback=callback))
"""
FAST = Timing(heartbeat=0.5, settle=0.02, quick_drop=0.2, backoff_first=0.05, backoff_limit=0.2)


class House:
    """A supervisor with profiles "p1" to "p3" on one hub."""

    def __init__(self, supervisor: Supervisor, profiles: list[Profile], bugs: list[Any]) -> None:
        self.supervisor = supervisor
        self.profiles = profiles
        self.bugs = bugs


@pytest.fixture
async def house(hub: DemoHub, db: Any, tmp_path: Path) -> AsyncIterator[House]:
    script = tmp_path / "plugin.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    profiles = []
    for number in (1, 2, 3):
        hub.add_plugin(f"p{number}", f"s{number}")
        fields = {"name": f"Plugin {number}", "plugin_id": f"p{number}", "source": CallbackSource(script=script)}
        profiles.append(Profile(host=hub.url, **fields))
    history = History(db)
    assets = Assets(Cache(tmp_path / "cache"))
    recorder = Recorder(history, Signal())
    statuses: list[ProfileStatus] = []
    bugs: list[Any] = []

    def make_runner(profile: Profile, on_log: Callable[..., None], on_state: Callable[..., None]) -> Runner:
        return Runner(profile, scratch=tmp_path / "scratch", on_log=on_log, on_state=on_state)

    async def no_api_key(_: Profile) -> None:
        return None

    async def secret(profile: Profile) -> str:
        return f"s{profile.plugin_id[1:]}"

    shared = Shared(
        history=history,
        outbox=Outbox(db),
        batches=Batches(db),
        assets=assets,
        recorder=recorder,
        timing=FAST,
        make_runner=make_runner,
        secret=secret,
        api_key=no_api_key,
        on_bug=lambda *bug: bugs.append(bug),
        on_status=statuses.append,
        on_model=lambda _: None,
    )
    made = House(Supervisor(shared), profiles, bugs)
    yield made
    await made.supervisor.stop_all(0.0)
    await assets.close()
    recorder.flush()
    assert bugs == []
    assert made.supervisor.running == ()


async def start_all(house: House, hub: DemoHub) -> None:
    for profile in house.profiles:
        house.supervisor.start(profile)
        house.supervisor.start(profile)
    for profile in house.profiles:
        await hub.wait_online(profile.plugin_id, 60)


async def test_each_profile_answers_its_own_jobs(house, hub):
    await start_all(house, hub)
    sessions = [await hub.run_plugin(f"p{number % 3 + 1}") for number in range(30)]
    for session in sessions:
        await session.wait(30)
        assert not session.error, session.logs
        assert session.response["objects"] == [{"title": "bolt", "point": [1, 2]}]
    pids = {session.plugin_id: {log.message for log in session.logs} for session in sessions}
    assert len({next(iter(lines)) for lines in pids.values()}) == 3
    assert hub.protocol_errors == []
    for profile in house.profiles:
        assert house.supervisor.info(profile.id)


async def test_a_killed_worker_costs_its_job_only(house, hub, until):
    await start_all(house, hub)
    runner = house.supervisor._services[house.profiles[0].id]._runner
    slow = await hub.run_plugin("p1", config="slow")
    others = [await hub.run_plugin(f"p{number}") for number in (2, 3)]
    await hub.wait_until(lambda: bool(slow.logs), 30)
    os.kill(runner.pid, signal.SIGKILL)
    await slow.wait(30)
    assert slow.error
    for session in others:
        await session.wait(30)
        assert not session.error
    following = await hub.run_plugin("p1")
    await following.wait(60)
    assert not following.error
    assert [hub.plugins[f"p{number}"].logins for number in (1, 2, 3)] == [1, 1, 1]


async def test_a_script_that_raises_and_one_that_ends_its_process(house, hub):
    await start_all(house, hub)
    raising = await hub.run_plugin("p2", config="raise")
    dying = await hub.run_plugin("p3", config="die")
    for session in (raising, dying):
        await session.wait(30)
        assert session.responses == [{"error": True, "session": session.id}]
    assert "the script is not well" in raising.logs[-1].message
    assert "plugin.py" in raising.logs[-1].message
    following = await hub.run_plugin("p3")
    await following.wait(60)
    assert not following.error


async def test_stopping_one_leaves_the_others(house, hub, until):
    await start_all(house, hub)
    first = house.profiles[0]
    await house.supervisor.stop(first.id)
    await house.supervisor.stop(first.id)
    await hub.wait_until(lambda: not hub.online("p1"))
    assert str(house.supervisor.status(first.id).state) == "stopped"
    assert house.supervisor.info(first.id) is None
    session = await hub.run_plugin("p2")
    await session.wait(30)
    assert not session.error
    house.supervisor.start(first)
    await hub.wait_online("p1", 60)


async def test_one_that_is_being_stopped_can_be_started_once_it_has_ended(house, hub):
    profile = house.profiles[0]
    house.supervisor.start(profile)
    await hub.wait_online("p1", 60)
    stopping = spawn(house.supervisor.stop(profile.id), name="stop")
    await hub.wait_until(lambda: not hub.online("p1"), 60)
    await house.supervisor.settled(profile.id)
    house.supervisor.start(profile)
    await hub.wait_online("p1", 60)
    await stopping


async def test_one_that_two_stop_and_one_starts_again_is_still_known(house, hub, monkeypatch):
    """Else nobody could stop it any more, and its worker would outlive the app."""
    profile = house.profiles[0]
    house.supervisor.start(profile)
    await hub.wait_online("p1", 60)
    service = house.supervisor._services[profile.id]
    real, late = service.stop, asyncio.Event()

    async def slow(drain_s: float, *, for_good: bool) -> None:
        await late.wait()

    monkeypatch.setattr(service, "stop", slow)
    second = spawn(house.supervisor.stop(profile.id), name="stop again")
    await asyncio.sleep(0)
    monkeypatch.setattr(service, "stop", real)
    await house.supervisor.stop(profile.id)
    house.supervisor.start(profile)
    late.set()
    await second
    assert house.supervisor.running == (profile.id,)
    await hub.wait_online("p1", 60)


async def test_a_running_job_is_cancelled_from_outside(house, hub):
    await start_all(house, hub)
    service = house.supervisor._services[house.profiles[0].id]
    slow = await hub.run_plugin("p1", config="slow")
    await hub.wait_until(lambda: bool(slow.logs), 30)
    [job_id] = service._tasks
    assert house.supervisor.cancel(job_id)
    await slow.wait(10)
    assert slow.error
    assert not house.supervisor.cancel("unknown")
    following = await hub.run_plugin("p1")
    await following.wait(60)
    assert not following.error


async def test_one_that_fails_to_stop_does_not_keep_the_others(house, hub, monkeypatch):
    await start_all(house, hub)
    service = house.supervisor._services[house.profiles[1].id]
    real = service.stop

    async def broken(drain_s: float, *, for_good: bool) -> None:
        await real(drain_s, for_good=for_good)
        raise OSError("no more")

    monkeypatch.setattr(service, "stop", broken)
    async with asyncio.timeout(20):
        await house.supervisor.stop_all(0.0)
    assert house.supervisor.running == ()


async def test_a_slow_plugin_slows_no_other(house, hub):
    """One has a full queue that does not move; the other answers all the same."""
    await start_all(house, hub)
    stuck = [await hub.run_plugin("p1", config="slow") for _ in range(30)]
    quick = [await hub.run_plugin("p2") for _ in range(30)]
    for session in quick:
        await session.wait(60)
        assert not session.error
    assert not any(session.responses for session in stuck)
