"""DETR and its kin: RT-DETR with sizes, Hugging Face, RF-DETR, MaskFormer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def unit(net: Any, values: tuple[str, ...], width: float, height: float) -> list[str]:
    return [
        net.mul(value, net.const([1 / (width if index % 2 == 0 else height)])) for index, value in enumerate(values)
    ]


def logit(net: Any, value: str) -> str:
    """Of 0.9 · value, so that a full peak is a score of 0.9 after sigmoid."""
    scaled = net.mul(value, net.const([0.9]))
    return str(net.op("Log", net.div(scaled, net.add(net.sub(net.const([1.0]), scaled), net.const([1e-6])))))


def with_grid_sample(net: Any, image: str) -> str:
    """A GridSample in the graph that does not change the value it gives (zero)."""
    grid = net.const(np.zeros((1, 1, 1, 2)))
    sampled = net.op("GridSample", image, grid)
    return str(net.reshape(net.mul(net.op("ReduceMax", sampled, axes=[0, 1, 2, 3], keepdims=0), net.const(0.0)), 1))


def test_rtdetr_with_sizes_answers_in_asset_pixels(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", ["N", 3, 640, 640]))
    sizes = net.cast(net.input("orig_target_sizes", ["N", 2], "int64"), "float32")
    four = net.op("Concat", sizes, sizes, axis=1)
    row = net.mul(net.row(*unit(net, found.corners, 640, 640)), four)
    net.output(net.const(np.full((1, 300), 3), np.int64), "labels", ["N", 300], "int64")
    net.output(net.spread(row, 300, 0), "boxes", ["N", 300, 4])
    score = net.spread(net.row(net.mul(found.peak, net.const([0.9]))), 300, 0)
    net.output(net.reshape(score, 1, 300), "scores", ["N", 300])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"], facts["input"]["resize"]) == ("detr-with-sizes", "likely", "stretch")
    for prediction in boxes_right(path):
        assert prediction.instances[0]["index"] == 3


def test_hf_rtdetr_uses_sigmoid_without_normalisation(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any
) -> None:
    image = net.input("pixel_values", ["batch", 3, "height", "width"])
    found = net.find(image)
    zero = with_grid_sample(net, image)
    low = np.full((1, 300, 3), -9.0, dtype=np.float32)
    low[0, 4, 1] = 0
    score = net.add(logit(net, found.peak), zero)
    net.output(net.add(net.spread(net.row(0.0, score, 0.0), 300, 4), net.const(low)), "logits", ["batch", 300, 3])
    net.output(net.spread(net.row(*unit(net, found.centred, 640, 640)), 300, 4), "pred_boxes", ["batch", 300, 4])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("hf-detr", "likely")
    assert (facts["output"]["activation"], facts["input"]["width"], len(facts["classes"])) == ("sigmoid", 640, 3)
    boxes_right(path)
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "rt_detr", "id2label": {"0": "a", "1": "b", "2": "c"}})
    )
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"do_normalize": False, "do_rescale": True, "size": {"height": 640, "width": 640}})
    )
    facts = identified(path)
    assert (facts["confidence"], facts["classes"], facts["names_from"]) == ("certain", ["a", "b", "c"], "sidecar")


def test_hf_detr_uses_softmax_and_drops_no_object(
    net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any, envelope: Any
) -> None:
    image = net.input("pixel_values", [1, 3, 800, 1066])
    found = net.find(image, mean=MEAN, std=STD)
    quiet = np.zeros((1, 100, 4), dtype=np.float32)
    quiet[..., 3] = 9
    quiet[0, 7, 3] = 0
    score = net.mul(found.peak, net.const([5.0]))
    net.output(net.add(net.spread(net.row(0.0, score, 0.0, 0.0), 100, 7), net.const(quiet)), "logits", [1, 100, 4])
    net.output(net.spread(net.row(*unit(net, found.centred, 1066, 800)), 100, 7), "pred_boxes", [1, 100, 4])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["output"]["activation"], facts["output"]["class_count"]) == ("softmax", 3)
    file, truth = picture((640, 480))
    prediction = load(path).predict(file)
    assert len(prediction.instances) == 1
    assert prediction.instances[0]["index"] == 1
    assert abs(prediction.instances[0]["score"] - np.exp(5) / (np.exp(5) + 3)) < 0.02
    assert np.abs(np.array(envelope(prediction.instances[0])) - truth).max() < 0.5


def test_hf_detr_dynamic_keeps_the_ratio(
    net: Any, tmp_path: Path, load: Any, picture: Any, envelope: Any, identified: Any
) -> None:
    image = net.input("pixel_values", ["b", 3, "h", "w"])
    found = net.find(image, mean=MEAN, std=STD)
    shape = net.cast(net.op("Shape", image), "float32")
    height = net.op("Gather", shape, net.const([2], np.int64))
    width = net.op("Gather", shape, net.const([3], np.int64))
    box = [
        net.div(found.cx, width),
        net.div(found.cy, height),
        net.div(found.w, width),
        net.div(found.h, height),
    ]
    quiet = np.zeros((1, 100, 4), dtype=np.float32)
    quiet[..., 3] = 9
    quiet[0, 7, 3] = 0
    score = net.mul(found.peak, net.const([5.0]))
    net.output(net.add(net.spread(net.row(0.0, score, 0.0, 0.0), 100, 7), net.const(quiet)), "logits", ["b", 100, 4])
    net.output(net.spread(net.row(*box), 100, 7), "pred_boxes", ["b", 100, 4])
    path = net.save(tmp_path / "m.onnx")
    assert identified(path)["input"]["resize"] == "shortest"
    model = load(path)
    for size in [(640, 480), (300, 900), (2000, 500)]:
        file, truth = picture(size)
        found_box = envelope(model.predict(file).instances[0])
        assert np.abs(np.array(found_box) - truth).max() < 0.6, size


@pytest.mark.parametrize("kind", ["boxes", "masks", "keypoints"])
def test_rfdetr(net: Any, tmp_path: Path, identified: Any, boxes_right: Any, kind: str) -> None:
    found = net.find(net.input("input", [1, 3, 384, 384]), mean=MEAN, std=STD)
    net.output(net.spread(net.row(*unit(net, found.centred, 384, 384)), 300, 9), "dets", [1, 300, 4])
    low = np.full((1, 300, 3), -9.0, dtype=np.float32)
    low[0, 9, 1] = 0
    low[..., 2] = 5.0  # the background column must not become a finding
    net.output(
        net.add(net.spread(net.row(0.0, logit(net, found.peak), 0.0), 300, 9), net.const(low)), "labels", [1, 300, 3]
    )
    if kind == "masks":
        pooled = net.op("AveragePool", found.heat, kernel_shape=[4, 4], strides=[4, 4])
        plane = net.sub(net.mul(pooled, net.const(20.0)), net.const(10.0))
        hot = np.zeros((1, 300, 1, 1), dtype=np.float32)
        hot[0, 9] = 1
        net.output(net.mul(plane, net.const(hot)), "masks", [1, 300, 96, 96])
    if kind == "keypoints":
        x1, y1, _, _ = unit(net, found.corners, 384, 384)
        point = net.row(x1, y1, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        points = net.op("Unsqueeze", net.spread(point, 17, 2), net.const([0], np.int64))
        hot = np.zeros((1, 300, 1, 1), dtype=np.float32)
        hot[0, 9] = 1
        net.output(net.mul(points, net.const(hot)), "keypoints", [1, 300, 17, 8])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert facts["family"] == "rf-detr"
    assert facts["task"] == {"boxes": "detect", "masks": "segment", "keypoints": "pose"}[kind]
    assert facts["confidence"] == "likely"
    (tmp_path / "class_names.txt").write_text("left\nright\n")
    assert identified(path)["confidence"] == ("likely" if kind == "keypoints" else "certain")
    assert len(facts["classes"]) == 2
    for prediction in boxes_right(path, tolerance=2.5 if kind == "masks" else 0.5, orientations=[6]):
        assert prediction.instances[0]["index"] == 1
        if kind == "keypoints":
            box = prediction.instances[0]["bounding-box"]
            eye = prediction.instances[0]["points"][2]
            assert eye["name"] == "right_eye"
            assert np.abs(np.array(eye["point"]) - [box["x"], box["y"]]).max() < 0.01


def test_rfdetr_of_coco_keeps_all_columns(net: Any, tmp_path: Path, identified: Any) -> None:
    found = net.find(net.input("input", [1, 3, 384, 384]), mean=MEAN, std=STD)
    net.output(net.spread(net.row(*unit(net, found.centred, 384, 384)), 300, 9), "dets", [1, 300, 4])
    net.output(net.spread(net.row(found.peak, *[0.0] * 90), 300, 9), "labels", [1, 300, 91])
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert len(facts["classes"]) == 91
    assert (facts["classes"][1], facts["classes"][90]) == ("person", "toothbrush")
    assert facts["names_from"] == "suggestion"


def test_mask2former_map(net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any, envelope: Any) -> None:
    found = net.find(net.input("pixel_values", [1, 3, 384, 384]), mean=MEAN, std=STD)
    classes = np.full((1, 10, 4), -5.0, dtype=np.float32)
    classes[..., 3] = 5
    classes[0, 0] = [-5, 5, -5, -5]
    classes[0, 1] = [5, -5, -5, -5]
    pooled = net.op("AveragePool", found.heat, kernel_shape=[4, 4], strides=[4, 4])
    inside = net.sub(net.mul(pooled, net.const(20.0)), net.const(10.0))
    outside = net.op("Neg", inside)
    rest = net.const(np.full((1, 8, 96, 96), -10.0))
    net.output(net.const(classes), "class_queries_logits", [1, 10, 4])
    net.output(net.op("Concat", inside, outside, rest, axis=1), "masks_queries_logits", [1, 10, 96, 96])
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "background", "1": "road", "2": "sky"}}))
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["classes"][1]) == ("mask2former", "semantic", "road")
    file, truth = picture((640, 480))
    instances = load(path).predict(file).instances
    assert [item["class"] for item in instances] == ["road"]
    assert np.abs(np.array(envelope(instances[0])) - truth).max() < 3


def test_mask2former_of_coco_gives_instances(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("pixel_values", [1, 3, 384, 384]), mean=MEAN, std=STD)
    classes = np.zeros((1, 10, 81), dtype=np.float32)
    classes[..., 80] = 12
    classes[0, 0, 80] = 0
    classes[0, 0, 16] = 12
    pooled = net.op("AveragePool", found.heat, kernel_shape=[4, 4], strides=[4, 4])
    inside = net.sub(net.mul(pooled, net.const(20.0)), net.const(10.0))
    net.output(net.const(classes), "class_queries_logits", [1, 10, 81])
    rest = net.const(np.full((1, 9, 96, 96), -10.0))
    net.output(net.op("Concat", inside, rest, axis=1), "masks_queries_logits", [1, 10, 96, 96])
    path = net.save(tmp_path / "m.onnx")
    assert identified(path)["task"] == "segment"
    for prediction in boxes_right(path, tolerance=3, orientations=[], score=None, sizes=[(640, 480), (400, 400)]):
        assert prediction.instances[0]["class"] == "dog"
