"""YOLOv7's other exports: three raw maps, or finished rows of batch, box, class and score (`--max-wh`)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, best_class, centre_to_corners, sigmoid
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

ANCHORS = {
    "yolov7": ((12, 16, 19, 36, 40, 28), (36, 75, 76, 55, 72, 146), (142, 110, 192, 243, 459, 401)),
    "yolov5": ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326)),
}
"""Anchor sizes in pixels for strides 8, 16 and 32; the file does not carry them. YOLOv7-tiny has those of YOLOv5."""


class YoloV7(Family):
    """See the module; the decoded `--grid` form is of the family `yolov5`."""

    name: ClassVar[str] = "yolov7"
    order: ClassVar[int] = 16

    def identify(self, facts: Facts) -> Identification | None:
        shapes = facts.shapes()
        if facts.image is None or len(facts.inputs) != 1:
            return None
        if len(shapes) == 3 and _are_maps(facts, shapes):
            nc = shapes[0][4] - 5
            why = ("its three outputs are raw maps of three anchors a cell",)
            warning = (
                "The file does not carry its anchor sizes; YOLOv7's own are assumed. Check the boxes on a picture."
            )
            output: dict[str, Any] = {"format": "raw maps", "class_count": nc, "anchors": "yolov7", "suppression": True}
            assumed = {"output": "the file does not carry its anchor sizes; YOLOv7's own are assumed"}
            spec, guess = input_spec(facts), Confidence.GUESS
            return Identification("yolov7", Task.DETECT, spec, guess, why, (), output, (warning,), assumed=assumed)
        fact = facts.graph.outputs[0] if len(shapes) == 1 else None
        if fact is None or len(shapes[0]) != 2 or shapes[0][1] != 7:
            return None
        if facts.graph.ops_known and not facts.graph.has("NonMaxSuppression"):
            return None
        if fact.name == "flat_predictions":
            return None
        why = ("its rows are batch, box, class and score, and suppression is inside the graph",)
        output = {"format": "rows", "class_count": 0, "suppression": False}
        return Identification("yolov7", Task.DETECT, input_spec(facts), Confidence.LIKELY, why, (), output)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        if found.output["format"] == "rows":
            rows = first(outputs)
            rows = rows[rows[:, 0] == 0]
            return Rows(rows[:, 1:5], rows[:, 6], rows[:, 5].astype(np.intp), suppressed=True)
        tables = [
            _decode_map(np.asarray(value[0], dtype=np.float32), anchors, geometry)
            for value, anchors in zip(outputs.values(), ANCHORS[str(found.output["anchors"])], strict=True)
        ]
        table = np.concatenate(tables)
        table = table[table[:, 4] >= wanted.floor]
        if int(found.output["class_count"]) == 1:
            scores, classes = table[:, 4], np.zeros(len(table), dtype=np.intp)
        else:
            scores, classes = best_class(table[:, 5:] * table[:, 4:5])
        return Rows(centre_to_corners(table[:, :4]), scores, classes)


def _are_maps(facts: Facts, shapes: list[tuple[int, ...]]) -> bool:
    if facts.image is None or any(len(shape) != 5 or shape[1] != 3 or shape[4] < 6 for shape in shapes):
        return False
    return all(
        shape[2] == -(-facts.image.height // stride) and shape[3] == -(-facts.image.width // stride)
        for shape, stride in zip(shapes, (8, 16, 32), strict=True)
    )


def _decode_map(values: Array, anchors: tuple[int, ...], geometry: Geometry) -> Array:
    _, rows, columns, _ = values.shape
    values = sigmoid(values)
    ys, xs = np.mgrid[:rows, :columns]
    cells = np.stack([xs, ys], axis=-1)[None].astype(np.float32)
    stride = np.array([geometry.width / columns, geometry.height / rows], dtype=np.float32)
    sizes = np.array(anchors, dtype=np.float32).reshape(3, 1, 1, 2)
    centre = (values[..., :2] * 2 - 0.5 + cells) * stride
    size = (values[..., 2:4] * 2) ** 2 * sizes
    table: Array = np.concatenate([centre, size, values[..., 4:]], axis=-1)
    return table.reshape(-1, table.shape[-1])
