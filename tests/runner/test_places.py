"""Places in a worker: one at a time, or all of them without anybody waiting for ever."""

from __future__ import annotations

import asyncio

import pytest

from desktop_app.core import aio
from desktop_app.runner.places import Places


async def test_all_places_wait_for_those_that_are_taken() -> None:
    places = Places(2)
    assert await places.take() == 1
    everything = aio.spawn(places.take_all(), name="all")
    more = aio.spawn(places.take_all(), name="all again")
    await asyncio.sleep(0)
    assert not everything.done()
    places.give(1)
    assert await everything == 2
    later = aio.spawn(places.take(), name="one")
    await asyncio.sleep(0)
    assert not later.done()
    assert not more.done()
    places.give(2)
    assert await asyncio.wait_for(later, 30) == 1
    assert not more.done()
    places.give(1)
    assert await asyncio.wait_for(more, 30) == 2


async def test_who_gives_up_waiting_for_all_holds_none() -> None:
    places = Places(3)
    assert await places.take() == 1
    waiting = aio.spawn(places.take_all(), name="all")
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    places.give(1)
    assert await asyncio.wait_for(places.take_all(), 30) == 3
