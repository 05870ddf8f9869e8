"""Classifiers, semantic maps, foreground masks, and what is declined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop_app.core.errors import ModelLoadError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_classifier_with_hugging_face_files(net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any) -> None:
    found = net.find(net.input("pixel_values", ["b", 3, "h", "w"]), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    net.output(net.row(0.0, 0.0, net.mul(found.peak, net.const([3.0]))), "logits", ["b", 3])
    path = net.save(tmp_path / "onnx" / "model.onnx")
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "cat", "1": "dog", "2": "emu"}}))
    half = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": 192, "width": 192}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(half))
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("classifier", "classify", "likely")
    assert (facts["input"]["width"], facts["input"]["mean"], facts["input"]["resize"]) == (192, [0.5] * 3, "stretch")
    found_class = load(path).predict(picture((300, 200))[0]).classifications
    assert found_class[0]["class"] == "emu"
    assert abs(found_class[0]["score"] - np.exp(3) / (np.exp(3) + 2)) < 0.01


def test_multi_label_gives_all_above_the_threshold(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    found = net.find(net.input("pixel_values", [1, 3, 64, 64]), mean=MEAN, std=STD)
    net.output(net.row(net.mul(found.peak, net.const([2.0])), -3.0, 1.0), "logits", [1, 3])
    config = {"problem_type": "multi_label_classification", "id2label": {"0": "wet", "1": "dry", "2": "red"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found_classes = load(net.save(tmp_path / "m.onnx")).predict(picture((64, 64))[0]).classifications
    assert [item["class"] for item in found_classes] == ["wet", "red"]


def test_imagenet_classifier_without_files_is_likely(net: Any, tmp_path: Path, identified: Any) -> None:
    found = net.find(net.input("x", [1, 3, 224, 224]), mean=MEAN, std=STD)
    net.output(net.mul(found.peak, net.const(np.ones((1, 1000)))), "logits", [1, 1000])
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert (facts["family"], facts["confidence"]) == ("classifier", "likely")
    assert any("ImageNet" in warning for warning in facts["warnings"])


def test_torchvision_segmenter_skips_background(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("input", [1, 3, 256, 256]), mean=MEAN, std=STD)
    thing = net.mul(found.heat, net.const(20.0))
    parts = [net.const(np.full((1, 1, 256, 256), 10.0)), thing, net.const(np.zeros((1, 19, 256, 256)))]
    net.output(net.op("Concat", *parts, axis=1), "out", [1, 21, 256, 256])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("semantic", "semantic", "likely")
    assert facts["classes"][:2] == ["background", "aeroplane"]
    for prediction in boxes_right(path, tolerance=1.2, orientations=[5], score=None):
        assert prediction.instances[0]["class"] == "aeroplane"
    for prediction in boxes_right(path, tolerance=1.2, orientations=[], score=None, shape="polygon"):
        assert "polygon" in prediction.instances[0]


def test_segformer_at_a_quarter(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("pixel_values", [1, 3, 256, 256]), mean=MEAN, std=STD)
    pooled = net.op("AveragePool", found.heat, kernel_shape=[4, 4], strides=[4, 4])
    thing = net.sub(net.mul(pooled, net.const(20.0)), net.const(10.0))
    rest = net.const(np.concatenate([np.zeros((1, 1, 64, 64)), np.full((1, 17, 64, 64), -50.0)], axis=1))
    net.output(net.op("Concat", thing, rest, axis=1), "logits", [1, 19, 64, 64])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["task"], facts["classes"][0], facts["names_from"]) == ("semantic", "road", "suggestion")
    for prediction in boxes_right(
        path, tolerance=3, orientations=[], score=None, overrides={"output": {"background": [1]}}
    ):
        assert prediction.instances[0]["class"] == "road"


@pytest.mark.parametrize(
    ("kind", "size", "outputs", "options"),
    [
        ("U²-Net", 320, 7, {"mean": MEAN, "std": STD}),
        ("ISNet", 1024, 1, {"mean": (0.5, 0.5, 0.5)}),
        ("BiRefNet", 256, 1, {"mean": MEAN, "std": STD}),
    ],
)
def test_foreground_masks(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any, kind: str, size: int, outputs: int, options: Any
) -> None:
    birefnet = kind == "BiRefNet"
    image = net.input("input_image" if birefnet else "input", [1, 3, size, size])
    found = net.find(image, **options)
    plane = net.sub(net.mul(found.heat, net.const(20.0)), net.const(10.0)) if birefnet else found.heat
    names = ["output_image"] if birefnet else [str(1959 + index) for index in range(outputs)]
    for name in names:
        net.output(plane, name, [1, 1, size, size])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["output"]["kind"]) == ("saliency", "mask", kind)
    assert facts["output"]["activation"] == ("sigmoid" if birefnet else "none")
    assert facts["classes"] == ["foreground"]
    boxes_right(path, tolerance=1.2, orientations=[6], score=1.0, sizes=[(640, 480), (333, 517)])


def test_modnet_is_dynamic(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("input", ["b", 3, "h", "w"]), mean=(0.5,) * 3, std=(0.5,) * 3)
    net.output(found.heat, "output", ["b", 1, "h", "w"])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["output"]["kind"], facts["input"]["width"], facts["input"]["std"]) == ("MODNet", 512, [0.5] * 3)
    boxes_right(path, tolerance=1.2, orientations=[], score=1.0, sizes=[(640, 480)])


def test_ppocr_detector_gives_polygons(net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any) -> None:
    found = net.find(net.input("x", ["b", 3, "h", "w"]), mean=MEAN, std=STD, bgr=True)
    net.output(net.mul(found.heat, net.const(0.9)), "sigmoid_0.tmp_0", ["b", 1, "h", "w"])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["classes"]) == ("ppocr-detector", ["text"])
    file, (x1, y1, x2, y2) = picture((640, 480))
    instance = load(path).predict(file).instances[0]
    points = np.array(instance["polygon"])
    distance = (x2 - x1) * (y2 - y1) * 1.6 / (2 * (x2 - x1 + y2 - y1))
    expected = np.clip([x1 - distance, y1 - distance, x2 + distance, y2 + distance], 0, [640, 480, 640, 480])
    assert np.abs(np.concatenate([points.min(axis=0), points.max(axis=0)]) - expected).max() < 2.5
    assert abs(instance["score"] - 0.9) < 0.02


def declined_net(net: Any, kind: str) -> None:
    if kind == "text":
        image = net.input("x", ["b", 3, 48, "w"])
        peak = net.op("ReduceMax", image, axes=[0, 1, 2, 3], keepdims=0)
        net.output(net.mul(peak, net.const(np.ones((1, 40, 97)))), "softmax_0", ["b", "t", 97])
        net.metadata = {"character": "\n".join("abcdefghijklmnop")}
        return
    if kind == "two":
        a, b = net.input("left", [1, 3, 64, 64]), net.input("right", [1, 3, 64, 64])
        net.output(net.add(a, b), "sum", [1, 3, 64, 64])
        return
    image = net.input("input", [1, 3, 64, 64])
    if kind == "super":
        scales = net.const([1, 1, 2, 2])
        nodes_value = net.op("Resize", image, "", scales, mode="nearest")
        net.output(nodes_value, "output", [1, 3, 128, 128])
    elif kind == "embedding":
        peak = net.op("ReduceMax", image, axes=[0, 1, 2, 3], keepdims=0)
        net.output(net.mul(peak, net.const(np.linspace(-1, 2, 512)[None])), "683", [1, 512])
    elif kind == "depth":
        net.output(net.op("ReduceMax", image, axes=[1], keepdims=1), "predicted_depth", [1, 1, 64, 64])
    elif kind == "filter":
        net.output(net.mul(image, net.const(0.5)), "output", [1, 3, 64, 64])
    elif kind == "landmarks":
        peak = net.op("ReduceMax", image, axes=[0, 1, 2, 3], keepdims=0)
        net.output(net.mul(peak, net.const(np.ones((1, 136)))), "landmarks", [1, 136])
    elif kind == "number":
        net.output(net.reshape(net.op("ReduceMax", image, axes=[1, 2, 3], keepdims=0), 1, 1), "age", [1, 1])
    elif kind == "prompts":
        points = net.input("point_coords", [1, 3])
        net.output(net.mul(image, net.reshape(points, 1, 3, 1, 1)), "masks", [1, 3, 64, 64])
    elif kind == "tokens":
        tokens = net.input("input_ids", [1, 16], "int64")
        zero = net.op("ReduceMax", net.cast(tokens, "float32"), axes=[0, 1], keepdims=0)
        net.output(net.mul(image, zero), "logits", [1, 3, 64, 64])


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("text", "text recogniser"),
        ("two", "several inputs"),
        ("super", "super-resolution"),
        ("embedding", "embedding"),
        ("depth", "depth"),
        ("filter", "filter"),
        ("landmarks", "landmark regressor"),
        ("number", "one number"),
        ("prompts", "segmenter with prompts"),
        ("tokens", "model of text"),
    ],
)
def test_what_gives_no_annotations_is_declined_by_name(
    net: Any, tmp_path: Path, identified: Any, load: Any, kind: str, word: str
) -> None:
    declined_net(net, kind)
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert facts["task"] == "unsupported"
    assert word in facts["why"][0]
    assert facts["confidence"] != "certain"
    with pytest.raises(ModelLoadError, match=word) as caught:
        load(path)
    assert caught.value.remedy


def test_an_embedding_taken_for_a_classifier_by_choice(net: Any, tmp_path: Path, load: Any) -> None:
    declined_net(net, "embedding")
    path = net.save(tmp_path / "m.onnx")
    assert load(path, overrides={"family": "classifier"}).found.task == "classify"


def test_timm_classifier_is_prepared_as_its_config_says(
    net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any
) -> None:
    found = net.find(net.input("x", [1, 3, 224, 224]), mean=(0.5,) * 3, std=(0.5,) * 3)
    net.output(net.row(2.0, net.mul(found.peak, net.const([4.0])), 0.0), "logits", [1, 3])
    path = net.save(tmp_path / "m.onnx")
    config = {
        "architecture": "resnet18",
        "num_classes": 3,
        "label_names": ["a", "b", "c"],
        "pretrained_cfg": {
            "input_size": [3, 224, 224],
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "crop_pct": 0.95,
            "crop_mode": "center",
            "interpolation": "bicubic",
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    facts = identified(path)
    assert (facts["family"], facts["task"]) == ("classifier", "classify")
    assert (facts["input"]["mean"], facts["input"]["std"]) == ([0.5] * 3, [0.5] * 3)
    assert facts["input"]["crop_ratio"] == 0.95
    (label,) = load(path).predict(picture((500, 300))[0]).classifications
    # Softmax of 2, 4, 0: only where mean and deviation were right is the peak 1.
    assert label["index"] == 1
    assert abs(label["score"] - np.exp(4) / (np.exp(2) + np.exp(4) + 1)) < 0.01


def test_mmdeploy_class_map_of_int64(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("input", [1, 3, 320, 320]), mean=MEAN, std=STD)
    net.output(net.cast(net.op("Greater", found.heat, net.const(0.5)), "int64"), "output", [1, 1, 320, 320], "int64")
    path = net.save(tmp_path / "m.onnx")
    (tmp_path / "labels.txt").write_text("background\nroad\n")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["output"]["format"]) == ("semantic", "semantic", "class-map")
    assert facts["confidence"] != "certain"
    for prediction in boxes_right(path, tolerance=2.1, orientations=[6], score=1.0):
        assert prediction.instances[0]["class"] == "road"
