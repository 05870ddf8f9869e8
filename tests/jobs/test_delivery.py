"""The way out: the outbox first, and nothing forgotten before it is known to have arrived."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.core.aio import spawn
from desktop_app.core.errors import DeliveryError, HubUnreachable
from desktop_app.core.events import Level
from desktop_app.core.job import Job
from desktop_app.hub import protocol
from desktop_app.hub.client import HubClient
from desktop_app.hub.demo.state import EventKind, of_kind
from desktop_app.hub.listener import Listener, Timing
from desktop_app.jobs import annotating, outgoing, suspects
from desktop_app.jobs import delivery as delivery_module
from desktop_app.jobs.answer import Built
from desktop_app.jobs.delivery import Delivery
from desktop_app.jobs.settling import settle
from desktop_app.store.outbox import Outbox, OutboxRow

FAST = Timing(heartbeat=0.2, settle=0.02, quick_drop=0.01, connect=3.0, backoff_first=0.02, backoff_limit=0.05)
ANSWER = {"objects": [{"title": "bolt", "point": [1, 2]}], "classifications": [], "relations": []}


class Way:
    """A delivery on its listener, as the service puts them together."""

    def __init__(self, profile: Any, outbox: Outbox) -> None:
        self.outbox = outbox
        self.restored: list[tuple[str, bool]] = []
        self.given_up: list[tuple[str, Any, str]] = []
        self.client = HubClient(profile.host)

        async def secret() -> str:
            return "s1"

        self.listener = Listener(
            profile,
            secret,
            on_job=lambda _: None,
            on_link=lambda _: None,
            on_up=self._up,
            on_ping=self._ping,
            timing=FAST,
        )
        self.delivery = Delivery(
            profile.id,
            outbox,
            self.listener,
            self.client,
            lambda *told: self.restored.append(told),
            lambda *told: self.given_up.append(told),
        )

    async def stop(self) -> None:
        self.delivery.closing()
        self.delivery.closed(clean=await self.listener.stop())
        await self.client.close()

    def _up(self) -> None:
        self.delivery.up()

    def _ping(self) -> None:
        self.delivery.ping()

    async def pending(self) -> list[str]:
        """Ids of the jobs in the outbox."""
        return [row.job_id for row in await self.outbox.pending()]


@pytest.fixture
async def make_way(hub, db, onnx_profile) -> AsyncIterator[Callable[[], Way]]:
    ways: list[Way] = []
    profile = onnx_profile(hub.url)

    def make() -> Way:
        ways.append(Way(profile, Outbox(db)))
        return ways[-1]

    yield make
    for way in ways:
        await way.stop()


@pytest.fixture
async def way(hub, make_way) -> Way:
    made = make_way()
    made.listener.start()
    await hub.wait_online("p1")
    return made


@pytest.fixture
def run(hub) -> Callable[..., Any]:
    """Has the hub start a session; gives it and its job."""

    async def start(name: str = "S", **fields: Any) -> tuple[Any, Job]:
        session = await hub.send_raw("p1", {"session": name, "orgId": "O", "runBy": "U", **fields})
        return session, protocol.parse_job(session.job, "profile")

    return start


async def arrived(hub: Any, session: Any, count: int = 1) -> None:
    await hub.wait_until(lambda: len(session.responses) >= count)


async def confirmed(way: Way) -> None:
    await leaves(way, 0)


async def leaves(way: Way, count: int) -> None:
    """Waits until the outbox holds that many."""
    async with asyncio.timeout(10):
        while len(await way.pending()) != count:  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.02)


async def test_it_is_in_the_outbox_before_it_is_sent(hub, way, run):
    session, job = await run()
    event = protocol.success(job, ANSWER)
    kept = way.delivery.keep(job, event)
    assert await way.pending() == [job.id]
    assert session.responses == []
    await way.delivery.deliver(kept)
    await arrived(hub, session)
    assert session.responses == [event]


async def test_it_leaves_the_outbox_after_two_pings(hub, way, run):
    session, job = await run()
    await way.delivery.send(job, protocol.success(job, ANSWER))
    pings = way.delivery._pings
    await arrived(hub, session)
    assert await way.pending() == [job.id]
    await confirmed(way)
    assert way.delivery._pings >= pings + 2
    hub.cut()
    await hub.wait_until(lambda: hub.plugins["p1"].logins == 2)
    await way.delivery.send(job, protocol.success(job, ANSWER))
    assert len(session.responses) <= 2


async def test_a_fault_of_ours_costs_one_answer_and_holds_up_no_other(hub, way, run, monkeypatch):
    really = way.listener.emit
    told: list[str] = []
    monkeypatch.setattr(delivery_module, "report_bug", lambda _, where: told.append(where))

    async def emit(event: str, data: Any, *rest: Any) -> None:
        if data.get("session") == "bad" and "response" in data:
            raise ZeroDivisionError
        await really(event, data, *rest)

    monkeypatch.setattr(way.listener, "emit", emit)
    (bad_session, bad), (session, job) = await run("bad"), await run("good")
    with pytest.raises(DeliveryError, match="Plugdeck itself failed"):
        await way.delivery.send(bad, protocol.success(bad, ANSWER))
    await way.delivery.send(bad, protocol.failure(bad))
    await way.delivery.send(job, protocol.success(job, ANSWER))
    await arrived(hub, session)
    await arrived(hub, bad_session)
    assert bad_session.responses == [protocol.failure(bad)]
    assert told == ["sending response bad"]
    await confirmed(way)


async def test_what_the_network_lost_is_sent_again_the_same(hub, way, run):
    hub.faults.lost_responses = 1
    session, job = await run()
    event = protocol.success(job, ANSWER)
    await way.delivery.send(job, event)
    await arrived(hub, session)
    assert session.responses == [event]
    await confirmed(way)
    assert hub.protocol_errors == []


async def test_what_may_have_been_lost_is_sent_again_the_same(hub, way, run):
    session, job = await run()
    event = protocol.success(job, ANSWER)
    await way.delivery.send(job, event)
    await arrived(hub, session)
    hub.cut()
    await arrived(hub, session, 2)
    assert session.responses == [event, event]
    await confirmed(way)


async def test_many_answers_and_drops_lose_nothing_and_change_nothing(hub, way, run, monkeypatch):
    monkeypatch.setattr(suspects, "HOLD_S", 0.2)
    monkeypatch.setattr(suspects, "WATCH_S", 0.2)
    jobs = [await run(f"S{number}") for number in range(60)]
    sending = [
        spawn(way.delivery.send(job, protocol.success(job, {**ANSWER, "data": number})), name="send")
        for number, (_, job) in enumerate(jobs)
    ]
    for _ in range(3):
        logins = hub.plugins["p1"].logins
        hub.cut()
        await hub.wait_until(lambda before=logins: hub.plugins["p1"].logins > before)
    await asyncio.gather(*sending)
    for session, _ in jobs:
        await arrived(hub, session)
    assert hub.protocol_errors == []  # two different answers would be one
    await confirmed(way)


async def test_while_the_hub_is_away_it_waits(hub, way, run, until):
    session, job = await run()
    await hub.pause()
    await until(lambda: not way.listener.connected)
    sending = spawn(way.delivery.send(job, protocol.success(job, ANSWER)), name="send")
    await until(lambda: way.delivery.waiting == 1)
    assert await way.pending() == [job.id]
    assert not sending.done()
    await hub.resume()
    await sending
    await arrived(hub, session)


async def test_a_clean_close_confirms_without_pings(hub, way, run):
    session, job = await run()
    await way.delivery.send(job, protocol.success(job, ANSWER))
    await way.stop()
    assert await way.pending() == []
    await arrived(hub, session)


async def test_another_start_of_the_app_sends_what_was_left(hub, make_way, run, until):
    first = make_way()
    first.listener.start()
    await hub.wait_online("p1")
    session, job = await run()
    session2, job2 = await run("S2")
    await hub.pause()
    await until(lambda: not first.listener.connected)
    event = protocol.success(job, ANSWER)
    sending = [
        spawn(first.delivery.send(job, event), name="send"),
        spawn(first.delivery.send(job2, protocol.failure(job2)), name="send"),
    ]
    await leaves(first, 2)
    await first.stop()
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    await hub.resume()
    second = make_way()
    assert await second.delivery.restore() == {job.id, job2.id}
    second.listener.start()
    await arrived(hub, session)
    await arrived(hub, session2)
    assert session.responses == [event]
    assert session2.responses == [protocol.failure(job2)]
    assert second.restored == [(job.id, False), (job2.id, True)]
    await confirmed(second)


async def test_what_cannot_be_read_any_more_keeps_nothing_up(way):
    row = OutboxRow("x", way.delivery._profile_id, "S", "socket", "{broken", 1.0)
    await way.outbox.put(row)
    await way.outbox.put(replace(row, job_id="y", body_json="[1]"))
    assert await way.delivery.restore() == set()
    await confirmed(way)
    assert sorted(await way.outbox.set_aside_ids(way.delivery._profile_id)) == ["x", "y"]


async def test_larger_than_the_hub_takes(hub, way, run):
    session, job = await run()
    answer = {**ANSWER, "objects": [{"title": "x" * 100, "point": [1, 2]}] * 20_000}
    with pytest.raises(DeliveryError, match=r"2\.\d MB, more than the 1\.0 MB") as caught:
        await way.delivery.send(job, protocol.success(job, answer))
    assert "confidence" in caught.value.remedy
    await way.delivery.send(job, protocol.failure(job))
    await arrived(hub, session)
    assert session.responses == [protocol.failure(job)]
    assert hub.plugins["p1"].logins == 1
    await confirmed(way)


async def test_just_small_enough(hub, way, run):
    session, job = await run()
    event = protocol.success(job, "")
    room = 1_000_000 - len(json.dumps(event, separators=(",", ":"))) - outgoing.FRAME_BYTES
    await way.delivery.send(job, protocol.success(job, "x" * room))
    await arrived(hub, session)
    with pytest.raises(DeliveryError):
        await way.delivery.send(job, protocol.success(job, "x" * (room + 1)))
    assert hub.plugins["p1"].logins == 1


async def test_too_large_and_left_from_an_earlier_run(hub, make_way, run):
    first = make_way()
    first.listener.start()
    await hub.wait_online("p1")
    session, job = await run()
    first.delivery.keep(job, protocol.success(job, "x" * 2_000_000))
    await first.stop()
    second = make_way()
    await second.delivery.restore()
    second.listener.start()
    await arrived(hub, session)
    assert session.responses == [protocol.failure(job)]
    assert second.restored == [(job.id, True)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
async def test_what_has_no_json_form(way, run, value):
    _, job = await run()
    with pytest.raises(DeliveryError, match="JSON"):
        await way.delivery.send(job, protocol.success(job, {"data": value}))
    assert await way.pending() == []


async def test_an_answer_that_always_costs_the_connection_becomes_an_error(hub, way, run, monkeypatch):
    """And what comes behind it gets through."""
    monkeypatch.setattr(suspects, "HOLD_S", 0.2)
    monkeypatch.setattr(suspects, "WATCH_S", 0.2)
    session, job = await run("poison")
    other, job2 = await run("other")
    real = hub._sessions.response

    def response(payload: Any, plugin_id: str) -> bool:
        if payload.get("session") == "poison" and "response" in payload:
            hub.cut()
            return False
        return real(payload, plugin_id)

    monkeypatch.setattr(hub._sessions, "response", response)
    await way.delivery.send(job, protocol.success(job, ANSWER))
    sending = spawn(way.delivery.send(job2, protocol.success(job2, ANSWER)), name="send")
    await arrived(hub, session)
    assert session.responses[0] == protocol.failure(job)
    await sending
    await arrived(hub, other)
    assert other.responses[0] == protocol.success(job2, ANSWER)
    assert hub.protocol_errors == []
    assert [(job_id, session) for job_id, session, _ in way.given_up] == [(job.id, "poison")]
    assert "3 times in a row" in way.given_up[0][2]
    # The error stands on disk too: whatever happens now, the answer itself is never sent again.
    assert json.loads((await way.outbox.get(job.id)).body_json) == protocol.failure(job)


# Log lines


def line_of(job: Job, text: str, **extra: Any) -> dict[str, Any]:
    return protocol.log_line(job, "p1", Level.INFO, text, extra)


async def test_lines_and_responses_keep_their_order(hub, way, run):
    session, job = await run()
    for number in range(100):
        way.delivery.log(line_of(job, f"{number}"))
    await way.delivery.send(job, protocol.success(job, ANSWER))
    way.delivery.log(line_of(job, "after"))
    await hub.wait_until(lambda: len(session.logs) == 101)
    assert [line.message for line in session.logs] == [*(str(number) for number in range(100)), "after"]
    kinds = [event.kind for event in hub.events if event.kind in (EventKind.LOG, EventKind.RESPONSE)]
    assert kinds == [*[EventKind.LOG] * 100, EventKind.RESPONSE, EventKind.LOG]


async def test_while_the_hub_is_away_the_latest_lines_are_kept(hub, way, run, until, monkeypatch):
    monkeypatch.setattr(delivery_module, "KEPT_LOG_LINES", 10)
    session, job = await run()
    await hub.pause()
    await until(lambda: not way.listener.connected)
    for number in range(25):
        way.delivery.log(line_of(job, f"{number}"))
        if number == 5:
            sending = spawn(way.delivery.send(job, protocol.success(job, ANSWER)), name="send")
            await asyncio.sleep(0)
    await hub.resume()
    await sending
    await hub.wait_until(lambda: len(session.logs) >= 10)
    assert [line.message for line in session.logs] == [str(number) for number in range(15, 25)]
    assert way.delivery._log_lines == 0


async def test_a_line_that_is_too_long_is_cut(hub, way, run):
    session, job = await run()
    way.delivery.log(line_of(job, "y" * 3_000_000, picture="z" * 3_000_000))
    way.delivery.log(line_of(job, "next"))
    await hub.wait_until(lambda: len(session.logs) == 2)
    assert session.logs[0].message.startswith("yyy")
    assert session.logs[0].message.endswith("…")
    assert "picture" not in session.logs[0].fields
    assert hub.plugins["p1"].logins == 1


async def test_a_line_with_more_than_json_loses_only_that(hub, way, run):
    session, job = await run()
    way.delivery.log(line_of(job, "score", score=float("nan")))
    way.delivery.log(line_of(job, "fine", score=0.5))
    await hub.wait_until(lambda: len(session.logs) == 2)
    assert session.logs[0].message == "score"
    assert session.logs[1].fields["score"] == 0.5
    assert hub.protocol_errors == []


# Again


async def test_an_answer_of_this_run_is_repeated_as_it_was(hub, way, run):
    session, job = await run()
    event = protocol.success(job, {**ANSWER, "data": "https://x/?sig=abc"})
    await way.delivery.send(job, event)
    await arrived(hub, session)
    assert way.delivery.again(job.id)
    await arrived(hub, session, 2)
    assert session.responses == [event, event]
    assert not way.delivery.again("unknown")


async def test_an_answer_is_written_as_json_once(hub, way, run, monkeypatch):
    """A large one takes long, and nothing else runs meanwhile."""
    written = 0
    dumps = outgoing.dumps

    def counting(value: Any) -> str:
        nonlocal written
        written += 1
        return dumps(value)

    monkeypatch.setattr(outgoing, "dumps", counting)
    session, job = await run()
    event = protocol.success(
        job, {**ANSWER, "text": 'quoted " and \\ and ä and \U0001f600', "number": 1e300, "none": None}
    )
    await way.delivery.send(job, event)
    await arrived(hub, session)
    assert written == 1
    assert session.responses == [event]
    assert way.delivery.again(job.id)
    await arrived(hub, session, 2)
    assert session.responses == [event, event]


async def test_the_memory_of_answers_is_bounded(hub, way, run, monkeypatch):
    beside = 2 * delivery_module.KEPT_ANSWER_BYTES
    monkeypatch.setattr(delivery_module, "KEPT_ANSWERS_BYTES", 1000 + beside)
    jobs = [await run(f"S{number}") for number in range(5)]
    for _, job in jobs:
        await way.delivery.send(job, protocol.success(job, secrets.token_hex(400)))
    assert [way.delivery.again(job.id) for _, job in jobs] == [False, False, False, True, True]


async def test_small_answers_count_with_what_keeping_them_takes(hub, way, run, monkeypatch):
    monkeypatch.setattr(delivery_module, "KEPT_ANSWERS_BYTES", 3 * delivery_module.KEPT_ANSWER_BYTES)
    jobs = [await run(f"S{number}") for number in range(4)]
    for _, job in jobs:
        await way.delivery.send(job, protocol.failure(job))
    assert [way.delivery.again(job.id) for _, job in jobs] == [False, False, True, True]


# Over HTTP


def built(answer: dict[str, Any] | None = None) -> Built:
    answer = answer or ANSWER
    body = {"answer": answer, "brushDataUrl": None, "medicalBrushDataUrl": None, "duration": 0}
    return Built(answer, answer, body)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotating, "backoff", lambda *_, **__: iter([0.01] * 1000))
    monkeypatch.setattr("desktop_app.hub.client.backoff", lambda *_, **__: iter([0.01] * 1000))


@pytest.fixture
async def workflow(hub) -> tuple[Any, Job]:
    """A workflow session and its job; the delivery's own listener must be online."""
    session = await hub.run_plugin("p1", workflow=True)
    return session, protocol.parse_job(session.job, "profile")


async def test_a_workflows_answer(hub, way, workflow, quick):
    session, job = workflow
    await way.delivery.annotate(job, built())
    assert [annotation.body for annotation in session.annotations] == [built().body]
    assert session.responses == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_it_is_tried_until_the_hub_has_decided(hub, way, workflow, quick, status):
    session, job = workflow
    hub.faults.fail_http("/v2/annotate/", times=9, status=status)
    await way.delivery.annotate(job, built())
    assert len(session.annotations) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_is_final(hub, way, workflow, quick, status):
    session, job = workflow
    hub.faults.fail_http("/v2/annotate/", times=None, status=status)
    with pytest.raises(DeliveryError, match=str(status)):
        await way.delivery.annotate(job, built())
    calls = [call for call in hub.http_calls if "/annotate/" in call.data["path"]]
    assert len(calls) == 1
    assert session.annotations == []


async def test_a_page_in_between_is_no_answer(hub, way, workflow, quick):
    session, job = workflow
    hub.faults.fail_http("/v2/annotate/", times=2, status=200, body="<html>Log in to this network</html>")
    await way.delivery.annotate(job, built())
    assert len(session.annotations) == 1


async def test_when_nobody_knows_whether_it_arrived_the_task_is_read(hub, way, workflow, quick, monkeypatch):
    session, job = workflow
    real = way.client.annotate
    calls = 0

    async def lose_the_reply(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        await real(*arguments, **options)
        raise HubUnreachable("The connection to the hub failed")

    monkeypatch.setattr(way.client, "annotate", lose_the_reply)
    await way.delivery.annotate(job, built())
    assert calls == 1
    assert len(session.annotations) == 1


async def test_it_is_on_disk_before_it_is_handed_in_and_leaves_afterwards(hub, way, workflow, quick, monkeypatch):
    _, job = workflow
    real = way.client.annotate
    seen = []

    async def look_first(*arguments: Any, **options: Any) -> None:
        seen.extend(await way.outbox.pending())
        await real(*arguments, **options)

    monkeypatch.setattr(way.client, "annotate", look_first)
    await way.delivery.annotate(job, built())
    assert [(row.channel, row.job_id, row.attempts) for row in seen] == [("http", job.id, 1)]
    assert job.api_key not in seen[0].body_json
    await confirmed(way)


async def test_while_the_task_cannot_be_read_nothing_is_repeated(hub, way, workflow, quick, monkeypatch):
    session, job = workflow
    real = way.client.annotate
    calls = 0

    async def lose_the_reply(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        await real(*arguments, **options)
        hub.faults.fail_http("/v2/task/", times=9, status=503)
        raise HubUnreachable("The hub did not answer in time")

    monkeypatch.setattr(way.client, "annotate", lose_the_reply)
    await way.delivery.annotate(job, built())
    assert (calls, len(session.annotations)) == (1, 1)
    reads = [call for call in hub.http_calls if "/v2/task/" in call.data["path"]]
    assert len(reads) == 10


SIGNED = {"schemaId": "s", "answer": "http://files.example/a.png?X-Amz-Signature=abc", "metadata": {"n": 1}}


@pytest.mark.parametrize(
    ("there", "key", "says"),
    [
        (True, "own", ""),
        (False, "own", "the task does not hold it"),
        (True, None, "nobody can tell"),
        (True, "not let in", "nobody can tell"),
        (True, "slow hub", ""),
    ],
)
async def test_a_workflows_answer_that_an_earlier_run_left(hub, way, make_way, workflow, quick, there, key, says):
    """The job's API key is gone with that run. With one of its own the profile can look whether the answer got there,
    and says nothing before it knows; it never hands it in under another name."""
    first = way
    session, job = workflow
    real = first.client.annotate
    tried = asyncio.Event()

    async def lose_the_reply(*arguments: Any, **options: Any) -> None:
        if there:
            await real(*arguments, **options)
        tried.set()
        await asyncio.Event().wait()

    first.client.annotate = lose_the_reply
    answer = {**ANSWER, "classifications": [SIGNED]}
    task = spawn(first.delivery.annotate(job, built(answer)), name="annotate")
    await tried.wait()
    task.cancel()
    await first.stop()

    second = make_way()
    assert await second.delivery.restore() == {job.id}
    second.listener.start()
    await hub.wait_until(lambda: hub.plugins["p1"].logins == 2)
    assert second.delivery.again(job.id)  # the hub sends it again: there is nothing to say yet
    assert second.delivery.idle
    if key == "not let in":
        hub.faults.fail_http("/v2/task/", times=None, status=403)
    elif key == "slow hub":
        hub.faults.fail_http("/v2/task/", times=9, status=503)

    async def own_key() -> str | None:
        return key and session.api_key

    await settle(list(second.delivery.unsettled), second.delivery, second.client, own_key)
    if says:
        await arrived(hub, session)
    assert session.responses == ([protocol.failure(job)] if says else [])
    assert len(session.annotations) == there
    assert second.restored == [(job.id, bool(says))]
    assert [says in why for _, _, why in second.given_up] == ([True] if says else [])
    assert not second.delivery.unsettled
    await confirmed(second)


async def test_an_error_takes_the_place_of_a_refused_answer(hub, way, workflow, quick):
    _, job = workflow
    hub.faults.fail_http("/v2/annotate/", times=None, status=404)
    with pytest.raises(DeliveryError):
        await way.delivery.annotate(job, built())
    way.delivery.keep(job, protocol.failure(job))
    [row] = await way.outbox.pending()
    assert (row.channel, json.loads(row.body_json)) == ("socket", protocol.failure(job))


@pytest.mark.parametrize("lacking", ["taskId", "apiKey"])
async def test_what_the_call_needs(way, hub, lacking):
    payload = {"session": "S", "taskId": "T", "apiKey": "K", "workflow": True, lacking: None}
    with pytest.raises(DeliveryError, match=lacking):
        await way.delivery.annotate(protocol.parse_job(payload, "p"), built())
    assert of_kind(hub.events, EventKind.HTTP) == []
