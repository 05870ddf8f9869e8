"""A detector of the size and shape of YOLOv8-nano at 640, with random weights: the cost is that of the real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIZE = 640
CLASSES = 80
FOUND = 60
"""So many of the 8,400 places are to score above a quarter at least on each picture."""

Floats = NDArray[np.float32]


class _Net:
    """Nodes and weights of a graph that grows."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(8)
        self._count = 0

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: object) -> list[str]:
        self._count += 1
        names = [f"{kind}_{self._count}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def constant(self, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        self._count += 1
        name = f"w{self._count}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, x: str, cin: int, cout: int, kernel: int = 1, stride: int = 1, *, act: bool = True) -> str:
        deviation = (2 / (cin * kernel * kernel)) ** 0.5
        shape = (cout, cin, kernel, kernel)
        weight = self.constant((self._random.standard_normal(shape) * deviation).astype(np.float32))
        bias = self.constant(np.zeros(cout, dtype=np.float32))
        pads = [kernel // 2] * 4
        (y,) = self.node("Conv", x, weight, bias, strides=[stride] * 2, pads=pads, kernel_shape=[kernel] * 2)
        return self.node("Mul", y, self.node("Sigmoid", y)[0])[0] if act else y

    def c2f(self, x: str, cin: int, cout: int, repeats: int, *, shortcut: bool) -> str:
        half = cout // 2
        sizes = self.constant(np.array([half, half], dtype=np.int64))
        parts = self.node("Split", self.conv(x, cin, cout), sizes, outputs=2, axis=1)
        for _ in range(repeats):
            y = self.conv(self.conv(parts[-1], half, half, 3), half, half, 3)
            parts.append(self.node("Add", parts[-1], y)[0] if shortcut else y)
        return self.conv(self.join(*parts), half * (2 + repeats), cout)

    def join(self, *parts: str, axis: int = 1) -> str:
        return self.node("Concat", *parts, axis=axis)[0]

    def twice(self, x: str) -> str:
        scales = self.constant(np.array([1, 1, 2, 2], dtype=np.float32))
        return self.node("Resize", x, "", scales, mode="nearest")[0]

    def pool(self, x: str) -> str:
        return self.node("MaxPool", x, kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4)[0]

    def reshape(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(np.array(shape, dtype=np.int64)))[0]


def write(path: Path, outputs_of: Callable[[Path], Floats]) -> None:
    """Writes the model.

    Args:
        outputs_of: runs a model file on the pictures and gives its outputs `[n, 84, 8400]`; with them the scores are
            set so that every picture has findings, as many as a crowded real one at least.
    """
    _write(path, 0.0)
    best = np.sort(outputs_of(path)[:, 4:].max(axis=1), axis=1)[:, -FOUND].min()
    logit = float(np.log(best / (1 - best)))
    _write(path, float(np.log(1 / 3)) - logit)


def _write(path: Path, score_bias: float) -> None:
    net = _Net()
    x = net.conv("images", 3, 16, 3, 2)
    x = net.c2f(net.conv(x, 16, 32, 3, 2), 32, 32, 1, shortcut=True)
    p3 = net.c2f(net.conv(x, 32, 64, 3, 2), 64, 64, 2, shortcut=True)
    p4 = net.c2f(net.conv(p3, 64, 128, 3, 2), 128, 128, 2, shortcut=True)
    x = net.c2f(net.conv(p4, 128, 256, 3, 2), 256, 256, 1, shortcut=True)
    pools = [net.conv(x, 256, 128)]
    for _ in range(3):
        pools.append(net.pool(pools[-1]))
    p5 = net.conv(net.join(*pools), 512, 256)
    up4 = net.c2f(net.join(net.twice(p5), p4), 384, 128, 1, shortcut=False)
    out3 = net.c2f(net.join(net.twice(up4), p3), 192, 64, 1, shortcut=False)
    out4 = net.c2f(net.join(net.conv(out3, 64, 64, 3, 2), up4), 192, 128, 1, shortcut=False)
    out5 = net.c2f(net.join(net.conv(out4, 128, 128, 3, 2), p5), 384, 256, 1, shortcut=False)
    sides, scores = [], []
    for x, channels in ((out3, 64), (out4, 128), (out5, 256)):
        box = net.conv(net.conv(net.conv(x, channels, 64, 3), 64, 64, 3), 64, 64, act=False)
        cls = net.conv(net.conv(net.conv(x, channels, 80, 3), 80, 80, 3), 80, CLASSES, act=False)
        sides.append(net.reshape(box, 1, 64, -1))
        scores.append(net.reshape(cls, 1, CLASSES, -1))
    output = _boxes(net, net.join(*sides, axis=2), net.join(*scores, axis=2), score_bias)
    net.nodes[-1].output[0] = "output0"
    del output
    graph = helper.make_graph(
        net.nodes,
        "nano",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + CLASSES, 8400])],
        net.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    names = {number: f"class {number}" for number in range(CLASSES)}
    for key, value in {"task": "detect", "stride": "32", "names": repr(names), "imgsz": json.dumps([SIZE] * 2)}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _boxes(net: _Net, sides: str, logits: str, score_bias: float) -> str:
    """Distances to the four sides, as expectations over 16 bins, to centre and size in pixels; then the scores."""
    bins = net.node("Softmax", net.node("Transpose", net.reshape(sides, 1, 4, 16, -1), perm=[0, 2, 1, 3])[0], axis=1)[0]
    weight = net.constant(np.arange(16, dtype=np.float32).reshape(1, 16, 1, 1))
    (distances,) = net.node("Conv", bins, weight, kernel_shape=[1, 1])
    halves = net.constant(np.array([2, 2], dtype=np.int64))
    low, high = net.node("Split", net.reshape(distances, 1, 4, -1), halves, outputs=2, axis=1)
    centres, strides = [], []
    for stride in (8, 16, 32):
        ys, xs = np.mgrid[: SIZE // stride, : SIZE // stride].astype(np.float32) + 0.5
        centres.append(np.stack([xs.ravel(), ys.ravel()]))
        strides.append(np.full((1, xs.size), stride, dtype=np.float32))
    anchors = net.constant(np.concatenate(centres, axis=1)[None].astype(np.float32))
    step = net.constant(np.concatenate(strides, axis=1)[None])
    first, last = net.node("Sub", anchors, low)[0], net.node("Add", anchors, high)[0]
    middle = net.node("Div", net.node("Add", first, last)[0], net.constant(np.array(2, dtype=np.float32)))[0]
    boxes = net.node("Mul", net.join(middle, net.node("Sub", last, first)[0]), step)[0]
    shifted = net.node("Add", logits, net.constant(np.array(score_bias, dtype=np.float32)))[0]
    return net.join(boxes, net.node("Sigmoid", shifted)[0])
