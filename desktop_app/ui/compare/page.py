"""Two answers on one asset: side by side or one over the other, with the list of what differs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSplitter, QStackedWidget, QTabBar, QTreeView, QVBoxLayout, QWidget

from desktop_app.core.annotation import Answer
from desktop_app.core.compare import Comparison, compare
from desktop_app.core.errors import KnownError
from desktop_app.core.job import JobDetail, JobRecord
from desktop_app.ui.asset.items import Annotations, Layer
from desktop_app.ui.asset.pane import AssetPane, asset_name
from desktop_app.ui.background import Background
from desktop_app.ui.compare.counts import CountTable
from desktop_app.ui.compare.marks import Marked, mark, shown
from desktop_app.ui.compare.tree import FateTree
from desktop_app.ui.formats import count, day_clock, duration, exact, plain, tr
from desktop_app.ui.hosting import History
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedLabel, EmptyState, Panel, follow_selection, label, tool_button


class ComparePage(Panel):
    """Compares two jobs.

    Signals:
        closed: the person is done.
    """

    closed = Signal()

    def __init__(self, history: History, tasks: Tasks, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(tr("Compare"), parent)
        self._history = history
        self._tasks = tasks
        self._reading: asyncio.Task[None] | None = None
        self._jobs: tuple[JobRecord, JobRecord] | None = None
        self._marked: Marked | None = None
        self.header.add(tool_button("cross", self.tr("Close"), self.closed.emit, shortcut="Esc"))
        self.before, self.after, self.over = (AssetPane(background) for _ in range(3))
        for pane in (self.before, self.after, self.over):
            pane.bar.details_button.hide()
            pane.bar.layer_button.hide()
        self.over.set_layer(Layer.EXISTING, True)
        self.over.selected.connect(self._chosen_over)
        self.before.selected.connect(lambda index: self._mark_row(index, -1))
        self.after.selected.connect(lambda index: self._mark_row(-1, index))
        self.empty = EmptyState("layers", self.tr("Nothing to compare yet"))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._make_body())
        self.column.addWidget(self.stack, 1)

    def _make_body(self) -> QWidget:
        self.titles = (ElidedLabel("", "subtitle"), ElidedLabel("", "subtitle"))
        self.times = (ElidedLabel("", "muted"), ElidedLabel("", "muted"))
        sides = QSplitter(Qt.Orientation.Horizontal)
        sides.setHandleWidth(1)
        for title, when, pane in zip(self.titles, self.times, (self.before, self.after), strict=True):
            side = QWidget()
            column = QVBoxLayout(side)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            title.setContentsMargins(SPACE + 4, SPACE // 2, SPACE, 0)
            when.setContentsMargins(SPACE + 4, 0, SPACE, SPACE // 2)
            column.addWidget(title)
            column.addWidget(when)
            column.addWidget(pane, 1)
            sides.addWidget(side)
        self.pictures = QStackedWidget()
        self.pictures.addWidget(sides)
        self.pictures.addWidget(self.over)
        self.ways = QTabBar()
        self.ways.setDrawBase(False)
        self.ways.setExpanding(False)
        self.ways.setAccessibleName(self.tr("How to compare"))
        self.ways.addTab(self.tr("Side by side"))
        self.ways.addTab(self.tr("Overlay"))
        self.ways.currentChanged.connect(self._show_way)
        self.legend = label("", "muted")
        bar = QHBoxLayout()
        bar.setContentsMargins(SPACE, 0, SPACE, 0)
        bar.addWidget(self.ways)
        bar.addStretch(1)
        bar.addWidget(self.legend)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.pictures, 1)
        body = QSplitter(Qt.Orientation.Horizontal)
        body.setHandleWidth(1)
        body.addWidget(left)
        body.addWidget(self._make_list())
        body.setStretchFactor(0, 1)
        body.setCollapsible(0, False)
        body.setSizes([820, 440])
        self._show_way(0)
        return body

    def _make_list(self) -> QWidget:
        self.agreement = label("", "title", wrap=True)
        self.summary = label("", "muted", wrap=True)
        self.tree_model = FateTree(self)
        self.tree_model.hidden_changed.connect(self._show_pictures)
        self.tree = QTreeView()
        self.tree.setModel(self.tree_model)
        self.tree.setHeaderHidden(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(16)
        self.tree.setAccessibleName(self.tr("What differs"))
        self.tree.selectionModel().currentChanged.connect(self._chosen)
        follow_selection(self.tree)
        self.counts = CountTable()
        side = QFrame()
        side.setMinimumWidth(240)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        words = QVBoxLayout()
        words.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        words.setSpacing(SPACE // 2)
        words.addWidget(self.agreement)
        words.addWidget(self.summary)
        column.addLayout(words)
        column.addWidget(self.tree, 3)
        column.addWidget(self.counts, 1)
        return side

    # ---- what is shown ----

    def show_jobs(self, first: JobRecord, second: JobRecord) -> None:
        """Compares two jobs, the earlier one (or the one that was replayed) first."""
        first, second = sorted((first, second), key=lambda job: (job.replay_of is not None, job.received_at))
        self._jobs = (first, second)
        self._say("layers", self.tr("Comparing…"))
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self._tasks.start(self._read(first, second), "compare two jobs")

    async def _read(self, first: JobRecord, second: JobRecord) -> None:
        try:
            details = [await self._history.detail(record.id) for record in (first, second)]
        except KnownError as error:
            self._say("warn", error.what, error.remedy)
            return
        for record, detail in zip((first, second), details, strict=True):
            if detail.answer is None:
                title = self.tr("One of the two has no answer to compare")
                self._say("info", title, f"{plain(record.profile_name, 60)}: {plain(record.error, 300)}")
                return
        found, marked = await asyncio.to_thread(_compare, details[0], details[1])
        if self._jobs == (first, second):
            self._show(found, marked)

    def _show(self, found: Comparison, marked: Marked) -> None:
        jobs = self._jobs
        if jobs is None:
            return
        self._marked = marked
        now = time.time()
        for title, when, record in zip(self.titles, self.times, jobs, strict=True):
            when.say(f"{day_clock(record.received_at, now)} · {duration(record.timings.total)}")
            title.say(
                plain(record.profile_name, 60),
                f"{asset_name(record)}\n{exact(record.received_at)}\n{plain(record.session, 80)}",
            )
        self.agreement.setText(self.tr("{percent} % agreement").format(percent=f"{found.agreement * 100:.0f}"))
        parts = [
            count(len(marked.before.items), tr("object"), tr("objects")),
            count(len(marked.after.items), tr("object"), tr("objects")),
        ]
        self.summary.setText(
            self.tr("{asset}: {before}, then {after}").format(
                asset=asset_name(jobs[0]), before=parts[0], after=parts[1]
            )
        )
        self.tree_model.show_entries(marked.entries, found.questions)
        for row in range(self.tree_model.rowCount()):
            index = self.tree_model.index(row, 0)
            self.tree.setExpanded(index, self.tree_model.rowCount(index) <= 200)
        self.counts.show_counts(found.classes)
        self._show_pictures()
        self.stack.setCurrentIndex(1)
        self.tree.setFocus()

    def _show_pictures(self) -> None:
        if self._marked is None or self._jobs is None:
            return
        marked, hidden = self._marked, self.tree_model.hidden
        first, second = self._jobs
        many = len(marked.before.items)
        both = _without(marked.both, shown(marked.both, hidden, marked.entries, many))
        if self.ways.currentIndex() == 1:
            self.over.show_job(second, both)
            return
        seen = shown(marked.both, hidden, marked.entries, many)
        self.before.show_job(first, _without(marked.before, seen))
        self.after.show_job(second, _without(marked.after, frozenset(index - many for index in seen if index >= many)))

    def _show_way(self, way: int) -> None:
        self.pictures.setCurrentIndex(way)
        self.legend.setText(self.tr("dotted: before · solid: after") if way else "")
        self._show_pictures()
        if self._marked is not None:
            self._chosen(self.tree.currentIndex(), QModelIndex())

    def _say(self, icon: str, title: str, text: str = "") -> None:
        self._marked = None
        self.empty.say(icon, title, text)
        self.stack.setCurrentIndex(0)

    # ---- what the person does ----

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        entry = self.tree_model.entry(current)
        if entry is None or self._marked is None:
            return
        self.before.select(entry.before)
        self.after.select(entry.after)
        self.over.select(entry.after + len(self._marked.before.items) if entry.after >= 0 else entry.before)

    def _chosen_over(self, index: int) -> None:
        many = len(self._marked.before.items) if self._marked is not None else 0
        self._mark_row(index if index < many else -1, index - many if index >= many else -1)

    def _mark_row(self, before: int, after: int) -> None:
        found = self.tree_model.index_of(before, after)
        model = self.tree.selectionModel()
        blocked = model.blockSignals(True)
        if found.isValid():
            model.setCurrentIndex(found, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.tree.scrollTo(found)
        else:
            model.clear()
        model.blockSignals(blocked)
        self.tree.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


def _compare(first: JobDetail, second: JobDetail) -> tuple[Comparison, Marked]:
    found = compare(Answer.parse(first.answer), Answer.parse(second.answer))
    return found, mark(first, second, found)


def _without(annotations: Annotations, seen: frozenset[int]) -> Annotations:
    """The same places, for the list counts by them; what is not seen loses its geometry."""
    if len(seen) >= len(annotations.items):
        return annotations
    items = tuple(
        item if item.index in seen else replace(item, zones=(), bounds=None, span=None) for item in annotations.items
    )
    return replace(annotations, items=items)
