"""Face detectors, each with anchor arithmetic of its own: YuNet, SCRFD, UltraFace, BlazeFace, CenterFace."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, Space, centre_to_corners, grid, sigmoid
from desktop_app.worker.onnx.families.base import (
    Array,
    Confidence,
    Decoded,
    Facts,
    Family,
    Geometry,
    Identification,
    Mapping,
    Resize,
    Task,
    Wanted,
    input_spec,
)

_STRIDES = (8, 16, 32)
_HALF_RANGE = {"scale": 1.0, "mean": (127.5, 127.5, 127.5), "std": (128.0, 128.0, 128.0)}
FIVE_POINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Order in the files, by the face's own right and left."""
SIX_POINTS = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")


def _face(
    family: str, facts: Facts, why: str, points: tuple[str, ...], sure: Confidence, **changes: Any
) -> Identification:
    spec = input_spec(facts, **changes)
    output: dict[str, Any] = {"format": "anchors", "class_count": 1, "suppression": True}
    task = Task.POSE if points else Task.DETECT
    return Identification(family, task, spec, sure, (why,), ("face",), output, (), points)


def _with_scores(points: Array, scores: Array) -> Array:
    """Key points without scores of their own take their face's."""
    column = np.broadcast_to(scores[:, None, None], (*points.shape[:2], 1))
    result: Array = np.concatenate([points, column], axis=2)
    return result


class YuNet(Family):
    """`cls_8 … obj_8 … bbox_8 … kps_8 …`, each `[1, h·w, n]`; BGR bytes, picture at the top left."""

    name: ClassVar[str] = "yunet"
    order: ClassVar[int] = 7

    def identify(self, facts: Facts) -> Identification | None:
        names = {f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in _STRIDES}
        if facts.image is None or set(facts.outputs) != names:
            return None
        why = "its outputs are cls, obj, bbox and kps for strides 8, 16 and 32"
        changes: dict[str, Any] = {"color": "bgr", "scale": 1.0, "resize": Resize.TOPLEFT, "pad": 0}
        return _face("yunet", facts, why, FIVE_POINTS, Confidence.CERTAIN, **changes)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        def stacked(kind: str, width: int) -> Array:
            parts = [np.asarray(outputs[f"{kind}_{s}"], dtype=np.float32).reshape(-1, width) for s in _STRIDES]
            return np.concatenate(parts)

        scores = np.sqrt(np.clip(stacked("cls", 1), 0, 1) * np.clip(stacked("obj", 1), 0, 1))[:, 0]
        cells, strides = grid(geometry.width, geometry.height, _STRIDES)
        good = scores >= wanted.floor
        scores, cells, strides = scores[good], cells[good], strides[good]
        raw = stacked("bbox", 4)[good]
        sizes = np.exp(np.minimum(raw[:, 2:], 20)) * strides
        boxes = np.concatenate([(cells + raw[:, :2]) * strides, sizes], axis=1)
        points = (stacked("kps", 10)[good].reshape(-1, 5, 2) + cells[:, None]) * strides[:, None]
        classes = np.zeros(len(scores), dtype=np.intp)
        return Rows(centre_to_corners(boxes), scores, classes, points=_with_scores(points, scores))


class Scrfd(Family):
    """`score_8 … bbox_8 … kps_8 …` or the same nine outputs by number: two anchors a cell, distances in strides."""

    name: ClassVar[str] = "scrfd"
    order: ClassVar[int] = 9

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or len(facts.inputs) != 1:
            return None
        named = {f"{kind}_{stride}" for kind in ("score", "bbox") for stride in _STRIDES} <= set(facts.outputs)
        groups = _scrfd_groups(facts)
        if groups is None:
            return None
        points = FIVE_POINTS if len(groups) == 3 else ()
        why = "its outputs are scores, boxes and key points of two anchors for every cell of strides 8, 16 and 32"
        size = {"width": 640, "height": 640} if facts.image.dynamic else {}
        sure = Confidence.CERTAIN if named else Confidence.LIKELY
        found = _face("scrfd", facts, why, points, sure, **_HALF_RANGE, **size, resize=Resize.TOPLEFT, pad=0)
        return Identification(
            found.family,
            found.task,
            found.input,
            found.confidence,
            found.why,
            found.classes,
            {**found.output, "groups": groups},
            found.warnings,
            found.keypoints,
        )

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        groups = found.output["groups"]

        def stacked(place: int, width: int) -> Array:
            return np.concatenate([outputs[name].reshape(-1, width) for name in groups[place]])

        scores = stacked(0, 1)[:, 0]
        cells, strides = grid(geometry.width, geometry.height, _STRIDES, per_cell=2)
        good = scores >= wanted.floor
        scores, strides = scores[good], strides[good]
        centre = cells[good] * strides
        far = stacked(1, 4)[good] * strides
        boxes = np.concatenate([centre - far[:, :2], centre + far[:, 2:]], axis=1)
        points = None
        if len(groups) == 3:
            spots = stacked(2, 10)[good].reshape(-1, 5, 2) * strides[:, None] + centre[:, None]
            points = _with_scores(spots, scores)
        return Rows(boxes, scores, np.zeros(len(scores), dtype=np.intp), points=points)


def _scrfd_groups(facts: Facts) -> list[list[str]] | None:
    """Names of the score, box and point outputs by stride; None where the outputs are not these."""
    if len(facts.outputs) not in (6, 9) or facts.image is None:
        return None
    cells = [2 * -(-facts.image.height // s) * -(-facts.image.width // s) for s in _STRIDES]
    found: dict[int, dict[int, str]] = {1: {}, 4: {}, 10: {}}
    for name, shape in zip(facts.outputs, facts.shapes(), strict=True):
        flat = shape[-2:] if len(shape) in (2, 3) else ()
        if len(flat) != 2 or flat[0] not in cells or flat[1] not in found:
            return None
        found[flat[1]][cells.index(flat[0])] = name
    groups = [[places[i] for i in range(3)] for places in found.values() if len(places) == 3]
    return groups if len(groups) * 3 == len(facts.outputs) else None


class UltraFace(Family):
    """`scores [1, A, 2]`, `boxes [1, A, 4]` as shares of the picture."""

    name: ClassVar[str] = "ultraface"
    order: ClassVar[int] = 28

    def identify(self, facts: Facts) -> Identification | None:
        image = facts.image
        if image is None or image.dynamic or facts.outputs != ("scores", "boxes"):
            return None
        shapes = facts.shapes()
        if [shape[2:] for shape in shapes] != [(2,), (4,)] or shapes[0][1] != shapes[1][1]:
            return None
        strides = ((8, 3), (16, 2), (32, 2), (64, 3))
        count = sum(-(-image.height // s) * -(-image.width // s) * n for s, n in strides)
        why = "its outputs scores and boxes hold background and face for each of its anchors"
        sure = Confidence.CERTAIN if count == shapes[0][1] else Confidence.LIKELY
        changes = {"scale": 1.0, "mean": (127.0, 127.0, 127.0), "std": (128.0, 128.0, 128.0)}
        return _face("ultraface", facts, why, (), sure, **changes, resize=Resize.STRETCH)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        scores = outputs["scores"][0][:, 1]
        return Rows(outputs["boxes"][0], scores, np.zeros(len(scores), dtype=np.intp), space=Space.UNIT)


class BlazeFace(Family):
    """MediaPipe's short-range detector: `regressors [1, 896, 16]`, `classificators [1, 896, 1]`, 128 × 128."""

    name: ClassVar[str] = "blazeface"
    order: ClassVar[int] = 28

    def identify(self, facts: Facts) -> Identification | None:
        image = facts.image
        if image is None or (image.width, image.height) != (128, 128):
            return None
        if sorted(shape[1:] for shape in facts.shapes()) != [(896, 1), (896, 16)]:
            return None
        why = "its 896 anchors with 16 numbers and one score each are BlazeFace's for 128 × 128"
        changes = {"scale": 1.0, "mean": (127.5, 127.5, 127.5), "std": (127.5, 127.5, 127.5)}
        return _face("blazeface", facts, why, SIX_POINTS, Confidence.LIKELY, **changes, pad=0)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        by_width = {value.shape[-1]: value[0] for value in outputs.values()}
        near, s8 = grid(128, 128, (8,), middle=0.5, per_cell=2)
        wide, s16 = grid(128, 128, (16,), middle=0.5, per_cell=6)
        anchors = np.concatenate([near * s8, wide * s16])
        scores = sigmoid(by_width[1][:, 0])
        good = scores >= wanted.floor
        raw = by_width[16][good].reshape(-1, 8, 2)
        centre = anchors[good]
        boxes = np.concatenate([raw[:, 0] + centre, raw[:, 1]], axis=1)
        points = _with_scores(raw[:, 2:] + centre[:, None], scores[good])
        classes = np.zeros(int(good.sum()), dtype=np.intp)
        return Rows(centre_to_corners(boxes), scores[good], classes, points=points)


class CenterFace(Family):
    """A heat map `[1, 1, h, w]`, sizes and offsets `[1, 2, h, w]`, key points `[1, 10, h, w]`, at a quarter."""

    name: ClassVar[str] = "centerface"
    order: ClassVar[int] = 28

    def identify(self, facts: Facts) -> Identification | None:
        image = facts.image
        shapes = facts.shapes()
        if image is None or len(shapes) != 4 or any(len(shape) != 4 for shape in shapes):
            return None
        if [shape[1] for shape in shapes] != [1, 2, 2, 10]:
            return None
        if any(shape[2:] != (image.height // 4, image.width // 4) for shape in shapes):
            return None
        why = "its four outputs are a heat map, sizes, offsets and five key points at a quarter of the input"
        size = {"width": 640, "height": 640} if image.dynamic else {}
        return _face("centerface", facts, why, FIVE_POINTS, Confidence.LIKELY, scale=1.0, resize=Resize.STRETCH, **size)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        heat, scale, offset, marks = (value[0] for value in outputs.values())
        rows, columns = np.nonzero(heat[0] >= max(wanted.floor, 1e-6))
        scores = heat[0][rows, columns]
        height, width = (np.exp(scale[i][rows, columns]) * 4 for i in (0, 1))
        top = (rows + offset[0][rows, columns] + 0.5) * 4 - height / 2
        left = (columns + offset[1][rows, columns] + 0.5) * 4 - width / 2
        boxes = np.stack([left, top, left + width, top + height], axis=1)
        spots = [
            [marks[2 * i + 1][rows, columns] * width + left, marks[2 * i][rows, columns] * height + top]
            for i in range(5)
        ]
        points = np.array(spots).transpose(2, 0, 1)
        return Rows(boxes, scores, np.zeros(len(scores), dtype=np.intp), points=_with_scores(points, scores))
