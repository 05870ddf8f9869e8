"""Every view of the window, light and dark, at 100 % and 200 %, against pictures that were looked at.

Renew them after a change that is meant: `RENEW_PICTURES=1 pytest tests/ui/test_pictures.py`; then look at each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fonts are drawn in another way elsewhere")

HERE = Path(__file__).parent
KEPT = HERE / "pictures"
SCALES = ("100", "200")
LIMIT_S = 500
NO_FONT = 77

BLOCK = 6
"""Side of the blocks that are compared, in pixels of the kept pictures: 18 of the window's."""

TOLERANCE = 9.0
"""By how much a block's mean colour may differ, of 255."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per scale with the pictures as they are now."""
    root = tmp_path_factory.mktemp("pictures")
    running = []
    for scale in SCALES:
        (root / scale).mkdir()
        environment = {**os.environ, "QT_SCALE_FACTOR": str(int(scale) // 100), "QT_LOGGING_RULES": "*=false"}
        command = [sys.executable, str(HERE / "draw_pictures.py"), str(root / scale)]
        running.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    try:
        for process in running:
            said, _ = process.communicate(timeout=LIMIT_S)
            if process.returncode == NO_FONT:
                pytest.skip("Nothing was compared: install DejaVu (Debian: fonts-dejavu-core).")
            assert process.returncode == 0, said
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return root


def pixels(path: Path) -> np.ndarray:
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB32)
    assert not image.isNull(), path
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return rows[:, :, :3].astype(np.float64)


def blocks(picture: np.ndarray) -> np.ndarray:
    high, wide = (side // BLOCK for side in picture.shape[:2])
    cut = picture[: high * BLOCK, : wide * BLOCK]
    return cut.reshape(high, BLOCK, wide, BLOCK, 3).mean(axis=(1, 3))


def differs(now: Path, kept: Path) -> str:
    """Where two pictures differ most, or ""."""
    one, other = pixels(now), pixels(kept)
    sizes = [abs(a - b) for a, b in zip(one.shape[:2], other.shape[:2], strict=True)]
    if max(sizes) > 2:
        return f"{now.name}: {one.shape[1]} × {one.shape[0]}, was {other.shape[1]} × {other.shape[0]}"
    high, wide = (min(a, b) for a, b in zip(one.shape[:2], other.shape[:2], strict=True))
    apart = np.abs(blocks(one[:high, :wide]) - blocks(other[:high, :wide])).max(axis=2)
    worst = float(apart.max())
    if worst <= TOLERANCE:
        return ""
    row, column = np.unravel_index(int(apart.argmax()), apart.shape)
    where = f"{column * BLOCK * 3}, {row * BLOCK * 3}"
    return f"{now.name}: {int((apart > TOLERANCE).sum())} blocks differ, by {worst:.0f} at {where} of the window"


def views(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.glob("*.png")) if not path.name.startswith("tampered")}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scale", SCALES)
def test_every_view_looks_as_it_did(drawn: Path, scale: str) -> None:
    now = views(drawn / scale)
    kept = KEPT / scale
    if os.environ.get("RENEW_PICTURES"):
        kept.mkdir(parents=True, exist_ok=True)
        for old in kept.glob("*.png"):
            old.unlink()
        for name, path in now.items():
            (kept / name).write_bytes(path.read_bytes())
    assert set(now) == set(views(kept))
    found = [text for name, path in now.items() if (text := differs(path, kept / name))]
    assert not found, f"as they are now: {drawn / scale}\n" + "\n".join(found)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("fault", ["hidden", "moved", "colour"])
def test_a_fault_is_seen(drawn: Path, scale: str, fault: str) -> None:
    assert differs(drawn / scale / f"tampered-{fault}-light.png", KEPT / scale / "welcome-light.png")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scale", SCALES)
def test_other_hinting_is_no_fault(drawn: Path, scale: str) -> None:
    assert not differs(drawn / scale / "tampered-font-light.png", KEPT / scale / "welcome-light.png")
