"""The log below everything: one table for the app, the workers and the scripts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QTableView,
    QWidget,
)

from desktop_app.core.events import Level, LogLine
from desktop_app.core.job import JobRecord
from desktop_app.core.profile import Profile
from desktop_app.ui.formats import exact, tr
from desktop_app.ui.logs.details import LineDetails
from desktop_app.ui.logs.model import LogModel, LogWanted
from desktop_app.ui.menus import show_once
from desktop_app.ui.models.table import fit_columns
from desktop_app.ui.shortcuts import Place, note_keys, shortcut
from desktop_app.ui.theme import mono_font, notifier, roomy
from desktop_app.ui.widgets import ElidedCombo, EmptyState, Panel, name_choice, tool_button

NARROW = 800
FEWEST_PX = 40


def line_text(line: LogLine) -> str:
    """A line as it is copied and saved."""
    parts = (exact(line.at), line.level.name, line.profile_name or "-", line.source, line.session or "-", line.message)
    return "  ".join(parts) + (f"\n{line.details}" if line.details else "")


class LogPanel(Panel):
    """The log table with its filters.

    Signals:
        save: the lines shown are to be written to a file.
        chosen: session of the line that was double-clicked.
    """

    save = Signal()
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Logs"), parent)
        self.model = LogModel(self)
        self._job: JobRecord | None = None
        self.plugin = ElidedCombo()
        name_choice(self.plugin, tr("Plugin"))
        self.plugin.addItem(tr("All plugins"), "")
        self.level = ElidedCombo()
        name_choice(self.level, tr("Lowest level"))
        for level in Level:
            self.level.addItem(f"{level.name}+" if level < Level.CRITICAL else level.name, int(level))
        self.level.setCurrentIndex(1)
        self.only_job = tool_button("live", tr("This job only"), text=True, checkable=True)
        self.text = QLineEdit()
        self.text.setPlaceholderText(tr("Filter…"))
        self.text.setAccessibleName(tr("Filter the log by text"))
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(80)
        self.text.setMaximumWidth(280)
        self.follow = tool_button("follow", tr("Follow"), text=True, checkable=True)
        self.follow.setToolTip(tr("Stay at the newest line. Stops when you scroll up."))
        self.follow.setChecked(True)
        for control in (self.plugin, self.level, self.text):
            control.setFixedHeight(26)
            control.setStyleSheet("min-height: 22px; padding-top: 0; padding-bottom: 0;")
        for place, widget in enumerate((self.plugin, self.level, self.only_job, self.text)):
            self.header.row.insertWidget(place + 1, widget)
        self.header.add(
            self.follow,
            tool_button("save", tr("Save the lines shown…"), self.save.emit),
            tool_button("remove", tr("Clear the view"), self.model.clear),
        )
        self.view = self._make_view()
        self._size_rows()
        notifier().changed.connect(self._size_rows)
        self.details = LineDetails()
        self.details.watch(self)
        self.empty = EmptyState("text", tr("No log lines"), "")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.view)
        self.column.addWidget(self.stack, 1)
        self.column.addWidget(self.details)
        # Typing filters once it pauses, not with every key.
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(150)
        self._typed.timeout.connect(self._filter)
        self.text.textChanged.connect(lambda: self._typed.start())
        self.plugin.currentIndexChanged.connect(self._filter)
        self.level.currentIndexChanged.connect(self._filter)
        self.only_job.toggled.connect(self._filter)
        self.follow.toggled.connect(self._follow)
        self._show_stack()

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self.model)
        view.setAccessibleName(tr("Log lines"))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setFont(mono_font())
        rows = view.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = view.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        fit_columns(view, self.model.columns)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._open_menu)
        view.activated.connect(self._open_line)
        view.selectionModel().currentRowChanged.connect(self._show_details)
        view.verticalScrollBar().sliderMoved.connect(self._scrolled)
        view.verticalScrollBar().actionTriggered.connect(lambda _: QTimer.singleShot(0, view, self._scrolled))
        view.verticalScrollBar().valueChanged.connect(self._scrolled)
        keys = QKeySequence(QKeySequence.StandardKey.Copy)
        for one in shortcut(view, Place.LOG, tr("Copy log lines"), keys, self.copy):
            one.setContext(Qt.ShortcutContext.WidgetShortcut)
        note_keys(view, Place.LOG, tr("Show the job of a line"), "Return")
        note_keys(view, Place.LOG, tr("What else can be done"), "Menu")
        self._steady = False
        return view

    def _size_rows(self) -> None:
        self.view.verticalHeader().setDefaultSectionSize(self.view.fontMetrics().height() + roomy(6, 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Put away, the panel is its header alone.
        self.stack.setVisible(self.height() >= self.header.height() + FEWEST_PX)
        style = Qt.ToolButtonStyle
        for button in (self.only_job, self.follow):
            button.setToolButtonStyle(
                style.ToolButtonIconOnly if self.width() < NARROW else style.ToolButtonTextBesideIcon
            )

    # ---- what is shown ----

    def append(self, lines: Sequence[LogLine]) -> None:
        """Adds lines, and stays at the newest while following."""
        self._steady = True
        self.model.append(lines)
        self._show_stack()
        if self.follow.isChecked():
            self.view.scrollToBottom()
        self._steady = False

    def show_older(self, lines: Sequence[LogLine]) -> None:
        """Adds lines of earlier runs above."""
        self._steady = True
        self.model.prepend(lines)
        self._show_stack()
        if self.follow.isChecked():
            self.view.scrollToBottom()
        self._steady = False

    def show_plugins(self, profiles: Sequence[Profile]) -> None:
        """Offers these plugins in the filter."""
        chosen = self.plugin.currentData()
        blocked = self.plugin.blockSignals(True)
        self.plugin.clear()
        self.plugin.addItem(tr("All plugins"), "")
        for profile in profiles:
            self.plugin.addItem(profile.name, profile.id)
        self.plugin.setCurrentIndex(max(0, self.plugin.findData(chosen)))
        self.plugin.blockSignals(blocked)
        if self.plugin.currentData() != chosen:
            self._filter()

    def show_plugin(self, profile_id: str) -> None:
        """Shows the lines of one plugin, or of all ("")."""
        self.plugin.setCurrentIndex(max(0, self.plugin.findData(profile_id)))

    def show_job(self, record: JobRecord | None) -> None:
        """Names the job that "this job only" means."""
        other = (record.id if record else None) != (self._job.id if self._job else None)
        self._job = record
        if other and self.only_job.isChecked():
            self._filter()

    def copy(self) -> None:
        """Puts the selected lines on the clipboard."""
        rows = sorted({index.row() for index in self.view.selectionModel().selectedRows()})
        QGuiApplication.clipboard().setText("\n".join(line_text(self.model.rows[row]) for row in rows))

    def lines_shown(self) -> list[LogLine]:
        """What passes the filter, oldest first."""
        return list(self.model.rows)

    def _filter(self) -> None:
        job = self._job if self.only_job.isChecked() else None
        self._steady = True
        self.model.set_wanted(
            LogWanted(
                profile_id=str(self.plugin.currentData() or ""),
                min_level=Level(self.level.currentData()),
                job_id=job.id if job else None,
                session=job.session if job else None,
                text=self.text.text().strip().casefold(),
            )
        )
        self._show_stack()
        if self.follow.isChecked():
            self.view.scrollToBottom()
        self._steady = False

    def _show_stack(self) -> None:
        if self.model.rows:
            self.stack.setCurrentWidget(self.view)
            return
        job = self._job if self.only_job.isChecked() else None
        if job is not None and not self.model.has(LogWanted(min_level=Level.DEBUG, job_id=job.id, session=job.session)):
            self.empty.say("text", tr("This job wrote no log line."))
        elif self.model.total:
            self.empty.say("search", tr("No line passes the filter"))
        else:
            self.empty.say("text", tr("No log lines yet"))
        self.stack.setCurrentWidget(self.empty)

    def _scrolled(self) -> None:
        if self._steady:
            return
        bar = self.view.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 2
        if at_end != self.follow.isChecked():
            blocked = self.follow.blockSignals(True)
            self.follow.setChecked(at_end)
            self.follow.blockSignals(blocked)

    def _follow(self, on: bool) -> None:
        if on:
            self.view.scrollToBottom()

    def _show_details(self) -> None:
        self.details.show_line(self.model.record(self.view.currentIndex()))

    def _open_line(self) -> None:
        line = self.model.record(self.view.currentIndex())
        if line is not None and line.session:
            self.chosen.emit(line.session)

    def _open_menu(self, at: QPoint) -> None:
        line = self.model.record(self.view.indexAt(at))
        if line is None:
            return
        menu = QMenu(self)
        menu.addAction(tr("Copy"), self.copy)
        if line.session:
            menu.addAction(tr("Show the job"), lambda: self.chosen.emit(line.session))
        show_once(menu, self.view.viewport().mapToGlobal(at))
