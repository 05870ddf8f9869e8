"""The latest jobs as a strip of pictures that follows what comes in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop_app.core.job import JobRecord, JobState
from desktop_app.ui.asset.pane import asset_name
from desktop_app.ui.formats import count, duration, exact, plain, tip, tr
from desktop_app.ui.icons import pixmap
from desktop_app.ui.jobs.thumbnails import Thumbnails
from desktop_app.ui.models.steady_list import SteadyList
from desktop_app.ui.models.table import NO_INDEX, RECORD_ROLE, Index
from desktop_app.ui.states import doing_words, draw_shape, job_shape, job_tone, job_words
from desktop_app.ui.theme import notifier, scaled_font, tokens
from desktop_app.ui.widgets import EmptyState, Panel, follow_selection, tool_button

log = logging.getLogger(__name__)

KEPT = 300
KEPT_TILES = 64
"""More than any strip shows at once."""

CELL = QSize(112, 104)
PICTURE = QSize(96, 64)
THUMB_ROLE = RECORD_ROLE + 1


def outcome(record: JobRecord) -> str:
    """A job's state in a few words: `184 ms`, `failed`, `running`, `3 of 10`."""
    if record.replay_of not in (None, record.id) and record.state is JobState.DELIVERED:
        return tr("replayed")
    if record.state is JobState.DELIVERED and record.timings.total is not None:
        return duration(record.timings.total)
    return doing_words(record)


class FilmstripModel(QAbstractListModel):
    """Latest jobs, newest first.

    Attributes:
        only: the id of the profile whose jobs alone are shown, "" for all.
    """

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[JobRecord] = []
        self._thumbnails = thumbnails
        self._places: dict[str, None] = {}
        self.only = ""
        thumbnails.ready.connect(self._thumbnail_ready)

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        try:
            return self._cell(self.rows[index.row()], role)
        except Exception:
            log.exception("a job cannot be shown")
            return None

    def row_of(self, job_id: str) -> int:
        """Where a job stands, or -1."""
        if job_id not in self._places:
            return -1
        return next((place for place, record in enumerate(self.rows) if record.id == job_id), -1)

    def take(self, records: Sequence[JobRecord]) -> None:
        """Shows new jobs and new states of old ones."""
        fresh = []
        for record in records:
            if self.only not in ("", record.profile_id):
                continue
            place = self.row_of(record.id)
            if place >= 0:
                self.rows[place] = record
                index = self.index(place)
                self.dataChanged.emit(index, index)
            elif not self.rows or len(self.rows) < KEPT or record.received_at >= self.rows[-1].received_at:
                fresh.append(record)
        if not fresh:
            return
        fresh = sorted(fresh, key=lambda record: record.received_at, reverse=True)[:KEPT]
        if not self.rows or fresh[-1].received_at >= self.rows[0].received_at:
            self.beginInsertRows(NO_INDEX, 0, len(fresh) - 1)
            self.rows[:0] = fresh
            self.endInsertRows()
        else:
            for record in fresh:
                place = sum(1 for other in self.rows if other.received_at > record.received_at)
                self.beginInsertRows(NO_INDEX, place, place)
                self.rows.insert(place, record)
                self.endInsertRows()
        self._places.update((record.id, None) for record in fresh)
        if len(self.rows) > KEPT:
            self.beginRemoveRows(NO_INDEX, KEPT, len(self.rows) - 1)
            for record in self.rows[KEPT:]:
                self._places.pop(record.id, None)
            del self.rows[KEPT:]
            self.endRemoveRows()

    def show_only(self, profile_id: str, records: Sequence[JobRecord]) -> None:
        """Shows the jobs of one profile ("" for all): `records`, and what came in while they were read."""
        oldest = min((record.received_at for record in records), default=0.0)
        found = {record.id: record for record in records}
        for record in self.rows:
            read = found.get(record.id)
            newer = record.received_at >= oldest if read is None else record.updated_at >= read.updated_at
            if newer and profile_id in ("", record.profile_id):
                found[record.id] = record
        self.beginResetModel()
        self.only = profile_id
        self.rows = sorted(found.values(), key=lambda record: record.received_at, reverse=True)[:KEPT]
        self._places = {record.id: None for record in self.rows}
        self.endResetModel()

    def forget(self, profile_ids: frozenset[str]) -> None:
        """Takes away the jobs of profiles that are nowhere any more."""
        if any(record.profile_id in profile_ids for record in self.rows):
            self.beginResetModel()
            self.rows = [record for record in self.rows if record.profile_id not in profile_ids]
            self._places = {record.id: None for record in self.rows}
            self.endResetModel()

    def _thumbnail_ready(self, path: str) -> None:
        for place, record in enumerate(self.rows):
            if record.asset_path == path:
                index = self.index(place)
                self.dataChanged.emit(index, index, [THUMB_ROLE])

    def _cell(self, record: JobRecord, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return asset_name(record)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{asset_name(record)}, {plain(record.profile_name, 60)}, {doing_words(record)}"
            case Qt.ItemDataRole.ToolTipRole:
                lines = [
                    asset_name(record),
                    f"{plain(record.profile_name, 60)} · {exact(record.received_at)}",
                    f"{job_words(record.state)} · {duration(record.timings.total)}",
                ]
                if record.error:
                    lines.append(plain(record.error, 300))
                else:
                    lines.append(count(record.objects, tr("annotation"), tr("annotations")))
                return tip("\n".join(lines))
            case _ if role == RECORD_ROLE:
                return record
            case _ if role == THUMB_ROLE:
                return self._thumbnails.get(record.asset_path) if record.asset_path else None
        return None


class FilmDelegate(QStyledItemDelegate):
    """Paints one job: its picture, its time, its state as shape and word."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tiles: dict[tuple[int, float], QPixmap] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return CELL

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        record = index.data(RECORD_ROLE)
        if not isinstance(record, JobRecord):
            return
        t = tokens()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(rect.adjusted(3, 3, -3, -3))
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(t.selected if chosen else t.hover))
            painter.drawRoundedRect(card, 6, 6)
        frame = QRectF(rect.left() + (rect.width() - PICTURE.width()) / 2, rect.top() + 8, 96, 64)
        self._picture(painter, frame, index.data(THUMB_ROLE), record)
        if chosen:
            painter.setPen(QPen(QColor(t.accent_text), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), 6, 6)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(t.text), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(card.adjusted(-1.5, -1.5, 1.5, 1.5), 7, 7)
        tone = QColor(getattr(t, job_tone(record.state)))
        line = QRectF(frame.left(), frame.bottom() + 5, frame.width(), 18)
        draw_shape(painter, job_shape(record.state), tone, QRectF(line.left() + 1, line.top() + 4.5, 9, 9))
        painter.setFont(scaled_font(0.85))
        painter.setPen(tone if record.state is not JobState.DELIVERED else QColor(t.muted))
        words = painter.fontMetrics().elidedText(outcome(record), Qt.TextElideMode.ElideRight, int(line.width() - 15))
        painter.drawText(line.adjusted(15, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
        if record.state is JobState.DELIVERED:
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, str(record.objects))
        painter.restore()

    def _picture(self, painter: QPainter, frame: QRectF, image: object, record: JobRecord) -> None:
        t = tokens()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(t.canvas))
        painter.drawRoundedRect(frame, 4, 4)
        if isinstance(image, QImage) and not image.isNull():
            painter.drawPixmap(frame.topLeft(), self._tile(image, painter.device().devicePixelRatio()))
            return
        name = "text" if record.asset_type.startswith("text/") else ("warn" if record.error else "import")
        mark = pixmap(name, 22, t.muted, painter.device().devicePixelRatio())
        painter.drawPixmap(int(frame.center().x() - 11), int(frame.center().y() - 11), mark)

    def _tile(self, image: QImage, ratio: float) -> QPixmap:
        """A thumbnail as it is painted, kept: with every job that arrives the whole strip moves on."""
        key = (image.cacheKey(), ratio)
        tile = self._tiles.pop(key, None) or _rounded(image, ratio)
        self._tiles[key] = tile
        while len(self._tiles) > KEPT_TILES:
            del self._tiles[next(iter(self._tiles))]
        return tile


def _rounded(image: QImage, ratio: float) -> QPixmap:
    tile = QPixmap(PICTURE * ratio)
    tile.setDevicePixelRatio(ratio)
    tile.fill(Qt.GlobalColor.transparent)
    clip = QPainterPath()
    clip.addRoundedRect(QRectF(0, 0, PICTURE.width(), PICTURE.height()), 4, 4)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(clip)
    size = image.size().scaled(PICTURE, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
    target = QRectF(0, 0, size.width(), size.height())
    target.moveCenter(clip.boundingRect().center())
    painter.drawImage(target, image)
    painter.end()
    return tile


class Filmstrip(Panel):
    """The strip with its follow switch.

    Signals:
        chosen: the JobRecord that is looked at now, by hand or because it is the newest.
        show_all: the person wants the whole history.
        all_plugins: the person wants the jobs of every plugin again.
    """

    chosen = Signal(object)
    show_all = Signal()
    all_plugins = Signal()

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(tr("Latest jobs"), parent)
        self.model = FilmstripModel(thumbnails, self)
        self.view = SteadyList()
        self.view.setModel(self.model)
        self.view.setItemDelegate(FilmDelegate(self.view))
        self.view.setFlow(QListView.Flow.LeftToRight)
        self.view.setWrapping(False)
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName(self.tr("Latest jobs"))
        self.view.selectionModel().currentChanged.connect(self._moved)
        follow_selection(self.view)
        self.empty = EmptyState("live", self.tr("Jobs appear here as they arrive"))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.view)
        self.stack.setFixedHeight(CELL.height() + 14)
        self.column.addWidget(self.stack)
        self.follow = tool_button("follow", self.tr("Follow"), text=True, checkable=True)
        self.follow.setToolTip(self.tr("Always show the newest finished job. Stops when you choose one."))
        self.follow.setChecked(True)
        self.follow.toggled.connect(self._toggled)
        self.only = tool_button("cross", tr("Show all plugins"), self.all_plugins.emit, text=True, shortcut="Esc")
        self.only.setProperty("kind", "segment")
        self.only.hide()
        self.header.row.insertWidget(1, self.only)
        self.header.add(self.follow, tool_button("history", self.tr("All jobs"), self.show_all.emit, text=True))
        self._by_hand = True
        notifier().changed.connect(self.view.viewport().update)

    def take(self, records: Sequence[JobRecord]) -> None:
        """Takes in what changed; while following, moves on to the newest job that has ended."""
        current = self.current()
        self._by_hand = False
        anchor, left = self._anchor()
        self.model.take(records)
        self._show_stack()
        if self.follow.isChecked():
            self._go_to_newest()
        elif current is not None:
            place = self.model.row_of(current.id)
            if place >= 0:
                self._mark(place)
        if not self.follow.isChecked() and anchor.isValid():
            bar = self.view.horizontalScrollBar()
            bar.setValue(bar.value() + self.view.visualRect(anchor).left() - left)
        self._by_hand = True
        current = self.current()
        if current is not None and any(record.id == current.id for record in records):
            self.chosen.emit(current)

    def show_only(self, profile_id: str, name: str, records: Sequence[JobRecord]) -> None:
        """Shows the jobs of one plugin alone, or of all again (""); goes on following, and else stays at its job."""
        current = self.current()
        self._by_hand = False
        self.model.show_only(profile_id, records)
        self.name_only(name)
        self._show_stack()
        place = self.model.row_of(current.id) if current is not None else -1
        if place >= 0 and not self.follow.isChecked():
            self._mark(place)
        elif self.follow.isChecked() or profile_id:
            self._go_to_newest()
        self._by_hand = True

    def name_only(self, name: str) -> None:
        """Says whose jobs alone are shown, if of one plugin alone."""
        one = bool(self.model.only)
        self.only.setText(plain(name, 24))
        self.only.setVisible(one)
        title = tr("No jobs of {name} yet").format(name=plain(name, 40)) if one else ""
        self.empty.say("live", title or tr("Jobs appear here as they arrive"))

    def forget(self, profile_ids: frozenset[str]) -> None:
        """Takes away the jobs of profiles that are nowhere any more."""
        self.model.forget(profile_ids)
        self._show_stack()

    def _show_stack(self) -> None:
        self.stack.setCurrentWidget(self.view if self.model.rows else self.empty)

    def _anchor(self) -> tuple[QPersistentModelIndex, int]:
        """The tile that is to stay where it is, and where that is: the chosen one, or the first that is seen."""
        seen = self.view.viewport().rect()
        index = self.view.currentIndex()
        if not index.isValid() or not self.view.visualRect(index).intersects(seen):
            index = self.view.indexAt(QPoint(4, CELL.height() // 2))
        return QPersistentModelIndex(index), self.view.visualRect(index).left()

    def current(self) -> JobRecord | None:
        """The job that is looked at."""
        record = self.view.currentIndex().data(RECORD_ROLE)
        return record if isinstance(record, JobRecord) else None

    def select(self, job_id: str) -> bool:
        """Looks at a job; False where it is not in the strip."""
        place = self.model.row_of(job_id)
        if place < 0:
            return False
        self.follow.setChecked(False)
        self._mark(place)
        return True

    def leave(self) -> None:
        """Stops following: the person looks at a job from somewhere else."""
        self.follow.setChecked(False)
        blocked = self.view.selectionModel().blockSignals(True)
        self.view.selectionModel().clear()
        self.view.selectionModel().blockSignals(blocked)
        self.view.viewport().update()

    def _go_to_newest(self) -> None:
        place = next((n for n, record in enumerate(self.model.rows) if record.state.terminal), 0)
        if self.model.rows:
            self._mark(place)
            self.view.scrollToTop()

    def _mark(self, place: int) -> None:
        self.view.selectionModel().setCurrentIndex(
            self.model.index(place), QItemSelectionModel.SelectionFlag.ClearAndSelect
        )

    def _moved(self, current: QModelIndex, _: QModelIndex) -> None:
        record = current.data(RECORD_ROLE)
        if not isinstance(record, JobRecord):
            return
        if self._by_hand:
            blocked = self.follow.blockSignals(True)
            self.follow.setChecked(False)
            self.follow.blockSignals(blocked)
        self.chosen.emit(record)

    def _toggled(self, on: bool) -> None:
        if on:
            self._by_hand = False
            self._go_to_newest()
            self._by_hand = True
