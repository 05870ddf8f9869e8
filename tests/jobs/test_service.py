"""One profile from the hub's job to the hub's answer, with a real store, socket and HTTP, and a runner in our hand."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from desktop_app.core import aio
from desktop_app.core.errors import AnswerError, CallbackError, ModelLoadError, StoreError, WorkerDied
from desktop_app.core.events import Level
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.prediction import Prediction
from desktop_app.hub.demo.faults import malformed_jobs
from desktop_app.hub.demo.state import Outcome
from desktop_app.jobs import sessions as sessions_module
from desktop_app.jobs.queue import IN_MEMORY
from desktop_app.jobs.service import AHEAD, ProfileService
from desktop_app.runner.pool import RunnerPhase, RunnerState
from desktop_app.store.outbox import OutboxRow


def documented(job: Any) -> Prediction:
    """What a script of the oldest generation returns."""
    answer = {"objects": [{"title": "bolt", "point": [1, 2]}], "classifications": [], "relations": []}
    return Prediction(returned={"data": job.data_url, "answer": answer}, generation="documented")


async def test_the_straight_line(hub, line):
    session = await hub.run_plugin("p1")
    await session.wait(10)
    schema_id = hub.project.schema_id("bolt")
    box = {"x": 1, "y": 2, "width": 3, "height": 4}
    [found] = session.response["objects"]
    assert (found["schemaId"], found["title"], found["bounding-box"]) == (schema_id, "bolt", box)
    assert session.response["classifications"] == []
    assert session.response["relations"] == []
    assert [log.message for log in session.logs] == ["looking at it"]
    record = await line.terminal(session.id)
    assert line.states(session.id) == ["queued", "fetching", "running", "building", "delivering", "delivered"]
    assert (record.objects, record.width, record.height, record.asset_type) == (1, 40, 30, "image/png")
    assert record.external_id or record.asset_id
    assert "?" not in record.url
    timings = record.timings.as_dict()
    assert all(timings[step] is not None for step in ("fetch", "queue", "run", "build", "deliver", "total"))
    assert line.runner.paths[0].read_bytes().startswith(b"\x89PNG")
    stored = await line.history.get(record.id)
    assert stored == record
    detail = await line.history.detail(record.id)
    assert detail.answer == session.response
    assert detail.response["response"] == session.response
    assert session.api_key not in str(detail.payload)
    assert hub.protocol_errors == []


async def test_a_burst_keeps_its_order_and_the_limit(hub, line, until):
    sessions = [await hub.run_plugin("p1", asset=number % 3) for number in range(60)]
    for session in sessions:
        await session.wait(30)
    assert [job.session for job in line.runner.seen] == [session.id for session in sessions]
    assert line.runner.most_at_once == 1
    assert all(len(session.responses) == 1 for session in sessions)
    await until(lambda: (line.service.status.running, line.service.status.queued) == (0, 0))
    assert line.state == "online"
    assert "busy" in {str(status.state) for status in line.statuses}


async def test_a_persons_job_goes_before_workflows(hub, line, until):
    line.runner.gate = asyncio.Event()
    first = [await hub.run_plugin("p1", workflow=True) for _ in range(2)]  # one runs, one is prepared beside it
    await until(lambda: len(line.runner.seen) == 2)
    waiting = [await hub.run_plugin("p1", workflow=True) for _ in range(3)]
    person = await hub.run_plugin("p1")
    await until(lambda: len(line.records) and line.states(person.id))
    await until(lambda: line.states(person.id)[-1] == "fetching")
    line.runner.gate.set()
    for session in (*first, person, *waiting):
        await session.wait(20)
    assert [job.session for job in line.runner.seen][:3] == [*(session.id for session in first), person.id]


async def test_a_workflow_is_answered_over_http(hub, line):
    session = await hub.run_plugin("p1", workflow=True)
    await session.wait(10)
    assert session.outcome is Outcome.ANNOTATED
    assert session.responses == []
    [annotation] = session.annotations
    assert annotation.query == {"nextStage": "true", "isPlugin": "true"}
    assert set(annotation.body) == {"answer", "brushDataUrl", "medicalBrushDataUrl", "duration"}
    assert (await line.terminal(session.id)).state is JobState.DELIVERED
    assert hub.protocol_errors == []


async def test_what_the_task_has_is_kept_where_the_job_says_so(hub, line):
    task = hub.project.task_of(hub.assets[0])
    kept = {"schemaId": "x", "title": "old", "objectId": "o", "point": [5, 6]}
    task.answer = {"tools": [kept], "classifications": [], "relations": []}
    session = await hub.run_plugin("p1", overwrite=False)
    await session.wait(10)
    assert len(session.response["objects"]) == 2
    assert session.response["objects"][1] == kept


async def test_an_asset_that_has_only_an_id(hub, line):
    session = await hub.run_plugin("p1", extra={"dataURL": None})
    await session.wait(10)
    assert session.outcome is Outcome.ANSWERED
    record = await line.terminal(session.id)
    assert record.url.startswith(hub.url)
    assert record.external_id == "a.png"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CallbackError("The script raised", where="x.py:3", details="Traceback: secret line"), "The script raised"),
        (WorkerDied("The worker process ended"), "process ended"),
        (AnswerError("No answer"), "No answer"),
    ],
)
async def test_a_failure_and_its_reason_reach_the_hub(hub, line, error, words):
    def fail(_: Any) -> Prediction:
        raise error

    line.runner.answer = fail
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert session.responses == [{"error": True, "session": session.id}]
    assert session.logs[-1].level == "ERROR"
    assert words in session.logs[-1].message
    record = await line.terminal(session.id)
    assert record.state is JobState.FAILED
    assert words in record.error
    assert record.details == error.details


async def test_a_bug_of_ours_ends_the_job_and_is_reported(hub, line):
    def fail(_: Any) -> Prediction:
        raise ZeroDivisionError

    line.runner.answer = fail
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert session.error
    assert [type(error) for error, _ in line.bugs] == [ZeroDivisionError]
    line.bugs.clear()
    line.runner.answer = type(line.runner)(line.profile, print, print).answer
    assert not (await (await hub.run_plugin("p1")).wait(10)).error


async def test_an_answer_too_large_for_the_hub_ends_as_an_error(hub, line):
    def huge(job: Any) -> Prediction:
        found = {"class": "bolt", "index": 0, "score": 0.9, "polygon": [[[x, x % 7] for x in range(40)]]}
        return Prediction(instances=[found] * 20_000, class_names=("bolt",))

    def text(job: Any) -> Prediction:
        return Prediction(returned="x" * 3_000_000, generation="current", kind="batch")

    line.runner.answer = text
    session = await hub.run_plugin("p1")
    await session.wait(20)
    assert session.error
    assert "more than the 1.0 MB" in session.logs[-1].message
    assert (await line.terminal(session.id)).state is JobState.FAILED
    assert hub.plugins["p1"].logins == 1


@pytest.mark.parametrize(("name", "payload"), list(malformed_jobs()))
@pytest.mark.parametrize("kind", ["onnx", "callback"])
async def test_every_malformed_job_with_a_session_is_answered(
    hub, make_line, onnx_profile, callback_profile, until, kind, name, payload
):
    profile = onnx_profile(hub.url) if kind == "onnx" else callback_profile(hub.url)
    line = make_line(profile)
    line.prepare = lambda runner: setattr(runner, "answer", documented) if kind == "callback" else None
    line.renew()
    line.service.start()
    await hub.wait_online("p1")
    session = await hub.send_raw("p1", payload)
    if session is None:
        number = isinstance(payload, dict) and isinstance(payload.get("session"), int)
        if number:
            await line.terminal(str(payload["session"]))
        else:
            await until(lambda: any("The hub sent a job" in told.message for told in line.lines))
    else:
        await session.wait(10)
        # A script gets the event as it is and answers; only a workflow without a task cannot be told its answer.
        if kind == "callback" and payload.get("workflow") is not True:
            assert session.outcome is Outcome.ANSWERED
            assert line.runner.seen[0].data == payload
        else:
            assert session.error
            assert session.logs[-1].level == "ERROR"
        assert len(session.responses) == 1
    # And the next job is served.
    following = await hub.run_plugin("p1")
    await following.wait(10)
    assert not following.error


# The same session again


async def test_a_session_that_comes_again_is_answered_the_same(hub, line):
    session = await hub.run_plugin("p1")
    await session.wait(10)
    line.runner.answer = lambda job: Prediction(class_names=("bolt",))  # another answer, if it were asked
    await hub.resend(session)
    await hub.wait_until(lambda: len(session.responses) == 2)
    await hub.resend(session, {"dataURL": hub.asset_url(hub.assets[1])})
    await hub.wait_until(lambda: len(session.responses) == 3)
    assert session.responses[0] == session.responses[1] == session.responses[2]
    assert len(line.runner.seen) == 1
    assert hub.protocol_errors == []


async def test_a_script_that_answers_with_the_signed_address_answers_the_same(hub, make_line, callback_profile):
    """What is on disk has no signature; the answer of this run has, and must not come without it the second time."""
    line = make_line(callback_profile(hub.url))
    line.prepare = lambda runner: setattr(runner, "answer", documented)
    line.renew()
    line.service.start()
    await hub.wait_online("p1")
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert "?" in session.response["data"]
    await hub.resend(session)
    await hub.wait_until(lambda: len(session.responses) == 2)
    assert hub.protocol_errors == []


async def test_a_session_that_comes_again_while_it_is_in_work(hub, line, until):
    line.runner.gate = asyncio.Event()
    session = await hub.run_plugin("p1")
    queued = [await hub.run_plugin("p1") for _ in range(8)]
    await until(lambda: line.runner.seen)
    for each in (session, queued[-1]):
        await hub.resend(each)
    await until(lambda: [entry.message for entry in line.lines].count("The hub sent this job again") == 2)
    line.runner.gate.set()
    for each in (session, *queued):
        await each.wait(10)
    assert len(line.runner.seen) == 9
    assert all(len(each.responses) == 1 for each in (session, *queued))


async def test_a_failed_session_that_comes_again_stays_failed(hub, line):
    def fail(_: Any) -> Prediction:
        raise CallbackError("no")

    line.runner.answer = fail
    session = await hub.run_plugin("p1")
    await session.wait(10)
    await hub.resend(session)
    await hub.wait_until(lambda: len(session.responses) == 2)
    assert session.responses[0] == session.responses[1] == {"error": True, "session": session.id}
    assert len(line.runner.seen) == 1


async def test_a_session_that_comes_again_after_a_restart_of_the_app(hub, line):
    session = await hub.run_plugin("p1")
    await session.wait(10)
    await line.service.stop()
    line.renew()
    line.service.start()
    await hub.wait_until(lambda: hub.plugins["p1"].logins == 2)
    await hub.resend(session)
    await hub.wait_until(lambda: len(session.responses) == 2)
    assert hub.protocol_errors == []
    assert line.runner.seen == []


async def test_an_annotated_workflow_that_comes_again_is_left_alone(hub, line, until):
    session = await hub.run_plugin("p1", workflow=True)
    await session.wait(10)
    await line.terminal(session.id)
    await hub.resend(session)
    other = await hub.run_plugin("p1")
    await other.wait(10)
    assert len(session.annotations) == 1
    assert session.responses == []


# Cancelling


async def test_cancelling_a_waiting_job(hub, line, until):
    line.runner.gate = asyncio.Event()
    sessions = [await hub.run_plugin("p1") for _ in range(20)]
    await until(lambda: line.states(sessions[-1].id))
    last = line.last(sessions[-1].id)
    assert line.service.cancel(last.id)
    assert not line.service.cancel(last.id)
    await sessions[-1].wait(10)
    assert sessions[-1].error
    assert "cancelled" in sessions[-1].logs[-1].message
    assert line.last(sessions[-1].id).state is JobState.CANCELLED
    line.runner.gate.set()
    for session in sessions[:-1]:
        await session.wait(10)
        assert not session.error


@pytest.mark.parametrize("state", ["fetching", "running"])
async def test_cancelling_a_job_in_work(hub, line, until, state):
    if state == "fetching":
        hub.faults.http_delay, hub.faults.delay_prefix = 30.0, "/files/"
    line.runner.gate = asyncio.Event()
    session = await hub.run_plugin("p1")
    await until(lambda: line.states(session.id)[-1:] == [state])
    if state == "running":
        await until(lambda: line.runner.seen)
    assert line.service.cancel(line.last(session.id).id)
    await session.wait(10)
    assert session.responses == [{"error": True, "session": session.id}]
    assert line.states(session.id)[-1] == "cancelled"
    # Somebody wanted it so: no error, and the step it broke off has its time.
    told = await until(lambda: [one for one in line.lines if one.session == session.id and "cancelled" in one.message])
    assert [one.level for one in told] == [Level.INFO]
    timings = line.last(session.id).timings
    assert timings.total is not None
    assert (timings.fetch if state == "fetching" else timings.run) is not None
    line.runner.gate.set()
    hub.faults.clear()
    following = await hub.run_plugin("p1")
    await following.wait(10)
    assert not following.error


async def test_an_answer_that_is_on_its_way_cannot_be_cancelled(hub, line, until):
    line.runner.gate = asyncio.Event()
    session = await hub.run_plugin("p1")
    await until(lambda: line.runner.seen)
    await hub.pause()
    await until(lambda: line.state == "reconnecting")
    line.runner.gate.set()
    await until(lambda: line.states(session.id)[-1] == "delivering")
    assert not line.service.cancel(line.last(session.id).id)
    await hub.resume()
    await session.wait(10)
    assert len(session.responses) == 1
    assert not session.error
    assert (await line.terminal(session.id)).state is JobState.DELIVERED


async def test_there_is_nothing_to_cancel(line):
    assert not line.service.cancel("unknown")


# The model


async def test_a_model_that_cannot_be_loaded(hub, make_line, onnx_profile, until):
    line = make_line(onnx_profile(hub.url))
    line.prepare = lambda runner: setattr(runner, "load_error", ModelLoadError("No such file", where="none.onnx"))
    line.renew()
    line.service.start()
    await until(lambda: line.state == "model failed")
    assert "No such file" in line.service.status.detail
    assert "crashed" not in {str(status.state) for status in line.statuses}
    assert hub.plugins["p1"].logins == 0
    # Repaired and restarted, it serves.
    line.runner.load_error = None
    await line.service.restart_worker()
    await hub.wait_online("p1")
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert not session.error
    assert line.service.info == {"classes": ["bolt", "nut"]}
    assert len(line.models) == 1


async def test_what_a_model_really_runs_on_is_said(hub, make_line, onnx_profile, until):
    line = make_line(onnx_profile(hub.url))

    async def start():
        return {"family": "yolox", "task": "detect", "provider": "cpu", "notes": ["CUDA is not there: no driver"]}

    line.prepare = lambda runner: setattr(runner, "start", start)
    line.renew()
    line.service.start()
    await until(lambda: "CUDA is not there: no driver" in [entry.message for entry in line.lines])
    assert "Model loaded: yolox, detect; it runs on CPU" in [entry.message for entry in line.lines]


async def test_a_worker_that_is_given_up(hub, line, until):
    line.runner.gate = asyncio.Event()
    sessions = [await hub.run_plugin("p1") for _ in range(AHEAD + 5)]
    await until(lambda: line.states(sessions[-1].id))
    line.runner.crashes = 5
    line.runner.on_state(RunnerState(RunnerPhase.FAILED, "the worker ended 5 times", crashes=5))
    assert line.state == "crashed"
    assert line.service.status.crashes == 5
    await sessions[-1].wait(10)
    assert "ended 5 times" in sessions[-1].logs[-1].message
    refused = await hub.run_plugin("p1")
    await refused.wait(10)
    assert refused.error
    line.runner.crashes = 0
    line.runner.gate.set()
    await line.service.restart_worker()
    await until(lambda: line.state in ("online", "busy"))
    assert line.service.status.crashes == 0
    assert not (await (await hub.run_plugin("p1")).wait(10)).error


async def test_a_restart_that_fails_is_said(hub, line, until):
    line.runner.load_error = ModelLoadError("broken now")
    await line.service.restart_worker()
    assert line.state == "model failed"
    refused = await hub.run_plugin("p1")
    await refused.wait(10)
    assert "broken now" in refused.logs[-1].message


async def test_more_jobs_than_the_queue_holds(hub, make_line, onnx_profile, until, monkeypatch):
    line = make_line(onnx_profile(hub.url))
    line.service._queue._limit = 2
    line.service.start()
    await hub.wait_online("p1")
    line.runner.gate = asyncio.Event()
    sessions = [await hub.run_plugin("p1") for _ in range(AHEAD + 16)]
    await until(lambda: sum(session.error for session in sessions) >= 10)
    line.runner.gate.set()
    for session in sessions:
        await session.wait(10)
    refused = [session for session in sessions if session.error]
    assert "2 jobs are waiting" in refused[0].logs[-1].message
    assert 3 <= len(sessions) - len(refused) <= AHEAD + 6


# Drops and ends


@pytest.mark.timeout(600)
async def test_10_000_jobs_at_once_wait_on_the_disk_and_not_in_memory(hub, line, until):
    line.runner.gate = asyncio.Event()
    first = await hub.run_plugin("p1")
    await until(lambda: line.runner.seen)
    padding = "x" * 500
    queue = line.service._queue
    for number in range(10_000):
        line.service._job_arrived({**first.job, "session": f"S{number:05d}", "configJSON": padding, "workflow": False})
        if number % 200 == 0:
            await asyncio.sleep(0)  # as the socket's reader does
    await until(lambda: queue.in_memory <= IN_MEMORY, 240)
    waiting = list(queue._interactive)
    assert len(waiting) >= 10_000 - IN_HAND
    assert sum(each.job is not None for each in waiting) <= IN_MEMORY
    stored = await line.history.payloads([each.id for each in waiting[-50:]])
    assert [stored[each.id].data["configJSON"] for each in waiting[-50:]] == [padding] * 50
    # Read back whole, key and signature included, and in order.
    line.runner.gate.set()
    await until(lambda: len(line.runner.seen) > 250, 240)
    assert [job.session for job in line.runner.seen[1:250]] == [f"S{number:05d}" for number in range(249)]
    assert line.runner.seen[249].api_key == first.api_key
    assert line.runner.seen[249].data_url == first.job["dataURL"]
    for each in queue.drain():
        line.service._records.pop(each.id)


async def test_the_hub_goes_away_in_the_middle(hub, line, until):
    line.runner.gate = asyncio.Event()
    sessions = [await hub.run_plugin("p1") for _ in range(5)]
    await until(lambda: line.runner.seen)
    await hub.pause()
    await until(lambda: line.state == "reconnecting")
    line.runner.gate.set()
    await hub.resume()
    for session in sessions:
        await session.wait(15)
        assert not session.error
    assert hub.protocol_errors == []


async def test_stopping_lets_the_running_job_finish(hub, line, until):
    line.runner.gate = asyncio.Event()
    session = await hub.run_plugin("p1")
    await until(lambda: line.runner.seen)
    asyncio.get_running_loop().call_later(0.1, line.runner.gate.set)
    await line.service.stop(5.0)
    await session.wait(5)
    assert not session.error
    assert line.state == "stopped"
    assert line.runner.stopped == 1
    assert await line.outbox.pending() == []


async def test_a_job_that_comes_while_the_connection_is_being_closed_is_not_lost(hub, line, until, monkeypatch):
    """Found by the chaos test: after the goodbye the hub reads nothing more, but the goodbye counted as if it had."""
    really_stop = line.service._listener.stop

    async def stop() -> bool:
        await hub.run_plugin("p1", extra={"session": "late"})
        await until(lambda: any(record.session == "late" for record in line.records))
        return await really_stop()

    monkeypatch.setattr(line.service._listener, "stop", stop)
    await line.service.stop(0.0)
    assert hub.sessions["late"].responses == []
    assert [record.session for record in await line.history.unfinished()] == ["late"]
    line.renew()
    line.service.start()
    session = await hub.sessions["late"].wait(20)
    assert session.responses == [{"error": True, "session": "late"}]
    assert "signed" in session.logs[-1].message


async def test_jobs_that_come_while_the_last_one_finishes_are_taken(hub, line, until, serve, picture):
    """Those that a later start can do are left to it; the hub hears at once of those that it cannot."""
    line.runner.gate = asyncio.Event()
    first = await hub.run_plugin("p1")
    await until(lambda: line.runner.seen)
    stopping = aio.spawn(line.service.stop(60.0), name="stopping")
    await until(lambda: line.service._pipeline.leaving)

    async def give(_: web.Request) -> web.Response:
        return web.Response(body=picture)

    unsigned = {"dataURL": f"{await serve(give)}/a.png"}
    later = [await hub.run_plugin("p1", extra=unsigned) for _ in range(5)]
    signed = [await hub.run_plugin("p1"), await hub.run_plugin("p1", workflow=True, extra=unsigned)]
    for session, words in zip(signed, ("signed", "API key"), strict=True):
        await session.wait(60)
        assert words in session.logs[-1].message
    await hub.resend(later[0])
    await until(lambda: any("again" in entry.message for entry in line.lines))
    assert not stopping.done()
    line.runner.gate.set()
    await stopping
    await first.wait(60)
    assert [len(session.responses) for session in (first, *signed)] == [1, 1, 1]
    assert {record.session for record in await line.history.unfinished()} == {session.id for session in later}
    assert [session.responses for session in later] == [[]] * 5
    line.renew()
    line.service.start()
    for session in later:
        await session.wait(60)
        assert not session.error, session.logs
    assert all(len(session.responses) == 1 for session in (first, *signed, *later))
    assert hub.protocol_errors == []
    assert await line.history.unfinished() == []


IN_HAND = 1 + 1 + AHEAD
"""One in the model, one that is prepared beside it, and those that are fetched ahead."""


async def held_up(hub: Any, line: Any, until: Any, count: int = IN_HAND + 9) -> list[Any]:
    """So many jobs of a model that does not move on; the assets of the first ones, those in hand, are in the cache."""
    line.runner.gate = asyncio.Event()
    sessions = [await hub.run_plugin("p1") for _ in range(count)]
    await until(lambda: line.states(sessions[-1].id))
    await until(lambda: sum("/files/" in call.data["path"] for call in hub.http_calls) >= IN_HAND)
    await until(lambda: line.runner.seen)
    await until(lambda: len(line.service._in_hand) == IN_HAND and len(line.service._queue) == count - IN_HAND)
    await until(lambda: all(each.withheld is not None for each in line.service._queue._interactive))
    return sessions


async def test_stopping_tells_the_hub_of_the_jobs_that_cannot_go_on(hub, line, until):
    """Their assets' addresses were signed, and they were not fetched yet."""
    sessions = await held_up(hub, line, until)
    began = time.monotonic()
    await line.service.stop(0.0)
    assert time.monotonic() - began < 5
    for session in sessions[IN_HAND:]:
        await session.wait(5)
        assert session.responses == [{"error": True, "session": session.id}]
        assert "closed while this job" in session.logs[-1].message
        assert "signed" in session.logs[-1].message
        assert line.last(session.id).state is JobState.FAILED
    assert await line.outbox.pending() == []


async def test_the_others_go_on_at_the_next_start(hub, line, until):
    sessions = await held_up(hub, line, until)
    await line.service.stop(0.0)
    left = [session for session in sessions if not session.responses]
    assert {record.session for record in await line.history.unfinished()} == {session.id for session in left}
    assert sessions[0] in left  # it was in the model, so its asset is there
    hub.faults.fail_http("/files/", times=None, status=403)  # no signature is good any more
    line.renew()
    line.service.start()
    for session in left:
        await session.wait(20)
        assert not session.error, session.logs
        assert (await line.terminal(session.id)).state is JobState.DELIVERED
    assert all(len(session.responses) == 1 for session in sessions)
    assert hub.protocol_errors == []
    assert await line.history.unfinished() == []


async def test_a_plugin_that_is_stopped_for_good_leaves_nothing_over(hub, line, until):
    sessions = await held_up(hub, line, until)
    await line.service.stop(0.0, for_good=True)
    for session in sessions:
        await session.wait(5)
        assert session.responses == [{"error": True, "session": session.id}]
        assert "The plugin was stopped in Plugdeck" in session.logs[-1].message
    assert await line.history.unfinished() == []


async def test_stopping_while_the_hub_is_away_tells_it_at_the_next_start(hub, line, until):
    sessions = await held_up(hub, line, until)
    await hub.pause()
    await until(lambda: line.state == "reconnecting")
    await line.service.stop(0.0)
    assert len(await line.outbox.pending()) >= len(sessions) - IN_HAND
    await hub.resume()
    line.renew()
    line.service.start()
    for session in sessions:
        await session.wait(20)
    assert [session.error for session in sessions[IN_HAND:]] == [True] * (len(sessions) - IN_HAND)
    assert all(len(session.responses) == 1 for session in sessions)
    assert hub.protocol_errors == []


async def test_what_needs_the_key_ends_as_an_error_after_a_restart(hub, line, until):
    line.runner.gate = asyncio.Event()
    workflow = await hub.run_plugin("p1", workflow=True)
    await until(lambda: line.runner.seen)
    keeping = await hub.run_plugin("p1", overwrite=False)
    await until(lambda: line.states(keeping.id))
    await until(lambda: all(each.withheld is not None for each in line.service._in_hand.values()))
    await line.service.stop(0.0)
    for session in (workflow, keeping):
        await session.wait(5)
        assert session.responses == [{"error": True, "session": session.id}]
        assert "API key, which is never on disk" in session.logs[-1].message
    assert workflow.annotations == []


@pytest.mark.parametrize(
    ("workflow", "disk"), [(False, "late"), (False, "in time"), (True, "in time"), (False, "full")]
)
async def test_a_job_that_was_just_taken_is_left_or_answered_once(hub, line, until, monkeypatch, workflow, disk):
    """Its event is still on its way to the disk: only what is there says whether the next start can do it."""
    on_disk: list[tuple[Any, Any]] = []
    really_store = line.history.store_payload

    def store(job_id: str, payload: Any) -> Any:
        told = asyncio.get_running_loop().create_future()
        on_disk.append((told, really_store(job_id, payload)))
        return told

    monkeypatch.setattr(line.history, "store_payload", store)
    line.runner.gate = asyncio.Event()
    session = await hub.run_plugin("p1", workflow=workflow)
    await until(lambda: line.runner.seen)
    stopping = aio.spawn(line.service.stop(0.0), name="stopping")
    await until(lambda: not line.service._tasks)
    [(told, stored)] = on_disk
    if disk == "full":
        told.set_exception(StoreError("The disk is full"))
    elif disk == "in time":
        told.set_result(await stored)
    await stopping
    monkeypatch.undo()
    line.renew()
    line.service.start()
    await session.wait(60)
    assert session.error is (workflow or disk == "full")
    assert (len(session.responses), session.annotations) == (1, [])
    if workflow:
        assert "API key, which is never on disk" in session.logs[-1].message
    assert len([record for record in line.records if record.state.terminal]) == 1
    assert await line.history.unfinished() == []
    assert hub.protocol_errors == []


async def test_a_session_of_an_earlier_run_that_comes_again_has_all_it_needs(hub, line, until):
    """What was withheld from the disk comes back with the hub's second sending."""
    sessions = await held_up(hub, line, until, IN_HAND + 1)
    for waiting in line.service._queue.drain():
        line.service._records.pop(waiting.id)  # as if the app was killed: nobody tells the hub
    await line.service.stop(0.0)
    line.renew()
    line.service._hand = asyncio.Semaphore(0)
    line.service.start()
    await hub.wait_until(lambda: hub.plugins["p1"].logins == 2)
    await until(lambda: len(line.service._queue) >= 2)
    for session in sessions[-2:]:
        await hub.resend(session)
    await until(lambda: sum("again" in entry.message for entry in line.lines) == 2)
    for _ in sessions:
        line.service._hand.release()
    for session in sessions:
        await session.wait(20)
        assert not session.error, session.logs
    assert all(len(session.responses) == 1 for session in sessions)


async def test_an_answer_that_waits_goes_out_at_the_next_start(hub, line, until):
    line.runner.gate = asyncio.Event()
    session = await hub.run_plugin("p1")
    await until(lambda: line.runner.seen)
    await hub.pause()
    await until(lambda: line.state == "reconnecting")
    line.runner.gate.set()
    await until(lambda: line.states(session.id)[-1] == "delivering")
    await line.service.stop(0.0)
    await hub.resume()
    line.renew()
    line.service.start()
    await session.wait(10)
    assert not session.error
    assert (await line.terminal(session.id)).state is JobState.DELIVERED
    await until(lambda: len(session.responses) == 1)
    assert hub.protocol_errors == []


def left(line: Any, session: str, state: JobState) -> JobRecord:
    return JobRecord(
        id=f"id-{session}", session=session, profile_id=line.profile.id, profile_name="Vehicles", state=state,
        received_at=time.time(), updated_at=time.time(),
    )  # fmt: skip


async def test_what_a_killed_app_left(hub, make_line, onnx_profile, until):
    """In work without an answer; answered but the last states not on disk; sent and confirmed, the same."""
    line = make_line(onnx_profile(hub.url))
    for session in ("queued", "answered", "confirmed", "failed"):
        line.history.record(replace(left(line, session, JobState.QUEUED)))
    row = OutboxRow("id-answered", line.profile.id, "answered", "socket", '{"response":{},"session":"answered"}', 1.0)
    await line.outbox.put(row)
    await line.outbox.put(replace(row, job_id="id-confirmed", session="confirmed"))
    await line.outbox.put(
        replace(row, job_id="id-failed", session="failed", body_json='{"error":true,"session":"failed"}')
    )
    line.outbox.done("id-confirmed")
    line.outbox.done("id-failed")
    line.service.start()
    await hub.wait_online("p1")
    await until(lambda: {record.session for record in line.records if record.state.terminal} >= {"queued", "answered"})
    states = {session: str(line.last(session).state) for session in ("queued", "answered", "confirmed", "failed")}
    assert states == {"queued": "failed", "answered": "delivered", "confirmed": "delivered", "failed": "failed"}
    assert await line.history.unfinished() == []


async def test_with_a_key_of_its_own_a_plugin_sees_what_a_killed_app_got_done(hub, make_line, onnx_profile, until):
    line = make_line(onnx_profile(hub.url, allow_private_assets=True))
    line.service.start()
    await hub.wait_online("p1")
    session = await hub.run_plugin("p1", workflow=True)
    await session.wait(60)
    done = await line.terminal(session.id)
    await line.service.stop(0.0)
    [annotation] = session.annotations
    body = json.dumps({"session": session.id, "task": session.task_id, "body": annotation.body})
    # As if the app had been killed before the hub's reply came; a second answer never reached the task.
    for name, text in (("there", body), ("not there", body.replace('"x": 1', '"x": 2'))):
        line.history.record(replace(left(line, name, JobState.QUEUED), workflow=True))
        await line.outbox.put(OutboxRow(f"id-{name}", line.profile.id, name, "http", text, 1.0))
    line.api_key = hub.api_key
    line.renew()
    line.service.start()
    await until(lambda: line.states("there")[-1:] == ["delivered"] and line.states("not there")[-1:] == ["failed"])
    assert "the task does not hold it" in line.last("not there").error
    await until(lambda: session.responses)
    assert session.responses == [{"error": True, "session": session.id}]  # of the second, which borrowed its session
    assert done.state is JobState.DELIVERED
    assert len(session.annotations) == 1


async def test_starting_on_a_store_that_cannot_be_read(hub, make_line, onnx_profile, monkeypatch):
    line = make_line(onnx_profile(hub.url))

    async def broken(*_: Any, **__: Any) -> Any:
        raise StoreError("The database cannot be read")

    monkeypatch.setattr(line.history, "list", broken)
    line.service.start()
    await hub.wait_online("p1")
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert not session.error


@pytest.mark.parametrize("when", ["at once", "loading", "online"])
async def test_it_stops_at_any_moment(hub, make_line, onnx_profile, until, when):
    line = make_line(onnx_profile(hub.url))
    line.service.start()
    if when == "loading":
        await until(lambda: line.state != "stopped")
    if when == "online":
        await until(lambda: line.state == "online")
    async with asyncio.timeout(5):
        await line.service.stop()
        await line.service.stop()
    assert line.state == "stopped"


async def test_the_oldest_sessions_are_forgotten_first(hub, make_line, onnx_profile, monkeypatch):
    monkeypatch.setattr(sessions_module, "REMEMBERED_SESSIONS", 3)
    line = make_line(onnx_profile(hub.url))
    for number in range(3):
        record = replace(left(line, f"S{number}", JobState.QUEUED), received_at=1000.0 + number)
        line.history.record(record)
        line.history.record(replace(record, state=JobState.FAILED))
    service: ProfileService = line.service
    service.start()
    await hub.wait_online("p1")
    session = await hub.run_plugin("p1")
    await session.wait(10)
    assert list(service._sessions.ids) == ["S1", "S2", session.id]
