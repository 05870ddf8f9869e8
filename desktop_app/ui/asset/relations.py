"""Relations as arrows between the middles of two annotations."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop_app.ui.asset.items import Item
from desktop_app.ui.asset.look import Look, View
from desktop_app.ui.asset.scene import Scene

MOST = 2000


def draw_relations(painter: QPainter, scene: Scene, view: View, look: Look) -> None:
    """Draws the arrows between what is shown: white with a dark rim, to be seen on any ground."""
    items = scene.annotations.items
    for relation in scene.annotations.relations[:MOST]:
        first, second = items[relation.start], items[relation.end]
        if not (look.filter.shows(first) and look.filter.shows(second)):
            continue
        start, end = _middle(first, view), _middle(second, view)
        if start is None or end is None:
            continue
        for colour, width in (("#000000", 3.6), ("#ffffff", 1.8)):
            painter.setPen(QPen(QColor(colour), width * view.ratio))
            painter.setBrush(QColor(colour))
            painter.drawLine(start, end)
            _arrow_head(painter, QLineF(start, end), view.ratio)
            if relation.both:
                _arrow_head(painter, QLineF(end, start), view.ratio)


def _middle(item: Item, view: View) -> QPointF | None:
    if item.bounds is None:
        return None
    left, top, right, bottom = item.bounds
    return QPointF((left + right) / 2 * view.scale + view.x, (top + bottom) / 2 * view.scale + view.y)


def _arrow_head(painter: QPainter, line: QLineF, ratio: float) -> None:
    if line.length() < 1:
        return
    back = QLineF(line.p2(), line.p1())
    back.setLength(9 * ratio)
    left, right = QLineF(back), QLineF(back)
    left.setAngle(back.angle() + 24)
    right.setAngle(back.angle() - 24)
    painter.drawPolygon(QPolygonF([line.p2(), left.p2(), right.p2()]))
