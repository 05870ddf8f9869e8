"""A job of the history answered once more, by its own profile or another one, from the cached asset.

It runs as the job did: the same fields, class mapping and Config JSON, through a worker of its own. Nothing is sent to
the hub, and nothing is asked of it: the API key of a job is never on disk. What came of it is kept in the history as a
replay of its job, under a session of its own (`replay-…`, which the model sees too), and compared with that job's
answer.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from desktop_app.core.annotation import Answer
from desktop_app.core.compare import Comparison, compare
from desktop_app.core.errors import AssetError, JobError
from desktop_app.core.job import Job, JobDetail, JobRecord, JobState
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.hub import protocol
from desktop_app.jobs.recorder import Recorder
from desktop_app.jobs.trial import Trial, TrialResult, trial
from desktop_app.runner.pool import Runner
from desktop_app.store.history import History

REPLAY = "replay"
SHADOW = "shadow"

KEPT_NOT = "The task's own annotations are not in this answer: reading them takes the API key, which is never kept."


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay.

    Attributes:
        record: as it stands in the history.
        original: the job that was replayed.
        comparison: the job's own answer against the new one; None where either has none.
    """

    record: JobRecord
    original: JobRecord
    result: TrialResult
    comparison: Comparison | None

    def as_json(self) -> dict[str, Any]:
        """The object that `plugdeck jobs replay --json` prints: that of `test`, and the comparison."""
        compared = None if self.comparison is None else self.comparison.as_json()
        return {
            **self.result.as_json(),
            "session": self.record.session,
            "replay_of": self.original.session,
            "profile": self.record.profile_name,
            "comparison": compared,
        }


class Replayer:
    """Replays jobs of one history.

    Args:
        recorder: keeps the replays and tells of them; see `again` for replays that nobody is told of.
    """

    def __init__(self, history: History, recorder: Recorder) -> None:
        self._history = history
        self._recorder = recorder

    async def find(self, session: str) -> JobRecord:
        """The latest job of a session, or the one that a replay's session repeats.

        Raises:
            JobError: the history has none.
        """
        found = await self._history.find_session(session)
        record = next((one for one in found if one.replay_of is None), found[0] if found else None)
        if record is None:
            raise JobError("The history has no job of that session", where=session, remedy="See: plugdeck jobs list")
        return await self.root(record)

    async def root(self, record: JobRecord) -> JobRecord:
        """The job itself, where `record` is a replay of it and it is still in the history."""
        original = await self._history.get(record.replay_of) if record.replay_of else None
        return original or record

    async def replay(self, original: JobRecord, profile: Profile, runner: Runner) -> Replay:
        """Replays one job in a worker of its own.

        Raises:
            AssetError: its asset has left the cache.
            JobError: what the hub sent was not kept.
            ModelLoadError: the model cannot be loaded.
        """
        await self.check(original)
        async with trial(profile, runner) as loaded:
            return await self.again(original, profile, loaded)

    async def check(self, original: JobRecord) -> tuple[Path, JobDetail]:
        """The asset's file and what is kept of a job.

        Raises:
            AssetError, JobError: see `replay`.
        """
        path = Path(original.asset_path) if original.asset_path else None
        if path is None or not await asyncio.to_thread(path.is_file):
            raise AssetError(
                "The job's asset is not in the cache, so it cannot be replayed",
                where=original.external_id or original.url or original.session,
                remedy="Run the plugin on the asset again; a larger cache keeps assets longer.",
            )
        detail = await self._history.detail(original.id)
        if not isinstance(detail.payload, dict):
            raise JobError(
                "What the hub sent for this job was not kept, so it cannot be replayed",
                where=original.session,
                remedy="Run the plugin on the asset again.",
            )
        return path, detail

    async def again(
        self, original: JobRecord, profile: Profile, loaded: Trial, *, kind: str = REPLAY, tell: bool = True
    ) -> Replay:
        """Replays one job with a model that is loaded already.

        Args:
            kind: how the new session's name begins.
            tell: whether views hear of it; else it is in the history alone.

        Raises:
            AssetError, JobError: see `replay`.
        """
        path, detail = await self.check(original)
        job = self._job(original, profile, detail.payload, loaded.url(path), kind)
        result = await loaded.run_job(job, path)
        result = _with_address(result, job.data_url, original.url)
        if job.overwrite is False and not result.error:
            result = replace(result, warnings=(*result.warnings, KEPT_NOT))
        record = _record(original, profile, job, result)
        if tell:
            self._recorder.record(record)
        else:
            self._history.record(record)
        self._history.store_payload(record.id, {**detail.payload, "session": job.session})
        if not result.error:
            self._recorder.answer(job, result.answer, result.response, result.warnings, result.predictions)
        comparison = None
        if detail.answer is not None and result.answer is not None:
            comparison = await asyncio.to_thread(compare_answers, detail.answer, result.answer)
        return Replay(record, original, result, comparison)

    def _job(self, original: JobRecord, profile: Profile, payload: Mapping[str, Any], url: str, kind: str) -> Job:
        fields = {**payload, "session": f"{kind}-{uuid.uuid4().hex[:12]}", "apiKey": ""}
        if isinstance(profile.source, CallbackSource):
            fields["dataURL"] = url
        return replace(protocol.parse_job(fields, profile.id), replay_of=original.id)


def compare_answers(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    """Compares two answers as JSON; takes seconds for thousands of objects, so leave it to a thread."""
    return compare(Answer.parse(before), Answer.parse(after))


def _record(original: JobRecord, profile: Profile, job: Job, result: TrialResult) -> JobRecord:
    parts = result.answer or {}
    return replace(
        original,
        id=job.id,
        session=job.session,
        profile_id=profile.id,
        profile_name=profile.name,
        state=JobState.FAILED if result.error else JobState.DELIVERED,
        received_at=job.received_at,
        updated_at=time.time(),
        error=result.error,
        details=result.details,
        width=result.width or original.width,
        height=result.height or original.height,
        objects=sum(len(parts.get(part) or ()) for part in ("objects", "classifications")),
        dropped=result.dropped,
        timings=result.timings,
        replay_of=original.id,
    )


def _with_address(result: TrialResult, ours: str | None, theirs: str) -> TrialResult:
    """The response as it would have gone out: a script repeats the address that it was given."""
    response = result.response
    inner = response.get("response") if response is not None else None
    if not ours or not isinstance(inner, dict) or inner.get("data") != ours:
        return result
    return replace(result, response={**(response or {}), "response": {**inner, "data": theirs}})
