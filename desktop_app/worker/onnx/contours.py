"""From masks to outlines: sub-pixel contours with holes, simplified at a tolerance in asset pixels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import contourpy
import numpy as np

from desktop_app.worker.onnx.spec import Array

MAX_FIELD = 1024
"""Longest side in samples that a mask is resampled to before it is traced."""
MAX_ZONES = 200


@dataclass(frozen=True)
class Zone:
    """One connected region: its outline `[n, 2]` and its holes, in asset pixels, first point not repeated."""

    region: Array
    holes: tuple[Array, ...]
    area: float


@dataclass(frozen=True)
class Field:
    """Values on a grid, each at the middle of its cell.

    Attributes:
        values: `[h, w]`; the mask is where they exceed `level`.
        box: x1 y1 x2 y2 in asset pixels that the whole field spans.
        to_edges: the outermost samples lie on the box's edges, not at the middles of its outermost cells.
    """

    values: Array
    box: tuple[float, float, float, float]
    level: float
    to_edges: bool = False

    def fading(self) -> Field:
        """The same with a ring of zeros around it: what lies beyond the outermost samples fades, as where masks of
        boxes are pasted by torchvision and mmdet."""
        x1, y1, x2, y2 = self.box
        rows, columns = self.values.shape
        dx, dy = (x2 - x1) / columns, (y2 - y1) / rows
        return Field(np.pad(self.values, 1), (x1 - dx, y1 - dy, x2 + dx, y2 + dy), self.level)

    def cropped(self, box: tuple[float, float, float, float]) -> Field | None:
        """The part inside a box of asset pixels, cut exactly there; None where nothing is left."""
        x1, y1, x2, y2 = self.box
        rows, columns = self.values.shape
        sx, sy = (x2 - x1) / columns, (y2 - y1) / rows
        left, top = max(box[0], x1), max(box[1], y1)
        right, bottom = min(box[2], x2), min(box[3], y2)
        if right - left < 1e-6 or bottom - top < 1e-6:
            return None
        # Resampled onto a grid whose first and last lines are the cut: what happens at it is seen to the very edge.
        width = _samples(right - left, (right - left) / sx)
        height = _samples(bottom - top, (bottom - top) / sy)
        xs = np.linspace((left - x1) / sx, (right - x1) / sx, width)
        ys = np.linspace((top - y1) / sy, (bottom - y1) / sy, height)
        return Field(resample(self.values, xs, ys), (left, top, right, bottom), self.level, to_edges=True)


def _samples(pixels: float, cells: float) -> int:
    """One sample per asset pixel, but no finer than six per cell: between cells there is nothing new to see."""
    return int(np.clip(round(min(pixels, 6 * cells)), 4, MAX_FIELD))


def resample(values: Array, xs: Array, ys: Array) -> Array:
    """Bilinear samples at every (x, y), counted in cells of `values`, whose own samples are the cells' middles."""
    rows, columns = values.shape
    xs, ys = np.clip(xs - 0.5, 0, columns - 1), np.clip(ys - 0.5, 0, rows - 1)
    x0, y0 = np.minimum(xs.astype(int), max(columns - 2, 0)), np.minimum(ys.astype(int), max(rows - 2, 0))
    x1, y1 = np.minimum(x0 + 1, columns - 1), np.minimum(y0 + 1, rows - 1)
    fx, fy = (xs - x0).astype(np.float32), (ys - y0).astype(np.float32)[:, None]
    values = np.asarray(values, dtype=np.float32)
    upper, lower = values[y0], values[y1]
    lines = upper * (1 - fy) + lower * fy
    result: Array = lines[:, x0] * (1 - fx) + lines[:, x1] * fx
    return result


def trace(field: Field, *, tolerance: float, min_area: float = 0.0, limit: int = MAX_ZONES) -> list[Zone]:
    """The regions of a field above its level, largest first; regions and holes below `min_area` px² are left out."""
    values = np.nan_to_num(np.asarray(field.values, dtype=np.float64), nan=-1e9, posinf=1e9, neginf=-1e9)
    if not (values > field.level).any():
        return []
    x1, y1, x2, y2 = field.box
    rows, columns = values.shape
    xs, ys = _axis(x1, x2, columns, field.to_edges), _axis(y1, y2, rows, field.to_edges)
    # Carried on to the very edge of the field where its samples do not reach it, then closed a hair beyond it.
    padded = values if field.to_edges else np.pad(values, 1, mode="edge")
    low = min(float(values.min()), field.level) - max(1.0, float(np.ptp(values)))
    padded = np.pad(padded, 1, constant_values=low)
    lines = contourpy.contour_generator(xs, ys, padded, name="serial", fill_type=contourpy.FillType.OuterOffset)
    filled: Any = lines.filled(field.level, np.inf)
    points, offsets = filled
    zones: list[Zone] = []
    for ring, offset in zip(points, offsets, strict=True):
        parts = [ring[a : b - 1] for a, b in itertools.pairwise(offset.tolist())]
        area = ring_area(parts[0])
        if area <= min_area or len(parts[0]) < 3:
            continue
        outline = simplify(parts[0], tolerance)
        if len(outline) < 3:
            continue
        holes = [simplify(part, tolerance) for part in parts[1:] if ring_area(part) > min_area]
        holes = [hole for hole in holes if len(hole) >= 3]
        zones.append(Zone(outline, tuple(holes), area - sum(ring_area(part) for part in parts[1:])))
    zones.sort(key=lambda zone: -zone.area)
    return zones[:limit]


def _axis(low: float, high: float, count: int, to_edges: bool) -> Array:
    step = (high - low) / count
    hair = step * 1e-3
    places = np.linspace(low, high, count)
    if not to_edges:
        places = np.concatenate([[low], low + (np.arange(count) + 0.5) * step, [high]])
    result: Array = np.concatenate([[low - hair], places, [high + hair]])
    return result


def ring_area(points: Array) -> float:
    """Area inside a closed ring of points."""
    if len(points) < 3:
        return 0.0
    local = points - points[0]
    x, y = local[:, 0], local[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def simplify(points: Array, tolerance: float) -> Array:
    """Douglas–Peucker on a closed ring: no point left out lies farther than `tolerance` from the new outline."""
    count = len(points)
    if count <= 4 or tolerance <= 0:
        return points
    # A ring has no ends: cut it at two points that lie far apart.
    start = int(np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1)))
    ring = np.roll(points, -start, axis=0)
    far = int(np.argmax(((ring - ring[0]) ** 2).sum(axis=1)))
    if far == 0:
        return points[:1]
    closed = np.vstack([ring, ring[:1]])
    keep = np.zeros(count + 1, dtype=bool)
    keep[[0, far, count]] = True
    settled = np.zeros(count + 1, dtype=bool)
    # All stretches of one depth at once: a mask has thousands of points, and Python is slow at each.
    while True:
        ends = np.flatnonzero(keep)
        open_ = (np.diff(ends) > 1) & ~settled[ends[:-1]]
        if not open_.any():
            break
        first, last = ends[:-1][open_], ends[1:][open_]
        split = _farthest(closed, first, last, tolerance)
        settled[first[split < 0]] = True
        keep[split[split >= 0]] = True
    result: Array = closed[:-1][keep[:-1]]
    return result


def _farthest(points: Array, first: Array, last: Array, tolerance: float) -> Array:
    """For every stretch, the inner point farthest from the line between its ends; -1 where all are near enough."""
    inner = last - first - 1
    begin = np.cumsum(inner) - inner
    stretch = np.repeat(np.arange(len(first)), inner)
    index = np.arange(int(inner.sum())) - begin[stretch] + first[stretch] + 1
    origin = points[first]
    side = points[last] - origin
    square = np.maximum((side**2).sum(axis=1), 1e-300)
    away = points[index] - origin[stretch]
    share = np.clip((away * side[stretch]).sum(axis=1) / square[stretch], 0, 1)
    distance = ((away - share[:, None] * side[stretch]) ** 2).sum(axis=1)
    worst = np.maximum.reduceat(distance, begin)
    at_worst = np.flatnonzero(distance == worst[stretch])
    _, leading = np.unique(stretch[at_worst], return_index=True)
    result: Array = np.where(worst > tolerance**2, index[at_worst[leading]], -1)
    return result


def smallest_rectangle(points: Array) -> Array:
    """Corners `[4, 2]` of the rectangle of least area around the points, which need not be level."""
    hull = convex_hull(points)
    if len(hull) < 3:
        low, high = points.min(axis=0), points.max(axis=0)
        return np.array([low, [low[0], high[1]], high, [high[0], low[1]]])
    sides = np.roll(hull, -1, axis=0) - hull
    angles = np.unique(np.mod(np.arctan2(sides[:, 1], sides[:, 0]), np.pi / 2))
    best = (np.inf, hull[:4])
    for angle in angles:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned = hull @ turn
        low, high = turned.min(axis=0), turned.max(axis=0)
        area = float(np.prod(high - low))
        if area < best[0] - 1e-9:
            corners = np.array([low, [low[0], high[1]], high, [high[0], low[1]]])
            best = (area, corners @ turn.T)
    return best[1]


def convex_hull(points: Array) -> Array:
    """Andrew's monotone chain; corners in order, collinear ones left out."""
    ordered = np.unique(np.asarray(points, dtype=np.float64), axis=0)
    if len(ordered) < 3:
        return ordered

    def half(source: Array) -> list[Array]:
        chain: list[Array] = []
        for point in source:
            while len(chain) > 1:
                a, b = chain[-1] - chain[-2], point - chain[-2]
                if a[0] * b[1] - a[1] * b[0] > 0:
                    break
                chain.pop()
            chain.append(point)
        return chain

    return np.array(half(ordered)[:-1] + half(ordered[::-1])[:-1])
