"""The line at the top of the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QMenu, QWidget

from desktop_app.ui.formats import tr
from desktop_app.ui.icons import app_icon, set_icon
from desktop_app.ui.menus import open_with
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button, tool_button

PAUSE_MS = 250
"""Typing searches once it pauses for so long."""


class Toolbar(QFrame):
    """What concerns all plugins, and the way to the other pages.

    Signals:
        start_all, stop_all, test, settings: buttons.
        help, demo, doctor, diagnostics, runners, about, quit: entries of the help menu.
        page: "live" or "history".
        search: (a text to look for among the jobs, whether Enter asked for it).
    """

    start_all = Signal()
    stop_all = Signal()
    test = Signal()
    settings = Signal()
    help = Signal()
    demo = Signal()
    doctor = Signal()
    runners = Signal()
    diagnostics = Signal()
    about = Signal()
    quit = Signal()
    page = Signal(str)
    search = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolbar")
        self.setFixedHeight(52)
        mark = QLabel()
        mark.setPixmap(app_icon().pixmap(QSize(24, 24), self.devicePixelRatioF()))
        self.start_button = push_button(tr("Start all"), self._start, icon="play")
        self.test_button = push_button(tr("Test a file…"), self.test.emit, icon="test")
        self.test_button.setToolTip(tr("Test a file… (Ctrl+T)"))
        self.live = tool_button("live", tr("Live"), text=True, checkable=True, shortcut="Ctrl+1")
        self.history = tool_button("history", tr("History"), text=True, checkable=True, shortcut="Ctrl+2")
        for button, name in ((self.live, "live"), (self.history, "history")):
            button.setProperty("kind", "segment")
            button.clicked.connect(lambda _=False, name=name: self._go(name))
        self.live.setChecked(True)
        self.text = QLineEdit()
        self.text.setPlaceholderText(tr("Search jobs"))
        self.text.setAccessibleName(tr("Search jobs"))
        self.text.setToolTip(tr("Name, session, class or error (Ctrl+F)"))
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(96)
        self.text.setMaximumWidth(240)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(PAUSE_MS)
        self._typed.timeout.connect(lambda: self._search(False))
        self.text.textChanged.connect(lambda: self._typed.start())
        self.text.returnPressed.connect(lambda: self._search(True))
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(2 * SPACE, 0, 2 * SPACE, 0)
        row.setSpacing(SPACE)
        row.addWidget(mark)
        self.brand = label("Plugdeck", "brand")
        row.addWidget(self.brand)
        row.addSpacing(2 * SPACE)
        row.addWidget(self.start_button)
        row.addWidget(self.test_button)
        row.addSpacing(2 * SPACE)
        row.addWidget(self.live)
        row.addWidget(self.history)
        self._room = QHBoxLayout()
        row.addLayout(self._room)
        row.addStretch(1)
        row.addWidget(self.text, 2)
        self.help_button = tool_button("help", tr("Help"))
        open_with(self.help_button, self._help_menu())
        row.addWidget(self.help_button)
        self.gear = tool_button("gear", tr("Settings"), self.settings.emit, shortcut="Ctrl+,")
        row.addWidget(self.gear)
        self._all_running = False
        self._offered: tuple[bool, bool] | None = None

    def _help_menu(self) -> QMenu:
        menu = QMenu(self)
        for entry, keys in (
            (menu.addAction(tr("Doctor: why does it not work?"), self.doctor.emit), "F1"),
            (menu.addAction(tr("Copy diagnostics"), self.diagnostics.emit), ""),
            (menu.addAction(tr("Other runners"), self.runners.emit), ""),
            (menu.addSeparator(), ""),
            (menu.addAction(tr("Keyboard shortcuts"), self.help.emit), "?"),
            (about := menu.addAction(tr("About Plugdeck"), self.about.emit), ""),
            (menu.addSeparator(), ""),
            # Where there is neither a tray nor a menu bar, this is the one that is to be found.
            (menu.addAction(tr("Quit"), self.quit.emit), "Ctrl+Q"),
        ):
            if keys:
                # Shown only: the window has these keys.
                entry.setText(f"{entry.text()}\t{keys}")
        self.demo_entry = QAction(tr("Try the demo"), menu)
        self.demo_entry.triggered.connect(lambda: self.demo.emit())
        menu.insertAction(about, self.demo_entry)
        return menu

    def add(self, button: QWidget) -> None:
        """Takes in a button that is only there at times."""
        self._room.addWidget(button)
        self._fit()

    def take(self, button: QWidget) -> None:
        """Takes such a button away again."""
        self._room.removeWidget(button)
        button.hide()
        button.deleteLater()
        self._fit()

    def show_page(self, name: str) -> None:
        """Marks the page that is shown; any but "live" and "history" marks none."""
        self.live.setChecked(name == "live")
        self.history.setChecked(name == "history")

    def show_running(self, running: int, all_of: int) -> None:
        """Offers to start all, or to stop all once everything runs."""
        shown = (all_of > 0 and running == all_of, all_of > 0)
        if shown == self._offered:
            return
        self._offered = shown
        self._all_running = shown[0]
        self.start_button.setEnabled(all_of > 0)
        words = tr("Stop all") if self._all_running else tr("Start all")
        self.start_button.setText(words)
        self.start_button.setAccessibleName(words)
        self.start_button.setToolTip(words)
        set_icon(self.start_button, "stop" if self._all_running else "play")
        self.test_button.setEnabled(all_of > 0)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Gives up words, the least needed first, until everything has its place."""
        style = Qt.ToolButtonStyle
        self.brand.show()
        for push in (self.test_button, self.start_button):
            push.setText(push.accessibleName())
        for page in (self.live, self.history):
            page.setToolButtonStyle(style.ToolButtonTextBesideIcon)
        steps: tuple[Callable[[], None], ...] = (
            self.brand.hide,
            lambda: self.test_button.setText(""),
            lambda: self.start_button.setText(""),
            lambda: self.live.setToolButtonStyle(style.ToolButtonIconOnly),
            lambda: self.history.setToolButtonStyle(style.ToolButtonIconOnly),
        )
        for step in steps:
            self._row.invalidate()
            if self._row.minimumSize().width() <= self.width():
                break
            step()

    def show_search(self, text: str) -> None:
        """Shows what is searched for elsewhere."""
        if text != self.text.text():
            self.text.setText(text)
        self._typed.stop()

    def _search(self, entered: bool) -> None:
        self._typed.stop()
        self.search.emit(self.text.text().strip(), entered)

    def _go(self, page: str) -> None:
        # By hand: Tab would pass the one that is not chosen if both were in a QButtonGroup.
        self.show_page(page)
        self.page.emit(page)

    def _start(self) -> None:
        (self.stop_all if self._all_running else self.start_all).emit()
