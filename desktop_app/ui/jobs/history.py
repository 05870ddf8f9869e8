"""Every job ever, read in pages as one scrolls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QTableView,
    QWidget,
)

from desktop_app.core.errors import KnownError
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import Profile
from desktop_app.store.search import JobFilter
from desktop_app.ui.asset.pane import asset_name
from desktop_app.ui.formats import count, day_clock, duration, exact, local, plain, tr
from desktop_app.ui.hosting import History
from desktop_app.ui.icons import icon
from desktop_app.ui.models.table import NO_INDEX, Column, Index, TypedTableModel, fit_columns
from desktop_app.ui.states import job_shape, job_tone, job_words, shape_pixmap
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.theme import tokens
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedCombo, EmptyState, Panel, label, tool_button

PAGE = 200
COUNTED = 10_000
NARROW = 680
NEWS_MS = 300
"""A search takes in new jobs no more often than this."""


def job_columns() -> tuple[Column[JobRecord], ...]:
    """Columns of the history."""
    return (
        Column(
            "State",
            lambda job: job_words(job.state),
            lambda job: plain(job.error, 400) or job_words(job.state),
            lambda job: getattr(tokens(), job_tone(job.state)),
            lambda job: shape_pixmap(job_shape(job.state), job_tone(job.state)),
            sample="delivering",
        ),
        Column(
            "Arrived",
            lambda job: day_clock(job.received_at, time.time()),
            lambda job: exact(job.received_at),
            sample="yesterday 00:00",
        ),
        Column("Plugin", lambda job: plain(job.profile_name, 60), sample="yesterday 00:00"),
        Column(
            "Asset",
            asset_name,
            lambda job: plain(job.url, 400) or asset_name(job),
            sample="an-asset-name-0001.jpg",
        ),
        Column(
            "Annotations",
            lambda job: str(job.objects) if job.state is JobState.DELIVERED else "–",
            right=True,
            sample="1234",
        ),
        Column("Dropped", lambda job: str(job.dropped) if job.dropped else "–", right=True, sample="1234"),
        Column("Took", lambda job: duration(job.timings.total), right=True, sample="1 min 30 s"),
        Column(
            "Session",
            lambda job: plain(job.session, 80)[:12],
            lambda job: plain(job.session, 80),
            sample="s0123456789a",
        ),
        Column("Reason", lambda job: plain(job.error, 300), lambda job: plain(job.error, 600), sample="x" * 50),
    )


class HistoryModel(TypedTableModel[JobRecord]):
    """Pages of the history, newest first.

    Signals:
        reading: whether a page is on its way.
        failed: a KnownError that the history answered with.
    """

    reading = Signal(bool)
    failed = Signal(object)

    def __init__(self, history: History, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(job_columns(), parent)
        self._tasks = tasks
        self._history = history
        self._wanted = JobFilter()
        self._more = False
        self._task: asyncio.Task[None] | None = None
        self._turn = 0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(NEWS_MS)
        self._soon.timeout.connect(self._ask_again)

    @property
    def wanted(self) -> JobFilter:
        """The filter in force."""
        return self._wanted

    def set_wanted(self, wanted: JobFilter) -> None:
        """Filters again, from the newest job on."""
        self._wanted = wanted
        self._turn += 1
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.replace(())
        self._more = True
        self.fetchMore()

    def canFetchMore(self, parent: Index = NO_INDEX) -> bool:
        return not parent.isValid() and self._more and self._task is None

    def fetchMore(self, parent: Index = NO_INDEX) -> None:
        if self.canFetchMore(parent):
            self.reading.emit(True)
            self._task = self._tasks.start(self._fetch(self._turn), "read a page of the history")

    def update_jobs(self, records: Sequence[JobRecord]) -> None:
        """Shows new states of jobs in the table, and new jobs at its top where no filter speaks against them."""
        places = {record.id: place for place, record in enumerate(self.rows)}
        fresh = []
        for record in records:
            place = places.get(record.id)
            if place is not None:
                self.rows[place] = record
                self.dataChanged.emit(self.index(place, 0), self.index(place, len(self.columns) - 1))
            elif (
                self._fits_text()
                and self._fits(record)
                and (not self.rows or record.received_at >= self.rows[0].received_at)
            ):
                fresh.append(record)
            elif not self._fits_text() and self._fits(record):
                self._catch_up()
        if self._task is None:
            self._put_first(fresh)

    def _fits(self, record: JobRecord) -> bool:
        wanted = self._wanted
        return (
            wanted.profile_id in (None, record.profile_id)
            and wanted.state in (None, record.state)
            and (wanted.since is None or record.received_at >= wanted.since)
            and (wanted.until is None or record.received_at <= wanted.until)
        )

    def _fits_text(self) -> bool:
        return not self._wanted.text and not self._wanted.class_name

    def _catch_up(self) -> None:
        # What a text finds, only the history knows; it is asked once for all that came in a while.
        if not self._soon.isActive():
            self._soon.start()

    def _ask_again(self) -> None:
        if self._task is None:
            self._tasks.start(self._fetch_newest(self._turn), "read the newest jobs that fit")

    async def _fetch_newest(self, turn: int) -> None:
        try:
            page = await self._history.list(self._wanted, PAGE)
        except KnownError:
            return
        if turn == self._turn and self._task is None:
            known = {record.id for record in self.rows}
            newest = self.rows[0].received_at if self.rows else 0.0
            self._put_first([record for record in page if record.id not in known and record.received_at >= newest])

    def _put_first(self, fresh: list[JobRecord]) -> None:
        if fresh:
            fresh.sort(key=lambda record: record.received_at, reverse=True)
            self.beginInsertRows(NO_INDEX, 0, len(fresh) - 1)
            self.rows[:0] = fresh
            self.endInsertRows()

    async def _fetch(self, turn: int) -> None:
        last = (self.rows[-1].received_at, self.rows[-1].id) if self.rows else None
        try:
            page = await self._history.list(self._wanted, PAGE, last)
        except KnownError as error:
            if turn == self._turn:
                self._more = False
                self._task = None
                self.reading.emit(False)
                self.failed.emit(error)
            return
        if turn != self._turn:
            return
        self._task = None
        self._more = len(page) == PAGE
        known = {record.id for record in self.rows}
        page = [record for record in page if record.id not in known]
        if page:
            first = len(self.rows)
            self.beginInsertRows(NO_INDEX, first, first + len(page) - 1)
            self.rows.extend(page)
            self.endInsertRows()
        self.reading.emit(False)


class HistoryPage(Panel):
    """The table with its filters.

    Signals:
        chosen: the JobRecord that is looked at.
        opened: the JobRecord to show with its asset.
        command: (name, JobRecord) from the context menu.
    """

    chosen = Signal(object)
    opened = Signal(object)
    command = Signal(str, object)

    def __init__(self, history: History, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(tr("All jobs"), parent)
        self._tasks = tasks
        self._history = history
        self._counting: asyncio.Task[None] | None = None
        self.model = HistoryModel(history, tasks, self)
        self.plugin = ElidedCombo()
        self.plugin.setAccessibleName(self.tr("Plugin"))
        self.plugin.addItem(self.tr("All plugins"), None)
        self.state = ElidedCombo()
        self.state.setAccessibleName(self.tr("State"))
        self.state.addItem(self.tr("Any state"), None)
        for state in JobState:
            self.state.addItem(job_words(state).capitalize(), state.value)
        self.when = ElidedCombo()
        self.when.setAccessibleName(self.tr("Date"))
        for text, days in (
            (self.tr("Any time"), 0),
            (self.tr("Today"), 1),
            (self.tr("Last 7 days"), 7),
            (self.tr("Last 30 days"), 30),
        ):
            self.when.addItem(text, days)
        self.text = QLineEdit()
        self.text.setPlaceholderText(self.tr("Name, session, class or error…"))
        self.text.setAccessibleName(self.tr("Search jobs"))
        self.text.setClearButtonEnabled(True)
        self.number = label("", "muted")
        bar = QHBoxLayout()
        bar.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        bar.setSpacing(SPACE)
        bar.addWidget(self.text, 2)
        bar.addStretch(1)
        bar.addWidget(self.number)
        self._bar, self._second = bar, QHBoxLayout()
        self._second.setContentsMargins(SPACE + 4, 0, SPACE + 4, 0)
        self._second.setSpacing(SPACE)
        self._narrow: bool | None = None
        self.column.addLayout(self._bar)
        self.column.addLayout(self._second)
        self._lay_out_filters(False)
        self.view = self._make_view()
        self.empty = EmptyState("history", self.tr("No jobs yet"), self.tr("Every job that arrives is kept here."))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.view)
        self.column.addWidget(self.stack, 1)
        self.header.add(tool_button("restart", self.tr("Read again"), self.reload, shortcut="F5"))
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(250)
        self._typed.timeout.connect(self.reload)
        self._grown = QTimer(self)
        self._grown.setSingleShot(True)
        self._grown.setInterval(1000)
        self._grown.timeout.connect(self._count_again)
        self.text.textChanged.connect(lambda: self._typed.start())
        for box in (self.plugin, self.state, self.when):
            box.currentIndexChanged.connect(self.reload)
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
        view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + 12)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionsMovable(True)
        fit_columns(view, self.model.columns)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._open_menu)
        view.selectionModel().currentRowChanged.connect(self._choose)
        view.activated.connect(self._open)
        view.doubleClicked.connect(self._open)
        return view

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out_filters(self.width() < NARROW)

    def _lay_out_filters(self, narrow: bool) -> None:
        if narrow == self._narrow:
            return
        self._narrow = narrow
        row = self._second if narrow else self._bar
        for place, box in enumerate((self.plugin, self.state, self.when)):
            row.insertWidget(place if narrow else place + 1, box)
        self._second.setContentsMargins(SPACE + 4, 0, SPACE + 4, SPACE if narrow else 0)

    def search(self, text: str) -> None:
        """Shows the jobs that a text finds."""
        if text != self.text.text().strip():
            self.text.setText(text)
        self._typed.stop()
        if text != self.model.wanted.text:
            self.reload()

    def show_plugins(self, profiles: Sequence[Profile]) -> None:
        """Offers these plugins in the filter."""
        chosen = self.plugin.currentData()
        blocked = self.plugin.blockSignals(True)
        self.plugin.clear()
        self.plugin.addItem(self.tr("All plugins"), None)
        for profile in profiles:
            self.plugin.addItem(profile.name, profile.id)
        self.plugin.setCurrentIndex(max(0, self.plugin.findData(chosen)))
        self.plugin.blockSignals(blocked)

    def reload(self) -> None:
        """Reads from the newest job on."""
        days = int(self.when.currentData())
        since = None
        if days:
            midnight = local(time.time()).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
            since = midnight - (days - 1) * 86_400
        state = self.state.currentData()
        wanted = JobFilter(
            profile_id=self.plugin.currentData(),
            state=JobState(state) if state else None,
            text=self.text.text().strip(),
            since=since,
        )
        self.model.set_wanted(wanted)
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

    def _open_menu(self, at: QPoint) -> None:
        record = self.model.record(self.view.indexAt(at))
        if record is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name, picture, text, enabled in (
            ("open", "eye", self.tr("Show the asset"), True),
            ("copy", "copy", self.tr("Copy session id"), True),
            ("cancel", "stop", self.tr("Cancel"), not record.state.terminal),
        ):
            entry = menu.addAction(icon(picture), text)
            entry.setEnabled(enabled)
            entry.triggered.connect(lambda _=False, name=name: self.command.emit(name, record))
        menu.popup(self.view.viewport().mapToGlobal(at))
