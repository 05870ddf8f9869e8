"""Which job is next: order of arrival, a person's before a workflow's, within a limit.

Two parts: `JobQueue` holds what waits; `Turns` keeps the order of jobs that are in hand already, several at once so
that their assets are fetched ahead, while only some may be in the model.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from desktop_app.core.errors import JobError, KnownError
from desktop_app.core.job import Job

QUEUE_LIMIT = 20_000
IN_MEMORY = 200
"""So many waiting jobs are held whole; of the others, the event is on disk, and held is only what may not be there."""
PRESSED = 400
"""So many whole jobs, and no more should be read from the hub until the disk has taken some."""
READ_AHEAD = 50
"""Jobs that are read back at once."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A job that waits, whole or not.

    Attributes:
        id, session: the job's; the session as the hub wrote it.
        job: the whole job, or None while its event is on disk alone.
        withheld: what the disk does not have of the event; None while that is not known, and for a job of an earlier
            run of the app, where it is gone.
        needs_key: whether it cannot be answered without its apiKey, whatever else is on disk.
        written: done once the disk has told what it has of the event; None for a job of an earlier run of the app.
        over_project: whether it is over a whole project, and so can go on with the profile's own API key.
        problem: why it cannot be done at all.
        taken: whether it has left the queue.
        counted: whether the queue counts it as one of those held whole.
    """

    id: str
    session: Any
    workflow: bool
    job: Job | None = None
    withheld: dict[str, Any] | None = None
    written: asyncio.Future[Any] | None = None
    needs_key: bool = False
    over_project: bool = False
    problem: KnownError | None = None
    taken: bool = False
    counted: bool = False

    @classmethod
    def of(cls, job: Job) -> Waiting:
        """A job that has just arrived."""
        session = job.data.get("session", job.session)
        return cls(job.id, session, job.workflow, job, needs_key=job.needs_key, over_project=job.over_project)

    def stub(self, profile_id: str) -> Job:
        """The job, or as much of it as ending it takes."""
        return self.job or Job(
            session=str(self.session), profile_id=profile_id, data={"session": self.session}, id=self.id
        )


ReadBack = Callable[[list[Waiting]], Awaitable[None]]
"""Gives each of these its `job`, or its `problem`."""


async def _nothing(_: list[Waiting]) -> None:
    return None


class JobQueue:
    """The waiting jobs of one profile.

    Args:
        read_back: fetches from the disk what is not held in memory.
    """

    def __init__(self, limit: int = QUEUE_LIMIT, read_back: ReadBack = _nothing) -> None:
        self._limit = limit
        self._read_back = read_back
        self._interactive: deque[Waiting] = deque()
        self._workflow: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self.in_memory = 0

    def __len__(self) -> int:
        return len(self._interactive) + len(self._workflow)

    def submit(self, job: Job) -> Waiting:
        """Adds a job.

        Raises:
            JobError: the queue is full.
        """
        if len(self) >= self._limit:
            raise JobError(
                f"{self._limit} jobs are waiting already; this one was not taken",
                remedy="Run the plugin again later, or raise the profile's concurrency.",
            )
        waiting = Waiting.of(job)
        self._hold(waiting)
        self._add(waiting)
        return waiting

    def restore(self, waiting: Waiting) -> None:
        """Adds a job of an earlier run, whose event is on disk; the limit does not count."""
        self._add(waiting)

    def stored(self, waiting: Waiting, withheld: dict[str, Any] | None) -> None:
        """A job's event is on disk but for this: where many wait, it need not be held in memory any longer.

        Args:
            withheld: None where the event cannot be made whole again.
        """
        waiting.withheld = withheld
        if withheld is not None and waiting.counted and self.in_memory > IN_MEMORY:
            waiting.job = None
            self._let_go(waiting)

    async def roomy(self, limit_s: float) -> None:
        """Waits while too many whole jobs are held, at most so long."""
        if not self._roomy.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._roomy.wait(), limit_s)

    async def take(self) -> Waiting:
        """The next job, whole or with its problem; waits for one."""
        while True:
            while not len(self):
                self._arrived.clear()
                await self._arrived.wait()
            jobs = self._interactive or self._workflow
            if jobs[0].job is not None or jobs[0].problem is not None:
                return self._out(jobs.popleft())
            # More may arrive, or be cancelled, meanwhile: the choice is made anew afterwards.
            batch = [waiting for waiting in islice(jobs, READ_AHEAD) if waiting.job is None]
            await self._read_back(batch)
            for waiting in batch:
                if waiting.job is None and waiting.problem is None:
                    waiting.problem = JobError("The job cannot be read back from the disk")
                elif waiting.job is not None and not waiting.taken:
                    self._hold(waiting)

    def cancel(self, job_id: str) -> Waiting | None:
        """Takes a waiting job out, or returns None where it is not waiting."""
        for jobs in (self._interactive, self._workflow):
            for waiting in jobs:
                if waiting.id == job_id:
                    jobs.remove(waiting)
                    return self._out(waiting)
        return None

    def renew(self, job: Job) -> bool:
        """Gives a waiting job of an earlier run (the same id) what only the hub has. False if there is none."""
        for waiting in (*self._interactive, *self._workflow):
            if waiting.id == job.id and waiting.withheld is None and (waiting.job is None or waiting.job.resumed):
                waiting.job, waiting.problem, waiting.needs_key = job, None, job.needs_key
                self._hold(waiting)
                return True
        return False

    def drain(self) -> list[Waiting]:
        """Takes all waiting jobs out."""
        jobs = [*self._interactive, *self._workflow]
        self._interactive.clear()
        self._workflow.clear()
        return [self._out(waiting) for waiting in jobs]

    def _add(self, waiting: Waiting) -> None:
        self._of(waiting).append(waiting)
        self._arrived.set()

    def _of(self, waiting: Waiting) -> deque[Waiting]:
        return self._workflow if waiting.workflow else self._interactive

    def _out(self, waiting: Waiting) -> Waiting:
        waiting.taken = True
        self._let_go(waiting)
        return waiting

    def _hold(self, waiting: Waiting) -> None:
        if not waiting.counted:
            waiting.counted = True
            self.in_memory += 1
            if self.in_memory >= PRESSED:
                self._roomy.clear()

    def _let_go(self, waiting: Waiting) -> None:
        if waiting.counted:
            waiting.counted = False
            self.in_memory -= 1
            if self.in_memory < PRESSED:
                self._roomy.set()


class Turns:
    """Lets jobs into the model in order, `slots` at a time.

    A job draws a ticket when it is taken from the queue, gets ready (fetches its asset), and enters when every ticket
    before it has entered or left. A person's ticket comes before a workflow's, whenever it was drawn.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._numbers = itertools.count()
        self._waiting: list[tuple[bool, int]] = []
        self._ready: dict[tuple[bool, int], asyncio.Future[None]] = {}

    def ticket(self, *, workflow: bool) -> tuple[bool, int]:
        """Draws a ticket; it must be given to `enter` or `leave`."""
        ticket = (workflow, next(self._numbers))
        heapq.heappush(self._waiting, ticket)
        return ticket

    @contextlib.asynccontextmanager
    async def enter(self, ticket: tuple[bool, int]) -> AsyncIterator[None]:
        """Waits for the turn and holds a slot within the `with` block."""
        loop = asyncio.get_running_loop()
        turn = self._ready[ticket] = loop.create_future()
        # Not at once: who is let in must wait already, since only those who wait wake up in the order of their turns.
        loop.call_soon(self._admit)
        try:
            await turn
        except asyncio.CancelledError:
            if self._ready.pop(ticket, None) is None:
                self._free += 1
            else:
                self._remove(ticket)
            self._admit()
            raise
        try:
            yield
        finally:
            self._free += 1
            self._admit()

    def leave(self, ticket: tuple[bool, int]) -> None:
        """Gives a ticket back that will not be used; harmless for one that was used."""
        self._remove(ticket)
        self._admit()

    def _remove(self, ticket: tuple[bool, int]) -> None:
        if ticket in self._waiting:
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)

    def _admit(self) -> None:
        while self._free and self._waiting and self._waiting[0] in self._ready:
            ticket = heapq.heappop(self._waiting)
            if self._ready[ticket].done():  # cancelled; `enter` is about to clean up
                continue
            self._free -= 1
            self._ready.pop(ticket).set_result(None)
