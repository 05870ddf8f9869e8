"""Tasks that are never lost, and waiting times that do not march in step."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

CANCEL_AGAIN_S = 4.0

_tasks: set[asyncio.Task[Any]] = set()
_on_bug: Callable[[BaseException, str], None] | None = None


def set_bug_handler(handler: Callable[[BaseException, str], None] | None) -> None:
    """Names who hears of a task that ended with an exception nobody awaited (the crash reporter)."""
    global _on_bug  # noqa: PLW0603 - one process has one reporter
    _on_bug = handler


def spawn(coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Starts a task with a name and keeps it alive until it ends.

    asyncio holds only a weak reference to a task: one that nobody keeps may vanish in the middle of its work.
    """
    task = asyncio.get_running_loop().create_task(coro, name=name)
    _tasks.add(task)
    task.add_done_callback(_ended)
    return task


def running_tasks() -> list[asyncio.Task[Any]]:
    """Every spawned task that has not ended yet."""
    return [task for task in _tasks if not task.done()]


async def cancel_and_wait(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancels the tasks and waits until they have ended, whatever they end with.

    A cancellation can get lost on its way (in Python 3.11's `wait_for`, in a library): it is repeated now and then.
    """
    alive = [task for task in tasks if task is not None and not task.done()]
    pending = set(alive)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*alive, return_exceptions=True)


def backoff(first: float = 1.0, factor: float = 2.0, limit: float = 60.0) -> Iterator[float]:
    """Endless waiting times in seconds, growing from `first` to `limit`, each shortened at random by up to a half.

    The jitter keeps many runners that lost the same hub from coming back in the same instant.
    """
    delay = first
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
        delay = min(delay * factor, limit)


def _ended(task: asyncio.Task[Any]) -> None:
    _tasks.discard(task)
    if task.cancelled():
        return
    error = task.exception()
    if error is None:
        return
    report_bug(error, task.get_name())


def report_bug(error: BaseException, where: str) -> None:
    """Logs an exception that is a bug of ours and hands it to the crash reporter; the caller goes on."""
    log.error("%s ended with an error", where, exc_info=error)
    if _on_bug is not None:
        _on_bug(error, where)
