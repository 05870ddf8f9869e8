"""All outlines of a scene in one array, so that scaling and thinning them is one operation and not one for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QDataStream
from PySide6.QtGui import QPainterPath, QPolygonF
from shiboken6 import VoidPtr

from desktop_app.ui.asset.items import Item

SHORT = 8
"""Outlines of so few points are never thinned: each is a corner."""

_ELEMENT = np.dtype([("kind", ">i4"), ("x", ">f8"), ("y", ">f8")])


@dataclass(frozen=True, slots=True)
class Outlines:
    """Rings: number `n` is `points[starts[n]:starts[n + 1]]`."""

    points: NDArray[np.float64] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)

    def polygon(self, ring: int) -> QPolygonF:
        """One ring for a painter."""
        return polygon(self.points[self.starts[ring] : self.starts[ring + 1]])

    def path(self, first: int, last: int, *, closed: bool) -> QPainterPath:
        """The rings from `first` to before `last` as one path, made as a block."""
        starts = self.starts[first : last + 1] - self.starts[first]
        points = self.points[self.starts[first] : self.starts[last]]
        if not closed:
            return _path(points, starts[:-1])
        ends = starts[1:]
        # Each ring ends where it began.
        return _path(np.insert(points, ends, points[starts[:-1]], axis=0), starts[:-1] + np.arange(len(starts) - 1))


@dataclass(frozen=True, slots=True)
class Rings:
    """The outlines of the placed items of a scene, one after the other.

    Attributes:
        points: of all rings, in asset pixels; outlines run one way round and their holes the other.
        starts: where each ring begins in `points`, and the end of the last.
        first: the first ring of each placed item, and the end of the last item's.
    """

    points: NDArray[np.float64] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    _levels: dict[int, Outlines] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, placed: Sequence[Item]) -> Rings:
        """Collects them."""
        rings = [ring for item in placed for zone in item.zones for ring in zone]
        holes = [place > 0 for item in placed for zone in item.zones for place in range(len(zone))]
        counts = [sum(map(len, item.zones)) for item in placed]
        points = (np.concatenate(rings) if rings else np.empty(0)).reshape(-1, 2)
        starts = _edges(np.fromiter((len(ring) // 2 for ring in rings), np.int64, len(rings)))
        turned = _turned(points, starts, np.array(holes, dtype=bool))
        return cls(turned, starts, _edges(np.array(counts, dtype=np.int64)))

    def seen(
        self, places: NDArray[np.int64], scale: float, shift: tuple[float, float], cell: float
    ) -> tuple[Outlines, NDArray[np.int64]]:
        """The outlines of some placed items on the screen, with at most one point in a row for each `cell` pixels.

        Returns:
            The rings, and for each of `places` the first of its own, with the end of the last one's.
        """
        counts = self.first[places + 1] - self.first[places]
        rings = _ranges(self.first[places], counts)
        thinned = self._level(scale, cell)
        lengths = thinned.starts[rings + 1] - thinned.starts[rings]
        points = thinned.points[_ranges(thinned.starts[rings], lengths)] * scale
        points += shift
        return Outlines(points, _edges(lengths)), _edges(counts)

    def _level(self, scale: float, cell: float) -> Outlines:
        """The rings thinned for a scale; made once for each power of two."""
        step = math.floor(math.log2(cell / scale))
        # Finer than a quarter of an asset pixel there is nothing to thin.
        step = max(step, -3)
        if step not in self._levels:
            self._levels[step] = Outlines(self.points, self.starts) if step == -3 else self._thinned(2.0**step)
        return self._levels[step]

    def _thinned(self, cell: float) -> Outlines:
        if not len(self.points):
            return Outlines(self.points, self.starts)
        # As complex numbers both coordinates are compared at once.
        cells = np.rint(self.points * (1 / cell)).view(np.complex128).ravel()
        keep = np.empty(len(cells), dtype=bool)
        np.not_equal(cells[1:], cells[:-1], out=keep[1:])
        keep[self.starts[:-1]] = True
        lengths = np.diff(self.starts)
        short = lengths <= SHORT
        if short.any():
            keep |= np.repeat(short, lengths)
        return Outlines(self.points[keep], _edges(np.add.reduceat(keep, self.starts[:-1], dtype=np.int64)))


def polygon(points: NDArray[np.float64]) -> QPolygonF:
    """Points as a polygon, copied as a block: one object for each point would take most of a frame's time."""
    result = QPolygonF()
    if len(points):
        result.resize(len(points))
        memory = VoidPtr(result.data(), 16 * len(points), True)  # type: ignore[call-arg, arg-type]
        np.frombuffer(memory, dtype=np.float64)[:] = points.ravel()  # type: ignore[call-overload]
    return result


def _path(points: NDArray[np.float64], begins: NDArray[np.int64]) -> QPainterPath:
    """A path that begins anew at some points, read from the form that Qt itself writes paths in."""
    elements = np.empty(len(points), dtype=_ELEMENT)
    elements["kind"] = 1
    elements["kind"][begins] = 0
    elements["x"], elements["y"] = points[:, 0], points[:, 1]
    start = int(begins[-1]) if len(begins) else 0
    winding = 1
    data = np.array([len(points)], ">i4").tobytes() + elements.tobytes() + np.array([start, winding], ">i4").tobytes()
    path = QPainterPath()
    if len(points):
        block = QByteArray(data)
        stream = QDataStream(block)
        stream >> path
    return path


def _turned(points: NDArray[np.float64], starts: NDArray[np.int64], holes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The points with every outline running one way and every hole the other, so that both can be filled at once."""
    if not len(points):
        return points
    after = np.arange(1, len(points) + 1)
    after[starts[1:] - 1] = starts[:-1]
    x, y = points[:, 0], points[:, 1]
    area = np.add.reduceat(x * y[after] - x[after] * y, starts[:-1])
    back = (area < 0) != holes
    if not back.any():
        return points
    lengths = np.diff(starts)
    place = np.arange(len(points))
    mirrored = np.repeat(starts[:-1] + starts[1:] - 1, lengths) - place
    return points[np.where(np.repeat(back, lengths), mirrored, place)]


def _edges(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    edges = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=edges[1:])
    return edges


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """`start, start + 1, …` of every range, one after the other."""
    edges = _edges(lengths)
    return np.repeat(starts - edges[:-1], lengths) + np.arange(edges[-1])
