"""MaskFormer and Mask2Former: classes and masks per query."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Areas, Masks, Rows, Space, best_class, sigmoid, softmax
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
from desktop_app.worker.onnx.preprocessor_config import hugging_face
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD

_CLASSES, _MASKS = "class_queries_logits", "masks_queries_logits"


class Mask2Former(Family):
    """`class_queries_logits [1, Q, nc + 1]`, `masks_queries_logits [1, Q, h, w]`."""

    name: ClassVar[str] = "mask2former"
    order: ClassVar[int] = 24

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or not {_CLASSES, _MASKS} <= set(facts.outputs):
            return None
        nc = facts.shape(facts.outputs.index(_CLASSES))[-1] - 1
        if nc < 1:
            return None
        stated = hugging_face(facts)
        changes: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, **stated, "resize": Resize.STRETCH}
        if facts.image.dynamic and not stated:
            changes |= {"width": 384, "height": 384}
        instances = nc == 80
        why = ["its outputs are called class_queries_logits and masks_queries_logits"]
        why.append("80 classes: one mask per thing" if instances else "one map of all classes is made of its queries")
        output: dict[str, Any] = {
            "format": "instances" if instances else "map",
            "class_count": nc,
            "background": [],
        }
        task = Task.SEGMENT if instances else Task.SEMANTIC
        spec = input_spec(facts, **changes)
        return Identification("mask2former", task, spec, Confidence.LIKELY, tuple(why), (), output)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        odds = softmax(outputs[_CLASSES][0])[:, :-1]
        planes = outputs[_MASKS][0]
        if found.output["format"] == "map":
            background = frozenset(int(index) for index in found.output.get("background", ()))
            return Areas(np.einsum("qc,qhw->chw", odds, sigmoid(planes)), background)
        scores, classes = best_class(odds)
        good = [row for row in np.flatnonzero(scores >= wanted.floor) if (planes[row] > 0).any()]
        boxes = np.array([_extent(planes[row] > 0) for row in good], dtype=np.float32).reshape(-1, 4)
        sure = np.array([sigmoid(planes[row][planes[row] > 0]).mean() for row in good], dtype=np.float32)
        return Rows(
            boxes,
            scores[good] * sure,
            classes[good],
            masks=Masks(lambda row: planes[good[row]], crop=False),
            space=Space.UNIT,
            suppressed=True,
        )


def _extent(mask: Array) -> tuple[float, float, float, float]:
    """x1 y1 x2 y2 around a mask, as shares of its size."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
