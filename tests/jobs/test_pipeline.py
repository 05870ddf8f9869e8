"""What the straight line does beside it: pictures of scripts' jobs, notes, and jobs that name no asset."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from desktop_app.core.job import JobState
from desktop_app.core.prediction import Prediction


def flat(job: Any) -> Prediction:
    returned = {"data": job.data_url, "objects": [{"title": "bolt", "point": [1, 2]}], "classifications": []}
    return Prediction(returned=returned, generation="flat")


@pytest.fixture
async def script_line(hub, make_line, callback_profile) -> Any:
    """A profile with a script that is online."""
    line = make_line(callback_profile(hub.url))
    line.runner.answer = flat
    line.service.start()
    await hub.wait_online("p1")
    return line


async def test_a_scripts_job_does_not_wait_for_its_picture(hub, script_line, until):
    hub.faults.http_delay, hub.faults.delay_prefix = 0.5, "/files/"
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert script_line.states(session.id)[:3] == ["queued", "running", "building"]
    record = await until(lambda: (last := script_line.last(session.id)).asset_path and last)
    assert record.state is JobState.DELIVERED
    assert record.asset_type == "image/png"
    stored = await script_line.history.get(record.id)
    assert stored.asset_path == record.asset_path


async def test_a_picture_that_cannot_be_had_is_a_warning(hub, script_line, until):
    hub.faults.fail_http("/files/", times=None, status=404)
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert not session.error
    await until(lambda: any("cannot be shown" in told.message for told in script_line.lines))
    assert script_line.last(session.id).state is JobState.DELIVERED


async def test_a_running_script_is_told_where_its_file_is(hub, script_line, until):
    script_line.runner.gate = asyncio.Event()
    session = await hub.run_plugin("p1")
    path = await until(lambda: next(iter(script_line.runner.provided.values()), None))
    assert path.read_bytes().startswith(b"\x89PNG")
    script_line.runner.gate.set()
    await session.wait(10)


async def test_stopping_ends_what_is_fetched_for_the_screen(hub, script_line):
    hub.faults.http_delay, hub.faults.delay_prefix = 60.0, "/files/"
    sessions = [await hub.run_plugin("p1") for _ in range(10)]
    for session in sessions:
        await session.wait(10)
    async with asyncio.timeout(5):
        await script_line.service.stop()


async def test_notes_go_to_the_hub_as_warnings(hub, line):
    line.runner.answer = lambda _: Prediction(
        instances=[
            {"class": "gear", "index": 9, "score": 0.9, "bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4}}
        ],
        class_names=("bolt", "nut"),
        width=40,
        height=30,
        notes=("the worker had a remark",),
    )
    session = await hub.run_plugin("p1")
    await session.wait(10)
    warnings = [log.message for log in session.logs if log.level == "WARNING"]
    assert "the worker had a remark" in warnings
    assert any('"gear"' in text for text in warnings)
    record = await line.terminal(session.id)
    assert (record.objects, record.dropped) == (0, 1)
    assert (await line.history.detail(record.id)).notes


async def test_a_config_that_cannot_be_read_is_told_and_costs_no_job(hub, line, until):
    session = await hub.run_plugin("p1", extra={"configJSON": '{"confidence": 0,4}'})
    await session.wait(10)
    record = await line.terminal(session.id)
    assert record.state is JobState.DELIVERED
    assert not session.error
    (told,) = [log.message for log in session.logs if "Config JSON" in log.message]
    assert "line 1, column 18" in told
    await until(lambda: any(said.message == told and said.session == session.id for said in line.lines))
    assert told in (await line.history.detail(record.id)).notes


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dataURL": None, "assetId": None}, "names no asset"),
        ({"dataURL": None, "apiKey": None}, "names no asset"),
        ({"dataURL": None, "assetId": "0" * 24}, "no such asset"),
        ({"dataURL": "file:///etc/passwd"}, "http"),
        ({"overwrite": False, "taskId": None}, "cannot be read"),
    ],
)
async def test_jobs_that_cannot_be_done_say_why(hub, line, fields, words):
    session = await hub.run_plugin("p1", extra=fields)
    await session.wait(10)
    assert session.error
    assert words in session.logs[-1].message


async def test_what_a_script_says_reaches_hub_and_log(hub, script_line, until):
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert session.logs[0].fields["step"] == 1
    await until(lambda: any(told.source == "script" and told.session == session.id for told in script_line.lines))


async def test_how_far_a_script_is_is_told_and_not_kept(hub, script_line, until):
    runner = script_line.runner
    runner.lines = ("[0/3]", "tile [1/3] done", "a line without", "[1/3]", "[7/3]", "[3/3]")
    session = await hub.run_plugin("p1")
    await session.wait(60)
    ended = await script_line.terminal(session.id)
    told = [record.progress for record in script_line.records if record.session == session.id]
    assert [step for step in told if step is not None] == [(0, 3), (1, 3), (3, 3)]
    assert ended.progress is None
    assert (await script_line.history.get(ended.id)).progress is None
    assert [line.message for line in session.logs] == list(runner.lines)
