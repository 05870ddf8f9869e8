from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeychain

from desktop_app.core import aio
from desktop_app.core.errors import ModelLoadError
from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile, RemoteSource
from desktop_app.core.resources import resource
from desktop_app.doctor.exam import LOW_MB, TOO_LOW_MB, _Exam, examine
from desktop_app.doctor.finding import Check, Finding, Outcome, worst
from desktop_app.doctor.network import NetworkExam
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.paths import DataDir
from tests.worker.remote.conftest import ModelServer

MODEL = resource("demo", "fasteners.onnx")


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeychain())
    made = Host(DataDir(tmp_path / "data"))
    await made.start()
    yield made
    await made.stop(0.0)
    keyring.set_keyring(before)
    assert not aio.running_tasks()


def exam(host: Host) -> _Exam:
    return _Exam(host, lambda _: None, NetworkExam)


def find(findings: list[Finding], check: Check, about: str) -> Finding:
    (found,) = [finding for finding in findings if finding.check is check and finding.about == about]
    return found


async def test_a_profile_in_order_and_one_with_every_trouble(host: Host, servers: Any, tmp_path: Path) -> None:
    script = tmp_path / "plugin.py"
    await asyncio.to_thread(script.write_text, "import no_such_package_here\ndef run(data): ...\n")
    async with DemoHub() as hub:
        hub.add_plugin("good", "right-secret-1", class_names=("bolt",))
        hub.add_plugin("bad", "right-secret-2", class_names=("bolt",))
        good = Profile(name="Good", host=hub.url, plugin_id="good", source=OnnxSource(path=MODEL))
        bad = Profile(name="Bad", host=hub.url, plugin_id="bad", source=CallbackSource(script=script))
        lost = Profile(
            name="Lost", host=hub.url, plugin_id="x", source=OnnxSource(path=tmp_path / "none.onnx", provider="cuda")
        )
        for profile in (good, bad, lost):
            await host.add_profile(profile, None)
        host.secrets.hold(good, "right-secret-1")
        host.secrets.hold(bad, "a-wrong-secret")
        told: list[Finding] = []
        found = await examine(host, [good, bad, lost], told.append)
    assert sorted(told, key=str) == sorted(found, key=str)
    assert find(found, Check.HANDSHAKE, hub.url).outcome is Outcome.OK
    assert find(found, Check.LOGIN, "Good").outcome is Outcome.OK
    assert find(found, Check.MODEL, "Good").outcome is Outcome.OK
    login = find(found, Check.LOGIN, "Bad")
    assert (login.outcome, login.remedy) == (Outcome.FAILED, "Check plugin id and secret.")
    python = find(found, Check.INTERPRETER, "Bad")
    assert python.outcome is Outcome.FAILED
    assert "no_such_package_here" in python.saw
    assert "PLUGDECK_SECRET_LOST" in find(found, Check.SECRET, "Lost").remedy
    assert find(found, Check.LOGIN, "Lost").outcome is Outcome.SKIPPED
    assert find(found, Check.MODEL, "Lost").outcome is Outcome.FAILED
    assert find(found, Check.KEYCHAIN, "").outcome is Outcome.WARNING
    assert "CPU" in find(found, Check.PROVIDERS, "").saw
    assert worst(found) is Outcome.FAILED
    lacking = [f for f in found if f.outcome in (Outcome.FAILED, Outcome.WARNING) and not f.remedy]
    assert not lacking
    assert "a-wrong-secret" not in str(found)
    assert found[-1].about == ""


async def test_a_model_server_is_asked(host: Host) -> None:
    server = ModelServer()
    server.token = "tok-en-1"
    await server.start()
    try:
        source = RemoteSource(url=server.url, model="fasteners")
        profile = Profile(name="Remote", host="http://127.0.0.1:1", plugin_id="r", source=source)
        await host.add_profile(profile, None)
        with pytest.raises(ModelLoadError, match="wants a token"):
            await exam(host)._model(profile)
        host.secrets.hold_token(profile.id, "tok-en-1")
        outcome, saw, _ = await exam(host)._model(profile)
        assert outcome is Outcome.OK
        assert saw == f"toy 1.0 at {server.url} runs fasteners: ultralytics, detect."
    finally:
        await server.stop()


async def test_a_disk_that_is_nearly_full(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, outcome in ((50e9, Outcome.OK), (LOW_MB * 0.9e6, Outcome.WARNING), (TOO_LOW_MB * 0.9e6, Outcome.FAILED)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        found, saw, remedy = await exam(host).disk()
        assert found is outcome, saw
        assert bool(remedy) is (outcome is not Outcome.OK)


async def test_connected_for_an_hour_and_never_given_a_job(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(name="Idle", host="http://127.0.0.1:1", plugin_id="x", source=OnnxSource(path=MODEL))
    await host.add_profile(profile, None)
    monkeypatch.setattr(host, "status", lambda _: ProfileStatus(profile.id, ProfileState.ONLINE))
    for minutes, outcome, words in (
        (10, Outcome.OK, "0 jobs since it began 10 min ago"),
        (61, Outcome.WARNING, "1 h 1 min"),
    ):
        host.online_since[profile.id] = time.time() - 60 * minutes - 5
        found, saw, remedy = await exam(host)._jobs(profile)
        assert found is outcome
        assert words in saw
    assert "has never been given a job" in saw
    assert "plugin id" in remedy


async def test_a_plugin_that_is_being_started_is_not_logged_in_twice(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile(name="Busy", host="http://127.0.0.1:1", plugin_id="x", source=OnnxSource(path=MODEL))
    for state, outcome in (
        (ProfileState.CONNECTING, Outcome.SKIPPED),
        (ProfileState.RECONNECTING, Outcome.WARNING),
        (ProfileState.ONLINE, Outcome.OK),
    ):
        status = ProfileStatus(profile.id, state)
        monkeypatch.setattr(host, "status", lambda _, status=status: status)
        assert (await exam(host)._login(profile))[0] is outcome


async def test_another_process_that_serves_is_not_disturbed(host: Host, servers: Any) -> None:
    async with DemoHub() as hub:
        hub.add_plugin("good", "right-secret-1", class_names=("bolt",))
        profile = Profile(name="Good", host=hub.url, plugin_id="good", source=OnnxSource(path=MODEL))
        await host.add_profile(profile, None)
        beside = Host(host.data_dir)
        await beside.start(serve=False)
        try:
            beside.secrets.hold(profile, "right-secret-1")
            outcome, saw, _ = await exam(beside)._login(profile)
        finally:
            await beside.stop(0.0)
    assert outcome is Outcome.SKIPPED
    assert "serves it now" in saw


async def test_cancelling_ends_every_check(host: Host, servers: Any) -> None:
    port = await servers.silent()
    profile = Profile(name="Slow", host=f"http://127.0.0.1:{port}", plugin_id="x", source=OnnxSource(path=MODEL))
    await host.add_profile(profile, None)
    told = asyncio.Event()
    running = aio.spawn(examine(host, [profile], lambda _: told.set()), name="doctor")
    await asyncio.wait_for(told.wait(), 60)
    before = time.monotonic()
    await aio.cancel_and_wait(running)
    assert running.cancelled()
    assert time.monotonic() - before < 30
