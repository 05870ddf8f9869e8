"""What scripts do to a process, seen from the hub: each costs its own job, whose session ends with the reason."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from desktop_app.core import aio
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.paths import DataDir

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform == "win32", reason="the scripts use what Windows has not"),
]

LIMIT_S = 60.0
SECRET = "s1-long-enough"
SCRIPT = """
import ctypes, io, json, os, signal, subprocess, sys, threading, time
from ango.plugins import ModelPlugin, run

GOOD = {"data": "u", "answer": {"objects": [], "classifications": [], "relations": []}}
hoard = []

def recurse(**data):
    return recurse(**data)

def handler(number, frame):
    raise RuntimeError("a signal came")

def eat():
    while True:
        hoard.append(bytearray(os.urandom(1024) * 1024 * 8))
        time.sleep(0.02)

def fork():
    if os.fork() == 0:
        time.sleep(600)

def callback(**data):
    exec(compile(json.loads(data["configJSON"]), __file__, "exec"), globals())
    return globals().pop("RETURNED", GOOD)

run(ModelPlugin("nasty", "s", callback))
"""

ANSWERED = {
    "prints megabytes": "print('x' * 200 + '\\n', end='') or [print('y' * 999) for _ in range(5000)]",
    "writes to descriptor 1": "[os.write(1, bytes(range(256)) * 40) for _ in range(200)]",
    "closes stdin": "sys.stdin.close(); os.close(0)",
    "forks": "fork()",
    "starts threads": "[threading.Thread(target=time.sleep, args=(600,)).start() for _ in range(20)]",
    "replaces sys.stdout": "sys.stdout = io.StringIO(); print('swallowed'); sys.stdout = None",
    "gets signals": "os.kill(os.getpid(), signal.SIGTERM); os.kill(os.getpid(), signal.SIGINT)",
}
"""What a job may do and be answered all the same; the worker lives on."""

FAILS = {
    "sys.exit": ("sys.exit(3)", "called sys.exit(3)", True),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt", True),
    "recurses": ("recurse()", "called itself too often", True),
    "returns nothing": ("RETURNED = None", "the callback returned nothing", False),
    "os._exit": ("os._exit(9)", "its own exit with code 9", False),
    "segfault": ("ctypes.string_at(0)", "a segmentation fault", True),
    "spins": ("while True: pass", "took longer than the profile's limit", True),
    "sleeps": ("time.sleep(1e6)", "took longer than the profile's limit", True),
    "eats memory": ("eat()", "more than the profile's limit of 200 MB", False),
}
"""What ends a job: what to do, the reason, and whether a line of the script stands by it."""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    folder = tmp_path / "assets"
    folder.mkdir()
    Image.new("RGB", (40, 30)).save(folder / "a.png")
    async with DemoHub(assets_dir=folder) as running:
        yield running


async def test_a_nasty_script_costs_at_most_its_own_job(
    hub: DemoHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nasty, good = tmp_path / "nasty.py", tmp_path / "good.py"
    handled = SCRIPT.replace("run(Model", "signal.signal(signal.SIGTERM, handler)\nrun(Model")
    nasty.write_text(handled)
    good.write_text(SCRIPT.replace('"nasty"', '"good"'))
    host = Host(DataDir(tmp_path / "data"))
    try:
        await host.start()
        for path, options in ((nasty, {"timeout_s": 8.0, "memory_limit_mb": 200}), (good, {"timeout_s": LIMIT_S})):
            hub.add_plugin(path.stem, SECRET)
            monkeypatch.setenv(f"PLUGDECK_SECRET_{path.stem.upper()}", SECRET)
            profile = Profile(
                name=path.stem,
                host=hub.url,
                plugin_id=path.stem,
                source=CallbackSource(script=path),
                **options,  # type: ignore[arg-type]
            )
            await host.add_profile(profile, None)
            await host.start_profile(profile.id)
        for name in ("nasty", "good"):
            await hub.wait_online(name, LIMIT_S)
        for name, what in ANSWERED.items():
            session = await _run(hub, "nasty", what)
            assert not session.error, (name, session.logs)
            assert session.response["answer"]["objects"] == []
        for name, (what, reason, has_line) in FAILS.items():
            failing = aio.spawn(_run(hub, "nasty", what), name=name)
            neighbour = await _run(hub, "good", "time.sleep(0)")
            assert not neighbour.error
            session = await failing
            assert session.responses == [{"error": True, "session": session.id}], name
            assert [line.level for line in session.logs] == ["ERROR"], name
            assert reason in session.logs[0].message, name
            assert ("nasty.py:" in session.logs[0].message) is has_line, (name, session.logs[0].message)
            # The next one is answered as if nothing had been.
            assert not (await _run(hub, "nasty", "time.sleep(0)")).error, name
        assert hub.protocol_errors == []
        assert host.pending() == (0, 0)
        assert list((tmp_path / "data").glob("crashes/*")) == []
    finally:
        await host.stop(1)
    assert not [task for task in aio.running_tasks() if not task.get_name().startswith("demo hub")]


async def _run(hub: DemoHub, plugin: str, what: str) -> Any:
    await hub.wait_online(plugin, LIMIT_S)
    session = await hub.run_plugin(plugin, config=json.dumps(what))
    return await session.wait(2 * LIMIT_S)
