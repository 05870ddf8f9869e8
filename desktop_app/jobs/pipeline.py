"""The straight line: fetch, run, answer, deliver.

Every job ends in exactly one terminal state, and the hub hears it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import AssetError, DeliveryError, HubError, JobError, KnownError
from desktop_app.core.events import Level
from desktop_app.core.job import BatchProgress, Job, JobRecord, JobState, StepTimings
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.core.progress import progress_in
from desktop_app.hub import protocol
from desktop_app.hub.client import HubClient
from desktop_app.jobs.answer import Built, build_answer
from desktop_app.jobs.assets import Asset, Assets
from desktop_app.jobs.delivery import Delivery
from desktop_app.jobs.queue import Turns
from desktop_app.jobs.recorder import Recorder
from desktop_app.jobs.resume import stopped
from desktop_app.runner.pool import Runner

if TYPE_CHECKING:
    from desktop_app.jobs.batch.room import BatchRoom

log = logging.getLogger(__name__)

CANCELLED = "The job was cancelled in Plugdeck"
NO_KEY = "Plugdeck was started again while this job waited, so its API key, which is never on disk, is gone."

SCREEN_FETCHES = 4
"""Assets fetched for the screen alone, at once."""
QUICK_S = 0.05
"""A script that answers within this time has its asset fetched after its answer, in a pause between jobs of so long."""
LATER_S = 5.0
"""The longest that such a fetch waits for a pause."""
LAST_WORDS_S = 2.0
"""How long an end waits for the answers of the jobs that it ends."""


class Pipeline:
    """Runs the jobs of one profile.

    Args:
        on_bug: hears of an error that is ours (the crash reporter).
    """

    def __init__(
        self,
        profile: Profile,
        runner: Runner,
        assets: Assets,
        client: HubClient,
        delivery: Delivery,
        recorder: Recorder,
        on_bug: Callable[[BaseException, str], None],
    ) -> None:
        self._profile = profile
        self._runner = runner
        self._assets = assets
        self._client = client
        self._delivery = delivery
        self._recorder = recorder
        self._on_bug = on_bug
        self.turns = Turns(profile.jobs_in_worker)
        self.batches: BatchRoom | None = None
        """Does the jobs that are over whole projects."""
        self.leaving = False
        """Set when the profile is stopped: what is cancelled then was cancelled by nobody, and its answer says so."""
        self.left_over: Callable[[Job, JobRecord], KnownError | None] = lambda _, __: stopped()
        """Gives what a job ends with that is left over then, or None where it goes on at the next start."""
        self._answering: set[str] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._last_words: set[asyncio.Task[Any]] = set()
        self._for_screen = asyncio.Semaphore(SCREEN_FETCHES)
        self._in_hand = 0
        self._pause = asyncio.Event()
        self._pausing: asyncio.TimerHandle | None = None

    async def close(self, wait_s: float = LAST_WORDS_S) -> None:
        """Ends what runs beside the jobs. Answers of jobs that were ended get so long to leave.

        Those that do not are in the outbox: the next start sends them.
        """
        await cancel_and_wait(*self._beside)
        if self._pausing is not None:
            self._pausing.cancel()
        await asyncio.sleep(0)  # each gets as far as the outbox
        if self._last_words:
            await asyncio.wait(self._last_words, timeout=wait_s)
        await cancel_and_wait(*self._last_words)

    def is_answered(self, job_id: str) -> bool:
        """Whether the job's answer stands and is on its way: too late for another one."""
        return job_id in self._answering

    def end(self, job: Job, record: JobRecord, error: KnownError, state: JobState = JobState.FAILED) -> None:
        """Ends a job that never ran, without waiting for the hub."""
        self._spawn_last(self._fail(_Line(job, record, self._recorder), error, state), f"end {job.session}")

    def _spawn_last(self, last: Coroutine[Any, Any, None], name: str) -> None:
        task = spawn(last, name=name)
        self._last_words.add(task)
        task.add_done_callback(self._last_words.discard)

    def arrived(self, job: Job) -> tuple[JobRecord, asyncio.Future[dict[str, Any] | None]]:
        """Records a job that just came in; the future says what the disk does not have of it."""
        record = JobRecord(
            id=job.id,
            session=job.session,
            profile_id=self._profile.id,
            profile_name=self._profile.name,
            state=JobState.QUEUED,
            received_at=job.received_at,
            updated_at=job.received_at,
            url=(job.data_url or "").partition("?")[0],
            asset_id=job.asset_id or "",
            task_id=job.task_id or "",
            project_id=job.project_id or "",
            external_id=_short(job.data.get("externalId")),
            workflow=job.workflow,
        )
        self._recorder.record(record)
        return record, self._recorder.payload(job)

    async def run(self, job: Job, record: JobRecord, ran: Callable[[], None]) -> JobRecord:
        """Takes a job to its end; returns its last record.

        Args:
            ran: called once the model is done with the job, however it went: the next one may be taken in hand.
        """
        line = _Line(job, record, self._recorder)
        self._begin()
        ticket = self.turns.ticket(workflow=job.workflow)
        try:
            try:
                prediction = await self._predict(line, ticket)
            finally:
                self.turns.leave(ticket)
                ran()
            line.move(JobState.BUILDING)
            built = await self._build(line, prediction)
            line.move(JobState.DELIVERING, objects=built.objects, dropped=built.dropped)
            await self._deliver(line, built)
            line.move(JobState.DELIVERED)
        except KnownError as error:
            await self._fail(line, error)
        except asyncio.CancelledError:
            if not self.is_answered(job.id):
                self._broken_off(line)
            raise
        except Exception as error:  # noqa: BLE001 - one place turns bugs into reports; the session must end
            self._on_bug(error, f"job {job.session}")
            await self._fail(line, KnownError("Plugdeck itself failed on this job; a report was written"))
        finally:
            self._answering.discard(job.id)
            line.over.set()
            self._end()
        return line.record

    def _broken_off(self, line: _Line) -> None:
        if not self.leaving:
            last = self._fail(line, KnownError(CANCELLED), JobState.CANCELLED)
        elif error := self.left_over(line.job, line.record):
            last = self._fail(line, error)
        else:
            # It goes on at the next start, from the beginning.
            if line.record.state is not JobState.QUEUED:
                line.move(JobState.QUEUED)
            return
        self._spawn_last(last, f"broken off {line.job.session}")

    def _begin(self) -> None:
        self._in_hand += 1
        self._pause.clear()
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None

    def _end(self) -> None:
        self._in_hand -= 1
        if not self._in_hand:
            self._pausing = asyncio.get_running_loop().call_later(QUICK_S, self._pause.set)

    def tell_hub(self, job: Job, level: Level, message: str, extra: dict[str, Any] | None = None) -> None:
        """Adds a line to the session's log, as people read it in the hub."""
        self._delivery.log(protocol.log_line(job, self._profile.plugin_id, level, message, extra))

    async def _predict(self, line: _Line, ticket: tuple[bool, int]) -> Prediction:
        job = line.job
        if self.batches is not None and self.batches.takes(job):
            self.turns.leave(ticket)  # each of its assets draws its own
            line.mark("queue")
            line.move(JobState.RUNNING)
            prediction = await self.batches.run(job, line.batch)
            line.mark("run")
            return prediction
        if isinstance(self._profile.source, CallbackSource):
            # The script fetches for itself, as ever; ours is for the screen, and must not keep it waiting.
            fetching = spawn(self._fetch_beside(line), name=f"fetch {job.session}")
            self._beside.add(fetching)
            fetching.add_done_callback(self._beside.discard)
            try:
                async with self.turns.enter(ticket):
                    line.mark("queue")
                    line.move(JobState.RUNNING)
                    prediction = await self._runner.run(job, None, log=self._script_log(line))
            except BaseException:
                fetching.cancel()
                raise
            line.mark("run")
            return prediction
        line.move(JobState.FETCHING)
        asset = await self._fetch(line)
        line.mark("fetch")
        async with self.turns.enter(ticket):
            line.mark("queue")
            line.move(JobState.RUNNING)
            prediction = await self._runner.run(job, asset.path, log=self._script_log(line))
        line.mark("run")
        line.note(width=prediction.width, height=prediction.height)
        return prediction

    async def _fetch(self, line: _Line) -> Asset:
        job = line.job
        if job.asset_path is not None:
            # An earlier run fetched it; its address may have been signed, and is worth nothing any more.
            return Asset(Path(job.asset_path), job.asset_type, 0)
        url = job.data_url or await self._resolve(line)
        asset = await self._assets.fetch(url, self._profile)
        line.note(asset_path=str(asset.path), asset_type=asset.media_type)
        return asset

    async def _resolve(self, line: _Line) -> str:
        """The asset's address where the hub sent only its id."""
        job = line.job
        if not (job.asset_id and job.project_id and job.api_key):
            raise JobError(
                "The job names no asset",
                where="no dataURL, and no assetId with projectId and apiKey",
                remedy="Run the plugin on an asset.",
            )
        found = await self._client.asset(job.api_key, job.project_id, job.asset_id)
        url = found.get("data")
        if not isinstance(url, str) or not url:
            raise JobError("The hub gives no address for the asset", where=f"asset {job.asset_id}")
        line.note(url=url.partition("?")[0], external_id=_short(found.get("externalId")))
        return url

    async def _fetch_beside(self, line: _Line) -> None:
        with contextlib.suppress(TimeoutError):
            # The screen can wait for a moment, the people who wait for answers should not.
            async with asyncio.timeout(QUICK_S):
                await line.over.wait()
            async with asyncio.timeout(LATER_S):
                await self._pause.wait()
        began = time.perf_counter()
        try:
            async with self._for_screen:
                asset = await self._fetch(line)
        except (AssetError, JobError, HubError) as error:
            self._recorder.log(
                Level.WARNING, f"The asset cannot be shown: {error}", profile=self._profile, job=line.job
            )
            return
        line.timed("fetch", (time.perf_counter() - began) * 1000)
        self._runner.provide_asset(line.job.id, asset.path)
        line.show()

    async def _build(self, line: _Line, prediction: Prediction) -> Built:
        job = line.job
        existing = None
        if job.overwrite is False and prediction.kind == "model":
            existing = await self._existing(job)
        built = build_answer(prediction, job, self._profile.answer_format, existing)
        for note in () if prediction.told else built.notes:
            self._recorder.log(Level.WARNING, note, profile=self._profile, job=job)
            self.tell_hub(job, Level.WARNING, note)
        event = protocol.success(job, built.response, export=built.export)
        sent = built.body if job.workflow else event
        self._recorder.answer(job, built.answer, sent, built.notes, prediction.candidates or None)
        line.mark("build")
        return built

    async def _existing(self, job: Job) -> dict[str, Any]:
        """The task's present annotations, to be kept. Without them the answer would wipe a person's work."""
        if not (job.task_id and job.api_key):
            raise JobError(
                "The job asks to keep the task's annotations but they cannot be read",
                where="no taskId or no apiKey",
                remedy="Run the plugin again, or let it overwrite.",
            )
        task = await self._client.task(job.api_key, job.task_id)
        answer = task.get("answer")
        return answer if isinstance(answer, dict) else {}

    async def _deliver(self, line: _Line, built: Built) -> None:
        job = line.job
        by_http = job.workflow and built.answer is not None
        try:
            if by_http:
                self._answering.add(job.id)
                await self._delivery.annotate(job, built)
            else:
                kept = self._delivery.keep(job, protocol.success(job, built.response, export=built.export))
                self._answering.add(job.id)
                await self._delivery.deliver(kept)
        except DeliveryError:
            self._answering.discard(job.id)
            raise
        line.mark("deliver")
        line.total()

    async def _fail(self, line: _Line, error: KnownError, state: JobState = JobState.FAILED) -> None:
        job = line.job
        if job.resumed and isinstance(self._profile.source, CallbackSource):
            error = KnownError(error.what, where=error.where, remedy=NO_KEY, details=error.details)
        # The outbox comes before the history: a crash between them must not leave a job that is over and unanswered.
        kept = self._delivery.keep(job, protocol.failure(job))
        self._answering.add(job.id)
        line.broke_off()
        line.total()
        line.move(state, error=str(error), details=error.details)
        # That somebody wanted it so is no error.
        here, there = (Level.INFO, Level.WARNING) if state is JobState.CANCELLED else (Level.ERROR, Level.ERROR)
        self._recorder.log(here, str(error), profile=self._profile, job=job, details=error.details)
        self.tell_hub(job, there, f"{error}\n{error.details}" if error.details else str(error))
        try:
            await self._delivery.deliver(kept)
        finally:
            self._answering.discard(job.id)

    def _script_log(self, line: _Line) -> Callable[[Level, str, dict[str, Any]], None]:
        job = line.job

        def heard(level: Level, message: str, extra: dict[str, Any]) -> None:
            line.progress(progress_in(message))
            self._recorder.log(level, message, profile=self._profile, job=job, source="script")
            self.tell_hub(job, level, message, extra)

        return heard


def _short(value: Any) -> str:
    """An id from outside as it is kept and shown."""
    return value[:500] if isinstance(value, str) else ""


class _Line:
    """One job on its way: its record, and the clock of its steps."""

    def __init__(self, job: Job, record: JobRecord, recorder: Recorder) -> None:
        self.job = job
        self.record = record
        self._recorder = recorder
        self._began = time.perf_counter()
        self._last = self._began
        self._waited = max(time.time() - job.received_at, 0.0) * 1000
        self._timings: dict[str, float] = {}
        self.over = asyncio.Event()
        """Set when the job has ended."""

    def move(self, state: JobState, **changes: Any) -> None:
        self.record = self._recorder.record(self.record.moved(state, timings=self._timed(), **changes))

    def note(self, **changes: Any) -> None:
        """Adds what became known; it is recorded with the next move."""
        self.record = replace(self.record, **{key: value for key, value in changes.items() if value is not None})

    def progress(self, told: tuple[int, int] | None) -> None:
        """How far the script says it is; for who watches, and not for the history."""
        if told is not None and told != self.record.progress and self.record.state is JobState.RUNNING:
            self.record = replace(self.record, progress=told)
            self._recorder.tell(self.record)

    def batch(self, told: BatchProgress) -> None:
        """How far a run over a project is."""
        if self.record.state is JobState.RUNNING:
            steps = (told.done, told.total) if told.total else None
            self.record = replace(self.record, progress=steps, batch=told)
            self._recorder.tell(self.record)

    def show(self) -> None:
        """Records what became known beside the straight line."""
        self.note(timings=self._timed())
        self._recorder.record(self.record)

    def mark(self, step: str) -> None:
        """The step that ended now."""
        now = time.perf_counter()
        self.timed(step, (now - self._last) * 1000 + (self._waited if step == "queue" else 0.0))
        self._last = now

    def broke_off(self) -> None:
        """The step that was under way has ended too, if not well."""
        step = {JobState.FETCHING: "fetch", JobState.RUNNING: "run", JobState.BUILDING: "build"}.get(self.record.state)
        if step is not None and step not in self._timings:
            self.mark(step)

    def timed(self, step: str, milliseconds: float) -> None:
        self._timings[step] = milliseconds

    def total(self) -> None:
        self.timed("total", (time.perf_counter() - self._began) * 1000 + self._waited)

    def _timed(self) -> StepTimings:
        return replace(self.record.timings, **self._timings)
