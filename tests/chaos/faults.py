"""What is broken, and how: a deck of faults that a seed shuffles."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.harness import Chaos

Act = Callable[["Chaos", random.Random], Awaitable[None]]


async def _hub_killed(chaos: Chaos, dice: random.Random) -> None:
    await chaos.restart_hub(dice.uniform(0.0, 1.5))


async def _hub_frozen(chaos: Chaos, dice: random.Random) -> None:
    async with chaos.hub.frozen():
        await asyncio.sleep(dice.uniform(0.5, 3.0))


async def _app_killed(chaos: Chaos, dice: random.Random) -> None:
    await chaos.restart_app(dice.uniform(0.0, 0.5))


async def _app_killed_twice(chaos: Chaos, dice: random.Random) -> None:
    await chaos.restart_app(0.0)
    await asyncio.sleep(dice.uniform(0.2, 2.0))  # in the middle of its start
    await chaos.restart_app(0.0)


async def _app_told_to_end(chaos: Chaos, dice: random.Random) -> None:
    await chaos.restart_app(dice.uniform(0.0, 0.5), kindly=True)


async def _app_asleep(chaos: Chaos, dice: random.Random) -> None:
    async with chaos.app.frozen():
        await asyncio.sleep(dice.uniform(0.5, 4.0))


async def _power_lost(chaos: Chaos, dice: random.Random) -> None:
    await chaos.check_a_copy_of_the_database()


async def _worker_killed(chaos: Chaos, dice: random.Random) -> None:
    await chaos.kill_a_worker(dice)


async def _cut(chaos: Chaos, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 1, 3))):
        chaos.proxy.cut()
        await asyncio.sleep(dice.uniform(0.1, 0.5))


async def _cut_in_the_middle_of_a_job(chaos: Chaos, dice: random.Random) -> None:
    chaos.proxy.cut_in_the_middle("down")
    await asyncio.sleep(0.5)


async def _cut_in_the_middle_of_an_answer(chaos: Chaos, dice: random.Random) -> None:
    chaos.proxy.cut_in_the_middle("up")
    await asyncio.sleep(0.5)


async def _stalled(chaos: Chaos, dice: random.Random) -> None:
    chaos.proxy.stall()
    try:
        await asyncio.sleep(dice.uniform(0.5, 3.0))
        if dice.random() < 0.5:
            chaos.proxy.cut()
    finally:
        chaos.proxy.flow()


async def _slow(chaos: Chaos, dice: random.Random) -> None:
    chaos.proxy.delay = dice.uniform(0.02, 0.1)
    await asyncio.sleep(dice.uniform(1.0, 3.0))
    chaos.proxy.delay = 0.0


async def _half_open(chaos: Chaos, dice: random.Random) -> None:
    chaos.proxy.half_open()
    # Nobody says so: both sides find out by their pings.
    await chaos.until_reconnected()


async def _turned_away(chaos: Chaos, dice: random.Random) -> None:
    chaos.proxy.welcome = dice.choice(("close", "silent", "bad gateway"))
    chaos.proxy.cut()
    await asyncio.sleep(dice.uniform(0.5, 3.0))
    chaos.proxy.welcome = "open"
    chaos.proxy.cut()  # whoever waits for the silent one


async def _login_refused(chaos: Chaos, dice: random.Random) -> None:
    # Not with silence: what is said into a connection that a hub takes and ignores looks delivered to anybody.
    chaos.tell_hub("refuse", how="disconnect")
    await asyncio.sleep(dice.uniform(0.5, 3.0))
    chaos.tell_hub("clear")


async def _closed_at_every_heartbeat(chaos: Chaos, dice: random.Random) -> None:
    chaos.tell_hub("set", close_at_heartbeat=True)
    await asyncio.sleep(dice.uniform(0.5, 3.0))
    chaos.tell_hub("clear")


async def _told_to_leave(chaos: Chaos, dice: random.Random) -> None:
    chaos.tell_hub("disconnect")
    await asyncio.sleep(0.2)


async def _answers_thrown_away(chaos: Chaos, dice: random.Random) -> None:
    chaos.tell_hub("set", lost_responses=dice.choice((1, 2)))
    await asyncio.sleep(1.0)


async def _bad_gateway(chaos: Chaos, dice: random.Random) -> None:
    chaos.tell_hub("fail http", prefix="/v2/annotate/", times=dice.choice((1, 3)), status=dice.choice((502, 503, 429)))
    chaos.tell_hub("fail http", prefix="/files/", times=2, status=500)
    await asyncio.sleep(1.0)


async def _files_cut_short(chaos: Chaos, dice: random.Random) -> None:
    chaos.tell_hub("set", cut_files_after=dice.choice((0, 1, 1000)))
    await asyncio.sleep(dice.uniform(0.3, 1.0))
    chaos.tell_hub("clear")


async def _slow_hub(chaos: Chaos, dice: random.Random) -> None:
    chaos.tell_hub("set", http_delay=0.4, handshake_delay=0.6)
    chaos.proxy.cut()
    await asyncio.sleep(dice.uniform(1.0, 3.0))
    chaos.tell_hub("clear")


async def _jobs_sent_again(chaos: Chaos, dice: random.Random) -> None:
    chaos.send_again(dice, 10)
    await asyncio.sleep(0.2)


KINDS: dict[str, Act] = {
    "hub killed": _hub_killed,
    "app killed": _app_killed,
    "worker killed": _worker_killed,
    "cut in the middle of an answer": _cut_in_the_middle_of_an_answer,
    "cut in the middle of a job": _cut_in_the_middle_of_a_job,
    "connections cut": _cut,
    "half-open connections": _half_open,
    "login refused": _login_refused,
    "answers thrown away": _answers_thrown_away,
    "jobs sent again": _jobs_sent_again,
    "hub frozen": _hub_frozen,
    "app asleep": _app_asleep,
    "power lost": _power_lost,
    "app told to end": _app_told_to_end,
    "app killed while it starts": _app_killed_twice,
    "network stalled": _stalled,
    "network slow": _slow,
    "hub slow": _slow_hub,
    "new connections turned away": _turned_away,
    "closed at every heartbeat": _closed_at_every_heartbeat,
    "told to leave": _told_to_leave,
    "HTTP calls fail": _bad_gateway,
    "files cut short": _files_cut_short,
}

ALWAYS = 12
"""So many of the kinds, from the first on, are in every run; the others as far as there is room."""


def deal(count: int, dice: random.Random) -> list[str]:
    """So many faults in an order of the dice; each kind comes before any comes again too often."""
    names = list(KINDS)
    cards = names[: min(count, ALWAYS)]
    rest: list[str] = []
    while len(cards) + len(rest) < count:
        others = names[ALWAYS:] if not rest else list(names)
        dice.shuffle(others)
        rest += others[: count - len(cards) - len(rest)]
    cards += rest
    dice.shuffle(cards)
    return cards
