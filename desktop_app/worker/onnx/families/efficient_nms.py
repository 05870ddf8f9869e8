"""End-to-end detectors that end in (or ended in) TensorRT's EfficientNMS: YOLOv6, v7, v9, DAMO-YOLO."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, best_class, centre_to_corners, sigmoid
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
    input_spec,
)

_NAMES = frozenset({"num_dets", "det_boxes", "det_scores", "det_classes"})
_CHECK = "Scaling (0 to 1), RGB and letterbox are the YOLO habit; the file does not say them."


class EfficientNms(Family):
    """`num_dets, det_boxes, det_scores, det_classes`, or a repaired file's boxes and scores."""

    name: ClassVar[str] = "efficient-nms"
    order: ClassVar[int] = 8

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None:
            return None
        cut: Mapping[str, Any] = facts.graph.attributes.get("efficient_nms", {})
        if cut:
            nc = facts.shape(1)[-1]
            why = ("it ended in TensorRT's suppression node, whose boxes and scores are read directly",)
            background = int(cut.get("background_class", -1))
            output: dict[str, Any] = {
                "format": "boxes and scores",
                "class_count": max(nc, 0),
                "boxes": "cxcywh" if int(cut.get("box_coding", 0)) else "xyxy",
                "sigmoid": bool(cut.get("score_activation", 0)),
                "background": background,
                "suppression": True,
            }
        elif set(facts.outputs) == _NAMES:
            why = ("its outputs are called num_dets, det_boxes, det_scores and det_classes",)
            output = {"format": "rows", "class_count": 0, "suppression": False}
        else:
            return None
        return Identification(
            "efficient-nms", Task.DETECT, input_spec(facts), Confidence.LIKELY, why, (), output, (_CHECK,)
        )

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        if found.output["format"] == "rows":
            count = int(outputs["num_dets"].reshape(-1)[0])
            boxes = outputs["det_boxes"].reshape(-1, 4)[:count]
            scores = outputs["det_scores"].reshape(-1)[:count]
            return Rows(boxes, scores, outputs["det_classes"].reshape(-1)[:count].astype(np.intp), suppressed=True)
        values = list(outputs.values())
        boxes, table = values[0].reshape(-1, 4), np.array(values[1][0])
        table = sigmoid(table) if found.output.get("sigmoid") else table
        if int(found.output.get("background", -1)) >= 0:
            table[:, int(found.output["background"])] = 0
        scores, classes = best_class(table)
        return Rows(centre_to_corners(boxes) if found.output["boxes"] == "cxcywh" else boxes, scores, classes)
