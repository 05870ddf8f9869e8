"""The jobs that are in a worker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.core.errors import KnownError
from desktop_app.core.job import Job
from desktop_app.core.prediction import Prediction
from desktop_app.runner.state import JobLog

REMEMBERED = 16
"""Ended jobs whose late prints still find their job."""


Call = tuple[str, int, str]


class Lost(Exception):
    """The worker was ended through no fault of this job."""


class Suspected(Exception):
    """The worker died with this and other jobs in it; `error` is what the guilty one gets."""

    def __init__(self, error: KnownError, jobs: int) -> None:
        super().__init__(f"the worker died with {jobs} jobs in it")
        self.error = error


@dataclass(eq=False, slots=True)
class Run:
    """A job and its way through a worker.

    Attributes:
        number: its number on the pipe; 0 before it was sent.
        outcome: what the worker answers; None before it was sent.
        let_go: set when the worker no longer has it.
        calls: gets the calls it is in, as (file, line, function), outermost first, once the worker was asked.
    """

    job: Job
    log: JobLog
    asset_path: Path | None
    number: int = 0
    outcome: asyncio.Future[Prediction] | None = None
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    calls: asyncio.Future[list[Call]] | None = None


class Runs:
    """The jobs in the worker, by their numbers."""

    def __init__(self) -> None:
        self._count = 0
        self._runs: dict[int, Run] = {}
        self._ended: dict[int, Job] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run: Run) -> bool:
        return run.number in self._runs

    def get(self, number: Any) -> Run | None:
        """The run of that number, or None."""
        return self._runs.get(number) if isinstance(number, int) else None

    def job(self, number: Any) -> Job | None:
        """The job of that number, also shortly after its end, or None."""
        run = self.get(number)
        if run is not None:
            return run.job
        return self._ended.get(number) if isinstance(number, int) else None

    def api_keys(self) -> list[str]:
        """The keys of the jobs in the worker."""
        return [run.job.api_key for run in self._runs.values() if run.job.api_key]

    def enter(self, run: Run) -> asyncio.Future[Prediction]:
        """Gives the run a new number and an open outcome."""
        self._count += 1
        run.number = self._count
        run.outcome = asyncio.get_running_loop().create_future()
        run.let_go.clear()
        self._runs[run.number] = run
        return run.outcome

    def leave(self, run: Run) -> None:
        """The worker no longer has the job."""
        self._runs.pop(run.number, None)
        run.let_go.set()
        self._ended[run.number] = run.job
        while len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def fail(self, error: BaseException) -> None:
        """Ends every run with an error."""
        for run in list(self._runs.values()):
            if run.outcome is not None and not run.outcome.done():
                run.outcome.set_exception(error)
                run.outcome.exception()  # looked at: the job may have been cancelled, and then nobody does
            self.leave(run)
