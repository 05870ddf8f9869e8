"""Shapes of the annotation format as rings of points, thousands at once.

Reading is for display alone and forgiving: what makes no sense gives no ring. Coordinates stay in pixels of the upright
asset (of the page's own size for document areas). numpy is loaded with the first answer and not with the window.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ring = NDArray[np.float64]

FURTHEST = 1e9
"""Beyond this Qt's coordinates lose their meaning, and no asset is that large."""

TOGETHER = 128
"""Rings that are turned into numbers in one go: long enough to be quick, short enough to let the window breathe."""

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape.

    Attributes:
        kind: shape key of the annotation format, or "none".
        zones: each one outline followed by its holes, as x, y, x, y…; empty where there is no geometry.
        closed: whether the outline returns to its first point.
        bounds: left, top, right, bottom; None without geometry.
        frame: width and height of the page that the coordinates are in, where the shape says so.
    """

    kind: str
    zones: tuple[tuple[Ring, ...], ...] = ()
    closed: bool = True
    bounds: Bounds | None = None
    frame: tuple[float, float] | None = None


NO_SHAPE = Shape("none")


@dataclass(slots=True)
class _Plan:
    """A shape whose rings are still to be turned into numbers: of each zone the rings' places in the list of all."""

    kind: str
    zones: list[list[int]]
    closed: bool = True
    frame: tuple[float, float] | None = None


def shapes_of(objects: Iterable[Any]) -> list[Shape]:
    """The shape of every object, in order."""
    rings = _Rings()
    plans = [_plan(raw, rings) if isinstance(raw, dict) else None for raw in objects]
    numbers, bounds = rings.numbers()
    return [NO_SHAPE if plan is None else _shape(plan, numbers, bounds) for plan in plans]


def _shape(plan: _Plan, numbers: list[Ring | None], bounds: list[list[float]]) -> Shape:
    if len(plan.zones) == 1 and len(plan.zones[0]) == 1:
        place = plan.zones[0][0]
        ring = numbers[place]
        if ring is None:
            return Shape(plan.kind, (), plan.closed)
        left, top, right, bottom = bounds[place]
        return Shape(plan.kind, ((ring,),), plan.closed, (left, top, right, bottom), plan.frame)
    zones, boxes = [], []
    for places in plan.zones:
        outline = numbers[places[0]]
        if outline is not None:
            holes = (numbers[place] for place in places[1:])
            zones.append((outline, *(hole for hole in holes if hole is not None)))
            boxes.append(bounds[places[0]])
    if not zones:
        return Shape(plan.kind, (), plan.closed)
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Shape(plan.kind, tuple(zones), plan.closed, (min(lefts), min(tops), max(rights), max(bottoms)), plan.frame)


def _plan(raw: Mapping[str, Any], rings: _Rings) -> _Plan:
    if isinstance(box := raw.get("bounding-box"), dict):
        return _Plan("bounding-box", rings.flat(_rectangle([number(box.get(key)) for key in _BOX])))
    if "polygon" in raw:
        return _Plan("polygon", [[rings.add(raw["polygon"], 3)]])
    if isinstance(box := raw.get("rotated-bounding-box"), dict):
        turned = _rotated([number(box.get(key)) for key in (*_BOX, "rotation")])
        return _Plan("rotated-bounding-box", rings.flat(turned))
    if "polyline" in raw:
        return _Plan("polyline", [[rings.add(raw["polyline"], 2)]], closed=False)
    if "point" in raw:
        return _Plan("point", [[rings.add([raw["point"]], 1)]], closed=False)
    if isinstance(shape := raw.get("segmentation"), dict):
        zones = (zone for zone in items_of(shape.get("zones")) if isinstance(zone, dict))
        return _Plan(
            "segmentation",
            [
                [rings.add(zone.get("region"), 3), *(rings.add(hole, 3) for hole in items_of(zone.get("holes")))]
                for zone in zones
            ],
        )
    if "ner" in raw:
        return _Plan("ner", [])
    if isinstance(area := raw.get("pdf"), dict):
        corners, frame = _document_area(area)
        return _Plan("pdf", rings.flat(corners), frame=frame)
    return _Plan("none", [])


_BOX = ("x", "y", "width", "height")


class _Rings:
    """All rings of many shapes, as they came and then as numbers."""

    def __init__(self) -> None:
        self._raw: list[Any] = []
        self._least: list[int] = []

    def add(self, points: Any, least: int) -> int:
        """Takes in a list of points; its place."""
        self._raw.append(points)
        self._least.append(least)
        return len(self._raw) - 1

    def flat(self, corners: tuple[float, ...] | None) -> list[list[int]]:
        """Takes in what is numbers already, as the only ring of a shape."""
        return [] if corners is None else [[self.add(corners, 0)]]

    def numbers(self) -> tuple[list[Ring | None], list[list[float]]]:
        """Every ring (None for one that makes no sense), and its bounds."""
        import numpy as np

        if not self._raw:
            return [], []
        flat = array("d")
        lengths: list[int] = []
        for start in range(0, len(self._raw), TOGETHER):
            self._convert(slice(start, start + TOGETHER), flat, lengths)
        values = np.frombuffer(flat, dtype=np.float64)
        edges = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=edges[1:])
        # A point at the end serves those rings that have none, so that every ring has a first number.
        points = np.concatenate((values, np.zeros(2))).reshape(-1, 2)
        starts = np.minimum(edges[:-1] // 2, len(points) - 1)
        low = np.minimum.reduceat(points, starts, axis=0)
        high = np.maximum.reduceat(points, starts, axis=0)
        # The last ring that has points reaches over the one that was added.
        full = np.nonzero(np.array(lengths))[0]
        if len(full):
            last = values[edges[full[-1]] :].reshape(-1, 2)
            low[full[-1]], high[full[-1]] = last.min(axis=0), last.max(axis=0)
        sane = (low > -FURTHEST).all(axis=1) & (high < FURTHEST).all(axis=1) & (np.array(lengths) > 0)
        bounds = np.hstack((low, high)).tolist()
        places = edges.tolist()
        rings = [values[places[n] : places[n + 1]] if fine else None for n, fine in enumerate(sane.tolist())]
        return rings, bounds

    def _convert(self, part: slice, flat: array[float], lengths: list[int]) -> None:
        raw, least = self._raw[part], self._least[part]
        before = len(flat)
        if least[0] and min(least) == max(least) and all(type(points) is list for points in raw):
            try:
                if set(map(len, chain.from_iterable(raw))) == {2} and min(map(len, raw)) >= least[0]:
                    flat.extend(array("d", chain.from_iterable(chain.from_iterable(raw))))
                    lengths += [2 * len(points) for points in raw]
                    return
            except (TypeError, OverflowError):
                del flat[before:]
        for points, fewest in zip(raw, least, strict=True):
            ring = points if fewest == 0 else _ring(points, fewest)
            flat.extend(ring)
            lengths.append(len(ring))


def _ring(points: Any, least: int) -> Sequence[float]:
    """The careful way, for what is not simply pairs of numbers; empty where it makes no sense."""
    flat: list[float] = []
    for point in items_of(points):
        if not isinstance(point, (list, tuple)) or len(point) < 2:
            return ()
        x, y = number(point[0]), number(point[1])
        if x is None or y is None:
            return ()
        flat += (x, y)
    return flat if len(flat) >= 2 * least else ()


def _rectangle(values: Sequence[float | None]) -> tuple[float, ...] | None:
    x, y, width, height = values
    if x is None or y is None or width is None or height is None:
        return None
    # What comes from the hub may start at any corner.
    left, right = (x, x + width) if width >= 0 else (x + width, x)
    top, bottom = (y, y + height) if height >= 0 else (y + height, y)
    return left, top, right, top, right, bottom, left, bottom


def _rotated(values: Sequence[float | None]) -> tuple[float, ...] | None:
    x, y, width, height, degrees = values
    if x is None or y is None or width is None or height is None:
        return None
    angle = math.radians(degrees or 0.0)
    # Turned about (x, y), the first corner: how exports read (facts: annotation-format, Note on rotation).
    across = (width * math.cos(angle), width * math.sin(angle))
    down = (-height * math.sin(angle), height * math.cos(angle))
    return (
        *(x, y),
        *(x + down[0], y + down[1]),
        *(x + down[0] + across[0], y + down[1] + across[1]),
        *(x + across[0], y + across[1]),
    )


def _document_area(area: Mapping[str, Any]) -> tuple[tuple[float, ...] | None, tuple[float, float] | None]:
    position = area.get("position")
    rect = position.get("boundingRect") if isinstance(position, dict) else area
    if not isinstance(rect, dict):
        return None, None
    x1, y1, x2, y2 = (number(rect.get(key)) for key in ("x1", "y1", "x2", "y2"))
    if x1 is None or y1 is None or x2 is None or y2 is None:
        return None, None
    width, height = number(rect.get("width")), number(rect.get("height"))
    frame = (width, height) if width and height and width > 0 and height > 0 else None
    return _rectangle((x1, y1, x2 - x1, y2 - y1)), frame


def number(value: Any) -> float | None:
    """A finite number of sensible size, or None."""
    if type(value) is float or type(value) is int:
        pass
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if -FURTHEST < found < FURTHEST else None


def items_of(value: Any) -> Sequence[Any]:
    """What a list holds; nothing for what is no list."""
    return value if isinstance(value, (list, tuple)) else ()
