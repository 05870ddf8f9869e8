"""RT-DETR's own repository, D-FINE and DEIM: the graph is told the asset's size and answers in its pixels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, Space
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


class DetrSizes(Family):
    """`images`, `orig_target_sizes` -> `labels, boxes, scores`."""

    name: ClassVar[str] = "detr-with-sizes"
    order: ClassVar[int] = 6

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or "orig_target_sizes" not in facts.graph.input_names:
            return None
        if set(facts.outputs) != {"labels", "boxes", "scores"}:
            return None
        spec = input_spec(facts, resize=Resize.STRETCH)
        why = ("it takes the picture's original size as “orig_target_sizes” and gives labels, boxes and scores",)
        output = {"format": "rows", "space": "asset", "class_count": 0, "suppression": False}
        warning = ("Scaling 0 to 1 is assumed; variants with a DINOv3 backbone scale as for ImageNet.",)
        return Identification("detr-with-sizes", Task.DETECT, spec, Confidence.LIKELY, why, (), output, warning)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        return Rows(
            outputs["boxes"].reshape(-1, 4),
            outputs["scores"].reshape(-1),
            outputs["labels"].reshape(-1).astype(np.intp),
            space=Space.ASSET,
            suppressed=True,
        )
