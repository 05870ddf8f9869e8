import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.store.database import Database
from desktop_app.store.outbox import Outbox, OutboxRow

ROW = OutboxRow("j1", "p1", "s1", "socket", '{"response":{"objects":[]},"session":"s1"}', 10.0)

SENDER = """
import asyncio, pathlib, sys
from desktop_app.store.database import Database
from desktop_app.store.outbox import Outbox, OutboxRow

async def main():
    db = Database(pathlib.Path(sys.argv[1]))
    await db.open()
    outbox = Outbox(db)
    for n in range(100000):
        await outbox.put(OutboxRow(f"j{n}", "p1", f"s{n}", "socket", '{"n": %d}' % n, float(n)))
        print(n, flush=True)

asyncio.run(main())
"""


async def test_an_answer_waits_until_it_is_done(db: Database) -> None:
    outbox = Outbox(db)
    assert await outbox.put(ROW)
    assert await outbox.pending("p1") == [ROW]
    assert await outbox.pending("p2") == []
    outbox.mark_sent("j1")
    [sent] = await outbox.pending()
    assert sent.attempts == 1
    assert sent.sent_at is not None
    outbox.done("j1")
    assert await outbox.pending() == []
    kept = await outbox.get("j1")
    assert kept is not None
    assert kept.body_json == ROW.body_json
    assert await outbox.get("unknown") is None


async def test_the_first_answer_stands(db: Database) -> None:
    outbox = Outbox(db)
    assert await outbox.put(ROW)
    other = replace(ROW, body_json='{"other": 1}')
    assert not await outbox.put(other)
    outbox.done("j1")
    assert not await outbox.put(other)
    assert (await outbox.get("j1")).body_json == ROW.body_json  # type: ignore[union-attr]
    assert await outbox.pending() == []


async def test_what_was_given_up_is_never_sent_again(db: Database) -> None:
    outbox = Outbox(db)
    await outbox.put(ROW)
    outbox.fail("j1", "too large for https://h/x?sig=1")
    outbox.mark_sent("j1")
    assert await outbox.pending() == []
    assert not await outbox.put(ROW)
    reason = await db.read(lambda c: c.execute("SELECT reason FROM outbox").fetchone()[0])
    assert reason == "too large for https://h/x"


async def test_the_oldest_first(db: Database) -> None:
    outbox = Outbox(db)
    for job_id, at in (("c", 3.0), ("a", 1.0), ("b", 1.0)):
        await outbox.put(replace(ROW, job_id=job_id, created_at=at))
    assert [row.job_id for row in await outbox.pending()] == ["a", "b", "c"]


async def test_queries_and_keys_are_not_on_disk_and_the_rest_is_untouched(db: Database) -> None:
    db.redactor.hide("KEY-123456")
    body = {"response": {"data": "https://b/a b.jpg?X-Amz-Signature=f00ba4", "answer": {"objects": ["ü", 1.50]}}}
    await Outbox(db).put(replace(ROW, body_json=json.dumps({**body, "k": "KEY-123456"})))
    [row] = await Outbox(db).pending()
    body["response"]["data"] = "https://b/a b.jpg"
    assert json.loads(row.body_json) == {**body, "k": "•••"}
    files = b"".join(file.read_bytes() for file in db.path.parent.iterdir())
    assert b"f00ba4" not in files
    assert b"KEY-123456" not in files


async def test_a_large_answer_comes_back(db: Database) -> None:
    body = json.dumps({"points": list(range(200_000))})
    await Outbox(db).put(replace(ROW, body_json=body))
    assert (await Outbox(db).pending())[0].body_json == body


def killed_sender(path: Path) -> int:
    """Runs SENDER until it has put 50 answers, kills it, and returns the number of the last one it was sure of."""
    with subprocess.Popen([sys.executable, "-c", SENDER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        last = 0
        for _ in range(50):
            last = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
    return last


async def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.db"
    last = await asyncio.to_thread(killed_sender, path)
    db = Database(path)
    await db.open()
    assert {f"j{n}" for n in range(last + 1)} <= {row.job_id for row in await Outbox(db).pending("p1")}
    await db.close()


async def test_a_row_that_cannot_be_read_is_set_aside_and_keeps_nothing_up(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(db)
    for number in range(4):
        await outbox.put(replace(ROW, job_id=f"j{number}", created_at=float(number)))
    await db.write(lambda c: c.execute("UPDATE outbox SET body = x'7a00ff' WHERE job_id = 'j1'") and None)
    await db.write(lambda c: c.execute("UPDATE outbox SET created_at = 'soon' WHERE job_id = 'j2'") and None)
    assert await outbox.get("j1") is None
    assert [row.job_id for row in await outbox.pending("p1")] == ["j0", "j3"]
    assert "cannot be read any more; it was set aside" in caplog.text
    assert sorted(await outbox.set_aside_ids("p1")) == ["j1", "j2"]
    assert await outbox.put(replace(ROW, job_id="j1"))  # the job can be answered otherwise


async def test_an_error_replaces_what_has_not_arrived_and_nothing_else(db: Database) -> None:
    outbox = Outbox(db)
    error = replace(ROW, body_json='{"error":true}')
    await outbox.put(replace(ROW, channel="http"))
    assert await outbox.put(error, over=True)
    assert [(row.channel, row.body_json) for row in await outbox.pending()] == [("socket", error.body_json)]
    outbox.replace("j1", '{"error":true,"session":"s1"}')
    assert [row.body_json for row in await outbox.pending()] == ['{"error":true,"session":"s1"}']
    await outbox.done("j1")
    assert not await outbox.put(ROW, over=True)
