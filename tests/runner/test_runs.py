from __future__ import annotations

from typing import Any

import pytest

from desktop_app.core.job import Job
from desktop_app.runner.runs import REMEMBERED, Run, Runs


def _run(name: str = "s", key: str | None = None) -> Run:
    return Run(Job(session=name, profile_id="p", data={}, api_key=key), lambda *_: None, None)


async def test_runs_come_and_go() -> None:
    runs, first, second = Runs(), _run("a", "key"), _run("b")
    outcome = runs.enter(first)
    runs.enter(second)
    assert first in runs
    assert runs.get(first.number) is first
    assert runs.api_keys() == ["key"]
    runs.leave(first)
    assert first not in runs
    assert first.let_go.is_set()
    assert not outcome.done()
    assert runs.get(first.number) is None
    assert runs.job(first.number) is first.job, "late prints find their job"
    for odd in (None, "1", [1], 99):
        assert runs.get(odd) is None
        assert runs.job(odd) is None


async def test_a_run_may_enter_again() -> None:
    runs, run = Runs(), _run()
    runs.enter(run)
    old = run.number
    runs.leave(run)
    runs.enter(run)
    assert run.number != old
    assert not run.let_go.is_set()


async def test_all_fail_together_once() -> None:
    runs = Runs()
    entered = [_run(str(number)) for number in range(3)]
    outcomes = [runs.enter(run) for run in entered]
    done: Any = object()
    outcomes[0].set_result(done)
    runs.fail(ValueError("gone"))
    assert outcomes[0].result() is done
    for outcome in outcomes[1:]:
        with pytest.raises(ValueError, match="gone"):
            outcome.result()
    assert not any(run in runs for run in entered)


async def test_only_the_latest_are_remembered() -> None:
    runs = Runs()
    for _ in range(REMEMBERED + 5):
        run = _run()
        runs.enter(run)
        runs.leave(run)
    assert runs.job(1) is None
    assert runs.job(run.number) is run.job
