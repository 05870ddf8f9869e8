"""How many jobs may be in a worker at once."""

from __future__ import annotations

import asyncio


class Places:
    """A number of places, taken one at a time or all together, first come, first served."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._taking_all = asyncio.Lock()

    async def take(self) -> int:
        """Waits for a place; returns how many were taken."""
        await self._free.acquire()
        return 1

    async def take_all(self) -> int:
        """Waits until nobody has a place and nobody else can get one; returns how many were taken."""
        taken = 0
        # One at a time: two of them, each with some of the places, would wait for each other for ever.
        async with self._taking_all:
            try:
                while taken < self._count:
                    taken += await self.take()
            except BaseException:
                self.give(taken)
                raise
        return taken

    def give(self, count: int) -> None:
        """Gives places back."""
        for _ in range(count):
            self._free.release()
