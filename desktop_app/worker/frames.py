"""What every model of the worker reads from frames, and how its errors go into them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from desktop_app.child.serve import Failure, Job
from desktop_app.child.wire import Frame
from desktop_app.core.errors import KnownError

T = TypeVar("T")


def runs_at_once(frame: Frame) -> int:
    """How many runs of the model the `load` frame allows at one time."""
    runs = frame.get("concurrency")
    return runs if isinstance(runs, int) and runs > 0 else 1


def picture_of(job: Job) -> tuple[Path, int]:
    """The file of a job, and the page or frame that is asked for.

    Raises:
        Failure: it has none.
    """
    if job.asset_path is None:
        raise Failure("The job has no asset file", remedy="Run the job again.")
    page = job.page
    return Path(job.asset_path), page if isinstance(page, int) and not isinstance(page, bool) else 0


def told(action: Callable[[], T]) -> T:
    """The action's value; a known error as the pipes carry it."""
    try:
        return action()
    except KnownError as error:
        raise Failure(error.what, error.where, error.remedy, error.details) from None
