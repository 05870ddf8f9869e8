"""A worker's life: started, loaded, watched, buried, and started again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from desktop_app.core.aio import backoff, cancel_and_wait, report_bug, spawn
from desktop_app.core.errors import KnownError, ModelError, ModelLoadError
from desktop_app.core.events import Level
from desktop_app.core.profile import Profile, RemoteSource
from desktop_app.runner import verdicts
from desktop_app.runner.claims import usable_info
from desktop_app.runner.death import Death
from desktop_app.runner.hearing import Hearing
from desktop_app.runner.launch import KilledWhileLoading, ModelAway, load, make_worker
from desktop_app.runner.memory import MemoryWatch
from desktop_app.runner.process import WorkerProcess
from desktop_app.runner.runs import Lost, Runs, Suspected
from desktop_app.runner.state import RunnerPhase, RunnerState, WorkerLine

MAX_DEATHS = 5
"""Deaths without an answered job between them after which a worker is not started again by itself."""


class Life:
    """Sees to it that a profile has a worker.

    Args:
        secrets: gives the values kept out of the worker's environment.
        runs: the jobs in the worker; they hear of its death.
        on_frame: gets every frame but those about loading.
        on_state: gets every change of state.
        load_limit_s: how long loading the model may take.
        token: gives the token of the profile's model server.
        patient: whether a model server that is away is waited for, however long that takes.

    Attributes:
        worker: the present one, perhaps dead already.
        info: what the worker said of its model when it had loaded it; empty before.
        state: the state now.
        crashes: deaths since a job was last answered.
    """

    def __init__(
        self,
        profile: Profile,
        scratch: Path,
        secrets: Callable[[], tuple[str, ...]],
        hearing: Hearing,
        runs: Runs,
        *,
        on_frame: Callable[[dict[str, Any], bytes], None],
        on_state: Callable[[RunnerState], None],
        load_limit_s: float,
        token: Callable[[], Awaitable[str]],
        patient: bool,
    ) -> None:
        self._profile = profile
        self._scratch = scratch
        self._secrets = secrets
        self._hearing = hearing
        self._runs = runs
        self._on_frame = on_frame
        self._on_state = on_state
        self._load_limit_s = load_limit_s
        self._token = token
        self._patient = patient
        self._loaded: asyncio.Future[dict[str, Any]] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._delays = backoff(first=0.5, limit=30.0)
        self._forgiven = False
        self._doom: KnownError | None = None
        self._hurry = asyncio.Event()
        self._memory = MemoryWatch(profile.memory_limit_mb, self._took_too_much)
        self.worker: WorkerProcess | None = None
        self.info: dict[str, Any] = {}
        self.state = RunnerState()
        self.crashes = 0

    @property
    def pid(self) -> int | None:
        """The worker's process id, or None while there is none."""
        return self.worker.pid if self.worker is not None and self.worker.alive else None

    def begin(self) -> None:
        """Starts a worker, if none is looked after."""
        if self._supervisor is None or self._supervisor.done():
            self.crashes = 0
            self._delays = backoff(first=0.5, limit=30.0)
            self._expect()
            self._supervisor = spawn(self._supervise(), name=f"runner of {self._profile.name}")

    async def ready(self) -> dict[str, Any]:
        """Waits for a worker that has its model; returns its info.

        Raises:
            ModelLoadError: it cannot load it.
            ModelError: it is not running, or is not started any more.
        """
        while True:
            if self._loaded is None:
                raise ModelError("the worker is not running", where=self._profile.name, remedy="Start the profile.")
            info = await asyncio.shield(self._loaded)
            if self.worker is not None and self.worker.alive:
                return info
            await asyncio.sleep(0)  # it has just died; the supervisor is about to say what comes next

    def retire(self) -> None:
        """The worker is about to be ended by us: not its fault, and nothing more is sent to it."""
        self._forgiven = True
        self._expect()
        self._runs.fail(Lost())

    async def replace(self) -> None:
        """Ends the worker; the next one is started."""
        if self.worker is not None and self.worker.alive:
            self.retire()
            await self.worker.stop(1.0)

    def hurry(self) -> None:
        """Does not wait any longer with the next start."""
        self.crashes = 0
        self._hurry.set()

    def answered(self) -> None:
        """A job was answered: what went wrong before is forgotten."""
        self.crashes = 0
        self._delays = backoff(first=0.5, limit=30.0)
        if self.state.crashes:
            self._move(self.state.phase)

    async def end(self, grace_s: float) -> None:
        """Ends the worker for good: asked first, killed after so many seconds."""
        supervisor, self._supervisor = self._supervisor, None
        await cancel_and_wait(supervisor)
        await self._memory.close()
        if self.worker is not None and self.worker.alive:
            await self.worker.stop(grace_s)
        if self._loaded is not None and not self._loaded.done():
            self._loaded.set_exception(ModelLoadError("the worker was stopped", where=self._profile.name))
            self._loaded.exception()
        self._move(RunnerPhase.STOPPED)

    def _expect(self) -> None:
        if self._loaded is None or self._loaded.done():
            self._loaded = asyncio.get_running_loop().create_future()

    async def _supervise(self) -> None:
        told = ""
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
                # A model that never loaded will not next time either, unless it was not given the chance.
                hopeful = bool(self.info) or (isinstance(error, KilledWhileLoading) and self._doom is None)
                away = isinstance(error, ModelAway) and self._patient
                if not away:
                    self.crashes += 1
                    if not hopeful or self.crashes >= MAX_DEATHS:
                        self._give_out(self._doom or error)
                        return
                detail = str(error)
                if away and detail != told:
                    self._hearing.say(WorkerLine(Level.WARNING, detail))
                    told = detail
            except Exception as error:  # noqa: BLE001 - a bug of ours must not leave the profile without a supervisor
                report_bug(error, f"starting the worker of {self._profile.name}")
                self.crashes += 1
                detail = f"the worker could not be started: {type(error).__name__}: {error}"
                if self.crashes >= MAX_DEATHS:
                    self._give_out(ModelLoadError(detail, where=self._profile.name, remedy="See the log."))
                    return
            else:
                death = await worker.wait()
                detail = self._bury(death)
                if self.crashes >= MAX_DEATHS:
                    self._give_out(verdicts.crash_loop(self._profile, self.crashes, detail))
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
                told.set_result(usable_info(frame.get("info")))
            elif kind == "failed" and not told.done():
                kind = ModelAway if frame.get("kind") == "away" else ModelLoadError
                told.set_exception(self._hearing.error(frame, kind))
            else:
                self._on_frame(frame, blob)

        def on_pulse() -> None:
            self._memory.pulse(self.pid)

        token = await self._token() if isinstance(self._profile.source, RemoteSource) else ""
        worker = await make_worker(self._profile, self._scratch, self._secrets(), on_frame, on_pulse)
        self.worker = worker
        await worker.start()
        self._move(RunnerPhase.STARTING)
        info = await load(worker, self._profile, told, self._load_limit_s, self._secrets(), token)
        self.info = info
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
        self.crashes += 1
        error = self._doom or verdicts.died(self._profile, death)
        error.details = self._hearing.masked(error.details)
        self._hearing.say(WorkerLine(Level.ERROR, str(error), details=error.details))
        jobs = len(self._runs)
        self._runs.fail(error if jobs < 2 else Suspected(error, jobs))
        return str(error)

    def _give_out(self, error: KnownError) -> None:
        self._move(RunnerPhase.FAILED, str(error))
        loaded = self._loaded
        if loaded is None or loaded.done():
            loaded = self._loaded = asyncio.get_running_loop().create_future()
        loaded.set_exception(error)
        loaded.exception()

    def _move(self, phase: RunnerPhase, detail: str = "", retry_at: float | None = None) -> None:
        state = RunnerState(phase, detail, self.crashes, self.pid, retry_at)
        if state != self.state:
            self.state = state
            self._on_state(state)

    def _took_too_much(self, pid: int, used_mb: float) -> None:
        worker = self.worker
        if worker is None or worker.pid != pid or not worker.alive:
            return
        self._doom = verdicts.took_too_much(self._profile, used_mb)
        spawn(worker.kill(), name=f"kill worker {pid}")
