"""YOLOv5, v6, v7, YOLOX, YOLO-NAS and the end-to-end forms, each in its exact signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

ANCHORS = 2100


def objectness_row(net: Any, found: Any, nc: int = 3, objectness: float = 0.95) -> str:
    score = net.mul(found.peak, net.const([objectness]))
    class_score = 0.9 / objectness
    columns = [0.0] * nc
    columns[min(1, nc - 1)] = class_score
    return str(net.row(*found.centred, score, *columns))


def test_yolov5_with_its_metadata_is_certain(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    net.output(net.spread(objectness_row(net, found), 3 * ANCHORS, 11), "output0", [1, 3 * ANCHORS, 8])
    net.metadata = {"stride": "32", "names": "{0: 'a', 1: 'b', 2: 'c'}"}
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("yolov5", "certain")
    for prediction in boxes_right(path):
        assert prediction.instances[0]["class"] == "b"


def test_yolov7_grid_with_one_class_uses_objectness_alone(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any
) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, net.mul(found.peak, net.const([0.4])), 0.0)
    half = np.zeros((1, 3 * ANCHORS, 6), dtype=np.float32)
    half[..., 5] = 0.5
    table = net.add(net.spread(row, 3 * ANCHORS, 11), net.const(half))
    net.output(table, "output", [1, 3 * ANCHORS, 6])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("yolov5", "likely")
    assert facts["output"]["objectness_alone"] is True
    # Taken times the class column it would be 0.2 and below the threshold.
    boxes_right(path, orientations=[6], score=0.4)


def test_yolov5_segment(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, net.mul(found.peak, net.const([0.95])), 0.9 / 0.95, 0.0, 1.0, *[0.0] * 31)
    net.output(net.spread(row, 3 * ANCHORS, 11), "output0", [1, 3 * ANCHORS, 39])
    pooled = net.op("AveragePool", found.heat, kernel_shape=[4, 4], strides=[4, 4])
    first = net.sub(net.mul(pooled, net.const(20.0)), net.const(10.0))
    net.output(net.op("Concat", first, net.const(np.zeros((1, 31, 80, 80))), axis=1), "output1", [1, 32, 80, 80])
    net.metadata = {"stride": "32", "names": "['a', 'b']"}
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("yolov5", "segment", "certain")
    boxes_right(path, tolerance=2.5, orientations=[6])


def test_yolov5_through_tensorflow_is_nhwc_and_normalised(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any
) -> None:
    found = net.find(net.input("x", [1, 320, 320, 3]), layout="nhwc")
    box = [net.mul(value, net.const([1 / 320])) for value in found.centred]
    row = net.row(*box, net.mul(found.peak, net.const([0.95])), 0.9 / 0.95, 0.0)
    net.output(net.spread(row, 3 * ANCHORS, 11), "Identity:0", [1, 3 * ANCHORS, 7])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["input"]["layout"], facts["output"]["space"]) == ("yolov5", "nhwc", "unit")
    boxes_right(path, orientations=[5])


def test_yolov5_classifier_gives_logits(net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any) -> None:
    found = net.find(net.input("images", [1, 3, 224, 224]), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    net.output(net.row(0.0, net.mul(found.peak, net.const([2.0])), 0.0), "output0", [1, 3])
    net.metadata = {"stride": "32", "names": "{0: 'a', 1: 'b', 2: 'c'}"}
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"]) == ("yolov5", "classify")
    prediction = load(path).predict(picture((300, 300))[0])
    expected = np.exp(2) / (np.exp(2) + 2)
    assert prediction.classifications[0]["class"] == "b"
    assert abs(prediction.classifications[0]["score"] - expected) < 0.01


def test_yolov6_has_constant_objectness(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, 0.0, 0.0, net.mul(found.peak, net.const([0.9])))
    ones = np.zeros((1, ANCHORS, 7), dtype=np.float32)
    ones[..., 4] = 1
    net.output(net.add(net.spread(row, ANCHORS, 11), net.const(ones)), "outputs", [1, ANCHORS, 7])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("yolov6", "likely")
    (tmp_path / "labels.txt").write_text("left\nright\n")
    facts = identified(path)
    assert (facts["confidence"], facts["classes"]) == ("certain", ["left", "right"])
    for prediction in boxes_right(path):
        assert prediction.instances[0]["index"] == 1


@pytest.mark.parametrize("raw", [True, False])
def test_yolox_takes_bgr_bytes_at_the_top_left(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any, raw: bool
) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]), scale=1.0, bgr=True)
    at = 50  # row 1, column 10 of the 40 × 40 grid of stride 8
    score = net.mul(found.peak, net.const([0.95]))
    if raw:
        x = net.sub(net.mul(found.cx, net.const([1 / 8])), net.const([10.0]))
        y = net.sub(net.mul(found.cy, net.const([1 / 8])), net.const([1.0]))
        w = net.op("Log", net.mul(found.w, net.const([1 / 8])))
        h = net.op("Log", net.mul(found.h, net.const([1 / 8])))
        row = net.row(x, y, w, h, score, 0.9 / 0.95, 0.0)
    else:
        w = net.op("Exp", net.op("Log", found.w))
        row = net.row(found.cx, found.cy, w, found.h, score, 0.9 / 0.95, 0.0)
    net.output(net.spread(row, ANCHORS, at), "output", [1, ANCHORS, 7])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["output"]["raw"], facts["confidence"]) == ("yolox", raw, "likely")
    assert (facts["input"]["color"], facts["input"]["scale"], facts["input"]["resize"]) == ("bgr", 1.0, "topleft")
    boxes_right(path)


def test_yolov7_raw_maps_use_its_anchors(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    tiny = net.const([1e-4])
    zero = net.mul(found.peak, net.const([0.0]))

    def logit(value: str) -> str:
        return str(net.op("Log", net.div(net.add(value, tiny), net.add(net.sub(net.const([1.0]), value), tiny))))

    # Anchor 2 of stride 32, 459 × 401, at the cell of the rectangle's centre (5, 4 of 10 × 10 moves with the picture):
    # the centre is put within reach of cell (5, 4) by dividing what is left over.
    for index, (stride, cells) in enumerate(((8, 40), (16, 20), (32, 10))):
        size = 3 * cells * cells
        empty = np.full((1, size, 7), -12.0, dtype=np.float32)
        if stride == 32:
            cx = net.div(found.cx, net.const([32.0]))
            cy = net.div(found.cy, net.const([32.0]))
            tx = net.mul(net.add(net.sub(cx, net.const([5.0])), net.const([0.5])), net.const([0.5]))
            ty = net.mul(net.add(net.sub(cy, net.const([4.0])), net.const([0.5])), net.const([0.5]))
            tw = net.mul(net.op("Sqrt", net.div(found.w, net.const([459.0]))), net.const([0.5]))
            th = net.mul(net.op("Sqrt", net.div(found.h, net.const([401.0]))), net.const([0.5]))
            row = net.row(logit(tx), logit(ty), logit(tw), logit(th), 12.0, 12.0, -12.0)
            at = 2 * 100 + 4 * 10 + 5
            hole = np.ones((1, size, 1), dtype=np.float32)
            hole[0, at] = 0
            table = net.add(net.spread(row, size, at), net.mul(net.const(empty), net.const(hole)))
        else:
            table = net.add(net.const(empty), zero)
        value = net.op("Reshape", table, net.const([1, 3, cells, cells, 7], np.int64))
        net.output(value, ["output", "517", "534"][index], [1, 3, cells, cells, 7])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("yolov7", "guess")
    assert any("anchor" in warning for warning in facts["warnings"])
    boxes_right(path, sizes=[(400, 400), (640, 480)], orientations=[], score=1.0, box=(0.4, 0.3, 0.7, 0.6))


def suppressed(net: Any, found: Any) -> str:
    """A NonMaxSuppression that lets the one box through, so that the graph has the operator."""
    box = net.reshape(net.row(*found.corners), 1, 1, 4)
    score = net.reshape(found.peak, 1, 1, 1)
    picked = net.op("NonMaxSuppression", box, score, net.const([10], np.int64), net.const([0.5]), net.const([0.1]))
    return str(net.op("ReduceMax", net.cast(picked, "float32"), axes=[0, 1], keepdims=0))


def test_yolov7_max_wh_rows(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    batch = net.reshape(net.mul(suppressed(net, found), net.const([0.0])), 1)
    net.output(net.row(batch, *found.corners, 4.0, net.mul(found.peak, net.const([0.9]))), "output", ["n", 7])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("yolov7", "likely")
    for prediction in boxes_right(path, orientations=[6]):
        assert prediction.instances[0]["index"] == 4


def test_end_to_end_names(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    net.output(net.const([[1]], np.int32), "num_dets", [1, 1], "int32")
    net.output(net.spread(net.row(*found.corners), 100, 0), "det_boxes", [1, 100, 4])
    scores = net.spread(net.row(net.mul(found.peak, net.const([0.9]))), 100, 0)
    net.output(net.reshape(scores, 1, 100), "det_scores", [1, 100])
    net.output(net.const(np.full((1, 100), 2), np.int32), "det_classes", [1, 100], "int32")
    path = net.save(tmp_path / "m.onnx")
    assert identified(path)["family"] == "efficient-nms"
    for prediction in boxes_right(path):
        assert prediction.instances[0]["index"] == 2


def test_tensorrt_suppression_is_taken_off(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    boxes = net.spread(net.row(*found.centred), ANCHORS, 3)
    scores = net.spread(net.row(0.0, net.mul(found.peak, net.const([0.9]))), ANCHORS, 3)
    model = net.model()
    names = ["num_dets", "det_boxes", "det_scores", "det_classes"]
    node = helper.make_node("EfficientNMS_TRT", [boxes, scores], names, domain="TRT", box_coding=1, score_threshold=0.2)
    model.graph.node.append(node)
    for name in names:
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    model.opset_import.append(helper.make_opsetid("TRT", 1))
    path = tmp_path / "trt.onnx"
    onnx.save_model(model, str(path))
    facts = identified(path)
    assert facts["family"] == "efficient-nms"
    assert any("TensorRT" in warning for warning in facts["warnings"])
    for prediction in boxes_right(path):
        assert prediction.instances[0]["index"] == 1


@pytest.mark.parametrize("flat", [True, False])
def test_yolo_nas_takes_bytes(net: Any, tmp_path: Path, identified: Any, boxes_right: Any, flat: bool) -> None:
    found = net.find(net.input("input", [1, 3, 640, 640], "uint8"), scale=1.0)
    score = net.mul(found.peak, net.const([0.9]))
    # Its 636 of 640 leave the picture a little smaller than the input: the graph sees what it sees.
    if flat:
        net.output(net.row(0.0, *found.corners, score, 7.0), "flat_predictions", ["n", 7])
    else:
        net.output(net.const([[1]], np.int64), "num_predictions", [1, 1], "int64")
        net.output(net.spread(net.row(*found.corners), 50, 0), "pred_boxes", [1, 50, 4])
        net.output(net.reshape(net.spread(net.row(score), 50, 0), 1, 50), "pred_scores", [1, 50])
        net.output(net.const(np.full((1, 50), 7), np.int64), "pred_classes", [1, 50], "int64")
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"], facts["input"]["dtype"]) == ("yolo-nas", "likely", "uint8")
    for prediction in boxes_right(path, orientations=[6]):
        assert prediction.instances[0]["index"] == 7
