"""Exports of mmdeploy: detection with masks or rotated boxes, and simcc poses."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Masks, Rows
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
from desktop_app.worker.onnx.preprocessor_config import mmdeploy
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD

_CROP = 1.25
"""Pose models are trained on crops this much larger than the person's box."""


class MmDeployDetection(Family):
    """`dets [1, n, 5]` (rotated: 6), `labels int64 [1, n]` (, `masks`)."""

    name: ClassVar[str] = "mmdeploy"
    order: ClassVar[int] = 7

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or not {"dets", "labels"} <= set(facts.outputs) <= {"dets", "labels", "masks"}:
            return None
        dets = facts.graph.output("dets")
        labels = facts.graph.output("labels")
        columns = facts.shape(facts.outputs.index("dets"))[-1]
        if dets is None or labels is None or labels.dtype != "int64" or columns not in (5, 6):
            return None
        stated = mmdeploy(facts)
        yolox = _is_yolox(facts)
        changes: dict[str, Any] = {"resize": Resize.TOPLEFT, "pad": 114 if yolox else 0}
        if yolox:
            changes |= {"color": "bgr", "scale": 1.0}
        elif not stated:
            changes |= {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
        changes |= stated
        task = Task.OBB if columns == 6 else Task.SEGMENT if "masks" in facts.outputs else Task.DETECT
        why = [f"its outputs are called dets and labels, with {columns} numbers per box, as mmdeploy does it"]
        why += ["its stem or head is YOLOX's, so it takes BGR from 0 to 255"] if yolox else []
        why += ["pipeline.json beside it says how pictures are prepared"] if stated else []
        warnings = () if stated else ("pipeline.json is not beside the model: scaling and padding are assumed.",)
        sure = Confidence.CERTAIN if stated else Confidence.LIKELY
        output: dict[str, Any] = {"format": "rows", "class_count": _class_count(facts), "suppression": False}
        return Identification("mmdeploy", task, input_spec(facts, **changes), sure, tuple(why), (), output, warnings)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        table = outputs["dets"].reshape(-1, outputs["dets"].shape[-1])
        classes = outputs["labels"].reshape(-1).astype(np.intp)
        good = classes >= 0
        table, classes = table[good], classes[good]
        rotated = table[:, :5] if found.task is Task.OBB else None
        masks = None
        if found.task is Task.SEGMENT:
            planes = outputs["masks"].reshape(-1, *outputs["masks"].shape[-2:])[good]
            # Masks of 28 × 28 lie in their boxes; pasted ones span the whole input.
            over = "box" if max(planes.shape[-2:]) <= 64 else "input"
            masks = Masks(lambda row: planes[row], level=0.5, over=over, crop=over == "box")
        return Rows(table[:, :4], table[:, -1], classes, rotated=rotated, masks=masks, suppressed=True)


def _is_yolox(facts: Facts) -> bool:
    """By its objectness layers where the weights keep their names, or by the strided slices of its Focus stem."""
    first = facts.graph.first_ops
    stem = first.count("Slice") >= 4 or first.count("Gather") >= 4
    return stem or any("multi_level_conv_obj" in name for name in facts.graph.weights)


def _class_count(facts: Facts) -> int:
    """Width of the class layer as far as the weights keep their names, else 0."""
    for name, shape in facts.graph.weights.items():
        if name.endswith(("multi_level_conv_cls.0.weight", "multi_level_conv_cls.0.bias")) and shape:
            return shape[0]
    return 0


class MmDeployPose(Family):
    """`simcc_x [1, K, W·r]`, `simcc_y [1, K, H·r]`: one person filling the picture."""

    name: ClassVar[str] = "mmdeploy-simcc"
    order: ClassVar[int] = 7

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or set(facts.outputs) != {"simcc_x", "simcc_y"}:
            return None
        shape = facts.shape(facts.outputs.index("simcc_x"))
        stated = mmdeploy(facts)
        changes: dict[str, Any] = {
            "mean": IMAGENET_MEAN,
            "std": IMAGENET_STD,
            **stated,
            "resize": Resize.LETTERBOX,
            "fill": 1 / _CROP,
            "pad": 0,
        }
        count = shape[1]
        points = body_points(count)
        why = ("its outputs are called simcc_x and simcc_y: one distribution per key point and axis",)
        warnings = ("It expects one person that fills the picture; on a scene it finds one pose only.",)
        output: dict[str, Any] = {"format": "simcc", "class_count": 1}
        return Identification(
            "mmdeploy-simcc",
            Task.POSE,
            input_spec(facts, **changes),
            Confidence.CERTAIN if stated else Confidence.LIKELY,
            why,
            ("person",),
            output,
            warnings,
            points,
            names_from="suggestion",
            points_from="suggestion",
        )

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        xs, ys = outputs["simcc_x"][0], outputs["simcc_y"][0]
        spots = np.stack(
            [
                (xs.argmax(axis=1) + 0.5) * (geometry.width / xs.shape[1]),
                (ys.argmax(axis=1) + 0.5) * (geometry.height / ys.shape[1]),
                np.clip(np.minimum(xs.max(axis=1), ys.max(axis=1)), 0, 1),
            ],
            axis=1,
        ).astype(np.float32)
        seen = spots[spots[:, 2] >= max(wanted.floor, 0.3)]
        if len(seen) < 2:
            empty = np.zeros((0, 4), dtype=np.float32)
            return Rows(empty, empty[:, 0], empty[:, 0].astype(np.intp), suppressed=True)
        box = np.concatenate([seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)])[None]
        score = np.array([seen[:, 2].mean()])
        return Rows(box, score, np.zeros(1, dtype=np.intp), points=spots[None], suppressed=True)
