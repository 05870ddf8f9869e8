"""The runner of a profile: a worker is loaded, fed, timed, watched and replaced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from desktop_app.child.wire import WireError
from desktop_app.core.aio import backoff, cancel_and_wait, report_bug, spawn
from desktop_app.core.errors import (
    AnswerError,
    CallbackError,
    KnownError,
    ModelError,
    ModelLoadError,
    ModelTimeout,
    WorkerDied,
)
from desktop_app.core.events import Level
from desktop_app.core.job import Job
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.runner import verdicts
from desktop_app.runner.command import run_frame
from desktop_app.runner.death import Death
from desktop_app.runner.hearing import Hearing, prediction_of
from desktop_app.runner.launch import load, make_worker
from desktop_app.runner.memory import MemoryWatch
from desktop_app.runner.process import WorkerProcess
from desktop_app.runner.runs import Lost, Run, Runs
from desktop_app.runner.state import JobLog, RunnerPhase, RunnerState, WorkerLine

__all__ = ["JobLog", "Runner", "RunnerPhase", "RunnerState", "WorkerLine"]

MAX_DEATHS = 5
"""Deaths without an answered job between them after which a worker is not started again by itself."""
LOAD_LIMIT_S = 600.0
CANCEL_GRACE_S = 2.0
"""How long a cancelled job may take to give way before its worker is killed."""


class Runner:
    """The host's handle on one profile's worker.

    Args:
        profile: what to run; a changed profile needs a new runner.
        scratch: a directory of ours that workers start in.
        secrets: gives the values kept out of the child's environment and of every line it writes.
        on_log: gets the worker's prints and what else belongs on this machine's screen.
        on_state: gets every change of state.
        load_limit_s: how long loading the model may take.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        scratch: Path,
        secrets: Callable[[], Iterable[str]] = tuple,
        on_log: Callable[[WorkerLine], None] = lambda _: None,
        on_state: Callable[[RunnerState], None] = lambda _: None,
        load_limit_s: float = LOAD_LIMIT_S,
    ) -> None:
        self.profile = profile
        self._scratch = scratch
        self._known_secrets = secrets
        self._hearing = Hearing(self._masks, on_log)
        self._on_state = on_state
        self._load_limit_s = load_limit_s
        self._is_callback = isinstance(profile.source, CallbackSource)
        self._slots = asyncio.Semaphore(profile.concurrency)
        self._state = RunnerState()
        self._worker: WorkerProcess | None = None
        self._loaded: asyncio.Future[dict[str, Any]] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._runs = Runs()
        self._known: dict[str, Run] = {}
        self._delays = backoff(first=0.5, limit=30.0)
        self._crashes = 0
        self._forgiven = False
        self._doom: KnownError | None = None
        self._hurry = asyncio.Event()
        self._restarting = asyncio.Lock()
        self._memory = MemoryWatch(profile.memory_limit_mb, self._took_too_much)
        self._info: dict[str, Any] = {}

    @property
    def _secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in self._known_secrets() if secret)

    @property
    def info(self) -> dict[str, Any]:
        """What the worker said of its model when it had loaded it; empty before."""
        return self._info

    @property
    def state(self) -> RunnerState:
        """The state now."""
        return self._state

    @property
    def crashes(self) -> int:
        """Deaths since a job was last answered."""
        return self._crashes

    @property
    def pid(self) -> int | None:
        """The worker's process id, or None while there is none."""
        worker = self._worker
        return worker.pid if worker is not None and worker.alive else None

    async def start(self) -> dict[str, Any]:
        """Starts the worker and waits until it has loaded its model; returns `info`.

        Raises:
            ModelLoadError: the model or script cannot be loaded.
        """
        if self._supervisor is None or self._supervisor.done():
            self._crashes = 0
            self._delays = backoff(first=0.5, limit=30.0)
            self._expect()
            self._supervisor = spawn(self._supervise(), name=f"runner of {self.profile.name}")
        return await self._ready()

    async def run(self, job: Job, asset_path: Path | None, *, log: JobLog) -> Prediction:
        """Runs one job; waits for a free place and, after a death, for the next worker.

        Args:
            asset_path: the file in the cache, or None where the script fetches for itself.
            log: gets what the script's logger says for this job.

        Raises:
            CallbackError: the script raised.
            ModelTimeout: the job took longer than the profile allows.
            WorkerDied: the process ended in the middle of the job.
            AnswerError: what came back cannot be an answer.
            ModelError: the worker cannot run, or the model failed on this asset.
        """
        run = Run(job, log, asset_path)
        self._known[job.id] = run
        has_slot = False
        try:
            await self._slots.acquire()
            has_slot = True
            try:
                return await self._attempt(run)
            except Lost:
                log(Level.WARNING, "the worker was killed because of another job; this one is run once more", {})
            try:
                return await self._attempt(run)
            except Lost:
                raise WorkerDied("the worker was killed twice because of other jobs", where=self.profile.name) from None
        except asyncio.CancelledError:
            if run in self._runs:
                has_slot = False  # it is the one's who waits until the worker has let go
                spawn(self._give_up(run), name=f"give up job {job.session}")
            raise
        finally:
            self._known.pop(job.id, None)
            if has_slot:
                self._slots.release()

    def provide_asset(self, job_id: str, path: Path) -> None:
        """Tells a running job where its file is now. Unknown and finished jobs are ignored."""
        run = self._known.get(job_id)
        if run is None:
            return
        run.asset_path = path
        if run in self._runs and self._worker is not None:
            self._worker.send({"type": "asset", "id": run.number, "path": str(path)})

    async def stop(self, grace_s: float = 2.0) -> None:
        """Ends the worker: asked first, killed after `grace_s` seconds. Jobs in it fail with WorkerDied."""
        supervisor, self._supervisor = self._supervisor, None
        await cancel_and_wait(supervisor)
        await self._memory.close()
        if self._worker is not None and self._worker.alive:
            await self._worker.stop(grace_s)
        self._runs.fail(WorkerDied("the worker was stopped", where=self.profile.name))
        if self._loaded is not None and not self._loaded.done():
            self._loaded.set_exception(ModelLoadError("the worker was stopped", where=self.profile.name))
            self._loaded.exception()
        self._move(RunnerPhase.STOPPED)

    async def restart(self) -> dict[str, Any]:
        """Replaces the worker after the jobs in it have ended; also the way out of a crash loop.

        Raises:
            ModelLoadError: see start.
        """
        async with self._restarting:
            phase = self._state.phase
            self._info = {}  # from here on it counts as not loaded: a failure is told at once instead of tried again
            if phase is RunnerPhase.RESTARTING:
                self._crashes = 0
                self._hurry.set()
            elif phase is RunnerPhase.STARTING:
                await self._replace()
            elif phase is RunnerPhase.READY:
                held = 0
                try:
                    while held < self.profile.concurrency:
                        await self._slots.acquire()
                        held += 1
                    await self._replace()
                finally:
                    for _ in range(held):
                        self._slots.release()
            return await self.start()

    async def _replace(self) -> None:
        worker = self._worker
        if worker is not None and worker.alive:
            self._retire()
            await worker.stop(1.0)

    # One job

    async def _attempt(self, run: Run) -> Prediction:
        await self._ready()
        worker = self._worker
        assert worker is not None  # noqa: S101
        outcome = self._runs.enter(run)
        try:
            worker.send(run_frame(self.profile, run.job, run.number, run.asset_path))
        except WireError as error:
            self._runs.leave(run)
            raise ModelError(f"the job cannot be handed to the worker: {error}", where=self.profile.name) from error
        try:
            prediction = await asyncio.wait_for(asyncio.shield(outcome), self.profile.timeout_s)
        except TimeoutError:
            if outcome.done():
                return outcome.result()
            self._runs.leave(run)
            raise await self._timed_out(worker) from None
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._runs.leave(run)
            raise
        self._runs.leave(run)
        return prediction

    async def _timed_out(self, worker: WorkerProcess) -> ModelTimeout:
        """Kills the worker that does not end a job; its other jobs are innocent."""
        self._retire()
        await worker.kill()
        return verdicts.timed_out(self.profile)

    async def _give_up(self, run: Run) -> None:
        """A cancelled job keeps its place until the worker has let go of it."""
        try:
            worker = self._worker
            if worker is None or run not in self._runs:
                return
            worker.send({"type": "cancel", "id": run.number})
            try:
                await asyncio.wait_for(run.let_go.wait(), CANCEL_GRACE_S)
            except TimeoutError:
                self._runs.leave(run)
                self._retire()
                await worker.kill()
        finally:
            self._runs.leave(run)
            self._slots.release()

    # The worker's life

    def _expect(self) -> None:
        if self._loaded is None or self._loaded.done():
            self._loaded = asyncio.get_running_loop().create_future()

    def _retire(self) -> None:
        """The worker is about to be ended by us: not its fault, and nothing more is sent to it."""
        self._forgiven = True
        self._expect()
        self._runs.fail(Lost())

    async def _ready(self) -> dict[str, Any]:
        """Waits for a worker that has its model.

        Raises:
            ModelLoadError: it cannot load it.
            ModelError: it is not running, or is not started any more.
        """
        while True:
            if self._loaded is None:
                raise ModelError("the worker is not running", where=self.profile.name, remedy="Start the profile.")
            info = await asyncio.shield(self._loaded)
            if self._worker is not None and self._worker.alive:
                return info
            await asyncio.sleep(0)  # it has just died; the supervisor is about to say what comes next

    async def _supervise(self) -> None:
        while True:
            self._forgiven = False
            self._doom = None
            self._hurry.clear()
            self._expect()
            self._move(RunnerPhase.STARTING)
            try:
                worker = await self._launch()
            except KnownError as error:
                if self._forgiven:
                    continue
                loaded_before = bool(self._info)
                self._crashes += 1
                if not loaded_before or self._crashes >= MAX_DEATHS:
                    self._give_out(error)
                    return
                detail = str(error)
            except Exception as error:  # noqa: BLE001 - a bug of ours must not leave the profile without a supervisor
                report_bug(error, f"starting the worker of {self.profile.name}")
                self._crashes += 1
                detail = f"the worker could not be started: {type(error).__name__}: {error}"
                if self._crashes >= MAX_DEATHS:
                    self._give_out(ModelLoadError(detail, where=self.profile.name, remedy="See the log."))
                    return
            else:
                death = await worker.wait()
                detail = self._bury(death)
                if self._crashes >= MAX_DEATHS:
                    self._give_out(verdicts.crash_loop(self.profile, self._crashes, detail))
                    return
                if self._forgiven:
                    self._expect()
                    continue
            delay = next(self._delays)
            self._move(RunnerPhase.RESTARTING, detail, retry_at=time.time() + delay)
            self._expect()
            try:
                await asyncio.wait_for(self._hurry.wait(), delay)
            except TimeoutError:
                pass

    async def _launch(self) -> WorkerProcess:
        """Starts a worker and waits until it has loaded.

        Raises:
            ModelLoadError: it cannot be started, or cannot load, or took too long.
        """
        loaded = self._loaded
        assert loaded is not None  # noqa: S101
        told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def on_frame(frame: dict[str, Any], blob: bytes) -> None:
            kind = frame.get("type")
            if kind == "loaded" and not told.done():
                info = frame.get("info")
                told.set_result(info if isinstance(info, dict) else {})
            elif kind == "failed" and not told.done():
                told.set_exception(self._hearing.error(frame, ModelLoadError))
            else:
                self._on_frame(frame, blob)

        worker = await make_worker(self.profile, self._scratch, self._secrets, on_frame, self._on_pulse)
        self._worker = worker
        await worker.start()
        self._move(RunnerPhase.STARTING)
        info = await load(worker, self.profile, told, self._load_limit_s, self._secrets)
        self._info = info
        self._move(RunnerPhase.READY)
        if not loaded.done():
            loaded.set_result(info)
        return worker

    def _bury(self, death: Death) -> str:
        """Tells the jobs of a dead worker, counts the death, and says why in a sentence."""
        for line in death.said.splitlines()[-20:]:
            if line.strip():
                self._hearing.say(WorkerLine(Level.INFO, line))
        if self._forgiven:
            self._runs.fail(Lost())
            return ""
        self._crashes += 1
        error = self._doom or verdicts.died(self.profile, death)
        error.details = self._hearing.masked(error.details)
        self._hearing.say(WorkerLine(Level.ERROR, str(error), details=error.details))
        self._runs.fail(error)
        return str(error)

    def _give_out(self, error: KnownError) -> None:
        self._move(RunnerPhase.FAILED, str(error))
        loaded = self._loaded
        if loaded is None or loaded.done():
            loaded = self._loaded = asyncio.get_running_loop().create_future()
        loaded.set_exception(error)
        loaded.exception()

    def _move(self, phase: RunnerPhase, detail: str = "", retry_at: float | None = None) -> None:
        state = RunnerState(phase, detail, self._crashes, self.pid, retry_at)
        if state != self._state:
            self._state = state
            self._on_state(state)

    # What the worker says

    def _on_frame(self, frame: dict[str, Any], blob: bytes) -> None:
        kind, number = frame.get("type"), frame.get("id")
        run = self._runs.get(number)
        if kind in ("result", "error"):
            if run is not None and run.outcome is not None:
                self._answered(run, run.outcome, frame)
            return
        job = self._runs.job(number)
        session_log = None if run is None else run.log
        if kind == "log":
            self._hearing.logged(frame, job, session_log)
        elif kind == "print":
            self._hearing.printed(frame, job)
        elif kind == "left_out":
            self._hearing.left_out(frame, job, session_log)

    def _answered(self, run: Run, outcome: asyncio.Future[Prediction], frame: dict[str, Any]) -> None:
        self._crashes = 0
        self._delays = backoff(first=0.5, limit=30.0)
        if self._state.crashes:
            self._move(self._state.phase)
        fields = frame.get("prediction")
        if outcome.done():
            pass
        elif frame["type"] == "result" and isinstance(fields, dict):
            outcome.set_result(prediction_of({**fields, "client": self._info.get("client")}))
        elif frame.get("kind") == "answer":
            outcome.set_exception(self._hearing.error(frame, AnswerError))
        else:
            outcome.set_exception(self._hearing.error(frame, CallbackError if self._is_callback else ModelError))
        # Here and not only by the waiting job: a cancelled one does not wait any more.
        self._runs.leave(run)
        outcome.exception()  # looked at: the job may have been cancelled, and then nobody does

    def _masks(self) -> tuple[str, ...]:
        """What no line may hold: the known secrets, and the keys of the jobs in the worker."""
        return (*self._secrets, *self._runs.api_keys())

    # Memory

    def _on_pulse(self) -> None:
        self._memory.pulse(self.pid)

    def _took_too_much(self, pid: int, used_mb: float) -> None:
        worker = self._worker
        if worker is None or worker.pid != pid or not worker.alive:
            return
        self._doom = verdicts.took_too_much(self.profile, used_mb)
        spawn(worker.kill(), name=f"kill worker {pid}")
