"""The window: puts the views together and lets them speak with the host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.core.events import LogLine, ModelLoaded, ProfileChanged, ProfileState, ProfileStatus
from desktop_app.core.job import JobDetail, JobRecord
from desktop_app.core.profile import Profile
from desktop_app.store.search import JobFilter, LogFilter
from desktop_app.store.settings import Settings
from desktop_app.ui.asset.items import Annotations, Layer, annotations_of
from desktop_app.ui.asset.keys import AssetKeys
from desktop_app.ui.asset.pane import AssetPane
from desktop_app.ui.background import Background
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands import Commands
from desktop_app.ui.editor.page import EditorPage
from desktop_app.ui.hosting import Host
from desktop_app.ui.icons import app_icon, refresh_icons
from desktop_app.ui.inspector.panel import Inspector
from desktop_app.ui.jobs.filmstrip import Filmstrip
from desktop_app.ui.jobs.history import HistoryPage
from desktop_app.ui.jobs.thumbnails import Thumbnails
from desktop_app.ui.logs.panel import LogPanel
from desktop_app.ui.notices import Notices
from desktop_app.ui.plugins.panel import PluginPanel
from desktop_app.ui.settings_page import SettingsPage
from desktop_app.ui.shortcuts_page import ShortcutsPage
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.testing import tested_job
from desktop_app.ui.theme import apply_theme, notifier
from desktop_app.ui.toolbar import Toolbar
from desktop_app.ui.welcome import Welcome

if TYPE_CHECKING:
    from desktop_app.hub.demo.server import DemoHub
    from desktop_app.ui.demo_menu import DemoButton

log = logging.getLogger(__name__)

FIRST_JOBS = 60
FIRST_LINES = 500
STATS_MS = 60_000
SMALLEST = QSize(860, 560)
SHARE = 0.9
"""How much of the screen the window takes at most when it opens."""
NARROW = 800
SHORT = 620
FLAT = 470
"""Below these, in device-independent pixels, details, log lines and the latest pictures are put away."""


class MainWindow(QMainWindow):
    """The window of one host.

    Call `begin()` inside the running loop to fill it, and await `end()` before the application quits.

    Signals:
        close_requested: the person closed the window; the app decides what that means.
        demo_requested: the first door was chosen.
    """

    close_requested = Signal()
    demo_requested = Signal()

    def __init__(self, host: Host, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Plugdeck")
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self._fit_screen(QSize(1440, 900))
        self.host = host
        self._closing = False
        self._narrow = self._short = False
        self._log_height = 190
        self.demo_button: DemoButton | None = None
        self._looked_at: JobRecord | None = None
        self._reading: asyncio.Task[None] | None = None
        self._tested: dict[str, JobDetail] = {}
        self._forget_settings: Callable[[], None] = lambda: None
        self.background = Background(self, threads=3)
        self.bridge = Bridge(host.events, self)
        self.thumbnails = Thumbnails(self.background, self)
        self.tasks = Tasks()
        self.notices = Notices(self.tasks)
        self.toolbar = Toolbar()
        self.plugins = PluginPanel()
        self.asset = AssetPane(self.background)
        self.filmstrip = Filmstrip(self.thumbnails)
        self.inspector = Inspector()
        self.history = HistoryPage(host.history, self.tasks)
        self.logs = LogPanel()
        self.welcome = Welcome()
        self.commands = Commands(self)
        self._lay_out()
        self._connect()
        self._make_shortcuts()

    # ---- putting together ----

    @cached_property
    def editor(self) -> EditorPage:
        """The form, made when it is first wanted: the window opens sooner without it."""
        page = EditorPage(self.host, self.notices.watch, self.background)
        page.saved.connect(self.commands.save_profile)
        page.cancelled.connect(self.show_home)
        self.pages.addWidget(page)
        return page

    @cached_property
    def settings(self) -> SettingsPage:
        """The settings, made when they are first wanted."""
        page = SettingsPage(self.host.settings, self.tasks.start)
        page.closed.connect(self.show_home)
        self.pages.addWidget(page)
        return page

    @cached_property
    def shortcuts(self) -> ShortcutsPage:
        """The list of shortcuts, made when it is first wanted."""
        page = ShortcutsPage()
        page.closed.connect(self.show_home)
        self.pages.addWidget(page)
        return page

    def _lay_out(self) -> None:
        live = QWidget()
        column = QVBoxLayout(live)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.asset, 1)
        column.addWidget(self.filmstrip)
        self.live = live
        self.middle = QStackedWidget()
        self.middle.addWidget(live)
        self.middle.addWidget(self.history)
        self.work = QSplitter(Qt.Orientation.Horizontal)
        self.work.setHandleWidth(1)
        self.work.addWidget(self.middle)
        self.work.addWidget(self.inspector)
        self.work.setStretchFactor(0, 1)
        self.work.setCollapsible(0, False)
        self.work.setSizes([840, 340])
        self.inspector.setMinimumWidth(248)
        self.pages = QStackedWidget()
        for page in (self.work, self.welcome):
            self.pages.addWidget(page)
        self.top = QSplitter(Qt.Orientation.Horizontal)
        self.top.setHandleWidth(1)
        self.top.addWidget(self.plugins)
        self.top.addWidget(self.pages)
        self.top.setStretchFactor(1, 1)
        self.top.setCollapsible(1, False)
        self.plugins.setMinimumWidth(180)
        self.top.setSizes([248, 1192])
        self.whole = QSplitter(Qt.Orientation.Vertical)
        self.whole.setHandleWidth(1)
        self.whole.addWidget(self.top)
        self.whole.addWidget(self.logs)
        self.whole.setStretchFactor(0, 1)
        self.whole.setCollapsible(0, False)
        self.whole.setSizes([660, 190])
        self.logs.setMinimumHeight(80)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.toolbar)
        column.addWidget(self.notices)
        column.addWidget(self.whole, 1)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        self.bridge.profile_changed.connect(self._take_profile)
        self.bridge.statuses_changed.connect(self._take_statuses)
        self.bridge.jobs_changed.connect(self._take_jobs)
        self.bridge.logged.connect(self._take_lines)
        self.bridge.model_loaded.connect(self._take_model)
        commands = self.commands
        self.plugins.command.connect(commands.run)
        self.plugins.add.connect(lambda: self.open_editor())
        self.plugins.bring_in.connect(commands.bring_in)
        self.toolbar.start_all.connect(commands.start_all)
        self.toolbar.stop_all.connect(commands.stop_all)
        self.toolbar.test.connect(commands.test)
        self.toolbar.page.connect(self.show_page)
        self.toolbar.search.connect(self._search)
        self.filmstrip.chosen.connect(self.look_at)
        self.filmstrip.show_all.connect(lambda: self.show_page("history"))
        self.history.text.textChanged.connect(self.toolbar.show_search)
        self.history.chosen.connect(self.look_at)
        self.history.opened.connect(self._open_job)
        self.history.command.connect(self._history_command)
        self.inspector.selected.connect(self.asset.select)
        self.inspector.hovered.connect(self.asset.hover)
        self.inspector.hidden_changed.connect(self.asset.set_hidden)
        self.inspector.min_score_changed.connect(self._set_min_score)
        self.inspector.cancel.connect(lambda job_id: self.host.cancel(job_id))
        self.asset.selected.connect(self.inspector.select)
        self.asset.view.order = self.inspector.tree_model.order
        self.asset.sized.connect(self.inspector.show_size)
        self.asset.details.connect(self.inspector.setVisible)
        for layer, entry in self.asset.layer_actions.items():
            entry.toggled.connect(lambda _=False, layer=layer: self._layers_changed())
        self.logs.save.connect(commands.save_log)
        self.logs.chosen.connect(lambda session: self.notices.watch(self._open_session(session), "open a session"))
        self.welcome.demo.connect(self.demo_requested)
        self.welcome.model.connect(lambda: commands.choose(self.tr("ONNX models (*.onnx)")))
        self.welcome.script.connect(lambda: commands.choose(self.tr("Python scripts (*.py)")))
        self.toolbar.settings.connect(self.show_settings)
        self.toolbar.help.connect(self.show_shortcuts)
        notifier().changed.connect(self._recolour)
        self._stats_timer = QTimer(self)
        self._stats_timer.setInterval(STATS_MS)
        self._stats_timer.timeout.connect(lambda: self.notices.watch(self._read_stats(), "read figures"))

    def _make_shortcuts(self) -> None:
        for keys, slot in (
            ("Ctrl+N", self.open_editor),
            ("Ctrl+1", lambda: self.show_page("live")),
            ("Ctrl+2", lambda: self.show_page("history")),
            ("Ctrl+F", self._focus_search),
            ("Ctrl+L", lambda: self.logs.text.setFocus()),
            ("Ctrl+T", self.commands.test),
            ("F5", self.history.reload),
            ("Ctrl+,", self.show_settings),
            ("?", self.show_shortcuts),
            ("Ctrl+Q", self.close),
        ):
            QShortcut(QKeySequence(keys), self, slot)
        self.asset_keys = AssetKeys(
            self, self.asset.view, (self.filmstrip.view, self.history.view, self.inspector.tree, self.plugins.view)
        )
        self.pages.currentChanged.connect(self._offer_asset_keys)
        self._offer_asset_keys()

    def _offer_asset_keys(self) -> None:
        self.asset_keys.set_enabled(self.pages.currentWidget() is self.work)

    # ---- beginning and end ----

    def begin(self) -> None:
        """Fills the views from the stores. Needs the running loop."""
        self._forget_settings = self.host.settings.changed.connect(self._take_settings)
        self.restore_layout(self.host.settings.current.window_state)
        for profile in self.host.profiles.all():
            self.plugins.model.put(profile, self.host.status(profile.id))
        self._profiles_changed()
        self.show_home()
        self._stats_timer.start()
        self.notices.watch(self._read_first(), "read the history")

    async def end(self) -> None:
        """Stops listening and waits for what runs in threads."""
        self._stats_timer.stop()
        self._forget_settings()
        self.bridge.close()
        layout = self.layout_state()
        if layout != self.host.settings.current.window_state:
            try:
                await self.host.settings.change(window_state=layout)
            except KnownError as error:
                log.warning("the window's layout could not be kept: %s", error)
        await self.tasks.end()
        self.background.close()

    async def _read_first(self) -> None:
        self.filmstrip.take(await self.host.history.list(JobFilter(), FIRST_JOBS))
        lines = await self.host.history.logs(LogFilter(), FIRST_LINES)
        self.logs.show_older([stored.line for stored in reversed(lines)])
        await self._read_stats()

    async def _read_stats(self) -> None:
        from desktop_app.ui.commands import midnight

        for row in tuple(self.plugins.model.rows):
            stats = await self.host.history.stats(row.profile.id, midnight())
            self.plugins.model.set_stats(row.profile.id, stats.jobs, stats.failed, stats.median_ms)

    # ---- pages ----

    def show_home(self) -> None:
        """The live page, or the three doors while there is no plugin."""
        if self.plugins.model.rows or self.filmstrip.model.rows:
            self.show_page("live" if self.middle.currentWidget() is self.live else "history")
        else:
            self.pages.setCurrentWidget(self.welcome)
            self.plugins.hide()
            self.logs.hide()
            self.toolbar.show_page("")

    def show_page(self, name: str) -> None:
        """Shows "live" or "history"."""
        self.plugins.show()
        self.logs.show()
        self.pages.setCurrentWidget(self.work)
        self.middle.setCurrentWidget(self.history if name == "history" else self.live)
        self.toolbar.show_page(name)
        if name == "history" and not self.history.model.rows:
            self.history.reload()

    def show_settings(self) -> None:
        """Shows the settings."""
        self.settings.refresh()
        self._show_alone(self.settings)
        self.settings.search.setFocus()

    def show_shortcuts(self) -> None:
        """Shows what the keyboard can do."""
        self._show_alone(self.shortcuts)
        self.shortcuts.setFocus()

    def show_demo(self, hub: DemoHub) -> None:
        """Offers what only the demo has, once it runs."""
        from desktop_app.ui.demo_menu import DemoButton

        def names() -> dict[str, str]:
            return {row.profile.plugin_id: row.profile.name for row in self.plugins.model.rows}

        self.demo_button = DemoButton(hub, self.notices.watch, names)
        self.toolbar.add(self.demo_button)

    def _show_alone(self, page: QWidget) -> None:
        self.plugins.setVisible(not self._narrow)
        self.logs.hide()
        self.pages.setCurrentWidget(page)
        self.toolbar.show_page("")

    def open_editor(self, file: Path | None = None, profile_id: str = "", *, copy: bool = False) -> None:
        """Shows the form: empty, for a file, or for a profile (or a copy of it)."""
        row = self.plugins.model.find(profile_id)
        if row is not None:
            self.editor.open_profile(row.profile, copy=copy)
        else:
            self.editor.open_new(file)
        self._show_alone(self.editor)

    # ---- the job that is looked at ----

    def look_at(self, record: JobRecord) -> None:
        """Shows a job in the middle and in the inspector."""
        known = self._looked_at
        self._looked_at = record
        self.logs.show_job(record)
        if known is not None and known.id == record.id and known == record:
            return
        if known is None or known.id != record.id:
            self.inspector.show_job(record, None, Annotations())
            self.asset.show_job(record, Annotations())
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self.tasks.start(self._read_detail(record), "read a job")

    async def _read_detail(self, record: JobRecord) -> None:
        detail = self._tested.get(record.id)
        if detail is None:
            detail = await self.host.history.detail(record.id)
        if self._looked_at is None or self._looked_at.id != record.id:
            return
        annotations = await self._read_annotations(detail)
        if self._looked_at is None or self._looked_at.id != record.id:
            return
        self.inspector.show_job(record, detail, annotations)
        self.asset.show_job(record, annotations)

    async def _read_annotations(self, detail: JobDetail) -> Annotations:
        objects = (detail.answer or {}).get("objects")
        number = (len(objects) if isinstance(objects, list) else 0) + len(detail.predictions or ())
        # A thousand masks take a while to read; the window must not wait for them.
        return annotations_of(detail) if number < 200 else await asyncio.to_thread(annotations_of, detail)

    def show_test(self, profile: Profile, results: Sequence[Any]) -> None:
        """Shows files that were tested like jobs, marked as such; they are in no history."""
        records = []
        for result in results:
            record, detail = tested_job(profile, result)
            self._tested[record.id] = detail
            records.append(record)
        if records:
            self.filmstrip.take(records)
            self._open_job(records[0])

    def _open_job(self, record: JobRecord) -> None:
        if not self.filmstrip.select(record.id):
            self.filmstrip.leave()
        self.show_page("live")
        self.look_at(record)

    async def _open_session(self, session: str) -> None:
        found = await self.host.history.find_session(session)
        if found:
            self._open_job(found[0])

    def _history_command(self, name: str, record: JobRecord) -> None:
        if name == "open":
            self._open_job(record)
        elif name == "copy":
            QGuiApplication.clipboard().setText(record.session)
        elif name == "cancel":
            self.host.cancel(record.id)

    def _set_min_score(self, score: float) -> None:
        self.asset.set_layer(Layer.PREDICTIONS, True)
        self.asset.set_min_score(score)

    def _layers_changed(self) -> None:
        self.inspector.set_layers(
            frozenset(layer for layer, entry in self.asset.layer_actions.items() if entry.isChecked())
        )

    def _search(self, text: str, entered: bool) -> None:
        there = self.pages.currentWidget() is self.work and self.middle.currentWidget() is self.history
        # What is half filled in elsewhere is left only for who presses Enter.
        if not there and (entered or (text and self.pages.currentWidget() is self.work)):
            self.show_page("history")
        elif not there and text:
            return
        self.history.search(text)

    def _focus_search(self) -> None:
        if self.pages.currentWidget() is self.work and self.middle.currentWidget() is self.history:
            field = self.history.text
        else:
            field = self.toolbar.text
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.selectAll()

    # ---- what the host says ----

    def _take_profile(self, event: ProfileChanged) -> None:
        if event.removed:
            self.plugins.model.remove(event.profile.id)
        else:
            self.plugins.model.put(event.profile, self.host.status(event.profile.id))
        self._profiles_changed()

    def _take_statuses(self, statuses: tuple[ProfileStatus, ...]) -> None:
        for status in statuses:
            self.plugins.model.set_status(status)
        self._count_running()

    def _take_jobs(self, records: tuple[JobRecord, ...]) -> None:
        for record in records:
            self.plugins.model.take_job(record)
        self.filmstrip.take(records)
        self.history.model.update_jobs(records)
        if self._looked_at is not None:
            for record in records:
                if record.id == self._looked_at.id:
                    self.look_at(record)

    def _take_lines(self, lines: tuple[LogLine, ...]) -> None:
        self.logs.append(lines)

    def _take_settings(self, settings: Settings) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, settings.theme)

    def _take_model(self, event: ModelLoaded) -> None:
        row = self.plugins.model.find(event.profile_id)
        if row is not None:
            row.runs_on = str(event.info.get("provider") or "")
            self.plugins.model.set_status(row.status)

    def _profiles_changed(self) -> None:
        profiles = [row.profile for row in self.plugins.model.rows]
        self.logs.show_plugins(profiles)
        self.history.show_plugins(profiles)
        self._count_running()
        if self.pages.currentWidget() is (self.welcome if profiles else self.work):
            self.show_home()

    def _count_running(self) -> None:
        rows = self.plugins.model.rows
        running = sum(1 for row in rows if row.status.state is not ProfileState.STOPPED)
        self.toolbar.show_running(running, len(rows))

    def _recolour(self) -> None:
        refresh_icons(self)

    # ---- sizes ----

    def _fit_screen(self, wanted: QSize) -> None:
        """Takes a size that leaves the screen some room, and a smallest size that the screen can hold."""
        most = self.screen().availableSize() * SHARE
        self.setMinimumSize(SMALLEST.boundedTo(most))
        self.resize(wanted.boundedTo(most))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._adapt()

    def _adapt(self) -> None:
        """Puts away what a small window has no room for; it can be drawn out again, and comes back with the room."""
        narrow, short = self.width() < NARROW, self.height() < SHORT
        if narrow != self._narrow:
            self._narrow = narrow
            self.asset.details_button.setChecked(not narrow)
            self.plugins.setVisible(self.pages.currentWidget() is self.work or not (narrow or self._is_empty()))
        self.filmstrip.stack.setVisible(self.height() >= FLAT)
        if short != self._short:
            self._short = short
            if short:
                self._log_height = max(self.logs.height(), self._log_height)
            height = self.logs.header.height() + 1 if short else self._log_height
            self.logs.setMinimumHeight(height if short else 80)
            self.whole.setSizes([max(1, self.whole.height() - height), height])

    def _is_empty(self) -> bool:
        return self.pages.currentWidget() is self.welcome

    # ---- Qt ----

    def layout_state(self) -> str:
        """Sizes and places of everything, as text for the settings."""
        parts = (self.saveGeometry(), self.whole.saveState(), self.top.saveState(), self.work.saveState())
        return " ".join(bytes(part.toBase64().data()).decode() for part in parts)

    def restore_layout(self, text: str) -> None:
        """Takes back what `layout_state` said; nonsense is ignored."""
        parts = [QByteArray.fromBase64(part.encode()) for part in text.split(" ")]
        if len(parts) == 4 and self.restoreGeometry(parts[0]):
            if not (self.isMaximized() or self.isFullScreen()):
                self.resize(self.size().boundedTo(self.screen().availableSize()))
            for splitter, part in zip((self.whole, self.top, self.work), parts[1:], strict=True):
                splitter.restoreState(part)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._closing:
            event.accept()
            return
        # The app drains first; it closes the window through `close_now`.
        event.ignore()
        self.close_requested.emit()

    def close_now(self) -> None:
        """Closes without asking."""
        self._closing = True
        self.close()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._files(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = self._files(event)
        if files:
            event.acceptProposedAction()
            self.take_files(files)

    def take_files(self, files: list[Path]) -> None:
        """What a drop on the window does: a model or a script opens the form, assets are tested."""
        if isinstance(self.pages.currentWidget(), EditorPage):
            wanted = [file for file in files if self.editor.takes(file)]
            if wanted:
                self.editor.take_file(wanted[0])
            return
        models = [file for file in files if file.suffix.casefold() in (".onnx", ".py")]
        if models:
            self.open_editor(models[0])
        else:
            self.commands.test_files(files)

    def _files(self, event: QDropEvent) -> list[Path]:
        return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.setWindowTitle("Plugdeck")
