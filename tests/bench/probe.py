"""Starts a window and tells when it is visible and its event loop turns: `probe.py app` or `probe.py bare`.

Prints `{"usable": SECONDS_SINCE_THE_EPOCH}` once. The same probe for both, so that its cost is on both sides.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow


class _Watch(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, _tell)
        return False


def _tell() -> None:
    print(json.dumps({"usable": time.time()}), flush=True)


def main() -> int:
    """Runs the window until it is ended from outside."""
    watch = _Watch()
    made = QMainWindow.__init__

    # On the window alone: a filter in Python on every event of the application would be what is measured.
    def make(self: QMainWindow, *arguments: Any) -> None:
        made(self, *arguments)
        self.installEventFilter(watch)

    QMainWindow.__init__ = make  # type: ignore[method-assign, assignment]
    if sys.argv[1] == "app":
        from desktop_app.__main__ import main as plugdeck

        return plugdeck([])
    application = QApplication(sys.argv[:1])
    window = QMainWindow()
    window.resize(1200, 800)
    window.show()
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
