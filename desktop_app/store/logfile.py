"""The log as text files on disk, always: what the window shows, for whoever has no window (any more)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue

from desktop_app.core.events import LogLine
from desktop_app.store.paths import FILE_MODE

NAME = "plugdeck.log"
LIMIT = 5_000_000
KEPT = 5
MOST_WAITING = 50_000
CLOSE_LIMIT_S = 2.0

log = logging.getLogger(__name__)


class _File(RotatingFileHandler):
    """Private files, and a full disk that is silent: the log cannot be told of it."""

    def _open(self):  # type: ignore[no-untyped-def]
        stream = super()._open()
        try:
            Path(self.baseFilename).chmod(FILE_MODE)
        except OSError:
            pass
        return stream

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """See logging.Handler."""


class LogFile:
    """Writes log lines in a thread of its own, so that a slow disk never keeps a job waiting.

    Args:
        hide: takes secrets out of a text.
        limit: bytes of a file before the next one is begun; `kept` old ones stay.
    """

    def __init__(self, folder: Path, hide: Callable[[str], str], *, limit: int = LIMIT, kept: int = KEPT) -> None:
        self.path = folder / NAME
        self._hide = hide
        self._limit = limit
        self._kept = kept
        self._lines: SimpleQueue[LogLine | None] = SimpleQueue()
        self._left_out = 0
        self._thread: threading.Thread | None = None

    def append(self, lines: Sequence[LogLine]) -> None:
        """Takes lines; returns at once. What a full disk cannot hold is left out."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="plugdeck-log", daemon=True)
            self._thread.start()
        for line in lines:
            if self._lines.qsize() > MOST_WAITING:
                self._left_out += 1
            else:
                self._lines.put(line)

    def close(self) -> None:
        """Writes what is left."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._lines.put(None)
            thread.join(CLOSE_LIMIT_S)

    def _run(self) -> None:
        try:
            file = _File(self.path, maxBytes=self._limit, backupCount=self._kept, encoding="utf-8", errors="replace")
        except OSError as error:
            log.debug("there is no log file: %s", error)
            while self._lines.get() is not None:
                pass
            return
        try:
            while (line := self._lines.get()) is not None:
                self._write(file, self._hide(line_text(line)))
                if self._left_out and self._lines.empty():
                    number, self._left_out = self._left_out, 0
                    self._write(file, f"… {number} lines were left out here")
        finally:
            file.close()

    def _write(self, file: _File, text: str) -> None:
        file.emit(logging.makeLogRecord({"msg": text, "args": None}))


def line_text(line: LogLine) -> str:
    """A line as it is written: one of its own in the file, with what belongs to it set in below."""
    at = datetime.fromtimestamp(line.at).astimezone().isoformat(sep=" ", timespec="milliseconds")
    parts = (at, line.level.name, line.profile_name or "-", line.source, line.session or "-", line.message)
    whole = "  ".join(parts) + (f"\n{line.details}" if line.details else "")
    # What a script prints may hold line ends, and must not look like a line of ours.
    return whole.rstrip().replace("\r", "␍").replace("\n", "\n    ")


def tail(folder: Path, most: int) -> str:
    """The last so many bytes of the log, over its files; "" where there is none."""
    parts: list[bytes] = []
    left = most
    for path in (folder / NAME, *(folder / f"{NAME}.{number}" for number in range(1, KEPT + 1))):
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - left))
                parts.insert(0, file.read(left))
        except OSError:
            break
        left -= len(parts[0])
        if left <= 0:
            break
    return b"".join(parts).decode("utf-8", "replace")
