"""The window: puts the views together and lets them speak with the host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.store.settings import Settings
from desktop_app.ui.asset.keys import AssetKeys
from desktop_app.ui.asset.pane import AssetPane
from desktop_app.ui.background import Background
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands import Commands
from desktop_app.ui.compare.desk import Desk
from desktop_app.ui.demo_stay import DemoStay
from desktop_app.ui.fitting import LEAST_LOG_HEIGHT, LOG_HEIGHT, Fitting
from desktop_app.ui.formats import tr
from desktop_app.ui.hearing import Hearing
from desktop_app.ui.hosting import Host
from desktop_app.ui.icons import app_icon, refresh_icons
from desktop_app.ui.inspector.panel import Inspector
from desktop_app.ui.jobs.filmstrip import Filmstrip
from desktop_app.ui.jobs.history import HistoryPage
from desktop_app.ui.jobs.thumbnails import Thumbnails
from desktop_app.ui.logs.panel import LogPanel
from desktop_app.ui.notices import Notices
from desktop_app.ui.one_plugin import OnePlugin
from desktop_app.ui.plugins.panel import PluginPanel
from desktop_app.ui.remedies import remedies
from desktop_app.ui.shortcuts import Place, note_keys, shortcut
from desktop_app.ui.side_pages import SidePages
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.theme import apply_theme, notifier
from desktop_app.ui.toolbar import Toolbar
from desktop_app.ui.viewing import Viewing
from desktop_app.ui.welcome import Welcome

if TYPE_CHECKING:
    from desktop_app.ui.editor.page import EditorPage

log = logging.getLogger(__name__)


class MainWindow(QMainWindow):
    """The window of one host.

    Call `begin()` inside the running loop to fill it, and await `end()` before the application quits.

    Attributes:
        painted: set with the first paint.

    Signals:
        close_requested: the person closed the window; the app decides what that means.
        quit_requested: the person wants the app to end.
        demo_requested: the first door was chosen.
    """

    close_requested = Signal()
    quit_requested = Signal()
    demo_requested = Signal()

    def __init__(self, host: Host, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Plugdeck")
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.fitting = Fitting(self)
        self.fitting.fit_screen(QSize(1440, 900))
        self.host = host
        self._closing = False
        self.painted = asyncio.Event()
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
        self.history = HistoryPage(host.history, self.tasks, self.thumbnails)
        self.logs = LogPanel()
        self.welcome = Welcome()
        self.commands = Commands(self)
        self.viewing = Viewing(self)
        self.side = SidePages(self)
        self._lay_out()
        self.desk = Desk(self)
        self.hearing = Hearing(self)
        self.one_plugin = OnePlugin(self)
        self.demo = DemoStay(self)
        self._connect()
        self._make_shortcuts()

    # ---- putting together ----

    @cached_property
    def editor(self) -> EditorPage:
        """The form, made when it is first wanted: the window opens sooner without it."""
        from desktop_app.ui.editor.page import EditorPage

        page = EditorPage(self.host, self.notices.watch, self.background)
        page.saved.connect(self.commands.save_profile)
        page.cancelled.connect(self.show_home)
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
        self.whole.setSizes([660, LOG_HEIGHT])
        self.logs.setMinimumHeight(LEAST_LOG_HEIGHT)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.toolbar)
        column.addWidget(self.notices)
        column.addWidget(self.whole, 1)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        commands, viewing = self.commands, self.viewing
        self.plugins.command.connect(commands.run)
        self.plugins.add.connect(lambda: self.open_editor())
        self.plugins.bring_in.connect(commands.bring_in)
        self.plugins.wanted.connect(commands.add)
        self.toolbar.start_all.connect(commands.start_all)
        self.toolbar.stop_all.connect(commands.stop_all)
        self.toolbar.test.connect(commands.test)
        self.toolbar.page.connect(self.show_page)
        self.toolbar.search.connect(self._search)
        self.filmstrip.chosen.connect(viewing.follow)
        self.filmstrip.show_all.connect(lambda: self.show_page("history"))
        self.history.text.textChanged.connect(self.toolbar.show_search)
        self.history.chosen.connect(viewing.look_at)
        self.history.opened.connect(viewing.open_job)
        self.history.command.connect(viewing.history_command)
        self.inspector.selected.connect(self.asset.select)
        self.inspector.hovered.connect(self.asset.hover)
        self.inspector.hidden_changed.connect(self.asset.set_hidden)
        self.inspector.min_score_changed.connect(viewing.set_min_score)
        self.inspector.cancel.connect(lambda job_id: self.host.cancel(job_id))
        self.inspector.batch.pause.connect(lambda job_id, paused: self.host.pause(job_id, paused))
        self.asset.selected.connect(self.inspector.select)
        self.asset.hovered.connect(self.inspector.hover)
        self.asset.view.order = self.inspector.tree_model.order
        self.asset.sized.connect(self.inspector.show_size)
        self.asset.details.connect(self.inspector.setVisible)
        for entry in self.asset.layer_actions.values():
            entry.toggled.connect(lambda _=False: viewing.layers_changed())
        self.logs.save.connect(commands.save_log)
        self.logs.chosen.connect(lambda session: self.notices.watch(viewing.open_session(session), "open a session"))
        for way in (self.welcome.demo, self.toolbar.demo):
            way.connect(self.demo_requested)
        self.welcome.wanted.connect(commands.add)
        side = self.side
        self.toolbar.settings.connect(side.show_settings)
        self.toolbar.help.connect(side.show_shortcuts)
        self.toolbar.doctor.connect(lambda: side.show_doctor())
        self.toolbar.diagnostics.connect(lambda: side.copy_diagnostics())
        self.toolbar.runners.connect(side.show_runners)
        self.toolbar.about.connect(side.show_about)
        self.toolbar.quit.connect(self.quit_requested)
        self.notices.offer = lambda error, of: remedies(self, error, of)
        self.notices.offer_help = lambda: ((tr("Copy diagnostics"), side.copy_diagnostics),)
        notifier().changed.connect(self._recolour)

    def _make_shortcuts(self) -> None:
        for keys, text, slot in (
            ("Ctrl+1", tr("Live"), lambda: self.show_page("live")),
            ("Ctrl+2", tr("History"), lambda: self.show_page("history")),
            ("Ctrl+F", tr("Search jobs"), self._focus_search),
            ("Ctrl+L", tr("Filter the log"), lambda: self.logs.text.setFocus()),
            ("Ctrl+N", tr("Add a plugin"), self.open_editor),
            ("Ctrl+T", tr("Test a file"), self.commands.test),
            ("Ctrl+,", tr("Settings"), self.side.show_settings),
            ("F1", tr("Doctor: why does it not work?"), lambda: self.side.show_doctor()),
            ("?", tr("This page"), self.side.show_shortcuts),
            ("Ctrl+W", tr("Close the window"), self.close),
            ("Ctrl+Q", tr("Quit"), self.quit_requested.emit),
        ):
            shortcut(self, Place.WINDOW, text, keys, slot)
        note_keys(self, Place.WINDOW, tr("Leave a page or a dialog"), "Esc")
        shortcut(self, Place.JOBS, tr("Read the history again"), "F5", self.history.reload)
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
        self.fitting.restore_layout(self.host.settings.current.window_state)
        self.hearing.begin()
        self.show_home()

    async def end(self) -> None:
        """Stops listening and waits for what runs in threads."""
        self._forget_settings()
        self.hearing.end()
        layout = self.fitting.layout_state()
        if layout != self.host.settings.current.window_state:
            try:
                await self.host.settings.change(window_state=layout)
            except KnownError as error:
                log.warning("the window's layout could not be kept: %s", error)
        await self.tasks.end()
        self.background.close()

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
            self.welcome.demo_door.setFocus()

    @property
    def is_live(self) -> bool:
        """Whether the live page is what the middle shows, or would show."""
        return self.middle.currentWidget() is self.live

    def show_page(self, name: str) -> None:
        """Shows "live" or "history"."""
        back = name == "live" and not self.is_live
        self.plugins.show()
        self.logs.show()
        self.pages.setCurrentWidget(self.work)
        self.middle.setCurrentWidget(self.history if name == "history" else self.live)
        self.toolbar.show_page(name)
        if name == "history" and not self.history.model.rows:
            self.history.reload()
        if back:
            self.viewing.come_back()

    def show_alone(self, page: QWidget) -> None:
        """Shows a page in place of the work."""
        self.plugins.setVisible(not self.fitting.narrow)
        self.logs.hide()
        self.pages.setCurrentWidget(page)
        self.toolbar.show_page("")

    def open_editor(self, file: Path | None = None, profile_id: str = "", *, copy: bool = False) -> None:
        """Shows the form: empty, for a file, or for a profile (or a copy of it)."""
        row = self.plugins.model.find(profile_id)
        self.editor.demo_hub = self.demo.url
        if row is not None:
            self.editor.open_profile(row.profile, copy=copy)
        else:
            self.editor.open_new(file)
        self.show_alone(self.editor)

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

    def _take_settings(self, settings: Settings) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, settings.theme, settings.density)

    def _recolour(self) -> None:
        refresh_icons(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fitting.adapt()

    # ---- Qt ----

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self.painted.set()

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
        """What a drop on the window does: a model or a script opens the form, profiles are added, assets tested."""
        if "editor" in self.__dict__ and self.pages.currentWidget() is self.editor:
            wanted = [file for file in files if self.editor.takes(file)]
            if wanted:
                self.editor.take_file(wanted[0])
            return
        models = [file for file in files if file.suffix.casefold() in (".onnx", ".py")]
        profiles = [file for file in files if file.suffix.casefold() == ".plugdeck"]
        if models:
            self.open_editor(models[0])
        elif profiles:
            self.commands.import_profiles(profiles)
        else:
            self.commands.test_files(files)

    def _files(self, event: QDropEvent) -> list[Path]:
        return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.setWindowTitle("Plugdeck")
