"""Everything the script prints becomes lines for the host: `print`, writes to file descriptors, child processes.

Python's own streams are replaced by ones that know which job prints. What goes to descriptors 1 and 2 directly (C
libraries, `os.write`, child processes) runs through a pipe that a thread reads; it belongs to the running job where
there is exactly one. The user's code never waits for the host.
"""

from __future__ import annotations

import contextvars
import io
import os
import re
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from .channel import Channel, clip

current_job: "contextvars.ContextVar[Optional[int]]" = contextvars.ContextVar("plugdeck_job", default=None)
"""Id of the job that the running code works for."""

_PARTIAL_LIMIT = 64 * 1024
_READ_DELAY_S = 0.02
_FLOOD = 32 * 1024
_CONTROL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b\\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")
"""Colours and other orders to a terminal, which a log is not."""
_POSIX = sys.platform != "win32"


class Lines:
    """Cuts what is printed into lines, per job and stream."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._partial: Dict[Tuple[Optional[int], str], bytearray] = {}
        # Reentrant: a signal handler of the script's may print in the middle of a print.
        self._lock = threading.RLock()

    def feed(self, job_id: Optional[int], stream: str, data: bytes) -> None:
        """Takes bytes as they come; complete lines go out at once."""
        key = (job_id, stream)
        with self._lock:
            partial = self._partial.setdefault(key, bytearray())
            partial += data
            *lines, rest = bytes(partial).split(b"\n")
            if len(rest) > _PARTIAL_LIMIT:
                lines.append(rest)
                rest = b""
            if rest:
                self._partial[key] = bytearray(rest)
            else:
                del self._partial[key]
        for line in lines:
            self._post(job_id, stream, line)

    def flush(self, job_id: Optional[int]) -> None:
        """Sends what a job printed without a newline."""
        with self._lock:
            keys = [key for key in self._partial if key[0] == job_id]
            rests = [(key[1], bytes(self._partial.pop(key))) for key in keys]
        for stream, rest in rests:
            self._post(job_id, stream, rest)

    def _post(self, job_id: Optional[int], stream: str, line: bytes) -> None:
        # A progress bar overwrites its line with \r: only what it ended with is worth a line.
        shown = [part for part in line.split(b"\r") if part.strip()]
        if not shown:
            return
        text = clip(_CONTROL.sub("", shown[-1].decode("utf-8", "replace")))
        self._channel.post({"type": "print", "stream": stream, "text": text, "id": job_id})


class _Raw(io.RawIOBase):
    """What stands behind sys.stdout and sys.stderr."""

    def __init__(self, lines: Lines, stream: str, descriptor: int, job: Callable[[], Optional[int]]) -> None:
        super().__init__()
        self.name = "<%s>" % stream
        self._lines = lines
        self._stream = stream
        self._descriptor = descriptor
        self._job = job
        self._pid = os.getpid()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        if os.getpid() != self._pid:
            # A fork has no thread that sends; the pipe leads back to the process that has.
            return os.write(self._descriptor, chunk)
        self._lines.feed(self._job(), self._stream, chunk)
        return len(chunk)


class _Text(io.TextIOWrapper):
    """sys.stdout and sys.stderr: whole lines go out at once, and what threads print is never mixed within a line."""

    def __init__(self, raw: _Raw) -> None:
        super().__init__(raw, "utf-8", "backslashreplace", write_through=True)
        self._to = raw
        self._own = threading.local()

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        parts = self._own.__dict__.setdefault("parts", [])
        parts.append(text)
        if "\n" in text or len(text) > 1000 or len(parts) > 1000:
            self._push(parts)
        return len(text)

    def flush(self) -> None:
        parts = self._own.__dict__.get("parts")
        if parts:
            self._push(parts)
        super().flush()

    def _push(self, parts: List[str]) -> None:
        text = "".join(parts)
        parts.clear()
        self._to.write(text.encode(self.encoding, self.errors or "backslashreplace"))


class Output:
    """Captures what this process prints.

    Args:
        channel: where lines go.
        running: ids of the jobs that run now.
    """

    def __init__(self, channel: Channel, running: Callable[[], List[int]]) -> None:
        self._channel = channel
        self._running = running
        self._lines = Lines(channel)
        self._pipes: Dict[int, str] = {}
        self._texts: List[_Text] = []
        self._read_lock = threading.Lock()

    def install(self, capture: Optional[int] = None) -> None:
        """Replaces sys.stdout and sys.stderr and reads descriptors 1 and 2 from now on.

        Args:
            capture: a descriptor the host made: the reading end of the pipe that is our stderr already. The host keeps
                the same end, so that it can read the last words of a process that died. Without it we make our own.
        """
        if capture is not None:
            os.dup2(2, 1)
            self._pipes = {capture: "stderr"}
        else:
            for descriptor, stream in ((1, "stdout"), (2, "stderr")):
                reader, writer = os.pipe()
                os.dup2(writer, descriptor)
                os.close(writer)
                self._pipes[reader] = stream
        if _POSIX:
            for descriptor in self._pipes:
                os.set_blocking(descriptor, False)
            threading.Thread(target=self._watch, name="plugdeck-prints", daemon=True).start()
        else:
            for descriptor, stream in self._pipes.items():
                threading.Thread(target=self._pump, args=(descriptor, stream), daemon=True).start()
        sys.stdout = sys.__stdout__ = self._text("stdout", 1)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._text("stderr", 2)  # type: ignore[misc]

    def flush(self, job_id: Optional[int] = None) -> None:
        """Sends everything that was printed before this call, also half lines, and what was left out."""
        for text in self._texts:
            if not text.closed:
                text.flush()
        if _POSIX:
            self._drain()
        self._lines.flush(job_id)
        if job_id is not None and not [other for other in self._running() if other != job_id]:
            self._lines.flush(None)
        self._channel.tell_left_out()

    def _text(self, stream: str, descriptor: int) -> _Text:
        text = _Text(_Raw(self._lines, stream, descriptor, self._job))
        self._texts.append(text)
        return text

    def _job(self) -> Optional[int]:
        job_id = current_job.get()
        if job_id is not None:
            return job_id
        running = self._running()
        return running[0] if len(running) == 1 else None

    def _watch(self) -> None:
        import select

        poll = select.poll()
        for descriptor in self._pipes:
            poll.register(descriptor, select.POLLIN)
        while True:
            poll.poll()
            # A moment later: what a crash's last words are is then still in the pipe, where the host finds them.
            time.sleep(_READ_DELAY_S)
            while self._drain() > _FLOOD:
                pass

    def _drain(self) -> int:
        """Reads what is there, and says how much that was."""
        count = 0
        with self._read_lock:
            for descriptor, stream in self._pipes.items():
                # Bounded: a script that floods its own stdout must not keep a finished job from being answered.
                for _ in range(64):
                    try:
                        data = os.read(descriptor, 65536)
                    except (BlockingIOError, OSError):
                        break
                    if not data:
                        break
                    count += len(data)
                    self._lines.feed(self._job(), stream, data)
        return count

    def _pump(self, descriptor: int, stream: str) -> None:
        while True:
            data = os.read(descriptor, 65536)
            if not data:
                return
            self._lines.feed(self._job(), stream, data)
