"""A picture with its annotations, ready to be drawn from any thread, and answers to "what is under the pointer"."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPainterPath, QPolygonF

from desktop_app.core.errors import AssetError
from desktop_app.ui.asset.items import Annotations, Item, Layer
from desktop_app.ui.asset.rings import Rings, polygon

SMALLEST_LEVEL = 256
PREVIEW_FROM = 12_000_000
"""Pictures with more pixels than this get a quick small version first."""

ALLOCATION_MB = 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: `levels[n]` is half as wide as `levels[n - 1]`; `size` is that of the upright asset."""

    size: QSize
    levels: tuple[QImage, ...]

    def level_for(self, scale: float) -> tuple[QImage, float]:
        """The smallest level that is still sharp at `scale` screen pixels per asset pixel, and its own scale."""
        chosen = self.levels[0]
        for level in self.levels[1:]:
            if level.width() < scale * self.size.width():
                break
            chosen = level
        return chosen, chosen.width() / self.size.width()


def read_preview(path: Path) -> Picture | None:
    """A small version of a large picture, for the eye while the whole is read; None where the whole is quick."""
    reader = _reader(path)
    size = reader.size()
    if not size.isValid() or size.width() * size.height() < PREVIEW_FROM:
        return None
    # The JPEG decoder can scale by powers of two while reading, which is many times faster.
    reader.setScaledSize(QSize(max(1, size.width() // 8), max(1, size.height() // 8)))
    image = reader.read()
    if image.isNull():
        return None
    turned = reader.transformation().value & 4
    return Picture(size.transposed() if turned else size, (_plain(image),))


def read_picture(path: Path) -> Picture:
    """Reads a picture upright (its EXIF orientation followed) and makes its pyramid.

    Raises:
        AssetError: it is no picture that Qt can read, or it is broken or too large.
    """
    reader = _reader(path)
    if not reader.canRead():
        raise AssetError("This file cannot be shown as a picture", remedy="Its annotations are listed all the same.")
    image = reader.read()
    if image.isNull():
        raise AssetError("The picture is damaged or too large", remedy="Its annotations are listed all the same.")
    levels = [_plain(image)]
    while max(levels[-1].width(), levels[-1].height()) > 2 * SMALLEST_LEVEL:
        half = QSize(max(1, levels[-1].width() // 2), max(1, levels[-1].height() // 2))
        levels.append(
            levels[-1].scaled(half, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
        )
    return Picture(levels[0].size(), tuple(levels))


def _reader(path: Path) -> QImageReader:
    QImageReader.setAllocationLimit(ALLOCATION_MB)
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    # By content: a cached file's name says nothing, and a wrong ending must not matter.
    reader.setDecideFormatFromContent(True)
    return reader


def _plain(image: QImage) -> QImage:
    wanted = QImage.Format.Format_ARGB32_Premultiplied if image.hasAlphaChannel() else QImage.Format.Format_RGB32
    return image if image.format() == wanted else image.convertToFormat(wanted)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items are visible."""

    layers: frozenset[Layer] = frozenset({Layer.SENT})
    hidden: frozenset[str] = frozenset()
    min_score: float = 0.0
    page: int | None = None

    def shows(self, item: Item) -> bool:
        """Whether an item passes."""
        if item.layer not in self.layers or item.name in self.hidden:
            return False
        if self.page is not None and item.page is not None and item.page != self.page:
            return False
        return item.layer is not Layer.PREDICTIONS or item.score is None or item.score >= self.min_score


@dataclass(frozen=True, slots=True)
class Scene:
    """Annotations with their bounds as arrays: `bounds[n]` belongs to `drawn[n]`."""

    annotations: Annotations
    drawn: NDArray[np.int64] = field(repr=False)
    bounds: NDArray[np.float64] = field(repr=False)
    rings: Rings = field(repr=False)

    @classmethod
    def of(cls, annotations: Annotations) -> Scene:
        """Indexes what has geometry."""
        placed = [item for item in annotations.items if item.bounds is not None]
        drawn = np.array([item.index for item in placed], dtype=np.int64)
        bounds = np.array([item.bounds for item in placed], dtype=np.float64).reshape(-1, 4)
        return cls(annotations, drawn, bounds, Rings.of(placed))

    def within(self, left: float, top: float, right: float, bottom: float) -> NDArray[np.int64]:
        """Positions (into `drawn`) of what touches a rectangle in asset pixels."""
        b = self.bounds
        return np.nonzero((b[:, 0] <= right) & (b[:, 2] >= left) & (b[:, 1] <= bottom) & (b[:, 3] >= top))[0]

    def at(self, x: float, y: float, reach: float, wanted: Filter) -> int | None:
        """The item under a point: of those it lies in or near (`reach` asset pixels), the smallest."""
        found = self.within(x - reach, y - reach, x + reach, y + reach)
        if not len(found):
            return None
        b = self.bounds[found]
        areas = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
        for place in found[np.argsort(areas, kind="stable")]:
            item = self.annotations.items[int(self.drawn[place])]
            if wanted.shows(item) and _touches(item, x, y, reach):
                return item.index
        return None


def _touches(item: Item, x: float, y: float, reach: float) -> bool:
    if item.kind in ("bounding-box", "pdf", "point"):
        return True
    if not item.closed:
        return any(_near_line(np.frombuffer(zone[0]).reshape(-1, 2), x, y, reach) for zone in item.zones)
    return any(
        _inside(zone[0], x, y) and not any(_inside(hole, x, y) for hole in zone[1:]) for zone in item.zones
    ) or any(_near_line(np.frombuffer(ring).reshape(-1, 2), x, y, reach) for zone in item.zones for ring in zone)


def _inside(ring: object, x: float, y: float) -> bool:
    points = np.frombuffer(ring).reshape(-1, 2)  # type: ignore[call-overload]
    after = np.roll(points, -1, axis=0)
    crosses = (points[:, 1] > y) != (after[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = points[:, 0] + (y - points[:, 1]) * (after[:, 0] - points[:, 0]) / (after[:, 1] - points[:, 1])
    return bool(np.count_nonzero(crosses & (x < at)) % 2)


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


def polygon_of(ring: object, scale: float, dx: float, dy: float) -> QPolygonF:
    """A ring in screen pixels."""
    return polygon(np.frombuffer(ring).reshape(-1, 2) * scale + (dx, dy))  # type: ignore[call-overload]
