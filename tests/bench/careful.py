"""Real jobs against a script that somebody wrote with care, and with assets that lie far away."""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from desktop_app.core.profile import OnnxSource
from tests.bench.contest import Peak, Published, Serving, TimingHub
from tests.bench.model import CONCURRENCY, PAIRS, detector
from tests.bench.report import Bar, Line

NEEDS = ("requests", "pillow", "numpy", "onnxruntime")
BURST = 24
SINGLE = 10
FAR_MS = 300
FAR_JOBS = 24

SCRIPT = """
import io

import numpy as np
import onnxruntime
import requests
from imerit_ango.models.annotate import AnnotationPayload, Answer
from imerit_ango.plugins import ModelPlugin, run
from PIL import Image

SIZE, CONFIDENCE, IOU = 640, 0.25, 0.45

session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
web = requests.Session()


def callback(data):
    reply = web.get(data["dataURL"], timeout=30)
    reply.raise_for_status()
    picture = Image.open(io.BytesIO(reply.content)).convert("RGB")
    scale = SIZE / max(picture.size)
    width, height = round(picture.width * scale), round(picture.height * scale)
    left, top = (SIZE - width) // 2, (SIZE - height) // 2
    square = Image.new("RGB", (SIZE, SIZE), (114, 114, 114))
    square.paste(picture.resize((width, height), Image.Resampling.BILINEAR), (left, top))
    tensor = (np.asarray(square, dtype=np.float32) / 255.0).transpose(2, 0, 1)[None]
    (raw,) = session.run(None, {"images": np.ascontiguousarray(tensor)})
    objects = []
    for box, score, label in detections(raw[0].T):
        x1, y1, x2, y2 = (box - [left, top, left, top]) / scale
        x1, x2 = np.clip([x1, x2], 0, picture.width)
        y1, y2 = np.clip([y1, y2], 0, picture.height)
        shape = {"x": float(x1), "y": float(y1), "width": float(x2 - x1), "height": float(y2 - y1)}
        objects.append({"title": "class %d" % label, "bounding-box": shape, "metadata": {"confidence": score}})
    return AnnotationPayload(answer=Answer(objects=objects))


def detections(rows):
    scores = rows[:, 4:].max(axis=1)
    rows, scores = rows[scores >= CONFIDENCE], scores[scores >= CONFIDENCE]
    classes = rows[:, 4:].argmax(axis=1)
    half = rows[:, 2:4] / 2
    boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    found = []
    for label in np.unique(classes):
        order = np.flatnonzero(classes == label)
        order = order[np.argsort(-scores[order])]
        while len(order):
            best, rest = order[0], order[1:]
            found.append((boxes[best], float(scores[best]), int(label)))
            low = np.maximum(boxes[best, :2], boxes[rest, :2])
            high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
            inter = np.clip(high - low, 0, None).prod(axis=1)
            union = (
                (boxes[best, 2:] - boxes[best, :2]).prod() + (boxes[rest, 2:] - boxes[rest, :2]).prod(axis=1) - inter
            )
            order = rest[inter / union <= IOU]
    return found


if __name__ == "__main__":
    plugin = ModelPlugin(id=ID, secret="s", callback=callback, host=HOST)
    run(plugin, host=HOST)
"""
"""What somebody writes who knows the tools; ID, HOST and MODEL come before it."""


def careful() -> list[Line]:
    """Bursts of the same jobs: jobs/s, the most memory; and single ones: event → response."""
    peer_name = "a careful script on the published client"
    rate = Line("careful", f"burst of {BURST} real jobs", peer_name, "jobs/s", Bar(1.6, at_least=True))
    memory = Line("careful-memory", "the same: the most memory, all processes", peer_name, "MB", Bar(0.4))
    single = Line("careful-latency", "one real job: event → response", peer_name, "ms", Bar(1.0))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        assets, file = detector(folder)
        hub = stack.enter_context(TimingHub(assets, folder))
        script = folder / "peer.py"
        script.write_text(f"ID, HOST, MODEL = {'peer'!r}, {hub.url!r}, {str(file)!r}\n{SCRIPT}", encoding="utf-8")
        ours = stack.enter_context(Serving(hub, {"ours": OnnxSource(path=file)}, folder, CONCURRENCY))
        peer = stack.enter_context(Published(hub, "peer", script, folder, NEEDS))
        for plugin in ("ours", "peer"):
            hub.jobs_per_second([plugin], 8)
        cpu = (ours.cpu_s(), peer.cpu_s())
        for _ in range(PAIRS):
            with Peak(ours) as our_peak:
                one = hub.jobs_per_second(["ours"], BURST)
            ours.settle()
            with Peak(peer) as peer_peak:
                other = hub.jobs_per_second(["peer"], BURST)
            peer.settle()
            rate.pairs.append((one, other))
            memory.pairs.append((our_peak.mb, peer_peak.mb))
        rate.more = {
            "ours_cpu_ms_a_job": (ours.cpu_s() - cpu[0]) / PAIRS / BURST * 1000,
            "peer_cpu_ms_a_job": (peer.cpu_s() - cpu[1]) / PAIRS / BURST * 1000,
        }
        for _ in range(PAIRS):
            pair = [statistics.median(hub.latencies(plugin, SINGLE, 50)) for plugin in ("ours", "peer")]
            single.pairs.append((pair[0], pair[1]))
    memory.note = "what processes share counts for each of ours; the published client runs all of a burst at once"
    return [rate, memory, single]


def prefetch() -> list[Line]:
    """Bursts whose assets come 300 ms after they are asked for."""
    what = f"burst of {FAR_JOBS} real jobs, assets behind {FAR_MS} ms"
    line = Line("prefetch", what, "without latency", "jobs/s", Bar(0.9, at_least=True))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        assets, file = detector(folder)
        hub = stack.enter_context(TimingHub(assets, folder))
        ours = stack.enter_context(Serving(hub, {"ours": OnnxSource(path=file)}, folder, CONCURRENCY))
        for wait in (0, FAR_MS):
            hub.jobs_per_second(["ours"], 8, wait)
        for _ in range(PAIRS):
            ours.settle()
            far = hub.jobs_per_second(["ours"], FAR_JOBS, FAR_MS)
            ours.settle()
            line.pairs.append((far, hub.jobs_per_second(["ours"], FAR_JOBS)))
    line.note = "the first of a burst cannot be there sooner than its asset"
    return [line]
