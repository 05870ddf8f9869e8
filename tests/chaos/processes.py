"""The two processes of a chaos run, each of which may be killed, frozen and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any

import psutil

END_LIMIT_S = 60.0


class Program:
    """A program that is started again and again with the same arguments.

    Attributes:
        lives: how many times it was started.
        changing: held while it is being stopped and started, and while it is frozen.
    """

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self.lives = 0
        self.changing = asyncio.Lock()
        self._command = [sys.executable, "-m", *command]
        # Inherited by everything it starts: so whatever is left over at the end is found, however it was orphaned.
        self.mark = f"CHAOS_{uuid.uuid4().hex}"
        self._environment = environment | {self.mark: "1"}
        self._output = folder / f"{name}.out"
        self._errors = folder / f"{name}.err"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def stdin(self) -> IO[bytes] | None:
        """Where commands go."""
        return self._process.stdin if self._process is not None else None

    def listens(self) -> bool:
        """Whether it has come to its first lines: from there on it hears SIGTERM, if only once it can. True where the
        system does not tell."""
        status = Path(f"/proc/{self.pid}/status")
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            return not Path("/proc/self").exists()
        return bool((int(lines["SigBlk"], 16) | int(lines["SigCgt"], 16)) >> (signal.SIGTERM - 1) & 1)

    def start(self) -> None:
        """Starts it; its output is added to that of its earlier lives."""
        assert self.pid is None
        self.lives += 1
        with self._output.open("ab") as output, self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                env=self._environment,
                start_new_session=True,
                bufsize=0,
            )
        assert self._process.stdin is not None
        # A frozen program reads nothing: who speaks to it must not wait. What fits into one write is written whole.
        os.set_blocking(self._process.stdin.fileno(), False)

    async def end(self, number: int = signal.SIGKILL) -> int | None:
        """Sends a signal and waits for the end; returns the exit code, None where nothing ran."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(number)
        try:
            code = await asyncio.to_thread(process.wait, END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise AssertionError(f"{self.name} did not end within {END_LIMIT_S:g} s of signal {number}") from None
        finally:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        return code

    @contextlib.asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Stops it from running within the block."""
        async with self.changing:
            pid = self.pid
            if pid is not None:
                os.kill(pid, signal.SIGSTOP)
            try:
                yield
            finally:
                if pid is not None:
                    os.kill(pid, signal.SIGCONT)

    def tell(self, command: dict[str, Any]) -> bool:
        """Writes a command to its stdin; False where nobody is there to read it."""
        if self.pid is None or self.stdin is None:
            return False
        line = (json.dumps(command) + "\n").encode()
        assert len(line) <= select.PIPE_BUF
        try:
            return os.write(self.stdin.fileno(), line) == len(line)
        except OSError:
            return False

    def family(self) -> list[psutil.Process]:
        """Everything alive that it ever started, itself included."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if self.mark in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def children(self) -> list[psutil.Process]:
        """The present life's children."""
        with contextlib.suppress(psutil.Error):
            if self.pid is not None:
                return psutil.Process(self.pid).children()
        return []

    def memory(self) -> tuple[float, float]:
        """Megabytes of it and of its children; zeros while it does not run."""
        own = theirs = 0.0
        with contextlib.suppress(psutil.Error):
            if self.pid is not None:
                own = psutil.Process(self.pid).memory_info().rss / 1e6
        for child in self.children():
            with contextlib.suppress(psutil.Error):
                theirs += child.memory_info().rss / 1e6
        return own, theirs

    def last_words(self) -> str:
        """The end of what it wrote to stderr."""
        return self._errors.read_text(errors="replace")[-3000:] if self._errors.exists() else ""
