"""How the fuzz targets get their inputs, and what is common to them: any JSON, anywhere.

`FUZZ_INPUTS` is how many inputs all targets get together (2,000 unless told otherwise), `FUZZ_SEED` the seed: fixed for
the tests, so that a change is judged by the same inputs everywhere; `make fuzz` draws one and prints it.
"""

from __future__ import annotations

import asyncio
import copy
import os
import random
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")

INPUTS = int(os.environ.get("FUZZ_INPUTS", "2000"))
SEED = int(os.environ.get("FUZZ_SEED") or (6 if "FUZZ_INPUTS" not in os.environ else random.randrange(10**6)))
ROUND = 1000
"""Inputs from one seed: hypothesis remembers all that it tried, so that a long run is cut into many."""
VARIANTS = 4
"""Near relatives of each input that are tried with it."""
HANG_S = 30.0
"""An input that takes longer is a finding; far above what the slowest good one takes on a slow machine."""

# A few that software trips over, and every kind of text: lone surrogates come in JSON as "\ud800".
AWKWARD = ["", " ", "\0", "../../etc/passwd", "%s%n{0}", "<b>x</b>", "\ud800", "NaN", "null", "a" * 3000, "-0", "²"]
TEXT = st.one_of(
    st.sampled_from(AWKWARD), st.text(max_size=20), st.text(st.characters(exclude_categories=()), max_size=5)
)
NUMBERS = st.one_of(
    st.integers(-3, 5),
    st.integers(),
    st.floats(),
    st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, -0.0]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


def deep(levels: int) -> Any:
    """Lists and objects inside each other."""
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


ANYTHING = st.one_of(JSON, JSON, JSON, st.sampled_from([deep(50), deep(150)]))


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, the whole of it first."""
    found = [before]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += paths(item, (*before, key))
    return found


@st.composite
def changed(draw: Callable[[Any], Any], good: Any, anything: Any = ANYTHING, most: int = 3) -> Any:
    """A good JSON value with a few places replaced, removed or added to."""
    value = copy.deepcopy(draw(st.sampled_from(good)) if isinstance(good, list) else good)
    for _ in range(draw(st.integers(0, most))):
        places = paths(value)
        path = draw(st.sampled_from(places))
        if not path:
            if draw(st.integers(0, 9)) == 0:
                return copy.deepcopy(draw(anything))
            if isinstance(value, dict):
                value[draw(TEXT)] = copy.deepcopy(draw(anything))
            continue
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        action = draw(st.sampled_from(["replace", "replace", "replace", "remove", "repeat"]))
        if action == "replace":
            holder[path[-1]] = copy.deepcopy(draw(anything))
        elif action == "remove":
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
    return value


@st.composite
def bent(draw: Callable[[Any], Any], good: list[bytes], most: int = 6) -> bytes:
    """Good bytes with a few of them flipped, cut, put in, or taken out; sizes and offsets blown up."""
    data = bytearray(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, most))):
        if not data:
            break
        # Heads decide more than bodies do.
        reach = draw(st.sampled_from([64, 512, len(data)]))
        place = draw(st.integers(0, min(reach, len(data)) - 1))
        action = draw(st.sampled_from(["flip", "flip", "flip", "number", "cut", "insert", "remove", "copy"]))
        if action == "flip":
            data[place] = draw(st.integers(0, 255))
        elif action == "number":
            number = draw(st.sampled_from([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 65536]))
            data[place : place + 4] = number.to_bytes(4, draw(st.sampled_from(["little", "big"])))
        elif action == "cut":
            del data[place:]
        elif action == "insert":
            data[place:place] = draw(st.binary(max_size=16))
        elif action == "remove":
            del data[place : place + draw(st.integers(1, 64))]
        else:
            data[place:place] = data[place : place + draw(st.integers(1, 256))]
    return bytes(data)


def varied(value: Any, dice: random.Random) -> Any:
    """A near relative of an input: of the same type, with one thing in it changed. A hundred times quicker than a new
    one, whose choices hypothesis keeps account of."""
    if isinstance(value, tuple):
        index = dice.randrange(len(value)) if value else 0
        return tuple(varied(item, dice) if at == index else item for at, item in enumerate(value))
    if isinstance(value, bytes):
        return _bent(value, dice)
    if isinstance(value, list) and any(isinstance(item, tuple) for item in value):
        index = dice.randrange(len(value))
        return [*value[:index], varied(value[index], dice), *value[index + (dice.random() < 0.8) :]]
    if isinstance(value, dict | list):
        value = copy.deepcopy(value)
        places = [path for path in paths(value) if path]
        if not places:
            return value
        path = dice.choice(places)
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        other = dice.choice(places)
        piece: Any = value
        for key in other:
            piece = piece[key]
        if dice.random() < 0.15:
            del holder[path[-1]]
        elif dice.random() < 0.5:
            holder[path[-1]] = copy.deepcopy(piece)
        else:
            holder[path[-1]] = dice.choice([*AWKWARD, *ODD])
        return value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value + dice.choice([-1, 1, 2, 255])
    if isinstance(value, float):
        return dice.random()
    at = dice.randrange(len(value) + 1)
    piece = dice.choice(["", "\0", "\n", " ", "/", "%", "é", "\ud800", "9", dice.choice(AWKWARD)])
    return value[:at] + piece + value[at + 1 :]


ODD: list[Any] = [None, True, False, 0, -1, 1.5, float("nan"), float("inf"), 2**70, [], {}, [[]], {"a": None}, [None]]


def _bent(data: bytes, dice: random.Random) -> bytes:
    if not data:
        return bytes([dice.randrange(256)])
    at = dice.randrange(dice.choice([min(64, len(data)), min(512, len(data)), len(data)]))
    change = dice.randrange(5)
    if change == 0:
        return data[:at]
    if change == 1:
        return data[:at] + bytes([dice.randrange(256)]) + data[at:]
    if change == 2:
        return data[:at] + data[at + dice.randrange(1, 32) :]
    if change == 3:
        number = dice.choice([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
        return data[:at] + number.to_bytes(4, dice.choice(["little", "big"])) + data[at + 4 :]
    return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]


def fuzz(name: str, share: float, strategy: Any, check: Callable[[Any], Any]) -> None:
    """Gives a target its share of the inputs, and says how many they were and how long they took.

    Args:
        share: of all inputs of a run.
        check: raises for an input that shows a fault; its value is not looked at.
    """
    count = max(round(INPUTS * share), 10)
    done, slowest, began = 0, 0.0, time.monotonic()

    def look(value: Any) -> None:
        nonlocal done, slowest
        started = time.monotonic()
        check(value)
        took = time.monotonic() - started
        done += 1
        slowest = max(slowest, took)
        assert took < HANG_S, f"{took:.1f} s"

    for number, start in enumerate(range(0, count, ROUND)):

        @seed(SEED + number)
        @settings(
            max_examples=-(-min(ROUND, count - start) // (1 + VARIANTS)),
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),  # looking for the smallest input takes as long as hundreds of new ones
        )
        @given(strategy, st.integers(0, 2**32))
        def holds(value: Any, luck: int) -> None:
            look(value)
            dice = random.Random(luck)
            for _ in range(VARIANTS):
                relative = varied(value, dice)
                try:
                    look(relative)
                except Exception:
                    print(f"the input: {relative!r:.4000}")
                    raise

        holds()
        seconds = time.monotonic() - began
        print(f"\nfuzz | {name} | {done:,} inputs | {seconds:.1f} s | slowest {slowest * 1000:.0f} ms | seed {SEED}")


class Loop:
    """An event loop in a thread, for targets that live longer than one input."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fuzz loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], limit_s: float = 60.0) -> T:
        """Runs a coroutine there and gives what it gave.

        Raises:
            TimeoutError: it hangs.
        """
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, limit_s), self._loop).result(limit_s + 10)

    def close(self) -> None:
        """Ends the loop and its thread."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
