"""Instance masks to polygons, against OpenCV on masks at the size of the asset."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.core.profile import Detection
from desktop_app.worker.onnx.decoded import Masks, Rows, Space
from desktop_app.worker.onnx.geometry import plan
from desktop_app.worker.onnx.instances import place_rows
from desktop_app.worker.onnx.settings import merge
from desktop_app.worker.onnx.spec import InputSpec
from tests.bench import peers
from tests.bench.contest import START_LIMIT_S, Process, environment
from tests.bench.report import Bar, Line

COUNT = 300
INPUT = 640
PROTOTYPE = 160
"""Side of the field that a segmentation model gives its masks on: a quarter of its input."""
ASSET = (3840, 2160)
PAIRS = 5
NAMES = tuple(f"class {number}" for number in range(80))

Floats = NDArray[np.float32]

SCRIPT = """
import json, sys, time
import cv2, numpy

found = numpy.load(sys.argv[1])
fields, boxes, (width, height) = found["fields"], found["boxes"], found["asset"].tolist()
print(json.dumps({"ready": True}), flush=True)


def polygons():
    side = fields.shape[1]
    scale = max(width, height) / side
    inner_w, inner_h = round(width / scale), round(height / scale)
    left, top = (side - inner_w) // 2, (side - inner_h) // 2
    result = []
    for field, box in zip(fields, boxes):
        inner = field[top : top + inner_h, left : left + inner_w]
        mask = cv2.resize(inner, (width, height), interpolation=cv2.INTER_LINEAR) > 0
        whole = numpy.zeros((height, width), dtype=numpy.uint8)
        x1, y1, x2, y2 = numpy.clip(box, 0, (width, height) * 2).astype(int)
        whole[y1:y2, x1:x2] = mask[y1:y2, x1:x2]
        outlines, _ = cv2.findContours(whole, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        result += [cv2.approxPolyDP(outline, 1.0, True) for outline in outlines if cv2.contourArea(outline) > 1]
    return result


for _ in sys.stdin:
    began = time.perf_counter()
    count = len(polygons())
    print(json.dumps({"ms": (time.perf_counter() - began) * 1000, "count": count}), flush=True)
"""


def masks() -> list[Line]:
    """300 masks of a segmentation model, from its own fields to polygons in asset pixels."""
    what = f"{COUNT} instance masks to polygons, {ASSET[0]} × {ASSET[1]}"
    line = Line("masks", what, "OpenCV findContours on masks at asset size", "ms", Bar(1.0))
    rows, fields = _found()
    geometry = plan(InputSpec("images", INPUT, INPUT), *ASSET)
    wanted, _ = merge(Detection(max_instances=COUNT), None, NAMES)
    python = peers.interpreter(("numpy", "opencv-python-headless"))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        folder = Path(name)
        script, data = folder / "peer.py", folder / "masks.npz"
        script.write_text(SCRIPT, encoding="utf-8")
        boxes = geometry.points_to_asset(rows.boxes.reshape(-1, 2)).reshape(-1, 4)
        np.savez(data, fields=fields, boxes=boxes, asset=np.array(ASSET))
        with Process([python, script, data], environment(), folder / "peer.log") as peer:
            peer.next_line(START_LIMIT_S, "ready")
            for _ in range(PAIRS):
                began = time.perf_counter()
                made = place_rows(rows, geometry, wanted, NAMES).kept(wanted)
                ours = (time.perf_counter() - began) * 1000
                peer.write("go")
                reply = peer.next_line(START_LIMIT_S)
                if len(made) != COUNT or reply["count"] < COUNT:
                    raise RuntimeError(f"{len(made)} polygons of ours and {reply['count']} of the peer's")
                line.pairs.append((ours, reply["ms"]))
    line.note = "ours traces with sub-pixel places, keeps holes, and gives finished instances"
    return [line]


def _found() -> tuple[Rows, Floats]:
    """Rows as a decoder gives them: blobs with wavy rims, each within its box, all about the picture."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[:PROTOTYPE, :PROTOTYPE].astype(np.float32) + 0.5
    share = ASSET[1] / ASSET[0]
    low, high = PROTOTYPE * (1 - share) / 2, PROTOTYPE * (1 + share) / 2
    fields, boxes = [], []
    for _ in range(COUNT):
        radius = random.uniform(4, 16)
        cx, cy = random.uniform(radius, PROTOTYPE - radius), random.uniform(low + radius, high - radius)
        angle, waves = np.arctan2(y - cy, x - cx), random.integers(3, 9)
        rim = radius * (1 + 0.15 * np.sin(waves * angle + random.uniform(0, 6)))
        fields.append(rim - np.hypot(x - cx, y - cy))
        reach = 1.2 * radius
        box = np.array([cx - reach, cy - reach, cx + reach, cy + reach]) * (INPUT / PROTOTYPE)
        boxes.append(np.clip(box, 0, INPUT))
    planes = np.stack(fields).astype(np.float32)
    rows = Rows(
        boxes=np.stack(boxes).astype(np.float32),
        scores=random.uniform(0.5, 0.95, COUNT).astype(np.float32),
        classes=random.integers(0, 80, COUNT),
        masks=Masks(lambda row: planes[row]),
        space=Space.INPUT,
        suppressed=True,
    )
    return rows, planes
