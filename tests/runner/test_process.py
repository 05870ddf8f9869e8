from __future__ import annotations

import asyncio
import itertools
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.child.wire import WireError
from desktop_app.core import aio
from desktop_app.core.errors import ModelLoadError
from desktop_app.runner.process import WorkerProcess, tree_memory

ECHO = """
import sys
sys.path.insert(0, {root!r})
from desktop_app.child.wire import read_frame, write_frame
while True:
    try:
        frame, blob = read_frame(sys.stdin.buffer)
    except EOFError:
        break
    if frame.get("type") == "stop":
        break
    write_frame(sys.stdout.buffer, frame, blob)
"""
ROOT = str(Path(__file__).parent.parent.parent)


class Peer:
    def __init__(self, code: str, tmp_path: Path) -> None:
        self.frames: list[tuple[dict[str, Any], bytes]] = []
        self.came = asyncio.Event()
        script = tmp_path / "peer.py"
        script.write_text(textwrap.dedent(code))
        self.worker = WorkerProcess(
            [sys.executable, str(script)], environment=dict(os.environ), cwd=tmp_path, on_frame=self._on_frame
        )

    def _on_frame(self, frame: dict[str, Any], blob: bytes) -> None:
        self.frames.append((frame, blob))
        self.came.set()
        if frame.get("raise"):
            raise RuntimeError("a listener of ours failed")


async def test_frames_go_and_come(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(ECHO.format(root=ROOT), tmp_path)
    assert not peer.worker.alive
    await peer.worker.start()
    big = os.urandom(5_000_000)
    peer.worker.send({"raise": True})
    for number in range(3):
        peer.worker.send({"type": "x", "n": number, "text": "ü" * 100_000}, big)
    while len(peer.frames) < 4:
        peer.came.clear()
        await asyncio.wait_for(peer.came.wait(), 20)
    assert [frame.get("n") for frame, _ in peer.frames] == [None, 0, 1, 2]
    assert all(blob == big for _, blob in peer.frames[1:])
    assert "was not understood" in caplog.text
    with pytest.raises(WireError):
        peer.worker.send({"x": object()})
    death = await peer.worker.stop(10)
    assert death.code == 0
    assert not peer.worker.alive
    peer.worker.send({"type": "late"})  # to nobody
    assert (await peer.worker.stop(1)).code == 0, "stopping twice is stopping"
    assert not aio.running_tasks()


async def test_a_process_that_ignores_the_stop_is_killed(tmp_path: Path) -> None:
    peer = Peer("import time\ntime.sleep(600)\n", tmp_path)
    await peer.worker.start()
    death = await asyncio.wait_for(peer.worker.stop(0.2), 10)
    assert death.code == -9


async def test_rubbish_instead_of_frames_ends_it(tmp_path: Path) -> None:
    peer = Peer("import time\nprint('x' * 100, flush=True)\ntime.sleep(600)\n", tmp_path)
    await peer.worker.start()
    death = await asyncio.wait_for(peer.worker.wait(), 20)
    assert "longer than allowed" in death.last_words


async def test_a_promise_of_more_than_anybody_has_a_use_for_ends_it(tmp_path: Path) -> None:
    """Nothing of it is waited for: what is promised would fill our memory."""
    peer = Peer(
        "import struct, sys, time\nsys.stdout.buffer.write(struct.pack('<II', 2, 500_000_000) + b'{}')\n"
        "sys.stdout.flush()\ntime.sleep(600)\n",
        tmp_path,
    )
    await peer.worker.start()
    death = await asyncio.wait_for(peer.worker.wait(), 60)
    assert "500000000 bytes is longer than allowed" in death.last_words
    assert peer.frames == []


async def test_a_flood_of_frames_leaves_others_their_turn(tmp_path: Path) -> None:
    peer = Peer(
        f"import sys\nsys.path.insert(0, {ROOT!r})\nfrom desktop_app.child.wire import encode\n"
        "sys.stdout.buffer.write(encode({'type': 'log'}) * 20_000)\nsys.stdout.flush()\n",
        tmp_path,
    )
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(len(peer.frames))
            await asyncio.sleep(0)

    task = aio.spawn(other(), name="other")
    await peer.worker.start()
    await asyncio.wait_for(peer.worker.wait(), 60)
    await aio.cancel_and_wait(task)
    assert len(peer.frames) == 20_000
    assert max(after - before for before, after in itertools.pairwise(turns)) <= 200


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
async def test_a_start_that_is_broken_off_leaves_no_descriptor(tmp_path: Path) -> None:
    peer = Peer(ECHO.format(root=ROOT), tmp_path)
    before = psutil.Process().num_fds()
    started = aio.spawn(peer.worker.start(), name="start")
    await asyncio.sleep(0)  # in the middle of it
    await aio.cancel_and_wait(started)
    assert not peer.worker.alive
    assert psutil.Process().num_fds() == before


async def test_what_it_wrote_to_stderr_is_kept(tmp_path: Path) -> None:
    peer = Peer("import sys\nsys.stderr.write('y' * 50000 + 'the end')\nsys.exit(4)\n", tmp_path)
    await peer.worker.start()
    death = await asyncio.wait_for(peer.worker.wait(), 20)
    assert death.code == 4
    assert death.last_words.endswith("the end")
    assert len(death.last_words) <= 16_000


async def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    before = psutil.Process().num_fds() if hasattr(psutil.Process, "num_fds") else 0
    worker = WorkerProcess([str(tmp_path / "missing")], environment={}, on_frame=lambda *_: None)
    with pytest.raises(ModelLoadError, match="cannot be started"):
        await worker.start()
    await worker.kill()
    if before:
        assert psutil.Process().num_fds() == before


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
async def test_no_descriptor_is_left_after_many_workers(tmp_path: Path) -> None:
    async def once() -> None:
        peer = Peer(ECHO.format(root=ROOT), tmp_path)
        await peer.worker.start()
        await peer.worker.stop(10)

    await once()
    before = psutil.Process().num_fds()
    for _ in range(5):
        await once()
    assert psutil.Process().num_fds() == before


def test_memory_of_a_tree() -> None:
    assert tree_memory(os.getpid()) > 10 * 1024 * 1024
    assert tree_memory(2**22 + 7) == 0
