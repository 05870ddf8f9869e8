"""A script that is changed while it is served."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.events import ProfileState
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.runner import reload
from desktop_app.store.paths import DataDir

pytestmark = pytest.mark.e2e

SCRIPT = """
from ango.plugins import ModelPlugin, run
from words import WORD
def callback(**data):
    return {"data": data["dataURL"], "answer": {"objects": [], "classifications": [], "relations": []}, "word": WORD}
run(ModelPlugin(id="p1", secret="s1", callback=callback))
"""


async def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_changes_are_loaded_and_what_is_broken_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.05)
    script, words = tmp_path / "plugin.py", tmp_path / "words.py"
    script.write_text(SCRIPT)
    words.write_text("WORD = 'first'\n")
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "a.txt").write_text("text")
    async with DemoHub(assets_dir=assets) as hub:
        hub.add_plugin("p1", "s1-long-enough")
        host = Host(DataDir(tmp_path / "data"))
        await host.start()
        source = CallbackSource(script=script, reload_on_change=True, environment={"PYTHONDONTWRITEBYTECODE": "1"})
        profile = Profile(name="script", host=hub.url, plugin_id="p1", source=source)
        monkeypatch.setitem(os.environ, profile.secret_variable, "s1-long-enough")

        async def word() -> Any:
            session = await hub.run_plugin("p1")
            await session.wait(20)
            return session.response["word"] if session.response else session.logs[-1].message

        def state() -> ProfileState:
            return host.status(profile.id).state

        loads = []
        host.events.connect(lambda event: loads.append(event) if type(event).__name__ == "ModelLoaded" else None)
        try:
            await host.add_profile(profile, None)
            await host.start_profile(profile.id)
            await hub.wait_online("p1", 30)
            assert await word() == "first"
            words.write_text("WORD = 'second'\n")
            await _until(lambda: len(loads) == 2)
            await _until(lambda: state() is ProfileState.ONLINE)
            assert await word() == "second"
            words.write_text("WORD = \n")
            await _until(lambda: state() is ProfileState.MODEL_FAILED)
            words.write_text("WORD = 'third'\n")
            await _until(lambda: len(loads) == 3)
            await _until(lambda: state() is ProfileState.ONLINE)
            assert await word() == "third"
        finally:
            await host.stop(1)
