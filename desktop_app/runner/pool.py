"""Runners: one per running profile. A worker is loaded, fed, timed, watched, replaced."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from desktop_app.child.wire import WireError
from desktop_app.core.aio import backoff, cancel_and_wait, spawn
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
from desktop_app.runner.command import PACKAGE, load_frame, run_frame, worker_command
from desktop_app.runner.death import Death
from desktop_app.runner.environment import child_environment, hide, process_environment
from desktop_app.runner.process import WorkerProcess, tree_memory
from desktop_app.runner.script_facts import read_script

log = logging.getLogger(__name__)

MAX_DEATHS = 5
"""Deaths without an answered job between them after which a worker is not started again by itself."""
LOAD_LIMIT_S = 600.0
CANCEL_GRACE_S = 2.0
"""How long a cancelled job may take to give way before its worker is killed."""
MEMORY_EVERY_S = 2.0

JobLog = Callable[[Level, str, dict[str, Any]], None]
"""Takes a line of the script's logger for the session's log: level, text, extra data."""


class RunnerPhase(StrEnum):
    """What a runner is doing."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunnerState:
    """The state of a runner.

    Attributes:
        detail: why, in a sentence; "" where the phase says it all.
        crashes: deaths since a job was last answered.
        retry_at: when the next start is tried, seconds since the epoch, or None.
    """

    phase: RunnerPhase = RunnerPhase.STOPPED
    detail: str = ""
    crashes: int = 0
    pid: int | None = None
    retry_at: float | None = None

    @property
    def stopped(self) -> bool:
        """Whether the worker is not started again by itself; `detail` says why."""
        return self.phase is RunnerPhase.FAILED


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A line of a worker that is not (only) for the session's log in the hub.

    Attributes:
        source: "worker" for prints, "script" for lines of a logger outside of any job.
        job: the job that printed it, or None.
        details: a traceback, or "".
    """

    level: Level
    message: str
    source: str = "worker"
    job: Job | None = None
    details: str = ""


class _Lost(Exception):
    """The worker was killed through no fault of this job."""


@dataclass(eq=False, slots=True)
class _Run:
    """A job in the worker."""

    job: Job
    log: JobLog
    asset_path: Path | None
    number: int = 0
    outcome: asyncio.Future[Prediction] | None = None
    given_up: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, error: BaseException) -> None:
        """Ends the run with an error unless it has ended."""
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_exception(error)


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
        self._on_log = on_log
        self._on_state = on_state
        self._load_limit_s = load_limit_s
        self._is_callback = isinstance(profile.source, CallbackSource)
        self._slots = asyncio.Semaphore(profile.concurrency)
        self._state = RunnerState()
        self._worker: WorkerProcess | None = None
        self._loaded: asyncio.Future[dict[str, Any]] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._numbers = 0
        self._runs: dict[int, _Run] = {}
        self._known: dict[str, _Run] = {}
        self._ended: dict[int, Job] = {}
        self._delays = backoff(first=0.5, limit=30.0)
        self._crashes = 0
        self._forgiven = False
        self._doom: KnownError | None = None
        self._hurry = asyncio.Event()
        self._restarting = asyncio.Lock()
        self._memory_at = 0.0
        self._memory_task: asyncio.Task[None] | None = None
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
        run = _Run(job, log, asset_path)
        self._known[job.id] = run
        await self._slots.acquire()
        keeps_slot = False
        try:
            try:
                return await self._attempt(run)
            except _Lost:
                log(Level.WARNING, "the worker was killed because of another job; this one is run once more", {})
            try:
                return await self._attempt(run)
            except _Lost:
                raise WorkerDied("the worker was killed twice because of other jobs", where=self.profile.name) from None
        except asyncio.CancelledError:
            if run.number in self._runs:
                keeps_slot = True
                spawn(self._give_up(run), name=f"give up job {job.session}")
            raise
        finally:
            self._known.pop(job.id, None)
            if not keeps_slot:
                self._slots.release()

    def provide_asset(self, job_id: str, path: Path) -> None:
        """Tells a running job where its file is now. Unknown and finished jobs are ignored."""
        run = self._known.get(job_id)
        if run is None:
            return
        run.asset_path = path
        if run.number in self._runs and self._worker is not None:
            self._worker.send({"type": "asset", "id": run.number, "path": str(path)})

    async def stop(self, grace_s: float = 2.0) -> None:
        """Ends the worker: asked first, killed after `grace_s` seconds. Jobs in it fail with WorkerDied."""
        supervisor, self._supervisor = self._supervisor, None
        await cancel_and_wait(supervisor, self._memory_task)
        if self._worker is not None and self._worker.alive:
            await self._worker.stop(grace_s)
        self._fail_runs(WorkerDied("the worker was stopped", where=self.profile.name))
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
                for _ in range(self.profile.concurrency):
                    await self._slots.acquire()
                try:
                    await self._replace()
                finally:
                    for _ in range(self.profile.concurrency):
                        self._slots.release()
            return await self.start()

    async def _replace(self) -> None:
        worker = self._worker
        if worker is not None and worker.alive:
            self._retire()
            await worker.stop(1.0)

    # One job

    async def _attempt(self, run: _Run) -> Prediction:
        await self._ready()
        worker = self._worker
        assert worker is not None  # noqa: S101
        self._numbers += 1
        run.number = self._numbers
        run.outcome = asyncio.get_running_loop().create_future()
        self._runs[run.number] = run
        try:
            worker.send(run_frame(self.profile, run.job, run.number, run.asset_path))
        except WireError as error:
            self._forget(run)
            raise ModelError(f"the job is too large for the worker: {error}") from error
        try:
            prediction = await asyncio.wait_for(asyncio.shield(run.outcome), self.profile.timeout_s)
        except TimeoutError:
            if run.outcome.done():
                return run.outcome.result()
            self._forget(run)
            raise await self._timed_out(worker) from None
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._forget(run)
            raise
        self._forget(run)
        return prediction

    def _forget(self, run: _Run) -> None:
        self._runs.pop(run.number, None)
        run.given_up.set()
        self._ended[run.number] = run.job
        while len(self._ended) > 16:
            del self._ended[next(iter(self._ended))]

    async def _timed_out(self, worker: WorkerProcess) -> ModelTimeout:
        """Kills the worker that does not end a job; its other jobs are innocent."""
        self._retire()
        await worker.kill()
        limit = f"{self.profile.timeout_s:g} s"
        what = f"the {'script' if self._is_callback else 'model'} took longer than the profile's limit of {limit}"
        return ModelTimeout(what, where=self.profile.name, remedy="Raise the time-out if it needs that long.")

    async def _give_up(self, run: _Run) -> None:
        """A cancelled job keeps its place until the worker has let go of it."""
        try:
            worker = self._worker
            if worker is None or run.number not in self._runs:
                return
            worker.send({"type": "cancel", "id": run.number})
            try:
                await asyncio.wait_for(run.given_up.wait(), CANCEL_GRACE_S)
            except TimeoutError:
                self._forget(run)
                self._retire()
                await worker.kill()
        finally:
            self._forget(run)
            self._slots.release()

    def _fail_runs(self, error: BaseException) -> None:
        for run in list(self._runs.values()):
            run.fail(error)
            if run.outcome is not None and run.outcome.done():
                run.outcome.exception()
            self._forget(run)

    # The worker's life

    def _expect(self) -> None:
        if self._loaded is None or self._loaded.done():
            self._loaded = asyncio.get_running_loop().create_future()

    def _retire(self) -> None:
        """The worker is about to be ended by us: not its fault, and nothing more is sent to it."""
        self._forgiven = True
        self._expect()
        self._fail_runs(_Lost())

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
            else:
                death = await worker.wait()
                detail = self._bury(death)
                if self._crashes >= MAX_DEATHS:
                    self._give_out(self._loop_error(detail))
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
                told.set_exception(self._error(frame, ModelLoadError))
            else:
                self._on_frame(frame, blob)

        worker = await self._make_worker(on_frame)
        self._worker = worker
        await worker.start()
        self._move(RunnerPhase.STARTING)
        frame = load_frame(self.profile)
        if worker.capture_fd is not None:
            frame["capture_fd"] = worker.capture_fd
        worker.send(frame)
        ended = spawn(worker.wait(), name="worker's end")
        try:
            either: list[asyncio.Future[Any]] = [told, ended]
            await asyncio.wait(either, timeout=self._load_limit_s, return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                raise self._not_loaded(worker)
            info = told.result()
        except BaseException:
            if worker.alive:
                await worker.kill()
            raise
        finally:
            await cancel_and_wait(ended)
            if told.done() and not told.cancelled():
                told.exception()
        self._info = info
        self._move(RunnerPhase.READY)
        if not loaded.done():
            loaded.set_result(info)
        return worker

    async def _make_worker(self, on_frame: Callable[[dict[str, Any], bytes], None]) -> WorkerProcess:
        source = self.profile.source
        environment = child_environment(
            process_environment(),
            extra=source.environment if isinstance(source, CallbackSource) else None,
            secrets=self._secrets,
            read=await asyncio.to_thread(_variables, source.script) if isinstance(source, CallbackSource) else (),
        )
        command = worker_command(self.profile)
        self._scratch.mkdir(parents=True, exist_ok=True)
        # `-m desktop_app` looks in the directory it starts in first.
        cwd = PACKAGE.parent if "-m" in command else self._scratch
        return WorkerProcess(command, environment=environment, cwd=cwd, on_frame=on_frame, on_pulse=self._on_pulse)

    def _not_loaded(self, worker: WorkerProcess) -> ModelLoadError:
        if worker.death is None:
            return ModelLoadError(
                f"loading took longer than {self._load_limit_s:g} s", where=self.profile.name, remedy="See the log."
            )
        said = hide(worker.death.said, self._secrets)
        what = f"the worker ended while loading: {worker.death.cause}"
        if said and not worker.death.dump:
            what += f": {said.splitlines()[-1]}"
        details = hide(worker.death.last_words.strip(), self._secrets)
        return ModelLoadError(what, where=worker.death.where(self._own_folder), details=details)

    @property
    def _own_folder(self) -> Path | None:
        source = self.profile.source
        return source.script.absolute().parent if isinstance(source, CallbackSource) else None

    def _bury(self, death: Death) -> str:
        """Tells the jobs of a dead worker, counts the death, and says why in a sentence."""
        for line in death.said.splitlines()[-20:]:
            if line.strip():
                self._say(WorkerLine(Level.INFO, line))
        if self._forgiven:
            self._fail_runs(_Lost())
            return ""
        self._crashes += 1
        error = self._doom or WorkerDied(
            f"the worker process ended: {death.cause}",
            where=death.where(self._own_folder),
            remedy="See the log.",
            details=hide(death.dump, self._secrets),
        )
        self._say(WorkerLine(Level.ERROR, str(error), details=error.details))
        self._fail_runs(error)
        return str(error)

    def _give_out(self, error: KnownError) -> None:
        self._move(RunnerPhase.FAILED, str(error))
        loaded = self._loaded
        if loaded is None or loaded.done():
            loaded = self._loaded = asyncio.get_running_loop().create_future()
        loaded.set_exception(error)
        loaded.exception()

    def _loop_error(self, detail: str) -> ModelError:
        return ModelError(
            f"the worker ended {self._crashes} times without answering a job, the last time because: {detail}",
            where=self.profile.name,
            remedy="Fix the script or model, then restart the worker.",
        )

    def _move(self, phase: RunnerPhase, detail: str = "", retry_at: float | None = None) -> None:
        state = RunnerState(phase, detail, self._crashes, self.pid, retry_at)
        if state != self._state:
            self._state = state
            self._on_state(state)

    # What the worker says

    def _on_frame(self, frame: dict[str, Any], blob: bytes) -> None:
        kind = frame.get("type")
        number = frame.get("id")
        run = self._runs.get(number) if isinstance(number, int) else None
        if kind in ("result", "error"):
            if run is not None and run.outcome is not None:
                self._answered(run, frame)
        elif kind == "log":
            self._on_log_frame(frame, run)
        elif kind == "print":
            self._say(WorkerLine(_print_level(frame), str(frame.get("text", "")), "worker", self._job_of(number)))
        elif kind == "left_out":
            text = f"{frame.get('count')} lines of {frame.get('stream', 'output')} were left out: too many at once"
            self._say(WorkerLine(Level.WARNING, text, "worker", self._job_of(number)))
            if run is not None and frame.get("stream") == "logger":
                run.log(Level.WARNING, text, {})

    def _answered(self, run: _Run, frame: dict[str, Any]) -> None:
        assert run.outcome is not None  # noqa: S101
        self._crashes = 0
        self._delays = backoff(first=0.5, limit=30.0)
        if self._state.crashes:
            self._move(self._state.phase)
        fields = frame.get("prediction")
        if run.outcome.done():
            pass
        elif frame["type"] == "result" and isinstance(fields, dict):
            run.outcome.set_result(_prediction({**fields, "client": self._info.get("client")}))
        elif frame.get("kind") == "answer":
            run.outcome.set_exception(self._error(frame, AnswerError))
        else:
            run.outcome.set_exception(self._error(frame, CallbackError if self._is_callback else ModelError))
        # Here and not only by the waiting job: a cancelled one does not wait any more.
        self._forget(run)
        run.outcome.exception()  # looked at: the job may have been cancelled, and then nobody does

    def _on_log_frame(self, frame: dict[str, Any], run: _Run | None) -> None:
        level = _level(frame.get("level"))
        text = str(frame.get("msg", ""))
        extra = frame.get("extra")
        details = str(frame.get("details", ""))
        if run is not None:
            secrets = (*self._secrets, run.job.api_key or "")
            run.log(level, hide(text, secrets), extra if isinstance(extra, dict) else {})
            if details:
                self._say(WorkerLine(level, text, "script", run.job, details))
            return
        self._say(WorkerLine(level, text, "script", self._job_of(frame.get("id")), details))

    def _job_of(self, number: Any) -> Job | None:
        if not isinstance(number, int):
            return None
        run = self._runs.get(number)
        return run.job if run is not None else self._ended.get(number)

    def _say(self, line: WorkerLine) -> None:
        secrets = [*self._secrets, *(run.job.api_key or "" for run in self._runs.values())]
        self._on_log(
            WorkerLine(line.level, hide(line.message, secrets), line.source, line.job, hide(line.details, secrets))
        )

    def _error(self, frame: dict[str, Any], kind: type[KnownError]) -> KnownError:
        secrets = [*self._secrets, *(run.job.api_key or "" for run in self._runs.values())]
        what, where, remedy, details = (
            hide(str(frame.get(name) or ""), secrets) for name in ("what", "where", "remedy", "details")
        )
        return kind(what or "the worker failed without a reason", where=where, remedy=remedy, details=details)

    # Memory

    def _on_pulse(self) -> None:
        limit = self.profile.memory_limit_mb
        pid = self.pid
        now = time.monotonic()
        if limit is None or pid is None or now - self._memory_at < MEMORY_EVERY_S:
            return
        if self._memory_task is not None and not self._memory_task.done():
            return
        self._memory_at = now
        self._memory_task = spawn(self._check_memory(pid, limit), name="memory of a worker")

    async def _check_memory(self, pid: int, limit_mb: int) -> None:
        used = await asyncio.to_thread(tree_memory, pid) / 1024 / 1024
        worker = self._worker
        if used <= limit_mb or worker is None or worker.pid != pid or not worker.alive:
            return
        self._doom = WorkerDied(
            f"the worker used {used:.0f} MB of memory, more than the profile's limit of {limit_mb} MB",
            where=self.profile.name,
            remedy="Raise the limit, or look for a leak in the script.",
        )
        await worker.kill()


class Pool:
    """The runners of all running profiles, by profile id."""

    def __init__(self) -> None:
        self._runners: dict[str, Runner] = {}

    def add(self, runner: Runner) -> None:
        """Makes a runner known; one per profile."""
        self._runners[runner.profile.id] = runner

    def get(self, profile_id: str) -> Runner | None:
        """The profile's runner, or None."""
        return self._runners.get(profile_id)

    async def run(self, job: Job, asset_path: Path | None, *, log: JobLog) -> Prediction:
        """Runs a job in its profile's worker; raises what Runner.run raises."""
        runner = self._runners.get(job.profile_id)
        if runner is None:
            raise ModelError("the profile's worker is not running", remedy="Start the profile.")
        return await runner.run(job, asset_path, log=log)

    async def remove(self, profile_id: str, grace_s: float = 2.0) -> None:
        """Stops a profile's runner and forgets it."""
        runner = self._runners.pop(profile_id, None)
        if runner is not None:
            await runner.stop(grace_s)

    async def close(self, grace_s: float = 2.0) -> None:
        """Stops all runners side by side."""
        runners = list(self._runners.values())
        self._runners.clear()
        await asyncio.gather(*(runner.stop(grace_s) for runner in runners))


def _variables(script: Path) -> tuple[str, ...]:
    """Environment variables that a script looks up, as far as its source tells."""
    try:
        return read_script(script).variables
    except KnownError:
        return ()  # the child says what is wrong with it


def _prediction(fields: dict[str, Any]) -> Prediction:
    known = {name: value for name, value in fields.items() if name in Prediction.__dataclass_fields__}
    for name in ("notes", "class_names"):
        if name in known:
            known[name] = tuple(known[name])
    return Prediction(**known)


def _level(name: Any) -> Level:
    try:
        return Level[str(name).upper()]
    except KeyError:
        return Level.INFO


def _print_level(frame: dict[str, Any]) -> Level:
    """The level that a printed line claims ("WARNING:root:…"), INFO where it claims none."""
    text = str(frame.get("text", ""))
    for level in (Level.CRITICAL, Level.ERROR, Level.WARNING, Level.DEBUG):
        if text.startswith(level.name) and text[len(level.name) : len(level.name) + 1] in (":", " ", ""):
            return level
    return Level.INFO
