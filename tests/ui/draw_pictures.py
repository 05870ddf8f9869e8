"""Draws every view of the window with the same data each time: `draw_pictures.py TARGET`.

A process of its own, because the scale is chosen by QT_SCALE_FACTOR before Qt begins, and because the clock is stopped
and the font is set before the window's modules are read. test_pictures.py starts it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["TZ"] = "UTC"
time.tzset()
NOW = 1_772_200_000.0
time.time = lambda: NOW

import numpy as np  # noqa: E402
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QSize, Qt, QTimer  # noqa: E402
from PySide6.QtGui import QFont, QFontDatabase, QImage  # noqa: E402
from PySide6.QtWidgets import QApplication, QDialog, QProgressBar, QWidget  # noqa: E402

from desktop_app.core.aio import running_tasks  # noqa: E402
from desktop_app.core.events import Level, ProfileState  # noqa: E402
from desktop_app.core.job import JobDetail, JobState, StepTimings  # noqa: E402
from desktop_app.core.profile import RemoteSource  # noqa: E402
from desktop_app.core.versions import Package  # noqa: E402
from desktop_app.doctor.finding import Check, Finding, Outcome  # noqa: E402
from desktop_app.hub.demo.server import DemoHub  # noqa: E402
from desktop_app.jobs.trial import TrialResult  # noqa: E402
from desktop_app.runner.script_facts import ScriptFacts  # noqa: E402
from desktop_app.ui import theme  # noqa: E402

NO_FONT = 77
"""Exit code where DejaVu is not installed."""

BOXES = [{"x": 60 + 150 * n, "y": 80 + 60 * n, "width": 110, "height": 90} for n in range(3)]

SHRINK = 3
"""Pictures are kept with a third of the window's width and height, at any scale."""


def text_font() -> QFont:
    font = QFont("DejaVu Sans")
    font.setPointSizeF(9.5)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def code_font(scale: float = 1.0) -> QFont:
    font = QFont("DejaVu Sans Mono")
    font.setPointSizeF(9.5 * 0.95 * scale)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


theme.ui_font = text_font
theme.mono_font = code_font

from desktop_app.core import versions  # noqa: E402

versions.packages = lambda: [Package("PySide6", "6", "LGPL-3.0", ""), Package("numpy", "2", "BSD-3-Clause", "")]
versions.python = lambda: Package("Python", "3", "PSF-2.0", "")

import draw_extras  # noqa: E402

from desktop_app.ui import about  # noqa: E402
from desktop_app.ui.dialogs import Question  # noqa: E402
from desktop_app.ui.jobs.export_dialog import ExportDialog  # noqa: E402
from desktop_app.ui.main_window import MainWindow  # noqa: E402
from desktop_app.ui.run_dialog import RunDialog  # noqa: E402

about.__version__ = "0.0.0"
about.AboutPage.__init__.__defaults__ = (versions.packages, None)


def fakes() -> Any:
    """The host that is no host, from the neighbouring conftest."""
    spec = importlib.util.spec_from_file_location("window_fakes", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Doctor:
    """Finds something of every kind, or never ends."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def examine(self, _profiles: Sequence[Any], tell: Callable[[Finding], None]) -> list[Finding]:
        found = [
            Finding(Check.RESOLUTION, "api.ango.ai", Outcome.OK, "The name leads to one address."),
            Finding(Check.TLS, "api.ango.ai", Outcome.WARNING, "It ends in 3 days.", "Tell who runs the hub."),
            Finding(Check.LOGIN, "Defects", Outcome.FAILED, "The hub refused the login.", "Type the secret again."),
            Finding(Check.PROVIDERS, "", Outcome.SKIPPED, "No GPU is wanted."),
        ]
        for finding in found[:2]:
            tell(finding)
        await self.gate.wait()
        for finding in found[2:]:
            tell(finding)
        return found


async def settle(window: QWidget, busy: Callable[[], bool] = lambda: False) -> None:
    """Waits until nothing is under way that changes what is seen."""
    end, still, timers = time.monotonic() + 60, 0, list[QTimer]()
    while still < 3:
        assert time.monotonic() < end, f"it does not come to rest: {running_tasks()} {timers}"
        await asyncio.sleep(0.005)
        QCoreApplication.sendPostedEvents()
        timers = [one for one in window.findChildren(QTimer) if one.isActive() and one.isSingleShot()]
        late = [one for one in timers if one.interval() > 5_000]
        still = 0 if busy() or len(timers) > len(late) else still + 1


class Drawer:
    """Shows view after view in one window and keeps their pictures."""

    def __init__(self, target: Path, look: str, size: QSize) -> None:
        self.fakes = fakes()
        self.target, self.look, self.size = target, look, size
        self.host = self.fakes.FakeHost()
        self.window: Any = None
        self.waiting = 0

    def busy(self) -> bool:
        # The preview keeps its model for as long as it is seen.
        tasks = [one for one in self.window.tasks._alive if one.get_name() != "keep a model for the preview"]
        return self.window.background.pending > 0 or len(tasks) > self.waiting

    async def keep(self, name: str, widget: QWidget | None = None, ready: Callable[[], object] = lambda: True) -> None:
        await settle(self.window, lambda: self.busy() or not ready())
        shown = widget or self.window
        # A bar that only says that something goes on is never still.
        restless = [one for one in shown.findChildren(QProgressBar) if one.maximum() == 0]
        for bar in restless:
            bar.setRange(0, 2)
            bar.setValue(1)
        image = shown.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        for bar in restless:
            bar.setRange(0, 0)
        image.setDevicePixelRatio(1)
        size = shown.size() / SHRINK
        small = image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
        pixels = np.frombuffer(small.constBits(), np.uint8).reshape(small.height(), small.bytesPerLine())
        # Fewer shades make smaller files.
        coarse = np.ascontiguousarray(pixels & 0xF8)
        kept = QImage(coarse.data, small.width(), small.height(), small.bytesPerLine(), QImage.Format.Format_RGB32)
        assert kept.save(str(self.target / f"{name}-{self.look}.png"), quality=0)  # type: ignore[call-overload]
        if full := os.environ.get("FULL_PICTURES"):
            image.save(str(Path(full) / f"{name}-{self.look}-{image.width()}.png"))

    async def dialog(self, name: str, dialog: QDialog) -> None:
        dialog.show()
        await self.keep(name, dialog)
        dialog.close()
        dialog.deleteLater()

    async def draw(self) -> None:
        make = self.fakes
        await self.begin()
        window, host = self.window, self.host
        await self.keep("welcome")
        if self.look == "light":
            await self.tamper()
        host.put(make.make_profile("Fasteners"))
        window.show_page("live")
        await self.keep("live-empty")
        window.show_page("history")
        await self.keep("history-empty")
        window.desk.show_shadows()
        await self.keep("shadows-empty")
        jobs = self.fill()
        window.show_page("live")
        window.viewing.open_job(jobs[0])
        await self.keep("live")
        window.viewing.open_job(jobs[1])
        await self.keep("live-running")
        window.viewing.open_job(jobs[2])
        await self.keep("live-failed")
        window.viewing.open_job(jobs[0])
        window.notices.say(
            "The hub refused the login of Defects.",
            "Type the plugin's secret again: the hub shows it where the plugin was made.",
            "401",
            actions=(("Edit the plugin", lambda: None), *window.notices.offer_help()),
        )
        await self.keep("live-error")
        window.notices.hide()
        window.show_page("history")
        await self.keep("history")
        window.desk.compare(jobs[0], jobs[3])
        await self.keep("compare")
        window.desk.show_shadows()
        window.desk.shadows.show_profiles(host.profiles.all(), "newer-fasteners")
        await self.keep("shadows", ready=lambda: window.desk.shadows.stack.currentIndex() == 1)
        await self.side()
        await self.editor()
        await self.dialogs()
        await draw_extras.extras(self)
        await window.end()
        window.close_now()
        window.deleteLater()

    async def tamper(self) -> None:
        """Draws the welcome page once with each of the faults that the comparison must see, and one it must not."""
        welcome = self.window.welcome
        button, door = welcome.template_button, welcome.demo_door
        policy = button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        button.setSizePolicy(policy)
        button.hide()
        await self.keep("tampered-hidden")
        button.show()
        place = door.pos()
        door.move(place.x(), place.y() + 12)
        await self.keep("tampered-moved")
        door.move(place)
        door.setStyleSheet(f"QPushButton {{ border-color: {theme.tokens().error}; }}")
        await self.keep("tampered-colour")
        door.setStyleSheet("")
        font = welcome.font()
        font.setHintingPreference(QFont.HintingPreference.PreferFullHinting)
        welcome.setFont(font)
        await self.keep("tampered-font")
        welcome.setFont(theme.ui_font())

    async def begin(self) -> None:
        self.window = MainWindow(self.host)
        self.window.side.care = Doctor()
        self.window.resize(self.size)
        self.window.begin()
        self.window.show()
        await settle(self.window, lambda: self.window.size() != self.size)

    def fill(self) -> list[Any]:
        make, host = self.fakes, self.host
        mine, defects = make.make_profile("Fasteners"), make.make_profile("Defects")
        shadow = make.make_profile("Newer fasteners", shadow_of=mine.id)
        for profile in (defects, shadow, make.make_profile("A plugin with a rather long name for a narrow list")):
            host.put(profile)
        host.set_state(mine.id, ProfileState.BUSY, running=2)
        host.set_state(defects.id, ProfileState.LOGIN_REFUSED)
        host.set_state(shadow.id, ProfileState.ONLINE)
        picture = str(make.draw_picture(Path("tray-901.png").absolute()))
        seen = {"asset_path": picture, "asset_type": "image/png", "width": 400, "height": 350}
        for number in range(1, 12):
            state = JobState.FAILED if number % 4 == 0 else JobState.DELIVERED
            error = "The script raised ValueError: no such class" if state is JobState.FAILED else ""
            job = make.make_job(mine if number % 3 else defects, number, state, error=error)
            host.put_job(job, make.make_detail())
            again = make.make_job(shadow, 500 + number, replay_of=job.id, session=f"shadow-{number}")
            host.put_job(again, make.make_detail(make.SHAPES[: 4 + number % 3]))
        main = make.make_job(mine, 901, objects=8, **seen)
        running = make.make_job(mine, 902, JobState.RUNNING)
        failed = make.make_job(
            defects,
            903,
            JobState.FAILED,
            error="The script raised ValueError: no such class",
            details='Traceback (most recent call last):\n  File "defects.py", line 12\nValueError: no such class',
            **seen,
        )
        moved = [dict(shape) for shape in make.SHAPES[:5]]
        moved[0] = {**moved[0], "bounding-box": {"x": 50, "y": 46, "width": 120, "height": 80}}
        second = make.make_job(shadow, 904, replay_of=main.id, session="replay-1", **seen)
        host.put_job(main, make.make_detail())
        host.put_job(running, JobDetail(payload={"session": "s2"}))
        host.put_job(failed, JobDetail(payload={"session": "s3"}))
        host.put_job(second, make.make_detail(moved))
        host.log(
            make.make_line("12 annotations, 3 dropped", profile_name="Fasteners", session="a1b2c3"),
            make.make_line("The answer took long", Level.WARNING, profile_name="Fasteners"),
            make.make_line("no such class", Level.ERROR, profile_name="Defects", details="a\nb\nc"),
        )
        return [main, running, failed, second]

    async def side(self) -> None:
        window = self.window
        window.side.show_settings()
        await self.keep("settings")
        window.side.show_doctor()
        await self.keep("doctor")
        window.side.care.gate.clear()
        window.side.show_doctor()
        self.waiting = 1
        await self.keep("doctor-working")
        window.side.care.gate.set()
        self.waiting = 0
        window.side.show_about()
        await self.keep("about")
        window.side.show_shortcuts()
        await self.keep("shortcuts")

    async def editor(self) -> None:
        window, host = self.window, self.host
        model, script = Path("fasteners.onnx"), Path("defects.py")
        window.open_editor()
        await self.keep("editor-new")
        found = [{"class": "bolt", "index": 0, "score": 0.9, "bounding-box": box} for box in BOXES]
        host.tests = [
            TrialResult(Path("tray.jpg"), predictions=found, answer={"objects": []}, timings=StepTimings(run=38.0))
        ]
        window.open_editor(model)
        await self.keep("editor-onnx", ready=lambda: "Ultralytics" in window.editor.onnx.findings.summary.text())
        window.editor.plugin_id.edit.setText("fasteners-1")
        window.editor.secret.edit.setText("hush")
        preview = window.editor.preview
        await settle(window, lambda: self.busy() or "Ran in" not in preview.status.text())
        window.editor.area.ensureWidgetVisible(preview)
        await self.keep("editor-preview")
        host.script_facts = ScriptFacts(
            script,
            host="https://eu-api.ango.ai",
            plugin_id="from-script",
            callback="run_model",
            hands_over=True,
            placeholders=("secret",),
            concurrency=3,
        )
        window.open_editor(script)
        await self.keep("editor-script", ready=lambda: window.editor.plugin_id.value == "from-script")
        far = self.fakes.make_profile("Far", source=RemoteSource(url="https://models.example", model="bolts"))
        host.put(far)
        await settle(window, lambda: window.plugins.model.find(far.id) is None)
        window.open_editor(profile_id=far.id)
        remote = window.editor.form.remote
        await settle(window, lambda: not remote.button.isEnabled())
        remote.button.click()
        await settle(window, lambda: self.busy() or not remote.found or "Ran in" not in preview.status.text())
        window.editor.area.ensureWidgetVisible(remote.findings)
        await self.keep("editor-remote")

    async def dialogs(self) -> None:
        async with DemoHub() as hub:
            hub.add_plugin("plugin-fasteners", "s", class_names=("bolt", "nut", "washer"))
            await self.dialog("run", RunDialog(hub, {"plugin-fasteners": "Fasteners"}, self.window))
        await self.dialog("export", ExportDialog("Export the answers of 12 jobs", self.window))
        await self.dialog(
            "question",
            Question(
                self.window,
                "Quit Plugdeck?",
                "3 jobs are running, 2 answers are waiting for the hub.",
                "Wait",
                "Quit now",
            ),
        )


def main(target: Path) -> int:
    import qasync

    app = QApplication(["plugdeck"])
    QLocale.setDefault(QLocale("en_GB"))
    if not {"DejaVu Sans", "DejaVu Sans Mono"} <= set(QFontDatabase.families()):
        return NO_FONT
    app.setCursorFlashTime(0)
    app.setQuitOnLastWindowClosed(False)
    scale = float(os.environ.get("QT_SCALE_FACTOR", "1"))
    size = QSize(1280, 800) if scale == 1 else QSize(1024, 700)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        Path("fasteners.onnx").write_bytes(b"onnx")
        Path("defects.py").write_text("x = 1\n")
        draw_extras.without_video()
        for look in ("light", "dark"):
            theme.apply_theme(app, look, "comfortable")
            loop.run_until_complete(Drawer(target, look, size).draw())
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        # The language last: nothing takes it back.
        for before, put_on in (("compact", draw_extras.compact), ("german", draw_extras.german)):
            put_on(app)
            loop.run_until_complete(draw_extras.pages(Drawer(target, "light", size), before))
        os.chdir("/")
    # Nothing is left to be done, and taking Qt apart takes time.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
