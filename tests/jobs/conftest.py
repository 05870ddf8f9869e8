"""A profile's straight line with a real store, a real demo hub and a runner that the test holds in its hand."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from desktop_app.core import aio
from desktop_app.core.errors import KnownError
from desktop_app.core.events import Event, JobChanged, Level, Logged, LogLine, ModelLoaded, ProfileStatus, Signal
from desktop_app.core.job import Job, JobRecord
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.hub import protocol
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.listener import Timing
from desktop_app.jobs.assets import Assets
from desktop_app.jobs.cache import Cache
from desktop_app.jobs.recorder import Recorder
from desktop_app.jobs.service import ProfileService
from desktop_app.jobs.shared import Shared
from desktop_app.runner.pool import RunnerPhase, RunnerState
from desktop_app.store.batches import Batches
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.outbox import Outbox

FAST = Timing(
    heartbeat=0.2, settle=0.02, quick_drop=0.2, connect=3.0, backoff_first=0.02, backoff_limit=0.1, stable=30.0
)
BOX = {"x": 1, "y": 2, "width": 3, "height": 4}


async def wait_until(condition: Callable[[], Any], limit_s: float = 60.0) -> Any:
    """Waits until the condition holds, and gives what it gave."""
    end = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.005)
    return value


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """Waits until a condition holds."""
    return wait_until


@pytest.fixture(autouse=True)
async def no_task_left() -> AsyncIterator[None]:
    """Fails a test that leaves one of our tasks running."""
    yield
    await wait_until(lambda: not aio.running_tasks(), 60)


def png(width: int = 40, height: int = 30, shade: int = 90) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def picture() -> bytes:
    """A PNG."""
    return png()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Starts an HTTP server with one handler for every path; gives its origin."""
    async with AsyncExitStack() as stack:

        async def start(handler: Handler) -> str:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    """A running hub with three pictures and the plugin "p1", secret "s1"; its pings come quickly."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, name in enumerate("abc"):
        (folder / f"{name}.png").write_bytes(png(shade=60 * index))
    async with DemoHub(assets_dir=folder, ping_interval=0.15, ping_timeout=20.0) as running:
        running.add_plugin("p1", "s1", class_names=("bolt", "nut"))
        yield running


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """An open database; a write that fails unheard fails the test."""
    database = Database(tmp_path / "plugdeck.db")
    failures: list[BaseException] = []
    database.on_write_error = failures.append
    await database.open()
    yield database
    await database.close()
    assert not failures


def make_profile(host: str, **fields: Any) -> Profile:
    """An ONNX profile of the plugin "p1"."""
    values = {"name": "Vehicles", "plugin_id": "p1", "source": OnnxSource(path=Path("none.onnx")), **fields}
    return Profile(host=host, **values)


@pytest.fixture
def onnx_profile() -> Callable[..., Profile]:
    """Makes profiles whose model we decode."""
    return make_profile


@pytest.fixture
def callback_profile() -> Callable[..., Profile]:
    """Makes profiles with a script."""
    return lambda host, **fields: make_profile(host, source=CallbackSource(script=Path("none.py")), **fields)


def prediction(job: Job) -> Prediction:
    """What the runner below gives unless told otherwise: one bolt."""
    bolt = {"class": "bolt", "index": 0, "score": 0.9, "bounding-box": dict(BOX)}
    return Prediction(instances=[bolt], class_names=("bolt", "nut"), width=40, height=30, run_ms=1.0)


class FakeRunner:
    """A runner without a worker: `answer` gives (or raises) what each job gets; `gate`, once set, holds them up."""

    def __init__(self, profile: Profile, on_log: Callable[..., None], on_state: Callable[[RunnerState], None]) -> None:
        self.profile = profile
        self.on_log = on_log
        self.on_state = on_state
        self.answer: Callable[[Job], Any] = prediction
        self.gate: asyncio.Event | None = None
        self.lines: tuple[str, ...] = ("looking at it",)
        self.seen: list[Job] = []
        self.paths: list[Path | None] = []
        self.provided: dict[str, Path] = {}
        self.most_at_once = 0
        self.crashes = 0
        self.load_error: KnownError | None = None
        self.stopped = 0
        self._now = 0

    async def start(self) -> dict[str, Any]:
        if self.load_error is not None:
            # As the real one does: its state says it before the exception does.
            self.on_state(RunnerState(RunnerPhase.FAILED, str(self.load_error)))
            raise self.load_error
        return {"classes": ["bolt", "nut"]}

    restart = start

    async def run(
        self, job: Job, path: Path | None, *, log: Callable[[Level, str, dict[str, Any]], None]
    ) -> Prediction:
        self.seen.append(job)
        self.paths.append(path)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            if self.gate is not None:
                await self.gate.wait()
            for text in self.lines:
                log(Level.INFO, text, {"step": 1})
            found = self.answer(job)
            return await found if asyncio.iscoroutine(found) else found
        finally:
            self._now -= 1

    def provide_asset(self, job_id: str, path: Path) -> None:
        self.provided[job_id] = path

    async def stop(self, grace_s: float = 2.0) -> None:
        self.stopped += 1


class Line:
    """The services around one profile, and everything that was heard of them."""

    def __init__(self, profile: Profile, db: Database, cache: Path, timing: Timing) -> None:
        self.profile = profile
        self.history = History(db)
        self.outbox = Outbox(db)
        self.batches = Batches(db)
        self.api_key: str | None = None
        self.events: Signal[Event] = Signal()
        self.records: list[JobRecord] = []
        self.lines: list[LogLine] = []
        self.statuses: list[ProfileStatus] = []
        self.models: list[ModelLoaded] = []
        self.bugs: list[tuple[BaseException, str]] = []
        self.assets = Assets(Cache(cache))
        self.recorder = Recorder(self.history, self.events)
        self.runners: list[FakeRunner] = []
        self.prepare: Callable[[FakeRunner], None] = lambda _: None
        self.events.connect(self._heard)
        self.shared = Shared(
            history=self.history,
            outbox=self.outbox,
            batches=self.batches,
            assets=self.assets,
            recorder=self.recorder,
            timing=timing,
            make_runner=self._make_runner,  # type: ignore[arg-type]
            secret=self._secret,
            api_key=self._api_key,
            on_bug=lambda error, where: self.bugs.append((error, where)),
            on_status=self.statuses.append,
            on_model=self.models.append,
        )
        self.service = ProfileService(profile, self.shared)

    @property
    def runner(self) -> FakeRunner:
        return self.runners[-1]

    @property
    def state(self) -> str:
        return str(self.service.status.state)

    def renew(self) -> None:
        """As after a start of the app: a new service on the same store."""
        self.service = ProfileService(self.profile, self.shared)

    def states(self, session: str) -> list[str]:
        """The states a session's job went through."""
        told = [str(record.state) for record in self.records if record.session == session]
        return [state for index, state in enumerate(told) if index == 0 or told[index - 1] != state]

    def last(self, session: str) -> JobRecord:
        return [record for record in self.records if record.session == session][-1]

    async def terminal(self, session: str) -> JobRecord:
        """The last record of a session's job, once it is over."""
        return await wait_until(
            lambda: next((r for r in reversed(self.records) if r.session == session and r.state.terminal), None)
        )

    async def close(self) -> None:
        await self.service.stop(0.0)
        await self.assets.close()
        self.recorder.flush()

    async def _secret(self, _: Profile) -> str:
        return "s1"

    async def _api_key(self, _: Profile) -> str | None:
        return self.api_key

    def _make_runner(
        self, profile: Profile, on_log: Callable[..., None], on_state: Callable[[RunnerState], None]
    ) -> FakeRunner:
        runner = FakeRunner(profile, on_log, on_state)
        self.runners.append(runner)
        self.prepare(runner)
        return runner

    def _heard(self, event: Event) -> None:
        if isinstance(event, JobChanged):
            self.records.append(event.record)
        elif isinstance(event, Logged):
            self.lines += event.lines


@pytest.fixture
async def make_line(db: Database, tmp_path: Path) -> AsyncIterator[Callable[..., Line]]:
    """Makes services for a profile; they are stopped at the end, and none may have met a bug of ours."""
    lines: list[Line] = []

    def make(profile: Profile, timing: Timing = FAST) -> Line:
        line = Line(profile, db, tmp_path / "cache", timing)
        lines.append(line)
        return line

    yield make
    for line in lines:
        await line.close()
        assert line.bugs == []


@pytest.fixture
async def line(hub: DemoHub, make_line: Callable[..., Line]) -> Line:
    """An ONNX profile that is online."""
    made = make_line(make_profile(hub.url, allow_private_assets=True))
    made.service.start()
    await hub.wait_online("p1")
    await wait_until(lambda: made.state == "online")
    return made


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """Makes jobs from a payload's fields."""
    count = 0

    def make(**fields: Any) -> Job:
        nonlocal count
        count += 1
        return protocol.parse_job({"session": f"S{count}", **fields}, "profile")

    return make
