"""Every job ever, in a table with filters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QStackedWidget, QTableView, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.core.job import JobRecord
from desktop_app.core.profile import Profile
from desktop_app.store.search import JobFilter
from desktop_app.ui.formats import count, plain, tr
from desktop_app.ui.hosting import History
from desktop_app.ui.icons import icon
from desktop_app.ui.jobs.filters import JobFilters
from desktop_app.ui.jobs.history_model import PAGE, THUMB, HistoryModel
from desktop_app.ui.jobs.thumbnails import Thumbnails
from desktop_app.ui.menus import show_once
from desktop_app.ui.models.table import fit_columns
from desktop_app.ui.shortcuts import Place, action, note_keys
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.widgets import EmptyState, Panel, tool_button

__all__ = ["PAGE", "HistoryModel", "HistoryPage"]

COUNTED = 10_000


class HistoryPage(Panel):
    """The table with its filters.

    Signals:
        chosen: the JobRecord that is looked at.
        opened: the JobRecord to show with its asset.
        command: (name, JobRecord) from the context menu.
        replay: (JobRecord, id of the profile that answers it, "" for its own).
        compare: two JobRecords on one asset.
        export: the JobRecords that are selected, or none for all that the filters pick.
        shadows: the person wants to see how shadows do.
    """

    chosen = Signal(object)
    opened = Signal(object)
    command = Signal(str, object)
    replay = Signal(object, str)
    compare = Signal(object, object)
    export = Signal(object)
    shadows = Signal()

    def __init__(
        self, history: History, tasks: Tasks, thumbnails: Thumbnails | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("All jobs"), parent)
        self._tasks = tasks
        self._history = history
        self._counting: asyncio.Task[None] | None = None
        self._profiles: tuple[Profile, ...] = ()
        self.model = HistoryModel(history, tasks, thumbnails, self)
        self.filters = JobFilters()
        self.text, self.plugin, self.state = self.filters.text, self.filters.plugin, self.filters.state
        self.when, self.number = self.filters.when, self.filters.number
        self.column.addWidget(self.filters)
        self.view = self._make_view()
        self.empty = EmptyState("history", self.tr("No jobs yet"), self.tr("Every job that arrives is kept here."))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.view)
        self.column.addWidget(self.stack, 1)
        self.compare_button = tool_button("compare", self.tr("Compare"), self._compare, text=True, shortcut="Ctrl+D")
        self.compare_button.setToolTip(self.tr("Compare two selected jobs on the same asset (Ctrl+D)"))
        self.compare_button.setEnabled(False)
        self.shadow_button = tool_button("layers", self.tr("Shadows"), self.shadows.emit, text=True)
        self.shadow_button.setToolTip(self.tr("How a second model does on the same jobs"))
        self.export_button = tool_button("export", self.tr("Export"), self._export, text=True)
        self.export_button.setToolTip(
            self.tr("Write the answers as Ango, COCO or YOLO: of the selected jobs, or all (Ctrl+E)")
        )
        note_keys(self.view, Place.JOBS, tr("Show a job's asset"), "Return")
        action(self.view, Place.JOBS, tr("Compare the two selected"), "Ctrl+D", self._compare)
        action(self.view, Place.JOBS, tr("Replay"), "Ctrl+R", self._replay_current)
        action(self.view, Place.JOBS, tr("Export"), "Ctrl+E", self._export)
        note_keys(self.view, Place.JOBS, tr("What else can be done"), "Menu")
        self.header.add(
            self.compare_button,
            self.shadow_button,
            self.export_button,
            tool_button("restart", self.tr("Read again"), self.reload, shortcut="F5"),
        )
        self._grown = QTimer(self)
        self._grown.setSingleShot(True)
        self._grown.setInterval(1000)
        self._grown.timeout.connect(self._count_again)
        self.filters.changed.connect(self.reload)
        self.model.reading.connect(self._show_stack)
        self.model.rowsInserted.connect(self._taken_in)
        self.model.failed.connect(self._say_failure)

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self.model)
        view.setAccessibleName(self.tr("All jobs"))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setAlternatingRowColors(False)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.verticalHeader().hide()
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(max(view.fontMetrics().height() + 12, THUMB.height() + 6))
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionsMovable(True)
        fit_columns(view, self.model.columns)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._open_menu)
        view.selectionModel().currentRowChanged.connect(self._choose)
        view.selectionModel().selectionChanged.connect(self._selection_changed)
        view.activated.connect(self._open)
        view.doubleClicked.connect(self._open)
        return view

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.filters.fit(self.width())

    def search(self, text: str) -> None:
        """Shows the jobs that a text finds."""
        self.filters.search(text)
        if text != self.model.wanted.text:
            self.reload()

    def show_plugins(self, profiles: Sequence[Profile]) -> None:
        """Offers these plugins in the filter."""
        self._profiles = tuple(profiles)
        self.filters.show_plugins(profiles)

    def reload(self) -> None:
        """Reads from the newest job on."""
        self.model.set_wanted(self.filters.wanted())
        self.number.setText("")
        self._count_again()

    def selected(self) -> list[JobRecord]:
        """The jobs that are selected, in the order of the table."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return [self.model.rows[row] for row in rows]

    def _taken_in(self, _: QModelIndex, first: int) -> None:
        self._show_stack(False)
        if first == 0:
            self._grown.start()

    def _count_again(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
        self._counting = self._tasks.start(self._count(self.model.wanted), "count jobs")

    async def _count(self, wanted: JobFilter) -> None:
        try:
            number = await self._history.count(wanted, COUNTED + 1)
        except KnownError:
            return
        more = "+" if number > COUNTED else ""
        self.number.setText(count(min(number, COUNTED), tr("job"), tr("jobs")) + more)

    def _show_stack(self, reading: bool) -> None:
        if self.model.rows:
            self.stack.setCurrentWidget(self.view)
            return
        if reading:
            self.empty.say("history", self.tr("Reading the history…"))
        elif self.model.wanted != JobFilter():
            self.empty.say("search", self.tr("No job fits"), self.tr("Widen the search or the filters."))
        else:
            self.empty.say("history", self.tr("No jobs yet"), self.tr("Every job that arrives is kept here."))
        self.stack.setCurrentWidget(self.empty)

    def _say_failure(self, error: KnownError) -> None:
        self.empty.say("warn", error.what, error.remedy)
        self.stack.setCurrentWidget(self.empty)

    def _choose(self, current: QModelIndex, _: QModelIndex) -> None:
        record = self.model.record(current)
        if record is not None:
            self.chosen.emit(record)

    def _open(self, index: QModelIndex) -> None:
        record = self.model.record(index)
        if record is not None:
            self.opened.emit(record)

    def _selection_changed(self) -> None:
        rows = self.view.selectionModel().selectedRows()
        self.compare_button.setEnabled(len(rows) == 2 and same_asset(*self.selected()))

    def _compare(self) -> None:
        chosen = self.selected()
        if len(chosen) == 2 and same_asset(*chosen):
            self.compare.emit(*chosen)

    def _replay_current(self) -> None:
        record = self.model.record(self.view.currentIndex())
        if record is not None and record.state.terminal:
            self.replay.emit(record, "")

    def _export(self) -> None:
        chosen = self.selected()
        self.export.emit(chosen if len(chosen) > 1 else [])

    def _open_menu(self, at: QPoint) -> None:
        record = self.model.record(self.view.indexAt(at))
        if record is not None:
            show_once(self._make_menu(record), self.view.viewport().mapToGlobal(at))

    def _make_menu(self, record: JobRecord) -> QMenu:
        menu = QMenu(self)
        for name, picture, text, enabled in (
            ("open", "eye", self.tr("Show the asset"), True),
            ("copy", "copy", self.tr("Copy session id"), True),
            ("cancel", "stop", self.tr("Cancel"), not record.state.terminal),
        ):
            entry = menu.addAction(icon(picture), text)
            entry.setEnabled(enabled)
            entry.triggered.connect(lambda _=False, name=name: self.command.emit(name, record))
        menu.addSeparator()
        again = menu.addAction(icon("replay"), self.tr("Replay"))
        again.setEnabled(record.state.terminal)
        again.triggered.connect(lambda: self.replay.emit(record, ""))
        others = menu.addMenu(icon("replay"), self.tr("Replay with"))
        others.setEnabled(record.state.terminal and bool(self._profiles))
        for profile in self._profiles:
            entry = others.addAction(plain(profile.name, 60))
            entry.triggered.connect(lambda _=False, one=profile.id: self.replay.emit(record, one))
        pair = menu.addAction(icon("compare"), self.tr("Compare the two selected"))
        pair.setEnabled(self.compare_button.isEnabled())
        pair.triggered.connect(self._compare)
        menu.addAction(icon("export"), self.tr("Export…")).triggered.connect(self._export)
        return menu


def same_asset(first: JobRecord, second: JobRecord) -> bool:
    """Whether two jobs are about one asset: by the cached file, its id, address or external id."""
    return any(
        getattr(first, part) and getattr(first, part) == getattr(second, part)
        for part in ("asset_path", "asset_id", "url", "external_id")
    )
