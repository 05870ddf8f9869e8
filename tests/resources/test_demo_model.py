"""The committed demo model on the committed sample pictures, judged without any code of the product."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
MODEL = DEMO / "fasteners.onnx"
NAMES = {0: "bolt", 1: "nut", 2: "washer"}
CONFIDENCE, NMS_IOU, MATCH_IOU = 0.25, 0.45, 0.5

Corners = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(MODEL, settings, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def truth() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((DEMO / "assets" / "truth.json").read_text())
    return entries


def iou(a: Corners, b: Corners) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    inner = max(wide, 0.0) * max(high, 0.0)
    return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner)


def detect(session: onnxruntime.InferenceSession, picture: Image.Image) -> list[tuple[str, Corners]]:
    scale = 320 / max(picture.size)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR)
    left, top = (320 - small.width) // 2, (320 - small.height) // 2
    square = Image.new("RGB", (320, 320), (114, 114, 114))
    square.paste(small, (left, top))
    tensor = np.asarray(square, np.float32).transpose(2, 0, 1)[None] / 255
    output: NDArray[np.float32] = session.run(["output0"], {"images": tensor})[0][0]
    kept: list[tuple[str, Corners]] = []
    for row in sorted(output.T.tolist(), key=lambda r: -max(r[4:])):
        score = max(row[4:])
        if score < CONFIDENCE:
            break
        cx, cy, w, h = ((row[0] - left) / scale, (row[1] - top) / scale, row[2] / scale, row[3] / scale)
        box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
        label = NAMES[row[4:].index(score)]
        if all(label != other or iou(box, taken) < NMS_IOU for other, taken in kept):
            kept.append((label, box))
    return kept


def test_model_is_small_and_says_what_it_is(session: onnxruntime.InferenceSession) -> None:
    assert MODEL.stat().st_size <= 3_000_000
    props = session.get_modelmeta().custom_metadata_map
    assert ast.literal_eval(props["names"]) == NAMES
    assert (props["task"], props["stride"], props["imgsz"]) == ("detect", "32", "[320, 320]")
    assert (props["author"], props["license"]) == ("Plugdeck", "MIT")
    assert props["version"]
    assert props["description"]


def test_signature_is_the_anchor_free_export(session: onnxruntime.InferenceSession) -> None:
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1:]) == ("images", "tensor(float)", [3, 320, 320])
    assert made.name == "output0"
    assert isinstance(given.shape[0], str)
    anchors = sum((320 // stride) ** 2 for stride in (8, 16, 32))
    noise = np.random.default_rng(0).random((3, 3, 320, 320), dtype=np.float32)
    output = session.run(None, {"images": noise})[0]
    assert output.shape == (3, 4 + len(NAMES), anchors)
    assert output[:, 4:].min() >= 0
    assert output[:, 4:].max() <= 1
    alone = session.run(None, {"images": noise[1:2]})[0]
    np.testing.assert_allclose(output[1:2], alone, rtol=1e-3, atol=1e-3)


def test_samples_are_what_truth_says(truth: list[dict[str, Any]]) -> None:
    assert len(truth) == 12
    assert {e["file"] for e in truth} == {p.name for p in (DEMO / "assets").glob("*.jpg")}
    assert sum((DEMO / "assets" / e["file"]).stat().st_size for e in truth) < 2_500_000
    assert 6 in {e["orientation"] for e in truth}
    for entry in truth:
        with Image.open(DEMO / "assets" / entry["file"]) as picture:
            assert picture.getexif().get(0x0112, 1) == entry["orientation"]
            upright = ImageOps.exif_transpose(picture)
        assert upright.size == (entry["width"], entry["height"])
        assert (DEMO / "assets" / entry["file"]).stat().st_size < 250_000
        assert {b["label"] for b in entry["boxes"]} == set(NAMES.values())
        for b in entry["boxes"]:
            assert 0 <= b["x1"] < b["x2"] <= entry["width"]
            assert 0 <= b["y1"] < b["y2"] <= entry["height"]


def test_model_finds_the_fasteners(session: onnxruntime.InferenceSession, truth: list[dict[str, Any]]) -> None:
    hits, made, real = (
        dict.fromkeys(NAMES.values(), 0),
        dict.fromkeys(NAMES.values(), 0),
        dict.fromkeys(NAMES.values(), 0),
    )
    for entry in truth:
        with Image.open(DEMO / "assets" / entry["file"]) as picture:
            found = detect(session, ImageOps.exif_transpose(picture).convert("RGB"))
        open_boxes = [(b["label"], (b["x1"], b["y1"], b["x2"], b["y2"])) for b in entry["boxes"]]
        for label, _ in open_boxes:
            real[label] += 1
        for label, box in found:
            made[label] += 1
            best = max((o for o in open_boxes if o[0] == label), key=lambda o: iou(o[1], box), default=None)
            if best and iou(best[1], box) >= MATCH_IOU:
                open_boxes.remove(best)
                hits[label] += 1
    for label in NAMES.values():
        assert hits[label] / made[label] >= 0.9, f"precision of {label}: {hits[label]} of {made[label]}"
        assert hits[label] / real[label] >= 0.9, f"recall of {label}: {hits[label]} of {real[label]}"


def test_render_depends_on_the_seed_alone(tmp_path: Path, truth: list[dict[str, Any]]) -> None:
    def rendered(seed: int, name: str) -> tuple[bytes, str]:
        target = tmp_path / name
        made = subprocess.run(
            [sys.executable, DEMO / "render.py", "--seed", str(seed), "--size", "320", "240", "--out", target],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        )
        return target.read_bytes(), made.stdout

    first = rendered(4242, "a.jpg")
    assert first == rendered(4242, "b.jpg")
    other = rendered(4243, "c.jpg")
    assert other[0] != first[0]
    assert other[1] != first[1]
    assert json.loads(first[1])
