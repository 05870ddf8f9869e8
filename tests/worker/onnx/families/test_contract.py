"""The contract of every family: its graph's known outputs lie on the asset to half a pixel, however it is prepared.

Each case is a graph with a family's exact signature. It finds the red rectangle of its input and answers with it, with
the ellipse inside of it (masks: a ramp whose edge is known to a fraction of a sample) or with its quarter of the
picture (classes). A family without a case fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from desktop_app.worker.onnx.facts import gather
from desktop_app.worker.onnx.families import all_families
from desktop_app.worker.onnx.graph import read_graph
from desktop_app.worker.onnx.identify import identify_facts
from desktop_app.worker.onnx.session import Session
from desktop_app.worker.onnx.sidecars import Sidecars
from desktop_app.worker.onnx.spec import Resize

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET = {"mean": MEAN, "std": STD}
BYTES = {"scale": 1.0, "mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
NAMES = str({0: "a", 1: "b", 2: "c"})
ANCHORS = 2100  # of a 320 × 320 input at strides 8, 16, 32
LANDSCAPE, PORTRAIT, SQUARE, ODD = (640, 480), (480, 640), (400, 400), (333, 517)
MODES = (None, Resize.LETTERBOX, Resize.STRETCH, Resize.CROP)
TURNS: Mapping[Resize | None, tuple[int, ...]] = {
    None: (3, 6),
    Resize.LETTERBOX: (2, 8),
    Resize.STRETCH: (5,),
    Resize.CROP: (4, 7),
}
WITHIN = 0.5
INNER = 0.75  # of the ellipse in masks that span a box


@dataclass(frozen=True)
class Case:
    """One signature.

    Attributes:
        expect: "box", "ellipse", "points" (box, and every key point on one of its corners) or "class".
        share: sizes of the pictures, as a share of the usual ones, where the input is small or its numbers are coarse.
        inner: size of the ellipse as a share of the rectangle.
    """

    family: str
    build: Callable[[Any], None]
    expect: str = "box"
    output: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0
    inner: float = 1.0
    index: int | None = None


CASES: dict[str, Case] = {}


def case(family: str, name: str = "", **options: Any) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Enters a builder as a case of a family."""

    def enter(build: Callable[[Any], None]) -> Callable[[Any], None]:
        CASES[f"{family} {name}".strip()] = Case(family, build, **options)
        return build

    return enter


# What the builders share


def times(net: Any, value: str, factor: float) -> str:
    return str(net.mul(value, net.const([factor])))


def score(net: Any, found: Any, value: float = 0.9) -> str:
    return times(net, found.peak, value)


def unit(net: Any, values: tuple[str, ...], side: float = 320) -> list[str]:
    return [times(net, value, 1 / side) for value in values]


def table(net: Any, name: str, shape: list[int], at: int, *row: Any, rest: Any = 0.0) -> None:
    """An output `[1, n, k]` with one row, and `rest` in all others."""
    others = np.broadcast_to(np.asarray(rest, dtype=np.float32), shape).copy()
    others[0, at] = 0
    net.output(net.add(net.spread(net.row(*row), shape[1], at), net.const(others)), name, shape)


def flat(net: Any, name: str, shape: list[int], at: int, value: str) -> None:
    net.output(net.reshape(net.spread(net.row(value), shape[-1], at), *shape), name, shape)


def constant(net: Any, name: str, value: Any, dtype: str = "int64") -> None:
    array = np.asarray(value, dtype=dtype)
    net.output(net.const(array, array.dtype), name, list(array.shape), dtype)


def dome(net: Any, found: Any, width: int, height: int, stride: int = 1) -> str:
    """`[1, 1, h, w]`: 1 at the rectangle's middle, 0 on the ellipse inside of it; samples are middles of cells."""
    xs, ys = ((np.arange(n // stride) + 0.5) * stride for n in (width, height))
    u = net.div(times(net, net.sub(net.const(xs.reshape(1, 1, 1, -1)), found.cx), 2.0), found.w)
    v = net.div(times(net, net.sub(net.const(ys.reshape(1, 1, -1, 1)), found.cy), 2.0), found.h)
    return str(net.sub(net.const([1.0]), net.add(net.mul(u, u), net.mul(v, v))))


def odds(net: Any, plane: str, level: float = 0.5) -> str:
    """The dome as probabilities that pass `level` at its edge."""
    return str(net.op("Clip", net.add(times(net, plane, 0.5), net.const([level])), net.const(0.0), net.const(1.0)))


def quarters(net: Any, found: Any, side: int, hot: float) -> str:
    """`[1, 4]`: `hot` for the quarter of the picture in which the rectangle's middle lies."""
    right, low = (net.cast(net.op("Greater", v, net.const([side / 2])), "float32") for v in (found.cx, found.cy))
    left, high = (net.sub(net.const([1.0]), v) for v in (right, low))
    parts = [net.mul(a, b) for a, b in ((left, high), (right, high), (left, low), (right, low))]
    return str(net.row(*[times(net, net.mul(part, found.peak), hot) for part in parts]))


def prototypes(net: Any, found: Any) -> None:
    rest = net.const(np.zeros((1, 31, 80, 80)))
    net.output(net.op("Concat", dome(net, found, 320, 320, 4), rest, axis=1), "output1", [1, 32, 80, 80])


FIRST_MASK = (1.0, *[0.0] * 31)


# Ultralytics and the other YOLOs


def ultralytics(net: Any, task: str, **more: str) -> Any:
    net.metadata = {"stride": "32", "task": task, "names": NAMES, **more}
    return net.find(net.input("images", [1, 3, 320, 320]))


def anchor_free(net: Any, found: Any, *extra: Any, values: tuple[str, ...] | None = None) -> None:
    row = net.row(*(values or found.centred), 0.0, score(net, found), 0.0, *extra)
    rows = 7 + len(extra)
    net.output(net.op("Transpose", net.spread(row, ANCHORS, 700), perm=[0, 2, 1]), "output0", [1, rows, ANCHORS])


@case("ultralytics", "detect", index=1)
def _(net: Any) -> None:
    anchor_free(net, ultralytics(net, "detect"))


@case("ultralytics", "detect end2end", index=2)
def _(net: Any) -> None:
    found = ultralytics(net, "detect", end2end="True")
    table(net, "output0", [1, 300, 6], 0, *found.corners, score(net, found), 2.0)


@case("ultralytics", "segment", expect="ellipse", index=1)
def _(net: Any) -> None:
    found = ultralytics(net, "segment")
    anchor_free(net, found, *FIRST_MASK)
    prototypes(net, found)


@case("ultralytics", "segment end2end", expect="ellipse", index=1)
def _(net: Any) -> None:
    found = ultralytics(net, "segment", end2end="True")
    table(net, "output0", [1, 300, 38], 4, *found.corners, score(net, found), 1.0, *FIRST_MASK)
    prototypes(net, found)


@case("ultralytics", "pose", expect="points", index=1)
def _(net: Any) -> None:
    found = ultralytics(net, "pose", kpt_shape="[2, 3]")
    anchor_free(net, found, found.x1, found.y1, 0.9, found.x2, found.y2, 0.9)


@case("ultralytics", "obb", index=1)
def _(net: Any) -> None:
    found = ultralytics(net, "obb")  # turned by a quarter: width and height change places
    anchor_free(net, found, np.pi / 2, values=(found.cx, found.cy, found.h, found.w))


@case("ultralytics", "rt-detr", index=1)
def _(net: Any) -> None:
    found = ultralytics(net, "detect", head="RTDETRDecoder")
    table(net, "output0", [1, 300, 7], 5, *unit(net, found.centred), 0.0, score(net, found), 0.0)


@case("ultralytics", "classify", expect="class")
def _(net: Any) -> None:
    net.metadata = {"stride": "32", "task": "classify", "names": str(dict(enumerate("abcd")))}
    found = net.find(net.input("images", [1, 3, 224, 224]))
    net.output(quarters(net, found, 224, 0.9), "output0", [1, 4])


@case("ultralytics", "semantic", expect="ellipse", index=1, share=0.75)
def _(net: Any) -> None:
    net.metadata = {"stride": "32", "task": "semantic", "names": str({0: "background", 1: "part"})}
    found = net.find(net.input("images", [1, 3, 640, 640]))
    inside = net.op("Greater", net.reshape(dome(net, found, 640, 640), 1, 640, 640), net.const(0.0))
    net.output(net.cast(inside, "uint8"), "output0", [1, 640, 640], "uint8")


def with_objectness(net: Any, found: Any, *extra: Any, boxes: Any = None) -> tuple[Any, ...]:
    return (*(boxes or found.centred), score(net, found, 0.95), 0.0, 0.95, *extra)


@case("yolov5", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    table(net, "output0", [1, 3 * ANCHORS, 7], 11, *with_objectness(net, found))


@case("yolov5", "through TensorFlow", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("x", [1, 320, 320, 3]), layout="nhwc")
    row = with_objectness(net, found, boxes=unit(net, found.centred))
    table(net, "Identity:0", [1, 3 * ANCHORS, 7], 11, *row)


@case("yolov5", "segment", expect="ellipse", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    table(net, "output0", [1, 3 * ANCHORS, 39], 11, *with_objectness(net, found, *FIRST_MASK))
    prototypes(net, found)


@case("yolov5", "classify", expect="class")
def _(net: Any) -> None:
    net.metadata = {"stride": "32", "names": str(dict(enumerate("abcd")))}
    found = net.find(net.input("images", [1, 3, 224, 224]), **IMAGENET)
    net.output(quarters(net, found, 224, 5.0), "output0", [1, 4])


@case("yolov6", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    rest = [0, 0, 0, 0, 1, 0, 0]
    table(net, "outputs", [1, ANCHORS, 7], 11, *found.centred, 1.0, 0.0, score(net, found), rest=rest)


@case("yolov7", "raw maps", index=0)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))

    def logit(value: str) -> str:
        return str(net.op("Log", net.div(value, net.sub(net.const([1.0]), value))))

    def offset(value: str, cell: float) -> str:
        return logit(times(net, net.add(times(net, value, 1 / 32), net.const([0.5 - cell])), 0.5))

    def size(value: str, anchor: float) -> str:
        return logit(times(net, net.op("Sqrt", times(net, value, 1 / anchor)), 0.5))

    for cells, name in ((40, "output"), (20, "517"), (10, "534")):
        count = 3 * cells * cells
        row: list[Any] = [times(net, found.peak, -12.0)] * 7
        if cells == 10:  # the last anchor of stride 32 at column 5, row 4
            row = [offset(found.cx, 5), offset(found.cy, 4), size(found.w, 459), size(found.h, 401), 12.0, 12.0, -12.0]
        at = 2 * 100 + 4 * 10 + 5
        others = np.full((1, count, 7), -12.0, dtype=np.float32)
        others[0, at] = 0
        value = net.add(net.spread(net.row(*row), count, at), net.const(others))
        net.output(net.reshape(value, 1, 3, cells, cells, 7), name, [1, 3, cells, cells, 7])


@case("yolov7", "rows", index=4)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    picked = net.op(
        "NonMaxSuppression",
        net.reshape(net.row(*found.corners), 1, 1, 4),
        net.reshape(found.peak, 1, 1, 1),
        net.const([10], np.int64),
        net.const([0.5]),
    )
    batch = net.reshape(times(net, net.op("ReduceMax", net.cast(picked, "float32"), keepdims=0), 0.0), 1)
    net.output(net.row(batch, *found.corners, 4.0, score(net, found)), "output", ["n", 7])


@case("yolox", "raw", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]), scale=1.0, bgr=True)
    x, y, w, h = (times(net, value, 1 / 8) for value in found.centred)
    cell = (net.sub(x, net.const([10.0])), net.sub(y, net.const([1.0])))  # anchor 50 is column 10, row 1 of stride 8
    row = (*cell, net.op("Log", w), net.op("Log", h))
    table(net, "output", [1, ANCHORS, 7], 50, *with_objectness(net, found, boxes=row))


@case("yolox", "decoded", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]), scale=1.0, bgr=True)
    wide = net.op("Exp", net.op("Log", found.w))
    table(net, "output", [1, ANCHORS, 7], 50, *with_objectness(net, found, boxes=(found.cx, found.cy, wide, found.h)))


@case("yolo-nas", "flat", index=7)
def _(net: Any) -> None:
    found = net.find(net.input("input", [1, 3, 640, 640], "uint8"), scale=1.0)
    net.output(net.row(0.0, *found.corners, score(net, found), 7.0), "flat_predictions", ["n", 7])


@case("yolo-nas", "batch", index=7)
def _(net: Any) -> None:
    found = net.find(net.input("input", [1, 3, 640, 640], "uint8"), scale=1.0)
    constant(net, "num_predictions", [[1]])
    table(net, "pred_boxes", [1, 50, 4], 0, *found.corners)
    flat(net, "pred_scores", [1, 50], 0, score(net, found))
    constant(net, "pred_classes", np.full((1, 50), 7))


@case("efficient-nms", index=2)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    constant(net, "num_dets", [[1]], "int32")
    table(net, "det_boxes", [1, 100, 4], 0, *found.corners)
    flat(net, "det_scores", [1, 100], 0, score(net, found))
    constant(net, "det_classes", np.full((1, 100), 2), "int32")


@case("efficient-nms", "taken off", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    boxes = net.spread(net.row(*found.centred), ANCHORS, 3)
    scores = net.spread(net.row(0.0, score(net, found)), ANCHORS, 3)
    names = ["num_dets", "det_boxes", "det_scores", "det_classes"]
    net.nodes.append(helper.make_node("EfficientNMS_TRT", [boxes, scores], names, domain="TRT", box_coding=1))
    net.outputs += [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names]


# Transformers


def logit(net: Any, found: Any) -> str:
    """Of a score of 0.9 where the peak is 1."""
    value = score(net, found)
    return str(net.op("Log", net.div(value, net.add(net.sub(net.const([1.0]), value), net.const([1e-6])))))


@case("detr-with-sizes", index=3)
def _(net: Any) -> None:
    found = net.find(net.input("images", ["N", 3, 320, 320]))
    sizes = net.cast(net.input("orig_target_sizes", ["N", 2], "int64"), "float32")
    constant(net, "labels", np.full((1, 300), 3))
    row = net.mul(net.row(*unit(net, found.corners)), net.op("Concat", sizes, sizes, axis=1))
    net.output(net.spread(row, 300, 0), "boxes", ["N", 300, 4])
    flat(net, "scores", [1, 300], 0, score(net, found))


@case("hf-detr", "sigmoid", index=1)
def _(net: Any) -> None:
    image = net.input("pixel_values", [1, 3, 320, 320])
    found = net.find(image)
    sampled = net.op("GridSample", image, net.const(np.zeros((1, 1, 1, 2))))
    zero = net.reshape(times(net, net.op("ReduceMax", sampled, keepdims=0), 0.0), 1)
    table(net, "logits", [1, 300, 3], 4, -9.0, net.add(logit(net, found), zero), -9.0, rest=-9.0)
    table(net, "pred_boxes", [1, 300, 4], 4, *unit(net, found.centred))


@case("hf-detr", "softmax", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("pixel_values", [1, 3, 320, 320]), **IMAGENET)
    table(net, "logits", [1, 100, 4], 7, 0.0, times(net, found.peak, 5.0), 0.0, 0.0, rest=[0, 0, 0, 9])
    table(net, "pred_boxes", [1, 100, 4], 7, *unit(net, found.centred))


def rfdetr(net: Any) -> Any:
    found = net.find(net.input("input", [1, 3, 384, 384]), **IMAGENET)
    table(net, "dets", [1, 300, 4], 9, *unit(net, found.centred, 384))
    table(net, "labels", [1, 300, 3], 9, -9.0, logit(net, found), 5.0, rest=[-9, -9, 5])
    return found


@case("rf-detr", "detect", index=1)
def _(net: Any) -> None:
    rfdetr(net)


@case("rf-detr", "segment", expect="ellipse", index=1)
def _(net: Any) -> None:
    hot = np.zeros((1, 300, 1, 1), dtype=np.float32)
    hot[0, 9] = 1
    net.output(net.mul(dome(net, rfdetr(net), 384, 384, 4), net.const(hot)), "masks", [1, 300, 96, 96])


@case("rf-detr", "pose", expect="points", index=1)
def _(net: Any) -> None:
    x1, y1, x2, y2 = unit(net, rfdetr(net).corners, 384)
    points = [[x1, y1, 4.0, *[0.0] * 5], [x2, y2, 4.0, *[0.0] * 5], *[[0.0, 0.0, -9.0, *[0.0] * 5]] * 15]
    hot = np.zeros((1, 300, 1, 1), dtype=np.float32)
    hot[0, 9] = 1
    rows = net.reshape(net.op("Concat", *[net.row(*point) for point in points], axis=0), 1, 1, 17, 8)
    net.output(net.mul(rows, net.const(hot)), "keypoints", [1, 300, 17, 8])


def queries(net: Any, nc: int, *classes: int) -> Any:
    """Queries of the classes that are sure, and others of none."""
    found = net.find(net.input("pixel_values", [1, 3, 384, 384]), **IMAGENET)
    logits = np.full((1, 10, nc + 1), -9.0)
    logits[..., nc] = 9
    for query, index in enumerate(classes):
        logits[0, query, [index, nc]] = 9, -9
    net.output(net.const(logits), "class_queries_logits", [1, 10, nc + 1])
    return found


@case("mask2former", "map", expect="ellipse", index=1, output={"background": [0]})
def _(net: Any) -> None:
    inside = times(net, dome(net, queries(net, 3, 1, 0), 384, 384, 4), 4.0)
    rest = net.const(np.full((1, 8, 96, 96), -10.0))
    maps = net.op("Concat", inside, net.op("Neg", inside), rest, axis=1)
    net.output(maps, "masks_queries_logits", [1, 10, 96, 96])


@case("mask2former", "instances", expect="ellipse", index=16)
def _(net: Any) -> None:
    inside = times(net, dome(net, queries(net, 80, 16), 384, 384, 4), 4.0)
    rest = net.const(np.full((1, 9, 96, 96), -10.0))
    net.output(net.op("Concat", inside, rest, axis=1), "masks_queries_logits", [1, 10, 96, 96])


# Packaged detectors


def mmdeploy(net: Any, *columns: Any) -> None:
    table(net, "dets", [1, 10, len(columns)], 0, *columns)
    constant(net, "labels", np.full((1, 10), 6))


def mm_input(net: Any) -> Any:
    return net.find(net.input("input", [1, 3, 320, 320]), **IMAGENET)


@case("mmdeploy", "detect", index=6)
def _(net: Any) -> None:
    found = mm_input(net)
    mmdeploy(net, *found.corners, score(net, found))


@case("mmdeploy", "rotated", index=6)
def _(net: Any) -> None:
    found = mm_input(net)
    mmdeploy(net, found.cx, found.cy, found.h, found.w, np.pi / 2, score(net, found))


def in_box(count: int, side: int) -> np.ndarray:
    """A dome in each box, as probabilities; its edge is well inside, where no convention of pasting matters."""
    steps = ((np.arange(side) + 0.5) / side * 2 - 1) / INNER
    plane = 1 - steps[None] ** 2 - steps[:, None] ** 2
    return np.broadcast_to(np.clip(plane / 2 + 0.5, 0, 1), (1, count, side, side)).astype(np.float32)


@case("mmdeploy", "masks in boxes", expect="ellipse", inner=INNER, index=6)
def _(net: Any) -> None:
    found = mm_input(net)
    mmdeploy(net, *found.corners, score(net, found))
    constant(net, "masks", in_box(10, 28), "float32")


@case("mmdeploy", "pasted masks", expect="ellipse", index=6)
def _(net: Any) -> None:
    found = mm_input(net)
    mmdeploy(net, *found.corners, score(net, found))
    hot = np.zeros((1, 10, 1, 1), dtype=np.float32)
    hot[0, 0] = 1
    net.output(net.mul(odds(net, dome(net, found, 320, 320)), net.const(hot)), "masks", [1, 10, 320, 320])


@case("mmdeploy-simcc", expect="points", index=0, share=0.4)
def _(net: Any) -> None:
    found = net.find(net.input("input", [1, 3, 256, 256]), **IMAGENET)
    steps = net.const((np.arange(512)[None, None] + 0.5) / 2)

    def bell(value: str) -> str:
        gap = net.op("Abs", net.sub(steps, net.reshape(value, 1, 1, 1)))
        return str(net.op("Max", net.sub(net.const(0.9), times(net, gap, 0.1)), net.const(0.0)))

    for name, values in (("simcc_x", (found.x1, found.x2)), ("simcc_y", (found.y1, found.y2))):
        net.output(net.op("Concat", *map(bell, values), axis=1), name, [1, 2, 512])


def torchvision(net: Any) -> Any:
    found = net.find(net.input("image", [3, 320, 320]), layout="chw")
    net.output(net.reshape(net.row(*found.corners), 1, 4), "boxes", ["n", 4])
    net.output(net.const([2], np.int64), "labels", ["n"], "int64")
    net.output(score(net, found), "scores", ["n"])
    return found


@case("torchvision-detection", "detect", index=1)
def _(net: Any) -> None:
    torchvision(net)


@case("torchvision-detection", "segment", expect="ellipse", index=1)
def _(net: Any) -> None:
    net.output(odds(net, dome(net, torchvision(net), 320, 320)), "masks", ["n", 1, 320, 320])


@case("torchvision-detection", "key points", expect="points", index=1)
def _(net: Any) -> None:
    found = torchvision(net)
    points = net.row(*(found.x1, found.y1, 1.0), *(found.x2, found.y2, 1.0), *[0.0] * 45)
    net.output(net.reshape(points, 1, 17, 3), "keypoints", ["n", 17, 3])
    net.output(net.const([[3.0, 3.0, *[-9.0] * 15]]), "keypoints_scores", ["n", 17])


def tensorflow(net: Any) -> None:
    found = net.find(net.input("input_tensor:0", [1, 320, 320, 3], "uint8"), scale=1.0, layout="nhwc")
    x1, y1, x2, y2 = unit(net, found.corners)
    table(net, "detection_boxes:0", [1, 100, 4], 0, y1, x1, y2, x2)
    flat(net, "detection_scores:0", [1, 100], 0, score(net, found))
    constant(net, "detection_classes:0", np.full((1, 100), 3.0), "float32")
    constant(net, "num_detections:0", [1.0], "float32")


@case("tensorflow-detection", "detect", index=2)
def _(net: Any) -> None:
    tensorflow(net)


@case("tensorflow-detection", "segment", expect="ellipse", inner=INNER, index=2)
def _(net: Any) -> None:
    tensorflow(net)
    constant(net, "detection_masks:0", in_box(100, 33), "float32")


@case("paddle-detection", index=4)
def _(net: Any) -> None:
    found = net.find(net.input("image", [1, 3, 320, 320]))
    net.input("im_shape", [1, 2])
    sy, sx = net.op("Split", net.input("scale_factor", [1, 2]), net.const([1, 1], np.int64), outputs=2, axis=1)
    box = [net.div(value, net.reshape(s, 1)) for value, s in zip(found.corners, (sx, sy, sx, sy), strict=True)]
    net.output(net.row(4.0, score(net, found), *box), "multiclass_nms3_0.tmp_0", ["n", 6])
    constant(net, "multiclass_nms3_0.tmp_2", [1], "int32")


@case("picodet", index=1)
def _(net: Any) -> None:
    found = net.find(net.input("image", [1, 3, 320, 320]), **IMAGENET)
    at, stride, centre = 5 * 10 + 5, 32.0, 5.5 * 32

    def bins(value: str, sign: float) -> list[str]:
        far = times(net, net.sub(value, net.const([centre])), sign / stride)
        gaps = [net.op("Abs", net.sub(far, net.const([float(index)]))) for index in range(8)]
        return [net.op("Log", net.op("Max", net.sub(net.const([1.0]), gap), net.const([1e-9]))) for gap in gaps]

    box = [part for value, sign in zip(found.corners, (-1, -1, 1, 1), strict=True) for part in bins(value, sign)]
    for name, width, row in (("cls", 2, [0.0, score(net, found)]), ("box", 32, box)):
        for index, count in enumerate((1600, 400, 100, 25)):
            here = row if index == 2 else [times(net, found.peak, 0.0)] * width
            table(net, f"{name}{index}", [1, count, width], at if index == 2 else 0, *here)


@case("ppocr-detector", index=0, output={"grow": 0.0})
def _(net: Any) -> None:
    found = net.find(net.input("x", ["b", 3, "h", "w"]), bgr=True, **IMAGENET)
    size = net.cast(net.op("Shape", found.heat), "float32")
    sides = []
    for axis, low, high in ((2, found.y1, found.y2), (3, found.x1, found.x2)):
        count = net.op("Gather", size, net.const(axis, np.int64))
        steps = net.add(net.op("Range", net.const(0.0), count, net.const(1.0)), net.const([0.5]))
        near = net.op("Min", net.sub(steps, low), net.sub(high, steps))  # above 0 inside, in input pixels
        sides.append(net.reshape(near, *((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1))))
    ramp = net.add(times(net, net.op("Min", *sides), 0.02), net.const([0.3]))
    net.output(net.op("Clip", ramp, net.const(0.0), net.const(0.95)), "sigmoid_0.tmp_0", ["b", 1, "h", "w"])


# Maps and classes of the whole picture


@case("semantic", "scores at a quarter", expect="ellipse", index=0, output={"background": [1]})
def _(net: Any) -> None:
    found = net.find(net.input("pixel_values", [1, 3, 320, 320]), **IMAGENET)
    rest = net.const(np.concatenate([np.zeros((1, 1, 80, 80)), np.full((1, 17, 80, 80), -50.0)], axis=1))
    inside = times(net, dome(net, found, 320, 320, 4), 10.0)
    net.output(net.op("Concat", inside, rest, axis=1), "logits", [1, 19, 80, 80])


@case("semantic", "scores last", expect="ellipse", index=1, output={"background": [0]})
def _(net: Any) -> None:
    found = net.find(net.input("x", [1, 320, 320, 3]), layout="nhwc", **IMAGENET)
    rest = net.const(np.full((1, 4, 320, 320), -50.0))
    maps = net.op("Concat", net.const(np.zeros((1, 1, 320, 320))), dome(net, found, 320, 320), rest, axis=1)
    net.output(net.op("Transpose", maps, perm=[0, 2, 3, 1]), "y", [1, 320, 320, 6])


@case("semantic", "class map", expect="ellipse", index=1, share=0.75, output={"background": [0]})
def _(net: Any) -> None:
    found = net.find(net.input("input", [1, 3, 640, 640]), **IMAGENET)
    inside = net.op("Greater", dome(net, found, 640, 640), net.const(0.0))
    net.output(net.cast(inside, "int64"), "output", [1, 1, 640, 640], "int64")


@case("saliency", "probabilities", expect="ellipse", index=0)
def _(net: Any) -> None:
    plane = odds(net, dome(net, net.find(net.input("input.1", [1, 3, 320, 320]), **IMAGENET), 320, 320))
    for name in range(1959, 1966):
        net.output(plane, str(name), [1, 1, 320, 320])


@case("saliency", "logits", expect="ellipse", index=0)
def _(net: Any) -> None:
    found = net.find(net.input("input_image", [1, 3, 256, 256]), **IMAGENET)
    net.output(times(net, dome(net, found, 256, 256), 10.0), "output_image", [1, 1, 256, 256])


@case("classifier", expect="class")
def _(net: Any) -> None:
    found = net.find(net.input("pixel_values", [1, 3, 224, 224]), **IMAGENET)
    net.output(quarters(net, found, 224, 5.0), "logits", [1, 4])


# Faces


@case("yunet", expect="points", index=0)
def _(net: Any) -> None:
    found = net.find(net.input("input", [1, 3, 320, 320]), scale=1.0, bgr=True)

    def cell(value: str, at: float) -> str:
        return str(net.sub(times(net, value, 1 / 32), net.const([at])))

    corner = [cell(found.x1, 5), cell(found.y1, 4)]
    size = [net.op("Log", times(net, value, 1 / 32)) for value in (found.w, found.h)]
    rows = {
        "cls": [score(net, found, 0.81)],
        "obj": [found.peak],
        "bbox": [cell(found.cx, 5), cell(found.cy, 4), *size],
        "kps": [*corner * 4, cell(found.x2, 5), cell(found.y2, 4)],
    }
    for name, row in rows.items():
        for stride, cells in ((8, 40), (16, 20), (32, 10)):
            here = row if stride == 32 else [times(net, found.peak, 0.0)] * len(row)
            table(net, f"{name}_{stride}", [1, cells * cells, len(row)], 45 if stride == 32 else 0, *here)


@case("scrfd", expect="points", index=0)
def _(net: Any) -> None:
    found = net.find(net.input("input.1", [1, 3, 320, 320]), scale=1.0, mean=(127.5,) * 3, std=(128.0,) * 3)
    at = 2 * (9 * 20 + 10) + 1  # the second anchor at column 10, row 9 of stride 16

    def far(value: str, middle: float, sign: float = 1.0) -> str:
        return times(net, net.sub(value, net.const([middle])), sign / 16)

    x1, y1, x2, y2 = found.corners
    rows = {
        "score": [score(net, found)],
        "bbox": [far(x1, 160, -1), far(y1, 144, -1), far(x2, 160), far(y2, 144)],
        "kps": [*[far(x1, 160), far(y1, 144)] * 4, far(x2, 160), far(y2, 144)],
    }
    for name, row in rows.items():
        for stride, count in ((8, 3200), (16, 800), (32, 200)):
            here = row if stride == 16 else [times(net, found.peak, 0.0)] * len(row)
            value = net.spread(net.row(*here), count, at if stride == 16 else 0)
            net.output(net.reshape(value, count, len(row)), f"{name}_{stride}", [count, len(row)])


@case("ultraface", index=0)
def _(net: Any) -> None:
    found = net.find(net.input("input", [1, 3, 240, 320]), scale=1.0, mean=(127.0,) * 3, std=(128.0,) * 3)
    face = score(net, found)
    table(net, "scores", [1, 4420, 2], 8, net.sub(net.const([1.0]), face), face)
    sides = zip(found.corners, (320, 240, 320, 240), strict=True)
    table(net, "boxes", [1, 4420, 4], 8, *[times(net, value, 1 / side) for value, side in sides])


@case("blazeface", expect="points", index=0, share=0.4)
def _(net: Any) -> None:
    scaled = {"scale": 1.0, "mean": (127.5,) * 3, "std": (127.5,) * 3}
    found = net.find(net.input("input", [1, 128, 128, 3]), layout="nhwc", **scaled)
    at, centre = 2 * (8 * 16 + 8), net.const([8.5 * 8])
    x1, y1, x2, y2 = (net.sub(value, centre) for value in found.corners)
    row = [net.sub(found.cx, centre), net.sub(found.cy, centre), found.w, found.h, *[x1, y1] * 5, x2, y2]
    table(net, "regressors", [1, 896, 16], at, *row)
    table(net, "classificators", [1, 896, 1], at, times(net, found.peak, 2.1972), rest=-20.0)


@case("centerface", expect="points", index=0)
def _(net: Any) -> None:
    found = net.find(net.input("input.1", [1, 3, 320, 320]), scale=1.0)
    cell = np.zeros((1, 1, 80, 80), dtype=np.float32)
    cell[0, 0, 36, 41] = 1
    x, y, w, h = (times(net, value, 1 / 4) for value in found.centred)
    maps = {
        "537": [score(net, found)],
        "538": [net.op("Log", h), net.op("Log", w)],
        "539": [net.sub(y, net.const([36.5])), net.sub(x, net.const([41.5]))],
        "540": [*[times(net, found.peak, 0.0)] * 8, *[times(net, found.peak, 1.0)] * 2],
    }
    for name, row in maps.items():
        value = net.mul(net.reshape(net.row(*row), 1, len(row), 1, 1), net.const(cell))
        net.output(value, name, [1, len(row), 80, 80])


# The checks

BOX = (0.3, 0.3, 0.7, 0.62)
OFF_CENTRE = (0.55, 0.25, 0.8, 0.4)


@pytest.mark.parametrize("name", CASES)
def test_known_outputs_lie_on_the_asset(name: str, net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    given = CASES[name]
    given.build(net)
    path = net.save(tmp_path / "m.onnx")
    usual = None
    for mode in MODES:
        changes = {} if mode is None else {"input": {"resize": str(mode)}}
        model = load(path, overrides={**changes, "output": {"tolerance": 0.25, **given.output}})
        assert model.found.family == given.family
        if mode is None:
            usual = model.found.input.resize
        elif mode is usual:
            continue
        pictures = [(size, 1) for size in (LANDSCAPE, PORTRAIT, SQUARE, ODD)]
        for size, turn in [*pictures, *[(ODD, turn) for turn in TURNS[mode]]]:
            size = (round(size[0] * given.share), round(size[1] * given.share))
            file, truth = picture(size, turn, OFF_CENTRE if given.expect == "class" else BOX)
            check(given, model.predict(file), truth, f"{name}, {mode or usual}, {size}, turned {turn}")


def check(given: Case, prediction: Any, truth: tuple[float, ...], said: str) -> None:
    if given.expect == "class":
        (label,) = prediction.classifications
        assert label["index"] == 1, (said, label)
        assert label["score"] > 0.85, (said, label)
        return
    assert len(prediction.instances) == 1, (said, prediction.instances)
    (instance,) = prediction.instances
    assert given.index in (None, instance["index"]), (said, instance)
    if given.expect == "ellipse":
        check_ellipse(instance, truth, given.inner, said)
        return
    assert np.abs(np.array(corners(instance)) - truth).max() <= WITHIN, (said, corners(instance), truth)
    if given.expect == "points":
        places = np.array([point["point"] for point in instance["points"]])
        x1, y1, x2, y2 = truth
        assert np.abs(places[:-1] - [x1, y1]).max() <= WITHIN, (said, places, truth)
        assert np.abs(places[-1] - [x2, y2]).max() <= WITHIN, (said, places, truth)


def corners(instance: dict[str, Any]) -> tuple[float, float, float, float]:
    if "bounding-box" in instance:
        box = instance["bounding-box"]
        return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]
    if "rotated-bounding-box" in instance:
        from desktop_app.core.geometry import rotated_corners

        box = instance["rotated-bounding-box"]
        points = np.array(rotated_corners(box["x"], box["y"], box["width"], box["height"], box["rotation"]))
    else:
        points = np.array(instance["polygon"])
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def check_ellipse(instance: dict[str, Any], truth: tuple[float, ...], inner: float, said: str) -> None:
    """Every point of the outline is on the ellipse, and every point of the ellipse near the outline."""
    (zone,) = instance["segmentation"]["zones"]
    assert zone["holes"] == [], said
    ring = np.array(zone["region"])
    x1, y1, x2, y2 = truth
    middle, half = np.array([x1 + x2, y1 + y2]) / 2, np.array([x2 - x1, y2 - y1]) / 2 * inner
    at = (ring - middle) / half
    value, slope = (at**2).sum(axis=1) - 1, 2 * np.linalg.norm(at / half, axis=1)
    assert (np.abs(value) / slope).max() <= WITHIN, (said, (np.abs(value) / slope).max())
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    ellipse = middle + half * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    side = np.roll(ring, -1, axis=0) - ring
    share = ((ellipse[:, None] - ring) * side).sum(axis=2) / np.maximum((side**2).sum(axis=1), 1e-9)
    nearest = ring + np.clip(share, 0, 1)[..., None] * side
    gap = np.linalg.norm(ellipse[:, None] - nearest, axis=2).min(axis=1).max()
    assert gap <= WITHIN + 0.25, (said, gap)


def test_every_family_has_a_case() -> None:
    coordinates = {family.name for family in all_families()} - {"declined"}
    assert {given.family for given in CASES.values()} == coordinates


@pytest.mark.parametrize("name", CASES)
def test_a_model_server_shows_no_operators_and_it_is_told_all_the_same(name: str, net: Any, tmp_path: Path) -> None:
    CASES[name].build(net)
    graph = read_graph(net.save(tmp_path / "m.onnx"))
    facts = gather(graph, Session(graph), Sidecars())
    hidden = replace(facts, graph=replace(graph, ops=Counter(), weights={}, first_ops=(), ops_known=False))
    seen, told = identify_facts(facts), identify_facts(hidden)
    assert (told.family, told.task, told.input) == (seen.family, seen.task, seen.input)
    for key in ("format", "raw", "space", "boxes", "activation", "extra"):
        assert told.output.get(key) == seen.output.get(key), key
