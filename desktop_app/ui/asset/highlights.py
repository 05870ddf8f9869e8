"""Draws over the overlay what the pointer is on and what is selected: at once, without a thread."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from desktop_app.ui.asset.items import Item
from desktop_app.ui.asset.scene import path_of
from desktop_app.ui.theme import scaled_font
from desktop_app.ui.tokens import text_on

HOVERED = 2.0
SELECTED = 3.0


def draw_highlight(painter: QPainter, item: Item, scale: float, origin: QPointF, area: QRectF, width: float) -> None:
    """Draws an item's outline white on black, and its label: it may be one of thousands that have none."""
    path = path_of(item, scale, origin.x(), origin.y())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    fill = QColor(item.colour)
    fill.setAlpha(60)
    for colour, pen, brush in (("#000000", width + 2, fill), ("#ffffff", width, None)):
        painter.setPen(QPen(QColor(colour), pen))
        painter.setBrush(brush if brush is not None and item.closed else Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
    _draw_label(painter, item, path.boundingRect(), area)


def _draw_label(painter: QPainter, item: Item, shape: QRectF, area: QRectF) -> None:
    font = scaled_font(0.95, bold=True)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    text = metrics.elidedText(item.label, Qt.TextElideMode.ElideRight, max(80.0, area.width() - 24))
    plate = QRectF(0, 0, metrics.horizontalAdvance(text) + 14, metrics.height() + 4)
    above, below = shape.top() - plate.height() - 4, shape.bottom() + 4
    plate.moveLeft(min(max(shape.left() - 1, area.left() + 2), area.right() - plate.width() - 2))
    plate.moveTop(above if above >= area.top() + 2 else min(below, area.bottom() - plate.height() - 2))
    ink = QColor(text_on(item.colour))
    painter.setPen(QPen(ink, 1.5))
    painter.setBrush(QColor(item.colour))
    painter.drawRoundedRect(plate, 3, 3)
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
