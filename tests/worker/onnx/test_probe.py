"""Finding the scaling on a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop_app.worker.onnx.inspect import identify


def yolov5(net: Any, path: Path, **options: Any) -> Path:
    """A file of the family whose habit is 0 to 1 and RGB, but trained otherwise."""
    found = net.find(net.input("images", [1, 3, 320, 320]), **options)
    # Sure only of the brightness it was trained on.
    off = net.op("Abs", net.sub(found.peak, net.const([1.0])))
    score = net.mul(net.op("Relu", net.sub(net.const([1.0]), off)), net.const([0.9]))
    net.output(net.spread(net.row(*found.centred, score, 0.95, 0.0), 6300, 11), "out", [1, 6300, 7])
    return Path(net.save(path))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"scale": 1.0, "bgr": True}, {"scale": 1.0, "color": "bgr"}),
        ({"bgr": True}, {"scale": 1 / 255, "color": "bgr"}),
        ({"scale": 1.0}, {"scale": 1.0, "color": "rgb"}),
        ({}, {"scale": 1 / 255, "color": "rgb"}),
    ],
)
def test_the_right_one_is_the_most_confident(
    net: Any, tmp_path: Path, picture: Any, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    path = yolov5(net, tmp_path / "m.onnx", **options)
    facts = identify(path, picture=picture()[0])
    assert {key: facts["input"][key] for key in expected} == expected
    assert facts["confidence"] == "likely"
    if options:
        assert any("on the picture" in reason for reason in facts["why"])


def test_saturated_scalings_are_discarded(net: Any, tmp_path: Path, picture: Any) -> None:
    image = net.input("images", [1, 3, 320, 320])
    found = net.find(image)
    bright = net.reshape(net.op("ReduceMax", image, axes=[0, 1, 2, 3], keepdims=0), 1)
    flood = net.op("Min", net.op("Relu", net.sub(bright, net.const([2.0]))), net.const([1.0]))
    score = net.op("Max", net.mul(found.peak, net.const([0.8])), flood)
    everywhere = net.add(net.const(np.zeros((1, 6300, 1))), net.reshape(flood, 1, 1, 1))
    one = net.spread(net.row(*found.centred, score, 0.95), 6300, 11)
    pad = net.const(np.array([[[1, 1, 1, 1, 1, 1]]], dtype=np.float32))
    net.output(net.add(one, net.mul(everywhere, pad)), "out", [1, 6300, 6])
    facts = identify(net.save(tmp_path / "m.onnx"), picture=picture()[0])
    assert facts["input"]["scale"] == 1 / 255


def test_certain_files_are_left_alone(net: Any, tmp_path: Path, picture: Any) -> None:
    path = tmp_path / "m.onnx"
    net.metadata = {"stride": "32", "names": "['a', 'b']"}
    facts = identify(yolov5(net, path, scale=1.0), picture=picture()[0])
    assert facts["confidence"] == "certain"
    assert facts["input"]["scale"] == 1 / 255
