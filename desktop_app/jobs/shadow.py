"""A second profile that answers the jobs of another one, so that the two can be compared. Nothing of it is sent.

A shadow takes a job only once the live profile has delivered its answer, one at a time, while the live profile has
none in its model, in a worker of lower priority. What it cannot keep up with is left out and counted; what fails is a
line in the log. So a live job neither waits for a shadow nor hears of it. Its answers are in the history as replays
under sessions `shadow-…`; views are not told of them one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import psutil

from desktop_app.core import aio
from desktop_app.core.errors import KnownError, ModelError
from desktop_app.core.events import Event, JobChanged, Level, ModelLoaded, ProfileState, ProfileStatus
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import Profile
from desktop_app.hub.local_files import LocalFiles
from desktop_app.jobs.replay import SHADOW, Replayer
from desktop_app.jobs.shared import Shared
from desktop_app.jobs.trial import Trial
from desktop_app.runner.pool import RunnerState, WorkerLine

log = logging.getLogger(__name__)

MOST_WAITING = 64
"""Jobs that wait for a shadow; the oldest go when more come in."""
REMEMBERED = 1000
PATIENCE_S = 10.0
"""A live profile without any pause for so long is taken to be busy for good; then the low priority has to do."""
TELL_LEFT_OUT_S = 60.0
NICE = 15


class ShadowService:
    """Answers the jobs of another profile; the same to its supervisor as a service that is connected to the hub.

    Args:
        live_busy: whether the live profile has a job in its model.
    """

    def __init__(self, profile: Profile, shared: Shared, live_busy: Callable[[], bool]) -> None:
        self.profile = profile
        self._shared = shared
        self._recorder = shared.recorder
        self._live_busy = live_busy
        self._runner = shared.make_runner(profile, self._worker_said, self._runner_changed)
        self._replayer = Replayer(shared.history, shared.recorder)
        self._waiting: deque[JobRecord] = deque()
        self._arrived = asyncio.Event()
        self._stirred = asyncio.Event()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._working: asyncio.Task[None] | None = None
        self._lowered: int | None = None
        self._left_out = 0
        self._told_at = 0.0
        self._forget: Callable[[], None] = lambda: None
        self.info: dict[str, Any] | None = None
        self.status = ProfileStatus(profile.id)

    def start(self) -> None:
        """Begins to load the model, then to answer; returns at once."""
        self._forget = self._recorder.events.connect(self._heard)
        self._working = aio.spawn(self._serve(self._runner.start), name=f"shadow {self.profile.name}")

    async def stop(self, drain_s: float = 5.0, *, for_good: bool = False) -> None:
        """Ends; a job in hand is given up, for nobody waits for it."""
        self._forget()
        await aio.cancel_and_wait(self._working)
        self._waiting.clear()
        await self._runner.stop()
        self._set(ProfileState.STOPPED)

    def pending(self) -> tuple[int, int]:
        """Nobody has to wait for a shadow."""
        return 0, 0

    def pause(self, job_id: str, paused: bool) -> bool:
        """It has no runs over projects."""
        return False

    def hurry(self) -> None:
        """Nothing is drained."""

    async def restart_worker(self) -> None:
        """A new worker with the model loaded again."""
        await aio.cancel_and_wait(self._working)
        self._working = aio.spawn(self._serve(self._runner.restart), name=f"shadow {self.profile.name}")

    def renew(self, why: str) -> None:
        """There is no connection."""

    def reconnect_now(self) -> None:
        """There is no connection."""

    def cancel(self, job_id: str) -> bool:
        """No job of the hub is here."""
        return False

    async def _serve(self, load: Callable[[], Any]) -> None:
        self._set(ProfileState.LOADING)
        try:
            self.info = await load()
        except ModelError as error:
            self._recorder.log(Level.ERROR, str(error), profile=self.profile, details=error.details)
            self._set(ProfileState.MODEL_FAILED, str(error))
            return
        self._shared.on_model(ModelLoaded(self.profile.id, self.info or {}))
        self._set(ProfileState.ONLINE)
        async with LocalFiles() as files:
            loaded = Trial(self.profile, self._runner, files)
            while True:
                await self._next(loaded)

    async def _next(self, loaded: Trial) -> None:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        await self._pause()
        if not self._waiting:
            return
        record = self._waiting.popleft()
        self._lower()
        self._set(ProfileState.BUSY)
        try:
            done = await self._replayer.again(record, self.profile, loaded, kind=SHADOW, tell=False)
            if done.result.error:
                self._note(f"The shadow has no answer: {done.result.error}", record)
        except KnownError as error:
            self._note(f"The shadow has no answer: {error}", record)
        except Exception as error:  # noqa: BLE001 - a shadow must never bring anything down
            self._shared.on_bug(error, f"shadow of job {record.session}")
        finally:
            if self.status.state is ProfileState.BUSY:
                self._set(ProfileState.ONLINE)

    async def _pause(self) -> None:
        """Waits until the live profile has nothing in its model."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while self._live_busy():
                    self._stirred.clear()
                    await self._stirred.wait()

    def _heard(self, event: Event) -> None:
        if not isinstance(event, JobChanged):
            return
        record = event.record
        if record.profile_id != self.profile.shadow_of:
            return
        self._stirred.set()
        if (
            record.state is not JobState.DELIVERED
            or record.asset_path is None  # a script's asset comes a little later, and the job is told again then
            or record.replay_of is not None
            or record.id in self._seen
        ):
            return
        self._seen[record.id] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self._waiting.append(record)
        self._arrived.set()
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._left_out += 1
        now = time.monotonic()
        if self._left_out and now > self._told_at + TELL_LEFT_OUT_S:
            self._told_at = now
            self._note(f"The shadow is slower than its jobs come in: {self._left_out} were left out")
            self._left_out = 0

    def _lower(self) -> None:
        """Gives the worker a low priority, each new one once."""
        pid = self._runner.pid
        if pid is None or pid == self._lowered:
            return
        self._lowered = pid
        with contextlib.suppress(psutil.Error, OSError):
            if sys.platform == "win32":
                psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            else:
                psutil.Process(pid).nice(NICE)

    def _note(self, message: str, record: JobRecord | None = None) -> None:
        where = f" ({record.external_id or record.session})" if record is not None else ""
        self._recorder.log(Level.WARNING, f"{message}{where}", profile=self.profile)

    def _worker_said(self, line: WorkerLine) -> None:
        self._recorder.log(line.level, line.message, profile=self.profile, source=line.source, details=line.details)

    def _runner_changed(self, state: RunnerState) -> None:
        if state.stopped and self.info is not None:
            self._set(ProfileState.CRASHED, state.detail)

    def _set(self, state: ProfileState, detail: str = "") -> None:
        if not detail and state in (ProfileState.ONLINE, ProfileState.BUSY):
            detail = "Answers in the shadow; nothing is sent"
        new = ProfileStatus(
            self.profile.id, state, detail,
            running=int(state is ProfileState.BUSY), queued=len(self._waiting), crashes=self._runner.crashes,
        )  # fmt: skip
        if new != self.status:
            self.status = new
            self._shared.on_status(new)
