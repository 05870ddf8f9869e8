"""The asset view: frames from the cached overlay, the sharp overlay, hover, and a large picture's first showing."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop_app.core.job import JobDetail
from tests.bench.report import Bar, Line

SIZE = (4000, 3000)
SHAPES = 10_000
POINTS = 100
FRAMES = 60
PICTURE = (12_000, 8_400)
LIMIT_S = 60.0


def overlay() -> list[Line]:
    """10,000 boxes and as many polygons: a frame while panning and zooming, the sharp overlay, hover."""
    app = _application()
    lines = []
    for name, objects in (("boxes", _boxes()), ("polygons", _polygons())):
        found = _look_at(app, objects)
        for row, limit in (("pan", 16.0), ("zoom", 16.0), ("sharp", 300.0), ("hover", 1.0)):
            line = Line(f"overlay-{name}-{row}", f"{SHAPES:,} {name}: {row}", f"{limit:g} ms", "ms", Bar(1.0))
            line.pairs = [(value, limit) for value in found[row]]
            line.more = {"slowest": max(found[row])}
            lines.append(line)
        lines[-1].note = f"parsing the answer, once, off the GUI thread: {found['parse'][0]:.0f} ms of CPU"
    return lines


def first_picture() -> list[Line]:
    """The first picture of a JPEG of 100 megapixels, against reading it with QImage."""
    from PySide6.QtGui import QImage, QImageReader

    from desktop_app.ui.asset.pictures import read_preview

    _application()
    line = Line("first-picture", "first picture of a 100-megapixel JPEG", "full decode with QImage", "s", Bar(0.35))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        path = _large_picture(Path(name))
        QImageReader.setAllocationLimit(1024)
        for _ in range(3):
            line.pairs.append((_timed(lambda: read_preview(path)), _timed(lambda: QImage(str(path)))))
    line.note = "asked for beside it: 0.5 s"
    return [line]


def _application() -> Any:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    return QApplication.instance() or QApplication([])


def _look_at(app: Any, objects: list[dict[str, Any]]) -> dict[str, list[float]]:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QImage

    from desktop_app.ui.asset.items import annotations_of
    from desktop_app.ui.asset.pictures import with_levels
    from desktop_app.ui.asset.scene import Scene
    from desktop_app.ui.asset.view import AssetView
    from desktop_app.ui.background import Background

    began = time.thread_time()
    scene = Scene.of(annotations_of(JobDetail(answer={"objects": objects})))
    found: dict[str, list[float]] = {"parse": [(time.thread_time() - began) * 1000], "sharp": []}
    background = Background()
    view = AssetView(background)
    view.resize(1100, 800)
    picture = QImage(*SIZE, QImage.Format.Format_RGB32)
    picture.fill(0xFF8090A0)
    view.show_picture(with_levels(picture))
    view.show_scene(scene)
    view.show()
    _until(app, lambda: view.is_sharp)
    middle = QPointF(550, 400)
    found["pan"] = [_frame(view, lambda: view._pan(QPointF(1, 1))) for _ in range(FRAMES)]
    _until(app, lambda: view.is_sharp)
    for step in range(5):
        began_wall = time.perf_counter()
        view.zoom_by(1.25 if step % 2 else 0.8, middle)
        _until(app, lambda: view.is_sharp)
        found["sharp"].append((time.perf_counter() - began_wall) * 1000)
    found["zoom"] = [_frame(view, lambda n=n: view.zoom_by(1.03 if n < 30 else 0.97, middle)) for n in range(FRAMES)]
    _until(app, lambda: view.is_sharp)
    found["hover"] = [_timed(lambda n=n: view._hover_at(QPointF(200 + 9 * n, 300))) * 1000 for n in range(FRAMES)]
    view.close()
    background.close()
    return found


def _frame(view: Any, move: Callable[[], None]) -> float:
    began = time.perf_counter()
    move()
    view.repaint()
    return (time.perf_counter() - began) * 1000


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _until(app: Any, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        app.processEvents()
        time.sleep(0.0005)
        if time.monotonic() > end:
            raise RuntimeError("the view did not get sharp")


def _boxes() -> list[dict[str, Any]]:
    return [
        {"title": f"c{n % 7}", "bounding-box": {"x": n % 100 * 40, "y": n // 100 * 30, "width": 30, "height": 20}}
        for n in range(SHAPES)
    ]


def _polygons() -> list[dict[str, Any]]:
    turns = [math.tau * step / POINTS for step in range(POINTS)]
    return [
        {
            "title": f"c{n % 7}",
            "polygon": [
                [round(n % 100 * 40 + 20 + 18 * math.cos(turn), 2), round(n // 100 * 30 + 15 + 14 * math.sin(turn), 2)]
                for turn in turns
            ],
        }
        for n in range(SHAPES)
    ]


def _large_picture(folder: Path) -> Path:
    import numpy as np
    from PIL import Image

    width, height = PICTURE
    noise = np.random.default_rng(1).integers(60, 200, (height // 12, width // 12, 3), dtype=np.uint8)
    path = folder / "large.jpg"
    Image.fromarray(noise).resize(PICTURE, Image.Resampling.BICUBIC).save(path, quality=90)
    return path
