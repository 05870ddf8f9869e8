"""The runner of a profile: a worker is loaded, fed, timed, watched and replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from desktop_app.child.wire import WireError
from desktop_app.core.aio import spawn
from desktop_app.core.errors import (
    AnswerError,
    CallbackError,
    ModelError,
    ModelTimeout,
    WorkerDied,
)
from desktop_app.core.events import Level
from desktop_app.core.job import Job
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.runner import verdicts
from desktop_app.runner.claims import usable_calls
from desktop_app.runner.command import run_frame
from desktop_app.runner.hearing import Hearing, prediction_of
from desktop_app.runner.life import Life
from desktop_app.runner.places import Places
from desktop_app.runner.process import WorkerProcess
from desktop_app.runner.runs import Call, Lost, Run, Runs, Suspected
from desktop_app.runner.state import JobLog, RunnerPhase, RunnerState, WorkerLine

__all__ = ["JobLog", "Runner", "RunnerPhase", "RunnerState", "WorkerLine"]

LOAD_LIMIT_S = 600.0
WHERE_LIMIT_S = 1.0
"""How long a worker may take to say what a job that took too long is doing."""
CANCEL_GRACE_S = 2.0
"""How long a cancelled job may take to give way before its worker is killed."""


async def _no_token() -> str:
    return ""


class Runner:
    """The host's handle on one profile's worker.

    Args:
        profile: what to run; a changed profile needs a new runner.
        scratch: a directory of ours that workers start in.
        secrets: gives the values kept out of the child's environment and of every line it writes.
        on_log: gets the worker's prints and what else belongs on this machine's screen.
        on_state: gets every change of state.
        load_limit_s: how long loading the model may take.
        token: gives the token of the profile's model server, "" where it has none; asked at every start of a worker.
        patient: whether a model server that is away is waited for, however long that takes.
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
        token: Callable[[], Awaitable[str]] = _no_token,
        patient: bool = True,
    ) -> None:
        self.profile = profile
        self._known_secrets = secrets
        self._hearing = Hearing(self._masks, on_log)
        self._is_callback = isinstance(profile.source, CallbackSource)
        self._places = Places(profile.jobs_in_worker)
        self._runs = Runs()
        self._known: dict[str, Run] = {}
        self._restarting = asyncio.Lock()
        self._life = Life(
            profile,
            scratch,
            self._secrets,
            self._hearing,
            self._runs,
            on_frame=self._on_frame,
            on_state=on_state,
            load_limit_s=load_limit_s,
            token=token,
            patient=patient,
        )

    @property
    def info(self) -> dict[str, Any]:
        """What the worker said of its model when it had loaded it; empty before."""
        return self._life.info

    @property
    def state(self) -> RunnerState:
        """The state now."""
        return self._life.state

    @property
    def crashes(self) -> int:
        """Deaths since a job was last answered."""
        return self._life.crashes

    @property
    def pid(self) -> int | None:
        """The worker's process id, or None while there is none."""
        return self._life.pid

    async def start(self) -> dict[str, Any]:
        """Starts the worker and waits until it has loaded its model; returns `info`.

        Raises:
            ModelLoadError: the model or script cannot be loaded.
        """
        self._life.begin()
        return await self._life.ready()

    async def run(self, job: Job, asset_path: Path | None, *, log: JobLog) -> Prediction:
        """Runs one job; waits for a free place and, after a death, for the next worker.

        A job that was lost because of another one is run once more. Where the worker died with several jobs in it,
        nobody knows which of them killed it: each is run once more, alone, so that only the guilty one pays.

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
        held = 0
        try:
            held = await self._places.take()
            try:
                return await self._attempt(run)
            except Lost:
                log(Level.WARNING, "the worker was killed because of another job; this one is run once more", {})
            except Suspected as death:
                log(Level.WARNING, f"{death}; this job is run once more, alone", {})
                self._places.give(held)
                held = 0
                held = await self._places.take_all()
            try:
                return await self._attempt(run)
            except Lost:
                raise WorkerDied("the worker was killed twice because of other jobs", where=self.profile.name) from None
            except Suspected as death:
                raise death.error from None
        except asyncio.CancelledError:
            if run in self._runs:
                # They are the one's who waits until the worker has let go.
                spawn(self._give_up(run, held), name=f"give up job {job.session}")
                held = 0
            raise
        finally:
            self._known.pop(job.id, None)
            self._places.give(held)

    def provide_asset(self, job_id: str, path: Path) -> None:
        """Tells a running job where its file is now. Unknown and finished jobs are ignored."""
        run = self._known.get(job_id)
        if run is None:
            return
        run.asset_path = path
        worker = self._life.worker
        if run in self._runs and worker is not None:
            worker.send({"type": "asset", "id": run.number, "path": str(path)})

    async def stop(self, grace_s: float = 2.0) -> None:
        """Ends the worker: asked first, killed after `grace_s` seconds. Jobs in it fail with WorkerDied."""
        await self._life.end(grace_s)
        self._runs.fail(WorkerDied("the worker was stopped", where=self.profile.name))

    async def restart(self) -> dict[str, Any]:
        """Replaces the worker after the jobs in it have ended; also the way out of a crash loop.

        Raises:
            ModelLoadError: see start.
        """
        async with self._restarting:
            phase = self.state.phase
            self._life.info = {}  # from here on it counts as not loaded: a failure is told at once, not tried again
            if phase is RunnerPhase.RESTARTING:
                self._life.hurry()
            elif phase is RunnerPhase.STARTING:
                await self._life.replace()
            elif phase is RunnerPhase.READY:
                held = await self._places.take_all()
                try:
                    await self._life.replace()
                finally:
                    self._places.give(held)
            return await self.start()

    async def _attempt(self, run: Run) -> Prediction:
        await self._life.ready()
        worker = self._life.worker
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
            calls = await self._where(worker, run) if self._is_callback and not outcome.done() else []
            if outcome.done():
                return outcome.result()
            self._runs.leave(run)
            raise await self._timed_out(worker, calls) from None
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._runs.leave(run)
            raise
        self._runs.leave(run)
        return prediction

    async def _timed_out(self, worker: WorkerProcess, calls: list[Call]) -> ModelTimeout:
        """Kills the worker that does not end a job; its other jobs are innocent."""
        self._life.retire()
        await worker.kill()
        error = verdicts.timed_out(self.profile, calls)
        error.details = self._hearing.masked(error.details)
        return error

    async def _where(self, worker: WorkerProcess, run: Run) -> list[Call]:
        """The calls that a job is in; none where native code keeps the worker from saying so."""
        run.calls = asyncio.get_running_loop().create_future()
        worker.send({"type": "where", "id": run.number})
        try:
            return await asyncio.wait_for(run.calls, WHERE_LIMIT_S)
        except TimeoutError:
            return []

    async def _give_up(self, run: Run, held: int) -> None:
        """A cancelled job keeps its places until the worker has let go of it."""
        try:
            worker = self._life.worker
            if worker is None or run not in self._runs:
                return
            worker.send({"type": "cancel", "id": run.number})
            try:
                await asyncio.wait_for(run.let_go.wait(), CANCEL_GRACE_S)
            except TimeoutError:
                self._runs.leave(run)
                self._life.retire()
                await worker.kill()
        finally:
            self._runs.leave(run)
            self._places.give(held)

    def _on_frame(self, frame: dict[str, Any], blob: bytes) -> None:
        kind, number = frame.get("type"), frame.get("id")
        run = self._runs.get(number)
        if kind == "where" and run is not None and run.calls is not None and not run.calls.done():
            run.calls.set_result(usable_calls(frame.get("calls")))
            return
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
        self._life.answered()
        fields = frame.get("prediction")
        if outcome.done():
            pass
        elif frame["type"] == "result" and isinstance(fields, dict):
            try:
                outcome.set_result(prediction_of({**fields, "client": self.info.get("client")}))
            except AnswerError as error:
                outcome.set_exception(error)
        elif frame.get("kind") == "answer":
            outcome.set_exception(self._hearing.error(frame, AnswerError))
        else:
            outcome.set_exception(self._hearing.error(frame, CallbackError if self._is_callback else ModelError))
        # Here and not only by the waiting job: a cancelled one does not wait any more.
        self._runs.leave(run)
        outcome.exception()  # looked at: the job may have been cancelled, and then nobody does

    def _masks(self) -> tuple[str, ...]:
        """What no line may hold: the known secrets, and the keys of the jobs in the worker."""
        return (*self._secrets(), *self._runs.api_keys())

    def _secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in self._known_secrets() if secret)
