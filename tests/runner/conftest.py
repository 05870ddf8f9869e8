"""A bench for workers: real scripts in real child processes, and proof that nothing of them stays."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.core import aio
from desktop_app.core.events import Level
from desktop_app.core.job import Job
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.runner.pool import Runner, RunnerPhase, RunnerState, WorkerLine

HEAD = """
import json, os, sys, time, threading
from ango.plugins import ModelPlugin, run

GOOD = {"data": "u", "answer": {"objects": [], "classifications": [], "relations": []}}
"""
TAIL = """
if __name__ == "__main__":
    run(ModelPlugin(id="p", secret="s", callback=callback), host="http://localhost:1")
"""


async def until(condition: Callable[[], Any], limit_s: float = 30.0) -> Any:
    """Waits until the condition holds, and gives what it gave."""
    end = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.01)
    return value


class Bench:
    """A runner and everything it said."""

    def __init__(self, profile: Profile, scratch: Path) -> None:
        self.profile = profile
        self.lines: list[WorkerLine] = []
        self.states: list[RunnerState] = []
        self.session: list[tuple[Level, str, dict[str, Any]]] = []
        self.pids: set[int] = set()
        self.runner = Runner(
            profile,
            scratch=scratch,
            secrets=lambda: ("top-secret-value",),
            on_log=self.lines.append,
            on_state=self._moved,
        )

    until = staticmethod(until)

    def _moved(self, state: RunnerState) -> None:
        self.states.append(state)
        if state.pid is not None:
            self.pids.add(state.pid)

    def job(self, **data: Any) -> Job:
        """A job with these fields in its event."""
        data = {"session": "S", **data}
        return Job(session="S", profile_id=self.profile.id, data=data, api_key=data.get("apiKey"))

    async def run(self, **data: Any) -> Prediction:
        """Runs one job to its end."""
        return await self.runner.run(self.job(**data), None, log=lambda *line: self.session.append(line))

    def printed(self) -> list[str]:
        """What the worker printed."""
        return [line.message for line in self.lines]

    async def ready(self) -> None:
        """Waits until the worker is (again) ready."""
        await until(lambda: self.runner.state.phase is RunnerPhase.READY)


MakeBench = Callable[..., Bench]


@pytest.fixture
async def make_bench(tmp_path: Path) -> AsyncIterator[MakeBench]:
    """Makes benches from script texts; at the end nothing that they started may be alive."""
    benches: list[Bench] = []

    def make(script: str | Path, *, whole: bool = False, source: dict[str, Any] | None = None, **options: Any) -> Bench:
        if isinstance(script, str):
            folder = tmp_path / f"script{len(benches)}"
            folder.mkdir()
            path = folder / "plugin.py"
            text = textwrap.dedent(script)
            path.write_text(text if whole else HEAD + text + TAIL, encoding="utf-8")
        else:
            path = script
        profile = Profile(
            name=f"bench {len(benches)}",
            host="http://localhost:1",
            plugin_id="p",
            source=CallbackSource(script=path, **(source or {})),
            **{"timeout_s": 30.0, **options},
        )
        bench = Bench(profile, tmp_path / "scratch")
        benches.append(bench)
        return bench

    yield make
    for bench in benches:
        await bench.runner.stop()
    await until(lambda: not [pid for bench in benches for pid in bench.pids if _group_alive(pid)], 10)
    assert not aio.running_tasks()
    assert [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE] == []


def _group_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return psutil.pid_exists(pid)
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@pytest.fixture
def interpreters() -> list[Path]:
    """Other Pythons at hand, oldest first; named by PLUGDECK_PYTHONS or found where pyenv keeps them."""
    named = os.environ.get("PLUGDECK_PYTHONS")
    if named:
        return [Path(name) for name in named.split(os.pathsep)]
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [path for path in home.glob("3.*/bin/python") if int(path.parts[-3].split(".")[1]) >= 8]
    return sorted(found, key=lambda path: [int(part) for part in path.parts[-3].split(".")[:3]])
