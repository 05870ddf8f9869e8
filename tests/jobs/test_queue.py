"""Order, limit, priority and cancelling, of what waits and of what is in hand."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import JobError
from desktop_app.core.job import Job
from desktop_app.jobs import queue as queue_module
from desktop_app.jobs.queue import JobQueue, Turns, Waiting


async def test_persons_before_workflows_and_both_in_order(make_job):
    queue = JobQueue()
    jobs = [make_job(workflow=workflow) for workflow in (True, False, True, False)]
    for job in jobs:
        queue.submit(job)
    assert len(queue) == 4
    assert [(await queue.take()).job for _ in range(4)] == [jobs[1], jobs[3], jobs[0], jobs[2]]


async def test_taking_waits_for_a_job(make_job):
    queue = JobQueue()
    takers = [spawn(queue.take(), name="taker") for _ in range(3)]
    await asyncio.sleep(0)
    jobs = [make_job() for _ in range(3)]
    for job in jobs:
        queue.submit(job)
    assert {job.id for job in await asyncio.gather(*takers)} == {job.id for job in jobs}


async def test_a_taker_that_gives_up_takes_no_job_with_it(make_job):
    queue = JobQueue()
    taker = spawn(queue.take(), name="taker")
    await asyncio.sleep(0)
    job = make_job()
    queue.submit(job)
    taker.cancel()
    await asyncio.gather(taker, return_exceptions=True)
    if taker.cancelled():
        assert (await queue.take()).job is job
    else:
        assert taker.result().job is job


async def test_the_queue_is_bounded(make_job):
    queue = JobQueue(limit=2)
    queue.submit(make_job())
    queue.submit(make_job(workflow=True))
    with pytest.raises(JobError, match="2 jobs are waiting"):
        queue.submit(make_job())
    await queue.take()
    queue.submit(make_job())


async def test_a_waiting_job_is_cancelled_once(make_job):
    queue = JobQueue()
    jobs = [make_job(workflow=index % 2 == 0) for index in range(4)]
    for job in jobs:
        queue.submit(job)
    assert queue.cancel(jobs[2].id).job is jobs[2]
    assert queue.cancel(jobs[2].id) is None
    assert queue.cancel("unknown") is None
    assert [waiting.job for waiting in queue.drain()] == [jobs[1], jobs[3], jobs[0]]
    assert len(queue) == 0
    assert queue.drain() == []


# On disk


class Disk:
    """Where events lie: gives jobs back, counts how often it is asked."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.reads: list[int] = []
        self.lost: set[str] = set()

    async def __call__(self, batch: list[Waiting]) -> None:
        self.reads.append(len(batch))
        await asyncio.sleep(0)
        for waiting in batch:
            if waiting.id not in self.lost:
                waiting.job = self.jobs[waiting.id]


def fill(queue: JobQueue, disk: Disk, jobs: list[Job]) -> None:
    for job in jobs:
        disk.jobs[job.id] = job
        queue.stored(queue.submit(job), {"apiKey": "k"})


async def test_of_many_only_a_few_are_held_and_the_order_is_kept(make_job, monkeypatch):
    monkeypatch.setattr(queue_module, "IN_MEMORY", 5)
    monkeypatch.setattr(queue_module, "READ_AHEAD", 7)
    disk = Disk()
    queue = JobQueue(read_back=disk)
    jobs = [make_job(workflow=index % 3 == 0) for index in range(60)]
    fill(queue, disk, jobs)
    assert queue.in_memory == 5
    taken = []
    for _ in range(60):
        taken.append((await queue.take()).job)
        assert queue.in_memory <= 5 + 7
    assert taken == [*(job for job in jobs if not job.workflow), *(job for job in jobs if job.workflow)]
    assert queue.in_memory == 0
    assert max(disk.reads) <= 7


async def test_a_person_who_comes_during_the_reading_is_next(make_job, monkeypatch):
    monkeypatch.setattr(queue_module, "IN_MEMORY", 0)
    disk = Disk()
    queue = JobQueue(read_back=disk)
    fill(queue, disk, [make_job(workflow=True) for _ in range(3)])
    taker = spawn(queue.take(), name="taker")
    await asyncio.sleep(0)
    person = make_job()
    queue.submit(person)
    assert (await taker).job is person


async def test_what_cannot_be_read_back_is_given_out_with_its_problem(make_job, monkeypatch):
    monkeypatch.setattr(queue_module, "IN_MEMORY", 0)
    disk = Disk()
    queue = JobQueue(read_back=disk)
    jobs = [make_job() for _ in range(3)]
    fill(queue, disk, jobs)
    disk.lost.add(jobs[0].id)
    first, second = await queue.take(), await queue.take()
    assert "cannot be read back" in str(first.problem)
    assert first.stub("p").data == {"session": jobs[0].session}
    assert second.job is jobs[1]


async def test_one_that_is_cancelled_during_the_reading_is_not_given_out(make_job, monkeypatch):
    monkeypatch.setattr(queue_module, "IN_MEMORY", 0)
    disk = Disk()
    queue = JobQueue(read_back=disk)
    jobs = [make_job() for _ in range(2)]
    fill(queue, disk, jobs)
    taker = spawn(queue.take(), name="taker")
    await asyncio.sleep(0)
    assert queue.cancel(jobs[0].id)
    assert (await taker).job is jobs[1]
    assert queue.in_memory == 0


async def test_reading_from_the_hub_waits_for_the_disk(make_job, monkeypatch):
    monkeypatch.setattr(queue_module, "IN_MEMORY", 2)
    monkeypatch.setattr(queue_module, "PRESSED", 4)
    disk = Disk()
    queue = JobQueue(read_back=disk)
    jobs = [queue.submit(make_job()) for _ in range(4)]
    held_up = spawn(queue.roomy(60), name="held up")
    await asyncio.sleep(0)
    assert not held_up.done()
    queue.stored(jobs[3], {})
    await held_up


class Model:
    """Jobs on their way through the turns: who is ready, who is in the model."""

    def __init__(self, slots: int) -> None:
        self.turns = Turns(slots)
        self.slots = slots
        self.entered: list[int] = []
        self.inside: set[int] = set()
        self.tickets: dict[int, tuple[bool, int]] = {}
        self.ready: dict[int, asyncio.Event] = {}
        self.done: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    def draw(self, number: int, workflow: bool) -> None:
        self.ready[number] = asyncio.Event()
        self.done[number] = asyncio.Event()
        self.tasks[number] = spawn(self._go(number, workflow), name=f"job {number}")

    async def settle(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)

    async def end(self) -> None:
        await cancel_and_wait(*self.tasks.values())

    async def _go(self, number: int, workflow: bool) -> None:
        ticket = self.tickets[number] = self.turns.ticket(workflow=workflow)
        try:
            await self.ready[number].wait()
            async with self.turns.enter(ticket):
                self.entered.append(number)
                self.inside.add(number)
                assert len(self.inside) <= self.slots
                try:
                    await self.done[number].wait()
                finally:
                    self.inside.discard(number)
        finally:
            self.turns.leave(ticket)


async def test_who_came_first_enters_first_even_when_ready_last():
    model = Model(1)
    for number in range(3):
        model.draw(number, False)
    for number in (2, 1):
        model.ready[number].set()
    await model.settle()
    assert model.entered == []
    model.ready[0].set()
    await model.settle()
    assert model.entered == [0]
    model.done[0].set()
    model.done[1].set()
    await model.settle()
    assert model.entered == [0, 1, 2]
    await model.end()


async def test_one_that_was_let_in_but_has_not_woken_up_goes_first():
    """Two leave and a third gets ready, all in the same round of the loop."""
    model = Model(2)
    for number in range(4):
        model.draw(number, False)
    for number in range(3):
        model.ready[number].set()
    await model.settle()
    assert model.entered == [0, 1]
    for number in (0, 1):
        model.done[number].set()
    model.ready[3].set()
    await model.settle()
    assert model.entered == [0, 1, 2, 3]
    await model.end()


async def test_a_person_overtakes_a_workflow():
    model = Model(1)
    model.draw(0, True)
    model.draw(1, True)
    model.draw(2, False)
    await model.settle()
    for number in range(3):
        model.ready[number].set()
    model.done[0].set()
    await model.settle()
    assert model.entered == [2]
    model.done[2].set()
    await model.settle()
    assert model.entered == [2, 0, 1]
    await model.end()


async def test_one_that_gives_up_holds_nobody_up():
    model = Model(1)
    for number in range(3):
        model.draw(number, False)
        if number:
            model.ready[number].set()
    await model.settle()
    model.tasks[0].cancel()
    await model.settle()
    assert model.entered == [1]
    model.tasks[1].cancel()
    await model.settle()
    assert model.entered == [1, 2]
    await model.end()


async def test_cancelled_in_the_moment_of_its_turn():
    """Admitted and cancelled in the same round of the loop: the slot must not be lost."""
    model = Model(1)
    for number in range(3):
        model.draw(number, False)
        model.ready[number].set()
    await model.settle()
    model.done[0].set()
    await asyncio.sleep(0)
    model.tasks[1].cancel()
    await model.settle()
    assert 2 in model.entered
    await model.end()
    assert model.turns._free == 1
    assert model.turns._waiting == []
    assert model.turns._ready == {}


STEPS = st.lists(
    st.tuples(st.sampled_from(["draw", "draw workflow", "ready", "done", "cancel", "loop"]), st.integers(0, 7)),
    max_size=60,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(slots=st.integers(1, 3), steps=STEPS)
def test_any_course_of_events(slots: int, steps: list[tuple[str, int]]) -> None:
    """Never too many inside, never one before its turn, and at the end all slots are free and everybody is gone."""

    async def course() -> None:
        model = Model(slots)
        cancelled: set[int] = set()
        for step, which in steps:
            if step.startswith("draw"):
                model.draw(len(model.tasks), step == "draw workflow")
            elif step == "loop":
                await asyncio.sleep(0)
            elif which in model.tasks:
                if step == "cancel":
                    model.tasks[which].cancel()
                    cancelled.add(which)
                else:
                    getattr(model, step)[which].set()
            assert len(model.inside) <= slots
        for number in model.tasks:
            model.ready[number].set()
            model.done[number].set()
        async with asyncio.timeout(5):
            await asyncio.gather(*model.tasks.values(), return_exceptions=True)
        persons = [number for number in model.entered if not model.tickets[number][0]]
        workflows = [number for number in model.entered if model.tickets[number][0]]
        assert persons == sorted(persons)
        assert workflows == sorted(workflows)
        assert set(model.entered) | cancelled == set(model.tasks)
        assert not model.inside
        assert model.turns._free == slots
        assert model.turns._waiting == []
        assert model.turns._ready == {}

    asyncio.run(course())
