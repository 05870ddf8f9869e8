"""Jobs: one `plugin` event of the hub, from arrival to its terminal state."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job is. The last three are terminal: a job reaches exactly one of them, once."""

    QUEUED = "queued"
    FETCHING = "fetching"
    RUNNING = "running"
    BUILDING = "building"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens to the job."""
        return self in _TERMINAL


_TERMINAL = frozenset({JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a job over a whole project is.

    Attributes:
        done: assets that the model is done with, failed ones included; of `total`.
        failed: assets that have no answer.
        per_second: assets a second of late, or None while nobody knows yet.
        paused: a person holds it.
        waiting: what it waits for ("the hub does not answer"), "" while it goes on.
    """

    done: int = 0
    total: int = 0
    failed: int = 0
    per_second: float | None = None
    paused: bool = False
    waiting: str = ""

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the present rate, or None while nobody knows."""
        if not self.per_second or self.paused:
            return None
        return max(self.total - self.done, 0) / self.per_second


_ENDS = {JobState.FAILED, JobState.CANCELLED}
_NEXT: Mapping[JobState, frozenset[JobState]] = {
    # A callback fetches for itself, so its jobs skip FETCHING.
    JobState.QUEUED: frozenset({JobState.FETCHING, JobState.RUNNING, *_ENDS}),
    # Back to QUEUED: the worker was lost through no fault of this job, or the app was started again.
    JobState.FETCHING: frozenset({JobState.RUNNING, JobState.QUEUED, *_ENDS}),
    JobState.RUNNING: frozenset({JobState.BUILDING, JobState.QUEUED, *_ENDS}),
    JobState.BUILDING: frozenset({JobState.DELIVERING, JobState.QUEUED, *_ENDS}),
    # Back to QUEUED only if the app ended before the answer was on disk, so that nobody has seen it.
    JobState.DELIVERING: frozenset({JobState.DELIVERED, JobState.QUEUED, *_ENDS}),
    JobState.DELIVERED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


class IllegalTransition(Exception):
    """A bug: some code moved a job where it cannot go."""


def check_transition(old: JobState, new: JobState) -> None:
    """Raises IllegalTransition unless a job may go from `old` to `new`."""
    if new not in _NEXT[old]:
        raise IllegalTransition(f"a job cannot go from {old} to {new}")


@dataclass(frozen=True, slots=True)
class StepTimings:
    """How long each step took, in milliseconds; None where the step did not happen (yet)."""

    fetch: float | None = None
    queue: float | None = None
    run: float | None = None
    build: float | None = None
    deliver: float | None = None
    total: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """The JSON form that the command line prints as `timings_ms`."""
        names = ("fetch", "queue", "run", "build", "deliver", "total")
        values = ((name, getattr(self, name)) for name in names)
        return {name: None if value is None else round(value, 3) for name, value in values}


@dataclass(frozen=True, slots=True)
class Job:
    """One `plugin` event as it arrived.

    Attributes:
        id: ours, unique for ever; the hub's `session` may come again.
        session: the hub's id of the plugin run; every log line and response carries it back.
        data: the event's object exactly as received, unknown fields included; holds the apiKey, so it is never
            logged or stored as it is.
        api_key: of the person running the plugin; memory only.
        data_url: URL of the asset, or None where the hub sent only `asset_id`.
        category_schema: the class mapping, as received (list, null or something invalid).
        overwrite: None and True mean: replace what the task has.
        received_at: seconds since the epoch, UTC.
        replay_of: id of the job that this one repeats without the hub; such a job is never delivered.
        resumed: it was taken by an earlier run of the app, so that its apiKey is gone.
        asset_path, asset_type: where that run put the asset, and its media type; None: it must be fetched.
    """

    session: str
    profile_id: str
    data: Mapping[str, Any] = field(repr=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    api_key: str | None = field(default=None, repr=False)
    data_url: str | None = field(default=None, repr=False)
    project_id: str | None = None
    org_id: str | None = None
    run_by: str | None = None
    asset_id: str | None = None
    task_id: str | None = None
    category_schema: Any = None
    config_json: Any = None
    batches: tuple[str, ...] = ()
    workflow: bool = False
    overwrite: bool | None = None
    received_at: float = field(default_factory=time.time)
    replay_of: str | None = None
    resumed: bool = False
    asset_path: str | None = None
    asset_type: str = ""

    @property
    def over_project(self) -> bool:
        """Whether it names a project and nothing in it, as a *Batch model* plugin's jobs do."""
        return bool(self.project_id) and not (self.data_url or self.asset_id or self.task_id or self.workflow)

    @property
    def needs_key(self) -> bool:
        """Whether handing in its answer, reading what its task has, or finding its asset takes the apiKey."""
        return self.workflow or self.overwrite is False or not self.data_url


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What is known of a job at one moment: a row of the history, and what job events carry.

    Attributes:
        error: one line for people, "" unless the job failed.
        details: longer text for a failure (a script's traceback), "" otherwise.
        url: the asset's address without its query.
        asset_path: file of the asset in the cache, or None.
        asset_type: media type such as "image/jpeg", "" while unknown.
        width, height: of the picture as seen upright, in pixels; None while unknown or not a picture.
        progress: steps done and steps in all, while a script that tells of them runs; not kept in the history.
        batch: how far a job over a whole project is, while it runs; not kept in the history.
        objects, dropped: how many objects and classifications were answered and how many predictions were left out.
        updated_at: seconds since the epoch, UTC.
    """

    id: str
    session: str
    profile_id: str
    profile_name: str
    state: JobState
    received_at: float
    updated_at: float
    error: str = ""
    details: str = ""
    url: str = ""
    external_id: str = ""
    asset_id: str = ""
    task_id: str = ""
    project_id: str = ""
    workflow: bool = False
    asset_path: str | None = None
    asset_type: str = ""
    width: int | None = None
    height: int | None = None
    objects: int = 0
    dropped: int = 0
    timings: StepTimings = StepTimings()
    replay_of: str | None = None
    progress: tuple[int, int] | None = None
    batch: BatchProgress | None = None

    def moved(self, state: JobState, **changes: Any) -> JobRecord:
        """The record in its next state.

        Raises:
            IllegalTransition: the job cannot go there.
        """
        check_transition(self.state, state)
        return replace(self, state=state, updated_at=time.time(), progress=None, batch=None, **changes)


@dataclass(frozen=True, slots=True)
class JobDetail:
    """The large parts of a job, read only when somebody looks at it.

    Attributes:
        payload: the event as received, secrets masked and URL queries cut.
        answer: `{"objects", "classifications", "relations"}` that was built, or None.
        response: the exact event or HTTP body that was sent (secrets masked), or None.
        notes: what was repaired, dropped or warned about, in order.
        predictions: instances before the confidence filter, as JSON, or None.
    """

    payload: Any = None
    answer: dict[str, Any] | None = None
    response: Any = None
    notes: tuple[str, ...] = ()
    predictions: list[dict[str, Any]] | None = None
