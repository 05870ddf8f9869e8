"""The frozen app, where `PLUGDECK_APP` names its command line: how soon its window is there."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.bench.contest import START_LIMIT_S, environment
from tests.bench.display import Display
from tests.bench.report import Bar, Line

STARTS = 7
BARE = '''\
"""What PyInstaller makes of it is the yardstick."""
import sys

from PySide6.QtWidgets import QApplication, QMainWindow

application = QApplication(sys.argv)
window = QMainWindow()
window.resize(1200, 800)
window.show()
sys.exit(application.exec())
'''


def start_frozen() -> list[Line]:
    """Process to window drawn on an X server, warm disk, both frozen by PyInstaller in the same environment.

    Raises:
        RuntimeError: the bare window could not be frozen, or a window did not come up.
    """
    app = Path(os.environ["PLUGDECK_APP"]).resolve()
    window = app.with_name("plugdeck-window")
    line = Line("start_frozen", "start of the frozen app: process to window drawn", "bare frozen QMainWindow", "s",
                Bar(2.0))  # fmt: skip
    cpu: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, Display() as display:
        folder = Path(name)
        faces = (window, bare(app, folder))
        for_both = {**environment(folder / "data"), "QT_QPA_PLATFORM": "xcb", "DISPLAY": display.name}
        for face in faces:
            _start(face, for_both, display)
        for _ in range(STARTS):
            (ours, our_cpu), (theirs, their_cpu) = (_start(face, for_both, display) for face in faces)
            line.pairs.append((ours, theirs))
            cpu.append((our_cpu, their_cpu))
    line.more = {"cpu_s": cpu}
    line.note = "CPU seconds until then, in the middle: " + " against ".join(
        f"{sorted(column)[len(column) // 2]:.2f}" for column in zip(*cpu, strict=True)
    )
    return [line]


def bare(app: Path, folder: Path) -> Path:
    """Freezes an empty main window with the PyInstaller that froze the app; returns its executable."""
    python = next(
        (top / "environment" / "bin" / "python" for top in app.parents if (top / "environment").is_dir()), None
    )
    if python is None:
        raise RuntimeError("the environment that froze the app is gone: run make package first")
    source = folder / "bare.py"
    source.write_text(BARE, encoding="utf-8")
    command = [python, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR", "--noconsole", "--noupx", source]
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the bare window could not be frozen: {done.stderr[-500:]}")
    return folder / "dist" / "bare" / "bare"


def _start(program: Path, variables: Mapping[str, str], display: Display) -> tuple[float, float]:
    """Seconds until the window is drawn, and those of CPU."""
    began = time.monotonic()
    process = subprocess.Popen(
        [str(program)], env=dict(variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        display.wait_drawn(START_LIMIT_S)
        took = time.monotonic() - began
        spent = psutil.Process(process.pid).cpu_times()
    finally:
        process.terminate()
        process.wait(START_LIMIT_S)
    display.wait_empty(START_LIMIT_S)
    return took, spent.user + spent.system
