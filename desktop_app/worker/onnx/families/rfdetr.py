"""RF-DETR: `dets` and `labels` per query, with masks or key points."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Masks, Rows, Space, best_pairs, centre_to_corners, sigmoid
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
from desktop_app.worker.onnx.known_names import body_points
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD


class RfDetr(Family):
    """`dets [1, Q, 4]`, `labels [1, Q, C]`, and `masks [1, Q, h, w]` or `keypoints [1, Q, K, 8]`."""

    name: ClassVar[str] = "rf-detr"
    order: ClassVar[int] = 7

    def identify(self, facts: Facts) -> Identification | None:
        names = facts.outputs
        if facts.image is None or not {"dets", "labels"} <= set(names) <= {"dets", "labels", "masks", "keypoints"}:
            return None
        dets, labels = facts.shape(names.index("dets")), facts.shape(names.index("labels"))
        if len(dets) != 3 or dets[-1] != 4 or len(labels) != 3:
            return None
        columns = labels[-1]
        # COCO's own file keeps all 91 category ids; every other one has a last column for the background.
        whole = columns == 91 and len(facts.sidecars.names) != 90
        nc = columns if whole or columns < 0 else columns - 1
        spec = input_spec(facts, resize=Resize.STRETCH, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        task = Task.SEGMENT if "masks" in names else Task.POSE if "keypoints" in names else Task.DETECT
        why = ("its outputs are called dets and labels, with four numbers per box",)
        output: dict[str, Any] = {"format": "queries", "space": "unit", "class_count": nc, "suppression": False}
        sure = Confidence.CERTAIN
        warnings: tuple[str, ...] = ()
        points: tuple[str, ...] = ()
        if task is Task.POSE:
            count = facts.shape(names.index("keypoints"))[2]
            points = body_points(count)
            sure = Confidence.LIKELY
            warnings = ("Key points are read as x, y and a visibility logit; check them on a picture.",)
        return Identification("rf-detr", task, spec, sure, why, (), output, warnings, points, points_from="suggestion")

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        nc = int(found.output["class_count"])
        scores = sigmoid(outputs["labels"][0])[:, :nc]
        rows, classes, best = best_pairs(scores, wanted.floor)
        boxes = centre_to_corners(outputs["dets"][0][rows])
        masks = points = None
        if found.task is Task.SEGMENT:
            planes = outputs["masks"][0]
            masks = Masks(lambda row: planes[rows[row]])
        if found.task is Task.POSE:
            spots = np.asarray(outputs["keypoints"][0][rows], dtype=np.float32)
            points = np.concatenate([spots[..., :2], sigmoid(spots[..., 2:3])], axis=-1)
        return Rows(boxes, best, classes, points=points, masks=masks, space=Space.UNIT, suppressed=True)
