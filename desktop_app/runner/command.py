"""Which command starts the worker of a profile, and the frame that tells it what to load."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from desktop_app.core.config import read_config
from desktop_app.core.job import Job
from desktop_app.core.profile import CallbackSource, Profile, RemoteSource

PACKAGE = Path(__file__).resolve().parent.parent
BOOT = PACKAGE / "child" / "boot.py"


def worker_command(profile: Profile) -> list[str]:
    """The command line; it carries no parameter of the profile's, for command lines are public."""
    frozen = bool(getattr(sys, "frozen", False))
    source = profile.source
    if isinstance(source, CallbackSource):
        if source.python is not None:
            return [_absolute(source.python), "-u", str(BOOT)]
        return [_frozen_program(), "--child"] if frozen else [sys.executable, "-u", str(BOOT)]
    return bundled_worker()


def bundled_worker() -> list[str]:
    """The command line of a worker in the bundled interpreter."""
    if getattr(sys, "frozen", False):
        return [_frozen_program(), "--worker"]
    return [sys.executable, "-m", "desktop_app", "--worker"]


def load_frame(profile: Profile, token: str = "") -> dict[str, Any]:
    """The `load` frame of a profile.

    Args:
        token: of its model server, which gets no other secret.
    """
    source = profile.source.model_dump(mode="json", exclude={"environment"})
    for name in ("script", "path", "working_directory"):
        if source.get(name):
            source[name] = str(Path(source[name]).absolute())  # the worker starts in another directory
    remote = {"token": token, "timeout_s": profile.timeout_s} if isinstance(profile.source, RemoteSource) else {}
    return {
        "type": "load",
        "source": source,
        **remote,
        "detection": profile.detection.model_dump(mode="json"),
        "concurrency": profile.concurrency,
        "plugin_id": profile.plugin_id,
        "host": profile.host,
    }


def run_frame(profile: Profile, job: Job, number: int, asset_path: Path | None) -> dict[str, Any]:
    """The `run` frame of a job."""
    data = dict(job.data)
    if not isinstance(profile.source, CallbackSource):
        data.pop("apiKey", None)  # only a script has a use for it
    return {
        "type": "run",
        "id": number,
        "data": data,
        "assetPath": None if asset_path is None else str(asset_path),
        "page": data.get("page"),
        "plugin_id": profile.plugin_id,
        "overrides": overrides(job),
        "dry": job.replay_of is not None or not job.api_key,
    }


def overrides(job: Job) -> dict[str, Any]:
    """The job's configJSON, whose unknown keys the worker reports; empty where it is no JSON object."""
    return read_config(job.config_json)[0]


def _frozen_program() -> str:
    """The command line's executable, also from the window's: on Windows that one has no standard streams."""
    program = Path(sys.executable)
    return str(program.with_name("plugdeck" + program.suffix))


def _absolute(program: Path) -> str:
    """The program's address; a bare name such as `python3` is left to the system's search path."""
    return str(program.absolute()) if len(program.parts) > 1 else str(program)
