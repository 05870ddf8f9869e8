"""The loop that drives asyncio from Qt's, with one Qt timer in all instead of one per callback."""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

import qasync
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

TURN_S = 0.004
"""So long what is ready runs on before Qt has its turn again: a frame has four times as long."""

LONG_S = 1.0
GRID_S = 0.0625
"""What waits a second or longer is woken on a grid, so that an app at rest wakes once for many."""

LONGEST_MS = 86_400_000
"""So long the alarm waits at most, and then looks again: a timer of Qt takes no more than 2^31 ms."""

MOST_CANCELLED = 100


class Loop(qasync.QEventLoop):  # type: ignore[misc]
    """qasync's loop, but for its timers.

    qasync starts a timer of Qt for every `call_soon`, which costs a turn of Qt's loop for each step of each coroutine,
    and never takes back the timer of a `call_later` that was cancelled: with a time limit on every request, thousands.
    """

    def __init__(self, application: QApplication) -> None:
        self._soon: deque[asyncio.Handle] = deque()
        self._later: list[asyncio.TimerHandle] = []
        self._cancelled = 0
        self._wake = QTimer()
        self._wake.setSingleShot(True)
        self._wake.timeout.connect(self._turn)
        self._alarm = QTimer()
        self._alarm.setSingleShot(True)
        self._alarm.setTimerType(Qt.TimerType.PreciseTimer)
        self._alarm.timeout.connect(self._ring)
        self._rings_at = math.inf
        super().__init__(application)

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        """See asyncio."""
        handle = asyncio.Handle(callback, args, self, context)
        self._soon.append(handle)
        if not self._wake.isActive() and not self.is_closed():
            self._wake.start(0)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio; from a second on, up to a sixteenth of one late."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio; what is a second away or more comes up to a sixteenth of one late."""
        if LONG_S <= when - self.time() < math.inf:
            when = math.ceil(when / GRID_S) * GRID_S
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        handle._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001 - it tells the loop of its cancellation only then
        heapq.heappush(self._later, handle)
        self._set_alarm()
        return handle

    def close(self) -> None:
        """See asyncio."""
        if not self.is_closed():
            super().close()
            self._wake.stop()
            self._alarm.stop()
            self._soon.clear()
            self._later.clear()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled += 1
        if self._cancelled > MOST_CANCELLED and self._cancelled * 2 > len(self._later):
            self._later = [handle for handle in self._later if not handle.cancelled()]
            heapq.heapify(self._later)
            self._cancelled = 0

    def _set_alarm(self) -> None:
        if self._later and self._later[0].when() < self._rings_at and not self.is_closed():
            self._rings_at = self._later[0].when()
            self._alarm.start(max(0, math.ceil(min((self._rings_at - self.time()) * 1000, LONGEST_MS))))

    def _ring(self) -> None:
        self._rings_at = math.inf
        now = self.time()
        while self._later and (self._later[0].when() <= now or self._later[0].cancelled()):
            handle = heapq.heappop(self._later)
            handle._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001 - a later cancellation concerns the loop no more
            if handle.cancelled():
                self._cancelled = max(0, self._cancelled - 1)
            else:
                self._soon.append(handle)
        self._set_alarm()
        self._turn()

    def _turn(self) -> None:
        end = time.perf_counter() + TURN_S
        soon = self._soon
        self._wake.start(0)  # for a loop of Qt's own that a callback may run inside: it goes on with what is here
        try:
            while soon:
                handle = soon.popleft()
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - what every loop calls
                if time.perf_counter() > end:
                    break
        finally:
            if not soon or self.is_closed():
                self._wake.stop()
