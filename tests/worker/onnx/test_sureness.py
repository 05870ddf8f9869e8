"""How sure each part is; `identified` asserts for every file that a test builds that the overall is the weakest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop_app.worker.onnx.inspect import identify


def classifier(net: Any, path: Path, side: int | str = 64, count: int = 3, dtype: str = "float32") -> Path:
    image = net.input("pixel_values", [1, 3, side, side], dtype)
    image = image if dtype == "float32" else net.op("Cast", image, to=1)
    plain = net.reshape(net.op("ReduceMean", image, axes=[1, 2, 3], keepdims=0), 1, 1)
    net.output(net.op("Concat", *[plain] * count, axis=1), "logits", [1, count])
    return Path(net.save(path))


def detector(net: Any, path: Path, nc: int = 2, *, score: float = 0.9) -> Path:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, *[0.0] * (nc - 1), net.mul(found.peak, net.const([score])))
    net.output(net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1]), "output0", [1, 4 + nc, 2100])
    return Path(net.save(path))


def level(facts: dict[str, Any]) -> dict[str, str]:
    return {part: item["confidence"] for part, item in facts["sure"].items()}


def test_what_the_metadata_settles_is_certain(net: Any, tmp_path: Path, identified: Any) -> None:
    net.metadata = {"stride": "32", "task": "detect", "names": "{0: 'hen', 1: 'egg'}"}
    facts = identified(detector(net, tmp_path / "m.onnx"))
    assert set(level(facts).values()) == {"certain"}
    assert facts["sure"]["task"]["why"] == "its metadata says task “detect”"
    assert facts["sure"]["classes"]["why"] == "its metadata names them"
    assert facts["sure"]["size"]["why"] == "the graph fixes it"
    assert "ultralytics" in facts["sure"]["scale"]["why"]
    assert "keypoints" not in facts["sure"]


def test_assumed_names_weaken_the_names_alone(net: Any, tmp_path: Path, identified: Any) -> None:
    net.metadata = {"stride": "32", "task": "pose", "names": "{0: 'hen'}", "kpt_shape": "[17, 3]"}
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, found.peak, *[found.cx, found.cy, found.peak] * 17)
    net.output(net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1]), "output0", [1, 56, 2100])
    levels = level(identified(net.save(tmp_path / "m.onnx")))
    assert levels.pop("keypoints") == "likely"
    assert set(levels.values()) == {"certain"}


def test_without_metadata_the_family_has_habits(net: Any, tmp_path: Path, identified: Any) -> None:
    facts = identified(detector(net, tmp_path / "m.onnx", 80))
    certain = {part for part, value in level(facts).items() if value == "certain"}
    assert certain == {"size", "layout", "dtype"}
    assert facts["sure"]["scale"]["why"] == "usual for ultralytics; the file does not say so"
    assert "a trial run" in facts["sure"]["output"]["why"]
    assert "usually these" in facts["sure"]["classes"]["why"]


def test_a_file_beside_the_model_is_named(net: Any, tmp_path: Path, identified: Any) -> None:
    path = classifier(net, tmp_path / "m.onnx", "side")
    given = {
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "rescale_factor": 1 / 255,
        "size": {"height": 192, "width": 192},
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(given))
    (tmp_path / "labels.txt").write_text("cat\ndog\nemu\n")
    facts = identified(path)
    for part in ("size", "scale", "mean_std", "resize"):
        told = {"confidence": "certain", "why": "preprocessor_config.json beside it says so"}
        assert facts["sure"][part] == told, part
    assert facts["sure"]["color"]["confidence"] == "likely"  # that file never says it
    assert facts["sure"]["classes"] == {"confidence": "certain", "why": "labels.txt beside it names them"}


def test_what_such_a_file_leaves_out_is_not_put_into_its_mouth(net: Any, tmp_path: Path, identified: Any) -> None:
    path = classifier(net, tmp_path / "m.onnx")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))
    (tmp_path / "labels.txt").write_text("cat\ndog\nemu\n")
    levels = level(identified(path))
    assert (levels["scale"], levels["mean_std"], levels["resize"]) == ("likely", "likely", "likely")


def test_a_guess_says_what_is_assumed(net: Any, tmp_path: Path, identified: Any) -> None:
    facts = identified(classifier(net, tmp_path / "m.onnx", "side"))
    assert facts["confidence"] == "guess"
    assert facts["sure"]["size"] == {"confidence": "likely", "why": "usual for classifier; the file leaves it open"}
    for part in ("scale", "mean_std"):
        assert facts["sure"][part]["confidence"] == "guess", part
        assert "assumed" in facts["sure"][part]["why"]
    assert (level(facts)["dtype"], level(facts)["layout"]) == ("certain", "certain")
    assert "numbered" in facts["sure"]["classes"]["why"]


def test_an_open_size_is_assumed(net: Any, tmp_path: Path, identified: Any) -> None:
    found = net.find(net.input("images", [1, 3, "h", "w"]))
    score = net.mul(found.peak, net.const([0.9]))
    net.output(
        net.op("Transpose", net.spread(net.row(*found.centred, score), 8400, 9), perm=[0, 2, 1]),
        "output0",
        [1, 5, 8400],
    )
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert facts["sure"]["size"]["confidence"] == "guess"
    assert "a trial run with it succeeded" in facts["sure"]["size"]["why"]
    net.metadata = {"imgsz": "[640, 640]"}
    facts = identified(net.save(path))
    assert facts["sure"]["size"] == {"confidence": "certain", "why": "its metadata says so"}


def test_bytes_are_scaled_by_the_graph(net: Any, tmp_path: Path, identified: Any) -> None:
    facts = identified(classifier(net, tmp_path / "m.onnx", dtype="uint8"))
    assert (level(facts)["scale"], level(facts)["mean_std"]) == ("certain", "certain")
    assert "bytes" in facts["sure"]["scale"]["why"]


def test_what_a_family_assumes_is_the_guess(net: Any, tmp_path: Path, identified: Any) -> None:
    net.input("images", [1, 3, 320, 320])
    for index, cells in enumerate((40, 20, 10)):
        net.output(net.const(np.zeros((1, 3, cells, cells, 7))), f"o{index}", [1, 3, cells, cells, 7])
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert (facts["family"], facts["confidence"]) == ("yolov7", "guess")
    assert {part for part, value in level(facts).items() if value == "guess"} == {"output"}
    assert "anchor sizes" in facts["sure"]["output"]["why"]


@pytest.mark.parametrize("options", [{"scale": 1.0, "bgr": True}, {"bgr": True}])
def test_what_was_tried_out_on_a_picture_says_so(
    net: Any, tmp_path: Path, picture: Any, weakest: Any, options: dict[str, Any]
) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]), **options)
    off = net.op("Abs", net.sub(found.peak, net.const([1.0])))
    score = net.mul(net.op("Relu", net.sub(net.const([1.0]), off)), net.const([0.9]))
    net.output(net.spread(net.row(*found.centred, score, 0.95, 0.0), 6300, 11), "out", [1, 6300, 7])
    facts = identify(net.save(tmp_path / "m.onnx"), picture=picture()[0])
    weakest(facts)
    tried = {part for part, item in facts["sure"].items() if "on the picture" in item["why"]}
    assert tried == ({"color", "scale"} if "scale" in options else {"color"})


def test_what_a_person_chose_is_no_finding_of_ours(net: Any, tmp_path: Path, load: Any) -> None:
    path = detector(net, tmp_path / "m.onnx")
    own = identify(path)
    assert "chosen" not in level(own).values()
    overrides = {"family": "ultralytics", "input": {"scale": 1.0, "width": 320, "pad": 0}, "output": {"tolerance": 2.0}}
    by_hand = {"family", "scale", "size", "resize", "output"}
    facts = identify(path, overrides=overrides)
    assert {part for part, value in level(facts).items() if value == "chosen"} == by_hand
    assert {part: value for part, value in level(facts).items() if part not in by_hand} == {
        part: value for part, value in level(own).items() if part not in by_hand
    }
    assert facts["sure"]["scale"]["why"] == "your own choice"
    assert (facts["input"]["scale"], facts["output"]["tolerance"]) == (1.0, 2.0)
    assert facts["confidence"] == own["confidence"]  # no surer for it
    assert level(identify(path, only="ultralytics"))["family"] == "chosen"
    running = load(path, overrides=overrides, classes=("hen", "egg")).info
    assert {part for part, value in level(running).items() if value == "chosen"} == {*by_hand, "classes"}


def test_a_declined_model_has_only_what_it_is(net: Any, tmp_path: Path, identified: Any) -> None:
    net.output(net.reshape(net.input("x", [1, 3, 64, 64]), 2, 3, 32, 64), "strange", [2, 3, 32, 64])
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert level(facts) == {"family": "likely", "task": "likely"}
    json.dumps(facts, allow_nan=False)
