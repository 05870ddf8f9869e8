import time
from collections.abc import Callable

import pytest

from desktop_app.core.job import JobRecord, JobState
from desktop_app.store.database import Database
from desktop_app.store.recording import JobWrites, answered_classes, write_job
from desktop_app.store.redact import Redactor

MakeRecord = Callable[..., JobRecord]


async def test_recording_is_an_enqueue(db: Database, make_record: MakeRecord) -> None:
    writes = JobWrites(db)
    records = [make_record() for _ in range(2000)]
    # The best of several runs: other processes of a busy machine are not what is measured.
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        for record in records:
            writes.record(record)
        best = min(best, (time.perf_counter() - start) / len(records))
        await db.flush()
    assert best < 50e-6


async def test_steps_touch_no_index(db: Database, make_record: MakeRecord) -> None:
    record = make_record()
    redactor = Redactor()
    await db.write(lambda c: write_job(c, record, redactor))
    running = record.moved(JobState.RUNNING)
    await db.write(lambda c: write_job(c, running, redactor))
    ended = await db.read(lambda c: c.execute("SELECT state, ended FROM job").fetchone())
    assert ended == ("running", None)
    failed = running.moved(JobState.FAILED)
    await db.write(lambda c: write_job(c, failed, redactor))
    assert await db.read(lambda c: c.execute("SELECT state, ended FROM job").fetchone()) == ("failed", "failed")


async def test_no_statement_changes_an_end(db: Database, make_record: MakeRecord) -> None:
    await db.write(lambda c: write_job(c, make_record(state=JobState.CANCELLED), Redactor()))
    for change in ("state = 'queued'", "ended = NULL, state = 'running'", "state = 'delivered', ended = 'delivered'"):
        await db.write(lambda c, s=change: c.execute(f"UPDATE job SET {s}"))
    assert await db.read(lambda c: c.execute("SELECT state, ended FROM job").fetchone()) == ("cancelled", "cancelled")


@pytest.mark.parametrize(
    ("answer", "classes"),
    [
        (None, ""),
        ([], ""),
        ({"objects": None, "classifications": [{"title": "day"}, 5]}, "day"),
        ({"objects": [{"title": "a\nb"}, {"title": "a\nb"}, {"title": 3}, {}]}, "a b"),
    ],
)
def test_names_of_answered_classes(answer: object, classes: str) -> None:
    assert answered_classes(answer) == classes


def test_not_more_than_a_hundred_classes() -> None:
    many = answered_classes({"objects": [{"title": f"c{n}"} for n in range(5000)]})
    assert len(many.splitlines()) == 100
