"""Measures the demo model on fresh renders: precision and recall per class at IoU 0.5.

    python resources/demo/evaluate.py                      300 fresh pictures
    python resources/demo/evaluate.py --pictures 50 --draw out/

Needs onnxruntime, numpy and Pillow. Seeds differ from those of training and of the sample pictures.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from fasteners import LABELS
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from render import Box, Look, render

FIRST_SEED = 5_000_000
SIZES = ((1280, 960), (960, 1280), (1600, 900), (800, 800), (640, 480), (720, 1280), (1000, 750))
COLOURS = {"bolt": (255, 92, 72), "nut": (72, 220, 110), "washer": (60, 190, 255)}


@dataclass(frozen=True)
class Found:
    """A detection in pixels of the picture."""

    label: str
    score: float
    x1: float
    y1: float
    x2: float
    y2: float


def overlaps(one: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of one box with many (x1, y1, x2, y2)."""
    wide = np.minimum(one[2], many[:, 2]) - np.maximum(one[0], many[:, 0])
    high = np.minimum(one[3], many[:, 3]) - np.maximum(one[1], many[:, 1])
    inner = np.clip(wide, 0, None) * np.clip(high, 0, None)
    area = (many[:, 2] - many[:, 0]) * (many[:, 3] - many[:, 1])
    return (inner / ((one[2] - one[0]) * (one[3] - one[1]) + area - inner + 1e-9)).astype(np.float32)


def detect(
    session: onnxruntime.InferenceSession, picture: Image.Image, confidence: float = 0.25, iou: float = 0.45
) -> list[Found]:
    """Letterbox, run, and keep the best box of each heap of one class."""
    side = int(session.get_inputs()[0].shape[2])
    scale = min(side / picture.width, side / picture.height)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR)
    left, top = (side - small.width) // 2, (side - small.height) // 2
    canvas = np.full((side, side, 3), 114, np.uint8)
    canvas[top : top + small.height, left : left + small.width] = np.asarray(small.convert("RGB"))
    tensor = canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255.0
    rows = session.run(None, {session.get_inputs()[0].name: tensor})[0][0].T
    kinds, scores = rows[:, 4:].argmax(1), rows[:, 4:].max(1)
    keep = scores >= confidence
    rows, kinds, scores = rows[keep], kinds[keep], scores[keep]
    corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
    corners = (corners - np.asarray([left, top, left, top], np.float32)) / scale
    corners = np.clip(corners, 0, np.asarray([picture.width, picture.height] * 2, np.float32))
    found = []
    order = scores.argsort()[::-1]
    while len(order):
        best, rest = order[0], order[1:]
        found.append(Found(LABELS[kinds[best]], float(scores[best]), *(float(v) for v in corners[best])))
        order = rest[(kinds[rest] != kinds[best]) | (overlaps(corners[best], corners[rest]) < iou)]
    return found


def match(found: list[Found], truth: list[Box], iou: float = 0.5) -> dict[str, tuple[int, int, int]]:
    """Per class: true positives, detections, true boxes. Each true box is matched once, best scores first."""
    counts = {}
    for label in LABELS:
        mine = sorted((f for f in found if f.label == label), key=lambda f: -f.score)
        boxes = np.asarray([(b.x1, b.y1, b.x2, b.y2) for b in truth if b.label == label], np.float32).reshape(-1, 4)
        free, hits = np.ones(len(boxes), bool), 0
        for f in mine:
            value = overlaps(np.asarray([f.x1, f.y1, f.x2, f.y2], np.float32), boxes) * free
            if len(value) and value.max() >= iou:
                free[value.argmax()] = False
                hits += 1
        counts[label] = (hits, len(mine), len(boxes))
    return counts


def draw_found(picture: Image.Image, found: list[Found]) -> Image.Image:
    """A copy of the picture with the detections drawn on it."""
    picture = picture.copy()
    pen = ImageDraw.Draw(picture)
    for f in found:
        pen.rectangle((f.x1, f.y1, f.x2, f.y2), outline=COLOURS[f.label], width=max(2, picture.width // 400))
        pen.text((f.x1 + 3, f.y1 + 2), f"{f.label} {f.score:.2f}", fill=COLOURS[f.label])
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("fasteners.onnx"))
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--confidence", type=float, default=0.25)
    parser.add_argument("--nms-iou", type=float, default=0.45)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--draw", type=Path, help="write the pictures with their detections into this folder")
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(options.model, settings, providers=["CPUExecutionProvider"])
    total = {label: np.zeros(3, int) for label in LABELS}
    for i in range(options.pictures):
        scene = render(FIRST_SEED + i, SIZES[i % len(SIZES)], Look(clean=i % 3 == 0, oversample=2))
        found = detect(session, scene.image, options.confidence, options.nms_iou)
        counts = match(found, scene.boxes)
        for label, (hits, made, real) in counts.items():
            total[label] += (hits, made, real)
        if options.draw:
            options.draw.mkdir(parents=True, exist_ok=True)
            wrong = sum(made + real - 2 * hits for hits, made, real in counts.values())
            draw_found(scene.image, found).save(options.draw / f"{i:03d}-{wrong}wrong.jpg", quality=90)
    print(f"{options.pictures} pictures, confidence {options.confidence}, NMS IoU {options.nms_iou}, match IoU 0.5")
    for label, (hits, made, real) in [*total.items(), ("all", sum(total.values()))]:
        print(f"{label:7} precision {hits / max(made, 1):.3f}  recall {hits / max(real, 1):.3f}  of {real}")


if __name__ == "__main__":
    main()
