"""The worker's end of the pipes: answers go out at once, log lines without ever making the user's code wait."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import OrderedDict, deque
from typing import Any, BinaryIO, Deque, Dict, Optional, Tuple

from .wire import Frame, WireError, read_frame, write_frame

MAX_WAITING = 5000
"""Lines that may wait for a host that is slow to read."""
MAX_LINE = 8000
"""Characters of one line; the rest is cut."""

_SHORT_LINE = 500
"""Characters of a line whose frame is shorter than a page of a pipe however it is escaped."""

LineKey = Tuple[Optional[int], str]


class Budget:
    """A token bucket: `burst` lines at once, `rate` lines a second after that."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._left = float(burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether one more line may pass now."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Channel:
    """Frames to and from the host.

    Args:
        reader: blocking stream of frames from the host.
        writer: buffered stream of frames to the host.
    """

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._pid = os.getpid()
        self._write_lock = threading.Lock()
        self._waiting: Deque[Frame] = deque()
        self._wake = threading.Event()
        # Reentrant: a signal handler or a finaliser of the script's may print in the middle of a print.
        self._post_lock = threading.RLock()
        self._room = _Room(writer)
        self._left_out: "OrderedDict[LineKey, int]" = OrderedDict()
        # Prints are a side show; the script's logger is what people read in the hub, so it may say more.
        self._budgets = {"print": Budget(400, 100.0), "log": Budget(2000, 500.0)}
        threading.Thread(target=self._send_waiting, name="plugdeck-lines", daemon=True).start()

    @classmethod
    def take_over(cls) -> "Channel":
        """Takes stdin and stdout of this process for frames and gives the process others in their place.

        stdin becomes empty; stdout goes where stderr goes until prints are captured.
        """
        reader = os.fdopen(os.dup(0), "rb")
        writer = os.fdopen(os.dup(1), "wb")
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        return cls(reader, writer)

    def read(self) -> Tuple[Frame, bytes]:
        """Waits for the next frame (EOFError when the host is gone, WireError when it speaks nonsense)."""
        return read_frame(self._reader)

    def send(self, frame: Frame, blob: bytes = b"") -> None:
        """Sends a frame after every line posted before it.

        Raises:
            WireError: the frame is too long or cannot be JSON; nothing was sent.
        """
        if os.getpid() != self._pid:
            return  # a fork of the script's: the pipe is not its own
        with self._write_lock:
            self._write_waiting()
            self._write(frame, blob)

    def post(self, frame: Frame) -> None:
        """Hands over a line ("log" or "print"); it may be left out, and never waits."""
        if os.getpid() != self._pid:
            return
        key = (frame.get("id"), str(frame.get("stream", "logger")))
        with self._post_lock:
            budget = self._budgets[frame["type"]]
            if len(self._waiting) >= MAX_WAITING or not budget.take():
                first = not self._left_out
                self._left_out[key] = self._left_out.get(key, 0) + 1
                if first:
                    self._wake.set()
                return
            self._waiting.append(frame)
        # At once if that cannot block: what was printed before a crash shall be seen.
        if not self._write_lock.acquire(blocking=False):
            self._wake.set()
            return
        try:
            if not self._write_waiting(only_if_room=True):
                self._wake.set()
        finally:
            self._write_lock.release()

    def tell_left_out(self) -> None:
        """Says now how many lines were left out, rather than within a second."""
        if os.getpid() != self._pid:
            return
        with self._post_lock:
            if not self._left_out:
                return
            for (job_id, stream), count in self._left_out.items():
                self._waiting.append({"type": "left_out", "count": count, "id": job_id, "stream": stream})
            self._left_out.clear()
        self._wake.set()

    def _send_waiting(self) -> None:
        tell_at = None
        while True:
            self._wake.wait(None if tell_at is None else max(0.0, tell_at - time.monotonic()))
            self._wake.clear()
            if tell_at is not None and time.monotonic() >= tell_at:
                self.tell_left_out()
            if not self._left_out:
                tell_at = None
            elif tell_at is None:
                tell_at = time.monotonic() + 1.0
            if self._waiting:
                with self._write_lock:
                    self._write_waiting()

    def _write_waiting(self, only_if_room: bool = False) -> bool:
        """Whether all lines that waited are written."""
        while self._waiting:
            if only_if_room and not self._room.for_line(self._waiting[0]):
                return False
            try:
                self._write(self._waiting.popleft(), b"")
            except (WireError, IndexError):
                continue
        return True

    def _write(self, frame: Frame, blob: bytes) -> None:
        try:
            write_frame(self._writer, frame, blob)
        except (OSError, ValueError):
            host_is_gone()


class _Room:
    """Tells whether a line can be written without waiting."""

    def __init__(self, writer: BinaryIO) -> None:
        self._poll: Any = None
        try:
            import select

            self._poll = select.poll()
            self._poll.register(writer.fileno(), select.POLLOUT)
        except (ImportError, AttributeError, OSError, ValueError):
            pass  # Windows, or a stream that is no pipe: the sending thread writes everything

    def for_line(self, frame: Frame) -> bool:
        """Whether the pipe has room: it reports so only when a whole page fits."""
        if self._poll is None or len(frame.get("text") or frame.get("msg") or "") > _SHORT_LINE:
            return False
        if frame.get("extra") or frame.get("details"):
            return False
        return bool(self._poll.poll(0))


def host_is_gone() -> None:
    """Ends this process and, where there is a group of its own, everything the script started."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        import signal

        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(70)


def clip(text: str) -> str:
    """The text, cut to the length of one line of the log."""
    if len(text) <= MAX_LINE:
        return text
    return "%s … (%d characters more)" % (text[:MAX_LINE], len(text) - MAX_LINE)


def safe_extra(extra: Dict[str, Any]) -> Dict[str, Any]:
    """Extra data of a log line as JSON, whatever it was."""
    import json

    safe: Dict[str, Any] = {}
    for key, value in extra.items():
        try:
            json.dumps(value)
            safe[str(key)] = value
        except (TypeError, ValueError, RecursionError):
            safe[str(key)] = clip(repr(value))
    return safe
