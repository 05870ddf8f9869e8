"""YOLOv6 exports: one row per anchor, with an objectness that is always one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, best_class, centre_to_corners
from desktop_app.worker.onnx.families.base import (
    Array,
    Confidence,
    Decoded,
    Facts,
    Family,
    Geometry,
    Identification,
    Mapping,
    Task,
    Wanted,
    first,
    input_spec,
)


class YoloV6(Family):
    """`[1, A, 5 + nc]` with column 4 constant."""

    name: ClassVar[str] = "yolov6"
    order: ClassVar[int] = 14

    def identify(self, facts: Facts) -> Identification | None:
        shapes = facts.shapes()
        if facts.image is None or len(shapes) != 1 or len(shapes[0]) != 3 or len(facts.inputs) != 1:
            return None
        anchors = (facts.anchors(), facts.anchors((8, 16, 32, 64)))
        values = facts.values(0)
        if shapes[0][1] not in anchors or shapes[0][2] < 6 or values is None:
            return None
        if not np.allclose(values[..., 4], 1.0, atol=1e-3):
            return None
        nc = shapes[0][2] - 5
        named = facts.outputs[0] == "outputs"
        why = [f"its {shapes[0][1]} rows are one per anchor and the objectness column is always 1"]
        why += ["its output is called “outputs”"] if named else []
        sure = Confidence.CERTAIN if named else Confidence.LIKELY
        output = {"format": "rows per anchor", "class_count": nc, "suppression": True}
        return Identification("yolov6", Task.DETECT, input_spec(facts), sure, tuple(why), (), output)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        table = first(outputs)[0]
        scores, classes = best_class(table[:, 5:])
        return Rows(centre_to_corners(table[:, :4]), scores, classes)
