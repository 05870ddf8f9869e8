"""Typed events and the tiny signal they travel on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Generic, TypeVar

from desktop_app.core.job import JobRecord
from desktop_app.core.profile import Profile

T = TypeVar("T")

log = logging.getLogger(__name__)


class Signal(Generic[T]):
    """Calls every connected function, in order of connection, in the thread that emits."""

    def __init__(self) -> None:
        self._slots: list[Callable[[T], object]] = []

    def connect(self, slot: Callable[[T], object]) -> Callable[[], None]:
        """Adds a function; the returned one removes it again (also when called twice)."""
        self._slots.append(slot)

        def disconnect() -> None:
            if slot in self._slots:
                self._slots.remove(slot)

        return disconnect

    def emit(self, value: T) -> None:
        """Calls every function. One that raises is logged; it must not keep the others from hearing."""
        for slot in tuple(self._slots):
            try:
                slot(value)
            except Exception:
                log.exception("a listener failed on %s", type(value).__name__)


class ProfileState(StrEnum):
    """What a profile is doing, in the words of the plugins list."""

    STOPPED = "stopped"
    LOADING = "loading model"
    CONNECTING = "connecting"
    ONLINE = "online"
    BUSY = "busy"
    RECONNECTING = "reconnecting"
    NO_SECRET = "secret missing"  # noqa: S105 - a state
    LOGIN_REFUSED = "login refused"
    MODEL_FAILED = "model failed"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """The honest state of one profile.

    Attributes:
        detail: why, in a sentence; "" where the state says it all.
        running, queued: jobs in the worker and waiting for it.
        retry_at: seconds since the epoch of the next attempt to connect, or None.
        crashes: deaths of the worker since it last answered a job.
    """

    profile_id: str
    state: ProfileState = ProfileState.STOPPED
    detail: str = ""
    running: int = 0
    queued: int = 0
    retry_at: float | None = None
    crashes: int = 0


class Level(IntEnum):
    """Log levels of the hub, with Python's numbers."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log, wherever it came from.

    Attributes:
        at: seconds since the epoch, UTC.
        source: "app", "worker" (prints of the child), "script" (the callback's logger) or "hub".
        profile_id, session, job_id: "" where the line belongs to none.
        details: a traceback, shown folded, or "".
    """

    at: float
    level: Level
    message: str
    source: str = "app"
    profile_id: str = ""
    profile_name: str = ""
    session: str = ""
    job_id: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class ProfileChanged:
    """A profile was added, edited (`profile` is the new one) or removed (`removed`)."""

    profile: Profile
    removed: bool = False


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A profile's state or its counters changed."""

    status: ProfileStatus


@dataclass(frozen=True, slots=True)
class JobChanged:
    """A job arrived or went on; `record`, all but its progress, was written to the history before."""

    record: JobRecord


@dataclass(frozen=True, slots=True)
class Logged:
    """Log lines, in order."""

    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """A worker has its model; `info` says what it is (family, classes, provider, or the script's plugin kind)."""

    profile_id: str
    info: dict[str, Any]


Event = ProfileChanged | StatusChanged | JobChanged | Logged | ModelLoaded
