"""The tasks that a window began, so that none outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from desktop_app.core.aio import cancel_and_wait, spawn


class Tasks:
    """Starts tasks and ends them all together."""

    def __init__(self) -> None:
        self._alive: set[asyncio.Task[Any]] = set()
        self._open = True

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any] | None:
        """Starts a task; None after the end, when nobody would see what it does."""
        if not self._open:
            work.close()
            return None
        task = spawn(work, name=name)
        self._alive.add(task)
        task.add_done_callback(self._alive.discard)
        return task

    async def end(self) -> None:
        """Cancels every task and waits for it; a task that awaits this very call is left alone."""
        self._open = False
        current = asyncio.current_task()
        await cancel_and_wait(*(task for task in self._alive if task is not current))
