"""The worker as a process: load, run, inspect and failure over real pipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from desktop_app.child.wire import read_frame, write_frame
from desktop_app.core.prediction import Prediction
from desktop_app.core.resources import resource

MODEL = resource("demo", "fasteners.onnx")


class Worker:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, frame: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        write_frame(self.process.stdin, frame)

    def receive(self, *kinds: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        while True:
            frame, _ = read_frame(self.process.stdout)
            if frame["type"] in kinds:
                return frame


@contextmanager
def started() -> Iterator[Worker]:
    command = [sys.executable, "-u", "-c", "from desktop_app.worker.main import main; main()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()


@pytest.fixture
def worker() -> Iterator[Worker]:
    with started() as one:
        yield one


def test_broken_model_fails_with_one_sentence(worker: Worker, tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"")
    worker.send({"type": "load", "source": {"kind": "onnx", "path": str(bad)}, "detection": {}})
    failed = worker.receive("failed")
    assert failed["what"] == "The model file is empty (0 bytes)"
    assert failed["where"] == "bad.onnx"
    assert failed["remedy"]


def test_settings_that_are_none_fail(worker: Worker) -> None:
    worker.send({"type": "load", "source": {"kind": "onnx"}, "detection": {}})
    assert "not valid" in worker.receive("failed")["what"]


@pytest.mark.skipif(not MODEL.exists(), reason="the demo model is not there yet")
def test_demo_model_answers_a_picture_and_reports_a_bad_one(worker: Worker, tmp_path: Path) -> None:
    worker.send({"type": "load", "source": {"kind": "onnx", "path": str(MODEL)}, "detection": {"confidence": 0.3}})
    loaded = worker.receive("loaded", "failed")
    assert loaded["type"] == "loaded", loaded
    assert (loaded["info"]["family"], loaded["info"]["confidence"]) == ("ultralytics", "certain")
    assert loaded["info"]["provider"] == "cpu"
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    Image.new("RGB", (300, 200), (90, 90, 90)).save(good)
    bad.write_text("hello")
    worker.send({"type": "run", "id": 1, "data": {}, "assetPath": str(good), "overrides": {"hue": 3}})
    result = worker.receive("result", "error")
    assert result["type"] == "result", result
    prediction = Prediction(**result["prediction"])
    assert (prediction.width, prediction.height) == (300, 200)
    assert any("hue" in note for note in prediction.notes)
    worker.send({"type": "run", "id": 2, "data": {}, "assetPath": str(bad)})
    error = worker.receive("result", "error")
    assert error["what"] == "The asset is text, not a picture"
    worker.send({"type": "run", "id": 3, "data": {}, "assetPath": None})
    assert "no asset" in worker.receive("result", "error")["what"]
    worker.send({"type": "stop"})
    worker.receive("ended")
    assert worker.process.wait(timeout=20) == 0


@pytest.mark.skipif(not MODEL.exists(), reason="the demo model is not there yet")
def test_inspecting_gives_the_facts(worker: Worker) -> None:
    worker.send({"type": "load", "inspect": str(MODEL)})
    loaded = worker.receive("loaded", "failed")
    assert loaded["info"]["task"] == "detect"
    assert set(loaded["info"]) >= {"family", "task", "input", "classes", "output", "confidence", "why", "warnings"}
    assert "cpu" in loaded["info"]["providers"]


def heavy_model(path: Path) -> None:
    """A detector with 80 MB of weights that count for nothing."""
    table = np.zeros((1, 6, 2100), dtype=np.float32)
    table[0, :, 7] = 160, 160, 100, 40, 0.0, 0.9
    constants = {
        "shape": np.array([1, 3], np.int64),
        "weights": np.zeros((3, 7_000_000), np.float32),
        "table": table,
    }
    nodes = [
        helper.make_node("GlobalMaxPool", ["images"], ["peak"]),
        helper.make_node("Reshape", ["peak", "shape"], ["row"]),
        helper.make_node("MatMul", ["row", "weights"], ["wide"]),
        helper.make_node("ReduceMax", ["wide"], ["zero"], keepdims=0),
        helper.make_node("Add", ["table", "zero"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("output0", onnx.TensorProto.FLOAT, [1, 6, 2100])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"stride": "32", "task": "detect", "names": "['a', 'b']"})
    onnx.save_model(model, str(path))


def test_an_idle_model_frees_its_memory(worker: Worker, tmp_path: Path) -> None:
    heavy_model(tmp_path / "m.onnx")
    picture = tmp_path / "p.png"
    Image.new("RGB", (300, 200)).save(picture)
    source = {"kind": "onnx", "path": str(tmp_path / "m.onnx"), "unload_after_s": 3}
    process = psutil.Process(worker.process.pid)
    worker.send({"type": "load", "source": source, "detection": {}})
    assert worker.receive("loaded", "failed")["type"] == "loaded"
    for number in (1, 2):
        worker.send({"type": "run", "id": number, "data": {}, "assetPath": str(picture)})
        assert worker.receive("result", "error")["type"] == "result"
        full = process.memory_info().rss
        while "unloaded" not in worker.receive("print")["text"]:
            pass
        assert full - process.memory_info().rss > 70_000_000


@pytest.mark.skipif(not MODEL.exists(), reason="the demo model is not there yet")
def test_an_idle_model_leaves_memory_and_comes_back(worker: Worker, tmp_path: Path) -> None:
    source = {"kind": "onnx", "path": str(MODEL), "unload_after_s": 0.2}
    worker.send({"type": "load", "source": source, "detection": {}})
    assert worker.receive("loaded", "failed")["type"] == "loaded"
    gone = worker.receive("print")
    assert "unloaded after 0.2 s without a job" in gone["text"]
    assert gone["id"] is None
    picture = tmp_path / "p.png"
    Image.new("RGB", (300, 200)).save(picture)
    worker.send({"type": "run", "id": 7, "data": {}, "assetPath": str(picture)})
    back = worker.receive("print")
    assert ("loaded again for a job" in back["text"], back["id"]) == (True, 7)
    assert worker.receive("result", "error")["type"] == "result"
    assert "unloaded" in worker.receive("print")["text"]
    worker.send({"type": "stop"})
    worker.receive("ended")
    assert worker.process.wait(timeout=20) == 0


def test_a_model_server_is_declined_in_words(worker: Worker) -> None:
    worker.send({"type": "load", "source": {"kind": "remote", "url": "http://box", "model": "m"}})
    assert "model server" in worker.receive("failed")["what"]
