"""The real window (offscreen), many profiles at once, and its end."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.core.resources import resource
from desktop_app.hub.demo.server import DemoHub
from desktop_app.ui.single_instance import server_name

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MODEL = resource("demo", "fasteners.onnx")

SCRIPT = """
import os, time
from imerit_ango.plugins import ModelPlugin, run

def annotate(data):
    data["logger"].info("pid %d", os.getpid())
    if data.get("configJSON") == "sleep":
        time.sleep(600)
    return {"objects": [], "classifications": [], "relations": []}

run(ModelPlugin(id="x", secret="y", callback=annotate), host="http://127.0.0.1")
"""

NAMES = ("one", "two", "three", "four", "five")


async def add_five(run: Any, hub: DemoHub, tmp_path: Path) -> dict[str, str]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    for number, name in enumerate(NAMES):
        hub.add_plugin(name, "s", class_names=("bolt", "nut", "washer"))
        model = ["--script", str(script)] if number < 3 else ["--onnx", str(MODEL)]
        arguments = ["--host", hub.url, "--id", name, "--secret-stdin", *model]
        code, _, err = await run("profiles", "add", name, *arguments, stdin="s\n")
        assert code == 0, err
    return {f"PLUGDECK_SECRET_{name.upper()}": "s" for name in NAMES}


async def test_five_profiles_in_one_window_and_a_killed_worker(
    plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path
) -> None:
    secrets = await add_five(run, hub, tmp_path)
    window = await plugdeck(**secrets)
    for name in NAMES:
        await hub.wait_online(name, 90)
    picture = hub.project.pictures[0].id
    sessions = {name: await hub.run_plugin(name, asset=picture) for name in NAMES}
    for name, session in sessions.items():
        await session.wait(60)
        assert not session.error, (name, session.logs)
    assert len(sessions["five"].response["objects"]) > 3

    victim = await hub.run_plugin("one", asset=picture, config="sleep")
    await hub.wait_until(lambda: bool(victim.logs), 30)
    psutil.Process(int(victim.logs[0].message.removeprefix("pid "))).kill()
    await victim.wait(30)
    assert victim.error
    assert any(line.level == "ERROR" and "ended" in line.message for line in victim.logs)
    again = {name: await hub.run_plugin(name, asset=picture) for name in NAMES}
    for name, session in again.items():
        await session.wait(60)
        assert not session.error, (name, session.logs)
    pids = {line.message for session in (sessions["two"], again["two"]) for line in session.logs}
    assert len(pids) == 1  # the neighbours kept their workers

    children = [child.pid for child in window.children()]
    assert len(children) == 5
    began = time.monotonic()
    assert await window.stop(signal.SIGINT, timeout=15) == 0
    assert time.monotonic() - began < 5
    assert not [pid for pid in children if psutil.pid_exists(pid)]
    code, out, _ = await run("jobs", "list", "--state", "failed")
    assert code == 0
    assert victim.id in out
    assert b"Traceback" not in window.errors, window.errors.decode()


async def test_a_window_that_has_no_data_dir_to_itself_says_who_has_it(
    plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path
) -> None:
    secrets = await add_five(run, hub, tmp_path)
    serving = await plugdeck("run", "--json", "one", **secrets)
    await serving.until(lambda: bool(serving.events("ready")))
    window = await plugdeck(**secrets)
    await window.until(lambda: b"already in use" in window.errors)
    assert await window.stop(signal.SIGINT) == 1
    assert b"already in use by plugdeck run" in window.errors
    assert await serving.stop() == 0


async def test_a_second_start_raises_the_first_window_and_ends(plugdeck: Any, data_dir: Path) -> None:
    first = await plugdeck("--in-tray")
    listens = Path(server_name(data_dir)).exists
    end = time.monotonic() + 90
    while not listens():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    second = await plugdeck()
    assert await second.ended(90) == 0
    assert second.errors == b""
    run = await plugdeck("run")
    assert await run.ended(90) == 1
    assert b"already in use by the window (process" in run.errors
    assert await first.stop(signal.SIGTERM) == 0
    assert not listens()
