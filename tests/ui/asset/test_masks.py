from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STRESS = """
import base64, sys, threading
from pathlib import Path
from PySide6.QtGui import QGuiApplication, QImage
from desktop_app.ui.asset.items import Layer, Mask
from desktop_app.ui.asset.masks import read_masks
from desktop_app.ui.asset.pictures import read_preview
from desktop_app.ui.background import load_picture_plugins
application = QGuiApplication([])
load_picture_plugins()
file = Path(sys.argv[1])
picture = QImage(64, 64, QImage.Format.Format_Grayscale8)
picture.fill(255)
picture.save(str(file))
mask = Mask("data:image/png;base64," + base64.b64encode(file.read_bytes()).decode(), False, Layer.SENT)
def masks():
    for _ in range(400):
        assert read_masks([mask]).pictures
def previews():
    for _ in range(4000):
        read_preview(file)
threads = [threading.Thread(target=work) for work in (masks, masks, previews, previews)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_masks_and_pictures_are_read_at_once(tmp_path: Path) -> None:
    """Qt's lock of its plugins and the interpreter's lock, each held by one thread that waits for the other."""
    command = [sys.executable, "-c", STRESS, str(tmp_path / "mask.png")]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(command, check=True, timeout=100, env=environment)
