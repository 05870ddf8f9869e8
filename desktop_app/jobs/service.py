"""One running profile: its worker, its connection, its queue and the jobs in hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop_app.core import aio
from desktop_app.core.errors import JobError, KnownError, ModelError, StoreError
from desktop_app.core.events import Level, ModelLoaded, ProfileState, ProfileStatus
from desktop_app.core.job import Job, JobRecord, JobState
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.hub import protocol
from desktop_app.hub.client import HubClient
from desktop_app.hub.listener import Link
from desktop_app.jobs.batch.room import BatchRoom
from desktop_app.jobs.connectors import Ears, connect
from desktop_app.jobs.leaving import Leaving
from desktop_app.jobs.pipeline import CANCELLED, LAST_WORDS_S, Pipeline
from desktop_app.jobs.queue import JobQueue, Waiting
from desktop_app.jobs.resume import Reading
from desktop_app.jobs.sessions import Sessions
from desktop_app.jobs.shared import Shared
from desktop_app.jobs.takeup import TakeUp
from desktop_app.runner.pool import RunnerPhase, RunnerState, WorkerLine
from desktop_app.runner.reload import ScriptWatch

if TYPE_CHECKING:
    from desktop_app.hub.rest import RestServer

log = logging.getLogger(__name__)

AHEAD = 12
"""Jobs whose assets are fetched while others are in the model: behind 300 ms, enough for forty jobs a second."""

CROWDED_LOOK_S = 0.1
DISK_S = 0.5
"""How long an end waits for what the disk has of the jobs that came last."""
PRESSED_S = 2.0
"""The longest that reading from the hub is held up for the disk."""


class ProfileService:
    """Serves one profile from start to stop.

    Args:
        rest: where the hub calls, or None for a connection of ours to the hub.

    Attributes:
        status: what the profile is doing.
        info: what the worker said of its model, or None while it has none.
    """

    def __init__(self, profile: Profile, shared: Shared, rest: RestServer | None = None) -> None:
        self.profile = profile
        self._shared = shared
        self._recorder = shared.recorder
        self._runner = shared.make_runner(profile, self._worker_said, self._runner_changed)
        self._client = HubClient(profile.host)
        self._records: dict[str, JobRecord] = {}
        self._left_before = TakeUp(
            profile,
            shared.history,
            shared.outbox,
            shared.recorder,
            self._records,
            self._beside_now,
            self._client,
            self._own_key,
        )
        ears = Ears(
            job=self._job_arrived,
            link=self._link_changed,
            up=self._up,
            ping=self._ping,
            roomy=lambda: self._queue.roomy(PRESSED_S),
            restored=self._left_before.restored,
            given_up=self._given_up,
            refusal=lambda: str(self._refusal() or ""),
            is_export=lambda: (self.info or {}).get("kind") == "export",
        )
        self._listener, self._delivery = connect(
            profile, lambda: shared.secret(profile), shared.outbox, self._client, ears, shared.timing, rest
        )
        self._pipeline = Pipeline(
            profile, self._runner, shared.assets, self._client, self._delivery, shared.recorder, shared.on_bug
        )
        self._batches = BatchRoom(profile, shared, self._runner, self._client, self._pipeline, self._refusal)
        self._pipeline.batches = self._batches
        self._in_hand: dict[str, Waiting] = {}
        reading = Reading(profile, shared.history, self._records, self._batches.own_key)
        self._queue = JobQueue(read_back=reading)
        self._hand = asyncio.Semaphore(profile.jobs_in_worker + AHEAD)
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._sessions = Sessions(profile, shared.history, shared.outbox, self._delivery, shared.recorder)
        self._beside: set[asyncio.Task[Any]] = set()
        self._consumer: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._accepting = True
        self._leaving = Leaving(profile, self._pipeline)
        self._hurry = asyncio.Event()
        self._watch: ScriptWatch | None = None
        if isinstance(profile.source, CallbackSource) and profile.source.reload_on_change:
            self._watch = ScriptWatch(profile.source.script, self.restart_worker)
        self._failed: ProfileStatus | None = None
        self._running = 0
        self.info: dict[str, Any] | None = None
        self.status = ProfileStatus(profile.id)

    def start(self) -> None:
        """Begins to load the model, then to connect; returns at once."""
        self._loading = aio.spawn(self._start(self._runner.start), name=f"start {self.profile.name}")
        if self._watch is not None:
            self._watch.start()

    async def stop(self, drain_s: float = 5.0, *, for_good: bool = False) -> None:
        """Begins no more jobs, lets those in the model finish for so long, and ends worker and connection.

        Jobs that are left over, or arrive meanwhile, go on at the next start; the hub hears now of those that cannot.

        Args:
            for_good: there may be no next start: all that are left over end with an error.
        """
        self._accepting = False
        self._leaving.begin(for_good=for_good or self._delivery.answers_calls)
        if self._watch is not None:
            await self._watch.stop()
        await aio.cancel_and_wait(self._loading, self._consumer, *self._beside)
        self._pipeline.leaving = True
        self._pipeline.left_over = lambda job, record: self._leaving.left_over(job, self._in_hand[job.id], record)
        for waiting in self._queue.drain():
            self._leaving.leave(waiting, self._records.pop(waiting.id))
        self._batches.leave()
        try:
            if self._tasks and drain_s > 0:
                await self._drain(drain_s)
            await aio.cancel_and_wait(*self._tasks.values())
            await self._leaving.decide(DISK_S)
            self._leaving.hold_tongue()
            await self._pipeline.close(LAST_WORDS_S if self._listener.connected else 0.0)
            self._delivery.closing()
            self._delivery.closed(clean=await self._listener.stop())
        finally:
            await self._pipeline.close(0.0)
            await self._batches.close()
            await self._runner.stop()
            await self._client.close()
            self._set(ProfileStatus(self.profile.id))

    def pending(self) -> tuple[int, int]:
        """How many jobs are not answered yet (queued ones too), and how many answers wait for the hub."""
        answered = {job_id for job_id in self._tasks if self._pipeline.is_answered(job_id)}
        return len(self._tasks) - len(answered) + len(self._records), len(answered | self._delivery.waiting_ids)

    def hurry(self) -> None:
        """Cuts the drain of a `stop` short that is under way."""
        self._hurry.set()

    async def _drain(self, limit_s: float) -> None:
        drained = aio.spawn(asyncio.wait(list(self._tasks.values())), name=f"drain {self.profile.name}")
        hurry = aio.spawn(self._hurry.wait(), name=f"hurry {self.profile.name}")
        await asyncio.wait({drained, hurry}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        await aio.cancel_and_wait(drained, hurry)

    async def restart_worker(self) -> None:
        """A new worker with the model loaded again; jobs in it are done once more. Also the way out of a failure."""
        if not self._accepting:
            return
        self._failed = None
        if self._loading is not None and not self._loading.done():
            await aio.cancel_and_wait(self._loading)
        self._loading = aio.spawn(self._start(self._runner.restart), name=f"restart {self.profile.name}")
        await asyncio.wait([self._loading])

    def renew(self, why: str) -> None:
        """Connects anew: the connection may be dead without knowing."""
        self._listener.renew(why)

    def reconnect_now(self) -> None:
        """Tries to connect without waiting any longer."""
        self._listener.reconnect_now()

    def cancel(self, job_id: str) -> bool:
        """Ends a job; the hub hears that it was cancelled. False if it is not here or over already."""
        waiting = self._queue.cancel(job_id)
        if waiting is not None:
            job = waiting.stub(self.profile.id)
            self._pipeline.end(job, self._records.pop(job_id), KnownError(CANCELLED), JobState.CANCELLED)
            self._count()
            return True
        task = self._tasks.get(job_id)
        # An answer that is on its way stands: a second one, different, must never follow.
        return task is not None and not self._pipeline.is_answered(job_id) and task.cancel()

    def pause(self, job_id: str, paused: bool) -> bool:
        """Holds a job over a whole project, or lets it go on; False if none runs here."""
        return self._batches.pause(job_id, paused)

    def _end_waiting(self, error: KnownError) -> None:
        for waiting in self._queue.drain():
            self._pipeline.end(waiting.stub(self.profile.id), self._records.pop(waiting.id), error)

    async def _start(self, load: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._set(ProfileStatus(self.profile.id, ProfileState.LOADING))
        try:
            self.info = await load()
        except ModelError as error:
            self._recorder.log(Level.ERROR, str(error), profile=self.profile, details=error.details)
            self._failed = ProfileStatus(self.profile.id, ProfileState.MODEL_FAILED, str(error))
            self._set(self._failed)
            return
        self._failed = None
        if self._watch is not None:
            self._watch.watch(self.info.get("files", ()))
        self._shared.on_model(ModelLoaded(self.profile.id, self.info))
        self._say_what_runs(self.info)
        if self._consumer is None:
            try:
                await self._left_before.run(self._sessions, self._queue, self._delivery, self._pipeline)
                self._count()
            except (StoreError, ValueError) as error:
                self._recorder.log(Level.ERROR, f"Earlier jobs cannot be taken up: {error}", profile=self.profile)
            self._consumer = aio.spawn(self._consume(), name=f"queue {self.profile.name}")
            self._listener.start()
        else:
            self._link_changed(self._listener.link)

    def _say_what_runs(self, info: dict[str, Any]) -> None:
        """The provider that the model really runs on, and why it is not the one that was asked for."""
        provider = info.get("provider")
        if provider:
            what = f"Model loaded: {info.get('family')}, {info.get('task')}; it runs on {str(provider).upper()}"
            self._recorder.log(Level.INFO, what, profile=self.profile)
        asked = info.get("concurrency")
        if isinstance(asked, int) and asked > self.profile.concurrency:
            what = f"The script asks for {asked} jobs at once; the profile allows {self.profile.concurrency}"
            self._recorder.log(Level.INFO, what, profile=self.profile)
        for note in info.get("notes") or ():
            self._recorder.log(Level.WARNING, str(note), profile=self.profile)

    async def _own_key(self) -> str | None:
        return await self._batches.own_key()

    def _beside_now(self, coro: Coroutine[Any, Any, None], name: str) -> asyncio.Task[Any]:
        task = aio.spawn(coro, name=name)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    def _job_arrived(self, payload: Any) -> None:
        try:
            job = protocol.parse_job(payload, self.profile.id)
        except JobError as error:
            self._recorder.log(Level.ERROR, str(error), profile=self.profile)
            return
        known = self._sessions.ids.get(job.session)
        if known is not None:
            self._again(job, known)
            return
        self._sessions.remember(job.session, job.id)
        if self._batches.takes(job):
            self._beside_now(self._batches.ask_for_key(), f"API key {job.session}")
        record, storing = self._pipeline.arrived(job)
        refusal = self._refusal()
        waiting = None
        if refusal is None:
            try:
                waiting = self._queue.submit(job) if self._accepting else Waiting.of(job)
            except JobError as error:
                refusal = error
        if waiting is not None:
            waiting.written = storing
        storing.add_done_callback(lambda done: self._stored(done, waiting))
        if refusal is not None:
            self._pipeline.end(job, record, refusal)
        elif self._accepting:
            self._records[job.id] = record
            self._count()
        elif waiting is not None:
            self._leaving.leave(waiting, record)

    def _stored(self, storing: asyncio.Future[dict[str, Any] | None], waiting: Waiting | None) -> None:
        """A job's event is on disk, or could not be put there."""
        error = None if storing.cancelled() else storing.exception()
        if error is not None:
            log.warning("a job's event could not be kept on disk: %s", error)
        elif waiting is not None and not storing.cancelled():
            self._queue.stored(waiting, storing.result())
        if waiting is not None:
            self._leaving.stored(waiting)

    def _refusal(self) -> KnownError | None:
        if self._leaving.for_good:
            return KnownError("Plugdeck is being closed", remedy="Run the plugin again once it is back.")
        if self._failed is not None:
            return KnownError(self._failed.detail or "The model does not run")
        return None

    def _again(self, job: Job, known: str) -> None:
        """The hub sent a session a second time: same session, same answer, never two different ones."""
        self._recorder.log(Level.WARNING, "The hub sent this job again", profile=self.profile, job=job)
        if self._queue.renew(replace(job, id=known)):
            return
        if known in self._tasks or known in self._records or self._delivery.again(known):
            return
        self._beside_now(self._sessions.answer_again(job, known), f"again {job.session}")

    async def _consume(self) -> None:
        while True:
            await self._hand.acquire()
            while self._delivery.crowded:  # noqa: ASYNC110 - rare, and its end has no event
                await asyncio.sleep(CROWDED_LOOK_S)
            waiting = await self._queue.take()
            record = self._records.pop(waiting.id)
            if waiting.job is None:
                self._hand.release()
                error = waiting.problem or KnownError("The job cannot be read back from the disk")
                self._pipeline.end(waiting.stub(self.profile.id), record, error)
                self._count()
            else:
                self._take_in_hand(waiting, waiting.job, record)

    def _take_in_hand(self, waiting: Waiting, job: Job, record: JobRecord) -> None:
        begun = False

        async def work() -> None:
            nonlocal begun
            begun = True
            await self._pipeline.run(job, record, ran)

        held = True
        long = self._batches.takes(job)
        if long:
            self._hand.release()  # it takes hours, and its assets wait for their turns like anybody's

        def ran() -> None:
            nonlocal held
            if held:
                held = False
                if not long:
                    self._hand.release()
                self._running -= 1
                self._count()

        def ended(_: asyncio.Task[None]) -> None:
            self._tasks.pop(job.id, None)
            ran()
            error = self._pipeline.left_over(job, record) if not begun and self._pipeline.leaving else None
            self._in_hand.pop(job.id, None)
            if error is not None:
                self._pipeline.end(job, record, error)
            elif not begun and not self._pipeline.leaving:
                # Cancelled before its first step, so that the pipeline never saw it.
                self._pipeline.end(job, record, KnownError(CANCELLED), JobState.CANCELLED)

        self._running += 1
        self._count()
        task = aio.spawn(work(), name=f"job {job.session}")
        self._tasks[job.id] = task
        self._in_hand[job.id] = waiting
        task.add_done_callback(ended)

    def _up(self) -> None:
        self._delivery.up()

    def _ping(self) -> None:
        self._delivery.ping()

    def _given_up(self, job_id: str, session: Any, why: str) -> None:
        self._left_before.given_up(job_id, session, why, self._pipeline)

    def _link_changed(self, link: Link) -> None:
        if self._failed is not None and link.state is not ProfileState.STOPPED:
            return
        old = self.status
        if link.state is not old.state and link.detail:
            level = Level.WARNING if link.retry_at else Level.INFO
            self._recorder.log(level, f"{link.state}: {link.detail}", profile=self.profile)
        self._set(ProfileStatus(self.profile.id, link.state, link.detail, retry_at=link.retry_at))

    def _runner_changed(self, state: RunnerState) -> None:
        if state.stopped and self._consumer is None:
            pass  # it never ran: whoever loads it hears why
        elif state.stopped:
            self._failed = ProfileStatus(self.profile.id, ProfileState.CRASHED, state.detail, crashes=state.crashes)
            self._set(self._failed)
            self._end_waiting(KnownError(state.detail, remedy="See the plugin's log in Plugdeck."))
        elif state.phase is RunnerPhase.RESTARTING and self._consumer is None:
            # Not connected before the model can answer: what it waits for is all there is to say.
            self._set(ProfileStatus(self.profile.id, ProfileState.LOADING, state.detail, retry_at=state.retry_at))
        elif self._failed is None:
            self._set(self.status)

    def _worker_said(self, line: WorkerLine) -> None:
        self._recorder.log(
            line.level, line.message, profile=self.profile, job=line.job, source=line.source, details=line.details
        )

    def _count(self) -> None:
        self._set(self.status)

    def _set(self, status: ProfileStatus) -> None:
        """Fills in the counters and tells, if anything changed."""
        busy = max(self._running, 0)
        state = status.state
        if state in (ProfileState.ONLINE, ProfileState.BUSY):
            state = ProfileState.BUSY if busy else ProfileState.ONLINE
        new = ProfileStatus(
            self.profile.id,
            state,
            status.detail,
            running=busy,
            queued=len(self._queue),
            retry_at=status.retry_at,
            crashes=self._runner.crashes,
        )
        if new != self.status:
            self.status = new
            self._shared.on_status(new)
