"""Watches the memory of a worker and what it started against the profile's limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.runner.process import tree_memory

EVERY_S = 0.9


class MemoryWatch:
    """Measures at sensible intervals, off the loop, and says once when a process holds too much.

    Args:
        limit_mb: None watches nothing.
        on_excess: gets the process id and the megabytes (RSS of the whole tree).
    """

    def __init__(self, limit_mb: int | None, on_excess: Callable[[int, float], None]) -> None:
        self._limit_mb = limit_mb
        self._on_excess = on_excess
        self._measured_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def pulse(self, pid: int | None) -> None:
        """To be called about once a second with the worker's process id."""
        now = time.monotonic()
        busy = self._task is not None and not self._task.done()
        if self._limit_mb is None or pid is None or busy or now - self._measured_at < EVERY_S:
            return
        self._measured_at = now
        self._task = spawn(self._measure(pid, self._limit_mb), name="memory of a worker")

    async def close(self) -> None:
        """Ends a measurement that is under way."""
        await cancel_and_wait(self._task)

    async def _measure(self, pid: int, limit_mb: int) -> None:
        used = await asyncio.to_thread(tree_memory, pid) / 1024 / 1024
        if used > limit_mb:
            self._on_excess(pid, used)
