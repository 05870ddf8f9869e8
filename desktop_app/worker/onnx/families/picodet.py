"""PicoDet without its tail: per stride class scores and distance distributions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, best_class, grid, softmax
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
from desktop_app.worker.onnx.preprocessor_config import paddle
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD

_STRIDES = (8, 16, 32, 64)
_BINS = 8


class PicoDet(Family):
    """Four times `[1, HW, nc]`, then four times `[1, HW, 32]`."""

    name: ClassVar[str] = "picodet"
    order: ClassVar[int] = 26

    def identify(self, facts: Facts) -> Identification | None:
        shapes = facts.shapes()
        if facts.image is None or len(shapes) != 2 * len(_STRIDES) or any(len(shape) != 3 for shape in shapes):
            return None
        cells = [-(-facts.image.height // s) * -(-facts.image.width // s) for s in _STRIDES]
        wanted = [*cells, *cells]
        boxes = [shape[2] for shape in shapes[len(_STRIDES) :]]
        widths = {shape[2] for shape in shapes[: len(_STRIDES)]}
        if [shape[1] for shape in shapes] != wanted or set(boxes) != {4 * _BINS} or len(widths) != 1:
            return None
        nc = widths.pop()
        names = tuple(facts.metadata.get("character", "").split("\n"))
        names = names if len(names) == nc else ()
        stated = paddle(facts)
        changes = {"resize": Resize.STRETCH, "mean": IMAGENET_MEAN, "std": IMAGENET_STD, **stated}
        why = [f"its eight outputs are class scores and distance distributions for strides {_STRIDES}"]
        why += [f"its metadata holds {nc} class names"] if names else []
        warnings = () if stated else ("Scaling as for ImageNet is assumed (PicoDet's habit).",)
        output: dict[str, Any] = {"format": "distances", "class_count": nc, "suppression": True}
        spec = input_spec(facts, **changes)
        return Identification("picodet", Task.DETECT, spec, Confidence.LIKELY, tuple(why), names, output, warnings)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        values = list(outputs.values())
        scores = np.concatenate([value[0] for value in values[: len(_STRIDES)]])
        bins = np.concatenate([value[0] for value in values[len(_STRIDES) :]])
        best, classes = best_class(scores)
        good = best >= wanted.floor
        cells, strides = grid(geometry.width, geometry.height, _STRIDES, middle=0.5)
        odds = softmax(bins[good].reshape(-1, 4, _BINS))
        far = (odds @ np.arange(_BINS, dtype=np.float32)) * strides[good]
        centre = cells[good] * strides[good]
        boxes = np.concatenate([centre - far[:, :2], centre + far[:, 2:]], axis=1)
        return Rows(boxes, best[good], classes[good])
