from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from desktop_app.ui.loop import MOST_CANCELLED, Loop

LIMIT_S = 60.0


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[Loop]:
    made = Loop(qapp)
    asyncio.set_event_loop(made)
    qapp.setQuitOnLastWindowClosed(False)
    yield made
    made.close()
    shiboken6.delete(made._timer)
    asyncio.set_event_loop(None)


def test_in_order_each_in_its_context_and_none_that_was_cancelled(loop: Loop) -> None:
    async def scenario() -> None:
        heard: list[Any] = []
        done = asyncio.Event()
        loop.call_soon(heard.append, 1)
        loop.call_soon(heard.append, "cancelled").cancel()
        base = loop.time()
        loop.call_at(base + 0.02, heard.append, 4)
        loop.call_at(base + 0.01, heard.append, 3)
        loop.call_at(base + 0.01, heard.append, "cancelled").cancel()
        loop.call_at(base + 0.03, done.set)
        loop.call_soon(heard.append, 2)
        await asyncio.wait_for(done.wait(), LIMIT_S)
        assert heard == [1, 2, 3, 4]

    loop.run_until_complete(scenario())


def test_one_that_fails_holds_up_no_other(loop: Loop) -> None:
    told: list[Any] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))

    async def scenario() -> None:
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)

    loop.run_until_complete(scenario())
    assert [type(error) for error in told] == [ZeroDivisionError]


def test_qt_has_its_turns_while_coroutines_never_rest(loop: Loop) -> None:
    async def scenario() -> None:
        painted = asyncio.Event()
        QTimer.singleShot(0, lambda: QTimer.singleShot(5, painted.set))
        async with asyncio.timeout(LIMIT_S):
            while not painted.is_set():  # noqa: ASYNC110 - it is what is tested
                await asyncio.sleep(0)

    loop.run_until_complete(scenario())


def test_a_loop_of_qts_own_inside_a_callback(loop: Loop) -> None:
    async def scenario() -> None:
        heard: list[str] = []
        inner = QEventLoop()

        def opens() -> None:
            inner.exec()
            heard.append("closed")

        def inside() -> None:
            heard.append("inside")
            inner.quit()

        loop.call_soon(opens)
        loop.call_soon(heard.append, "meanwhile")
        loop.call_soon(loop.call_soon, inside)
        async with asyncio.timeout(LIMIT_S):
            while "closed" not in heard:  # noqa: ASYNC110 - an event would be set through the loop under test
                await asyncio.sleep(0.001)
        assert heard == ["meanwhile", "inside", "closed"]

    loop.run_until_complete(scenario())


def test_threads_pipes_and_time_limits(loop: Loop) -> None:
    async def scenario() -> None:
        assert await asyncio.to_thread(threading.get_ident) != threading.get_ident()
        reader, writer = await asyncio.open_connection(*await _echo())
        writer.write(b"hello\n")
        assert await asyncio.wait_for(reader.readline(), LIMIT_S) == b"hello\n"
        writer.close()
        await writer.wait_closed()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)

    servers: list[asyncio.Server] = []

    async def _echo() -> tuple[str, int]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()
            await writer.wait_closed()

        servers.append(await asyncio.start_server(answer, "127.0.0.1", 0))
        host, port = servers[0].sockets[0].getsockname()
        return host, port

    async def whole() -> None:
        await scenario()
        servers[0].close()
        await servers[0].wait_closed()

    loop.run_until_complete(whole())


def test_what_is_weeks_away_or_never_comes_holds_up_nothing(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        heard: list[str] = []
        base = loop.time()
        never = loop.call_at(math.inf, heard.append, "never")
        far = loop.call_later(2**32, heard.append, "far")
        await asyncio.wait_for(asyncio.sleep(0.001), LIMIT_S)
        done = asyncio.Event()
        # An alarm that comes before its time, as every day's first does, is set again.
        monkeypatch.setattr("desktop_app.ui.loop.LONGEST_MS", 1)
        loop.call_at(base + 0.1, done.set)
        await asyncio.wait_for(done.wait(), LIMIT_S)
        assert loop.time() >= base + 0.1
        assert heard == []
        never.cancel()
        far.cancel()

    loop.run_until_complete(scenario())


def test_time_limits_that_were_kept_leave_nothing_behind(loop: Loop) -> None:
    async def scenario() -> None:
        for _ in range(20 * MOST_CANCELLED):
            loop.call_later(3600, _never).cancel()
        assert len(loop._later) <= 2 * MOST_CANCELLED + 1
        await asyncio.wait_for(asyncio.sleep(0.001), LIMIT_S)

    _never: Callable[[], None] = lambda: None  # noqa: E731
    loop.run_until_complete(scenario())
