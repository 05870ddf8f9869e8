"""Starts a window and tells when it is visible and its event loop turns: `probe.py app` or `probe.py bare`.

Prints `{"usable": SECONDS_SINCE_THE_EPOCH}` once. The same probe for both, so that its cost is on both sides.
`probe.py late` is the app with a timer of 60 Hz: between a line "begin" and a line "end" on stdin it notes how late the
timer comes, and prints `{"late": [MILLISECONDS…]}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

if sys.argv[1:] != ["bare"]:
    import_module("desktop_app.host")  # before Qt, as `desktop_app/__main__.py` does

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, Qt, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow


class _Watch(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, _tell)
        return False


def _tell() -> None:
    print(json.dumps({"usable": time.time()}), flush=True)
    if sys.argv[1] == "late":
        _kept.append(_Lateness())


_kept: list[QObject] = []
TICK_MS = 16


class _Lateness(QObject):
    """Hears begin and end, and notes how late each tick between them is."""

    def __init__(self) -> None:
        super().__init__()
        self._late: list[float] = []
        self._due = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)
        self._stdin = QSocketNotifier(0, QSocketNotifier.Type.Read, self)
        self._stdin.activated.connect(self._hear)

    def _hear(self) -> None:
        word = os.read(0, 100).strip()
        if word == b"begin":
            self._next()
        else:
            self._stdin.setEnabled(False)
            self._timer.stop()
            if word == b"end":
                print(json.dumps({"late": self._late}), flush=True)

    def _next(self) -> None:
        self._due = time.perf_counter() + TICK_MS / 1000
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        self._late.append(max(time.perf_counter() - self._due, 0.0) * 1000)
        self._next()


def main() -> int:
    """Runs the window until it is ended from outside."""
    watch = _Watch()
    made = QMainWindow.__init__

    # On the window alone: a filter in Python on every event of the application would be what is measured.
    def make(self: QMainWindow, *arguments: Any) -> None:
        made(self, *arguments)
        self.installEventFilter(watch)

    QMainWindow.__init__ = make  # type: ignore[method-assign, assignment]
    if sys.argv[1] != "bare":
        from desktop_app.__main__ import main as plugdeck

        return plugdeck([])
    application = QApplication(sys.argv[:1])
    window = QMainWindow()
    window.resize(1200, 800)
    window.show()
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
