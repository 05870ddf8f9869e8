"""Files that are huge, tiny, broken or something else, through the real program: one clear sentence each."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from desktop_app.core.resources import resource

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MODEL = resource("demo", "fasteners.onnx")
PICTURE = resource("demo", "assets", "tray-01.jpg")


def bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


async def test_every_picture_gets_an_answer_or_a_sentence(run: Any, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("large.jpg", "dot.png", "cut.jpg", "text.jpg", "art.svg", "bomb.png")}
    Image.new("RGB", (12_000, 9_000), (40, 90, 140)).save(files["large.jpg"], quality=50)
    Image.new("RGB", (1, 1), (7, 8, 9)).save(files["dot.png"])
    whole = PICTURE.read_bytes()
    files["cut.jpg"].write_bytes(whole[: len(whole) // 2])
    files["text.jpg"].write_text("this is no picture")
    files["art.svg"].write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    files["bomb.png"].write_bytes(bomb())
    code, out, err = await run("test", "--onnx", str(MODEL), *map(str, files.values()), str(PICTURE), "--json")
    assert code == 1, err
    results = json.loads(out)
    assert [Path(item["file"]).name for item in results] == [*files, PICTURE.name]
    answered = {Path(item["file"]).name for item in results if item["answer"] is not None}
    assert answered == {"large.jpg", "dot.png", PICTURE.name}  # what came before costs the next one nothing
    assert len(results[-1]["answer"]["objects"]) > 3
    lines = [line.split(": ", 2) for line in err.splitlines()]
    says = {Path(name).name: text for _, name, text in lines}
    assert len(lines) == len(says) == 4
    assert set(says) == {"cut.jpg", "text.jpg", "art.svg", "bomb.png"}
    assert "damaged or cut short" in says["cut.jpg"]
    assert "text, not a picture" in says["text.jpg"]
    assert "vector drawing (SVG)" in says["art.svg"]
    assert "60000 × 60000" in says["bomb.png"]
    assert "Traceback" not in err


def graph(*nodes: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...] = ()) -> onnx.ModelProto:
    """A graph from `x` to `y`, both `[1, 3, 32, 32]`."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 32, 32]) for name in "xy"]
    made = helper.make_graph(list(nodes), "g", ends[:1], ends[1:], list(weights))
    domains = {node.domain for node in nodes if node.domain}
    imports = [helper.make_opsetid("", 17), *[helper.make_opsetid(domain, 1) for domain in domains]]
    return helper.make_model(made, opset_imports=imports, ir_version=9)


def without_its_data(path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((1, 3, 32, 32), np.float32), "w")
    model = graph(helper.make_node("Mul", ["x", "w"], ["y"]), weights=(weight,))
    onnx.save_model(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    path.with_name("weights.bin").unlink()


def with_custom_op(path: Path) -> None:
    onnx.save_model(graph(helper.make_node("MagicNMS", ["x"], ["y"], domain="com.acme")), str(path))


MODELS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "The model file is empty (0 bytes)"),
    "corrupt": (lambda path: path.write_bytes(bytes(range(256)) * 40), "no ONNX model or is damaged"),
    "cut": (lambda path: path.write_bytes(MODEL.read_bytes()[:100_000]), "no ONNX model or is damaged"),
    "without its data": (without_its_data, "not there: weights.bin"),
    "with a custom op": (with_custom_op, "com.acme::MagicNMS"),
}


@pytest.mark.parametrize("kind", MODELS)
async def test_every_model_that_cannot_run_gets_a_sentence(run: Any, tmp_path: Path, kind: str) -> None:
    make, says = MODELS[kind]
    path = tmp_path / "model.onnx"
    make(path)
    code, out, err = await run("inspect", str(path))
    assert (code, out) == (1, "")
    assert err.count("\n") == 1, err
    assert says in err
    assert "model.onnx" in err


async def test_a_wrong_class_count_is_said(run: Any) -> None:
    code, _, err = await run("test", "--onnx", str(MODEL), "--classes", "bolt,nut", str(PICTURE))
    assert code == 1
    assert err.count("\n") == 1, err
    assert "The class list has 2 names, the model has 3 classes" in err
