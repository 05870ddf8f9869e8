"""Jobs that come over REST: the same line, the same history and outbox, and an answer that gets there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from desktop_app.core import aio
from desktop_app.core.job import JobState
from desktop_app.core.prediction import Prediction
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import EventKind
from desktop_app.hub.rest import RestServer
from desktop_app.jobs.service import ProfileService

OWN = {"Secret": "s1"}


class Rest:
    """A line behind a port, and somebody who calls it."""

    def __init__(self, line: Any, hub: DemoHub, server: RestServer, http: aiohttp.ClientSession) -> None:
        self.line, self.hub, self.server, self.http = line, hub, server, http

    def renew(self) -> None:
        """As after a start of the app."""
        self.line.service = ProfileService(self.line.profile, self.line.shared, self.server)

    async def online(self, until: Any) -> None:
        self.line.service.start()
        await until(lambda: self.line.state == "online")

    async def post(self, job: Any) -> tuple[int, Any]:
        async with self.http.post(f"{self.server.url}/plugin", headers=OWN, json=job) as answer:
            return answer.status, await answer.json()

    def calls(self, path: str) -> list[Any]:
        return [event.data["body"] for event in self.hub.http_calls if event.data["path"] == path]


@pytest.fixture
async def rest(
    hub: DemoHub, make_line: Callable[..., Any], callback_profile: Callable[..., Any], until: Any
) -> AsyncIterator[Rest]:
    server = RestServer(port=0)
    await server.open()
    line = make_line(callback_profile(hub.url, allow_private_assets=True))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as http:
        made = Rest(line, hub, server, http)
        made.renew()
        await made.online(until)
        yield made
    await line.service.stop(0.0)
    await server.close()


def text(job: Any) -> Prediction:
    return Prediction(returned="done", kind="batch")


async def test_an_answer_whose_call_was_given_up_goes_by_a_call_of_ours(rest: Rest, until: Any) -> None:
    rest.line.runner.answer = text
    rest.line.runner.gate = asyncio.Event()
    session = await rest.hub.run_plugin("p1", send=False)
    call = aio.spawn(rest.post(session.job), name="call")
    await until(lambda: rest.line.runner.seen)
    await aio.cancel_and_wait(call)
    rest.line.runner.gate.set()
    await session.wait(60)
    assert session.responses == [{"response": "done", "session": session.id}]
    assert rest.calls("/v2/pluginResponse") == session.responses
    assert (await rest.line.terminal(session.id)).state is JobState.DELIVERED
    assert "looking at it" in [line.message for line in session.logs]
    assert rest.hub.protocol_errors == []
    # Who asks again gets the same.
    assert await rest.post(session.job) == (200, session.responses[0])
    assert len(rest.line.runner.seen) == 1


async def test_a_hub_that_takes_it_in_no_way_is_told_of_as_a_failure(rest: Rest, until: Any) -> None:
    rest.line.runner.answer = text
    rest.line.runner.gate = asyncio.Event()
    session = await rest.hub.run_plugin("p1", send=False)
    call = aio.spawn(rest.post(session.job | {"apiKey": None}), name="call")
    await until(lambda: rest.line.runner.seen)
    await aio.cancel_and_wait(call)
    rest.line.runner.gate.set()
    record = await rest.line.terminal(session.id)
    assert record.state is JobState.FAILED
    assert "The hub gave its call up before the answer was there" in record.error
    # It is recorded first, and then the error takes the answer's place.
    await until(lambda: rest.line.service.pending() == (0, 0))
    assert await rest.post(session.job) == (500, {"error": True, "session": session.id})


async def test_an_export_is_reported_by_a_call_of_ours_as_published_clients_do(
    rest: Rest, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest.line.service, "info", {"kind": "export"})
    rest.line.runner.answer = lambda _: Prediction(returned="https://stored/file", kind="export")
    session = await rest.hub.run_plugin("p1", asset=None, send=False)
    assert await rest.post(session.job) == (200, None)
    assert session.responses == [{"export": True, "response": "https://stored/file", "session": session.id}]


@pytest.mark.parametrize("signed", [True, False])
async def test_what_is_cut_off_by_the_end_hears_of_it(rest: Rest, until: Any, signed: bool) -> None:
    rest.line.runner.gate = asyncio.Event()
    plain = {} if signed else {"dataURL": f"{rest.hub.url}/files/assets/a.png"}
    session = await rest.hub.run_plugin("p1", send=False, extra=plain)
    queued = await rest.hub.run_plugin("p1", send=False, extra=plain)
    calls = [aio.spawn(rest.post(one.job), name="call") for one in (session, queued)]
    await until(lambda: rest.line.runner.seen and len(rest.line.records) >= 3)
    await rest.line.service.stop(0.0)
    assert await asyncio.gather(*calls) == [
        (500, {"error": True, "session": session.id}),
        (500, {"error": True, "session": queued.id}),
    ]
    assert "while this job was in work" in session.logs[-1].message
    assert await rest.line.history.unfinished(rest.line.profile.id) == []


async def test_an_answer_that_an_earlier_run_kept_is_given_when_it_is_asked_for(
    rest: Rest, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.line.runner.answer = text
    session = await rest.hub.run_plugin("p1", send=False)

    async def crash(*_: Any, **__: Any) -> bool:
        raise asyncio.CancelledError

    # As if the process ended between keeping the answer and writing it.
    with monkeypatch.context() as patched:
        patched.setattr(rest.line.service._listener, "answer", crash)
        call = aio.spawn(rest.post(session.job), name="call")
        await until(lambda: rest.line.last(session.id).state is JobState.DELIVERING if rest.line.records else False)
        await until(lambda: not rest.line.service._tasks)
    await rest.line.service.stop(0.0)
    await call
    assert len(await rest.line.outbox.pending()) == 1

    rest.renew()
    await rest.online(until)
    event = {"response": "done", "session": session.id}
    assert await rest.post(session.job) == (200, event)
    assert (await rest.line.terminal(session.id)).state is JobState.DELIVERED
    assert await rest.line.outbox.pending() == []
    assert rest.line.runner.seen == []
    assert not [event for event in rest.hub.events if event.kind is EventKind.PROTOCOL_ERROR]


async def test_what_a_crash_broke_off_has_failed(rest: Rest, until: Any) -> None:
    rest.line.runner.gate = asyncio.Event()
    session = await rest.hub.run_plugin("p1", send=False)
    call = aio.spawn(rest.post(session.job), name="call")
    await until(lambda: rest.line.runner.seen)
    service = rest.line.service
    record = rest.line.last(session.id)
    await aio.cancel_and_wait(call)
    await service.stop(0.0)
    # As a crash leaves it.
    async with aiohttp.ClientSession() as http:
        rest.http = http
        crashed = replace(record, id="crashed", session="S-crashed", state=JobState.RUNNING)
        await rest.line.history.record(crashed)
        rest.renew()
        await rest.online(until)
        assert (await rest.line.terminal("S-crashed")).state is JobState.FAILED
        assert await rest.post({"session": "S-crashed"}) == (500, {"error": True, "session": "S-crashed"})
        assert rest.line.runner.seen == []
