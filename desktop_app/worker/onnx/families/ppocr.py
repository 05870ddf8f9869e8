"""PP-OCR's text detector: a probability map whose regions are grown back to the whole text line."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.contours import Field, smallest_rectangle, trace
from desktop_app.worker.onnx.decoded import Polygons
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
    first,
    input_spec,
)
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD

_LEVEL = 0.3
_GROW = 1.6
"""The detector learns shrunken lines; this is the ratio its own post-processing grows them by."""


class PpOcrDetector(Family):
    """`x` -> `[1, 1, H, W]`, open sizes, no other input."""

    name: ClassVar[str] = "ppocr-detector"
    order: ClassVar[int] = 45

    def identify(self, facts: Facts) -> Identification | None:
        image = facts.image
        if image is None or len(facts.outputs) != 1 or image.name != "x" or not image.dynamic:
            return None
        shape = facts.shape(0)
        if len(shape) != 4 or shape[1] != 1 or shape[2:] != (image.height, image.width):
            return None
        changes: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "color": "bgr"}
        changes |= {"resize": Resize.FIT, "width": 960, "height": 960, "multiple": 32, "pad": 0}
        why = ("its input is called x and its output is one probability map of any size, as PP-OCR's detector has it",)
        output: dict[str, Any] = {"format": "probability map", "class_count": 1, "level": _LEVEL, "grow": _GROW}
        warnings = ("It finds lines of text; reading them is another model's work.",)
        return Identification(
            "ppocr-detector",
            Task.DETECT,
            input_spec(facts, **changes),
            Confidence.LIKELY,
            why,
            ("text",),
            output,
            warnings,
        )

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        plane = np.asarray(first(outputs)[0, 0], dtype=np.float32)
        height, width = plane.shape
        grow = float(found.output.get("grow", _GROW))
        field = Field(plane, (0.0, 0.0, float(width), float(height)), float(found.output.get("level", _LEVEL)))
        outlines: list[Array] = []
        scores: list[float] = []
        for zone in trace(field, tolerance=0.0, min_area=9.0, limit=1000):
            corners = smallest_rectangle(zone.region)
            score = _inside(plane, zone.region)
            grown = _grown(corners, grow)
            if grown is not None:
                outlines.append(grown)
                scores.append(score)
        return Polygons(tuple(outlines), np.array(scores), np.zeros(len(scores), dtype=np.intp))


def _inside(plane: Array, region: Array) -> float:
    """Mean probability in the region's upright box, where it is text at all."""
    low = np.floor(region.min(axis=0)).astype(int).clip(0)
    high = np.ceil(region.max(axis=0)).astype(int)
    part = plane[low[1] : high[1], low[0] : high[0]]
    text = part[part > _LEVEL]
    return float(text.mean()) if text.size else 0.0


def _grown(corners: Array, ratio: float) -> Array | None:
    """The rectangle with every side moved outwards by area · ratio / perimeter."""
    down, along = corners[1] - corners[0], corners[3] - corners[0]
    height, width = float(np.hypot(*down)), float(np.hypot(*along))
    if min(height, width) < 3:
        return None
    distance = width * height * ratio / (2 * (width + height))
    a, d = along / width * distance, down / height * distance
    grown: Array = corners + np.array([-a - d, -a + d, a + d, a - d])
    return grown
