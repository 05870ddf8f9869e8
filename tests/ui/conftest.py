"""A host that is no host: real core types and a history in memory, so that the window can be tried alone."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QTranslator
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.core.aio import cancel_and_wait, running_tasks
from desktop_app.core.errors import KnownError, ProfileError, UsageError
from desktop_app.core.events import (
    Event,
    JobChanged,
    Level,
    Logged,
    LogLine,
    ProfileChanged,
    ProfileState,
    ProfileStatus,
    Signal,
    StatusChanged,
)
from desktop_app.core.job import JobDetail, JobRecord, JobState, StepTimings
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile, RemoteSource
from desktop_app.jobs.trial import TrialResult
from desktop_app.runner.interpreters import Interpreter
from desktop_app.runner.script_facts import ScriptFacts
from desktop_app.store.crashes import CrashReport
from desktop_app.store.paths import DataDir
from desktop_app.store.search import JobFilter, LogFilter
from desktop_app.store.settings import Settings
from desktop_app.ui.language import use_language
from desktop_app.ui.loop import Loop
from desktop_app.ui.theme import apply_theme

ALL_JOBS = JobFilter()
ALL_LINES = LogFilter()


@dataclass(frozen=True)
class FakeStats:
    jobs: int
    failed: int
    median_ms: float | None


@dataclass(frozen=True)
class FakeStored:
    id: int
    line: LogLine


@dataclass
class FakeHistory:
    records: dict[str, JobRecord] = field(default_factory=dict)
    details: dict[str, JobDetail] = field(default_factory=dict)
    lines: list[LogLine] = field(default_factory=list)
    error: KnownError | None = None
    pages: list[tuple[float, str] | None] = field(default_factory=list)

    async def get(self, job_id: str) -> JobRecord | None:
        return self.records.get(job_id)

    async def detail(self, job_id: str) -> JobDetail:
        return self.details.get(job_id, JobDetail())

    async def find_session(self, session: str, profile_id: str | None = None) -> list[JobRecord]:
        return [r for r in self._newest() if r.session == session and profile_id in (None, r.profile_id)]

    async def list(
        self, wanted: JobFilter = ALL_JOBS, limit: int = 100, before: tuple[float, str] | None = None
    ) -> list[JobRecord]:
        self.pages.append(before)
        if self.error is not None:
            raise self.error
        found = [record for record in self._newest() if self._fits(record, wanted)]
        if before is not None:
            found = [record for record in found if (record.received_at, record.id) < before]
        return found[:limit]

    async def count(self, wanted: JobFilter = ALL_JOBS, at_most: int | None = None) -> int:
        found = sum(1 for record in self.records.values() if self._fits(record, wanted))
        return found if at_most is None else min(found, at_most)

    async def logs(
        self, wanted: LogFilter = ALL_LINES, limit: int = 500, before_id: int | None = None
    ) -> list[FakeStored]:
        return [FakeStored(n, line) for n, line in reversed(list(enumerate(self.lines)))][:limit]

    async def stats(self, profile_id: str, since: float = 0.0) -> FakeStats:
        mine = [r for r in self.records.values() if r.profile_id == profile_id and r.received_at >= since]
        times = sorted(r.timings.total for r in mine if r.timings.total is not None)
        failed = sum(1 for r in mine if r.state is JobState.FAILED)
        return FakeStats(len(mine), failed, times[len(times) // 2] if times else None)

    def _newest(self) -> list[JobRecord]:
        return sorted(self.records.values(), key=lambda r: (r.received_at, r.id), reverse=True)

    def _fits(self, record: JobRecord, wanted: JobFilter) -> bool:
        text = f"{record.external_id} {record.session} {record.error} {record.url}".casefold()
        return (
            wanted.profile_id in (None, record.profile_id)
            and wanted.state in (None, record.state)
            and wanted.text.casefold() in text
            and (wanted.since is None or record.received_at >= wanted.since)
            and wanted.replays in (None, record.replay_of is not None)
        )


class FakeProfiles:
    def __init__(self) -> None:
        self.kept: dict[str, Profile] = {}

    def all(self) -> tuple[Profile, ...]:
        return tuple(self.kept.values())

    def export_text(self, profile: Profile) -> str:
        return json.dumps(profile.model_dump(mode="json"))

    def import_text(self, text: str) -> Profile:
        try:
            return Profile.model_validate(json.loads(text))
        except ValueError as error:
            raise ProfileError("This is no exported plugin") from error


class FakeSecrets:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.keychain = True

    async def get(self, profile: Profile) -> str | None:
        return self.kept.get(profile.id)

    async def token(self, profile: Profile) -> str | None:
        return self.tokens.get(profile.id)

    def hold_token(self, profile_id: str, token: str) -> None:
        self.tokens[profile_id] = token

    async def has_keychain(self) -> bool:
        return self.keychain


class FakeSettings:
    def __init__(self) -> None:
        self.current = Settings()
        self.changed: Signal[Settings] = Signal()

    async def change(self, **values: Any) -> Settings:
        try:
            self.current = Settings.model_validate({**self.current.model_dump(), **values})
        except ValueError as error:
            raise UsageError("This value does not fit") from error
        self.changed.emit(self.current)
        return self.current


class FakeTrial:
    """A loaded model of the host's: answers what the test laid ready, once the gate is open."""

    def __init__(self, host: FakeHost, profile: Profile) -> None:
        self._host = host
        self._profile = profile

    async def run(self, path: Path, config: str | None = None, mapping: Any = None) -> Any:
        self._host.tried.append((self._profile, path))
        self._host.configs.append(json.loads(config or "{}"))
        await self._host.trial_gate.wait()
        return self._host.tests[0] if self._host.tests else TrialResult(path, error="no answer was laid ready")


@dataclass
class FakeCrashes:
    reports: list[CrashReport] = field(default_factory=list)

    def since(self, moment: float) -> list[CrashReport]:
        return [report for report in self.reports if report.last > moment]


class FakeHost:
    """Does at once and in memory what the host does with processes and a hub, and notes what it was asked."""

    def __init__(self) -> None:
        self.events: Signal[Event] = Signal()
        self.profiles = FakeProfiles()
        self.history = FakeHistory()
        self.secrets = FakeSecrets()
        self.settings = FakeSettings()
        self.data_dir = DataDir(Path("/home/somebody/plugdeck"))
        self.crashes = FakeCrashes()
        self.statuses: dict[str, ProfileStatus] = {}
        self.calls: list[tuple[str, str]] = []
        self.fail_next: KnownError | None = None
        self.inspection: dict[str, Any] = {
            "family": "Ultralytics",
            "task": "detect",
            "input": {"name": "images", "width": 320, "height": 320},
            "classes": ["bolt", "nut", "washer"],
            "confidence": "certain",
            "why": ["The metadata names the task and the classes."],
            "warnings": [],
        }
        self.server: dict[str, Any] = {
            "server": "triton 2.60.0",
            "platform": "onnxruntime_onnx",
            "versions": ["1"],
            "inputs": ["images float32[?, 3, 320, 320]"],
            "outputs": ["output0 float32[?, 7, 2100]"],
            "binary": True,
        }
        self.script_facts: Any = None
        self.replayed: Any = None
        self.exported: Any = None
        self.tests: Sequence[Any] = ()
        self.names: tuple[str, ...] = ("bolt", "nut", "washer")
        self.connection = asyncio.Event()
        self.unfinished = (0, 0)
        self.unkept = ""
        self.tried: list[tuple[Profile, Path]] = []
        self.configs: list[dict[str, Any]] = []
        self.loaded: list[Profile] = []
        self.unloaded: list[Profile] = []
        self.trial_gate = asyncio.Event()
        self.trial_gate.set()
        self.pythons: list[Interpreter] = [Interpreter(None, "3.12.4", "bundled")]

    def status(self, profile_id: str) -> ProfileStatus:
        return self.statuses.get(profile_id, ProfileStatus(profile_id))

    def model_info(self, profile_id: str) -> dict[str, Any] | None:
        return {"classes": ["bolt", "nut", "washer"]} if profile_id in self.profiles.kept else None

    def cancel(self, job_id: str) -> bool:
        self.calls.append(("cancel", job_id))
        return True

    def pause(self, job_id: str, paused: bool) -> bool:
        self.calls.append(("pause", job_id, paused))
        return True

    async def start_profile(self, profile_id: str) -> None:
        self._call("start", profile_id)
        self.set_state(profile_id, ProfileState.ONLINE)

    async def stop_profile(self, profile_id: str) -> None:
        self._call("stop", profile_id)
        self.set_state(profile_id, ProfileState.STOPPED)

    async def restart_worker(self, profile_id: str) -> None:
        self._call("restart", profile_id)

    async def replay(self, original: JobRecord, profile: Profile | None = None) -> Any:
        self._call("replay", f"{original.id} {profile.id if profile else ''}".strip())
        return self.replayed

    async def export(
        self, target: Path, form: str, wanted: JobFilter, jobs: Sequence[JobRecord] = (), *, assets: bool = False
    ) -> Any:
        self._call("export", f"{target.name} {form} {len(jobs)} {assets}")
        return self.exported

    async def add_profile(self, profile: Profile, secret: str | None, token: str | None = None) -> str:
        if token:
            self.secrets.tokens[profile.id] = token
        self._call("add", profile.id)
        self.put(profile)
        if secret:
            self.secrets.kept[profile.id] = secret
        return self.unkept if secret else ""

    async def update_profile(self, profile: Profile, secret: str | None = None, token: str | None = None) -> str:
        if token:
            self.secrets.tokens[profile.id] = token
        self._call("update", profile.id)
        self.put(profile)
        if secret:
            self.secrets.kept[profile.id] = secret
        return self.unkept if secret else ""

    async def remove_profile(self, profile_id: str) -> None:
        self._call("remove", profile_id)
        self.events.emit(ProfileChanged(self.profiles.kept.pop(profile_id), removed=True))

    async def inspect(self, path: Path, *, family: str = "", picture: Path | None = None) -> dict[str, Any]:
        self._call("inspect", f"{path.name} {family}".strip())
        return self.inspection

    async def inspect_remote(
        self, source: RemoteSource, token: str, *, family: str = "", picture: Path | None = None
    ) -> dict[str, Any]:
        self._call("inspect remote", f"{source.url} {source.model} {token}".strip())
        return self.inspection | {"server": self.server}

    async def class_names(self, source: Path | str) -> tuple[str, ...]:
        self._call("classes", source.name if isinstance(source, Path) else "text")
        return self.names

    async def test_connection(self, profile: Profile, secret: str | None = None) -> str:
        self._call("connect", f"{profile.plugin_id} {secret}")
        await self.connection.wait()
        return "api.ango.ai has taken the login."

    def pending(self) -> tuple[int, int]:
        return self.unfinished

    async def import_profile(self, file: Path) -> Profile:
        self._call("import", file.name)
        profile = Profile.model_validate_json(file.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a fake does no harm
        self.put(profile)
        return profile

    async def import_script(self, path: Path) -> Any:
        self._call("script", path.name)
        return self.script_facts or ScriptFacts(path)

    async def find_pythons(self, script: Path | None) -> Sequence[Interpreter]:
        self._call("pythons", script.name if script else "")
        return self.pythons

    async def look_at_python(self, path: Path | None, script: Path | None) -> Interpreter:
        self._call("python", str(path or ""))
        found = next((one for one in self.pythons if one.path == path), None)
        if found is None:
            raise ProfileError("It is no Python that works", where=str(path))
        return found

    @asynccontextmanager
    async def trial(self, profile: Profile) -> AsyncIterator[FakeTrial]:
        self._call("load", profile.id)
        self.loaded.append(profile)
        try:
            yield FakeTrial(self, profile)
        finally:
            self.unloaded.append(profile)

    async def test(self, profile: Profile, files: Sequence[Path], config: Any = None, mapping: Any = None) -> Any:
        self._call("test", profile.id)
        self.tried += [(profile, file) for file in files]
        return self.tests

    # ---- what tests make happen ----

    def put(self, profile: Profile) -> None:
        self.profiles.kept[profile.id] = profile
        self.events.emit(ProfileChanged(profile))

    def set_state(self, profile_id: str, state: ProfileState, **more: Any) -> None:
        self.statuses[profile_id] = ProfileStatus(profile_id, state, **more)
        self.events.emit(StatusChanged(self.statuses[profile_id]))

    def put_job(self, record: JobRecord, detail: JobDetail | None = None) -> None:
        self.history.records[record.id] = record
        if detail is not None:
            self.history.details[record.id] = detail
        self.events.emit(JobChanged(record))

    def log(self, *lines: LogLine) -> None:
        self.history.lines.extend(lines)
        self.events.emit(Logged(lines))

    def _call(self, name: str, what: str) -> None:
        self.calls.append((name, what))
        if self.fail_next is not None:
            error, self.fail_next = self.fail_next, None
            raise error


def make_profile(name: str = "Fasteners", **changes: Any) -> Profile:
    values: dict[str, Any] = {
        "id": name.casefold().replace(" ", "-"),
        "name": name,
        "host": "https://api.ango.ai",
        "plugin_id": f"plugin-{name.casefold()}",
        "source": OnnxSource(path=Path("/models/fasteners.onnx")),
    }
    return Profile(**{**values, **changes})


def make_job(profile: Profile, number: int = 1, state: JobState = JobState.DELIVERED, **changes: Any) -> JobRecord:
    now = time.time()
    values: dict[str, Any] = {
        "id": f"job-{number:04d}",
        "session": f"s{number:04d}a1b2c3d4",
        "profile_id": profile.id,
        "profile_name": profile.name,
        "state": state,
        "received_at": now - 1000 + number,
        "updated_at": now - 1000 + number,
        "external_id": f"tray-{number:03d}.jpg",
        "url": f"https://assets.example/trays/tray-{number:03d}.jpg",
        "asset_type": "image/jpeg",
        "objects": 3 if state is JobState.DELIVERED else 0,
    }
    if state.terminal:
        values["timings"] = StepTimings(12.0, 1.5, 38.0 + number % 7, 2.0, 9.0, 64.0 + number % 7)
    return JobRecord(**{**values, **changes})


def make_line(message: str, level: Level = Level.INFO, **changes: Any) -> LogLine:
    return LogLine(at=time.time(), level=level, message=message, **changes)


SHAPES: list[dict[str, Any]] = [
    {"title": "bolt", "objectId": "a", "bounding-box": {"x": 40, "y": 40, "width": 120, "height": 80}},
    {"title": "bolt", "bounding-box": {"x": 320, "y": 140, "width": -100, "height": -60}},
    {
        "title": "screw",
        "objectId": "b",
        "rotated-bounding-box": {"x": 300, "y": 220, "width": 110, "height": 40, "rotation": 30},
    },
    {"title": "nut", "polygon": [[60, 200], [120, 180], [150, 230], [110, 270], [60, 250]]},
    {
        "title": "washer",
        "segmentation": {
            "zones": [
                {
                    "region": [[200, 180], [280, 180], [280, 260], [200, 260]],
                    "holes": [[[225, 205], [255, 205], [255, 235], [225, 235]]],
                }
            ]
        },
    },
    {"title": "edge", "polyline": [[20, 300], [140, 320], [260, 300], [380, 330]]},
    {"title": "centre", "point": [345, 60]},
]


def make_detail(objects: list[dict[str, Any]] | None = None, **changes: Any) -> JobDetail:
    objects = SHAPES if objects is None else objects
    answer = {
        "objects": objects,
        "classifications": [{"schemaId": "c1", "title": "Lighting", "answer": "warm"}],
        "relations": [{"schemaId": "r1", "from": "a", "to": "b", "direction": "straight"}],
    }
    values: dict[str, Any] = {
        "payload": {
            "session": "s1",
            "apiKey": "should never show",
            "categorySchema": None,
            "dataURL": "https://x/y.jpg",
        },
        "answer": answer,
        "response": {"response": answer, "session": "s1"},
        "notes": ('3 predictions dropped: class "truck" is not mapped', "1 box was clipped to the picture"),
        "predictions": [
            {
                "class": "bolt",
                "index": 0,
                "score": 0.93,
                "bounding-box": {"x": 40, "y": 40, "width": 120, "height": 80},
            },
            {"class": "bolt", "index": 0, "score": 0.18, "bounding-box": {"x": 10, "y": 10, "width": 20, "height": 20}},
        ],
    }
    return JobDetail(**{**values, **changes})


def draw_picture(path: Path, width: int = 400, height: int = 350) -> Path:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    ground = QLinearGradient(0, 0, width, height)
    ground.setColorAt(0, QColor("#b9b2a3"))
    ground.setColorAt(1, QColor("#6d7468"))
    painter.fillRect(image.rect(), ground)
    painter.end()
    assert image.save(str(path))
    return path


async def until(condition: Callable[[], bool], limit: float = 60.0) -> None:
    """Waits until something is so; the Qt loop goes on meanwhile."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.002)


class Tools:
    """What tests of the window use, as one fixture: there is no package to import helpers from."""

    profile = staticmethod(make_profile)
    job = staticmethod(make_job)
    line = staticmethod(make_line)
    detail = staticmethod(make_detail)
    picture = staticmethod(draw_picture)
    until = staticmethod(until)
    shapes = SHAPES
    replace = staticmethod(replace)
    callback = staticmethod(lambda path: CallbackSource(script=path))


@pytest.fixture
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def speaking(qapp: QApplication) -> Iterator[Callable[[str], None]]:
    """Puts a language in force, for widgets made afterwards, until the test ends."""
    before, installed = QLocale(), list[QTranslator]()

    def speak(code: str) -> None:
        installed.extend(use_language(qapp, code))

    yield speak
    for translator in installed:
        qapp.removeTranslator(translator)
    QLocale.setDefault(before)


@pytest.fixture
def run(qapp: QApplication) -> Iterator[Callable[[Awaitable[None]], None]]:
    """Runs a coroutine in the app's own loop; fails when it leaves a task behind."""
    loop = Loop(qapp)
    asyncio.set_event_loop(loop)
    qapp.setQuitOnLastWindowClosed(False)

    def call(work: Awaitable[None]) -> None:
        loop.run_until_complete(work)

    try:
        yield call
        tasks = running_tasks()
        left = [task.get_name() for task in tasks]
        loop.run_until_complete(cancel_and_wait(*tasks))
        assert not left, f"tasks left behind: {left}"
    finally:
        loop.close()
        # Timers of cancelled handles still tick. Were their object collected by another thread, Qt would go on to
        # call it after its death.
        shiboken6.delete(loop._timer)
        asyncio.set_event_loop(None)


@pytest.fixture
def opened(run: Callable[[Awaitable[None]], None], host: Any, qapp: QApplication) -> Callable[[Any], None]:
    """Runs a scenario with the window open; afterwards everything must be closed in good order."""
    from desktop_app.ui.main_window import MainWindow

    apply_theme(qapp, "light")

    def call(scenario: Any) -> None:
        async def whole() -> None:
            window = MainWindow(host)
            window.begin()
            window.show()
            try:
                await scenario(window)
            finally:
                await window.end()
                window.close_now()
                window.deleteLater()

        run(whole())

    return call


@pytest.fixture(autouse=True, scope="session")
def plain_numbers() -> Iterator[None]:
    """Numbers as tests expect them, whatever the language of the machine they run on."""
    before = QLocale()
    QLocale.setDefault(QLocale.c())
    yield
    QLocale.setDefault(before)


@pytest.fixture(autouse=True)
def no_widgets_left(qapp: QApplication) -> Iterator[None]:
    before = set(qapp.topLevelWidgets())
    yield
    for widget in qapp.topLevelWidgets():
        if widget not in before and isinstance(widget, QWidget):
            widget.close()
            widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
