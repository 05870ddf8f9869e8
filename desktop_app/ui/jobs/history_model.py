"""The history in pages, newest first, as one scrolls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap

from desktop_app.core.errors import KnownError
from desktop_app.core.job import JobRecord
from desktop_app.store.search import JobFilter
from desktop_app.ui.hosting import History
from desktop_app.ui.jobs.columns import ASSET, job_columns
from desktop_app.ui.jobs.thumbnails import Thumbnails
from desktop_app.ui.models.table import NO_INDEX, Column, Index, TypedTableModel
from desktop_app.ui.tasks import Tasks

PAGE = 200
NEWS_MS = 300
"""A search takes in new jobs no more often than this."""
THUMB = QSize(42, 28)
SHARPNESS = 2
KEPT_PICTURES = 600


class HistoryModel(TypedTableModel[JobRecord]):
    """Pages of the history, newest first.

    Signals:
        reading: whether a page is on its way.
        failed: a KnownError that the history answered with.
    """

    reading = Signal(bool)
    failed = Signal(object)

    def __init__(
        self, history: History, tasks: Tasks, thumbnails: Thumbnails | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(job_columns(), parent)
        # Where a job stands, counted from a row that may be above the first: so that new ones at the top move none.
        self._ranks: dict[str, int] = {}
        self._top = 0
        self._thumbnails = thumbnails
        self._pictures: dict[int, QPixmap] = {}
        if thumbnails is not None:
            thumbnails.ready.connect(self._thumbnail_ready)
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
        self._ranks.clear()
        self._top = 0
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
        fresh = []
        for record in records:
            rank = self._ranks.get(record.id)
            if rank is not None:
                place = rank - self._top
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
            and wanted.replays in (None, record.replay_of is not None)
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
            known = self._ranks
            newest = self.rows[0].received_at if self.rows else 0.0
            self._put_first([record for record in page if record.id not in known and record.received_at >= newest])

    def _put_first(self, fresh: list[JobRecord]) -> None:
        if fresh:
            fresh.sort(key=lambda record: record.received_at, reverse=True)
            self.beginInsertRows(NO_INDEX, 0, len(fresh) - 1)
            self.rows[:0] = fresh
            self._top -= len(fresh)
            self._ranks.update((record.id, self._top + place) for place, record in enumerate(fresh))
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
        page = [record for record in page if record.id not in self._ranks]
        if page:
            first = len(self.rows)
            self.beginInsertRows(NO_INDEX, first, first + len(page) - 1)
            self._ranks.update((record.id, self._top + first + place) for place, record in enumerate(page))
            self.rows.extend(page)
            self.endInsertRows()
        self.reading.emit(False)

    def cell(self, record: JobRecord, column: Column[JobRecord], role: int) -> Any:
        if role == Qt.ItemDataRole.DecorationRole and column is self.columns[ASSET] and self._thumbnails is not None:
            return self._thumbnail(record)
        return super().cell(record, column, role)

    def _thumbnail(self, record: JobRecord) -> QPixmap:
        image = self._thumbnails.get(record.asset_path) if self._thumbnails and record.asset_path else None
        key = image.cacheKey() if image is not None and not image.isNull() else 0
        if key not in self._pictures:
            if len(self._pictures) > KEPT_PICTURES:
                self._pictures.clear()
            self._pictures[key] = _fitted(image if key else None)
        return self._pictures[key]

    def _thumbnail_ready(self, _: str) -> None:
        # Only what is in sight asks for a thumbnail, so a repaint of the column finds it.
        if self.rows:
            last = self.index(len(self.rows) - 1, ASSET)
            self.dataChanged.emit(self.index(0, ASSET), last, [Qt.ItemDataRole.DecorationRole])


def _fitted(image: QImage | None) -> QPixmap:
    """A thumbnail in the middle of a picture of one size, so that the names beside them stand in line."""
    canvas = QPixmap(THUMB * SHARPNESS)
    canvas.fill(Qt.GlobalColor.transparent)
    if image is not None:
        small = image.scaled(
            THUMB * SHARPNESS, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        painter = QPainter(canvas)
        painter.drawImage((canvas.width() - small.width()) // 2, (canvas.height() - small.height()) // 2, small)
        painter.end()
    canvas.setDevicePixelRatio(SHARPNESS)
    return canvas
