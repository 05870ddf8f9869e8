"""Completing an identification: names, sidecars, certainty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from desktop_app.worker.onnx.families import all_families, family


def test_families_are_found_by_themselves() -> None:
    names = [item.name for item in all_families()]
    assert len(names) == len(set(names))
    assert {"ultralytics", "yolov5", "declined", "yunet", "mmdeploy-simcc"} <= set(names)
    assert family("ultralytics") is not None
    assert family("nothing") is None


def rows(net: Any, path: Path, nc: int = 2) -> Path:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, *[0.0] * (nc - 1), net.mul(found.peak, net.const([0.9])))
    net.output(net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1]), "output0", [1, 4 + nc, 2100])
    return Path(net.save(path))


def test_names_beside_the_file(net: Any, tmp_path: Path, identified: Any) -> None:
    path = rows(net, tmp_path / "m.onnx")
    (tmp_path / "labels.txt").write_text("hen\negg\n")
    facts = identified(path)
    assert (facts["classes"], facts["names_from"]) == (["hen", "egg"], "sidecar")


def test_a_list_of_another_length_is_not_taken(net: Any, tmp_path: Path, identified: Any) -> None:
    path = rows(net, tmp_path / "m.onnx")
    (tmp_path / "labels.txt").write_text("hen\negg\nfox\n")
    facts = identified(path)
    assert facts["classes"] == ["class_0", "class_1"]
    assert any("labels.txt names 3 classes but the model has 2" in warning for warning in facts["warnings"])


def test_names_are_only_suggested(net: Any, tmp_path: Path, identified: Any) -> None:
    facts = identified(rows(net, tmp_path / "m.onnx", 80))
    assert (facts["classes"][0], facts["names_from"]) == ("person", "suggestion")
    assert any("suggest COCO" in warning for warning in facts["warnings"])


def test_roboflow_package(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    path = rows(net, tmp_path / "weights.onnx")
    (tmp_path / "class_names.txt").write_text("hen\negg\n")
    config = {"network_input": {"resize_mode": "stretch", "color_mode": "rgb", "scaling_factor": 255}}
    (tmp_path / "inference_config.json").write_text(json.dumps(config))
    facts = identified(path)
    assert (facts["classes"], facts["input"]["resize"]) == (["hen", "egg"], "stretch")
    boxes_right(path, orientations=[6])


def test_unknown_files_are_never_guessed(net: Any, tmp_path: Path, identified: Any) -> None:
    image = net.input("x", [1, 3, 64, 64])
    net.output(net.reshape(image, 2, 3, 32, 64), "strange", [2, 3, 32, 64])
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert (facts["family"], facts["task"]) == ("unknown", "unsupported")
    assert "strange" in facts["why"][0]


def test_the_contract_of_inspect(net: Any, tmp_path: Path, identified: Any) -> None:
    facts = identified(rows(net, tmp_path / "m.onnx"))
    assert set(facts) >= {"family", "task", "input", "classes", "output", "confidence", "why", "warnings"}
    needed = {"name", "width", "height", "dynamic", "layout", "dtype", "channels", "scale", "mean", "std", "resize"}
    assert set(facts["input"]) >= needed
    json.dumps(facts, allow_nan=False)


def test_a_class_list_that_cannot_be_checked_is_not_certain(net: Any, tmp_path: Path, identified: Any) -> None:
    net.input("image", [1, "h", "w", 3], "uint8")
    net.output(net.const(np.zeros((1, 100, 4))), "detection_boxes", [1, 100, 4])
    net.output(net.const(np.zeros((1, 100))), "detection_scores", [1, 100])
    net.output(net.const(np.ones((1, 100))), "detection_classes", [1, 100])
    net.output(net.const([100.0]), "num_detections", [1])
    path = net.save(tmp_path / "m.onnx")
    (tmp_path / "labels.txt").write_text("hen\negg\n")
    facts = identified(path)
    assert (facts["family"], facts["names_from"], facts["confidence"]) == ("tensorflow-detection", "sidecar", "likely")
    assert "labels.txt" in facts["why"][-1]


def test_assumed_key_point_names_are_not_certain(net: Any, tmp_path: Path, identified: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, found.peak, *[found.cx, found.cy, found.peak] * 17)
    net.output(net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1]), "output0", [1, 56, 2100])
    net.metadata = {"stride": "32", "task": "pose", "names": "{0: 'hen'}", "kpt_shape": "[17, 3]"}
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert (facts["task"], facts["confidence"], facts["keypoints"][0]) == ("pose", "likely", "nose")
    assert "key-point names are not in it" in facts["why"][-1]
    net.metadata["kpt_names"] = str({0: [f"feather {index}" for index in range(17)]})
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert (facts["confidence"], facts["keypoints"][16]) == ("certain", "feather 16")
