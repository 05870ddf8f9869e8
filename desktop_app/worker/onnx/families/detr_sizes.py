"""RT-DETR's own repository, D-FINE and DEIM: the graph is told a size and answers in pixels of it."""

from __future__ import annotations

from typing import ClassVar

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
    InputSpec,
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
        output = {"format": "rows", "class_count": 0, "suppression": False}
        warning = ("Scaling 0 to 1 is assumed; variants with a DINOv3 backbone scale as for ImageNet.",)
        return Identification("detr-with-sizes", Task.DETECT, spec, Confidence.LIKELY, why, (), output, warning)

    def feeds(self, tensor: Array, geometry: Geometry, facts: Facts, spec: InputSpec) -> dict[str, Array]:
        feeds = super().feeds(tensor, geometry, facts, spec)
        # Told the asset's size, the graph would be right for stretched pictures only; so it stays in input pixels.
        sizes = np.array([[geometry.width, geometry.height]], dtype=feeds["orig_target_sizes"].dtype)
        return {**feeds, "orig_target_sizes": np.repeat(sizes, spec.batch, axis=0)}

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        return Rows(
            outputs["boxes"].reshape(-1, 4),
            outputs["scores"].reshape(-1),
            outputs["labels"].reshape(-1).astype(np.intp),
            suppressed=True,
        )
