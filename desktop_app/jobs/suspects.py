"""Finds the answer over which a hub ends the connection, so that it does not end every connection for good.

An answer is suspected where the connection ended after it was written and before a ping or a second of life spoke for
it. Any network cuts connections now and then, and an innocent answer must never become an error: what was in two such
ends is held back until a connection has lived without it, and then sent apart from others, the largest first. An end
during the hold acquits all. The third end in a row, right after it was sent alone, convicts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from desktop_app.jobs.outgoing import Outgoing

DROPS = 3
"""So many ends of a connection in a row after one answer, and an error goes in its place."""
HOLD_S = 5.0
"""So long a connection must live without the suspects before the first of them is sent again."""
WATCH_S = 1.0
"""What is sent apart is acquitted when the connection lives on for so long."""


class Suspects:
    """The suspects of one connection after another.

    Args:
        release: hears of held answers that are to be written now.
    """

    def __init__(self, release: Callable[[list[Outgoing]], None]) -> None:
        self._release = release
        self._held: list[Outgoing] = []
        self._watched: list[Outgoing] = []
        self._timer: asyncio.TimerHandle | None = None
        self._at_once = 1

    @property
    def held(self) -> tuple[Outgoing, ...]:
        """Answers that wait for their turn to be tried."""
        return tuple(self._held)

    def written(self, item: Outgoing) -> None:
        """A response was written to the connection."""
        if item.drops:
            self._watched.append(item)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(WATCH_S, self._acquit)

    def connected(self, unconfirmed: Iterable[Outgoing], pings: int) -> tuple[list[Outgoing], list[Outgoing]]:
        """A new connection stands; judges by how the one before it ended.

        Args:
            unconfirmed: the responses that may have got lost with it, in order.
            pings: the server's pings so far.

        Returns:
            what is to be written again at once, in order, and what is convicted.
        """
        tried, held = self._watched, self._held
        self.stop()
        again: list[Outgoing] = []
        convicted: list[Outgoing] = []
        if held and not tried:
            # The connection ended while none of them was in it.
            for item in held:
                item.drops = 0
            again, held = held, []
        # While one or some are sent apart, whatever else is on its way is above suspicion.
        apart = any(item.drops == DROPS - 1 for item in tried)
        for item in unconfirmed:
            if item.pings != pings or (apart and item not in tried):
                item.drops = 0
            elif item.drops < DROPS - 1 or len(tried) == 1:
                item.drops += 1
            if item.drops >= DROPS:
                convicted.append(item)
            elif item.drops == DROPS - 1:
                held.append(item)
            else:
                again.append(item)
        self._held = sorted(held, key=lambda item: (item not in tried, -item.size))
        if self._held:
            self._timer = asyncio.get_running_loop().call_later(HOLD_S, self._next)
        return again, convicted

    def stop(self) -> None:
        """Forgets what is held and watched; nothing is released any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._held, self._watched, self._at_once = [], [], 1

    def _next(self) -> None:
        self._timer = None
        now, self._held = self._held[: self._at_once], self._held[self._at_once :]
        self._release(now)

    def _acquit(self) -> None:
        self._timer = None
        for item in self._watched:
            item.drops = 0
        self._watched = []
        if self._held:
            self._at_once *= 2
            self._next()
