"""Heavy work (decoding, drawing overlays) in threads, with its outcome handed back on the GUI thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImageReader

T = TypeVar("T")

log = logging.getLogger(__name__)


@cache
def load_picture_plugins() -> None:
    """Loads Qt's picture plugins, on the GUI thread and before any thread reads a picture.

    The first use of a plugin tells the application, whose Python half needs the interpreter's lock, while Qt holds the
    lock of its plugins. A thread that does that while another has the interpreter's lock and waits for the plugins'
    stops everything for good.
    """
    QImageReader.supportedImageFormats()


class Background(QObject):
    """A small pool of threads.

    Signals:
        closing: it is about to wait for what has begun; who can end that sooner should.
        _arrived: carries (callback, value) from a thread to the GUI thread.
    """

    closing = Signal()
    _arrived = Signal(object, object)

    def __init__(self, parent: QObject | None = None, *, threads: int = 2) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ui")
        self._open = True
        self._pending = 0
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def pending(self) -> int:
        """How many pieces of work have been given and not been handed back."""
        return self._pending

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Runs `work` in a thread, then `done` with its value (or `failed` with its error) on the GUI thread.

        Nothing is called back once `close` was called. `work` must touch no widget and no pixmap.
        """
        if not self._open:
            return
        load_picture_plugins()
        self._pending += 1
        future: Future[T] = self._pool.submit(work)
        future.add_done_callback(lambda ended: self._ended(ended, done, failed))

    def close(self) -> None:
        """Drops what has not begun and waits for what has."""
        self._open = False
        self.closing.emit()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _ended(self, future: Future[T], done: Callable[[T], None], failed: Callable[[Exception], None] | None) -> None:
        if not self._open:
            return
        try:
            value = future.result()
        except CancelledError:
            return
        except Exception as error:
            if failed is None:
                log.exception("background work failed", exc_info=error)
            self._arrived.emit(failed or _nothing, error)
        else:
            self._arrived.emit(done, value)

    def _deliver(self, callback: Callable[[Any], None], value: Any) -> None:
        self._pending -= 1
        if self._open:
            callback(value)


def _nothing(_: object) -> None:
    """For work whose failure has been logged already."""
