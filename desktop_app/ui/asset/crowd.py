"""Draws thousands of shapes in a few long paths.

The painter holds the interpreter while it draws, so each path is short enough for the window to get its turn between
two. Lines are one device pixel wide, for which the painter has a way that is a hundred times as quick as the others,
and fills have no smooth edges: those would take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

from desktop_app.ui.asset.look import Look, View, pen_and_brush
from desktop_app.ui.asset.rings import Outlines
from desktop_app.ui.asset.scene import Scene

CELL = 2.0
"""Device pixels that may lie between two points of an outline; more among more shapes, which are smaller."""

AT_ONCE = 4000
"""Points in one path: some milliseconds' work."""


def draw_crowd(painter: QPainter, scene: Scene, shown: NDArray[np.int64], view: View, look: Look) -> Iterator[None]:
    """Draws placed items, their fills first; pauses often, where the work may be given up."""
    styles = scene.styles
    # By style and, within one, in the order given.
    shown = shown[np.argsort(styles.of[shown], kind="stable")]
    outlines, first = scene.rings.seen(
        shown, view.scale, (view.x, view.y), CELL * max(1.0, view.ratio) * (1.0 if len(shown) < 3000 else 1.6)
    )
    _put_on_pixels(outlines, first, styles.boxes[shown])
    points = styles.points[shown]
    of = styles.of[shown]
    edges = [0, *(np.nonzero(np.diff(of))[0] + 1).tolist(), len(shown)]
    strokes: list[tuple[QPen, QPainterPath]] = []
    dots: list[tuple[QColor, QPainterPath]] = []
    for begin, end in pairwise(edges):
        colour, layer, closed = styles.kinds[of[begin]]
        pen, brush = pen_and_brush(colour, layer, 1.0, look)
        if points[begin:end].any():
            centres = outlines.points[outlines.starts[first[begin:end][points[begin:end]]]]
            dots.append((QColor(colour), _diamonds(centres, 3.5 * view.ratio)))
        for low, high in _parts(outlines, int(first[begin]), int(first[end])):
            path = outlines.path(low, high, closed=closed)
            strokes.append((pen, path))
            if closed and brush != QBrush():
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                painter.fillPath(path, brush)
            yield
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # On dense screens the line is drawn twice side by side: a wide pen would leave the quick way.
    for shift in (QPointF(-0.5, -0.5), QPointF(0.5, 0.5)) if view.ratio > 1.4 else (QPointF(),):
        painter.translate(shift)
        for pen, path in strokes:
            painter.strokePath(path, pen)
            yield
        painter.translate(-shift)
    for colour_of_dot, path in dots:
        painter.fillPath(path, colour_of_dot)
        yield


def _parts(outlines: Outlines, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The rings from `first` to before `last` in pieces of about `AT_ONCE` points."""
    starts = outlines.starts
    while first < last:
        end = int(np.searchsorted(starts, starts[first] + AT_ONCE, "right")) - 1
        end = min(max(end, first + 1), last)
        yield first, end
        first = end


def _put_on_pixels(outlines: Outlines, first: NDArray[np.int64], boxes: NDArray[np.bool_]) -> None:
    """Moves the corners of upright boxes to the middle of pixels: between two, a thin line is a grey one."""
    rings = first[:-1][boxes]
    places = (outlines.starts[rings][:, None] + np.arange(4)).ravel()
    outlines.points[places] = np.floor(outlines.points[places]) + 0.5


def _diamonds(centres: NDArray[np.float64], radius: float) -> QPainterPath:
    corners = np.array(((0, -1), (1, 0), (0, 1), (-1, 0))) * radius
    points = (centres[:, None, :] + corners).reshape(-1, 2)
    return Outlines(points, np.arange(len(centres) + 1) * 4).path(0, len(centres), closed=True)
