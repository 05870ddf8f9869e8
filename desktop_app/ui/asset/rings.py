"""All outlines of a scene in one array, so that scaling and thinning them is one operation and not one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPolygonF
from shiboken6 import VoidPtr

from desktop_app.ui.asset.items import Item

DRAWN_OTHERWISE = frozenset({"bounding-box", "pdf", "point"})
"""Kinds that need no outline: the painter has rectangles and ellipses of its own."""

SHORT = 8
"""Outlines of so few points are never thinned: each is a corner."""


@dataclass(frozen=True, slots=True)
class Thinned:
    """Outlines as the screen can show them: ring `n` is `points[starts[n]:starts[n + 1]]`."""

    points: NDArray[np.float64] = field(repr=False)
    starts: list[int] = field(repr=False)

    def polygon(self, ring: int) -> QPolygonF:
        """One ring for a painter."""
        return polygon(self.points[self.starts[ring] : self.starts[ring + 1]])


@dataclass(frozen=True, slots=True)
class Rings:
    """The outlines of the placed items of a scene, one after the other.

    Attributes:
        points: of all rings, in asset pixels.
        starts: where each ring begins in `points`, and the end of the last.
        first: the first ring of each placed item, and the end of the last item's.
    """

    points: NDArray[np.float64] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(cls, placed: Sequence[Item]) -> Rings:
        """Collects them; boxes and points have none here."""
        rings, counts = [], []
        for item in placed:
            own = [] if item.kind in DRAWN_OTHERWISE else [ring for zone in item.zones for ring in zone]
            rings += own
            counts.append(len(own))
        points = np.concatenate([np.frombuffer(ring) for ring in rings]) if rings else np.empty(0)
        lengths = np.fromiter((len(ring) // 2 for ring in rings), np.int64, len(rings))
        return cls(points.reshape(-1, 2), _edges(lengths), _edges(np.array(counts, dtype=np.int64)))

    def thinned(
        self, places: NDArray[np.int64], scale: float, shift: tuple[float, float], cell: float
    ) -> tuple[Thinned, NDArray[np.int64]]:
        """The outlines of some placed items on the screen, with at most one point in a row for each `cell` pixels.

        Returns:
            The rings, and for each of `places` the first of its own, with the end of the last one's.
        """
        counts = self.first[places + 1] - self.first[places]
        firsts = _edges(counts)
        rings = _ranges(self.first[places], counts)
        lengths = self.starts[rings + 1] - self.starts[rings]
        if not len(rings):
            return Thinned(np.empty((0, 2)), [0]), firsts
        whole = len(rings) == len(self.starts) - 1 and bool((rings[1:] > rings[:-1]).all())
        taken = self.points if whole else self.points[_ranges(self.starts[rings], lengths)]
        points = taken * scale
        starts = _edges(lengths)
        # As complex numbers both coordinates are compared at once.
        cells = np.rint(points * (1 / cell)).view(np.complex128).ravel()
        keep = np.empty(len(points), dtype=bool)
        np.not_equal(cells[1:], cells[:-1], out=keep[1:])
        keep[starts[:-1]] = True
        short = lengths <= SHORT
        if short.any():
            keep |= np.repeat(short, lengths)
        kept = points[keep]
        kept += shift
        return Thinned(kept, _edges(np.add.reduceat(keep, starts[:-1], dtype=np.int64)).tolist()), firsts


def polygon(points: NDArray[np.float64]) -> QPolygonF:
    """Points as a polygon, copied as a block: one object for each point would take most of a frame's time."""
    result = QPolygonF()
    if len(points):
        result.resize(len(points))
        memory = VoidPtr(result.data(), 16 * len(points), True)  # type: ignore[call-arg, arg-type]
        np.frombuffer(memory, dtype=np.float64)[:] = points.ravel()  # type: ignore[call-overload]
    return result


def _edges(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    edges = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=edges[1:])
    return edges


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """`start, start + 1, …` of every range, one after the other."""
    edges = _edges(lengths)
    return np.repeat(starts - edges[:-1], lengths) + np.arange(edges[-1])
