"""Only where the extra `plugdeck[video]` is installed: it brings the library that reads videos."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from desktop_app.core.job import JobDetail
from desktop_app.ui.asset.items import annotations_of
from desktop_app.ui.asset.pane import AssetPane
from desktop_app.ui.asset.video import why_not
from desktop_app.ui.background import Background

pytestmark = pytest.mark.skipif(
    why_not() is not None, reason="the extra plugdeck[video] is not installed, or not whole"
)

FRAMES = 20
LIMIT = 60_000


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twenty frames at 10 a second, the first half red and the rest blue: JPEGs in an AVI file."""
    frames = []
    for number in range(FRAMES):
        memory = io.BytesIO()
        Image.new("RGB", (320, 240), "red" if number < FRAMES // 2 else "blue").save(memory, "JPEG")
        frames.append(_chunk(b"00dc", memory.getvalue()))
    head = struct.pack("<14I", 100_000, 1_000_000, 0, 0x10, FRAMES, 0, 1, 0, 320, 240, 0, 0, 0, 0)
    stream = struct.pack("<4s4sIHHIIIIIIII4H", b"vids", b"MJPG", 0, 0, 0, 0, 1, 10, 0, FRAMES, 0, 0, 0, 0, 0, 320, 240)
    layout = struct.pack("<IiiHH4sIiiII", 40, 320, 240, 1, 24, b"MJPG", 320 * 240 * 3, 0, 0, 0, 0)
    streams = _chunk(b"LIST", b"strl" + _chunk(b"strh", stream) + _chunk(b"strf", layout))
    header = _chunk(b"LIST", b"hdrl" + _chunk(b"avih", head) + streams)
    index, place = b"", 4
    for frame in frames:
        index += struct.pack("<4sIII", b"00dc", 0x10, place, len(frame) - 8)
        place += len(frame)
    body = header + _chunk(b"LIST", b"movi" + b"".join(frames)) + _chunk(b"idx1", index)
    path = tmp_path / "clip"
    path.write_bytes(_chunk(b"RIFF", b"AVI " + body))
    return path


def test_frames_with_a_slider(clip: Path, qtbot: Any, tools: Any) -> None:
    background = Background()
    pane = AssetPane(background)
    qtbot.addWidget(pane)
    pane.resize(700, 500)
    pane.show()
    boxes = [
        {"title": "car", "page": n, "bounding-box": {"x": 20, "y": 20, "width": 80, "height": 60}} for n in (0, 15)
    ]
    record = tools.job(tools.profile(), asset_path=str(clip), asset_type="video/mp4")
    pane.show_job(record, annotations_of(JobDetail(answer={"objects": boxes})))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=LIMIT)

    def middle() -> Any:
        picture = pane.view._picture
        level = picture.levels[0]
        return level.pixelColor(level.width() // 2, level.height() // 2)

    assert pane.pager.isVisible()
    assert pane.pager.text.text().startswith("Frame 1 of ")
    assert abs(pane.pager.slider.maximum() + 1 - FRAMES) <= 1
    qtbot.waitUntil(lambda: middle().red() > 200 > 60 > middle().blue(), timeout=LIMIT)
    pane.select(1)
    assert pane.pager.page == 15, "a selected annotation brings its frame"
    qtbot.waitUntil(lambda: middle().blue() > 200 > 60 > middle().red(), timeout=LIMIT)
    assert pane.view._look is not None
    assert pane.view._look.filter.page == 15
    pane.clear()
    assert pane._media is None
    background.close()


def test_other_sounds(qtbot: Any, tools: Any, tmp_path: Path) -> None:
    values = (np.sin(np.arange(16_000) / 5) * 0.5).astype("<f4")
    values[:8000] = 0
    layout = struct.pack("<HHIIHH", 3, 1, 8000, 32_000, 4, 32)  # floats, which the standard library does not read
    path = tmp_path / "sound"
    body = _chunk(b"fmt ", layout) + _chunk(b"fact", struct.pack("<I", 16_000)) + _chunk(b"data", values.tobytes())
    path.write_bytes(_chunk(b"RIFF", b"WAVE" + body))
    background = Background()
    pane = AssetPane(background)
    qtbot.addWidget(pane)
    pane.show_job(tools.job(tools.profile(), asset_path=str(path), asset_type="audio/wav"), annotations_of(JobDetail()))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.sound, timeout=LIMIT)
    sound = pane.sound._sound
    assert sound.seconds == pytest.approx(2, abs=0.1)
    half = len(sound.high) // 2
    assert abs(float(sound.high[: half - 100].max())) < 0.05
    assert float(sound.high[half + 100 :].max()) == pytest.approx(0.5, abs=0.05)
    pane.clear()
    background.close()


def test_what_is_no_video_says_so(qtbot: Any, tools: Any, tmp_path: Path) -> None:
    background = Background()
    pane = AssetPane(background)
    qtbot.addWidget(pane)
    path = tmp_path / "x.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42 nothing")
    pane.show_job(tools.job(tools.profile(), asset_path=str(path), asset_type="video/mp4"), annotations_of(JobDetail()))
    qtbot.waitUntil(lambda: "cannot be read" in pane.message.title.text(), timeout=LIMIT)
    assert "listed" in pane.message.text.text()
    pane.clear()
    background.close()
