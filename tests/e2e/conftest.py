"""The real program as a process, and a demo hub beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.hub.demo.server import DemoHub

START_LIMIT_S = 60.0


class Process:
    """A running `plugdeck …` whose output is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.errors = b""
        self._arrived = asyncio.Condition()
        self._readers = [asyncio.create_task(self._read()), asyncio.create_task(self._read_errors())]  # noqa: TID251

    @property
    def pid(self) -> int:
        return self.process.pid

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The JSON lines printed so far."""
        events = [json.loads(line) for line in self.lines]
        return [event for event in events if kind is None or event["event"] == kind]

    async def until(self, condition: Callable[[], bool], timeout: float = START_LIMIT_S) -> None:
        """Waits until a condition on the output holds."""

        async def wait() -> None:
            async with self._arrived:
                await self._arrived.wait_for(lambda: condition() or self.process.returncode is not None)

        try:
            await asyncio.wait_for(wait(), timeout)
        except TimeoutError:
            raise AssertionError(f"not within {timeout} s: {self.lines[-20:]} {self.errors[-2000:]!r}") from None
        assert condition(), f"the process ended: {self.lines[-20:]} {self.errors[-2000:]!r}"

    async def stop(self, number: int = signal.SIGTERM, timeout: float = 15.0) -> int:
        """Sends a signal and waits for the end; returns the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.ended(timeout)

    async def ended(self, timeout: float = START_LIMIT_S) -> int:
        """Waits for the end; returns the exit code."""
        code = await asyncio.wait_for(self.process.wait(), timeout)
        await asyncio.gather(*self._readers)
        return code

    def children(self) -> list[psutil.Process]:
        """The processes it started, with their own."""
        return psutil.Process(self.pid).children(recursive=True)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            async with self._arrived:
                self.lines.append(line.decode().rstrip("\n"))
                self._arrived.notify_all()
        async with self._arrived:
            self._arrived.notify_all()

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        while chunk := await self.process.stderr.read(4096):
            async with self._arrived:
                self.errors += chunk
                self._arrived.notify_all()


Start = Callable[..., Awaitable[Process]]


def command() -> list[str]:
    """How the program is started: the frozen app named by PLUGDECK_APP, or this checkout."""
    frozen = os.environ.get("PLUGDECK_APP")
    return [frozen] if frozen else [sys.executable, "-m", "desktop_app"]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def plugdeck(data_dir: Path) -> AsyncIterator[Start]:
    """Starts the program with arguments, on a data directory of the test's own; whatever is left is killed.

    Further names become environment variables; None takes one away.
    """
    started: list[Process] = []

    async def start(*arguments: str, stdin: str | None = None, **environment: str | None) -> Process:
        kept: dict[str, str | None] = {k: v for k, v in os.environ.items() if not k.startswith("PLUGDECK_")}
        kept["QT_QPA_PLATFORM"] = "offscreen"
        kept["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
        kept["PLUGDECK_DATA_DIR"] = str(data_dir)
        process = await asyncio.create_subprocess_exec(
            *command(),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={key: value for key, value in (kept | environment).items() if value is not None},
            limit=16 * 1024 * 1024,
        )
        assert process.stdin is not None
        if stdin is not None:
            process.stdin.write(stdin.encode())
        process.stdin.close()
        started.append(Process(process))
        return started[-1]

    yield start
    for process in started:
        if process.process.returncode is None:
            for child in [*process.children(), psutil.Process(process.pid)]:
                child.kill()
            await process.ended()


Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def run(plugdeck: Start) -> Run:
    """Runs a command to its end: exit code, stdout, stderr."""

    async def run(*arguments: str, stdin: str | None = None, **environment: str | None) -> tuple[int, str, str]:
        process = await plugdeck(*arguments, stdin=stdin, **environment)
        code = await process.ended()
        return code, "\n".join(process.lines), process.errors.decode()

    return run


@pytest.fixture
async def hub() -> AsyncIterator[DemoHub]:
    async with DemoHub() as demo:
        yield demo


def gone(pids: Sequence[int]) -> bool:
    """Whether none of the processes is alive."""
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)
