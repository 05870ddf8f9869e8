"""Starting a profile's worker and having it load the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import KnownError, ModelLoadError
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.runner.command import PACKAGE, load_frame, worker_command
from desktop_app.runner.death import Death
from desktop_app.runner.environment import child_environment, hide, process_environment
from desktop_app.runner.process import WorkerProcess
from desktop_app.runner.script_facts import read_script

OnFrame = Callable[[dict[str, Any], bytes], None]


class KilledWhileLoading(ModelLoadError):
    """The worker was ended from outside before it had loaded: the next one may fare better."""


class ModelAway(ModelLoadError):
    """The model's server cannot be reached or is not ready: it may well be later."""


async def make_worker(
    profile: Profile, scratch: Path, secrets: Iterable[str], on_frame: OnFrame, on_pulse: Callable[[], None]
) -> WorkerProcess:
    """The profile's worker, not started yet."""
    source = profile.source
    is_callback = isinstance(source, CallbackSource)
    environment = child_environment(
        process_environment(),
        extra=source.environment if isinstance(source, CallbackSource) else None,
        secrets=secrets,
        read=await asyncio.to_thread(_variables, source.script) if isinstance(source, CallbackSource) else (),
    )
    command = worker_command(profile)
    await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
    # `-m desktop_app` looks in the directory it starts in first.
    cwd = scratch if is_callback or "-m" not in command else PACKAGE.parent
    return WorkerProcess(command, environment=environment, cwd=cwd, on_frame=on_frame, on_pulse=on_pulse)


async def load(
    worker: WorkerProcess,
    profile: Profile,
    told: asyncio.Future[dict[str, Any]],
    limit_s: float,
    secrets: Iterable[str],
    token: str = "",
) -> dict[str, Any]:
    """Has a started worker load its model; what is left of it otherwise is killed.

    Args:
        told: gets the worker's `loaded` or `failed`.
        token: of the profile's model server, "" without one.

    Raises:
        ModelLoadError: it cannot load, or ended (KilledWhileLoading: from outside), or took too long.
    """
    frame = load_frame(profile, token)
    if worker.capture_fd is not None:
        frame["capture_fd"] = worker.capture_fd
    worker.send(frame)
    ended = spawn(worker.wait(), name="worker's end")
    try:
        either: list[asyncio.Future[Any]] = [told, ended]
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            return told.result()
        if worker.death is not None:
            raise _ended_early(worker.death, own_folder(profile), secrets)
        raise ModelLoadError(f"loading took longer than {limit_s:g} s", where=profile.name, remedy="See the log.")
    except BaseException:
        if worker.alive:
            await worker.kill()
        raise
    finally:
        await cancel_and_wait(ended)
        if told.done() and not told.cancelled():
            told.exception()


def own_folder(profile: Profile) -> Path | None:
    """The folder of the profile's script, or None."""
    source = profile.source
    return source.script.absolute().parent if isinstance(source, CallbackSource) else None


def _ended_early(death: Death, folder: Path | None, secrets: Iterable[str]) -> ModelLoadError:
    said = hide(death.said, secrets)
    what = f"the worker ended while loading: {death.cause}"
    if said and not death.dump:
        what += f": {said.splitlines()[-1]}"
    kind = KilledWhileLoading if death.from_outside else ModelLoadError
    return kind(what, where=death.where(folder), details=hide(death.last_words.strip(), secrets))


def _variables(script: Path) -> tuple[str, ...]:
    """Environment variables that a script looks up, as far as its source tells."""
    try:
        return read_script(script).variables
    except KnownError:
        return ()  # the child says what is wrong with it
