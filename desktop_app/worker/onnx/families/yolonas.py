"""YOLO-NAS as super-gradients exports it: uint8 in, normalisation and suppression inside."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows
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

_NAMES = ("num_predictions", "pred_boxes", "pred_scores", "pred_classes")


class YoloNas(Family):
    """`num_predictions, pred_boxes, pred_scores, pred_classes`, or `flat_predictions [n, 7]`."""

    name: ClassVar[str] = "yolo-nas"
    order: ClassVar[int] = 8

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None:
            return None
        bare = [name.rsplit("/", 1)[-1].removeprefix("graph2_") for name in facts.outputs]
        if tuple(bare) == _NAMES:
            form = "batch"
        elif len(bare) == 1 and bare[0] == "flat_predictions" and len(facts.shape(0)) == 2:
            form = "flat"
        else:
            return None
        # Rescaled to 636 of 640 and centred, as its validation transforms do.
        spec = input_spec(facts, fill=636 / 640)
        why = (f"its outputs are called {', '.join(facts.outputs)}, as super-gradients does it",)
        scaling = "" if facts.image.dtype == "uint8" else "Scaling 0 to 1 and "
        warning = (f"{scaling}padding to 636 of 640 are super-gradients' habit; the file does not say them.",)
        output: dict[str, Any] = {"format": form, "class_count": 0, "suppression": False}
        return Identification("yolo-nas", Task.DETECT, spec, Confidence.LIKELY, why, (), output, warning)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        if found.output["format"] == "flat":
            rows = first(outputs)
            rows = rows[rows[:, 0] == 0]
            return Rows(rows[:, 1:5], rows[:, 5], rows[:, 6].astype(np.intp), suppressed=True)
        number, boxes, scores, classes = outputs.values()
        count = int(number.reshape(-1)[0])
        return Rows(boxes[0, :count], scores[0, :count], classes[0, :count].astype(np.intp), suppressed=True)
