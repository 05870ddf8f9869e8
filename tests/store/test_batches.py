"""How far runs over projects are, in a real database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from desktop_app.core.job import JobRecord, JobState
from desktop_app.store.batches import Batches, BatchRow, Outcome
from desktop_app.store.database import Database
from desktop_app.store.history import History


async def begun(db: Database, job_id: str = "j1") -> Batches:
    batches = Batches(db)
    await batches.begin(BatchRow(job_id, "p1", "project", "plan"))
    return batches


async def test_a_chunk_is_settled_at_once_and_only_once(db: Database) -> None:
    batches = await begun(db)
    await batches.sending("j1", {"page": 2, "rows": [["a", "a.png", False, {"objects": []}]]})
    row = await batches.get("j1")
    assert row is not None
    assert row.sending == {"page": 2, "rows": [["a", "a.png", False, {"objects": []}]]}
    outcomes = [Outcome("a", "a.png", objects=2), Outcome("b", "b.png", "it is no picture"), Outcome("c", objects=1)]
    await batches.settle("j1", outcomes, page=2, total=9)
    # Once more, as after a crash between the hub and the disk; an asset that failed may have got its labels since.
    await batches.settle("j1", [*outcomes, Outcome("b", "b.png", "still none")], page=2, total=9)
    row = await batches.get("j1")
    assert row is not None
    assert (row.page, row.total, row.imported, row.failed, row.objects, row.sending) == (2, 9, 2, 1, 3, None)
    assert await batches.settled("j1", ["a", "b", "x"]) == {"a", "b"}
    assert await batches.failures("j1", 10) == [Outcome("b", "b.png", "still none")]


async def test_no_secret_and_no_signature_is_kept(db: Database) -> None:
    db.redactor.hide("k-123456")
    batches = await begun(db)
    await batches.sending("j1", {"rows": [["a", "", None, {"objects": [{"note": "https://x.example/a?sig=1"}]}]]})
    await batches.settle(
        "j1",
        [Outcome("b", "https://x.example/b.png?sign=3", "refused with k-123456 at https://x.example/b?token=2")],
        page=1,
        total=1,
    )
    await db.flush()
    content = b"".join(path.read_bytes() for path in db.path.parent.glob("plugdeck.db*"))
    assert b"k-123456" not in content
    assert b"sig=1" not in content
    assert b"token=2" not in content
    assert b"sign=3" not in content


async def test_what_was_left_is_found_by_its_plan_and_taken_over(db: Database) -> None:
    batches = await begun(db)
    await batches.settle("j1", [Outcome("a", objects=1)], page=2, total=5)
    assert await batches.left("p1", "another plan", 0, ()) is None
    assert await batches.left("p2", "plan", 0, ()) is None
    assert await batches.left("p1", "plan", time.time() + 60, ()) is None
    assert await batches.left("p1", "plan", 0, ("j1",)) is None
    left = await batches.left("p1", "plan", 0, ())
    assert left is not None
    await batches.pause("j1", True)
    await batches.take_over(left.job_id, "j2")
    assert await batches.get("j1") is None
    row = await batches.get("j2")
    assert row is not None
    assert (row.page, row.imported, row.paused) == (2, 1, False)
    assert await batches.settled("j2", ["a"]) == {"a"}
    await batches.close("j2", "done")
    assert await batches.left("p1", "plan", 0, ()) is None


async def test_failed_assets_are_listed_for_another_run(db: Database) -> None:
    batches = await begun(db)
    await batches.settle("j1", [Outcome(f"a{n}", f"{n}.png", "no" if n % 2 else "") for n in range(6)], page=2, total=6)
    await batches.close("j1", "done")
    await batches.begin(BatchRow("j2", "p1", "project", "retry"))
    last = await batches.last("p1", "project", "j2")
    assert last is not None
    assert await batches.take_failed(last.job_id, "j2") == 3
    assert await batches.todo("j2", 2) == [("a1", "1.png"), ("a3", "3.png")]
    assert await batches.todo("j2", 2, "a3") == [("a5", "5.png")]
    await batches.settle("j2", [Outcome("a1", "1.png")], page=1, total=3)
    assert await batches.todo("j2", 9) == [("a3", "3.png"), ("a5", "5.png")]
    assert [outcome.asset_id for outcome in await batches.failures("j1", 9)] == ["a1", "a3", "a5"]
    # Broken off, it leaves what it did not come to; nothing of that is lost to the next one.
    await batches.begin(BatchRow("j3", "p1", "project", "retry"))
    assert await batches.take_failed("j2", "j3") == 2
    assert await batches.todo("j3", 9) == [("a3", "3.png"), ("a5", "5.png")]


async def test_a_run_over_very_many_leaves_only_its_failures(db: Database) -> None:
    batches = await begun(db)
    for page in range(50):
        outcomes = [Outcome(f"{page:03}-{n:03}", reason="" if n else "no") for n in range(100)]
        done = batches.settle("j1", outcomes, page=page + 2, total=5000)
    await done
    await asyncio.wait_for(batches.close("j1", "done"), 60)
    assert await db.read(lambda c: c.execute("SELECT count(*) FROM batch_asset").fetchone()[0]) == 50
    row = await batches.get("j1")
    assert row is not None
    assert (row.state, row.imported, row.failed) == ("done", 4950, 50)


async def test_it_goes_with_the_job_of_the_history(db: Database, make_record: Callable[..., JobRecord]) -> None:
    history = History(db)
    history.record(make_record(id="j1", state=JobState.DELIVERED, received_at=1.0))
    batches = await begun(db)
    await batches.settle("j1", [Outcome("a", reason="no")], page=2, total=1)
    await history.prune(days=1, most_jobs=None, most_lines=None)
    assert await batches.get("j1") is None
    assert await batches.failures("j1", 9) == []
