"""Instances as objects of the annotation format: the model's own shape, or another one derived from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from desktop_app.core.geometry import rotated_from_corners, wrap_degrees
from desktop_app.core.profile import Shape
from desktop_app.worker.onnx.contours import Zone, smallest_rectangle
from desktop_app.worker.onnx.spec import Array


@dataclass(frozen=True)
class Outline:
    """The geometry of one instance in asset pixels; at least one part is there.

    Attributes:
        box: x1 y1 x2 y2.
        corners: of a rotated box, `[4, 2]`: first, along its height, opposite, along its width.
        zones: of a mask.
    """

    size: tuple[int, int]
    box: tuple[float, float, float, float] | None = None
    corners: Array | None = None
    zones: Sequence[Zone] = ()


def as_object(outline: Outline, shape: Shape) -> dict[str, Any] | None:
    """One shape key and its value; None where clipping to the asset leaves nothing."""
    if shape is Shape.AUTO:
        shape = Shape.SEGMENTATION if outline.zones else Shape.ROTATED if outline.corners is not None else Shape.BOX
    if shape is Shape.SEGMENTATION:
        return _segmentation(outline)
    if shape is Shape.POLYGON:
        return {"polygon": points_json(_ring(outline))}
    if shape is Shape.ROTATED:
        corners = outline.corners if outline.corners is not None else _rectangle(outline)
        x, y, width, height, rotation = rotated_from_corners(corners.tolist())
        if width <= 0 or height <= 0:
            return None
        value = {"x": x, "y": y, "width": width, "height": height, "rotation": wrap_degrees(rotation)}
        return {"rotated-bounding-box": {key: _round(number) for key, number in value.items()}}
    box = clipped(outline)
    if box is None:
        return None
    x1, y1, x2, y2 = box
    if shape is Shape.POINT:
        return {"point": [_round((x1 + x2) / 2), _round((y1 + y2) / 2)]}
    value = {"x": _round(x1), "y": _round(y1), "width": _round(x2 - x1), "height": _round(y2 - y1)}
    return {"bounding-box": value}


def clipped(outline: Outline) -> tuple[float, float, float, float] | None:
    """The upright box inside the asset; None where it has no area there."""
    box = outline.box
    if box is None:
        points = outline.corners if outline.corners is not None else np.vstack([z.region for z in outline.zones])
        low, high = points.min(axis=0), points.max(axis=0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    width, height = outline.size
    x1, y1 = max(box[0], 0.0), max(box[1], 0.0)
    x2, y2 = min(box[2], float(width)), min(box[3], float(height))
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def _segmentation(outline: Outline) -> dict[str, Any]:
    if not outline.zones:
        return {"segmentation": {"zones": [{"region": points_json(_ring(outline)), "holes": []}]}}
    zones = [
        {"region": points_json(zone.region), "holes": [points_json(hole) for hole in zone.holes]}
        for zone in outline.zones
    ]
    return {"segmentation": {"zones": zones}}


def _ring(outline: Outline) -> Array:
    """The outer line as one polygon: of a mask in several parts, the largest."""
    if outline.zones:
        return outline.zones[0].region
    if outline.corners is not None:
        return outline.corners
    return _upright(clipped(outline) or outline.box or (0.0, 0.0, 0.0, 0.0))


def _rectangle(outline: Outline) -> Array:
    if outline.zones:
        return smallest_rectangle(np.vstack([zone.region for zone in outline.zones]))
    return _upright(clipped(outline) or outline.box or (0.0, 0.0, 0.0, 0.0))


def _upright(box: tuple[float, float, float, float]) -> Array:
    x1, y1, x2, y2 = box
    return np.array([[x1, y1], [x1, y2], [x2, y2], [x2, y1]])


def rotated_corners(rotated: Array) -> Array:
    """Corners `[n, 4, 2]` of cx cy w h angle (radians, clockwise on screen) rows, in the order of :class:`Outline`."""
    centre, (w, h, angle) = rotated[:, :2], rotated[:, 2:5].T
    along = np.stack([np.cos(angle) * w, np.sin(angle) * w], axis=1) / 2
    down = np.stack([-np.sin(angle) * h, np.cos(angle) * h], axis=1) / 2
    corners: Array = np.stack(
        [centre - along - down, centre - along + down, centre + along + down, centre + along - down], axis=1
    )
    return corners


def points_json(points: Array) -> list[list[float]]:
    """Points rounded to a thousandth of a pixel."""
    return [[_round(x), _round(y)] for x, y in points.tolist()]


def _round(value: float) -> float:
    return round(float(value), 3)
