"""Real jobs of a detector, and the steps around the model one by one."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from desktop_app.core.profile import Detection, OnnxSource
from desktop_app.core.resources import resource
from desktop_app.worker.onnx.families import family
from desktop_app.worker.onnx.geometry import plan
from desktop_app.worker.onnx.instances import place_rows
from desktop_app.worker.onnx.model import OnnxModel
from desktop_app.worker.onnx.picture import read_picture
from desktop_app.worker.onnx.preprocess import to_tensor
from desktop_app.worker.onnx.settings import merge
from desktop_app.worker.onnx.spec import InputSpec
from tests.bench import nano
from tests.bench.contest import JOBS_LIMIT_S, START_LIMIT_S, Process, Serving, TimingHub, environment
from tests.bench.report import Bar, Line

REAL_JOBS = 12
PAIRS = 3
CONCURRENCY = 2

Floats = NDArray[np.float32]


def real() -> list[Line]:
    """Bursts of real jobs, from the event to the delivered answer, in pairs with bare runs of the model."""
    lines = [
        Line(name, f"burst of real jobs, {what}", "bare onnxruntime, ready tensors", "jobs/s", Bar(0.8, at_least=True))
        for name, what in (("real", f"concurrency {CONCURRENCY}"), ("real-default", "concurrency 1 (as installed)"))
    ]
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        assets, file = detector(folder)
        bare = stack.enter_context(
            Process([sys.executable, Path(__file__).with_name("bare.py"), file], environment(), folder / "bare.log")
        )
        bare.next_line(START_LIMIT_S)

        def runs(setting: tuple[int, int]) -> float:
            bare.write(f"{setting[0]} {setting[1]} {REAL_JOBS}")
            return float(bare.next_line(JOBS_LIMIT_S)["per_second"])

        settings = [(1, 0), (1, 1), (1, 2), (2, 1)]
        best = max(settings, key=runs)
        hub = stack.enter_context(TimingHub(assets, folder))
        source = OnnxSource(path=file)
        for line, count in zip(lines, (CONCURRENCY, 1), strict=True):
            place = folder / line.row
            place.mkdir()
            with Serving(hub, {line.row: source}, place, count) as ours:
                hub.jobs_per_second([line.row], 8)
                for _ in range(PAIRS):
                    line.pairs.append((hub.jobs_per_second([line.row], REAL_JOBS), runs(best)))
                    ours.settle()
            line.more = {"bare_sessions": best[0], "bare_threads": best[1]}
    return lines


def detector(folder: Path) -> tuple[Path, Path]:
    """Makes a folder with eight 1080p JPEGs, and a model that finds something on each."""
    assets = folder / "assets"
    assets.mkdir()
    for number, path in enumerate(_samples(8)):
        Image.open(path).convert("RGB").resize((1920, 1080)).save(assets / f"{number}.jpg", quality=90)
    file = folder / "nano.onnx"
    nano.write(file, lambda path: _outputs(path, sorted(assets.iterdir())))
    return assets, file


def decode() -> list[Line]:
    """A 24-megapixel JPEG to the tensor of a 640 input."""
    line = Line("decode", "24-megapixel JPEG to a 640 input", "Pillow open().convert().resize()", "ms", Bar(1 / 3))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        path = Path(name) / "large.jpg"
        Image.open(_samples(1)[0]).convert("RGB").resize((6000, 4000), Image.Resampling.BICUBIC).save(path, quality=90)
        spec = InputSpec("images", 640, 640)
        for _ in range(7):
            ours = _ms(lambda: to_tensor(read_picture(path, target=(spec.width, spec.height)), spec))
            line.pairs.append((ours, _ms(lambda: Image.open(path).convert("RGB").resize((640, 640)))))
    line.note = "ours goes on to the finished tensor (letterbox, scaling, layout); Pillow's ends with the picture"
    return [line]


def postprocess() -> list[Line]:
    """8,400 × 84 raw detections to instances."""
    line = Line("postprocess", "post-processing 8,400 × 84", "straight numpy NMS", "ms", Bar(1.0))
    raw = _raw()
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        file = Path(name) / "nano.onnx"
        nano.write(file, lambda path: _outputs(path, _samples(1)))
        found = OnnxModel(OnnxSource(path=file), Detection()).found
    chosen = family(found.family)
    assert chosen is not None
    geometry = plan(found.input, 1280, 1280)  # square: nothing lies in the padding
    wanted, _ = merge(Detection(), None, found.classes)

    def ours() -> int:
        rows = chosen.decode({"output0": raw}, geometry, wanted, found)
        return len(place_rows(rows, geometry, wanted, found.classes).kept(wanted))

    counts = {ours(), len(straight_nms(raw, 0.25, 0.45))}
    if len(counts) != 1:
        raise RuntimeError(f"the two do not find the same: {counts}")
    for _ in range(25):
        line.pairs.append((_ms(ours), _ms(lambda: straight_nms(raw, 0.25, 0.45))))
    line.more = {"instances": counts.pop()}
    line.note = "ours also keeps the candidates below the threshold and gives finished instances in asset pixels"
    return [line]


def straight_nms(raw: Floats, confidence: float, iou: float) -> list[tuple[NDArray[np.float64], float, int]]:
    """What everybody writes: filter, then suppression class by class."""
    table = raw[0].T
    scores = table[:, 4:].max(axis=1)
    table, scores = table[scores >= confidence], scores[scores >= confidence]
    classes = table[:, 4:].argmax(axis=1)
    centre, half = table[:, :2].astype(np.float64), table[:, 2:4].astype(np.float64) / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    result = []
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        order = members[np.argsort(-scores[members])]
        while len(order):
            best, rest = order[0], order[1:]
            result.append((boxes[best], float(scores[best]), int(label)))
            low = np.maximum(boxes[best, :2], boxes[rest, :2])
            high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
            inter = np.clip(high - low, 0, None).prod(axis=1)
            areas = (boxes[rest, 2:] - boxes[rest, :2]).prod(axis=1)
            union = (boxes[best, 2:] - boxes[best, :2]).prod() + areas - inter
            order = rest[inter / union <= iou]
    return result


def _raw() -> Floats:
    """A crowded street: 100 things with 12 overlapping boxes each, and noise below every threshold elsewhere."""
    random = np.random.default_rng(5)
    raw = np.zeros((1, 84, 8400), dtype=np.float32)
    raw[0, :2] = random.uniform(20, 620, (2, 8400))
    raw[0, 2:4] = random.uniform(10, 120, (2, 8400))
    raw[0, 4:] = random.uniform(0, 0.01, (80, 8400))
    places = random.permutation(8400)[:1200].reshape(100, 12)
    for thing in places:
        box = np.array([*random.uniform(60, 580, 2), *random.uniform(30, 90, 2)])
        raw[0, :4, thing] = box + random.normal(0, 1.5, (12, 4))
        raw[0, 4 + int(random.integers(80)), thing] = random.uniform(0.3, 0.95, 12)
    return raw


def _outputs(model: Path, pictures: Sequence[Path]) -> Floats:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    outputs = []
    for picture in pictures:
        tensor, _ = to_tensor(read_picture(picture, target=(640, 640)), InputSpec("images", 640, 640))
        outputs.append(session.run(None, {"images": tensor})[0])
    found: Floats = np.concatenate(outputs)
    return found


def _samples(count: int) -> list[Path]:
    return sorted(Path(str(resource("demo", "assets"))).glob("*.jpg"))[:count]


def _ms(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000
