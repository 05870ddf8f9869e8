"""Non-maximum suppression in numpy: of several boxes on one thing, the most confident stays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from desktop_app.worker.onnx.spec import Array


def iou_matrix(a: Array, b: Array) -> Array:
    """Intersection over union of every x1 y1 x2 y2 row of `a [n, 4]` with every row of `b [m, 4]`: `[n, m]`."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(axis=2)
    area_a = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(axis=1)
    area_b = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=1)
    union = area_a[:, None] + area_b[None, :] - inter
    result: Array = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return result


def suppress(
    boxes: Array, scores: Array, classes: Array, iou: float, *, agnostic: bool = False, limit: int = 300
) -> Array:
    """Indices of the boxes that stay, best score first, at most `limit`.

    Args:
        boxes: x1 y1 x2 y2, `[n, 4]`.
        scores, classes: `[n]`; boxes of different classes do not suppress each other unless `agnostic`.
        iou: overlap above which the weaker box goes.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    overlap = _overlap(boxes)
    if agnostic or not len(order):
        return _greedy(order, overlap, iou, limit)
    # Class by class: each pass then looks at the few boxes that it can suppress.
    labels = np.asarray(classes)[order]
    grouped = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[grouped])) + 1
    kept = np.concatenate([_greedy(order[members], overlap, iou, limit) for members in np.split(grouped, ends)])
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    best: Array = kept[np.argsort(rank[kept])][:limit]
    return best


def _overlap(boxes: Array) -> Callable[[int, Array], Array]:
    """The intersection over union of one box with others, both by their places in `boxes`."""
    x1, y1, x2, y2 = np.ascontiguousarray(np.asarray(boxes, dtype=np.float64).reshape(-1, 4).T)
    areas = np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)

    def overlap(best: int, rest: Array) -> Array:
        width = np.minimum(x2[rest], x2[best]) - np.maximum(x1[rest], x1[best])
        height = np.minimum(y2[rest], y2[best]) - np.maximum(y1[rest], y1[best])
        inter = np.maximum(width, 0) * np.maximum(height, 0)
        union = areas[rest] + areas[best] - inter
        result: Array = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
        return result

    return overlap


def suppress_rotated(
    rotated: Array, scores: Array, classes: Array, iou: float, *, agnostic: bool = False, limit: int = 300
) -> Array:
    """The same for `[n, 5]` rows of cx, cy, width, height, angle in radians, by the probabilistic IoU of the
    Gaussians that the boxes stand for (arXiv 2106.06072), which the exporters of such models use."""
    rotated = np.asarray(rotated, dtype=np.float64)
    a, b, c = _covariance(rotated)
    same = np.asarray(classes)

    def overlap(best: int, rest: Array) -> Array:
        value = _probiou(rotated, a, b, c, best, rest)
        return value if agnostic else np.where(same[rest] == same[best], value, 0.0)

    return _greedy(np.argsort(-np.asarray(scores), kind="stable"), overlap, iou, limit)


def _greedy(order: Array, overlap: Callable[[int, Array], Array], iou: float, limit: int) -> Array:
    kept: list[int] = []
    while len(order) and len(kept) < limit:
        best = int(order[0])
        kept.append(best)
        rest = order[1:]
        order = rest[overlap(best, rest) <= iou] if len(rest) else rest
    return np.array(kept, dtype=np.intp)


def _covariance(rotated: Array) -> tuple[Array, Array, Array]:
    w2, h2 = rotated[:, 2] ** 2 / 12, rotated[:, 3] ** 2 / 12
    cos, sin = np.cos(rotated[:, 4]), np.sin(rotated[:, 4])
    return w2 * cos**2 + h2 * sin**2, w2 * sin**2 + h2 * cos**2, (w2 - h2) * cos * sin


def _probiou(rotated: Array, a: Array, b: Array, c: Array, best: int, rest: Array) -> Array:
    eps = 1e-7
    dx, dy = rotated[best, 0] - rotated[rest, 0], rotated[best, 1] - rotated[rest, 1]
    sa, sb, sc = a[best] + a[rest], b[best] + b[rest], c[best] + c[rest]
    det = sa * sb - sc**2
    t1 = (sa * dy**2 + sb * dx**2) / (det + eps) * 0.25
    t2 = -sc * dx * dy / (det + eps) * 0.5
    own = np.clip(a[best] * b[best] - c[best] ** 2, 0, None)
    other = np.clip(a[rest] * b[rest] - c[rest] ** 2, 0, None)
    t3 = 0.5 * np.log(np.clip(det, eps, None) / (4 * np.sqrt(own * other) + eps) + eps)
    distance = np.clip(t1 + t2 + t3, eps, 100.0)
    result: Array = 1 - np.sqrt(1 - np.exp(-distance) + eps)
    return result
