"""The TensorFlow Object Detection API: finished detections, ymin first, classes from one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Masks, Rows, Space
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

_NEEDED = frozenset({"detection_boxes", "detection_scores", "detection_classes"})


class TensorflowDetection(Family):
    """`detection_boxes, detection_scores, detection_classes, num_detections` (, `detection_masks`)."""

    name: ClassVar[str] = "tensorflow-detection"
    order: ClassVar[int] = 8

    def identify(self, facts: Facts) -> Identification | None:
        bare = {name.split(":")[0]: name for name in facts.outputs}
        if facts.image is None or not set(bare) >= _NEEDED:
            return None
        size: dict[str, Any] = {"resize": Resize.STRETCH}
        if facts.image.dynamic:
            # The graph resizes by itself.
            size = {"resize": Resize.FIT, "width": 1024, "height": 1024}
        task = Task.SEGMENT if "detection_masks" in bare else Task.DETECT
        why = ("its outputs have the names of the TensorFlow Object Detection API",)
        output: dict[str, Any] = {
            "format": "rows",
            "names": bare,
            "space": "unit",
            "class_count": 0,
            "first_label": 1,
            "suppression": False,
        }
        scale = {} if facts.image.dtype == "uint8" else {"scale": 1.0}
        sure = Confidence.CERTAIN if facts.image.dtype == "uint8" else Confidence.LIKELY
        return Identification("tensorflow-detection", task, input_spec(facts, **size, **scale), sure, why, (), output)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        names = found.output["names"]
        boxes = outputs[names["detection_boxes"]][0]
        count = len(boxes)
        if "num_detections" in names:
            count = min(count, int(outputs[names["num_detections"]].reshape(-1)[0]))
        boxes = boxes[:count][:, [1, 0, 3, 2]]
        classes = np.rint(outputs[names["detection_classes"]][0][:count]).astype(np.intp)
        masks = None
        if found.task is Task.SEGMENT:
            planes = outputs[names["detection_masks"]][0]
            masks = Masks(lambda row: planes[row], level=0.5, over="box")
        scores = outputs[names["detection_scores"]][0][:count]
        shift = int(found.output["first_label"])
        return Rows(boxes, scores, classes - shift, masks=masks, space=Space.UNIT, suppressed=True)
