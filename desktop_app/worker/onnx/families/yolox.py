"""YOLOX: one row per anchor with objectness; raw, or decoded inside the graph."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, best_class, centre_to_corners, grid
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
    first,
    input_spec,
)

_SMALL = 32.0


class YoloX(Family):
    """`[1, A, 5 + nc]`; BGR 0…255, picture at the top left."""

    name: ClassVar[str] = "yolox"
    order: ClassVar[int] = 18

    def identify(self, facts: Facts) -> Identification | None:
        shapes = facts.shapes()
        if facts.image is None or len(shapes) != 1 or len(shapes[0]) != 3 or len(facts.inputs) != 1:
            return None
        if shapes[0][1] != facts.anchors() or shapes[0][2] < 6:
            return None
        values = facts.values(0)
        if values is not None and np.allclose(values[..., 4], 1.0, atol=1e-3):
            return None
        nc = shapes[0][2] - 5
        raw = _is_raw(facts)
        seen = "there is no Exp in the graph" if facts.graph.ops_known else "its numbers are too small for pixels"
        decoded = (
            "the graph's Exp decodes" if facts.graph.ops_known else "its numbers reach across the input, so it decodes"
        )
        spec = input_spec(facts, color="bgr", scale=1.0, resize=Resize.TOPLEFT)
        why = (
            f"its {shapes[0][1]} rows are one per anchor, each a box, an objectness and class scores",
            f"{seen}: boxes are still raw" if raw else f"{decoded} the boxes already",
        )
        warning = "Scaling (0 to 255) and colour order (BGR) are YOLOX's habit; the file does not say them."
        output = {"format": "rows per anchor", "class_count": nc, "raw": raw, "suppression": True}
        return Identification("yolox", Task.DETECT, spec, Confidence.LIKELY, why, (), output, (warning,))

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        table = np.asarray(first(outputs)[0], dtype=np.float32)
        boxes = table[:, :4]
        if found.output.get("raw"):
            cells, strides = grid(geometry.width, geometry.height, (8, 16, 32))
            sizes = np.exp(np.minimum(boxes[:, 2:], 20))
            boxes = np.concatenate([(boxes[:, :2] + cells) * strides, sizes * strides], axis=1)
        good = table[:, 4] >= wanted.floor
        scores, classes = best_class(table[good, 5:] * table[good, 4:5])
        return Rows(centre_to_corners(boxes[good]), scores, classes)


def _is_raw(facts: Facts) -> bool:
    """Whether boxes are offsets and logarithms, which are small numbers; places in pixels reach across the input."""
    if facts.graph.ops_known:
        return "Exp" not in facts.graph.ops
    values = facts.values(0)
    return values is None or bool(np.abs(values[..., :4]).max(initial=0.0) < _SMALL)
