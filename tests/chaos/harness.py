"""A chaos run: the hub, the proxy and the app, jobs that keep coming, and a deck of faults that is played meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.store.paths import DataDir
from tests.chaos.faults import KINDS, deal
from tests.chaos.ledger import Fault, Ledger, integrity, recorded, wrong
from tests.chaos.processes import Program
from tests.chaos.proxy import Proxy

SCRIPT = '''
"""Answers nothing twice: whoever asked it again for a session would be found out."""

import secrets

from imerit_ango.plugins import ModelPlugin, run


def annotate(data):
    data["logger"].info("seen %s", data["session"])
    once = {"title": "Once", "answer": secrets.token_hex(8), "metadata": {"asset": data["dataURL"]}}
    return {"objects": [], "classifications": [once], "relations": []}


run(ModelPlugin(id="x", secret="y", callback=annotate, concurrency=2), host="http://127.0.0.1")
'''

SECRET = "the secret of every plugin here"
PLUGINS = ("detector", "script")
DETECTOR_SHARE = 0.3
WORKFLOW_SHARE = 0.25
WINDOW = 60
"""So many sessions may be open at once."""
LOOK_S = 0.05
SAMPLE_S = 1.0
LOST_LOOK_S = 2.0
LOST_AFTER_S = 5.0
"""A job that so long after it was sent is not in the app's history will never be."""
BATCH_LIMIT_S = 30.0
"""How long a fault waits for its share of the jobs to be on their way."""
START_LIMIT_S = 120.0
ORPHAN_LIMIT_S = 45.0
"""A worker whose host was killed while native code kept the interpreter busy is ended by an alarm after 34 s."""
END_LIMIT_S = 240.0
"""How long after the last fault every session may take to be answered."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at one moment, in megabytes; `life` counts the app's starts."""

    at: float
    life: int
    answered: int
    app_mb: float
    workers_mb: float


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    seed: int
    jobs: int = 0
    failed: int = 0
    lost: int = 0
    repeated: int = 0
    seconds: float = 0.0
    settled_in: float = 0.0
    app_lives: int = 0
    hub_lives: int = 0
    faults: list[Fault] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)


class Chaos:
    """One run. Use as an async context manager, then `play`.

    Args:
        seed: decides which faults come, in which order, when and how hard, and what the jobs are.
        limit_s: after so long no more faults and jobs come; what was begun is finished and judged.
        calm_app_after: share of the faults after which the app itself is no longer ended, so that the memory of one
            life is seen over many jobs; 1.0 for never.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        jobs: int,
        faults: int,
        gap_s: float = 1.0,
        calm_app_after: float = 1.0,
        limit_s: float = float("inf"),
    ) -> None:
        self._folder = folder
        self._limit_s = limit_s
        self._dice = random.Random(seed)
        self._jobs = jobs
        self._count = faults
        self._gap_s = gap_s
        self._calm_after = calm_app_after
        self._journal = folder / "journal.jsonl"
        self.database = DataDir(folder / "data").database
        self.ledger = Ledger(self._journal)
        self.outcome = Outcome(seed)
        self._port = _free_port()
        self.proxy = Proxy(self._port, random.Random(seed + 1))
        self._waiting: deque[str] = deque()
        self._on_the_way: dict[str, int] = {}
        self._released = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._fault_tasks: list[asyncio.Task[None]] = []
        self._killed_at = 0
        self._cut_short = False
        self._trouble: list[str] = []
        self.hub: Program
        self.app: Program

    # -- life -------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.proxy.start()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PLUGDECK_")}
        self.hub = Program("hub", ["tests.chaos.hub_process", self._hub_settings()], kept, self._folder)
        secrets = {f"PLUGDECK_SECRET_{name.upper()}": SECRET for name in PLUGINS}
        keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        data = {"PLUGDECK_DATA_DIR": str(self.database.parent)}
        self.app = Program(
            "app", ["tests.chaos.app_process", "run", "--json"], {**kept, **keyring, **secrets, **data}, self._folder
        )
        try:
            await self._add_profiles()
            self.hub.start()
            self.app.start()
            await self._until(lambda: all(self.ledger.online.get(name) for name in PLUGINS), START_LIMIT_S, "a start")
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await cancel_and_wait(*self._tasks, *self._fault_tasks)
        await self.proxy.stop()
        await self.app.end()
        await self.hub.end()
        for left in self.app.family():
            with contextlib.suppress(psutil.Error):
                left.kill()

    def _hub_settings(self) -> str:
        import json

        settings = {
            "port": self._port,
            "journal": str(self._journal),
            "public": self.proxy.url,
            "folder": str(resource("demo", "assets")),
            "plugins": dict.fromkeys(PLUGINS, SECRET),
            "classes": ["bolt", "nut", "washer"],
        }
        return json.dumps(settings)

    async def _add_profiles(self) -> None:
        script = self._folder / "once.py"
        script.write_text(SCRIPT)
        host = Host(DataDir(self.database.parent))
        await host.start(serve=False)
        try:
            for name, source in (
                ("detector", OnnxSource(path=resource("demo", "fasteners.onnx"))),
                ("script", CallbackSource(script=script)),
            ):
                profile = Profile(name=name, host=self.proxy.url, plugin_id=name, source=source, concurrency=2)
                await host.add_profile(profile, None)
        finally:
            await host.stop(0.0)

    # -- the run ----------------------------------------------------------------------------------------------------

    async def play(self) -> Outcome:
        """Sends all jobs, plays all faults, waits until every session is answered, ends everything and looks."""
        began = time.monotonic()
        for number in range(self._jobs):
            self._waiting.append(self._new_session(number))
        self._tasks = [
            spawn(self._feed(), name="chaos feed"),
            spawn(self._look_for_lost(), name="chaos lost jobs"),
            spawn(self._sample(), name="chaos memory"),
        ]
        names = deal(self._count, self._dice)
        for number, name in enumerate(names):
            if time.monotonic() - began > self._limit_s:
                self._jobs, self._cut_short = self._released, True
                break
            self._released = self._jobs * (number + 1) // len(names)
            if number >= self._calm_after * len(names) or time.monotonic() - began > self._calm_after * self._limit_s:
                name = name if not name.startswith(("app killed", "app told")) else "connections cut"
            await self._let_some_through()
            await asyncio.sleep(self._dice.uniform(0.1, 2 * self._gap_s))
            self._fault_tasks.append(spawn(self._fault(name, self._dice.random()), name=f"fault {name}"))
            self._complain()
        self._released = self._jobs
        await asyncio.gather(*self._fault_tasks)
        self.tell_hub("clear")
        settling = time.monotonic()
        await self._settle()
        self.outcome.settled_in = time.monotonic() - settling
        self.outcome.seconds = time.monotonic() - began
        await self._finish()
        return self.outcome

    def _new_session(self, number: int) -> str:
        session = f"{number:06d}-{self._dice.getrandbits(48):012x}"
        plugin = "detector" if self._dice.random() < DETECTOR_SHARE else "script"
        # Not the detector's: it finds the same in the same picture again, so that a reply that got lost is taken for
        # given where the task holds that answer already, from another session.
        self.ledger.expect(session, plugin, workflow=plugin == "script" and self._dice.random() < WORKFLOW_SHARE)
        return session

    async def _feed(self) -> None:
        """Keeps jobs coming, as many as are released; those that the hub could not send are tried again."""
        sent = 0
        while True:
            self.ledger.read()
            while self.ledger.refused:
                self._on_the_way.pop(session := self.ledger.refused.pop(), None)
                if not self.ledger.entries[session].sent:
                    self._waiting.appendleft(session)
                    sent -= 1
            for session, life in list(self._on_the_way.items()):
                if self.ledger.entries[session].sent:
                    del self._on_the_way[session]
                elif life < self.hub.lives and self.hub.pid is not None:
                    # The hub was killed before it read the command.
                    del self._on_the_way[session]
                    self._waiting.appendleft(session)
                    sent -= 1
            for session in list(itertools.islice(self._waiting, 500)):
                if sent >= self._released or sent - self.ledger.answered >= WINDOW:
                    break
                # Another plugin's jobs do not wait for one that is offline.
                if self.ledger.online.get(self.ledger.entries[session].plugin) and self._send(session):
                    self._waiting.remove(session)
                    self._on_the_way[session] = self.hub.lives
                    sent += 1
            await asyncio.sleep(LOOK_S)

    def _send(self, session: str) -> bool:
        entry = self.ledger.entries[session]
        return self.hub.tell(
            {
                "do": "send",
                "session": session,
                "plugin": entry.plugin,
                "asset": int(session[:6]),
                "workflow": entry.workflow,
            }
        )

    async def _let_some_through(self) -> None:
        """Waits until most of what is released is on its way, so that faults meet jobs; not for ever."""
        await _wait(lambda: len(self._waiting) <= self._jobs - self._released + 5, BATCH_LIMIT_S)

    async def _sample(self) -> None:
        while True:
            app, workers = self.app.memory()
            if app:
                self.outcome.samples.append(
                    Sample(time.time(), self.app.lives, self.ledger.answered, round(app, 2), round(workers, 2))
                )
            await asyncio.sleep(SAMPLE_S)

    async def _settle(self) -> None:
        """Until every session is answered."""
        end = time.monotonic() + END_LIMIT_S
        while self.ledger.answered < self._jobs and time.monotonic() < end:
            await asyncio.sleep(LOOK_S)
            self._complain()

    async def _look_for_lost(self) -> None:
        """What the app's history does not know after a while was lost on the way, and the hub sends it again."""
        while True:
            await asyncio.sleep(LOST_LOOK_S)
            asked = time.time()
            history = await asyncio.to_thread(recorded, self.database)
            for entry in self.ledger.entries.values():
                known = not entry.sent or entry.answered or entry.session in history
                if not known and asked - entry.sent[-1] > LOST_AFTER_S and self._send(entry.session):
                    entry.lost = len(entry.sent)

    async def _finish(self) -> None:
        await cancel_and_wait(*self._tasks)
        outcome = self.outcome
        code = await self.app.end(signal.SIGTERM)
        if code != 0:
            self._trouble.append(f"the app ended with {code}: {self.app.last_words()}")
        self.ledger.read()
        await _wait(lambda: not self.app.family(), ORPHAN_LIMIT_S)
        orphans = [f"{left.pid} {' '.join(left.cmdline())}" for left in self.app.family()]
        history = recorded(self.database)
        outcome.jobs = self.ledger.answered
        outcome.failed = sum(entry.failed for entry in self.ledger.entries.values())
        outcome.lost = sum(entry.lost for entry in self.ledger.entries.values())
        outcome.repeated = sum(max(len(entry.times) - 1, 0) for entry in self.ledger.entries.values())
        outcome.app_lives, outcome.hub_lives = self.app.lives, self.hub.lives
        for jobs in history.values():
            for _, error in jobs:
                if error:
                    words = error.split(" (")[0][:90]
                    outcome.errors[words] = outcome.errors.get(words, 0) + 1
        for session in self._waiting if self._cut_short else ():
            self.ledger.entries.pop(session)  # the time was up before its turn came
        outcome.wrong = [*self._trouble, *wrong(self.ledger, history, outcome.faults)]
        outcome.wrong += [f"a process was left behind: {orphan}" for orphan in orphans]
        checked = integrity(self.database)
        if checked != "ok":
            outcome.wrong.append(f"the database does not pass integrity_check: {checked}")
        aside = list(self.database.parent.glob("*.damaged-*"))
        if aside:
            outcome.wrong.append(f"the app found its database damaged: {[path.name for path in aside]}")
        reports = list(DataDir(self.database.parent).crashes.glob("*"))
        if reports:
            outcome.wrong.append(f"crash reports: {reports[0].read_text(errors='replace')[:3000]}")

    # -- faults -----------------------------------------------------------------------------------------------------

    async def _fault(self, name: str, luck: float) -> None:
        fault = Fault(name, time.time())
        self.outcome.faults.append(fault)
        try:
            await KINDS[name](self, random.Random(luck))
        finally:
            fault.ended = time.time()

    def tell_hub(self, do: str, **values: Any) -> None:
        """A command to the hub; a dead one needs none, its faults died with it."""
        self.hub.tell({"do": do, **values})

    def send_again(self, dice: random.Random, count: int) -> None:
        """The hub sends some jobs once more that it sent before, answered or not."""
        sent = [entry.session for entry in self.ledger.entries.values() if entry.sent]
        for session in dice.sample(sent[-500:], min(count, len(sent))):
            self._send(session)

    async def restart_hub(self, away_s: float) -> None:
        """Kills the hub and starts it again."""
        async with self.hub.changing:
            await self.hub.end()
            await asyncio.sleep(away_s)
            self.hub.start()

    async def restart_app(self, away_s: float, *, kindly: bool = False) -> None:
        """Ends the app, with SIGKILL unless kindly, and starts it again."""
        async with self.app.changing:
            if kindly:
                await _wait(lambda: self.app.pid is None or self.app.listens(), START_LIMIT_S)
            code = await self.app.end(signal.SIGTERM if kindly else signal.SIGKILL)
            if kindly and code != 0:
                self._trouble.append(f"the app ended with {code} after SIGTERM: {self.app.last_words()}")
            await asyncio.sleep(away_s)
            self.app.start()

    async def kill_a_worker(self, dice: random.Random) -> None:
        """Kills one of the app's children, once jobs were answered since the last time: a worker that dies again and
        again without an answer is, rightly, not started any more."""
        enough = self._killed_at + 10
        await _wait(lambda: self.ledger.answered >= enough and bool(self.app.children()), 20)
        children = self.app.children()
        if children:
            with contextlib.suppress(psutil.Error):
                dice.choice(children).kill()
        self._killed_at = self.ledger.answered

    async def check_a_copy_of_the_database(self) -> None:
        """What a power loss leaves: the files as they are at one moment, opened elsewhere."""
        place = self._folder / f"copy-{time.monotonic_ns()}"
        place.mkdir()
        async with self.app.frozen():
            for ending in ("", "-wal"):
                part = self.database.with_name(self.database.name + ending)
                if part.exists():
                    await asyncio.to_thread(shutil.copy, part, place / part.name)
        checked = await asyncio.to_thread(integrity, place / self.database.name)
        if checked != "ok":
            self._trouble.append(f"a copy of the database as after a power loss does not pass: {checked}")
        await asyncio.to_thread(shutil.rmtree, place)

    async def until_reconnected(self) -> None:
        """Waits until the hub has seen every plugin leave and come back; not for ever."""
        await _wait(lambda: not all(self.ledger.online.values()), 20)
        await _wait(lambda: all(self.ledger.online.values()), 10)

    # -- helpers ----------------------------------------------------------------------------------------------------

    async def _until(self, condition: Any, limit_s: float, what: str) -> None:
        def look() -> bool:
            self.ledger.read()
            self._complain()
            return bool(condition())

        if not await _wait(look, limit_s):
            raise AssertionError(f"{what} took too long: {self.app.last_words()} {self.hub.last_words()}")

    def _complain(self) -> None:
        """A program that ended by itself is a finding at once; so is a broken harness."""
        for program in (self.app, self.hub):
            if program.pid is None and not program.changing.locked():
                raise AssertionError(f"the {program.name} ended by itself: {program.last_words()}")
        for task in (*self._tasks, *self._fault_tasks):
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def _wait(condition: Callable[[], bool], limit_s: float) -> bool:
    """Waits until the condition holds, at most so long; whether it does."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(LOOK_S)
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
