"""A sound as its waveform, with the spans that were answered on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.ui.asset.items import Annotations, Item
from desktop_app.ui.formats import tr
from desktop_app.ui.theme import notifier, scaled_font, tokens
from desktop_app.ui.tokens import text_on

if TYPE_CHECKING:
    from desktop_app.ui.asset.waveform import Waveform

RULER = 24
ROW = 20
ROWS = 6
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


class AudioView(QWidget):
    """Shows a sound. The wheel zooms at the pointer, dragging moves along it, F shows all of it.

    Signals:
        selected: index of the annotation that was clicked, or -1.
        hovered: index of the annotation under the pointer, or -1.
    """

    selected = Signal(int)
    hovered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Sound with annotations"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 120)
        self._sound: Waveform | None = None
        self._items: tuple[tuple[Item, int], ...] = ()
        self._start = 0.0
        self._length = 1.0
        self._selected = -1
        self._hovered = -1
        self._drag: tuple[float, float, bool] | None = None
        notifier().changed.connect(self.update)

    def show_sound(self, sound: Waveform) -> None:
        """Shows another sound."""
        self._sound = sound
        self.fit()

    def show_annotations(self, annotations: Annotations, shown: frozenset[int]) -> None:
        """Shows the spans of those items whose index is in `shown`, those that overlap in rows below each other."""
        rows: list[float] = []
        placed = []
        spans = [item for item in annotations.items if item.span is not None and item.index in shown]
        for item in sorted(spans, key=lambda item: item.span or (0.0, 0.0)):
            start, end = item.span or (0.0, 0.0)
            row = next((n for n, free in enumerate(rows) if free <= start), len(rows))
            rows[row : row + 1] = [end]
            placed.append((item, min(row, ROWS - 1)))
        self._items = tuple(placed)
        self.update()

    def select(self, index: int) -> None:
        """Marks a span and moves it into sight."""
        self._selected = index
        for item, _ in self._items:
            if item.index == index and item.span is not None:
                start, end = item.span
                if start < self._start or end > self._start + self._length:
                    self._move((start + end - self._length) / 2, self._length)
        self.update()

    def hover(self, index: int) -> None:
        """Marks what the pointer is on in a list."""
        if index != self._hovered:
            self._hovered = index
            self.update()

    def fit(self) -> None:
        """Shows all of it."""
        self._start = 0.0
        self._length = max(self._sound.seconds if self._sound else 1.0, 1e-3)
        self.update()

    def _move(self, start: float, length: float) -> None:
        whole = max(self._sound.seconds if self._sound else 1.0, 1e-3)
        self._length = min(max(length, min(0.02, whole)), whole)
        self._start = min(max(start, 0.0), whole - self._length)
        self.update()

    def _x(self, second: float) -> float:
        return (second - self._start) / self._length * self.width()

    def _second(self, x: float) -> float:
        return self._start + x / max(1, self.width()) * self._length

    # ---- drawing ----

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(tokens().surface))
        if self._sound is None:
            return
        self._paint_wave(painter, self._sound)
        self._paint_spans(painter)
        self._paint_ruler(painter)
        self._paint_labels(painter)

    def _paint_wave(self, painter: QPainter, sound: Waveform) -> None:
        middle, half = (RULER + self.height()) / 2, (self.height() - RULER) / 2 - 8
        painter.setPen(QPen(QColor(tokens().border_strong), 1))
        painter.drawLine(QPointF(0, middle), QPointF(self.width(), middle))
        painter.setPen(QPen(QColor(tokens().accent_text), 1))
        number = len(sound.low)
        for x in range(self.width()):
            first = int(self._second(x) / sound.seconds * number)
            last = max(first + 1, int(self._second(x + 1) / sound.seconds * number))
            if first >= number:
                break
            low, high = float(sound.low[first:last].min()), float(sound.high[first:last].max())
            painter.drawLine(QPointF(x + 0.5, middle - high * half), QPointF(x + 0.5, middle - low * half + 0.5))

    def _paint_ruler(self, painter: QPainter) -> None:
        t = tokens()
        painter.setFont(scaled_font(0.85))
        step = next((step for step in STEPS if step / self._length * self.width() >= 80), STEPS[-1])
        mark = int(self._start / step)
        painter.fillRect(QRectF(0, 0, self.width(), RULER), QColor(t.sunken))
        while mark * step <= self._start + self._length:
            x = self._x(mark * step)
            painter.setPen(QColor(t.border_strong))
            painter.drawLine(QPointF(x, RULER - 6), QPointF(x, RULER))
            painter.setPen(QColor(t.muted))
            box = QRectF(x + 3, 0, 76, RULER - 3)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, _clock(mark * step, step))
            mark += 1

    def _box(self, item: Item, row: int) -> QRectF:
        start, end = item.span or (0.0, 0.0)
        left, right = self._x(start), self._x(end)
        return QRectF(left, RULER + 4 + row * (ROW + 3), max(2.0, right - left), ROW)

    def _paint_spans(self, painter: QPainter) -> None:
        for item, row in self._items:
            box = self._box(item, row)
            ground = QColor(item.colour)
            ground.setAlpha(90 if item.index in (self._selected, self._hovered) else 45)
            painter.fillRect(QRectF(box.left(), box.top(), box.width(), self.height() - box.top()), ground)

    def _paint_labels(self, painter: QPainter) -> None:
        font = scaled_font(0.9, bold=True)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        for item, row in self._items:
            box = self._box(item, row)
            seen = box.intersected(QRectF(self.rect()))
            if seen.isEmpty():
                continue
            marked = item.index in (self._selected, self._hovered)
            painter.setPen(QPen(QColor(tokens().text), 2) if marked else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(item.colour))
            painter.drawRoundedRect(box, 3, 3)
            text = metrics.elidedText(item.label, Qt.TextElideMode.ElideRight, max(0.0, seen.width() - 8))
            painter.setPen(QColor(text_on(item.colour)))
            painter.drawText(seen.adjusted(4, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, text)

    # ---- events ----

    def _index_at(self, point: QPointF) -> int:
        second = self._second(point.x())
        found = [(item, row) for item, row in self._items if item.span and item.span[0] <= second <= item.span[1]]
        for item, row in found:
            if self._box(item, row).contains(point):
                return item.index
        return found[-1][0].index if found and point.y() > RULER else -1

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y() or event.angleDelta().x()
        fixed = self._second(event.position().x())
        length = self._length / 1.25 ** (turned / 120)
        self._move(fixed - event.position().x() / max(1, self.width()) * length, length)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag = (event.position().x(), self._start, False)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            from_x, start, moved = self._drag
            by = event.position().x() - from_x
            if moved or abs(by) > 4:
                self._drag = (from_x, start, True)
                self._move(start - by / max(1, self.width()) * self._length, self._length)
            return
        index = self._index_at(event.position())
        if index != self._hovered:
            self.hover(index)
            self.hovered.emit(index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        moved = self._drag is not None and self._drag[2]
        self._drag = None
        if not moved and event.button() == Qt.MouseButton.LeftButton:
            index = self._index_at(event.position())
            self.select(index)
            self.selected.emit(index)

    def leaveEvent(self, event: QEvent) -> None:
        if self._hovered != -1:
            self.hover(-1)
            self.hovered.emit(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F:
            self.fit()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            sign = 1 if event.key() == Qt.Key.Key_Right else -1
            self._move(self._start + sign * self._length / 10, self._length)
        else:
            super().keyPressEvent(event)


def _clock(second: float, step: float) -> str:
    minutes, rest = divmod(round(second, 3), 60)
    digits = 0 if step >= 1 else (1 if step >= 0.1 else 2)
    width = 2 + (digits + 1 if digits else 0)
    return f"{int(minutes)}:{rest:0{width}.{digits}f}"
