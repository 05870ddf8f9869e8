import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.core.events import Level
from desktop_app.core.job import JobRecord, JobState
from desktop_app.store import lists
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.search import JobFilter, LogFilter, job_query, log_query

MakeRecord = Callable[..., JobRecord]


@pytest.fixture
async def history(db: Database, make_record: MakeRecord) -> History:
    """120 jobs of three profiles in all states, every fourth at the same moment as the one before."""
    history = History(db)
    states = list(JobState)
    last = 0.0
    for n in range(120):
        record = make_record(
            profile_id=f"p{n % 3}",
            state=states[n % 8],
            external_id=f"tray_{n:04}.jpg",
            error="The server said no" if states[n % 8] is JobState.FAILED else "",
            url=f"https://bucket/{n}/picture.jpg",
        )
        if n % 4 == 3:
            record = replace(record, received_at=last)
        last = record.received_at
        history.record(replace(record, state=JobState.QUEUED))
        history.record(record)
    return history


async def everything(history: History, wanted: JobFilter, page: int) -> list[str]:
    found: list[JobRecord] = []
    before = None
    while True:
        part = await history.list(wanted, limit=page, before=before)
        found += part
        if len(part) < page:
            return [record.id for record in found]
        before = (part[-1].received_at, part[-1].id)


@pytest.mark.parametrize("page", [1, 7, 50, 1000])
@pytest.mark.parametrize(
    ("wanted", "picks"),
    [
        (JobFilter(), lambda n: True),
        (JobFilter(profile_id="p1"), lambda n: n % 3 == 1),
        (JobFilter(state=JobState.FAILED), lambda n: n % 8 == 6),
        (JobFilter(state=JobState.RUNNING), lambda n: n % 8 == 2),
        (JobFilter(profile_id="p2", state=JobState.DELIVERED), lambda n: n % 3 == 2 and n % 8 == 5),
        (JobFilter(profile_id="p2", state=JobState.QUEUED), lambda n: n % 3 == 2 and n % 8 == 0),
        (JobFilter(text="tray"), lambda n: True),
        (JobFilter(text="tray_00"), lambda n: n < 100),
        (JobFilter(text="SERVER no"), lambda n: n % 8 == 6),
        (JobFilter(text="server", profile_id="p0"), lambda n: n % 8 == 6 and n % 3 == 0),
        (JobFilter(text="tray", state=JobState.BUILDING), lambda n: n % 8 == 3),
        (JobFilter(text="absent"), lambda n: False),
        (JobFilter(text="-- ?!"), lambda n: True),
    ],
)
async def test_pages_put_together_are_the_whole(
    history: History, wanted: JobFilter, picks: Callable[[int], bool], page: int
) -> None:
    expected = [f"job-{n + 1}" for n in range(119, -1, -1) if picks(n)]
    assert await everything(history, wanted, page) == expected
    assert await history.count(wanted) == len(expected)
    assert await history.count(wanted, at_most=5) == min(5, len(expected))


async def test_a_span_of_time(history: History) -> None:
    middle = [await history.get(f"job-{n}") for n in (41, 60)]
    assert middle[0] is not None
    assert middle[1] is not None
    wanted = JobFilter(since=middle[0].received_at, until=middle[1].received_at)
    found = await everything(history, wanted, 6)
    assert found == [f"job-{n}" for n in range(60, 40, -1)]
    assert await history.count(wanted) == 20


async def test_new_jobs_do_not_shift_the_pages(history: History, make_record: MakeRecord) -> None:
    first = await history.list(limit=10)
    for _ in range(5):
        history.record(make_record())
    second = await history.list(limit=10, before=(first[-1].received_at, first[-1].id))
    assert [record.id for record in second] == [f"job-{n}" for n in range(110, 100, -1)]


async def test_a_page_after_a_job_that_was_deleted(history: History, db: Database) -> None:
    first = await history.list(limit=10)
    last = first[-1]
    await db.write(lambda c: c.execute("DELETE FROM job WHERE id = ?", (last.id,)))
    rest = await history.list(limit=1000, before=(last.received_at, last.id))
    assert {record.id for record in rest} >= {f"job-{n}" for n in range(1, 110)}


async def test_a_class_is_found_by_its_exact_name(db: Database, make_record: MakeRecord) -> None:
    history = History(db)
    for titles in (["traffic light", "car"], ["traffic light red"], ["light"]):
        record = make_record()
        history.record(record)
        answer = {"objects": [{"title": title} for title in titles], "classifications": [], "relations": []}
        history.store_answer(record.id, answer, None)
        history.record(record.moved(JobState.FAILED))
    assert await everything(history, JobFilter(class_name="traffic light"), 2) == ["job-1"]
    assert await everything(history, JobFilter(text="traffic"), 5) == ["job-2", "job-1"]
    assert await history.count(JobFilter(class_name="light", text="light")) == 1
    # Also when the answer is kept after the end of the job.
    history.store_answer("job-3", {"objects": [{"title": "bus"}]}, None)
    assert await everything(history, JobFilter(class_name="bus"), 5) == ["job-3"]
    assert await everything(history, JobFilter(class_name="light"), 5) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.text(max_size=30))
async def test_nothing_typed_is_an_error(history: History, text: str) -> None:
    await history.list(JobFilter(text=text, class_name=text))
    await history.count(JobFilter(text=text))
    await history.logs(LogFilter(text=text, session=text))


@pytest.mark.parametrize(
    "wanted",
    [
        JobFilter(),
        JobFilter(profile_id="p1"),
        JobFilter(state=JobState.FAILED),
        JobFilter(state=JobState.RUNNING),
        JobFilter(profile_id="p1", state=JobState.FAILED, since=1.0, until=2.0),
    ],
)
async def test_no_page_of_jobs_needs_sorting_or_a_scan(db: Database, wanted: JobFilter) -> None:
    query = job_query(wanted)
    plan = await explained(
        db,
        f"SELECT * FROM job INDEXED BY {query.index} WHERE {query.where} AND (job.received_at, job.n) < (?, ?) "
        "ORDER BY job.received_at DESC, job.n DESC LIMIT ?",
        (*query.values, 1.0, 1, 100),
    )
    # The right part is the order of jobs that arrived in the same instant.
    assert "TEMP B-TREE" not in plan.replace("TEMP B-TREE FOR RIGHT PART", "")
    assert f"USING INDEX {query.index}" in plan or f"USING COVERING INDEX {query.index}" in plan


@pytest.mark.parametrize(
    "wanted",
    [
        LogFilter(),
        LogFilter(profile_id="p"),
        LogFilter(session="s"),
        LogFilter(min_level=Level.INFO),
        LogFilter(min_level=Level.ERROR, profile_id="p"),
        LogFilter(min_level=Level.CRITICAL, session="s", profile_id="p"),
    ],
)
async def test_no_page_of_lines_needs_sorting(db: Database, wanted: LogFilter) -> None:
    query = log_query(wanted)
    hint = f"INDEXED BY {query.index}" if query.index else "NOT INDEXED"
    plan = await explained(
        db,
        f"SELECT * FROM log {hint} WHERE {query.where} AND log.n < ? ORDER BY log.n DESC LIMIT 9",
        (*query.values, 5),
    )
    assert "TEMP B-TREE" not in plan


async def test_unfinished_jobs_are_found_by_index(db: Database) -> None:
    assert "INDEX job_ended" in await explained(db, "SELECT * FROM job WHERE ended IS NULL ORDER BY n", ())


async def explained(db: Database, statement: str, values: tuple[object, ...]) -> str:
    def read(connection: sqlite3.Connection) -> str:
        return "\n".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))

    return await db.read(read)


async def test_the_text_index_is_filled_in_batches(db: Database, make_record: MakeRecord) -> None:
    history = History(db)
    for _ in range(350):
        history.record(make_record(state=JobState.DELIVERED))
        await db.flush()
    waiting = await db.read(lambda c: c.execute("SELECT count(*) FROM job_unindexed").fetchone()[0])
    assert waiting < 100
    assert await db.write(lambda c: lists.index_jobs(c, 1000)) == waiting
    await db.write(lambda c: c.execute("INSERT INTO job_text (job_text, rank) VALUES ('integrity-check', 1)"))
