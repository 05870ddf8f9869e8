"""Draws a view of a scene into images, in any thread: the picture, and over it the annotations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QImage, QPainter, QPainterPath, QPen, QPolygonF

from desktop_app.ui.asset.items import Item, Layer
from desktop_app.ui.asset.rings import Thinned
from desktop_app.ui.asset.scene import Filter, Picture, Scene
from desktop_app.ui.tokens import text_on

MOST_LABELS = 300
CROWD = 2000
"""From so many shapes on they are drawn thinner and coarser; from twice as many without smooth edges."""


@dataclass(frozen=True, slots=True)
class Look:
    """How annotations are drawn; `opacity` is that of the fill, 0 to 1."""

    filter: Filter = field(default_factory=Filter)
    fill: bool = True
    labels: bool = True
    opacity: float = 0.18


@dataclass(frozen=True, slots=True)
class View:
    """A window onto the asset, in device pixels.

    Attributes:
        scale: device pixels per asset pixel.
        x, y: where the asset's origin lies in the window.
        ratio: device pixels per device-independent pixel, for line widths and text.
    """

    scale: float
    x: float
    y: float
    width: int
    height: int
    ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """Images of one view."""

    view: View
    base: QImage | None
    overlay: QImage


def render(picture: Picture | None, scene: Scene, view: View, look: Look, font: QFont) -> Rendered:
    """Both images of a view."""
    return Rendered(view, render_base(picture, view) if picture else None, render_overlay(scene, view, look, font))


def render_base(picture: Picture, view: View) -> QImage:
    """The picture, sharp at this scale; pixels show as squares from 300 % on."""
    image = QImage(view.width, view.height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    paint_picture(painter, picture, view, smooth=view.scale < 3)
    painter.end()
    return image


def paint_picture(painter: QPainter, picture: Picture, view: View, *, smooth: bool) -> None:
    """Draws the visible part of the picture from the level of the pyramid that fits."""
    level, own = picture.level_for(view.scale)
    left, top = max(0.0, -view.x / view.scale), max(0.0, -view.y / view.scale)
    right = min(float(picture.size.width()), (view.width - view.x) / view.scale)
    bottom = min(float(picture.size.height()), (view.height - view.y) / view.scale)
    if right <= left or bottom <= top:
        return
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    target = QRectF(
        view.x + left * view.scale, view.y + top * view.scale, (right - left) * view.scale, (bottom - top) * view.scale
    )
    painter.drawImage(target, level, QRectF(left * own, top * own, (right - left) * own, (bottom - top) * own))


def render_overlay(scene: Scene, view: View, look: Look, font: QFont) -> QImage:
    """The annotations on a transparent ground."""
    image = QImage(view.width, view.height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    margin = 12 * view.ratio / view.scale
    seen = scene.within(
        -view.x / view.scale - margin,
        -view.y / view.scale - margin,
        (view.width - view.x) / view.scale + margin,
        (view.height - view.y) / view.scale + margin,
    )
    items = scene.annotations.items
    shown = np.array([place for place in seen.tolist() if look.filter.shows(items[int(scene.drawn[place])])], np.int64)
    visible = [items[n] for n in scene.drawn[shown].tolist()]
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_shapes(painter, visible, _outlines(scene, shown, view), view, look)
    _draw_relations(painter, scene, view, look)
    if look.labels:
        _draw_labels(painter, visible, view, font)
    painter.end()
    return image


class _Outlines:
    """The thinned rings of the visible items, in their order."""

    def __init__(self, thinned: Thinned, first: list[int]) -> None:
        self._thinned = thinned
        self._first = first

    def of(self, place: int) -> list[QPolygonF]:
        """All rings of one visible item."""
        return [self._thinned.polygon(ring) for ring in range(self._first[place], self._first[place + 1])]


def _outlines(scene: Scene, shown: NDArray[np.int64], view: View) -> _Outlines:
    # Among thousands of shapes nobody sees the last pixel of one, but everybody waits for it.
    cell = 0.5 if len(shown) < CROWD else 2.5
    thinned, first = scene.rings.thinned(shown, view.scale, (view.x, view.y), cell)
    return _Outlines(thinned, first.tolist())


def _draw_shapes(painter: QPainter, items: list[Item], outlines: _Outlines, view: View, look: Look) -> None:
    width = 1.6 * view.ratio if len(items) < CROWD else 1.0 * view.ratio
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(items) < 2 * CROWD)
    pens: dict[tuple[str, Layer], tuple[QPen, QBrush]] = {}
    last: tuple[str, Layer, bool] | None = None
    # Largest first, so that nothing small is hidden under the fill of something large.
    for place in sorted(range(len(items)), key=lambda place: _area(items[place]), reverse=True):
        item = items[place]
        if (item.colour, item.layer, item.closed) != last:
            last = (item.colour, item.layer, item.closed)
            if last[:2] not in pens:
                pens[last[:2]] = _pen_and_brush(item, width, look)
            pen, brush = pens[last[:2]]
            painter.setPen(pen)
            painter.setBrush(brush if item.closed else Qt.BrushStyle.NoBrush)
        if item.kind == "point":
            last = None
            painter.setBrush(QColor(item.colour))
        _draw_item(painter, item, outlines, place, view)


def _pen_and_brush(item: Item, width: float, look: Look) -> tuple[QPen, QBrush]:
    pen = QPen(QColor(item.colour), width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if item.layer is Layer.PREDICTIONS:
        pen.setStyle(Qt.PenStyle.DashLine)
    elif item.layer is Layer.EXISTING:
        pen.setStyle(Qt.PenStyle.DotLine)
    if not look.fill or item.layer is Layer.PREDICTIONS:
        return pen, QBrush()
    fill = QColor(item.colour)
    fill.setAlphaF(look.opacity)
    return pen, QBrush(fill)


def _draw_item(painter: QPainter, item: Item, outlines: _Outlines, place: int, view: View) -> None:
    ring = item.zones[0][0]
    if item.kind in ("bounding-box", "pdf"):
        painter.drawRect(
            QRectF(
                ring[0] * view.scale + view.x,
                ring[1] * view.scale + view.y,
                (ring[4] - ring[0]) * view.scale,
                (ring[5] - ring[1]) * view.scale,
            )
        )
        return
    if item.kind == "point":
        centre = QPointF(ring[0] * view.scale + view.x, ring[1] * view.scale + view.y)
        painter.drawEllipse(centre, 3.5 * view.ratio, 3.5 * view.ratio)
        return
    polygons = outlines.of(place)
    if item.kind == "polyline":
        painter.drawPolyline(polygons[0])
    elif len(polygons) == 1:
        painter.drawPolygon(polygons[0])
    else:
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.OddEvenFill)
        for one in polygons:
            path.addPolygon(one)
            path.closeSubpath()
        painter.drawPath(path)


def _draw_relations(painter: QPainter, scene: Scene, view: View, look: Look) -> None:
    items = scene.annotations.items
    for relation in scene.annotations.relations:
        first, second = items[relation.start], items[relation.end]
        if not (look.filter.shows(first) and look.filter.shows(second)) or not (first.bounds and second.bounds):
            continue
        start, end = (
            QPointF(
                (item.bounds[0] + item.bounds[2]) / 2 * view.scale + view.x,  # type: ignore[index]
                (item.bounds[1] + item.bounds[3]) / 2 * view.scale + view.y,  # type: ignore[index]
            )
            for item in (first, second)
        )
        for colour, width in (("#000000", 3.6), ("#ffffff", 1.8)):
            painter.setPen(QPen(QColor(colour), width * view.ratio))
            painter.setBrush(QColor(colour))
            painter.drawLine(start, end)
            _arrow_head(painter, QLineF(start, end), view.ratio)
            if relation.both:
                _arrow_head(painter, QLineF(end, start), view.ratio)


def _arrow_head(painter: QPainter, line: QLineF, ratio: float) -> None:
    if line.length() < 1:
        return
    back = QLineF(line.p2(), line.p1())
    back.setLength(9 * ratio)
    left, right = QLineF(back), QLineF(back)
    left.setAngle(back.angle() + 24)
    right.setAngle(back.angle() - 24)
    painter.drawPolygon(QPolygonF([line.p2(), left.p2(), right.p2()]))


def _draw_labels(painter: QPainter, items: list[Item], view: View, font: QFont) -> None:
    """Labels above their shapes; one that would cover another goes below or inside, or is left out."""
    small = QFont(font)
    small.setPixelSize(max(9, round(11 * view.ratio)))
    small.setWeight(QFont.Weight.DemiBold)
    painter.setFont(small)
    metrics = QFontMetricsF(small)
    pad = 4 * view.ratio
    height = metrics.height() + 1 * view.ratio
    taken = np.empty((MOST_LABELS, 4))
    used = 0
    # The surest first: where there is no room for all, these stay.
    for item in sorted(items, key=lambda item: -(item.score or 0)):
        if used >= MOST_LABELS or item.bounds is None:
            break
        left, top, right, bottom = (
            value * view.scale + shift
            for value, shift in zip(item.bounds, (view.x, view.y, view.x, view.y), strict=True)
        )
        if right - left < 7 * view.ratio and bottom - top < 7 * view.ratio and item.kind != "point":
            continue
        width = metrics.horizontalAdvance(item.label) + 2 * pad
        x = min(max(left, 0.0), view.width - width)
        for y in (top - height - view.ratio, bottom + view.ratio, top + view.ratio, bottom - height - view.ratio):
            if y < 0 or y + height > view.height:
                continue
            t = taken[:used]
            clash = (t[:, 0] < x + width) & (t[:, 2] > x) & (t[:, 1] < y + height) & (t[:, 3] > y)
            if clash.any():
                continue
            taken[used] = (x, y, x + width, y + height)
            used += 1
            ground = QColor(item.colour)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(QRectF(x, y, width, height), 3 * view.ratio, 3 * view.ratio)
            painter.setPen(QColor(text_on(item.colour)))
            painter.drawText(QRectF(x + pad, y, width, height), Qt.AlignmentFlag.AlignVCenter, item.label)
            break


def _area(item: Item) -> float:
    b = item.bounds
    return 0.0 if b is None else (b[2] - b[0]) * (b[3] - b[1])
