"""How much two annotations lie in the same place, as a number from 0 (apart) to 1 (the same).

The rule depends on what is compared; annotations of different groups, or on different pages, are always apart:

- **Areas** (boxes, rotated boxes, polygons, segmentations with their holes, PDF areas): intersection over union. Of
  two upright boxes it is exact. Any other pair is cut into the same horizontal strips, at least 32 of them over the
  higher one; along the middle of each strip the lengths are exact, so holes, several zones and outlines that cross
  themselves (even-odd, as they are drawn) count as they should.
- **Points**: `1 / (1 + distance / reach)`; at a distance of `reach` pixels it is 0.5.
- **Lines**: the same of the mean distance between 16 points spread evenly along each, in the better direction.
- **Spans** of text or sound: length of what they share over the length of what they cover together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeAlias

from desktop_app.core.annotation import AnnotationObject
from desktop_app.core.geometry import Box, polygon_area
from desktop_app.core.shapes import (
    BoundingBox,
    PdfArea,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
    Segmentation,
    TextSpan,
)

Ring: TypeAlias = Sequence[Sequence[float]]

STRIPS = 32
SLACK = 1.1
"""For what strips miss of an area."""
LINE_SAMPLES = 16
MOST_STRIPS_OF_OTHERS = 4096
"""A shape is cut into at most so many strips, however low the one is that it is compared with."""


class Group(StrEnum):
    """What can be compared with each other."""

    AREA = "area"
    POINT = "point"
    LINE = "line"
    SPAN = "span"
    OTHER = "other"


class Form:
    """The geometry of one annotation, made ready for many comparisons.

    Attributes:
        group: what it can be compared with.
        page: video frame or page, or None.
        box: left, top, right, bottom; spans lie on the x axis; None where there is no geometry.
        area: of the shape itself, in square pixels; 0 for what has none.
        key: equal for two forms that are exactly the same.
    """

    __slots__ = ("_measured", "_spans", "area", "box", "group", "key", "page", "rings", "upright")

    def __init__(self, item: AnnotationObject) -> None:
        shape = item.shape
        self.page: Any = item.page
        self.rings: tuple[Ring, ...] = ()
        self.upright = False
        self.area = 0.0
        self.box: Box | None = None if shape is None else shape.bounds
        self._spans: dict[int, dict[int, list[float]]] = {}
        self._measured: float | None = None
        values: Any = ()
        match shape:
            case BoundingBox():
                self.group, self.upright, values = Group.AREA, True, self.box
            case PdfArea():
                self.group, self.upright, values = Group.AREA, True, self.box
                self.page = shape.page_number if item.page is None else item.page
            case RotatedBox():
                self.group, self.rings = Group.AREA, (shape.corners,)
            case Polygon():
                self.group, self.rings = Group.AREA, (shape.points,)
            case Segmentation():
                rings = [ring for zone in shape.zones for ring in (zone.region, *zone.holes)]
                self.group, self.rings = Group.AREA, tuple(rings)
                holes = sum(polygon_area(hole) for zone in shape.zones for hole in zone.holes)
                self.area = max(0.0, sum(polygon_area(zone.region) for zone in shape.zones) - holes)
            case Point():
                self.group, values = Group.POINT, (shape.x, shape.y)
            case Polyline():
                self.group, self.rings = Group.LINE, (shape.points,)
            case TextSpan():
                self.group = Group.SPAN
                low, high = sorted((shape.start, shape.end))
                self.box = values = (low, 0.0, high, 0.0)
            case _:
                self.group, values = Group.OTHER, repr(sorted((k, v) for k, v in item.extra.items() if k != "metadata"))
        if self.upright and self.box is not None:
            left, top, right, bottom = self.box
            self.area = (right - left) * (bottom - top)
        elif self.group is Group.AREA and not self.area:
            self.area = sum(polygon_area(ring) for ring in self.rings)
        self.key = (self.group, self.page, values, self.rings)

    def strips(self, level: int) -> dict[int, list[float]]:
        """Where lines at heights `(row + 0.5) · 2^level` cross the outline, from left to right, by row."""
        known = self._spans.get(level)
        if known is None:
            known = self._spans[level] = _cut(self.outlines, math.ldexp(1.0, level))
        return known

    @property
    def measured(self) -> float:
        """The area as the strips see it, in square pixels; exact for an upright box."""
        if self._measured is None:
            if self.upright or self.box is None:
                self._measured = self.area
            else:
                level = _level(self.box[3] - self.box[1])
                rows = () if level is None else self.strips(level).values()
                self._measured = 0.0 if level is None else sum(map(_length, rows)) * math.ldexp(1.0, level)
        return self._measured

    @property
    def outlines(self) -> tuple[Ring, ...]:
        """The rings of an area."""
        if self.upright and self.box is not None:
            left, top, right, bottom = self.box
            return (((left, top), (right, top), (right, bottom), (left, bottom)),)
        return self.rings


def similarity(a: Form, b: Form, reach: float) -> float:
    """How much two annotations lie in the same place, 0 to 1; symmetric.

    Args:
        reach: pixels at which two points or lines are half the same; more than 0.
    """
    if a.group is not b.group or a.page != b.page:
        return 0.0
    if a.key == b.key:
        return 1.0
    if a.box is None or b.box is None:
        return 0.0
    match a.group:
        case Group.AREA:
            return _area_overlap(a, b)
        case Group.POINT:
            return 1 / (1 + math.hypot(a.box[0] - b.box[0], a.box[1] - b.box[1]) / reach)
        case Group.LINE:
            return 1 / (1 + _line_distance(a.rings[0], b.rings[0]) / reach)
        case Group.SPAN:
            shared = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
            covered = max(a.box[2], b.box[2]) - min(a.box[0], b.box[0])
            return max(0.0, shared) / covered if covered > 0 else 0.0
    return 0.0


def may_reach(a: Form, b: Form, least: float) -> bool:
    """Whether two forms of one group and page can be similar by at least so much; a quick look, never wrongly False."""
    if a.group is not Group.AREA or a.box is None or b.box is None:
        return True
    shared = _shared(a.box, b.box)
    # The union holds the larger one, and what is shared lies in both boxes.
    return shared > 0 and shared * SLACK >= least * max(a.measured, b.measured)


def _area_overlap(a: Form, b: Form) -> float:
    if a.box is None or b.box is None:
        return 0.0
    shared = _shared(a.box, b.box)
    if shared <= 0:
        return 0.0
    if a.upright and b.upright:
        together = a.area + b.area - shared
        return shared / together if together > 0 else 0.0
    heights = sorted((a.box[3] - a.box[1], b.box[3] - b.box[1]))
    # By the lower one, so that it is not missed; yet the higher one must not become endless.
    height = max(heights[0], heights[1] * STRIPS / MOST_STRIPS_OF_OTHERS)
    level = _level(height)
    if level is None:
        return 0.0
    first, second = a.strips(level), b.strips(level)
    both = sum(_common(row, second[y]) for y, row in first.items() if y in second)
    whole = sum(map(_length, first.values())) + sum(map(_length, second.values())) - both
    return min(1.0, both / whole) if whole > 0 else 0.0


def _level(height: float) -> int | None:
    return math.floor(math.log2(height / STRIPS)) if height > 0 else None


def _shared(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _cut(rings: Sequence[Ring], step: float) -> dict[int, list[float]]:
    rows: dict[int, list[float]] = {}
    for ring in rings:
        x0, y0 = ring[-1]
        for x1, y1 in ring:
            if y0 != y1:
                (left, low), (right, high) = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
                slope = (right - left) / (high - low)
                # Rows whose middle lies in [low, high): each corner counts for one of its two edges.
                for row in range(math.ceil(low / step - 0.5), math.ceil(high / step - 0.5)):
                    rows.setdefault(row, []).append(left + ((row + 0.5) * step - low) * slope)
            x0, y0 = x1, y1
    for crossings in rows.values():
        crossings.sort()
    return rows


def _length(crossings: list[float]) -> float:
    return sum(crossings[1::2]) - sum(crossings[: len(crossings) - 1 : 2])


def _common(first: list[float], second: list[float]) -> float:
    if len(first) == 2 and len(second) == 2:
        return max(0.0, min(first[1], second[1]) - max(first[0], second[0]))
    total, i, j = 0.0, 0, 0
    while i + 1 < len(first) and j + 1 < len(second):
        low, high = max(first[i], second[j]), min(first[i + 1], second[j + 1])
        if high > low:
            total += high - low
        if first[i + 1] < second[j + 1]:
            i += 2
        else:
            j += 2
    return total


def _line_distance(first: Ring, second: Ring) -> float:
    one, two = _spread(first), _spread(second)
    there = sum(math.dist(p, q) for p, q in zip(one, two, strict=True))
    back = sum(math.dist(p, q) for p, q in zip(one, reversed(two), strict=True))
    return min(there, back) / LINE_SAMPLES


def _spread(line: Ring) -> list[tuple[float, float]]:
    """Points at even distances along a line, both ends among them."""
    lengths = [math.dist(p, q) for p, q in pairwise(line)]
    whole = sum(lengths)
    points: list[tuple[float, float]] = []
    place, passed = 0, 0.0
    for number in range(LINE_SAMPLES):
        wanted = whole * number / (LINE_SAMPLES - 1)
        while place < len(lengths) - 1 and passed + lengths[place] < wanted:
            passed += lengths[place]
            place += 1
        (x0, y0), (x1, y1) = line[place], line[place + 1]
        part = min(1.0, (wanted - passed) / lengths[place]) if lengths[place] > 0 else 0.0
        points.append((x0 + (x1 - x0) * part, y0 + (y1 - y0) * part))
    return points
