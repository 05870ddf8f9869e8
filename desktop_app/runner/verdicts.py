"""Why a worker or a job in it came to its end, as errors that a person can act on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop_app.core.errors import ModelError, ModelTimeout, WorkerDied
from desktop_app.core.profile import Profile
from desktop_app.runner.command import PACKAGE
from desktop_app.runner.death import Death
from desktop_app.runner.launch import own_folder
from desktop_app.runner.runs import Call


def timed_out(profile: Profile, calls: Sequence[Call] = ()) -> ModelTimeout:
    """A job took longer than the profile allows.

    Args:
        calls: those that the script was in then, outermost first; none where it could not be asked.
    """
    folder = own_folder(profile)
    theirs = [call for call in calls if not Path(call[0]).is_relative_to(PACKAGE / "child")]
    own = [call for call in theirs if folder is not None and Path(call[0]).is_relative_to(folder)]
    return ModelTimeout(
        f"the {'model' if folder is None else 'script'} took longer than the profile's limit of "
        f"{profile.timeout_s:g} s",
        where=_place(own[-1]) if own else profile.name,
        remedy="Raise the time-out if it needs that long.",
        details="\n".join(f"{_place(call)} in {call[2]}" for call in reversed(theirs)),
    )


def _place(call: Call) -> str:
    return f"{Path(call[0]).name}:{call[1]}"


def died(profile: Profile, death: Death) -> WorkerDied:
    """The process ended by itself."""
    return WorkerDied(
        f"the worker process ended: {death.cause}",
        where=death.where(own_folder(profile)),
        remedy="See the log.",
        details=death.dump,
    )


def took_too_much(profile: Profile, used_mb: float) -> WorkerDied:
    """The worker and what it started held more memory than the profile allows."""
    limit = profile.memory_limit_mb
    return WorkerDied(
        f"the worker used {used_mb:.0f} MB of memory, more than the profile's limit of {limit} MB",
        where=profile.name,
        remedy="Raise the limit, or look for a leak in the script.",
    )


def crash_loop(profile: Profile, deaths: int, detail: str) -> ModelError:
    """The worker is not started again by itself."""
    return ModelError(
        f"the worker ended {deaths} times without answering a job, the last time because: {detail}",
        where=profile.name,
        remedy="Fix the script or model, then restart the worker.",
    )
