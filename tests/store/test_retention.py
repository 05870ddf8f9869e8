import time
from collections.abc import Callable

from desktop_app.core.events import Level, LogLine
from desktop_app.core.job import JobRecord, JobState
from desktop_app.store.database import Database
from desktop_app.store.history import History, JobFilter, LogFilter
from desktop_app.store.outbox import Outbox, OutboxRow
from desktop_app.store.retention import prune

MakeRecord = Callable[..., JobRecord]

DAY = 86_400.0


async def integrity(db: Database) -> None:
    for table in ("job_text", "log_text"):
        await db.write(lambda c, t=table: c.execute(f"INSERT INTO {t} ({t}, rank) VALUES ('integrity-check', 1)"))
    assert await db.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"


async def test_the_oldest_jobs_beyond_the_count_go_with_all_their_parts(db: Database, make_record: MakeRecord) -> None:
    history = History(db)
    for n in range(700):
        record = make_record(external_id=f"file_{n}", state=JobState.RUNNING if n == 0 else JobState.DELIVERED)
        history.record(record)
        history.store_payload(record.id, {"filler": str(n) * 50})
        history.store_answer(record.id, {"objects": []}, None)
    await history.count(JobFilter(text="file"))
    pruned = await history.prune(most_jobs=100)
    assert pruned.jobs == 600
    left = await history.list(limit=1000)
    # The unfinished one is the oldest and stays.
    assert [record.id for record in left] == [f"job-{n}" for n in range(700, 601, -1)] + ["job-1"]
    for table in ("job_payload", "job_answer"):
        assert await db.read(lambda c, t=table: c.execute(f"SELECT count(*) FROM {t}").fetchone()[0]) == 100
    assert await history.count(JobFilter(text="file")) == 100
    assert (await history.prune(most_jobs=100)).jobs == 0
    await db.write(lambda c: c.execute("INSERT INTO log_text (log_text) VALUES ('rebuild')"))
    await db.write(lambda c: c.execute("UPDATE job SET ended = 'cancelled', state = 'cancelled' WHERE ended IS NULL"))
    await history.count(JobFilter(text="file"))
    await integrity(db)


async def test_jobs_by_age_and_those_with_a_waiting_answer_stay(db: Database, make_record: MakeRecord) -> None:
    history, outbox = History(db), Outbox(db)
    now = time.time()
    for number, age in enumerate((40, 35, 31, 29, 1)):
        history.record(make_record(id=f"j{number}", received_at=now - age * DAY, state=JobState.DELIVERED))
    await outbox.put(OutboxRow("j1", "p1", "s", "socket", "{}", now))
    assert (await history.prune(days=30)).jobs == 2
    assert {record.id for record in await history.list()} == {"j1", "j3", "j4"}


async def test_lines_go_by_age_and_count_and_the_newest_stays(db: Database) -> None:
    history = History(db)
    now = time.time()
    lines = [LogLine(now - 1000 + n, Level.INFO, f"word{n} common") for n in range(1000)]
    for start in range(0, 1000, 100):
        await history.log(lines[start : start + 100])
    assert (await history.prune(most_lines=400)).lines == 600
    assert len(await history.logs(LogFilter(text="common"), limit=2000)) == 400
    assert await history.logs(LogFilter(text="word599")) == []
    assert len(await history.logs(LogFilter(text="word600"))) == 1
    pruned = await prune(db, days=1, most_jobs=None, most_lines=None, now=now + 10 * DAY)
    assert pruned.lines == 399
    [last] = await history.logs()
    await history.log([LogLine(now, Level.INFO, "next")])
    assert (await history.logs())[0].id > last.id
    assert len(await history.logs(LogFilter(text="next"))) == 1
    await integrity(db)


async def test_closed_answers_go_after_a_day(db: Database) -> None:
    outbox = Outbox(db)
    now = time.time()
    for name, age in (("old", 2 * DAY), ("young", 60.0), ("waiting", 9 * DAY)):
        await outbox.put(OutboxRow(name, "p", "s", "socket", "{}", now - age))
    outbox.done("old")
    outbox.fail("young", "no")
    assert (await History(db).prune()).answers == 1
    assert await outbox.get("old") is None
    assert await outbox.get("young") is not None
    assert [row.job_id for row in await outbox.pending()] == ["waiting"]


async def test_space_is_given_back(db: Database, make_record: MakeRecord) -> None:
    history = History(db)
    for n in range(300):
        record = make_record(state=JobState.DELIVERED)
        history.record(record)
        history.store_payload(record.id, {"filler": [n * k * 7919 % 1000003 for k in range(400)]})
    await db.flush()
    before = await db.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await history.prune(most_jobs=10)
    after = await db.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    assert after < before / 3


async def test_forgetting_a_profile_leaves_the_others(db: Database) -> None:
    history = History(db)
    for number in range(450):
        name = "p" if number % 3 else "other"
        at = 1_000.0 + number
        history.record(
            JobRecord(f"j{number}", f"s{number}", name, name, JobState.DELIVERED, at, at, external_id="word")
        )
        history.log([LogLine(at, Level.INFO, f"line {number}", profile_id=name)])
    await history.list(JobFilter(text="word"))
    await history.logs(LogFilter(text="line"))
    gone = await history.forget("p")
    assert (gone.jobs, gone.lines) == (300, 299), "the newest line stays, whosever it is"
    assert {job.profile_id for job in await history.list(limit=1000)} == {"other"}
    assert await history.count(JobFilter(text="word")) == 150
    assert len(await history.logs(LogFilter(text="line"), 1000)) == 151
    await integrity(db)
