"""Exports of the ultralytics package: every task and form, with and without metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

NAMES = {0: "bolt", 1: "nut", 2: "washer"}


def metadata(task: str, names: dict[int, str] = NAMES, **more: str) -> dict[str, str]:
    return {"stride": "32", "task": task, "names": str(names), "imgsz": "[320, 320]", "batch": "1", **more}


def detector(net: Any, *, nc: int = 3, extra: tuple[Any, ...] = (), size: int = 320, dtype: str = "float32") -> Any:
    image = net.input("images", [1, 3, size, size], dtype)
    found = net.find(image)
    score = net.mul(found.peak, net.const([0.9]))
    scores = [0.0] * nc
    row = net.row(*found.centred, *scores[: min(1, nc - 1)], score, *scores[min(2, nc) :], *extra)
    anchors = sum((size // s) ** 2 for s in (8, 16, 32))
    table = net.op("Transpose", net.spread(row, anchors, 700), perm=[0, 2, 1])
    out = net.cast(table, "float16") if dtype == "float16" else table
    net.output(out, "output0", [1, 4 + nc + len(extra), anchors], dtype)
    return found


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_detector_with_metadata_is_certain_and_right(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any, dtype: str
) -> None:
    detector(net, dtype=dtype)
    net.metadata = metadata("detect")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("ultralytics", "detect", "certain")
    assert facts["classes"] == ["bolt", "nut", "washer"]
    assert facts["input"]["resize"] == "letterbox"
    assert facts["input"]["dtype"] == dtype
    for prediction in boxes_right(path, tolerance=0.5 if dtype == "float32" else 1.2):
        assert prediction.instances[0]["class"] == "nut"


def test_detector_without_metadata_is_likely_and_right(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any
) -> None:
    detector(net)
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("ultralytics", "detect", "likely")
    assert facts["classes"] == ["class_0", "class_1", "class_2"]
    boxes_right(path, orientations=[6])


def test_one_class_has_five_rows(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    detector(net, nc=1)
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"]) == ("ultralytics", "detect")
    assert len(facts["classes"]) == 1
    boxes_right(path, orientations=[8])


def test_overlapping_boxes_are_suppressed_by_class(net: Any, tmp_path: Path, load: Any, picture: Any) -> None:
    image = net.input("images", [1, 3, 320, 320])
    net.find(image)
    table = np.zeros((7, 2100), dtype=np.float32)
    table[:4, 0] = 100, 100, 50, 50
    table[4, 0] = 0.8
    table[:4, 1] = 102, 100, 50, 50
    table[4, 1] = 0.7
    table[:4, 2] = 101, 101, 50, 50
    table[5, 2] = 0.6
    table[:4, 3] = 250, 250, 30, 30
    table[6, 3] = 0.12
    zero = net.mul(net.op("ReduceMax", image, axes=[0, 1, 2, 3], keepdims=0), net.const(0.0))
    net.output(net.add(net.const(table[None]), zero), "output0", [1, 7, 2100])
    net.metadata = metadata("detect")
    path = net.save(tmp_path / "m.onnx")
    file, _ = picture((320, 320))
    found = load(path).predict(file)
    assert [(i["class"], i["score"]) for i in found.instances] == [("bolt", 0.8), ("nut", 0.6)]
    assert [i["score"] for i in found.candidates] == [0.8, 0.6, 0.12]
    agnostic = load(path, agnostic=True).predict(file)
    assert [i["class"] for i in agnostic.instances] == ["bolt"]
    chosen = load(path).predict(file, overrides={"confidence": 0.1, "classes": ["Washer", "rivet"], "colour": 1})
    assert [i["class"] for i in chosen.instances] == ["washer"]
    assert any("rivet" in note for note in chosen.notes)
    assert any("colour" in note for note in chosen.notes)


def test_segment_with_prototypes(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    coefficients = [net.const([1.0]), *[0.0] * 31]
    found = detector(net, extra=tuple(coefficients))
    prototype = net.op("AveragePool", found.heat, kernel_shape=[4, 4], strides=[4, 4])
    first = net.sub(net.mul(prototype, net.const(20.0)), net.const(10.0))
    rest = net.const(np.zeros((1, 31, 80, 80)))
    net.output(net.op("Concat", first, rest, axis=1), "output1", [1, 32, 80, 80])
    net.metadata = metadata("segment")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["task"], facts["confidence"]) == ("segment", "certain")
    # The mask has a quarter of the resolution: its edge is known to a sample's fraction only.
    for prediction in boxes_right(path, tolerance=2.5, orientations=[6]):
        assert "segmentation" in prediction.instances[0]
    boxes_right(path, tolerance=0.5, shape="box", orientations=[])
    boxes_right(path, tolerance=2.5, shape="polygon", orientations=[])


def test_pose_key_points_lie_where_the_model_says(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any, picture: Any
) -> None:
    image = net.input("images", [1, 3, 320, 320])
    found = net.find(image)
    row = net.row(
        *found.centred, net.mul(found.peak, net.const([0.9])), found.x1, found.y1, 0.8, found.x2, found.y2, 0.4
    )
    table = net.op("Transpose", net.spread(row, 2100, 30), perm=[0, 2, 1])
    net.output(table, "output0", [1, 11, 2100])
    net.metadata = metadata("pose", {0: "part"}, kpt_shape="[2, 3]", kpt_names="{0: ['head', 'tail']}")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["task"], facts["keypoints"]) == ("pose", ["head", "tail"])
    for prediction in boxes_right(path, orientations=[6]):
        assert [p["name"] for p in prediction.instances[0]["points"]] == ["head", "tail"]
        assert [p["score"] for p in prediction.instances[0]["points"]] == [0.8, 0.4]
        box = prediction.instances[0]["bounding-box"]
        head = prediction.instances[0]["points"][0]["point"]
        assert np.abs(np.array(head) - [box["x"], box["y"]]).max() < 0.01


@pytest.mark.parametrize("end2end", [False, True])
def test_obb_becomes_a_rotated_box(
    net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any, end2end: bool
) -> None:
    image = net.input("images", [1, 3, 320, 320])
    found = net.find(image)
    angle = 0.5
    if end2end:
        row = net.row(*found.centred, found.peak, 1.0, angle)
        net.output(net.spread(row, 300, 0), "output0", [1, 300, 7])
    else:
        row = net.row(*found.centred, 0.0, found.peak, 0.0, angle)
        net.output(net.op("Transpose", net.spread(row, 2100, 3), perm=[0, 2, 1]), "output0", [1, 8, 2100])
    net.metadata = metadata("obb", end2end=str(end2end))
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["task"], facts["confidence"]) == ("obb", "certain")
    file, (x1, y1, x2, y2) = picture((500, 400))
    instance = load(path).predict(file).instances[0]
    assert instance["class"] == "nut"
    box = instance["rotated-bounding-box"]
    assert abs(box["rotation"] - np.degrees(angle)) < 0.05
    assert abs(box["width"] - (x2 - x1)) < 0.5
    assert abs(box["height"] - (y2 - y1)) < 0.5
    # Rotated about its first corner, clockwise: the centre must come out where the model put it.
    w, h = box["width"], box["height"]
    cx = box["x"] + (w * np.cos(angle) - h * np.sin(angle)) / 2
    cy = box["y"] + (w * np.sin(angle) + h * np.cos(angle)) / 2
    assert abs(cx - (x1 + x2) / 2) < 0.5
    assert abs(cy - (y1 + y2) / 2) < 0.5


def test_end_to_end_rows_need_no_suppression(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    image = net.input("images", [1, 3, 320, 320])
    found = net.find(image)
    row = net.row(*found.corners, net.mul(found.peak, net.const([0.9])), 2.0)
    net.output(net.spread(row, 300, 0), "output0", [1, 300, 6])
    net.metadata = metadata("detect", end2end="True", args="{'nms': False}")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert facts["output"]["format"] == "rows"
    assert facts["confidence"] == "certain"
    for prediction in boxes_right(path):
        assert prediction.instances[0]["class"] == "washer"


@pytest.mark.parametrize("listed", [False, True])
def test_rtdetr_is_stretched_and_normalised(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any, listed: bool
) -> None:
    image = net.input("images", [1, 3, 320, 320])
    found = net.find(image)
    unit = net.const([1 / 320])
    box = [net.mul(value, unit) for value in found.centred]
    score = net.mul(found.peak, net.const([0.9]))
    row = net.row(*box, score, 1.0) if listed else net.row(*box, 0.0, score, 0.0)
    net.output(net.spread(row, 300, 5), "output0", [1, 300, 6 if listed else 7])
    net.metadata = metadata("detect", head="RTDETRDecoder")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert facts["input"]["resize"] == "stretch"
    assert facts["output"]["space"] == "unit"
    for prediction in boxes_right(path):
        assert prediction.instances[0]["class"] == "nut"


def test_classifier_is_softmaxed_already(net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any) -> None:
    image = net.input("images", [1, 3, 224, 224])
    found = net.find(image)
    rest = net.sub(net.const([1.0]), net.mul(found.peak, net.const([0.7])))
    net.output(net.row(rest, net.mul(found.peak, net.const([0.7])), 0.0), "output0", [1, 3])
    net.metadata = metadata("classify")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["task"], facts["confidence"], facts["input"]["resize"]) == ("classify", "certain", "crop")
    prediction = load(path).predict(picture((500, 300))[0])
    assert [(c["class"], round(c["score"], 3)) for c in prediction.classifications] == [("nut", 0.7)]
    assert prediction.instances == []


def test_semantic_class_map(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    image = net.input("images", [1, 3, 320, 320])
    found = net.find(image)
    mask = net.op("Greater", net.op("Squeeze", found.heat, net.const([1], np.int64)), net.const(0.5))
    net.output(net.cast(mask, "uint8"), "output0", [1, 320, 320], "uint8")
    net.metadata = metadata("semantic", {0: "background", 1: "part"})
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["task"], facts["confidence"]) == ("semantic", "certain")
    boxes_right(path, tolerance=1.6, orientations=[6], score=1.0)


def test_depth_is_declined_by_name(net: Any, tmp_path: Path, identified: Any) -> None:
    image = net.input("images", [1, 3, 320, 320])
    net.output(net.find(image).heat, "output0", [1, 1, 320, 320])
    net.metadata = metadata("depth")
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert facts["task"] == "unsupported"
    assert any("depth" in reason for reason in facts["why"])


def test_dynamic_axes_take_the_size_of_the_metadata(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any
) -> None:
    image = net.input("images", ["batch", 3, "height", "width"])
    found = net.find(image)
    row = net.row(*found.centred, 0.0, net.mul(found.peak, net.const([0.9])), 0.0)
    table = net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1])
    net.output(table, "output0", ["batch", 7, "anchors"])
    net.metadata = metadata("detect")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["input"]["width"], facts["input"]["dynamic"], facts["confidence"]) == (320, True, "certain")
    boxes_right(path, orientations=[3])


def test_non_square_input_and_batch_of_two(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    image = net.input("images", [2, 3, 192, 320])
    one = net.op("Slice", image, net.const([0], np.int64), net.const([1], np.int64), net.const([0], np.int64))
    found = net.find(one)
    anchors = sum((192 // s) * (320 // s) for s in (8, 16, 32))
    row = net.row(*found.centred, 0.0, net.mul(found.peak, net.const([0.9])), 0.0)
    table = net.op("Transpose", net.spread(row, anchors, 9), perm=[0, 2, 1])
    net.output(net.op("Concat", table, table, axis=0), "output0", [2, 7, anchors])
    net.metadata = metadata("detect", batch="2", imgsz="[192, 320]")
    path = net.save(tmp_path / "m.onnx")
    assert identified(path)["input"]["height"] == 192
    boxes_right(path, orientations=[6])


def rows_without_metadata(net: Any, extra: tuple[Any, ...], *, grid_sample: bool = False) -> None:
    image = net.input("images", [1, 3, 320, 320])
    found = net.find(image)
    values = found.centred if len(extra) == 1 else found.corners
    if grid_sample:
        values = [net.mul(value, net.const([1 / 320])) for value in found.centred]
        sampled = net.op("GridSample", image, net.const(np.zeros((1, 1, 1, 2))))
        zero = net.mul(net.op("ReduceMax", sampled, axes=[0, 1, 2, 3], keepdims=0), net.const(0.0))
    else:
        zero = net.const(0.0)
    # Two TopK pick the rows, as the exporters' heads do.
    score = net.reshape(net.mul(found.peak, net.const([0.9])), 1, 1)
    best, _ = net.op("TopK", score, net.const([1], np.int64), outputs=2)
    best, _ = net.op("TopK", best, net.const([1], np.int64), outputs=2)
    row = net.row(*values, net.add(net.reshape(best, 1), zero), 1.0, *extra)
    net.output(net.spread(row, 300, 0), "output0", [1, 300, 6 + len(extra)])


@pytest.mark.parametrize(
    ("extra", "task", "resize", "grid_sample"),
    [
        ((), "detect", "letterbox", False),
        ((), "detect", "stretch", True),
        ((0.4,), "obb", "letterbox", False),
        (tuple([100.0, 100.0, 0.9] * 17), "pose", "letterbox", False),
    ],
)
def test_finished_rows_without_metadata(
    net: Any,
    tmp_path: Path,
    identified: Any,
    boxes_right: Any,
    extra: tuple[float, ...],
    task: str,
    resize: str,
    grid_sample: bool,
) -> None:
    rows_without_metadata(net, extra, grid_sample=grid_sample)
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("ultralytics", task, "likely")
    assert facts["input"]["resize"] == resize
    if task != "obb":
        for prediction in boxes_right(path, orientations=[6]):
            assert prediction.instances[0]["index"] == 1


def test_an_angle_everywhere_is_no_class(net: Any, tmp_path: Path, identified: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, 0.0, found.peak, 0.0, 0.0)
    angle = np.zeros((1, 8, 2100), dtype=np.float32)
    angle[:, 7] = 0.78
    table = net.op("Transpose", net.spread(row, 2100, 3), perm=[0, 2, 1])
    net.output(net.add(table, net.const(angle)), "output0", [1, 8, 2100])
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert (facts["task"], len(facts["classes"]), facts["confidence"]) == ("obb", 3, "likely")


def test_an_angle_that_looks_like_a_score_is_seen_by_its_sine(net: Any, tmp_path: Path, identified: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    turned = net.mul(net.op("Sin", net.const([0.0])), net.op("Cos", net.const([0.0])))
    row = net.row(*found.centred, 0.0, found.peak, 0.0, 0.0)
    angle = np.zeros((1, 8, 2100), dtype=np.float32)
    angle[:, 7] = np.linspace(0.03, 0.18, 2100)  # YOLO26's angles are not squeezed into a range
    table = net.op("Transpose", net.spread(row, 2100, 3), perm=[0, 2, 1])
    net.output(net.add(net.add(table, net.const(angle)), turned), "output0", [1, 8, 2100])
    facts = identified(net.save(tmp_path / "m.onnx"))
    assert (facts["task"], len(facts["classes"])) == ("obb", 3)


def test_end_to_end_masks(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.corners, net.mul(found.peak, net.const([0.9])), 1.0, 1.0, *[0.0] * 31)
    net.output(net.spread(row, 300, 4), "output0", [1, 300, 38])
    prototype = net.op("AveragePool", found.heat, kernel_shape=[4, 4], strides=[4, 4])
    first = net.sub(net.mul(prototype, net.const(20.0)), net.const(10.0))
    net.output(net.op("Concat", first, net.const(np.zeros((1, 31, 80, 80))), axis=1), "output1", [1, 32, 80, 80])
    net.metadata = metadata("segment", end2end="True")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["task"], facts["output"]["format"], facts["confidence"]) == ("segment", "rows", "certain")
    for prediction in boxes_right(path, tolerance=2.5, orientations=[6]):
        assert prediction.instances[0]["class"] == "nut"
        assert "segmentation" in prediction.instances[0]


def test_end_to_end_key_points(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    score = net.mul(found.peak, net.const([0.9]))
    row = net.row(*found.corners, score, 0.0, found.x1, found.y1, 0.8, found.x2, found.y2, 0.7)
    net.output(net.spread(row, 300, 4), "output0", [1, 300, 12])
    net.metadata = metadata("pose", {0: "part"}, end2end="True", kpt_shape="[2, 3]")
    path = net.save(tmp_path / "m.onnx")
    assert (identified(path)["keypoints"], identified(path)["confidence"]) == (["point_0", "point_1"], "likely")
    points = [{"object_class_id": 0, "keypoints": {"0": "head", "1": "tail"}, "edges": []}]
    (tmp_path / "keypoints_metadata.json").write_text(json.dumps(points))
    assert (identified(path)["keypoints"], identified(path)["confidence"]) == (["head", "tail"], "certain")
    for prediction in boxes_right(path, orientations=[6]):
        (instance,) = prediction.instances
        box = instance["bounding-box"]
        assert [point["name"] for point in instance["points"]] == ["head", "tail"]
        tail = [box["x"] + box["width"], box["y"] + box["height"]]
        assert np.abs(np.array(instance["points"][1]["point"]) - tail).max() < 0.01


@pytest.mark.parametrize(
    "points", ["[]", "{}", "[1]", '[{"keypoints": {"0": "a", "2": "b"}}]', '[{"keypoints": []}]', "["]
)
def test_key_point_files_that_say_nothing(net: Any, tmp_path: Path, identified: Any, points: str) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.corners, found.peak, 0.0, found.x1, found.y1, 0.8, found.x2, found.y2, 0.7)
    net.output(net.spread(row, 300, 4), "output0", [1, 300, 12])
    net.metadata = metadata("pose", {0: "part"}, end2end="True", kpt_shape="[2, 3]")
    (tmp_path / "keypoints_metadata.json").write_text(points)
    assert identified(net.save(tmp_path / "m.onnx"))["keypoints"] == ["point_0", "point_1"]
