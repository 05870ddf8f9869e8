"""One child process: started, spoken to in frames, and ended together with everything it started."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from desktop_app.child import wire
from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import ModelLoadError
from desktop_app.runner.death import Death
from desktop_app.runner.windows_job import tie_to_app

log = logging.getLogger(__name__)

_POSIX = os.name == "posix"
_PIPE_SIZE = 1024 * 1024
_LAST_WORDS = 16_000
_READ_LIMIT = 1024 * 1024
_PULSE_S = 1.0
_MAX_BLOB = 16 * 1024 * 1024
"""Answers have none; so one that promises more would only fill our memory."""
_AT_ONCE = 200
"""Frames that are handed on before others have their turn: a flood must not hold up the window."""


class WorkerProcess:
    """A child and the pipes to it.

    Args:
        command: program and arguments.
        environment: the child's whole environment.
        cwd: directory it starts in.
        on_frame: called with every frame it sends, in order.
        on_pulse: called about once a second while it lives.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path | None = None,
        on_frame: Callable[[dict[str, Any], bytes], None],
        on_pulse: Callable[[], None] | None = None,
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._cwd = cwd
        self._on_frame = on_frame
        self._on_pulse = on_pulse
        self._process: asyncio.subprocess.Process | None = None
        self._capture: int | None = None
        self._capture_level = 0
        self._last_words = bytearray()
        self._descendants: list[psutil.Process] = []
        self._watch: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self.death: Death | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None before the start."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self.death is None

    @property
    def capture_fd(self) -> int | None:
        """The descriptor that the child finds the reading end of its stderr under; goes into the load frame."""
        return self._capture

    async def start(self) -> None:
        """Starts the process.

        Raises:
            ModelLoadError: the program cannot be started.
        """
        options: dict[str, Any] = {}
        stderr: int = asyncio.subprocess.PIPE
        writer: int | None = None
        if _POSIX:
            # The child reads this pipe itself; we hold the same end, so that the last words of a dead one are not lost.
            self._capture, writer = os.pipe()
            _enlarge(writer)
            os.set_blocking(self._capture, False)
            stderr = writer
            options = {"start_new_session": True, "pass_fds": (self._capture,)}
        else:
            options = {"creationflags": _windows_flags()}
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=self._environment,
                cwd=self._cwd,
                limit=_READ_LIMIT,
                **options,
            )
        except asyncio.CancelledError:
            self._close_capture()
            raise
        except (OSError, ValueError) as error:
            self._close_capture()
            reason = getattr(error, "strerror", None) or str(error)
            raise ModelLoadError(
                f"the interpreter cannot be started: {reason}",
                where=self._command[0],
                remedy="Choose another Python for this profile.",
            ) from error
        finally:
            if writer is not None:
                os.close(writer)
        tie_to_app(self._process.pid)
        self._watch = spawn(self._live(self._process), name=f"worker {self._process.pid}")

    def send(self, frame: dict[str, Any], blob: bytes = b"") -> None:
        """Sends a frame; to a dead child it goes nowhere, and the death is told elsewhere.

        Raises:
            WireError: the frame is too long.
        """
        data = wire.encode(frame, len(blob))
        if not self.alive:
            return
        assert self._process is not None  # noqa: S101
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(data + blob if blob else data)

    async def wait(self) -> Death:
        """Waits until the process has ended and every frame it sent was handed on."""
        await self._gone.wait()
        assert self.death is not None  # noqa: S101
        return self.death

    async def stop(self, grace_s: float) -> Death:
        """Asks the process to end, and kills it with all it started after `grace_s` seconds."""
        if self._process is not None and self._process.returncode is None:
            # Known only as long as their parent lives, and those in sessions of their own by nothing else.
            self._descendants = await asyncio.to_thread(_descendants, self._process.pid)
        self.send({"type": "stop"})
        try:
            await asyncio.wait_for(self._gone.wait(), grace_s)
        except TimeoutError:
            await self.kill()
        await asyncio.to_thread(_kill_all, self._descendants)
        return await self.wait()

    async def kill(self) -> None:
        """Ends the process and everything it started, and waits until it is gone."""
        if self._process is None:
            return
        if self._process.returncode is None:
            await asyncio.to_thread(_kill_tree, self._process.pid)
        await self._gone.wait()

    async def _live(self, process: asyncio.subprocess.Process) -> None:
        reader = spawn(self._read(process), name=f"frames of worker {process.pid}")
        errors = None if process.stderr is None else spawn(self._read_stderr(process.stderr), name="worker's stderr")
        try:
            await self._beat(process, reader)
            if process.returncode is None:
                # It closed its end of the pipe: at its end, or because the script closes what it does not know.
                await _returncode(process, 2.0)
                await asyncio.to_thread(_kill_tree, process.pid)
                await _returncode(process, 5.0)
            else:
                _kill_group(process.pid)
            # A fork that outlived its parent may hold the pipe open for ever; what is in it has been read by then.
            await asyncio.wait({reader}, timeout=2.0)
        finally:
            if process.returncode is None:
                _kill_tree(process.pid)
            self._keep_last_words()
            self._close_capture()
            self.death = Death(process.returncode, bytes(self._last_words).decode("utf-8", "replace"))
            if process.stdin is not None:
                process.stdin.close()
            await cancel_and_wait(reader, errors)
            _close_transport(process)
            self._gone.set()

    async def _beat(self, process: asyncio.subprocess.Process, reader: asyncio.Task[None]) -> None:
        """Until the process has ended or closed its end of the pipe: a pulse a second, at the cost of a timer alone."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        timers: list[asyncio.TimerHandle] = []

        def end(_: object = None) -> None:
            if not ended.done():
                ended.set_result(None)

        def pulse() -> None:
            if process.returncode is not None:
                end()
                return
            timers[:] = [loop.call_later(_PULSE_S, pulse)]
            self._rescue_capture()
            if self._on_pulse is not None:
                self._on_pulse()

        reader.add_done_callback(end)
        timers.append(loop.call_later(_PULSE_S, pulse))
        try:
            await ended
        finally:
            timers[0].cancel()
            reader.remove_done_callback(end)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        assert stream is not None  # noqa: S101
        try:
            for count in itertools.count(1):
                if count % _AT_ONCE == 0:
                    await asyncio.sleep(0)
                header = await stream.readexactly(wire.HEADER.size)
                json_length, blob_length = wire.check_header(header, _MAX_BLOB)
                frame = wire.decode(await stream.readexactly(json_length))
                blob = await stream.readexactly(blob_length) if blob_length else b""
                try:
                    self._on_frame(frame, blob)
                except Exception:
                    log.exception("a frame of type %r was not understood", frame.get("type"))
        except asyncio.IncompleteReadError:
            return
        except wire.WireError as error:
            log.warning("worker %s does not speak in frames: %s", process.pid, error)
            self._last_words += f"{error}\n".encode()

    async def _read_stderr(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(65536):
            self._last_words += data
            del self._last_words[:-_LAST_WORDS]

    def _rescue_capture(self) -> None:
        """Empties the child's stderr pipe when nobody else does.

        Native code that prints more than the pipe holds while it keeps the interpreter lock would wait for the
        child's own reader, which waits for the lock.
        """
        level = _waiting_bytes(self._capture)
        if level and level == self._capture_level and level > 32 * 1024:
            self._keep_last_words()
            level = 0
        self._capture_level = level

    def _keep_last_words(self) -> None:
        if self._capture is None:
            return
        for _ in range(2 * _PIPE_SIZE // 65536):
            try:
                data = os.read(self._capture, 65536)
            except (BlockingIOError, OSError):
                return
            if not data:
                return
            self._last_words += data
            del self._last_words[:-_LAST_WORDS]

    def _close_capture(self) -> None:
        if self._capture is not None:
            os.close(self._capture)
            self._capture = None


async def _returncode(process: asyncio.subprocess.Process, limit_s: float) -> None:
    """Waits for the exit code. Not `process.wait()`: before Python 3.13 it also waits for the pipes to close."""
    until = asyncio.get_running_loop().time() + limit_s
    while process.returncode is None and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def _close_transport(process: asyncio.subprocess.Process) -> None:
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


def _kill_tree(pid: int) -> None:
    """Kills the process, its group and its descendants, also those that made a group of their own."""
    descendants = _descendants(pid)
    _kill_group(pid)
    if sys.platform == "win32":
        try:
            psutil.Process(pid).kill()
        except psutil.Error:
            pass
    _kill_all(descendants)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()  # psutil makes sure that the number still means the same process
        except psutil.Error:
            pass


def _kill_group(pid: int) -> None:
    """Kills what is left of the process's group; the group's number is not given again while a member lives."""
    if sys.platform != "win32":
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def tree_memory(pid: int) -> int:
    """Bytes of memory (RSS) that a process and its descendants hold; 0 when it is gone."""
    total = 0
    try:
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            try:
                total += member.memory_info().rss
            except psutil.Error:
                continue
    except psutil.Error:
        return 0
    return total


def _windows_flags() -> int:
    import subprocess

    names = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW", "BELOW_NORMAL_PRIORITY_CLASS")
    flags = 0
    for name in names:
        flags |= int(getattr(subprocess, name, 0))
    return flags


def _enlarge(pipe: int) -> None:
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        except OSError:
            pass


def _waiting_bytes(pipe: int | None) -> int:
    if pipe is None or sys.platform == "win32":
        return 0
    import array
    import fcntl
    import termios

    count = array.array("i", [0])
    try:
        fcntl.ioctl(pipe, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]
