"""What a family's decoder hands over: arrays, not yet filtered, not yet in asset pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from desktop_app.worker.onnx.spec import Array


class Space(StrEnum):
    """What coordinates are in: pixels of the input tensor, shares of the input tensor, or pixels of the asset."""

    INPUT = "input"
    UNIT = "unit"
    ASSET = "asset"


@dataclass(frozen=True)
class Masks:
    """Masks of the rows of a :class:`Decoded`, made one at a time.

    Attributes:
        field: row number -> values `[h, w]`; the mask is where they are above `level`.
        over: what the field spans: "input" (the whole tensor), "box" (the row's box) or "asset".
        crop: whether the mask ends at the row's box.
    """

    field: Callable[[int], Array]
    level: float = 0.0
    over: str = "input"
    crop: bool = True


@dataclass(frozen=True)
class Rows:
    """Detections, one per row.

    Attributes:
        boxes: x1 y1 x2 y2 `[n, 4]`.
        scores, classes: `[n]`.
        rotated: cx cy width height angle in radians `[n, 5]`, for rotated boxes; then `boxes` is ignored.
        points: key points x y score `[n, k, 3]`.
        suppressed: whether overlapping boxes were already removed, so that no suppression is needed.
    """

    boxes: Array
    scores: Array
    classes: Array
    rotated: Array | None = None
    points: Array | None = None
    masks: Masks | None = None
    space: Space = Space.INPUT
    suppressed: bool = False


@dataclass(frozen=True)
class Polygons:
    """Outlines found by the decoder itself (text regions): points `[k, 2]` each."""

    outlines: tuple[Array, ...]
    scores: Array
    classes: Array
    space: Space = Space.INPUT


@dataclass(frozen=True)
class Areas:
    """A map of the whole picture.

    Attributes:
        values: scores `[c, h, w]` of which the highest wins, or class numbers `[h, w]` (integers), or for one
            foreground `[1, h, w]` probabilities.
        background: class numbers that are no finding.
        binary: one foreground; it is where the values are above `level`.
    """

    values: Array
    background: frozenset[int] = frozenset()
    binary: bool = False
    level: float = 0.5


@dataclass(frozen=True)
class Labels:
    """Scores of the whole picture's classes `[c]`; `multi`: several may hold at once."""

    scores: Array
    multi: bool = False


Decoded = Rows | Polygons | Areas | Labels


def best_class(scores: Array) -> tuple[Array, Array]:
    """Highest score and its class for every row of `[n, c]`."""
    if scores.shape[1] == 0:
        return np.zeros(len(scores), dtype=np.float32), np.zeros(len(scores), dtype=np.intp)
    classes = scores.argmax(axis=1)
    return scores[np.arange(len(scores)), classes], classes


def centre_to_corners(boxes: Array) -> Array:
    """cx cy w h -> x1 y1 x2 y2 on the last axis."""
    half = boxes[..., 2:4] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def sigmoid(values: Array) -> Array:
    """Logistic function, without overflow."""
    values = np.asarray(values, dtype=np.float64)
    result: Array = (1 / (1 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32)
    return result


def softmax(values: Array, axis: int = -1) -> Array:
    """Softmax along an axis."""
    values = np.asarray(values, dtype=np.float64)
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    result: Array = (powers / powers.sum(axis=axis, keepdims=True)).astype(np.float32)
    return result


def grid(
    width: int, height: int, strides: tuple[int, ...], *, middle: float = 0.0, per_cell: int = 1
) -> tuple[Array, Array]:
    """Cell positions `[a, 2]` (x, y, counted in cells, plus `middle`) and strides `[a, 1]` of an input's grids, row by
    row, stride by stride, every cell `per_cell` times."""
    places, sizes = [], []
    for stride in strides:
        rows, columns = -(-height // stride), -(-width // stride)
        ys, xs = np.mgrid[:rows, :columns]
        cells = np.stack([xs.ravel(), ys.ravel()], axis=1).astype(np.float32) + middle
        places.append(np.repeat(cells, per_cell, axis=0))
        sizes.append(np.full((rows * columns * per_cell, 1), stride, dtype=np.float32))
    return np.concatenate(places), np.concatenate(sizes)


def best_pairs(scores: Array, floor: float, limit: int = 300) -> tuple[Array, Array, Array]:
    """Rows, classes and scores of the highest entries of `[n, c]`: one row may stand for several classes."""
    flat = np.asarray(scores, dtype=np.float32).ravel()
    good = np.flatnonzero(flat >= floor)
    best = good[np.argsort(-flat[good], kind="stable")][:limit]
    width = max(scores.shape[1], 1)
    return best // width, best % width, flat[best]
