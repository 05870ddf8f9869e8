"""A small model maker: graphs that really find the red rectangle in their input and say so in a family's own words.

The finder looks at red minus green, so padding and background do not count; its numbers are sub-pixel, and its peak is
1 only when scale, mean, deviation and colour order reached the graph as the family's exporter expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import Detection, OnnxSource
from desktop_app.worker.onnx.inspect import identify
from desktop_app.worker.onnx.model import OnnxModel
from desktop_app.worker.onnx.spec import Confidence
from desktop_app.worker.onnx.sureness import MATTERS

SIZES = [(640, 480), (333, 517), (1201, 77)]
"""Every shape and orientation is the matter of families/test_contract.py."""
ORIENTATIONS = [1, 6]
BOX = (0.3, 0.25, 0.7, 0.6)
TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
}


class Net:
    """Builds a graph node by node; values are names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.metadata: dict[str, str] = {}
        self._count = 0

    def input(self, name: str, shape: Sequence[int | str | None], dtype: str = "float32") -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[dtype], list(shape)))
        return name

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        self._count += 1
        name = f"c{self._count}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        self._count += 1
        names = [f"v{self._count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def output(self, value: str, name: str, shape: Sequence[int | str | None], dtype: str = "float32") -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TYPES[dtype], list(shape)))

    def add(self, a: str, b: str) -> str:
        return self.op("Add", a, b)

    def sub(self, a: str, b: str) -> str:
        return self.op("Sub", a, b)

    def mul(self, a: str, b: str) -> str:
        return self.op("Mul", a, b)

    def div(self, a: str, b: str) -> str:
        return self.op("Div", a, b)

    def reshape(self, value: str, *shape: int) -> str:
        return self.op("Reshape", value, self.const(shape, np.int64))

    def cast(self, value: str, dtype: str) -> str:
        return self.op("Cast", value, to=TYPES[dtype])

    def row(self, *values: str | float) -> str:
        """Scalars side by side: `[1, n]`."""
        parts = [v if isinstance(v, str) else self.const([v]) for v in values]
        return self.reshape(self.op("Concat", *[self.reshape(p, 1) for p in parts], axis=0), 1, -1)

    def spread(self, row: str, count: int, at: int) -> str:
        """A table `[1, count, n]` of zeros with `row` at one place."""
        hot = np.zeros((1, count, 1), dtype=np.float32)
        hot[0, at] = 1
        return self.mul(self.const(hot), self.op("Unsqueeze", row, self.const([1], np.int64)))

    def find(
        self,
        image: str,
        *,
        scale: float = 1 / 255,
        mean: Sequence[float] = (0, 0, 0),
        std: Sequence[float] = (1, 1, 1),
        bgr: bool = False,
        layout: str = "nchw",
    ) -> Found:
        """The red rectangle of a picture that was scaled like this."""
        value = self.cast(image, "float32")
        if layout in ("nhwc", "hwc"):
            value = self.op("Transpose", value, perm=[0, 3, 1, 2] if layout == "nhwc" else [2, 0, 1])
        if layout in ("chw", "hwc"):
            value = self.op("Unsqueeze", value, self.const([0], np.int64))
        factor = np.array(std, dtype=np.float32).reshape(1, 3, 1, 1) / (255 * scale)
        shift = np.array(mean, dtype=np.float32).reshape(1, 3, 1, 1) / (255 * scale)
        value = self.add(self.mul(value, self.const(factor)), self.const(shift))
        channels = self.op("Split", value, self.const([1, 1, 1], np.int64), outputs=3, axis=1)
        red, green = (channels[2], channels[1]) if bgr else (channels[0], channels[1])
        heat = self.op("Relu", self.sub(red, green))
        columns = self.reshape(self.op("ReduceMax", heat, axes=[2], keepdims=0), -1)
        rows = self.reshape(self.op("ReduceMax", heat, axes=[3], keepdims=0), -1)
        cx, w = self._span(columns)
        cy, h = self._span(rows)
        peak = self.reshape(self.op("ReduceMax", heat, axes=[0, 1, 2, 3], keepdims=0), 1)
        half = self.const([0.5])
        dw, dh = self.mul(w, half), self.mul(h, half)
        return Found(cx, cy, w, h, self.sub(cx, dw), self.sub(cy, dh), self.add(cx, dw), self.add(cy, dh), peak, heat)

    def _span(self, line: str) -> tuple[str, str]:
        total = self.reshape(self.op("ReduceSum", line, self.const([0], np.int64), keepdims=0), 1)
        total = self.op("Max", total, self.const([1e-6]))
        count = self.op("Squeeze", self.op("Shape", line), self.const([0], np.int64))
        steps = self.op("Range", self.const(0, np.int64), count, self.const(1, np.int64))
        steps = self.add(self.cast(steps, "float32"), self.const([0.5]))
        weighted = self.op("ReduceSum", self.mul(line, steps), self.const([0], np.int64), keepdims=0)
        return self.div(self.reshape(weighted, 1), total), total

    def model(self, opset: int = 17) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "test", self.inputs, self.outputs, self.constants)
        domains = {node.domain for node in self.nodes if node.domain}
        imports = [helper.make_opsetid("", opset), *[helper.make_opsetid(domain, 1) for domain in domains]]
        model = helper.make_model(graph, opset_imports=imports, ir_version=9, producer_name="test")
        helper.set_model_props(model, self.metadata)
        return model

    def save(self, path: Path, opset: int = 17) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save_model(self.model(opset), str(path))
        return path


@dataclass(frozen=True)
class Found:
    """Names of scalars `[1]` in input pixels, and of the heat map `[1, 1, h, w]`."""

    cx: str
    cy: str
    w: str
    h: str
    x1: str
    y1: str
    x2: str
    y2: str
    peak: str
    heat: str

    @property
    def centred(self) -> tuple[str, str, str, str]:
        return self.cx, self.cy, self.w, self.h

    @property
    def corners(self) -> tuple[str, str, str, str]:
        return self.x1, self.y1, self.x2, self.y2


@pytest.fixture
def net() -> Net:
    """An empty graph."""
    return Net()


def assert_weakest(facts: dict[str, Any]) -> None:
    """The overall confidence is that of the weakest part that matters, and every part gives a reason."""
    sure = facts["sure"]
    assert all(item["why"] for item in sure.values()), facts
    supported = {"size", "layout", "dtype", *MATTERS} - {"keypoints"}
    assert set(sure) - {"keypoints"} == ({"family", "task"} if facts["task"] == "unsupported" else supported), facts
    assert not facts["keypoints"] or "keypoints" in sure, facts
    ranks = [Confidence(sure[part]["confidence"]).rank for part in MATTERS if part in sure]
    assert Confidence(facts["confidence"]).rank == max(ranks), facts


@pytest.fixture
def weakest() -> Callable[[dict[str, Any]], None]:
    """Asserts that the overall confidence is that of the weakest part."""
    return assert_weakest


@pytest.fixture
def identified() -> Callable[[Path], dict[str, Any]]:
    """What `plugdeck inspect` says of a file; whatever a test builds, certainty must be earned."""

    def inspected(path: Path) -> dict[str, Any]:
        facts = identify(path)
        if facts["confidence"] == "certain" and facts["task"] != "unsupported":
            assert facts["classes"], facts
            assert facts["names_from"] in ("file", "sidecar"), facts
            assert facts["output"].get("class_count") in (len(facts["classes"]), 0), facts
        assert facts["why"], facts
        assert_weakest(facts)
        return facts

    return inspected


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, tuple[float, float, float, float]]]:
    """Writes a black picture with a red rectangle and gives its path and the rectangle in upright pixels.

    The same file for the same arguments: leave it as it is.
    """
    folder = tmp_path_factory.mktemp("pictures")

    def make(
        size: tuple[int, int] = (640, 480), orientation: int = 1, box: tuple[float, ...] = BOX
    ) -> tuple[Path, tuple[float, float, float, float]]:
        width, height = size
        x1, y1, x2, y2 = (round(v * s) for v, s in zip(box, (width, height, width, height), strict=True))
        path = folder / f"{width}x{height}-{orientation}-{x1}-{y1}-{x2}-{y2}.png"
        if path.exists():
            return path, (x1, y1, x2, y2)
        upright = np.zeros((height, width, 3), dtype=np.uint8)
        upright[y1:y2, x1:x2, 0] = 255
        stored = _stored(upright, orientation)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
        return path, (x1, y1, x2, y2)

    return make


def _stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The inverse of what a viewer does with this EXIF orientation."""
    undo: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    return undo[orientation](upright)


@pytest.fixture
def load() -> Callable[..., OnnxModel]:
    """Opens a model as a profile would."""

    def open_model(path: Path, *, overrides: dict[str, Any] | None = None, **detection: Any) -> OnnxModel:
        return OnnxModel(OnnxSource(path=path, overrides=overrides or {}), Detection(**detection))

    return open_model


@pytest.fixture
def boxes_right(
    picture: Callable[..., tuple[Path, tuple[float, float, float, float]]], load: Callable[..., OnnxModel]
) -> Callable[..., list[Prediction]]:
    """Runs a model on every size and orientation; exactly one instance must lie on the rectangle, to 0.5 px."""

    def check(
        path: Path,
        *,
        sizes: Iterable[tuple[int, int]] = SIZES,
        orientations: Iterable[int] = ORIENTATIONS,
        tolerance: float = 0.5,
        score: float | None = 0.9,
        box: tuple[float, ...] = BOX,
        **options: Any,
    ) -> list[Prediction]:
        model = load(path, **options)
        pairs = [(size, 1) for size in sizes] + [((333, 517), turn) for turn in orientations if turn != 1]
        results = []
        for size, turn in pairs:
            file, truth = picture(size, turn, box)
            prediction = model.predict(file)
            assert len(prediction.instances) == 1, (size, turn, prediction)
            found = envelope(prediction.instances[0])
            # A picture that shrinks to a few pixels cannot be known to half an asset pixel.
            spec = model.found.input
            loss = max(1.0, max(size) / max(spec.width, spec.height) / 2)
            assert np.abs(np.array(found) - truth).max() <= tolerance * loss, (size, turn, found, truth)
            if score is not None:
                assert abs(prediction.instances[0]["score"] - score) < 0.02, (size, turn, prediction.instances)
            results.append(prediction)
        return results

    return check


def envelope(instance: dict[str, Any]) -> tuple[float, float, float, float]:
    """The upright box around any shape."""
    if "bounding-box" in instance:
        b = instance["bounding-box"]
        return b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"]
    if "segmentation" in instance:
        points = np.vstack([zone["region"] for zone in instance["segmentation"]["zones"]])
    elif "polygon" in instance:
        points = np.array(instance["polygon"])
    elif "rotated-bounding-box" in instance:
        from desktop_app.core.geometry import rotated_corners

        r = instance["rotated-bounding-box"]
        points = np.array(rotated_corners(r["x"], r["y"], r["width"], r["height"], r["rotation"]))
    else:
        raise AssertionError(f"no shape in {instance}")
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@pytest.fixture(name="envelope")
def envelope_fixture() -> Callable[[dict[str, Any]], tuple[float, float, float, float]]:
    """See the function."""
    return envelope
