"""Annotations ready to be drawn from any thread, and answers to "what is under the pointer"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QPolygonF

from desktop_app.ui.asset.items import Annotations, Item, Layer
from desktop_app.ui.asset.look import Filter
from desktop_app.ui.asset.rings import Rings, polygon


@dataclass(frozen=True, slots=True)
class Styles:
    """What placed items have in common, as numbers.

    Attributes:
        kinds: colour, layer and whether closed; `of[n]` is an index into them.
        boxes, points: whether an item is an upright box, or a point.
    """

    kinds: tuple[tuple[str, Layer, bool], ...]
    of: NDArray[np.int64] = field(repr=False)
    boxes: NDArray[np.bool_] = field(repr=False)
    points: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scene:
    """Annotations with their bounds as arrays: `bounds[n]` belongs to `drawn[n]`."""

    annotations: Annotations
    drawn: NDArray[np.int64] = field(repr=False)
    bounds: NDArray[np.float64] = field(repr=False)
    areas: NDArray[np.float64] = field(repr=False)
    rings: Rings = field(repr=False)
    styles: Styles = field(repr=False)
    _passing: dict[Filter, NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, annotations: Annotations) -> Scene:
        """Indexes what has geometry."""
        placed = [item for item in annotations.items if item.bounds is not None]
        drawn = np.array([item.index for item in placed], dtype=np.int64)
        bounds = np.array([item.bounds for item in placed], dtype=np.float64).reshape(-1, 4)
        areas = (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
        return cls(annotations, drawn, bounds, areas, Rings.of(placed), _styles(placed))

    def passing(self, wanted: Filter) -> NDArray[np.bool_]:
        """For each of `drawn` whether it passes; remembered for the filter in force."""
        found = self._passing.get(wanted)
        if found is None:
            items = self.annotations.items
            found = np.fromiter((wanted.shows(items[n]) for n in self.drawn.tolist()), bool, len(self.drawn))
            self._passing.clear()
            self._passing[wanted] = found
        return found

    def within(self, left: float, top: float, right: float, bottom: float) -> NDArray[np.int64]:
        """Positions (into `drawn`) of what touches a rectangle in asset pixels."""
        b = self.bounds
        return np.nonzero((b[:, 0] <= right) & (b[:, 2] >= left) & (b[:, 1] <= bottom) & (b[:, 3] >= top))[0]

    def at(self, x: float, y: float, reach: float, wanted: Filter) -> int | None:
        """The item under a point: of those it lies in or near (`reach` asset pixels), the smallest."""
        found = self.within(x - reach, y - reach, x + reach, y + reach)
        if not len(found):
            return None
        found = found[self.passing(wanted)[found]]
        for place in found[np.argsort(self.areas[found], kind="stable")]:
            item = self.annotations.items[int(self.drawn[place])]
            if _touches(item, x, y, reach):
                return item.index
        return None


def _styles(placed: Sequence[Item]) -> Styles:
    kinds: dict[tuple[str, Layer, bool], int] = {}
    of = [kinds.setdefault((item.colour, item.layer, item.closed), len(kinds)) for item in placed]
    boxes = np.fromiter((item.kind in ("bounding-box", "pdf") for item in placed), bool, len(placed))
    points = np.fromiter((item.kind == "point" for item in placed), bool, len(placed))
    return Styles(tuple(kinds), np.array(of, dtype=np.int64), boxes, points)


def _touches(item: Item, x: float, y: float, reach: float) -> bool:
    if item.kind in ("bounding-box", "pdf", "point"):
        return True
    if not item.closed:
        return any(_near_line(zone[0].reshape(-1, 2), x, y, reach) for zone in item.zones)
    return any(
        _inside(zone[0].reshape(-1, 2), x, y) and not any(_inside(hole.reshape(-1, 2), x, y) for hole in zone[1:])
        for zone in item.zones
    ) or any(_near_line(ring.reshape(-1, 2), x, y, reach) for zone in item.zones for ring in zone)


def _inside(points: NDArray[np.float64], x: float, y: float) -> bool:
    after = np.roll(points, -1, axis=0)
    crosses = (points[:, 1] > y) != (after[:, 1] > y)
    if not crosses.any():
        return False
    start, end = points[crosses], after[crosses]
    at = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
    return bool(np.count_nonzero(x < at) % 2)


def _near_line(points: NDArray[np.float64], x: float, y: float, reach: float) -> bool:
    here = np.array((x, y))
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    along = np.clip(((here - start) * step).sum(axis=1) / length, 0, 1)[:, None]
    return bool((((start + along * step - here) ** 2).sum(axis=1) <= reach * reach).any())


def path_of(item: Item, scale: float, dx: float, dy: float) -> QPainterPath:
    """An item's outline in screen pixels; holes are left out by the odd-even rule."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    if item.kind == "point":
        for zone in item.zones:
            path.addEllipse(QPointF(zone[0][0] * scale + dx, zone[0][1] * scale + dy), 4.5, 4.5)
        return path
    for zone in item.zones:
        for ring in zone:
            path.addPolygon(polygon_of(ring, scale, dx, dy))
            if item.closed:
                path.closeSubpath()
    return path


def polygon_of(ring: NDArray[np.float64], scale: float, dx: float, dy: float) -> QPolygonF:
    """A ring in screen pixels."""
    return polygon(ring.reshape(-1, 2) * scale + (dx, dy))


NOTHING = Scene.of(Annotations())
"""A scene without annotations."""
