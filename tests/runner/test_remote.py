"""A profile's worker whose model is on a server: what it is handed, what it waits for, what it lets go of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from desktop_app.core.aio import spawn
from desktop_app.core.job import Job
from desktop_app.core.profile import Profile, RemoteSource
from desktop_app.runner import life
from desktop_app.runner.launch import ModelAway
from desktop_app.runner.pool import Runner, RunnerPhase, RunnerState, WorkerLine
from tests.e2e.model_server import free_port
from tests.runner.conftest import until
from tests.worker.remote.conftest import ModelServer

TOKEN = "tok-en-from-the-keychain"
LIMIT_S = 100.0


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    """One that is not started yet, on a port of its own."""
    made = ModelServer()
    made.port, made.token = free_port(), TOKEN
    yield made
    made.gate.set()
    await made.stop()


async def token() -> str:
    return TOKEN


async def test_it_waits_for_its_server_and_gives_up_jobs_alone(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "backoff", lambda **_: iter([0.05] * 100))
    picture = tmp_path / "red.png"
    Image.new("RGB", (64, 64), (200, 0, 0)).save(picture)
    source = RemoteSource(url=server.url, model="fasteners")
    profile = Profile(name="R", host="http://127.0.0.1", plugin_id="r", source=source, concurrency=2)
    states: list[RunnerState] = []
    lines: list[WorkerLine] = []
    runner = Runner(profile, scratch=tmp_path / "s", token=token, on_state=states.append, on_log=lines.append)
    try:
        starting = spawn(runner.start(), name="start")
        await until(lambda: any("no answer" in state.detail for state in states), LIMIT_S)
        assert RunnerPhase.FAILED not in [state.phase for state in states]
        assert runner.crashes == 0
        await server.start()
        info = await asyncio.wait_for(starting, LIMIT_S)
        assert (info["family"], info["server"]["server"]) == ("ultralytics", "toy 1.0")
        assert len([line for line in lines if "no answer" in line.message]) >= 1

        pid = runner.pid
        assert pid is not None
        child = psutil.Process(pid)
        assert TOKEN not in str(child.cmdline()) + str(child.environ())

        job = Job(session="S", profile_id=profile.id, data={"session": "S"}, api_key=None)
        found = await runner.run(job, picture, log=lambda *_: None)
        assert [instance["class"] for instance in found.instances] == ["nut"]
        server.gate.clear()
        given_up = spawn(runner.run(job, picture, log=lambda *_: None), name="given up")
        kept = spawn(runner.run(job, picture, log=lambda *_: None), name="kept")
        await until(lambda: server.running == 2, LIMIT_S)
        given_up.cancel()
        await until(lambda: server.running == 1, LIMIT_S)
        server.gate.set()
        assert (await asyncio.wait_for(kept, LIMIT_S)).instances
        assert runner.pid == pid, "one job's end ends no other"
        assert TOKEN not in str(lines) + str(states)
    finally:
        await runner.stop()


async def test_who_only_tries_a_model_hears_at_once(server: ModelServer, tmp_path: Path) -> None:
    source = RemoteSource(url=server.url, model="fasteners")
    profile = Profile(name="R", host="http://127.0.0.1", plugin_id="r", source=source)
    runner = Runner(profile, scratch=tmp_path / "s", token=token, patient=False)
    try:
        with pytest.raises(ModelAway, match="no answer"):
            await runner.start()
    finally:
        await runner.stop()
