import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.core.events import Level, LogLine
from desktop_app.core.job import JobDetail, JobRecord, JobState, StepTimings
from desktop_app.store.database import Database
from desktop_app.store.history import History, JobFilter, LogFilter

MakeRecord = Callable[..., JobRecord]

BOX = {"bounding-box": {"x": 1.5, "y": 2, "width": 3, "height": 4}, "schemaId": "a1", "title": "traffic light"}
ANSWER = {"objects": [BOX, {**BOX, "title": "car"}], "classifications": [{"title": "day"}], "relations": []}


@pytest.fixture
def history(db: Database) -> History:
    return History(db)


def finished(record: JobRecord, **fields: object) -> JobRecord:
    last = record.moved(JobState.RUNNING).moved(JobState.BUILDING).moved(JobState.DELIVERING)
    return last.moved(JobState.DELIVERED, **fields)


async def test_a_job_is_followed_from_arrival_to_its_end(history: History, make_record: MakeRecord) -> None:
    record = make_record(external_id="img_1.jpg", url="https://h/a.jpg?sig=1")
    history.record(record)
    found = await history.get(record.id)
    assert found is not None
    assert found.state is JobState.QUEUED
    assert found.url == "https://h/a.jpg"
    record = record.moved(JobState.FETCHING)
    history.record(record)
    assert (await history.get(record.id)).state is JobState.FETCHING  # type: ignore[union-attr]
    record = finished(record, objects=3, dropped=1, width=640, height=480, timings=StepTimings(run=1.5, total=2.5))
    await history.record(record)
    found = await history.get(record.id)
    assert found is not None
    assert (found.state, found.objects, found.width, found.timings.total) == (JobState.DELIVERED, 3, 640, 2.5)
    assert found.received_at == record.received_at
    assert await history.get("unknown") is None


async def test_a_job_first_seen_at_its_end_is_recorded(history: History, make_record: MakeRecord) -> None:
    await history.record(make_record(state=JobState.FAILED, error="no"))
    assert [record.error for record in await history.list()] == ["no"]


@pytest.mark.parametrize("end", [JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED])
@pytest.mark.parametrize("late", list(JobState))
async def test_an_end_is_final(history: History, make_record: MakeRecord, end: JobState, late: JobState) -> None:
    record = make_record(state=end, objects=1)
    await history.record(record)
    await history.record(make_record(id=record.id, state=late, objects=2))
    found = await history.get(record.id)
    assert found is not None
    assert found.state is end
    assert await history.unfinished() == []


async def test_what_is_learned_after_the_end_is_kept(history: History, make_record: MakeRecord) -> None:
    record = make_record(state=JobState.DELIVERED, external_id="late_one")
    await history.record(record)
    assert await history.count(JobFilter(text="late_one")) == 1
    history.record(make_record(id=record.id, state=JobState.DELIVERED, asset_path="/cache/x", external_id="renamed"))
    found = await history.get(record.id)
    assert found is not None
    assert found.asset_path == "/cache/x"
    assert await history.count(JobFilter(text="late_one")) == 0
    assert await history.count(JobFilter(text="renamed")) == 1


async def test_back_to_the_queue_and_on_again(history: History, make_record: MakeRecord) -> None:
    record = make_record()
    history.record(record)
    running = record.moved(JobState.RUNNING)
    history.record(running)
    again = running.moved(JobState.QUEUED)
    history.record(again)
    assert (await history.get(record.id)).state is JobState.QUEUED  # type: ignore[union-attr]
    history.record(again.moved(JobState.RUNNING))
    assert (await history.get(record.id)).state is JobState.RUNNING  # type: ignore[union-attr]


steps = st.lists(st.sampled_from(list(JobState)), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(steps, min_size=1, max_size=4), st.lists(st.booleans(), min_size=48, max_size=48))
async def test_any_order_of_records_ends_in_the_first_end_or_the_last_state(
    tmp_path: Path, jobs: list[list[JobState]], pauses: list[bool]
) -> None:
    db = Database(tmp_path / "order.db")
    await db.open()
    try:
        history = History(db)
        await db.write(lambda c: c.execute("DELETE FROM job"))
        pause = iter(pauses)
        for place in range(12):
            for number, states in enumerate(jobs):
                if place < len(states):
                    history.record(JobRecord(f"j{number}", "s", "p", "P", states[place], 1.0, 1.0))
                    if next(pause):
                        await asyncio.sleep(0)
        for number, states in enumerate(jobs):
            expected = next((state for state in states if state.terminal), states[-1])
            found = await history.get(f"j{number}")
            assert found is not None
            assert found.state is expected
    finally:
        await db.close()


async def test_states_in_a_row_share_a_write(history: History, db: Database, make_record: MakeRecord) -> None:
    record = make_record()
    await history.record(record)
    running = record.moved(JobState.RUNNING)
    first = history.record(running)
    assert history.record(running.moved(JobState.BUILDING)) is first
    assert history.record(finished(record)) is first
    await first
    assert (await history.get(record.id)).state is JobState.DELIVERED  # type: ignore[union-attr]


async def test_the_large_parts_come_back_without_secrets(history: History, make_record: MakeRecord) -> None:
    record = make_record()
    history.record(record)
    history.store_payload(
        record.id, {"apiKey": "KEY-9999", "dataURL": "https://h/a?sig=1", "odd": "\ud800", "big": "x" * 9000}
    )
    response = {"response": ANSWER, "session": record.session}
    history.store_answer(record.id, ANSWER, response, ["used KEY-9999"], [{"class": "car", "score": 0.5}])
    detail = await history.detail(record.id)
    assert detail.payload == {"apiKey": "•••", "dataURL": "https://h/a", "odd": "\ud800", "big": "x" * 9000}
    assert detail.answer == ANSWER
    assert detail.response == response
    assert detail.notes == ("used •••",)
    assert detail.predictions == [{"class": "car", "score": 0.5}]


@pytest.mark.parametrize(
    "response",
    [
        {"response": ANSWER, "session": "s"},
        {"response": {"data": "https://h/a", "answer": ANSWER}, "session": "s"},
        {"answer": ANSWER, "brushDataUrl": None},
        {"error": True, "session": "s"},
        {"response": "All annotations are imported!", "session": "s"},
        None,
    ],
)
async def test_every_shape_of_response_comes_back(history: History, make_record: MakeRecord, response: object) -> None:
    record = make_record()
    history.record(record)
    history.store_answer(record.id, ANSWER, response)
    detail = await history.detail(record.id)
    assert (detail.answer, detail.response) == (ANSWER, response)


async def test_without_parts_the_detail_is_empty(history: History, make_record: MakeRecord) -> None:
    record = make_record()
    history.record(record)
    assert await history.detail(record.id) == JobDetail()
    assert await history.detail("unknown") == JobDetail()


async def test_parts_of_a_job_never_recorded_are_a_bug(history: History) -> None:
    with pytest.raises(LookupError):
        await history.store_payload("unknown", {})
    with pytest.raises(LookupError):
        await history.store_answer("unknown", ANSWER, None)


async def test_a_session_is_found(history: History, make_record: MakeRecord) -> None:
    for profile_id in ("p1", "p2", "p1"):
        history.record(make_record(session="same", profile_id=profile_id))
    history.record(make_record())
    assert [record.id for record in await history.find_session("same")] == ["job-3", "job-2", "job-1"]
    assert [record.id for record in await history.find_session("same", "p1")] == ["job-3", "job-1"]
    assert await history.find_session("odd\ud800") == []


async def test_unfinished_jobs_in_the_order_of_arrival(history: History, make_record: MakeRecord) -> None:
    for state in (JobState.QUEUED, JobState.DELIVERED, JobState.RUNNING, JobState.FAILED, JobState.DELIVERING):
        history.record(make_record(state=state))
    history.record(make_record(profile_id="p2"))
    assert [record.id for record in await history.unfinished()] == ["job-1", "job-3", "job-5", "job-6"]
    assert [record.id for record in await history.unfinished("p2")] == ["job-6"]


async def test_sums(history: History, make_record: MakeRecord) -> None:
    assert (await history.stats("p1")).median_ms is None
    for total in (5.0, 1.0, 9.0, 2.0):
        history.record(make_record(state=JobState.DELIVERED, timings=StepTimings(total=total)))
    last = make_record(state=JobState.FAILED, timings=StepTimings(total=100.0))
    history.record(last)
    history.record(make_record())
    history.record(make_record(profile_id="p2", state=JobState.DELIVERED, timings=StepTimings(total=7.0)))
    stats = await history.stats("p1")
    assert (stats.jobs, stats.failed, stats.median_ms) == (6, 1, 3.5)
    assert (await history.stats("p1", last.received_at)).jobs == 2
    assert (await history.stats("p2")).median_ms == 7.0


def line(number: int, **fields: object) -> LogLine:
    values: dict[str, object] = {"at": float(number), "level": Level.INFO, "message": f"line {number}"}
    return LogLine(**{**values, **fields})  # type: ignore[arg-type]


async def test_log_lines_come_back_in_pages(history: History) -> None:
    for start in range(0, 100, 10):
        history.log([line(n) for n in range(start, start + 10)])
    first = await history.logs(limit=30)
    assert [stored.line.message for stored in first] == [f"line {n}" for n in range(99, 69, -1)]
    second = await history.logs(limit=100, before_id=first[-1].id)
    assert [stored.line.at for stored in second] == [float(n) for n in range(69, -1, -1)]


async def test_log_filters(history: History) -> None:
    history.log(
        [
            line(0, level=Level.DEBUG, profile_id="p1", session="s1", message="loading the model"),
            line(1, level=Level.WARNING, profile_id="p1", session="s1", message="class “truck” is not mapped"),
            line(2, level=Level.ERROR, profile_id="p2", message="it failed", details="ValueError: bad shape"),
            line(3, level=Level.INFO, profile_id="p2", session="s2", message="Modelle für später"),
            line(4, message="apiKey=KEY-77 GET https://h/a?sig=secret"),
        ]
    )

    async def found(**fields: object) -> list[int]:
        return [int(stored.line.at) for stored in await history.logs(LogFilter(**fields))]  # type: ignore[arg-type]

    assert await found() == [4, 3, 2, 1, 0]
    assert await found(profile_id="p1") == [1, 0]
    assert await found(min_level=Level.DEBUG) == [4, 3, 2, 1, 0]
    assert await found(min_level=Level.INFO) == [4, 3, 2, 1]
    assert await found(min_level=Level.WARNING) == [2, 1]
    assert await found(min_level=Level.ERROR, profile_id="p1") == []
    assert await found(session="s1", min_level=Level.WARNING) == [1]
    assert await found(session="s1", profile_id="p2") == []
    assert await found(text="model") == [3, 0]
    assert await found(text="spat") == [3]
    assert await found(text="valueerr shape") == [2]
    assert await found(text="model", profile_id="p1") == [0]
    assert await found(text='"unbalanced AND (') == []
    assert await found(text="KEY-77") == []
    assert await found(text="secret") == []


async def test_the_log_is_searchable_up_to_its_last_line(history: History) -> None:
    for start in range(0, 3000, 250):
        history.log([line(n, message=f"number {n} of many") for n in range(start, start + 250)])
    assert len(await history.logs(LogFilter(text="number many"), limit=5000)) == 3000
    history.log([line(9999, message="the very last")])
    assert len(await history.logs(LogFilter(text="very last"))) == 1


async def test_nothing_secret_reaches_the_disk(tmp_path: Path, make_record: MakeRecord) -> None:
    secret, key, signature = "plugin-secret-5f2", "job-api-key-8a1", "c0ffee5197a7e"
    db = Database(tmp_path / "plugdeck.db")
    await db.open()
    history = History(db)
    history.hide(lambda: {secret})
    history.hide(key)
    bad = f"{secret} {key} https://h/a.jpg?X-Amz-Signature={signature}"
    url = f"https://h/a.jpg?X-Amz-Signature={signature}"
    record = make_record(url=url, external_id=bad)
    history.record(record)
    history.store_payload(record.id, {"apiKey": key, "dataURL": url, "note": bad, "configJSON": f'{{"a": "{bad}"}}'})
    history.store_answer(
        record.id, {"objects": [{**BOX, "title": bad}]}, {"response": {"data": url}}, [bad], [{"class": bad}]
    )
    history.log([line(1, message=bad, details=bad)])
    history.record(record.moved(JobState.FAILED, error=bad, details=bad))
    assert await history.count(JobFilter(text="h")) == 1
    detail = await history.detail(record.id)
    await db.flush()
    everything = contents(tmp_path) + repr(detail).encode()
    await db.close()
    everything += contents(tmp_path)
    for hidden in (secret, key, signature):
        assert hidden.encode() not in everything


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())
