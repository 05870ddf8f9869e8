"""A worker that is ended from outside while it loads: nobody's fault, and no reason to be offline for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.errors import ModelLoadError
from desktop_app.runner import life
from desktop_app.runner.state import RunnerPhase

pytestmark = pytest.mark.skipif("os.name != 'posix'", reason="ends itself with a signal")

KILLED = """
import os, signal
from pathlib import Path

tries = Path({tries!r})
tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
if len(tries.read_text()) <= {deaths}:
    os.kill(os.getpid(), signal.{signal})

def callback(**data):
    return GOOD
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waits between two starts."""
    monkeypatch.setattr(life, "backoff", lambda **_: iter([0.01] * 100))


async def test_a_kill_during_the_first_load_is_made_good(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(KILLED.format(tries=str(tmp_path / "tries"), deaths=2, signal="SIGKILL"))
    await bench.runner.start()
    assert (await bench.run()).returned["data"] == "u"
    phases = [state.phase for state in bench.states]
    assert phases.count(RunnerPhase.RESTARTING) == 2
    assert RunnerPhase.FAILED not in phases
    assert any("a kill from outside" in state.detail for state in bench.states)


async def test_not_for_ever(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(KILLED.format(tries=str(tmp_path / "tries"), deaths=99, signal="SIGKILL"))
    with pytest.raises(ModelLoadError, match="a kill from outside"):
        await bench.runner.start()
    assert len((tmp_path / "tries").read_text()) == life.MAX_DEATHS
    assert bench.runner.state.phase is RunnerPhase.FAILED


async def test_a_crash_of_its_own_is_told_at_once(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(KILLED.format(tries=str(tmp_path / "tries"), deaths=99, signal="SIGSEGV"))
    with pytest.raises(ModelLoadError, match="segmentation fault"):
        await bench.runner.start()
    assert (tmp_path / "tries").read_text() == "x"
