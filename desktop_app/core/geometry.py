"""Plane geometry of annotations. Pixels, origin top left, x right, y down; angles in degrees, clockwise on screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

Point: TypeAlias = Sequence[float]
Box: TypeAlias = tuple[float, float, float, float]
Corners: TypeAlias = tuple[tuple[float, float], ...]


def rotated_corners(x: float, y: float, width: float, height: float, rotation: float) -> Corners:
    """The four corners of a rotated bounding box, in the order the hub exports them.

    The box is rotated about its first corner (x, y). The hub's import page speaks of the centre, its export sample
    shows the corner; what is written here reads back as exported (facts: annotation-format, Note on rotation). This
    function and :func:`rotated_from_corners` are the only places that know.
    """
    angle = math.radians(rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    along = (width * cos, width * sin)
    down = (-height * sin, height * cos)
    return (
        (x, y),
        (x + down[0], y + down[1]),
        (x + along[0] + down[0], y + along[1] + down[1]),
        (x + along[0], y + along[1]),
    )


def rotated_from_corners(corners: Sequence[Point]) -> tuple[float, float, float, float, float]:
    """x, y, width, height and rotation of the box with these four corners, which may run either way round.

    The first corner stays the first one. Of corners that are no rectangle, the first corner, the direction of the
    first side and the lengths of the two sides at that corner (square to each other) are kept.

    Raises:
        ValueError: there are not exactly four corners.
    """
    if len(corners) != 4:
        raise ValueError("a rotated box has four corners")
    (x, y), second, _, fourth = ((float(point[0]), float(point[1])) for point in corners)
    down = (second[0] - x, second[1] - y)
    along = (fourth[0] - x, fourth[1] - y)
    if along[0] * down[1] - along[1] * down[0] < 0:
        along, down = down, along
    rotation = math.atan2(along[1], along[0]) if any(along) else math.atan2(-down[0], down[1])
    height = down[1] * math.cos(rotation) - down[0] * math.sin(rotation)
    return x, y, math.hypot(*along), height, math.degrees(rotation)


def wrap_degrees(rotation: float) -> float:
    """The same direction in [-180, 180]; angles that are already there come back as they are."""
    return rotation if -180 <= rotation <= 180 else math.remainder(rotation, 360)


def bounds(points: Sequence[Point]) -> Box:
    """Left, top, right and bottom of at least one point."""
    xs = [point[0] for point in points]
    ys = [point[1] for point in points]
    return min(xs), min(ys), max(xs), max(ys)


def polygon_area(points: Sequence[Point]) -> float:
    """The area inside, in square pixels; 0 for points on one line."""
    if not points:
        return 0.0
    # Relative to the first point: small shapes far from the origin keep their digits.
    x0, y0 = points[0][0], points[0][1]
    total = 0.0
    for before, after in zip(points, [*points[1:], points[0]], strict=True):
        total += (before[0] - x0) * (after[1] - y0) - (after[0] - x0) * (before[1] - y0)
    return abs(total) / 2


def is_flat(points: Sequence[Point]) -> bool:
    """Whether all points lie on one line or in one place; an outline like an 8 may have the area 0 and is not flat."""
    if not points:
        return True
    x0, y0 = points[0][0], points[0][1]
    along = next(((x - x0, y - y0) for x, y in points if x != x0 or y != y0), (0.0, 0.0))
    return not any(along[0] * (y - y0) != along[1] * (x - x0) for x, y in points)


def clip_polygon(points: Sequence[Point], width: float, height: float) -> list[list[float]]:
    """The part of a polygon inside the picture (Sutherland and Hodgman); empty when it lies outside.

    Parts of a concave polygon that the edge separates stay joined by lines along that edge.
    """
    kept = [[point[0], point[1]] for point in points]
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        kept = _clip_side(kept, axis, limit, sign)
    return kept


def _clip_side(points: list[list[float]], axis: int, limit: float, sign: int) -> list[list[float]]:
    kept: list[list[float]] = []
    for index, point in enumerate(points):
        before = points[index - 1]
        inside = (point[axis] - limit) * sign >= 0
        if inside != ((before[axis] - limit) * sign >= 0):
            share = (limit - before[axis]) / (point[axis] - before[axis])
            crossing = [0.0, 0.0]
            crossing[axis] = limit
            other = 1 - axis
            crossing[other] = before[other] + share * (point[other] - before[other])
            kept.append(crossing)
        if inside:
            kept.append(point)
    return kept


def crosses_itself(points: Sequence[Point], limit: int) -> tuple[bool, int]:
    """Whether two sides of a polygon cross, and how many steps it took to tell.

    A step is a point looked at or a pair of sides compared. The search gives up with False when it would take more
    than `limit` steps. Sides are swept from left to right, so an ordinary outline takes a few steps a point; only
    one whose sides all overlap takes the square of its points. Touching is not crossing.
    """
    ring = [point for index, point in enumerate(points) if point != points[index - 1]]
    count = len(ring)
    steps = len(points)
    if count < 4 or steps > limit:
        return False, min(steps, limit)
    sides = []
    for index in range(count):
        (ax, ay), (bx, by) = ring[index], ring[(index + 1) % count]
        sides.append((min(ax, bx), max(ax, bx), min(ay, by), max(ay, by), index))
    sides.sort()
    active: list[tuple[float, float, float, float, int]] = []
    for side in sides:
        left, _, top, bottom, index = side
        active = [other for other in active if other[1] >= left]
        steps += len(active)
        if steps > limit:
            return False, limit
        for other in active:
            apart = abs(other[4] - index)
            if other[3] < top or other[2] > bottom or apart == 1 or apart == count - 1:
                continue
            if _cross(ring[index], ring[(index + 1) % count], ring[other[4]], ring[(other[4] + 1) % count]):
                return True, steps
        active.append(side)
    return False, steps


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def turn(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0
