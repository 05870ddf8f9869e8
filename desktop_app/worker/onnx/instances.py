"""From what a family decoded to the instances of a prediction: filter, suppress, map to the asset, give a shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from desktop_app.core.profile import Shape
from desktop_app.worker.onnx import nms
from desktop_app.worker.onnx.contours import Field, Zone, trace
from desktop_app.worker.onnx.decoded import Areas, Labels, Polygons, Rows, Space, softmax
from desktop_app.worker.onnx.geometry import Geometry
from desktop_app.worker.onnx.settings import MAX_CANDIDATES, Wanted
from desktop_app.worker.onnx.shapes import Outline, as_object, clipped, rotated_corners
from desktop_app.worker.onnx.spec import Array

POINT_FLOOR = 0.2
"""Score below which a key point counts as not seen."""
BACKGROUND_NAMES = frozenset({"background", "__background__", "_background_", "bg", "unlabeled", "unlabelled", "void"})
MAX_WEAK_MASKS = 50
"""Masks below the threshold that are traced for the slider's sake; tracing is the dear part."""
MAX_ROWS = 8000
"""Rows that suppression looks at, the most confident ones."""


@dataclass
class Placed:
    """Instances of one picture: all candidates best first, and notes."""

    candidates: list[dict[str, Any]]
    notes: list[str]

    def kept(self, wanted: Wanted) -> list[dict[str, Any]]:
        """Those above the thresholds, at most the maximum."""
        good = [item for item in self.candidates if item["score"] >= wanted.threshold(item["index"])]
        if len(good) > wanted.maximum:
            self.notes.append(
                f"{len(good) - wanted.maximum} instances beyond the maximum of {wanted.maximum} were left out."
            )
        return good[: wanted.maximum]


def class_name(names: Sequence[str], index: int) -> str:
    """The name of a class, `class_n` beyond the list."""
    return names[index] if 0 <= index < len(names) else f"class_{index}"


def place_rows(
    rows: Rows, geometry: Geometry, wanted: Wanted, names: Sequence[str], points: Sequence[str] = ()
) -> Placed:
    """Instances out of detections."""
    notes: list[str] = []
    chosen = _choose(rows, wanted, notes)
    boxes = _to_asset(rows.boxes[chosen], rows.space, geometry)
    corners = None
    if rows.rotated is not None:
        flat = rotated_corners(np.asarray(rows.rotated[chosen], dtype=np.float64))
        corners = _points_to_asset(flat, rows.space, geometry)
    spots = None
    if rows.points is not None:
        spots = np.asarray(rows.points[chosen], dtype=np.float64)
        spots[..., :2] = _points_to_asset(spots[..., :2], rows.space, geometry)
    size = (geometry.asset_width, geometry.asset_height)
    result: list[dict[str, Any]] = []
    weak = 0
    for place, row in enumerate(chosen):
        box: tuple[float, float, float, float] = tuple(boxes[place].tolist())
        zones: list[Zone] = []
        if rows.masks is not None:
            weak += bool(rows.scores[row] < wanted.threshold(int(rows.classes[row])))
            if weak > MAX_WEAK_MASKS:
                break
            zones = _mask_zones(rows, int(row), box, geometry, wanted)
            if not zones:
                continue
        outline = Outline(
            size, None if corners is not None else box, None if corners is None else corners[place], zones
        )
        extra = {} if spots is None else {"points": _key_points(spots[place], points, size)}
        item = _item(outline, int(rows.classes[row]), float(rows.scores[row]), wanted, names, rows.masks is not None)
        if item is not None:
            result.append(item | extra)
    return Placed(result, notes)


def place_polygons(found: Polygons, geometry: Geometry, wanted: Wanted, names: Sequence[str]) -> Placed:
    """Instances out of outlines; a polygon unless another shape is wanted."""
    result: list[dict[str, Any]] = []
    size = (geometry.asset_width, geometry.asset_height)
    shape = Shape.POLYGON if wanted.shape is Shape.AUTO else wanted.shape
    for row in np.argsort(-found.scores, kind="stable"):
        index, score = int(found.classes[row]), float(found.scores[row])
        if score < wanted.floor or (wanted.only is not None and index not in wanted.only):
            continue
        ring = _points_to_asset(found.outlines[row], found.space, geometry)
        ring = np.clip(ring, 0, np.array(size, dtype=np.float64))
        outline = Outline(size, zones=[Zone(ring, (), 0.0)])
        item = _item(outline, index, score, wanted, names, masked=True, shape=shape)
        if item is not None:
            result.append(item)
    return Placed(result[:MAX_CANDIDATES], [])


def place_areas(areas: Areas, geometry: Geometry, wanted: Wanted, names: Sequence[str]) -> Placed:
    """Segmentations of a map: one instance per class, or one per region where another shape is wanted."""
    result: list[dict[str, Any]] = []
    size = (geometry.asset_width, geometry.asset_height)
    unnamed = {index for index, name in enumerate(names) if name.strip().lower() in BACKGROUND_NAMES}
    for index, values, level, score in _layers(areas):
        if index in areas.background or index in unnamed or (wanted.only is not None and index not in wanted.only):
            continue
        zones = _area_zones(values, level, geometry, wanted)
        groups = [zones] if wanted.shape in (Shape.AUTO, Shape.SEGMENTATION) else [[zone] for zone in zones]
        for group in groups:
            if group and score >= wanted.floor:
                item = _item(Outline(size, zones=group), index, score, wanted, names, masked=True)
                if item is not None:
                    result.append(item)
    result.sort(key=lambda item: -item["score"])
    return Placed(result, [])


def place_labels(labels: Labels, wanted: Wanted, names: Sequence[str]) -> list[dict[str, Any]]:
    """The top class, or all above the threshold where several may hold."""
    scores = np.nan_to_num(np.asarray(labels.scores, dtype=np.float64))
    order = [int(i) for i in np.argsort(-scores, kind="stable") if wanted.only is None or int(i) in wanted.only]
    if not labels.multi:
        order = order[:1]
    return [
        {"class": class_name(names, index), "index": index, "score": round(float(scores[index]), 5)}
        for index in order[: wanted.maximum]
        if scores[index] >= wanted.threshold(index)
    ]


def _choose(rows: Rows, wanted: Wanted, notes: list[str]) -> Array:
    scores = np.asarray(rows.scores, dtype=np.float64)
    geometry = rows.boxes if rows.rotated is None else rows.rotated
    sound = np.isfinite(scores) & np.isfinite(geometry).all(axis=1)
    if not sound.all():
        count = int((~sound).sum())
        notes.append(f"{count} of the model's rows held numbers that are not finite and were left out.")
    good = sound & (scores >= wanted.floor)
    if rows.rotated is None:
        good &= (rows.boxes[:, 2] > rows.boxes[:, 0]) & (rows.boxes[:, 3] > rows.boxes[:, 1])
    if wanted.only is not None:
        good &= np.isin(rows.classes, list(wanted.only))
    index = np.flatnonzero(good)
    index = index[np.argsort(-scores[index], kind="stable")][:MAX_ROWS]
    limit = max(MAX_CANDIDATES, wanted.maximum)
    if rows.suppressed:
        return index[:limit]
    args = (scores[index], rows.classes[index], wanted.iou)
    if rows.rotated is None:
        kept = nms.suppress(rows.boxes[index], *args, agnostic=wanted.agnostic, limit=limit)
    else:
        kept = nms.suppress_rotated(rows.rotated[index], *args, agnostic=wanted.agnostic, limit=limit)
    chosen: Array = index[kept]
    return chosen


def _to_asset(boxes: Array, space: Space, geometry: Geometry) -> Array:
    return _points_to_asset(np.asarray(boxes, dtype=np.float64).reshape(-1, 2, 2), space, geometry).reshape(-1, 4)


def _points_to_asset(points: Array, space: Space, geometry: Geometry) -> Array:
    points = np.asarray(points, dtype=np.float64)
    if space is Space.ASSET:
        return points
    if space is Space.UNIT:
        points = points * np.array([geometry.width, geometry.height], dtype=np.float64)
    return geometry.points_to_asset(points)


def _key_points(spots: Array, names: Sequence[str], size: tuple[int, int]) -> list[dict[str, Any]]:
    result = []
    for index, (x, y, score) in enumerate(spots.tolist()):
        sound = bool(np.isfinite([x, y, score]).all()) and score >= POINT_FLOOR
        if not (sound and 0 <= x <= size[0] and 0 <= y <= size[1]):
            continue
        name = names[index] if index < len(names) else f"point_{index}"
        result.append({"name": name, "point": [round(x, 3), round(y, 3)], "score": round(min(max(score, 0.0), 1.0), 5)})
    return result


def _input_in_asset(geometry: Geometry) -> tuple[float, float, float, float]:
    corners = geometry.points_to_asset(np.array([[0, 0], [geometry.width, geometry.height]]))
    return float(corners[0, 0]), float(corners[0, 1]), float(corners[1, 0]), float(corners[1, 1])


def _mask_zones(
    rows: Rows, row: int, box: tuple[float, float, float, float], geometry: Geometry, wanted: Wanted
) -> list[Zone]:
    masks = rows.masks
    if masks is None:
        return []
    whole = (0.0, 0.0, float(geometry.asset_width), float(geometry.asset_height))
    span = {"box": box, "asset": whole}.get(masks.over) or _input_in_asset(geometry)
    field = Field(masks.field(row), span, masks.level)
    field = field.fading() if masks.over == "box" else field
    part = field.cropped(_meet(whole, box) if masks.crop else whole)
    return [] if part is None else trace(part, tolerance=wanted.tolerance, min_area=1.0)


def _area_zones(values: Array, level: float, geometry: Geometry, wanted: Wanted) -> list[Zone]:
    whole = (0.0, 0.0, float(geometry.asset_width), float(geometry.asset_height))
    part = Field(values, _input_in_asset(geometry), level).cropped(whole)
    if part is None:
        return []
    # A region of less than two samples of the model's own map is noise.
    cell = (geometry.width / values.shape[1] / geometry.scale_x) * (
        geometry.height / values.shape[0] / geometry.scale_y
    )
    return trace(part, tolerance=wanted.tolerance, min_area=max(1.0, 2 * cell, wanted.min_size**2))


def _layers(areas: Areas) -> list[tuple[int, Array, float, float]]:
    """Class number, values, level and score of every class that is somewhere on the map."""
    values = areas.values
    if areas.binary:
        plane = values[0] if values.ndim == 3 else values
        inside = plane[plane > areas.level]
        return [(0, plane, areas.level, float(np.clip(inside.mean(), 0, 1)))] if inside.size else []
    if values.ndim == 2:
        return [(int(index), (values == index).astype(np.float32), 0.5, 1.0) for index in np.unique(values)]
    scores = np.asarray(values, dtype=np.float32)
    best = scores.argmax(axis=0)
    top = scores.max(axis=0)
    odds = scores if _is_probability(scores) else softmax(scores, axis=0)
    layers: list[tuple[int, Array, float, float]] = []
    for index in np.unique(best):
        others = np.delete(scores, index, axis=0).max(axis=0) if len(scores) > 1 else np.zeros_like(top)
        layers.append((int(index), scores[index] - others, 0.0, float(odds[index][best == index].mean())))
    return layers


def _is_probability(scores: Array) -> bool:
    small = scores[:, ::8, ::8]
    return bool((small >= 0).all() and np.allclose(small.sum(axis=0), 1, atol=1e-2))


def _meet(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _item(
    outline: Outline,
    index: int,
    score: float,
    wanted: Wanted,
    names: Sequence[str],
    masked: bool,
    *,
    shape: Shape | None = None,
) -> dict[str, Any] | None:
    box = clipped(outline)
    if box is None or min(box[2] - box[0], box[3] - box[1]) < wanted.min_size:
        return None
    wish = shape or wanted.shape
    if masked and wish in (Shape.BOX, Shape.POINT) and outline.zones:
        # The model's own box is what it was trained for; the mask's extent only where there is none.
        outline = outline if outline.box is not None else Outline(outline.size, zones=outline.zones)
    value = as_object(outline, wish)
    if value is None:
        return None
    score = round(min(max(score, 0.0), 1.0), 5)
    return {"class": class_name(names, index), "index": index, "score": score} | value
