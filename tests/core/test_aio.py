from __future__ import annotations

import asyncio
import gc
import itertools
import logging
from collections.abc import Iterator

import pytest

from desktop_app.core import aio


@pytest.fixture
def bugs() -> Iterator[list[tuple[BaseException, str]]]:
    heard: list[tuple[BaseException, str]] = []
    aio.set_bug_handler(lambda error, name: heard.append((error, name)))
    yield heard
    aio.set_bug_handler(None)


async def fails(message: str = "boom") -> None:
    raise ValueError(message)


async def ended(task: asyncio.Task[object]) -> None:
    """Waits for a task and for its done callbacks without taking its exception."""
    await asyncio.wait([task])
    await asyncio.sleep(0)


async def test_a_task_has_its_name_and_gives_its_result() -> None:
    async def work() -> int:
        return 7

    task = aio.spawn(work(), name="seven")
    assert task.get_name() == "seven"
    assert task in aio.running_tasks()
    assert await task == 7
    await asyncio.sleep(0)
    assert task not in aio.running_tasks()


async def test_a_task_that_raises_reaches_the_bug_handler(
    bugs: list[tuple[BaseException, str]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await ended(aio.spawn(fails(), name="listener of Vehicles"))
    ((error, name),) = bugs
    assert isinstance(error, ValueError)
    assert name == "listener of Vehicles"
    assert "listener of Vehicles ended with an error" in caplog.text
    assert aio.running_tasks() == []


async def test_without_a_handler_the_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        await ended(aio.spawn(fails("nobody listens"), name="t"))
    assert "nobody listens" in caplog.text


async def test_a_cancelled_task_is_no_bug(bugs: list[tuple[BaseException, str]]) -> None:
    task = aio.spawn(asyncio.Event().wait(), name="waits")
    await asyncio.sleep(0)
    await aio.cancel_and_wait(task)
    await asyncio.sleep(0)
    assert task.cancelled()
    assert bugs == []
    assert aio.running_tasks() == []


async def test_cancel_and_wait_takes_whatever_the_tasks_end_with(bugs: list[tuple[BaseException, str]]) -> None:
    steps: list[str] = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("tidied")

    async def turns_cancel_into_error() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("while stopping") from None

    done = aio.spawn(asyncio.sleep(0), name="done")
    await done
    tasks = [aio.spawn(tidy(), name="tidy"), aio.spawn(turns_cancel_into_error(), name="error")]
    await asyncio.sleep(0)
    await aio.cancel_and_wait(*tasks, None, done)
    assert steps == ["tidied"]
    assert all(task.done() for task in tasks)
    await asyncio.sleep(0)
    assert [name for _, name in bugs] == ["error"]
    await aio.cancel_and_wait()


async def test_nobody_needs_to_keep_a_task() -> None:
    finished = asyncio.Event()
    start = asyncio.Event()

    async def work() -> None:
        await start.wait()
        finished.set()

    aio.spawn(work(), name="kept")
    await asyncio.sleep(0)
    gc.collect()
    start.set()
    await asyncio.wait_for(finished.wait(), 5)
    await asyncio.sleep(0)


def test_spawn_needs_a_loop() -> None:
    coro = asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        aio.spawn(coro, name="x")
    coro.close()


def test_backoff_grows_with_jitter_to_its_limit() -> None:
    tops = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    for _ in range(50):
        for delay, top in zip(itertools.islice(aio.backoff(), len(tops)), tops, strict=True):
            assert top / 2 <= delay <= top
    assert len({next(aio.backoff()) for _ in range(20)}) > 10
    assert next(aio.backoff(first=0.1, factor=3, limit=0.2)) <= 0.1
    assert list(itertools.islice(aio.backoff(0.1, 3, 0.2), 4))[-1] <= 0.2


async def test_a_cancellation_that_got_lost_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio, "CANCEL_AGAIN_S", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    task = aio.spawn(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    await asyncio.wait_for(aio.cancel_and_wait(task), 10)
    assert (task.cancelled(), swallowed) == (True, 3)
