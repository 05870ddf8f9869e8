"""Files that were tested with a plugin, in the form of jobs, so that the same views show them."""

from __future__ import annotations

import mimetypes
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop_app.core.job import JobDetail, JobRecord, JobState, StepTimings
from desktop_app.core.profile import Profile


def tested_job(profile: Profile, result: Any) -> tuple[JobRecord, JobDetail]:
    """A record and a detail for one result of `host.test`; `replay_of` names itself, as nothing was sent."""
    number = uuid.uuid4().hex
    path = Path(str(_get(result, "file", "")))
    answer = _get(result, "answer")
    error = _get(result, "error")
    timings = _get(result, "timings_ms", {})
    steps = timings if isinstance(timings, Mapping) else {}
    names = ("fetch", "queue", "run", "build", "deliver", "total")
    parts = [answer.get(part) for part in ("objects", "classifications")] if isinstance(answer, Mapping) else []
    now = time.time()
    record = JobRecord(
        id=number,
        session="test",
        profile_id=profile.id,
        profile_name=profile.name,
        state=JobState.FAILED if error else JobState.DELIVERED,
        received_at=now,
        updated_at=now,
        error=str(error) if error else "",
        details=str(_get(result, "details", "") or ""),
        width=_get(result, "width"),
        height=_get(result, "height"),
        external_id=path.name,
        asset_path=str(path),
        asset_type=mimetypes.guess_type(path.name)[0] or "",
        objects=sum(len(part) for part in parts if isinstance(part, (list, tuple))),
        timings=StepTimings(**{name: _number(steps.get(name)) for name in names}),
        replay_of=number,
    )
    detail = JobDetail(
        payload=_get(result, "payload"),
        answer=dict(answer) if isinstance(answer, Mapping) else None,
        response=_get(result, "response"),
        notes=tuple(str(note) for note in _get(result, "warnings", ()) or ()),
        predictions=_get(result, "predictions"),
    )
    return record, detail


def _get(result: Any, name: str, default: Any = None) -> Any:
    return result.get(name, default) if isinstance(result, Mapping) else getattr(result, name, default)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
