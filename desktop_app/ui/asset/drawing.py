"""Draws some hundreds of shapes, each by itself, with smooth lines that stand out on any picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

from desktop_app.ui.asset.items import Layer
from desktop_app.ui.asset.look import Look, View, pen_and_brush
from desktop_app.ui.asset.rings import Outlines
from desktop_app.ui.asset.scene import Scene

LINE = 2.0
EDGE = 1.0
"""Of the dark rim on either side of a line, in device-independent pixels: yellow on white is not seen without it."""

FEW = 300
"""So many shapes get the rim; among more it would only darken the picture."""


def draw_items(painter: QPainter, scene: Scene, shown: NDArray[np.int64], view: View, look: Look) -> Iterator[None]:
    """Draws placed items in their order; pauses between them, where the work may be given up."""
    outlines, first = scene.rings.seen(shown, view.scale, (view.x, view.y), 1.0)
    firsts = first.tolist()
    styles = scene.styles
    rim = QPen(QColor(0, 0, 0, 110), (LINE + 2 * EDGE) * view.ratio)
    rim.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    tools = {}
    for n, place in enumerate(shown.tolist()):
        colour, layer, closed = styles.kinds[styles.of[place]]
        if (colour, layer) not in tools:
            tools[colour, layer] = pen_and_brush(colour, layer, LINE * view.ratio, look)
        pen, brush = tools[colour, layer]
        path = _path(outlines, firsts[n], firsts[n + 1], closed=closed, point=bool(styles.points[place]), view=view)
        if styles.points[place]:
            brush = QBrush(QColor(colour))
        if len(shown) <= FEW and layer is Layer.SENT:
            painter.strokePath(path, rim)
        painter.setPen(pen)
        painter.setBrush(brush if closed or styles.points[place] else Qt.BrushStyle.NoBrush)
        if styles.boxes[place]:
            # Rectangles have sharp corners and a way of their own, many times as quick.
            painter.drawRect(path.boundingRect())
        else:
            painter.drawPath(path)
        if n % 16 == 15:
            yield


def _path(outlines: Outlines, first: int, last: int, *, closed: bool, point: bool, view: View) -> QPainterPath:
    path = QPainterPath()
    points = outlines.points[outlines.starts[first] : outlines.starts[last]]
    if point:
        x, y = points[0].tolist()
        path.addEllipse(QPointF(x, y), 3.5 * view.ratio, 3.5 * view.ratio)
    elif closed and last - first == 1 and len(points) == 4:
        path.addPolygon(outlines.polygon(first))
        path.closeSubpath()
    else:
        path.setFillRule(Qt.FillRule.OddEvenFill)
        for ring in range(first, last):
            path.addPolygon(outlines.polygon(ring))
            if closed:
                path.closeSubpath()
    return path
