"""The child that decodes assets for the screen: started when first needed, ended when a picture takes too long.

Blocking, for use from threads: pictures are opened while nobody may wait, also not the loop that serves jobs.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from desktop_app.child.wire import Frame, WireError, read_frame, write_frame
from desktop_app.core.errors import AssetError
from desktop_app.runner.command import PACKAGE, bundled_worker
from desktop_app.runner.environment import child_environment, process_environment

LIMIT_S = 30.0
"""How long one page may take."""


class Cancelled(Exception):
    """Nobody waits for the page any more."""


class Ticket:
    """One wish for a page, or for several in a row; cancelling it ends what is being done for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            self.cancelled = True
            stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def check(self) -> None:
        """Raises Cancelled once `cancel` was called."""
        if self.cancelled:
            raise Cancelled

    def _guard(self, stop: Callable[[], None] | None) -> None:
        with self._lock:
            if stop is not None and self.cancelled:
                raise Cancelled
            self._stop = stop


@dataclass(frozen=True, slots=True)
class Page:
    """One decoded page.

    Attributes:
        width, height: of the upright page in asset pixels; points for documents.
        across, down, channels: of `pixels`, row by row: 3 bytes each (RGB) or 1 (grey).
        page, pages: which one it is, from 0, and how many there are.
        window, range: centre and width of the grey values shown, and the smallest and largest there are.
    """

    width: float
    height: float
    across: int
    down: int
    channels: int
    pixels: bytes = field(repr=False)
    page: int = 0
    pages: int = 1
    window: tuple[float, float] | None = None
    range: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


class PreviewChild:
    """Decodes one page at a time; callers in other threads wait for their turn.

    Args:
        command: how the child is started; None means the bundled worker.
        limit_s: seconds that one page may take.
    """

    def __init__(self, command: list[str] | None = None, *, limit_s: float = LIMIT_S) -> None:
        self._command = command or bundled_worker()
        self._limit_s = limit_s
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._loaded = False
        self._number = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def read(
        self,
        path: Path,
        ticket: Ticket,
        *,
        page: int = 0,
        longest: int | None = None,
        window: tuple[float, float] | None = None,
    ) -> Page:
        """Decodes a page. Blocks.

        Args:
            page: from 0.
            longest: side in pixels that is enough.
            window: centre and width of the grey values to be seen; None leaves it to the file.

        Raises:
            AssetError: it cannot be decoded, or took too long.
            Cancelled: the ticket was cancelled meanwhile.
        """
        wanted = {"path": str(Path.cwd() / path), "page": page, "longest": longest, "window": window}
        with self._turn:
            ticket.check()
            if self._closed:
                raise Cancelled
            process = self._started()
            overdue = threading.Timer(self._limit_s, process.kill)
            overdue.daemon = True
            try:
                ticket._guard(process.kill)  # noqa: SLF001 - the two belong together
                overdue.start()
                frame, blob = self._ask(process, wanted)
            except (OSError, EOFError, WireError, ValueError):
                late = not overdue.is_alive()
                self._end()
                ticket.check()
                raise AssetError(
                    "The asset took too long to open" if late else "The asset could not be opened: the reader ended",
                    where=path.name,
                    remedy="The file may be damaged.",
                ) from None
            finally:
                overdue.cancel()
                ticket._guard(None)  # noqa: SLF001
        return _page(frame, blob)

    def end(self) -> None:
        """Ends the child; the next page starts another."""
        with self._turn:
            self._end()

    def close(self) -> None:
        """Ends the child at once, whatever it is doing; no other is started."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        self.end()

    def _started(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None:
            return process
        self._end()
        self._process = process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(process_environment()),
            cwd=PACKAGE.parent,
            start_new_session=os.name == "posix",
            creationflags=int(getattr(subprocess, "CREATE_NO_WINDOW", 0)),
        )
        self._loaded = False
        return process

    def _ask(self, process: subprocess.Popen[bytes], wanted: dict[str, Any]) -> tuple[Frame, bytes]:
        stdin, stdout = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        if not self._loaded:
            # A question that comes before it is ready would not be understood.
            write_frame(stdin, {"type": "load", "previews": True})
            while read_frame(stdout)[0].get("type") != "loaded":
                pass
            self._loaded = True
        self._number += 1
        write_frame(stdin, {"type": "run", "id": self._number, "wanted": wanted})
        while True:
            frame, blob = read_frame(stdout)
            if frame.get("id") == self._number and frame.get("type") in ("result", "error"):
                return frame, blob

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass  # what was still to be written to it
        process.wait()


def _page(frame: Frame, blob: bytes) -> Page:
    if frame.get("type") == "error":
        words = {name: str(frame.get(name) or "") for name in ("where", "remedy", "details")}
        raise AssetError(str(frame.get("what") or "The asset cannot be opened"), **words)
    facts = frame["prediction"]
    window, values = facts.get("window"), facts.get("range")
    return Page(
        width=float(facts["width"]),
        height=float(facts["height"]),
        across=int(facts["across"]),
        down=int(facts["down"]),
        channels=int(facts["channels"]),
        pixels=blob,
        page=int(facts["page"]),
        pages=int(facts["pages"]),
        window=(float(window[0]), float(window[1])) if window else None,
        range=(float(values[0]), float(values[1])) if values else None,
        notes=tuple(str(note) for note in facts.get("notes") or ()),
    )
