"""Local files run through a profile exactly as a job would be; nothing is sent."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.core.errors import AssetError, KnownError
from desktop_app.core.events import Level
from desktop_app.core.job import Job, StepTimings
from desktop_app.core.profile import Profile
from desktop_app.hub import protocol
from desktop_app.hub.local_files import LocalFiles
from desktop_app.jobs.answer import build_answer
from desktop_app.runner.pool import Runner


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What one file gave.

    Attributes:
        answer: what the hub would be given to draw; None if it failed.
        response: the exact event payload, or None.
        warnings: what was repaired, dropped or logged as a warning.
        error: one line, "" if it went well; `details` holds a traceback.
        predictions: instances down to a low confidence, or None.
        dropped: how many predictions were left out.
    """

    file: Path
    payload: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    timings: StepTimings = field(default_factory=StepTimings)
    warnings: tuple[str, ...] = ()
    error: str = ""
    details: str = ""
    predictions: list[dict[str, Any]] | None = None
    width: int | None = None
    height: int | None = None
    dropped: int = 0

    @property
    def timings_ms(self) -> dict[str, float | None]:
        """See StepTimings.as_dict."""
        return self.timings.as_dict()

    def as_json(self) -> dict[str, Any]:
        """The object that `plugdeck test --json` prints for a file."""
        shown = {
            "file": str(self.file),
            "answer": self.answer,
            "response": self.response,
            "timings_ms": self.timings_ms,
            "warnings": list(self.warnings),
        }
        return {**shown, "error": self.error} if self.error else shown


class Trial:
    """A loaded profile that files can be run through."""

    def __init__(self, profile: Profile, runner: Runner, files: LocalFiles) -> None:
        self._profile = profile
        self._runner = runner
        self._files = files

    async def run(self, path: Path, config: str | None = None, mapping: Mapping[str, str] | None = None) -> TrialResult:
        """Runs one file. Its failure is in the result; it raises nothing that is known.

        Args:
            config: the Config JSON of the run.
            mapping: model class to schemaId; None maps nothing, so that every class is kept by its name.
        """
        path, exists = await asyncio.to_thread(lambda: (path.absolute(), path.is_file()))
        if not exists:
            return TrialResult(path, error=str(AssetError("There is no such file", where=str(path))))
        return await self.run_job(self._job(path, config, mapping), path)

    def url(self, path: Path) -> str:
        """A loopback address at which a script can fetch the file for as long as the trial lasts."""
        return self._files.url(path)

    async def run_job(self, job: Job, path: Path) -> TrialResult:
        """Runs a job on a file that is there; otherwise like `run`."""
        warnings: list[str] = []

        def heard(level: Level, message: str, _extra: dict[str, Any]) -> None:
            if level >= Level.WARNING:
                warnings.append(message)

        began = time.perf_counter()
        ran = built_at = began
        try:
            prediction = await self._runner.run(job, path, log=heard)
            ran = time.perf_counter()
            built = build_answer(prediction, job, self._profile.answer_format)
            built_at = time.perf_counter()
        except KnownError as error:
            return TrialResult(
                path,
                _shown(job),
                timings=_timings(began, time.perf_counter()),
                warnings=tuple(warnings),
                error=str(error),
                details=error.details,
            )
        return TrialResult(
            file=path,
            payload=_shown(job),
            answer=built.answer,
            response=protocol.success(job, built.response, export=built.export),
            timings=StepTimings(
                fetch=0.0,
                queue=0.0,
                run=(ran - began) * 1000,
                build=(built_at - ran) * 1000,
                total=(built_at - began) * 1000,
            ),
            warnings=(*warnings, *built.notes),
            predictions=prediction.candidates or None,
            width=prediction.width,
            height=prediction.height,
            dropped=built.dropped,
        )

    def _job(self, path: Path, config: str | None, mapping: Mapping[str, str] | None) -> Job:
        schema = (
            [{"schemaId": schema_id, "modelClass": name} for name, schema_id in mapping.items()] if mapping else None
        )
        payload = {
            "session": f"test-{uuid.uuid4().hex[:12]}",
            "projectId": "test",
            "orgId": "test",
            "runBy": "test",
            "apiKey": "",
            "dataURL": self.url(path),
            "categorySchema": schema or None,
            "configJSON": config,
            "batches": [],
            "workflow": False,
        }
        return protocol.parse_job(payload, self._profile.id)


@asynccontextmanager
async def trial(profile: Profile, runner: Runner) -> AsyncIterator[Trial]:
    """Loads the profile's model for as long as the block lasts.

    Raises:
        ModelLoadError: it cannot be loaded.
    """
    async with LocalFiles() as files:
        try:
            await runner.start()
            yield Trial(profile, runner, files)
        finally:
            await runner.stop()


async def run_files(
    profile: Profile,
    runner: Runner,
    paths: Sequence[Path],
    config: str | None = None,
    mapping: Mapping[str, str] | None = None,
) -> list[TrialResult]:
    """Runs the files one after the other.

    Raises:
        ModelLoadError: the model cannot be loaded.
    """
    async with trial(profile, runner) as loaded:
        return [await loaded.run(path, config, mapping) for path in paths]


def _shown(job: Job) -> dict[str, Any]:
    return {key: value for key, value in job.data.items() if key != "apiKey"}


def _timings(began: float, now: float) -> StepTimings:
    return StepTimings(run=(now - began) * 1000, total=(now - began) * 1000)
