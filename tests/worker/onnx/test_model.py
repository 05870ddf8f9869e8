"""The loaded model: corrections, thresholds, reloading, threads."""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from desktop_app.core.errors import ModelError, ModelLoadError
from desktop_app.core.profile import Detection, OnnxSource
from desktop_app.worker.onnx import predict as predict_module
from desktop_app.worker.onnx.model import OnnxModel
from desktop_app.worker.onnx.predict import prediction_json


def detector(net: Any, path: Path, score: float = 0.9, names: str = "['a', 'b']") -> Path:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, 0.0, net.mul(found.peak, net.const([score])))
    net.output(net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1]), "output0", [1, 6, 2100])
    net.metadata = {"stride": "32", "task": "detect", "names": names}
    return Path(net.save(path))


def test_a_prediction_is_json(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    prediction = load(detector(net, tmp_path / "m.onnx")).predict(picture()[0])
    text = json.dumps(prediction_json(prediction), allow_nan=False)
    assert json.loads(text)["class_names"] == ["a", "b"]
    assert prediction.run_ms > 0


def test_a_low_score_is_a_candidate_only(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    prediction = load(detector(net, tmp_path / "m.onnx", score=0.2)).predict(picture()[0])
    assert prediction.instances == []
    assert [item["class"] for item in prediction.candidates] == ["b"]


def test_confidence_by_class_and_least_size(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    path = detector(net, tmp_path / "m.onnx", score=0.6)
    file, _ = picture((640, 480))
    assert len(load(path, class_confidence={"b": 0.5}).predict(file).instances) == 1
    assert load(path, class_confidence={"b": 0.7}).predict(file).instances == []
    assert load(path, min_size=500).predict(file).candidates == []


@pytest.mark.parametrize(
    ("shape", "key"),
    [
        ("auto", "bounding-box"),
        ("box", "bounding-box"),
        ("rotated", "rotated-bounding-box"),
        ("polygon", "polygon"),
        ("segmentation", "segmentation"),
        ("point", "point"),
    ],
)
def test_every_shape_can_be_had_of_a_box(
    net: Any, tmp_path: Path, load: Any, picture: Any, envelope: Any, shape: str, key: str
) -> None:
    file, truth = picture((640, 480))
    model = load(detector(net, tmp_path / "m.onnx"), shape=shape)
    (instance,) = model.predict(file).instances
    assert set(instance) == {"class", "index", "score", key}
    if key == "point":
        centre = ((truth[0] + truth[2]) / 2, (truth[1] + truth[3]) / 2)
        assert np.abs(np.array(instance["point"]) - centre).max() < 0.5
    else:
        assert np.abs(np.array(envelope(instance)) - truth).max() < 0.5
    (again,) = model.predict(file, overrides={"shape": "point"}).instances
    assert "point" in again


def test_boxes_are_clipped_to_the_asset(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    path = detector(net, tmp_path / "m.onnx")
    file, truth = picture((640, 480), 1, (0.0, 0.0, 1.0, 1.0))
    (instance,) = load(path).predict(file).instances
    box = instance["bounding-box"]
    assert min(box["x"], box["y"]) >= 0
    assert box["x"] + box["width"] <= truth[2]
    assert box["y"] + box["height"] <= truth[3]


def test_corrections_of_the_input(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    path = detector(net, tmp_path / "m.onnx")
    file, _ = picture((640, 480))
    # Red and blue exchanged: the finder sees nothing any more.
    swapped = load(path, overrides={"input": {"color": "bgr"}})
    assert swapped.info["input"]["color"] == "bgr"
    assert swapped.predict(file).instances == []
    stretched = load(path, overrides={"input": {"resize": "stretch"}}).predict(file)
    assert len(stretched.instances) == 1


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"input": {"scale": 0}}, "scale"),
        ({"input": {"color": "pink"}}, "color"),
        ({"input": {"std": [1, 0, 1]}}, "zero"),
        ({"input": {"mean": "x"}}, "mean"),
        ({"input": {"tint": 1}}, "tint"),
        ({"input": {"width": 1e9}}, "width"),
        ({"family": "yolov99"}, "no model family"),
        ({"family": "rf-detr"}, "has not the inputs and outputs"),
        ({"task": "pose"}, "task is “detect”"),
    ],
)
def test_corrections_that_cannot_be(net: Any, tmp_path: Path, load: Any, overrides: dict[str, Any], text: str) -> None:
    with pytest.raises(ModelLoadError, match=text):
        load(detector(net, tmp_path / "m.onnx"), overrides=overrides)


def test_a_size_the_file_does_not_take_is_said(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    model = load(detector(net, tmp_path / "m.onnx"), overrides={"input": {"width": 640, "height": 640}})
    with pytest.raises(ModelError, match="does not take an input of this shape") as caught:
        model.predict(picture()[0])
    assert "size" in caught.value.remedy


def test_a_changed_file_is_loaded_again(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    path = tmp_path / "m.onnx"
    detector(net, path)
    model = load(path)
    file, _ = picture()
    assert model.predict(file).instances[0]["class"] == "b"
    other = detector(type(net)(), tmp_path / "other.onnx", names="['x', 'y']")
    other.replace(path)
    os.utime(path, ns=(1, 1))
    prediction = model.predict(file)
    assert prediction.instances[0]["class"] == "y"
    assert any("loaded again" in note for note in prediction.notes)
    path.write_bytes(b"broken")
    prediction = model.predict(file)
    assert prediction.instances[0]["class"] == "y"
    assert any("cannot be loaded" in note for note in prediction.notes)
    assert model.predict(file).notes == ()
    path.unlink()
    assert model.predict(file).instances[0]["class"] == "y"


def test_many_threads_at_once(net: Any, tmp_path: Path, load: Any, picture: Any, envelope: Any) -> None:
    model = load(detector(net, tmp_path / "m.onnx"))
    files = [picture(size) for size in [(640, 480), (300, 500), (123, 456), (800, 200)]] * 5
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda item: model.predict(item[0]), files))
    for (_, truth), prediction in zip(files, results, strict=True):
        assert np.abs(np.array(envelope(prediction.instances[0])) - truth).max() < 0.8


def test_a_picture_is_decoded_while_the_model_is_busy(
    net: Any, tmp_path: Path, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = OnnxModel(OnnxSource(path=detector(net, tmp_path / "m.onnx")), Detection(), at_once=1)
    asset = picture()[0]
    decoded, runs, most, gate = threading.Semaphore(0), [], [], threading.Event()
    assert model._opened is not None
    real_read, real_run = predict_module.read_picture, model._opened.session.run

    def read(*args: Any, **options: Any) -> Any:
        done = real_read(*args, **options)
        decoded.release()
        return done

    def run(feeds: Any) -> Any:
        runs.append(1)
        most.append(len(runs))
        assert gate.wait(60)
        outputs = real_run(feeds)
        runs.pop()
        return outputs

    monkeypatch.setattr(predict_module, "read_picture", read)
    monkeypatch.setattr(model._opened.session, "run", run)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(model.predict, asset) for _ in range(2)]
        assert decoded.acquire(timeout=60)
        assert decoded.acquire(timeout=60)  # both, though the first is still in the model
        gate.set()
        answers = [job.result(60) for job in jobs]
    assert most == [1, 1]
    assert answers[0].candidates == answers[1].candidates


def test_rows_that_are_no_numbers_are_left_out(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    nan = net.div(net.mul(found.peak, net.const([0.0])), net.mul(found.peak, net.const([0.0])))
    good = net.row(*found.centred, 0.0, net.mul(found.peak, net.const([0.9])))
    bad = net.spread(net.row(nan, nan, nan, nan, 0.0, 0.8), 1, 0)
    rest = net.spread(good, 2099, 5)
    table = net.op("Concat", bad, rest, axis=1)
    net.output(net.op("Transpose", table, perm=[0, 2, 1]), "output0", [1, 6, 2100])
    net.metadata = {"stride": "32", "task": "detect", "names": "['a', 'b']"}
    prediction = load(net.save(tmp_path / "m.onnx")).predict(picture()[0])
    assert len(prediction.instances) == 1
    assert any("not finite" in note for note in prediction.notes)
    json.dumps(prediction_json(prediction), allow_nan=False)


class Lines:
    """What a model said, and a wait for more of it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._more = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._more:
            self.said.append(line)
            self._more.notify_all()

    def until(self, ready: Callable[[list[str]], bool]) -> None:
        with self._more:
            assert self._more.wait_for(lambda: ready(self.said), timeout=60), self.said


def test_an_idle_model_is_unloaded_and_loaded_again_by_the_next_job(net: Any, tmp_path: Path, picture: Any) -> None:
    lines = Lines()
    path = detector(net, tmp_path / "m.onnx")
    file, _ = picture()
    model = OnnxModel(OnnxSource(path=path, unload_after_s=0.5), Detection(), say=lines)
    try:
        assert model._opened is not None
        session = weakref.ref(model._opened.session)
        lines.until(lambda said: len(said) == 1)
        assert "unloaded after 0.5 s without a job" in lines.said[0]
        assert not model.loaded
        assert session() is None  # the weights are free, nothing holds them
        assert (model.info["family"], model.info["provider"]) == ("ultralytics", "cpu")
        assert model.predict(file).instances[0]["class"] == "b"
        assert "loaded again for a job" in lines.said[1]
        lines.until(lambda said: len(said) == 3)
        path.unlink()
        with pytest.raises(ModelLoadError, match="not there"):
            model.predict(file)
        detector(type(net)(), path, names="['x', 'y']")
        assert model.predict(file).instances[0]["class"] == "y"
    finally:
        model.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "plugdeck-unload"]


def test_a_model_in_use_is_not_unloaded(net: Any, tmp_path: Path) -> None:
    lines = Lines()
    model = OnnxModel(OnnxSource(path=detector(net, tmp_path / "m.onnx"), unload_after_s=0.05), Detection(), say=lines)
    try:
        lines.until(lambda said: len(said) == 1)
        with model._in_use([]) as opened:
            # Six times the limit passes.
            assert not threading.Event().wait(0.3)
            assert len(lines.said) == 2
            assert model._opened is opened
        lines.until(lambda said: len(said) == 3)
    finally:
        model.close()


def test_a_model_stays_loaded_unless_asked(net: Any, tmp_path: Path, load: Any) -> None:
    model = load(detector(net, tmp_path / "m.onnx"))
    assert model.loaded
    assert not [thread for thread in threading.enumerate() if thread.name == "plugdeck-unload"]


def test_too_little_memory_for_a_picture_is_said(
    net: Any, tmp_path: Path, load: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise MemoryError

    model = load(detector(net, tmp_path / "m.onnx"))
    monkeypatch.setattr("desktop_app.worker.onnx.predict.to_tensor", full)
    with pytest.raises(ModelError, match="not enough memory") as caught:
        model.predict(picture()[0])
    assert "concurrency" in caught.value.remedy


@pytest.mark.parametrize("opset", [9, 11, 13, 17, onnx.defs.onnx_opset_version()])
def test_old_and_new_opsets(tmp_path: Path, load: Any, picture: Any, envelope: Any, opset: int) -> None:
    table = np.zeros((1, 6, 2100), dtype=np.float32)
    table[0, :, 7] = 160, 160, 100, 40, 0.0, 0.9
    nodes = [
        helper.make_node("GlobalMaxPool", ["images"], ["peak"]),
        helper.make_node("Conv", ["peak", "none"], ["zero"]),
        helper.make_node("Reshape", ["zero", "shape"], ["flat"]),
        helper.make_node("Add", ["table", "flat"], ["output0"]),
    ]
    constants = {
        "none": np.zeros((1, 3, 1, 1), np.float32),
        "shape": np.array([1, 1, 1], np.int64),
        "table": table,
    }
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("output0", onnx.TensorProto.FLOAT, [1, 6, 2100])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    helper.set_model_props(model, {"stride": "32", "task": "detect", "names": "['a', 'b']"})
    path = tmp_path / "m.onnx"
    onnx.save_model(model, str(path))
    (instance,) = load(path).predict(picture((640, 640))[0]).instances
    assert instance["class"] == "b"
    assert envelope(instance) == (220, 280, 420, 360)


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    """A red rectangle with a hole in it, 640 × 480."""
    pixels = np.zeros((480, 640, 3), dtype=np.uint8)
    pixels[100:400, 160:560, 0] = 255
    pixels[200:300, 260:460, 0] = 0
    path = tmp_path / "frame.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("shape", ["auto", "segmentation", "polygon", "rotated", "box", "point"])
def test_every_shape_can_be_had_of_a_mask(
    net: Any, tmp_path: Path, load: Any, frame: Path, envelope: Any, shape: str
) -> None:
    found = net.find(net.input("input", [1, 3, 320, 320]), mean=(0.5,) * 3, std=(0.5,) * 3)
    net.output(found.heat, "output", [1, 1, 320, 320])
    spec = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize": "letterbox"}
    model = load(net.save(tmp_path / "m.onnx"), shape=shape, overrides={"input": spec})
    (instance,) = model.predict(frame).instances
    truth = np.array([160, 100, 560, 400])
    if shape in ("auto", "segmentation"):
        (zone,) = instance["segmentation"]["zones"]
        (hole,) = zone["holes"]
        inner = np.array([np.min(hole, axis=0), np.max(hole, axis=0)]).reshape(-1)
        assert np.abs(inner - [260, 200, 460, 300]).max() < 1.2
    if shape == "point":
        assert np.abs(np.array(instance["point"]) - [360, 250]).max() < 1
        return
    assert np.abs(np.array(envelope(instance)) - truth).max() < 1.2
    assert set(instance) == {"class", "index", "score", _KEYS.get(shape, "segmentation")}


_KEYS = {"polygon": "polygon", "rotated": "rotated-bounding-box", "box": "bounding-box"}


@pytest.mark.parametrize(
    ("shape", "key"),
    [
        ("auto", "rotated-bounding-box"),
        ("polygon", "polygon"),
        ("box", "bounding-box"),
        ("segmentation", "segmentation"),
    ],
)
def test_every_shape_can_be_had_of_a_rotated_box(
    net: Any, tmp_path: Path, load: Any, picture: Any, envelope: Any, shape: str, key: str
) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    quarter = float(np.pi / 2)
    row = net.row(found.cx, found.cy, found.h, found.w, net.mul(found.peak, net.const([0.9])), quarter)
    net.output(net.op("Transpose", net.spread(row, 2100, 3), perm=[0, 2, 1]), "output0", [1, 6, 2100])
    net.metadata = {"stride": "32", "task": "obb", "names": "['a']"}
    file, truth = picture((640, 480))
    (instance,) = load(net.save(tmp_path / "m.onnx"), shape=shape).predict(file).instances
    assert key in instance
    assert np.abs(np.array(envelope(instance)) - truth).max() < 0.5
