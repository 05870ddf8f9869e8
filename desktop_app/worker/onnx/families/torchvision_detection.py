"""torchvision's detectors: Faster, Mask and Keypoint R-CNN, RetinaNet, FCOS, SSD."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Masks, Rows, sigmoid
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
from desktop_app.worker.onnx.known_names import body_points, coco91


class TorchvisionDetection(Family):
    """`boxes [n, 4]`, `labels [n]`, `scores [n]` (, `masks [n, 1, H, W]`, `keypoints [n, K, 3]`); picture of rank 3."""

    name: ClassVar[str] = "torchvision-detection"
    order: ClassVar[int] = 22

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or len(facts.inputs) != 1:
            return None
        roles = _roles(facts)
        if not {"boxes", "labels", "scores"} <= set(roles):
            return None
        rank3 = facts.image.layout == "chw"
        # The graph resizes by itself; ours only keeps very large pictures from costing time.
        size = (
            {"width": 1333, "height": 1333, "resize": Resize.FIT} if facts.image.dynamic else {"resize": Resize.STRETCH}
        )
        spec = input_spec(facts, **size)
        task = Task.SEGMENT if "masks" in roles else Task.POSE if "keypoints" in roles else Task.DETECT
        why = ["its outputs are boxes, labels and scores of finished detections"]
        if rank3:
            why.append("it takes one picture without a batch axis, as torchvision's detectors do")
        columns = _class_columns(facts)
        names = coco91()[1:] if columns == 91 else ()
        warnings = ("Its 91 class columns suggest COCO; check the names.",) if names else ()
        output: dict[str, Any] = {
            "format": "rows",
            "roles": roles,
            "class_count": max(columns - 1, 0),
            "first_label": 1,
            "suppression": False,
        }
        points: tuple[str, ...] = ()
        if task is Task.POSE:
            count = facts.shape(facts.outputs.index(roles["keypoints"]))[1]
            points = body_points(count)
        sure = Confidence.CERTAIN if rank3 and facts.graph.has("NonMaxSuppression") else Confidence.LIKELY
        return Identification(
            "torchvision-detection",
            task,
            spec,
            sure,
            tuple(why),
            names,
            output,
            warnings,
            points,
            names_from="suggestion" if names else "file",
            points_from="suggestion",
        )

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        roles = found.output["roles"]
        boxes = outputs[roles["boxes"]].reshape(-1, 4)
        classes = outputs[roles["labels"]].reshape(-1).astype(np.intp) - int(found.output["first_label"])
        masks = points = None
        if found.task is Task.SEGMENT:
            planes = outputs[roles["masks"]]
            planes = planes.reshape(-1, *planes.shape[-2:])
            masks = Masks(lambda row: planes[row], level=0.5, crop=False)
        if found.task is Task.POSE:
            points = np.array(outputs[roles["keypoints"]], dtype=np.float32).reshape(len(boxes), -1, 3)
            if "keypoints_scores" in roles:
                points[..., 2] = sigmoid(outputs[roles["keypoints_scores"]].reshape(points.shape[:2]))
        scores = outputs[roles["scores"]].reshape(-1)
        return Rows(boxes, scores, classes, masks=masks, points=points, suppressed=True)


def _roles(facts: Facts) -> dict[str, str]:
    """Which output is what: by name, or, where the exporter numbered them, by type and rank."""
    known = {"boxes", "labels", "scores", "masks", "keypoints", "keypoints_scores"}
    named = {name: name for name in facts.outputs if name in known}
    if {"boxes", "labels", "scores"} <= set(named):
        boxes = facts.shape(facts.outputs.index("boxes"))
        labels = facts.graph.output("labels")
        good = len(boxes) == 2 and labels is not None and labels.dtype == "int64" and labels.rank == 1
        return named if good else {}
    if facts.image is None or facts.image.layout != "chw":
        return {}
    roles: dict[str, str] = {}
    for index, fact in enumerate(facts.graph.outputs):
        shape = facts.shape(index)
        if fact.dtype == "int64" and len(shape) == 1:
            roles["labels"] = fact.name
        elif len(shape) == 2 and shape[1] == 4:
            roles["boxes"] = fact.name
        elif len(shape) == 1:
            roles["scores"] = fact.name
        elif len(shape) == 4 and shape[1] == 1:
            roles["masks"] = fact.name
        elif len(shape) == 3 and shape[2] == 3:
            roles["keypoints"] = fact.name
        elif len(shape) == 2:
            roles["keypoints_scores"] = fact.name
        else:
            return {}
    return roles


def _class_columns(facts: Facts) -> int:
    """Width of the class layer, background included, as far as the weights keep their names."""
    for name, shape in facts.graph.weights.items():
        if name.endswith(("cls_score.weight", "cls_score.bias")) and shape:
            return shape[0]
    return 0
