"""What both faces ask the host for, on a demo hub and a data directory of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop_app.core.errors import LoginRefused, ModelLoadError, ProfileError, SecretError
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.listener import Timing
from desktop_app.store.paths import DataDir

QUICK = Timing(heartbeat=0.2, settle=0.05, quick_drop=0.4, connect=2.0, backoff_first=0.02, backoff_limit=0.1)

SLOW = """
import time
from imerit_ango.plugins import ModelPlugin, run

def annotate(data):
    time.sleep(600)

run(ModelPlugin(id="x", secret="y", callback=annotate), host="http://127.0.0.1")
"""


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    host = Host(DataDir(tmp_path / "data"), timing=QUICK)
    await host.start()
    yield host
    await host.stop(0.0)


@pytest.fixture
async def hub() -> AsyncIterator[DemoHub]:
    async with DemoHub() as running:
        running.add_plugin("p1", "s1")
        yield running


def profile_of(hub: DemoHub, script: Path) -> Profile:
    return Profile(name="Slow", host=hub.url, plugin_id="p1", source=CallbackSource(script=script))


async def test_a_connection_is_tested_with_the_typed_or_the_kept_secret(host: Host, hub: DemoHub) -> None:
    profile = profile_of(hub, Path("none.py"))
    assert "has taken the login" in await host.test_connection(profile, "s1")
    with pytest.raises(LoginRefused):
        await host.test_connection(profile, "wrong")
    with pytest.raises(SecretError):
        await host.test_connection(profile)
    host.secrets.hold(profile, "s1")
    assert "has taken the login" in await host.test_connection(profile)
    with pytest.raises(ProfileError, match="plain http"):
        await host.test_connection(profile.changed(host="http://hub.example"), "s1")


async def test_what_is_still_to_do_is_counted(host: Host, hub: DemoHub, tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    profile = profile_of(hub, script)
    host.secrets.hold(profile, "s1")
    await host.add_profile(profile, None)
    assert host.pending() == (0, 0)
    await host.start_profile(profile.id)
    await hub.wait_online("p1", 60)
    for _ in range(3):
        await hub.run_plugin("p1")
    async with asyncio.timeout(20):
        while host.pending() != (3, 0):  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0.01)
    await host.stop_profile(profile.id, 0.0)
    assert host.pending() == (0, 0)


async def test_class_names_come_from_a_file_or_a_text(host: Host, tmp_path: Path) -> None:
    listed = tmp_path / "data.yaml"
    listed.write_text("names:\n  0: bolt\n  1: nut\n")
    assert await host.class_names(listed) == ("bolt", "nut")
    assert await host.class_names('{"id2label": {"0": "car", "1": "bus"}}') == ("car", "bus")
    with pytest.raises(ModelLoadError) as error:
        await host.class_names("\n")
    assert "plugdeck-classes" not in str(error.value)


async def test_a_model_is_read_as_the_family_the_person_chose(host: Host) -> None:
    model = resource("demo", "fasteners.onnx")
    assert (await host.inspect(model, family="ultralytics"))["family"] == "ultralytics"
    with pytest.raises(ModelLoadError, match="no model family"):
        await host.inspect(model, family="nonsense")
