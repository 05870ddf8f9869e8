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
from collections.abc import AsyncIterator

from desktop_app.core.errors import JobError
from desktop_app.core.job import Job

QUEUE_LIMIT = 20_000


class JobQueue:
    """The waiting jobs of one profile."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._interactive: deque[Job] = deque()
        self._workflow: deque[Job] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._interactive) + len(self._workflow)

    def submit(self, job: Job) -> None:
        """Adds a job.

        Raises:
            JobError: the queue is full.
        """
        if len(self) >= self._limit:
            raise JobError(
                f"{self._limit} jobs are waiting already; this one was not taken",
                remedy="Run the plugin again later, or raise the profile's concurrency.",
            )
        (self._workflow if job.workflow else self._interactive).append(job)
        self._arrived.set()

    async def take(self) -> Job:
        """The next job; waits for one."""
        while not len(self):
            self._arrived.clear()
            await self._arrived.wait()
        return (self._interactive or self._workflow).popleft()

    def cancel(self, job_id: str) -> Job | None:
        """Takes a waiting job out, or returns None where it is not waiting."""
        for jobs in (self._interactive, self._workflow):
            for job in jobs:
                if job.id == job_id:
                    jobs.remove(job)
                    return job
        return None

    def drain(self) -> list[Job]:
        """Takes all waiting jobs out."""
        jobs = [*self._interactive, *self._workflow]
        self._interactive.clear()
        self._workflow.clear()
        return jobs


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
        turn = asyncio.get_running_loop().create_future()
        self._ready[ticket] = turn
        self._admit()
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
