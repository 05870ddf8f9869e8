from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.errors import ModelError, ModelLoadError
from desktop_app.core.events import Level, ProfileState
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import Profile
from desktop_app.jobs.shadow import MOST_WAITING, ShadowService
from desktop_app.jobs.supervisor import Supervisor
from desktop_app.store.search import JobFilter

LIMIT_S = 60.0


@pytest.fixture
async def shadow(
    make_line: Callable[..., Any],
    onnx_profile: Callable[..., Profile],
    until: Callable[..., Any],
    tmp_path: Path,
    picture: bytes,
) -> AsyncIterator[Any]:
    """A shadow of a profile whose jobs the test makes up: `add` delivers one."""
    live = onnx_profile("http://127.0.0.1:9")
    line = make_line(live)
    profile = live.changed(id="shadow", name="Shadow", shadow_of=live.id)
    asset = tmp_path / "asset.png"
    asset.write_bytes(picture)

    class Made:
        busy = False
        number = 0

        def __init__(self) -> None:
            self.line = line
            for runner in line.runners:
                runner.pid = None
            line.prepare = lambda runner: setattr(runner, "pid", None)
            self.service = ShadowService(profile, line.shared, lambda: self.busy)
            self.runner = line.runner

        async def add(self, **fields: Any) -> JobRecord:
            self.number += 1
            now = time.time() + self.number / 1000
            values: dict[str, Any] = {
                "id": f"j{self.number}", "session": f"s{self.number}", "profile_id": live.id,
                "profile_name": live.name, "state": JobState.DELIVERED, "received_at": now, "updated_at": now,
                "asset_path": str(asset), "asset_type": "image/png",
            }  # fmt: skip
            record = JobRecord(**{**values, **fields})
            line.history.record(record)
            await line.history.store_payload(record.id, {"session": record.session, "categorySchema": None})
            line.recorder.record(record)
            return record

        async def answers(self) -> list[JobRecord]:
            return list(await line.history.list(JobFilter(profile_id="shadow")))

        async def until_answers(self, number: int) -> list[JobRecord]:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    found = await self.answers()
                    if len(found) >= number:
                        return found
                    await asyncio.sleep(0.01)

    made = Made()
    made.service.start()
    await until(lambda: made.service.status.state is ProfileState.ONLINE, LIMIT_S)
    yield made
    await made.service.stop()


async def test_it_answers_what_the_live_profile_delivered_and_tells_no_view(shadow: Any) -> None:
    job = await shadow.add()
    await shadow.add(state=JobState.FAILED)
    await shadow.add(replay_of="j1")
    await shadow.add(profile_id="somebody else's")
    late = await shadow.add(asset_path=None)
    again = await shadow.add(id=late.id)
    found = await shadow.until_answers(2)
    assert {record.replay_of for record in found} == {job.id, again.id}
    assert all(record.session.startswith("shadow-") for record in found)
    assert (await shadow.line.history.detail(found[0].id)).answer is not None
    assert {record.profile_id for record in shadow.line.records} == {job.profile_id, "somebody else's"}
    assert (await shadow.line.history.stats("shadow")).jobs == 0
    assert shadow.service.pending() == (0, 0)


async def test_it_waits_until_the_live_profile_has_a_pause(shadow: Any, until: Callable[..., Any]) -> None:
    shadow.busy = True
    await shadow.add()
    await until(lambda: shadow.service._waiting and not shadow.service._stirred.is_set(), LIMIT_S)
    assert await shadow.answers() == []
    assert shadow.runner.seen == []
    shadow.busy = False
    shadow.service._stirred.set()
    await shadow.until_answers(1)


async def test_what_it_cannot_keep_up_with_is_left_out(shadow: Any, until: Callable[..., Any]) -> None:
    shadow.runner.gate = asyncio.Event()
    await shadow.add()
    await until(lambda: shadow.runner.seen, LIMIT_S)
    for _ in range(MOST_WAITING + 9):
        await shadow.add()
    assert len(shadow.service._waiting) <= MOST_WAITING
    await until(lambda: any("left out" in line.message for line in shadow.line.lines), LIMIT_S)
    shadow.runner.gate.set()
    found = await shadow.until_answers(MOST_WAITING + 1)
    newest = {f"j{number}" for number in range(11, MOST_WAITING + 11)}
    assert {record.replay_of for record in found} == {"j1", *newest}


async def test_its_failure_is_a_note(shadow: Any, until: Callable[..., Any]) -> None:
    def fail(_: Any) -> None:
        raise ModelError("It does not like this one")

    shadow.runner.answer = fail
    await shadow.add()
    await shadow.until_answers(1)
    await until(lambda: any("does not like" in line.message for line in shadow.line.lines), LIMIT_S)
    (line,) = [line for line in shadow.line.lines if "does not like" in line.message]
    assert line.level is Level.WARNING
    assert line.profile_name == "Shadow"
    shadow.runner.answer = lambda _: (_ for _ in ()).throw(ZeroDivisionError)
    await shadow.add()
    await until(lambda: shadow.line.bugs, LIMIT_S)
    assert "shadow of job" in shadow.line.bugs.pop()[1]
    await until(lambda: shadow.service.status.state is ProfileState.ONLINE, LIMIT_S)


async def test_the_supervisor_serves_a_shadow_as_one(
    make_line: Callable[..., Any], onnx_profile: Callable[..., Profile], until: Callable[..., Any]
) -> None:
    line = make_line(onnx_profile("http://127.0.0.1:9"))
    supervisor = Supervisor(line.shared)
    profile = line.profile.changed(id="shadow", name="Shadow", shadow_of=line.profile.id)
    line.prepare = lambda runner: setattr(runner, "load_error", ModelLoadError("No such model"))
    supervisor.start(profile)
    await until(lambda: supervisor.status("shadow").state is ProfileState.MODEL_FAILED, LIMIT_S)
    assert supervisor.status("shadow").detail == "No such model"
    assert not supervisor.cancel("j1")
    line.runner.load_error = None
    await supervisor.restart_worker("shadow")
    await until(lambda: supervisor.status("shadow").state is ProfileState.ONLINE, LIMIT_S)
    await supervisor.stop_all()
    assert supervisor.running == ()
