"""Pictures and models that are damaged: an error of ours, or at worst the end of the worker, which costs one job.

What ends the process is native code of others (onnxruntime, a decoder). The runner's tests see to it that a worker's
end is told and survived; here it is counted, and said.
"""

from __future__ import annotations

import io
import json
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from desktop_app.core.resources import resource
from tests.fuzz.inputs import HANG_S, bent, changed, fuzz


class Loader:
    """The process that loads; a new one after each death.

    Attributes:
        outcomes: how often each answer came; "died" for a process that ended.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._file = folder / "input"
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self.outcomes: Counter[str] = Counter()

    def load(self, data: bytes, suffix: str = "") -> str:
        """What became of these bytes."""
        path = self._file.with_suffix(suffix)
        path.write_bytes(data)
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{path}\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=HANG_S)
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            self.close()
            raise AssertionError(f"the {self._kind} was not loaded within {HANG_S:g} s") from None
        answer = json.loads(line) if line else "died"
        if not line:
            self.close()
        assert not answer.startswith("!"), answer
        self.outcomes[answer] += 1
        return answer

    def _start(self) -> None:
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.loader", self._kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            try:
                process.stdin.close()
            except BrokenPipeError:
                pass


def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        for line in stream:
            lines.put(line)
    lines.put("")


@pytest.fixture
def loader(tmp_path: Path) -> Any:
    made: list[Loader] = []

    def make(kind: str) -> Loader:
        made.append(Loader(kind, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.close()


def pictures() -> list[bytes]:
    """A small one in every format that the worker reads, with what makes formats difficult."""
    colour = Image.fromarray((np.indices((48, 40)).sum(0) * 3 % 256).astype(np.uint8)).convert("RGB")
    grey = colour.convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    made: list[bytes] = []

    def add(image: Image.Image, kind: str, **options: Any) -> None:
        target = io.BytesIO()
        try:
            image.save(target, kind, **options)
        except (KeyError, OSError):
            return  # this build of the library cannot write it
        made.append(target.getvalue())

    add(colour, "JPEG", exif=exif)
    add(colour, "JPEG", progressive=True, quality=95)
    add(colour.convert("CMYK"), "JPEG")
    add(colour, "PNG")
    add(colour.quantize(16), "PNG", transparency=3)
    add(grey.convert("I;16"), "PNG")
    add(colour.convert("RGBA"), "PNG", interlace=1)
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        add(colour, "TIFF", compression=compression)
    add(grey, "TIFF", save_all=True, append_images=[grey, colour])
    add(grey.convert("F"), "TIFF")
    add(colour, "WEBP")
    add(colour, "WEBP", lossless=True)
    add(colour, "BMP")
    add(colour.quantize(8), "GIF", save_all=True, append_images=[colour.quantize(8)])
    add(colour, "JPEG2000")
    add(colour, "AVIF")
    add(colour, "PPM")
    add(colour, "ICO")
    return made


def test_any_damaged_picture(loader: Callable[[str], Loader]) -> None:
    loads = loader("picture")
    good = pictures()
    assert {loads.load(data) for data in good} == {"ok"}
    fuzz("pictures", 0.1, bent(good, most=2), loads.load)
    print(f"pictures: {dict(loads.outcomes)}")


def small_model() -> onnx.ModelProto:
    """A classifier-like graph, small enough that every byte of it matters."""
    weights = numpy_helper.from_array(np.ones((3, 3, 3, 3), dtype=np.float32) / 27, "w")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
            helper.make_node("GlobalAveragePool", ["c"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"], axis=1),
            helper.make_node("Softmax", ["f"], ["probabilities"], axis=1),
        ],
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"names": "{0: 'bolt', 1: 'nut', 2: 'washer'}", "task": "classify"})
    return model


OPERATORS = [
    "Add",
    "Reshape",
    "Loop",
    "If",
    "Concat",
    "Resize",
    "NonMaxSuppression",
    "Nowhere",
    "ConstantOfShape",
    "Tile",
]
SIZES = [0, -1, 1, 3, 7, 2**31 - 1, 2**40]


@st.composite
def rebuilt(draw: Any) -> bytes:
    """A model whose parts were exchanged, which bytes alone rarely achieve."""
    model = small_model()
    graph = model.graph
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(
            st.sampled_from(
                ["op", "domain", "wire", "attribute", "shape", "weights", "names", "drop", "external", "opset"]
            )
        )
        node = graph.node[draw(st.integers(0, len(graph.node) - 1))] if graph.node else None
        if kind == "op" and node:
            node.op_type = draw(st.sampled_from(OPERATORS))
        elif kind == "domain" and node:
            node.domain = draw(st.sampled_from(["com.microsoft", "x.y", "ai.onnx.ml"]))
        elif kind == "wire" and node and node.input:
            node.input[0] = draw(st.sampled_from(["images", "probabilities", "w", "", "nothing"]))
        elif kind == "attribute" and node and node.attribute:
            attribute = node.attribute[0]
            attribute.ints[:] = draw(st.lists(st.sampled_from(SIZES), max_size=5))
            attribute.i = draw(st.sampled_from(SIZES))
        elif kind == "shape":
            which = draw(st.sampled_from([*graph.input, *graph.output])).type.tensor_type
            which.elem_type = draw(st.sampled_from([0, 1, 2, 7, 8, 10, 16, 99]))
            for dim in which.shape.dim:
                if draw(st.booleans()):
                    dim.dim_value = draw(st.sampled_from([*SIZES, 64, 32]))
        elif kind == "weights" and graph.initializer:
            graph.initializer[0].dims[:] = draw(st.lists(st.sampled_from(SIZES), max_size=4))
        elif kind == "names":
            model.metadata_props[0].value = json.dumps(draw(changed([{"0": "a"}, ["a", "b"], "{0: 'a'"])))
        elif kind == "drop" and node:
            graph.node.remove(node)
        elif kind == "external" and graph.initializer:
            tensor = graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", draw(st.sampled_from(["../../etc/passwd", "/etc/passwd", "none", ""]))
        elif kind == "opset":
            model.opset_import[0].version = draw(st.sampled_from([0, 1, 7, 99, 2**40]))
    return bytes(model.SerializeToString())


def test_any_damaged_model(loader: Callable[[str], Loader], tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (90, 40, 10)).save(tmp_path / "picture.png")
    loads = loader("model")
    small = small_model().SerializeToString()
    real = resource("demo", "fasteners.onnx").read_bytes()
    assert loads.load(real, ".onnx") == "ok"
    assert loads.load(small, ".onnx") == "ok"
    inputs = st.one_of(rebuilt(), rebuilt(), bent([small], most=2), bent([small], most=2), bent([real], most=2))
    fuzz("models", 0.05, inputs, lambda data: loads.load(data, ".onnx"))
    print(f"models: {dict(loads.outcomes)}")
