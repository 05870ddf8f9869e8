"""What a runner tells about itself and its worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from desktop_app.core.events import Level
from desktop_app.core.job import Job

JobLog = Callable[[Level, str, dict[str, Any]], None]
"""Takes a line of the script's logger for the session's log: level, text, extra data."""


class RunnerPhase(StrEnum):
    """What a runner is doing."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunnerState:
    """The state of a runner.

    Attributes:
        detail: why, in a sentence; "" where the phase says it all.
        crashes: deaths since a job was last answered.
        retry_at: when the next start is tried, seconds since the epoch, or None.
    """

    phase: RunnerPhase = RunnerPhase.STOPPED
    detail: str = ""
    crashes: int = 0
    pid: int | None = None
    retry_at: float | None = None

    @property
    def stopped(self) -> bool:
        """Whether the worker is not started again by itself; `detail` says why."""
        return self.phase is RunnerPhase.FAILED


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A line of a worker that is not (only) for the session's log in the hub.

    Attributes:
        source: "worker" for prints, "script" for lines of a logger outside of any job.
        job: the job that printed it, or None.
        details: a traceback, or "".
    """

    level: Level
    message: str
    source: str = "worker"
    job: Job | None = None
    details: str = ""
