"""Hugging Face detectors: `logits` and `pred_boxes` per query (DETR, YOLOS, RT-DETR, D-FINE and their kin)."""

from __future__ import annotations

from typing import Any, ClassVar

from desktop_app.worker.onnx.decoded import Rows, Space, best_pairs, centre_to_corners, sigmoid, softmax
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

_PLAIN = frozenset({"rt_detr", "rt_detr_v2", "d_fine"})
_SOFTMAX = frozenset({"detr", "yolos", "table-transformer"})


class HuggingFaceDetr(Family):
    """See the module."""

    name: ClassVar[str] = "hf-detr"
    order: ClassVar[int] = 20

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or not {"logits", "pred_boxes"} <= set(facts.outputs):
            return None
        columns = facts.shape(facts.outputs.index("logits"))[-1]
        if facts.shape(facts.outputs.index("pred_boxes"))[-1] != 4 or columns < 1:
            return None
        kind = str(facts.sidecars.mapping("config.json").get("model_type", ""))
        # RT-DETR and its kin sample features with GridSample; DETR and YOLOS attend to all of them.
        samples = _samples(facts)
        soft = kind in _SOFTMAX or (not kind and not samples)
        plain = kind in _PLAIN or (not kind and samples)
        changes = _inputs(facts, plain)
        spec = input_spec(facts, **changes)
        nc = columns - 1 if soft else columns
        why = ["its outputs are called logits and pred_boxes"]
        why.append(f"config.json says it is “{kind}”" if kind else _reason(samples, facts))
        why.append("softmax, the last column means no object" if soft else "sigmoid, each class for itself")
        stated = bool(facts.sidecars.mapping("preprocessor_config.json"))
        warnings = (
            () if stated else ("preprocessor_config.json is not beside the model; its usual values are assumed.",)
        )
        sure = Confidence.CERTAIN if kind and stated else Confidence.LIKELY
        output: dict[str, Any] = {
            "format": "queries",
            "activation": "softmax" if soft else "sigmoid",
            "space": "unit",
            "class_count": nc,
            "suppression": False,
        }
        return Identification("hf-detr", Task.DETECT, spec, sure, tuple(why), (), output, warnings)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        logits = outputs["logits"][0]
        soft = found.output["activation"] == "softmax"
        scores = softmax(logits)[:, :-1] if soft else sigmoid(logits)
        rows, classes, best = best_pairs(scores, wanted.floor)
        boxes = centre_to_corners(outputs["pred_boxes"][0][rows])
        return Rows(boxes, best, classes, space=Space.UNIT, suppressed=True)


def _samples(facts: Facts) -> bool:
    """Whether it is of RT-DETR's kind; where the operators cannot be seen, its 300 queries tell, for DETR has 100."""
    if facts.graph.ops_known:
        return "GridSample" in facts.graph.ops
    return facts.shape(facts.outputs.index("logits"))[1] >= 300


def _reason(samples: bool, facts: Facts) -> str:
    if not facts.graph.ops_known:
        return "it has 300 queries or more, as RT-DETR" if samples else "it has fewer than 300 queries, as DETR"
    return "it samples features as RT-DETR does" if samples else "it attends to the whole picture as DETR and YOLOS do"


def _inputs(facts: Facts, plain: bool) -> dict[str, Any]:
    found = hugging_face(facts)
    if found:
        return found
    dynamic = facts.image is not None and facts.image.dynamic
    if plain:
        return {"resize": Resize.STRETCH} | ({"width": 640, "height": 640} if dynamic else {})
    changes: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "resize": Resize.STRETCH}
    return changes | ({"resize": Resize.SHORTEST, "width": 800, "height": 800} if dynamic else {})
