from __future__ import annotations

import asyncio
import os

import pytest

from desktop_app.core import aio
from desktop_app.runner import memory
from desktop_app.runner.memory import MemoryWatch


async def test_excess_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "EVERY_S", 0.0)
    told: asyncio.Future[tuple[int, float]] = asyncio.get_running_loop().create_future()
    watch = MemoryWatch(1, lambda pid, used: told.set_result((pid, used)) if not told.done() else None)
    watch.pulse(None)
    watch.pulse(os.getpid())
    watch.pulse(os.getpid())  # one measurement at a time
    pid, used = await asyncio.wait_for(told, 10)
    assert pid == os.getpid()
    assert used > 10
    await watch.close()
    assert not aio.running_tasks()


async def test_without_a_limit_nothing_is_measured() -> None:
    watch = MemoryWatch(None, lambda *_: pytest.fail("told"))
    watch.pulse(os.getpid())
    assert not aio.running_tasks()
    await watch.close()
