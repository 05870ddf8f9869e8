"""The YOLOv5 repository's exports and their kin: three anchors a cell, objectness times class score."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.classes import literal_names
from desktop_app.worker.onnx.decoded import Labels, Masks, Rows, Space, best_class, centre_to_corners, softmax
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
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD

_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (16, 32))


class YoloV5(Family):
    """`[1, 3A, 5 + nc]`, YOLOv7's `--grid` form included, and YOLOv5's classifier."""

    name: ClassVar[str] = "yolov5"
    order: ClassVar[int] = 12

    def identify(self, facts: Facts) -> Identification | None:
        shapes = facts.shapes()
        if facts.image is None or len(facts.inputs) != 1 or not 1 <= len(shapes) <= 5:
            return None
        names = literal_names(facts.metadata.get("names", "")) if "stride" in facts.metadata else ()
        if len(shapes) == 1 and len(shapes[0]) == 2:
            return _classifier(facts, names) if names and "task" not in facts.metadata else None
        if len(shapes[0]) != 3 or shapes[0][1] not in [3 * facts.anchors(strides) for strides in _STRIDES]:
            return None
        masks = shapes[1][1] if len(shapes) == 2 and len(shapes[1]) == 4 else 0
        # The raw maps that some exports carry beside the decoded output are [1, 3, h, w, 5 + nc].
        if len(shapes) > 1 and not masks and any(len(shape) != 5 for shape in shapes[1:]):
            return None
        nc = shapes[0][2] - 5 - masks
        if nc < 1 or (names and nc != len(names)):
            return None
        return _detector(facts, names, nc, masks)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        values = list(outputs.values())
        if found.task is Task.CLASSIFY:
            return Labels(softmax(values[0][0]))
        nc = int(found.output["class_count"])
        table = np.asarray(values[0][0], dtype=np.float32)
        table = table[table[:, 4] >= wanted.floor]
        if found.output.get("objectness_alone"):
            scores, classes = table[:, 4], np.zeros(len(table), dtype=np.intp)
        else:
            scores, classes = best_class(table[:, 5 : 5 + nc] * table[:, 4:5])
        masks = None
        if found.task is Task.SEGMENT:
            prototypes = np.asarray(values[1][0], dtype=np.float32)
            count, height, width = prototypes.shape
            flat, coefficients = prototypes.reshape(count, -1), table[:, 5 + nc : 5 + nc + count]
            masks = Masks(lambda row: (coefficients[row] @ flat).reshape(height, width))
        space = Space(str(found.output.get("space", "input")))
        return Rows(centre_to_corners(table[:, :4]), scores, classes, masks=masks, space=space)


def _detector(facts: Facts, names: tuple[str, ...], nc: int, masks: int) -> Identification:
    values = facts.values(0)
    unit = values is not None and bool(0 < np.abs(values[0, :, :4]).max() <= 2)
    # YOLOv7 does not train the class column of a single class: it stays at a half.
    alone = nc == 1 and values is not None and not names and bool(np.allclose(values[0, :, 5], 0.5, atol=0.05))
    why = [f"its {facts.shape(0)[1]} rows are three anchors for every cell of strides 8, 16 and 32"]
    if names:
        why.insert(0, f"its metadata holds a stride and {len(names)} class names but no task, as YOLOv5 writes it")
    why.append("each row is a box, an objectness and class scores")
    if unit:
        why.append("its boxes are shares of the picture, as exports through TensorFlow give them")
    if alone:
        why.append("its one class column says nothing, so objectness alone counts (YOLOv7)")
    output: dict[str, Any] = {
        "format": "anchors with objectness",
        "class_count": nc,
        "space": "unit" if unit else "input",
        "objectness_alone": alone,
        "suppression": True,
    }
    task = Task.SEGMENT if masks else Task.DETECT
    sure = Confidence.CERTAIN if names else Confidence.LIKELY
    return Identification("yolov5", task, input_spec(facts), sure, tuple(why), names, output)


def _classifier(facts: Facts, names: tuple[str, ...]) -> Identification | None:
    values = facts.values(0)
    if facts.shape(0)[1] != len(names) or values is None or np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return None
    spec = input_spec(facts, resize=Resize.CROP, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    why = ("its metadata holds a stride and class names but no task, as YOLOv5 writes it", "its scores are logits")
    output = {"format": "logits", "class_count": len(names)}
    return Identification("yolov5", Task.CLASSIFY, spec, Confidence.LIKELY, why, names, output)
