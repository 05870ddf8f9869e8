"""The page that tells how a shadow does, and where one is set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from desktop_app.core.errors import KnownError
from desktop_app.core.profile import Profile
from desktop_app.store.search import JobFilter
from desktop_app.ui.asset.pane import asset_name
from desktop_app.ui.compare.counts import CountTable
from desktop_app.ui.compare.shadow_report import Answered, Report, report
from desktop_app.ui.formats import count, day_clock, duration, exact, plain, tr
from desktop_app.ui.hosting import Host
from desktop_app.ui.models.table import Column, TypedTableModel, fit_columns
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedCombo, EmptyState, Panel, label, name_choice, push_button, tool_button

LAST = (50, 200, 1000)


def answered_columns() -> tuple[Column[Answered], ...]:
    """Columns of the list of jobs."""
    return (
        Column(tr("Agreement"), lambda row: f"{row.agreement * 100:.0f} %", right=True, sample="100 %"),
        Column(
            tr("Asset"), lambda row: asset_name(row.live), lambda row: plain(row.live.url, 400), sample="asset-0001.jpg"
        ),
        Column(tr("Live"), lambda row: str(row.live.objects), right=True, sample="123"),
        Column(tr("Shadow"), lambda row: str(row.shadow.objects), right=True, sample="123"),
        Column(
            tr("Arrived"),
            lambda row: day_clock(row.live.received_at, time.time()),
            lambda row: exact(row.live.received_at),
            sample=tr("yesterday {time}").format(time="00:00"),
        ),
    )


class ShadowPage(Panel):
    """Shadow by shadow: agreement, counts by class, time, and the jobs that differ most.

    Signals:
        closed: the person is done.
        compare: (JobRecord, JobRecord) to look at.
        shadow_changed: (Profile, id of the profile whose jobs it is to answer, or "" for none).
    """

    closed = Signal()
    compare = Signal(object, object)
    shadow_changed = Signal(object, str)

    def __init__(self, host: Host, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(tr("Shadows"), parent)
        self._host = host
        self._tasks = tasks
        self._reading: asyncio.Task[None] | None = None
        self._profiles: tuple[Profile, ...] = ()
        self.header.add(
            tool_button("restart", self.tr("Read again"), self.read),
            tool_button("cross", self.tr("Close"), self.closed.emit, shortcut="Esc"),
        )
        self.column.addLayout(self._make_choice())
        self.empty = EmptyState("layers", self.tr("No shadow yet"))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._make_report())
        self.column.addWidget(self.stack, 1)

    def _make_choice(self) -> QGridLayout:
        self.shadow, self.live, self.last = ElidedCombo(), ElidedCombo(), ElidedCombo()
        name_choice(self.shadow, self.tr("The plugin that answers in the shadow"))
        name_choice(self.live, self.tr("The plugin whose jobs it answers"))
        name_choice(self.last, self.tr("Over how many jobs"))
        for number in LAST:
            self.last.addItem(self.tr("last {count} jobs").format(count=number), number)
        self.switch = push_button(self.tr("Answer in the shadow"), self._switch)
        self.hint = label("", "muted", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        for part in (self.shadow, label(self.tr("answers the jobs of"), "muted"), self.live, self.switch):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.last)
        grid = QGridLayout()
        grid.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        grid.setVerticalSpacing(SPACE)
        grid.addLayout(row, 0, 0)
        grid.addWidget(self.hint, 1, 0)
        self.shadow.currentIndexChanged.connect(self._shadow_chosen)
        self.live.currentIndexChanged.connect(self._show_choice)
        self.last.currentIndexChanged.connect(self.read)
        return grid

    def _make_report(self) -> QWidget:
        self.agreement = label("", "title")
        self.summary = label("", "muted", wrap=True)
        self.counts = CountTable(tr("Live"), tr("Shadow"))
        self.rows = TypedTableModel(answered_columns(), self)
        self.jobs = QTableView()
        self.jobs.setModel(self.rows)
        self.jobs.setAccessibleName(self.tr("Jobs by agreement"))
        self.jobs.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.jobs.setShowGrid(False)
        self.jobs.setWordWrap(False)
        self.jobs.setTabKeyNavigation(False)
        self.jobs.verticalHeader().hide()
        self.jobs.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.jobs.verticalHeader().setDefaultSectionSize(self.jobs.fontMetrics().height() + 12)
        self.jobs.horizontalHeader().setHighlightSections(False)
        self.jobs.horizontalHeader().setStretchLastSection(True)
        fit_columns(self.jobs, self.rows.columns)
        self.jobs.activated.connect(self._open)
        self.jobs.activated.connect(self._open)
        words = QVBoxLayout()
        words.setContentsMargins(SPACE + 4, 0, SPACE + 4, SPACE)
        words.setSpacing(SPACE // 2)
        words.addWidget(self.agreement)
        words.addWidget(self.summary)
        tables = QSplitter(Qt.Orientation.Horizontal)
        tables.setHandleWidth(1)
        tables.addWidget(self.jobs)
        tables.addWidget(self.counts)
        tables.setSizes([560, 460])
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(words)
        column.addWidget(tables, 1)
        return body

    # ---- what is shown ----

    def show_profiles(self, profiles: Sequence[Profile], choose: str = "") -> None:
        """Offers these plugins; one that is a shadow is chosen, or the one that is named."""
        self._profiles = tuple(profiles)
        before = choose or self.shadow.currentData()
        shadows = [profile.id for profile in profiles if profile.shadow_of]
        with _Quiet(self.shadow, self.live):
            for box in (self.shadow, self.live):
                box.clear()
                for profile in profiles:
                    box.addItem(plain(profile.name, 60), profile.id)
            wanted = before if before in {profile.id for profile in profiles} else next(iter(shadows), None)
            self.shadow.setCurrentIndex(max(0, self.shadow.findData(wanted)))
        self._shadow_chosen()

    def read(self) -> None:
        """Reads the last jobs again."""
        if self._reading is not None:
            self._reading.cancel()
        profile = self._chosen(self.shadow)
        if profile is None or profile.shadow_of is None:
            self._say(
                "layers",
                self.tr("No shadow yet"),
                self.tr("Let a second model answer the same jobs, without sending anything, and see how they differ."),
            )
            return
        self._say("layers", self.tr("Reading the history…"))
        self._reading = self._tasks.start(self._read(profile, int(self.last.currentData())), "read a shadow's jobs")

    async def _read(self, profile: Profile, last: int) -> None:
        history = self._host.history
        pairs = []
        try:
            for shadow in await history.list(JobFilter(profile_id=profile.id, replays=True), last):
                live = await history.get(shadow.replay_of or "") if shadow.session.startswith("shadow-") else None
                if live is not None and live.profile_id == profile.shadow_of:
                    pairs.append((live, await history.detail(live.id), shadow, await history.detail(shadow.id)))
        except KnownError as error:
            self._say("warn", error.what, error.remedy)
            return
        made = await asyncio.to_thread(report, pairs)
        if self._chosen(self.shadow) == profile:
            self._show(made)

    def _show(self, made: Report) -> None:
        agreement = made.agreement
        if agreement is None:
            text = self.tr("It answers as jobs are delivered by the live plugin, in its pauses.")
            if made.failed:
                text = self.tr("It failed on {jobs}; the log says why.").format(
                    jobs=count(made.failed, tr("job"), tr("jobs"))
                )
            self._say("layers", self.tr("The shadow has answered no job yet"), text)
            return
        self.agreement.setText(self.tr("{percent} % agreement").format(percent=f"{agreement * 100:.0f}"))
        parts = [
            self.tr("over {jobs}").format(jobs=count(len(made.jobs), tr("job"), tr("jobs"))),
            self.tr("model time: live {live}, shadow {shadow} (medians)").format(
                live=duration(made.live_ms), shadow=duration(made.shadow_ms)
            ),
        ]
        if made.failed:
            parts.append(self.tr("the shadow failed on {count}").format(count=made.failed))
        self.summary.setText(" · ".join(parts))
        self.counts.show_counts(made.classes)
        self.rows.replace(made.jobs)
        self.stack.setCurrentIndex(1)

    def _say(self, icon: str, title: str, text: str = "") -> None:
        self.empty.say(icon, title, text)
        self.stack.setCurrentIndex(0)

    # ---- what the person does ----

    def _chosen(self, box: ElidedCombo) -> Profile | None:
        return next((profile for profile in self._profiles if profile.id == box.currentData()), None)

    def _shadow_chosen(self) -> None:
        profile = self._chosen(self.shadow)
        if profile is not None:
            other = next((one.id for one in self._profiles if one.id != profile.id and not one.shadow_of), "")
            with _Quiet(self.live):
                self.live.setCurrentIndex(max(0, self.live.findData(profile.shadow_of or other)))
        self._show_choice()
        self.read()

    def _show_choice(self) -> None:
        shadow, live = self._chosen(self.shadow), self._chosen(self.live)
        on = shadow is not None and live is not None and shadow.shadow_of == live.id
        fits = shadow is not None and live is not None and shadow.id != live.id and live.shadow_of is None
        self.switch.setText(self.tr("Stop the shadow") if on else self.tr("Answer in the shadow"))
        self.switch.setAccessibleName(self.switch.text())
        self.switch.setEnabled(on or fits)
        if len(self._profiles) < 2:
            hint = self.tr("Add or duplicate a plugin first: the shadow is one with another model or other settings.")
        elif on:
            hint = self.tr("It is not connected to the hub. It answers after the live plugin, at a lower priority.")
        elif not fits:
            hint = self.tr("Choose two different plugins; a shadow has none of its own.")
        else:
            hint = self.tr("It leaves the hub for as long as it is a shadow; nothing that it answers is sent.")
        self.hint.setText(hint)

    def _switch(self) -> None:
        shadow, live = self._chosen(self.shadow), self._chosen(self.live)
        if shadow is not None and live is not None:
            self.shadow_changed.emit(shadow, "" if shadow.shadow_of == live.id else live.id)

    def _open(self, index: QModelIndex) -> None:
        row = self.rows.record(index)
        if row is not None:
            self.compare.emit(row.live, row.shadow)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


class _Quiet:
    """Changes choices without being told of it."""

    def __init__(self, *boxes: QWidget) -> None:
        self._boxes = boxes
        self._undo: list[Callable[[], Any]] = []

    def __enter__(self) -> None:
        for box in self._boxes:
            before = box.blockSignals(True)
            self._undo.append(lambda box=box, before=before: box.blockSignals(before))  # type: ignore[misc]

    def __exit__(self, *_: object) -> None:
        for undo in self._undo:
            undo()
