"""The window: how soon it is there, and what it weighs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from desktop_app.core.profile import CallbackSource, Profile
from tests.bench.contest import START_LIMIT_S, Process, TimingHub, add_profiles, environment, script_for, window_command
from tests.bench.jobs import pictures
from tests.bench.report import Bar, Line

STARTS = 7
PROFILES = 20


def start() -> list[Line]:
    """Process to window visible and usable, warm disk."""
    line = Line("start", "start: process to window visible and usable", "bare QMainWindow", "s", Bar(1.6))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        folder = Path(name)
        for face in ("app", "bare"):
            _start(face, folder)
        for _ in range(STARTS):
            line.pairs.append((_start("app", folder), _start("bare", folder)))
    line.note = "both under Qt's offscreen platform"
    return [line]


def memory() -> list[Line]:
    """Resident memory with 20 profiles online and nothing to do."""
    line = Line("memory", f"memory idle, {PROFILES} profiles online", "bare QMainWindow", "MB", Bar(3.0))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        folder = Path(name)
        with TimingHub(pictures(folder), folder) as hub:
            plugins = [f"p{number}" for number in range(PROFILES)]
            profiles = [
                Profile(
                    name=plugin,
                    host=hub.url,
                    plugin_id=plugin,
                    source=CallbackSource(script=script_for(hub, plugin, folder)),
                )
                for plugin in plugins
            ]
            data_dir = folder / "data"
            asyncio.run(add_profiles(data_dir, profiles))
            with (
                Process(window_command("app"), environment(data_dir, profiles), folder / "app.log") as app,
                Process(window_command("bare"), environment(), folder / "bare.log") as bare,
            ):
                for plugin in plugins:
                    hub.online(plugin)
                app.settle()
                line.pairs.append((_megabytes(app.pid), _megabytes(bare.pid)))
                workers = psutil.Process(app.pid).children()
                line.more = {"workers_mb": [round(_megabytes(worker.pid), 1) for worker in workers]}
    line.note = "the window's own process; a worker for each callback comes on top (see the JSON)"
    return [line]


def _start(face: str, folder: Path) -> float:
    began = time.time()
    with Process(window_command(face), environment(folder / "data"), folder / f"{face}.log") as process:
        return float(process.next_line(START_LIMIT_S)["usable"]) - began


def _megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6
