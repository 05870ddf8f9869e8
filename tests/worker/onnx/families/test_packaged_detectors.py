"""torchvision, TensorFlow, Paddle, PicoDet, mmdeploy and the face detectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = {"scale": 1.0, "mean": (127.5,) * 3, "std": (128.0,) * 3}


def hot(count: int, at: int, *rest: int) -> np.ndarray:
    value = np.zeros((1, count, *rest), dtype=np.float32)
    value[0, at] = 1
    return value


@pytest.mark.parametrize("masks", [False, True])
def test_torchvision_labels_start_at_one(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any, masks: bool
) -> None:
    found = net.find(net.input("image", [3, "h", "w"]), layout="chw")
    box = net.reshape(net.row(*found.corners), 1, 1, 4)
    picked = net.op(
        "NonMaxSuppression",
        box,
        net.reshape(found.peak, 1, 1, 1),
        net.const([10], np.int64),
        net.const([0.5]),
        net.const([0.1]),
    )
    kept = net.op("Gather", net.reshape(box, 1, 4), net.op("Gather", picked, net.const(2, np.int64), axis=1), axis=0)
    net.output(kept, "boxes", ["n", 4])
    count = net.op("Shape", net.op("Gather", kept, net.const(0, np.int64), axis=1))
    net.output(net.op("Expand", net.const([2], np.int64), count), "labels", ["n"], "int64")
    scores = net.op("Expand", net.mul(found.peak, net.const([0.9])), count)
    net.output(scores, "scores", ["n"])
    if masks:
        net.output(found.heat, "masks", ["n", 1, "h", "w"])
    net.const(np.zeros((4, 8)))
    net.constants[-1].name = "roi_heads.box_predictor.cls_score.weight"
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("torchvision-detection", "likely")
    assert "class names are not in it" in facts["why"][-1]
    assert facts["task"] == ("segment" if masks else "detect")
    assert len(facts["classes"]) == 3
    for prediction in boxes_right(path, orientations=[6], tolerance=0.8 if masks else 0.5):
        assert prediction.instances[0]["index"] == 1


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_tensorflow_detection_api(net: Any, tmp_path: Path, identified: Any, boxes_right: Any, dtype: str) -> None:
    image = net.input("input_tensor:0", [1, 320, 320, 3], dtype)
    found = net.find(image, scale=1.0, layout="nhwc")
    part = net.const([1 / 320])
    row = net.row(*[net.mul(value, part) for value in (found.y1, found.x1, found.y2, found.x2)])
    net.output(net.spread(row, 100, 0), "detection_boxes:0", [1, 100, 4])
    score = net.spread(net.row(net.mul(found.peak, net.const([0.9]))), 100, 0)
    net.output(net.reshape(score, 1, 100), "detection_scores:0", [1, 100])
    net.output(net.const(np.full((1, 100), 3.0)), "detection_classes:0", [1, 100])
    net.output(net.const([1.0]), "num_detections:0", [1])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["input"]["layout"]) == ("tensorflow-detection", "nhwc")
    assert facts["confidence"] == "likely"  # nothing says how many classes it has
    for prediction in boxes_right(path):
        assert prediction.instances[0]["index"] == 2


@pytest.mark.parametrize("keep_ratio", [False, True])
def test_paddle_answers_in_asset_pixels(
    net: Any, tmp_path: Path, identified: Any, boxes_right: Any, keep_ratio: bool
) -> None:
    found = net.find(net.input("image", [1, 3, 320, 320]), mean=MEAN, std=STD)
    net.input("im_shape", [1, 2])
    scale = net.input("scale_factor", [1, 2])
    sy, sx = net.op("Split", scale, net.const([1, 1], np.int64), outputs=2, axis=1)
    box = [net.div(value, net.reshape(sx if index % 2 == 0 else sy, 1)) for index, value in enumerate(found.corners)]
    net.output(net.row(4.0, net.mul(found.peak, net.const([0.9])), *box), "multiclass_nms3_0.tmp_0", ["n", 6])
    net.output(net.const([1], np.int32), "multiclass_nms3_0.tmp_2", [1], "int32")
    (tmp_path / "infer_cfg.yml").write_text(
        "mode: paddle\narch: YOLO\nPreprocess:\n- interp: 2\n"
        f"  keep_ratio: {str(keep_ratio).lower()}\n  target_size:\n  - 320\n  - 320\n  type: Resize\n"
        "- is_scale: true\n  mean:\n  - 0.485\n  - 0.456\n  - 0.406\n  std:\n  - 0.229\n  - 0.224\n  - 0.225\n"
        "  type: NormalizeImage\n- type: Permute\nlabel_list:\n- a\n- b\n- c\n- d\n- e\n"
    )
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"], facts["classes"]) == ("paddle-detection", "certain", list("abcde"))
    assert facts["input"]["resize"] == ("topleft" if keep_ratio else "stretch")
    for prediction in boxes_right(path):
        assert prediction.instances[0]["class"] == "e"


def test_picodet_integrates_distances(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("image", [1, 3, 320, 320]), mean=MEAN, std=STD)
    cells = [40 * 40, 20 * 20, 10 * 10, 5 * 5]
    # Stride 32, the cell in the middle of the picture; each distance is one of whole bins blended by softmax.
    at, stride, centre = 5 * 10 + 5, 32.0, 5.5 * 32

    def distance(value: str, sign: float) -> list[str]:
        far = net.mul(net.sub(value, net.const([centre])), net.const([sign / stride]))
        bins = []
        for index in range(8):
            gap = net.op("Abs", net.sub(far, net.const([float(index)])))
            weight = net.op("Max", net.sub(net.const([1.0]), gap), net.const([1e-9]))
            bins.append(net.op("Log", weight))
        return bins

    box = [
        *distance(found.x1, -1),
        *distance(found.y1, -1),
        *distance(found.x2, 1),
        *distance(found.y2, 1),
    ]
    zero = net.mul(found.peak, net.const([0.0]))
    for index, count in enumerate(cells):
        row = net.row(0.0, net.mul(found.peak, net.const([0.9]))) if index == 2 else net.row(zero, zero)
        net.output(net.spread(row, count, at if index == 2 else 0), f"cls{index}", [1, count, 2])
    for index, count in enumerate(cells):
        row = net.row(*box) if index == 2 else net.row(*[zero] * 32)
        net.output(net.spread(row, count, at if index == 2 else 0), f"box{index}", [1, count, 32])
    net.metadata = {"character": "text\ntable"}
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["classes"]) == ("picodet", ["text", "table"])
    for prediction in boxes_right(path, box=(0.3, 0.3, 0.7, 0.7)):
        assert prediction.instances[0]["class"] == "table"


def pipeline(path: Path, *, keep_ratio: bool) -> None:
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "keep_ratio": keep_ratio, "size": [320, 320]},
        {"type": "Normalize", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "to_rgb": True},
        {"type": "Pad", "size_divisor": 32},
    ]
    (path / "pipeline.json").write_text(json.dumps({"pipeline": {"tasks": [{"transforms": steps}]}}))


@pytest.mark.parametrize("keep_ratio", [False, True])
def test_mmdeploy_detection(net: Any, tmp_path: Path, identified: Any, boxes_right: Any, keep_ratio: bool) -> None:
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    found = net.find(net.input("input", [1, 3, 320, 320]), scale=1.0, mean=mean, std=std)
    row = net.row(*found.corners, net.mul(found.peak, net.const([0.9])))
    net.output(net.spread(row, 100, 0), "dets", [1, 100, 5])
    net.output(net.const(np.full((1, 100), 6), np.int64), "labels", [1, 100], "int64")
    pipeline(tmp_path, keep_ratio=keep_ratio)
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("mmdeploy", "detect", "likely")
    for prediction in boxes_right(path):
        assert prediction.instances[0]["index"] == 6


def test_mmdeploy_masks_in_boxes(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    found = net.find(net.input("input", [1, 3, 320, 320]), scale=1.0, mean=mean, std=std)
    net.output(net.spread(net.row(*found.corners, net.mul(found.peak, net.const([0.9]))), 10, 0), "dets", [1, 10, 5])
    net.output(net.const(np.zeros((1, 10)), np.int64), "labels", [1, 10], "int64")
    net.output(net.const(np.ones((1, 10, 28, 28))), "masks", [1, 10, 28, 28])
    pipeline(tmp_path, keep_ratio=True)
    path = net.save(tmp_path / "m.onnx")
    assert identified(path)["task"] == "segment"
    for prediction in boxes_right(path, orientations=[7]):
        assert "segmentation" in prediction.instances[0]


def test_mmdeploy_rotated(net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any) -> None:
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    found = net.find(net.input("input", [1, 3, 320, 320]), scale=1.0, mean=mean, std=std)
    net.output(net.spread(net.row(*found.centred, 0.3, found.peak), 10, 0), "dets", [1, 10, 6])
    net.output(net.const(np.zeros((1, 10)), np.int64), "labels", [1, 10], "int64")
    pipeline(tmp_path, keep_ratio=True)
    path = net.save(tmp_path / "m.onnx")
    assert identified(path)["task"] == "obb"
    file, (x1, y1, x2, y2) = picture((400, 300))
    box = load(path).predict(file).instances[0]["rotated-bounding-box"]
    assert abs(box["rotation"] - np.degrees(0.3)) < 0.05
    assert abs(box["width"] - (x2 - x1)) < 0.5
    assert abs(box["height"] - (y2 - y1)) < 0.5


def test_mmdeploy_simcc_pose(net: Any, tmp_path: Path, identified: Any, load: Any, picture: Any) -> None:
    found = net.find(net.input("input", [1, 3, 256, 192]), mean=MEAN, std=STD)
    steps_x = net.const(np.arange(384)[None, None] / 2 + 0.25)
    steps_y = net.const(np.arange(512)[None, None] / 2 + 0.25)

    def bell(steps: str, value: str) -> str:
        gap = net.op("Abs", net.sub(steps, net.reshape(value, 1, 1, 1)))
        return str(net.op("Max", net.sub(net.const(0.9), net.mul(gap, net.const(0.1))), net.const(0.0)))

    net.output(net.op("Concat", bell(steps_x, found.x1), bell(steps_x, found.x2), axis=1), "simcc_x", [1, 2, 384])
    net.output(net.op("Concat", bell(steps_y, found.y1), bell(steps_y, found.y2), axis=1), "simcc_y", [1, 2, 512])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"]) == ("mmdeploy-simcc", "pose")
    model = load(path)
    for size in [(640, 480), (300, 500)]:
        file, (x1, y1, x2, y2) = picture(size)
        instance = model.predict(file).instances[0]
        points = [point["point"] for point in instance["points"]]
        # Half a step of its distribution is a quarter of an input pixel; the picture shrinks by up to 640 · 1.25 / 192.
        assert np.abs(np.array(points) - [[x1, y1], [x2, y2]]).max() < 1.5, size


def test_yunet(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("input", [1, 3, 320, 320]), scale=1.0, bgr=True)
    zero = net.mul(found.peak, net.const([0.0]))
    for stride, cells in ((8, 40), (16, 20), (32, 10)):
        count, mine = cells * cells, stride == 32
        at = 4 * 10 + 5 if mine else 0
        part = net.const([1 / 32])
        x = net.sub(net.mul(found.cx, part), net.const([5.0]))
        y = net.sub(net.mul(found.cy, part), net.const([4.0]))
        box = [x, y, net.op("Log", net.mul(found.w, part)), net.op("Log", net.mul(found.h, part))]
        corner = [
            net.sub(net.mul(found.x1, part), net.const([5.0])),
            net.sub(net.mul(found.y1, part), net.const([4.0])),
        ]
        for name, row, width in (
            ("cls", [net.mul(found.peak, net.const([0.81]))], 1),
            ("obj", [found.peak], 1),
            ("bbox", box, 4),
            ("kps", [*corner, *[0.0] * 8], 10),
        ):
            value = net.spread(net.row(*row) if mine else net.row(*[zero] * width), count, at)
            net.output(value, f"{name}_{stride}", [1, count, width])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"], facts["classes"]) == ("yunet", "certain", ["face"])
    for prediction in boxes_right(path):
        box = prediction.instances[0]["bounding-box"]
        eye = prediction.instances[0]["points"][0]
        assert eye["name"] == "right_eye"
        assert np.abs(np.array(eye["point"]) - [box["x"], box["y"]]).max() < 0.01


@pytest.mark.parametrize("named", [True, False])
def test_scrfd(net: Any, tmp_path: Path, identified: Any, boxes_right: Any, named: bool) -> None:
    found = net.find(net.input("input.1", [1, 3, 320, 320]), **HALF)
    zero = net.mul(found.peak, net.const([0.0]))
    number = 400
    for kind, width in (("score", 1), ("bbox", 4), ("kps", 10)):
        for stride, cells in ((8, 40), (16, 20), (32, 10)):
            count, mine = 2 * cells * cells, stride == 16
            at = 2 * (9 * 20 + 10) + 1 if mine else 0
            cx, cy = 160.0, 144.0
            part = net.const([1 / 16])
            box = [
                net.mul(net.sub(net.const([cx]), found.x1), part),
                net.mul(net.sub(net.const([cy]), found.y1), part),
                net.mul(net.sub(found.x2, net.const([cx])), part),
                net.mul(net.sub(found.y2, net.const([cy])), part),
            ]
            rows = {"score": [net.mul(found.peak, net.const([0.9]))], "bbox": box, "kps": [zero] * 10}
            row = net.row(*rows[kind]) if mine else net.row(*[zero] * width)
            value = net.reshape(net.spread(row, count, at), count, width)
            number += 7
            net.output(value, f"{kind}_{stride}" if named else str(number), [count, width])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["confidence"]) == ("scrfd", "certain" if named else "likely")
    # The points sit at the anchor, which lies inside the picture for the first size.
    assert len(boxes_right(path)[0].instances[0]["points"]) == 5


def test_ultraface(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("input", [1, 3, 240, 320]), scale=1.0, mean=(127.0,) * 3, std=(128.0,) * 3)
    score = net.mul(found.peak, net.const([0.9]))
    net.output(net.spread(net.row(net.sub(net.const([1.0]), score), score), 4420, 8), "scores", [1, 4420, 2])
    wide, high = net.const([1 / 320]), net.const([1 / 240])
    box = [net.mul(v, wide if i % 2 == 0 else high) for i, v in enumerate(found.corners)]
    net.output(net.spread(net.row(*box), 4420, 8), "boxes", [1, 4420, 4])
    path = net.save(tmp_path / "m.onnx")
    assert (identified(path)["family"], identified(path)["confidence"]) == ("ultraface", "certain")
    boxes_right(path)


def test_blazeface(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(
        net.input("input", [1, 128, 128, 3]), scale=1.0, mean=(127.5,) * 3, std=(127.5,) * 3, layout="nhwc"
    )
    at, centre = 2 * (8 * 16 + 8), 8.5 * 8
    x = net.sub(found.cx, net.const([centre]))
    y = net.sub(found.cy, net.const([centre]))
    net.output(net.spread(net.row(x, y, found.w, found.h, *[0.0] * 12), 896, at), "regressors", [1, 896, 16])
    low = np.full((1, 896, 1), -20.0, dtype=np.float32)
    low[0, at] = 0
    net.output(
        net.add(net.spread(net.row(net.mul(found.peak, net.const([2.1972]))), 896, at), net.const(low)),
        "classificators",
        [1, 896, 1],
    )
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["input"]["layout"], facts["confidence"]) == ("blazeface", "nhwc", "likely")
    for prediction in boxes_right(path):
        assert len(prediction.instances[0]["points"]) == 6


def test_centerface(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("input.1", [1, 3, 320, 320]), scale=1.0)
    at = np.zeros((1, 1, 80, 80), dtype=np.float32)
    at[0, 0, 36, 41] = 1
    mask = net.const(at)

    def at_cell(*values: str) -> str:
        stack = net.reshape(net.row(*values), 1, len(values), 1, 1)
        return str(net.mul(stack, mask))

    quarter = net.const([0.25])
    net.output(at_cell(net.mul(found.peak, net.const([0.9]))), "537", [1, 1, 80, 80])
    sizes = [net.op("Log", net.mul(value, quarter)) for value in (found.h, found.w)]
    net.output(at_cell(*sizes), "538", [1, 2, 80, 80])
    offsets = [
        net.sub(net.mul(found.cy, quarter), net.const([36.5])),
        net.sub(net.mul(found.cx, quarter), net.const([41.5])),
    ]
    net.output(at_cell(*offsets), "539", [1, 2, 80, 80])
    half = net.mul(found.peak, net.const([0.5]))
    net.output(at_cell(*[half] * 10), "540", [1, 10, 80, 80])
    path = net.save(tmp_path / "m.onnx")
    assert identified(path)["family"] == "centerface"
    for prediction in boxes_right(path):
        box = prediction.instances[0]["bounding-box"]
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        assert np.abs(np.array(prediction.instances[0]["points"][0]["point"]) - middle).max() < 1.5


def test_torchvision_key_points(net: Any, tmp_path: Path, identified: Any, boxes_right: Any) -> None:
    found = net.find(net.input("image", [3, "h", "w"]), layout="chw")
    net.output(net.reshape(net.row(*found.corners), 1, 4), "boxes", ["n", 4])
    net.output(net.const([1], np.int64), "labels", ["n"], "int64")
    net.output(net.mul(found.peak, net.const([0.9])), "scores", ["n"])
    point = net.row(found.x1, found.y1, 1.0)
    net.output(
        net.op("Expand", net.reshape(point, 1, 1, 3), net.const([1, 17, 3], np.int64)), "keypoints", ["n", 17, 3]
    )
    net.output(net.const(np.full((1, 17), 3.0)), "keypoints_scores", ["n", 17])
    path = net.save(tmp_path / "m.onnx")
    facts = identified(path)
    assert (facts["family"], facts["task"], facts["confidence"]) == ("torchvision-detection", "pose", "likely")
    assert facts["keypoints"][0] == "nose"
    for prediction in boxes_right(path, orientations=[6]):
        (instance,) = prediction.instances
        box, points = instance["bounding-box"], instance["points"]
        assert len(points) == 17
        assert np.abs(np.array(points[3]["point"]) - [box["x"], box["y"]]).max() < 0.01
