"""The REST connector's server: who may call, what is a job, who gets which answer."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from desktop_app.core import aio
from desktop_app.core.errors import HubError, SecretError, UsageError
from desktop_app.core.events import ProfileState
from desktop_app.core.profile import Profile
from desktop_app.hub import rest
from desktop_app.hub.client import HubClient
from desktop_app.hub.listener import Link
from desktop_app.hub.rest import RestConnector, RestServer
from desktop_app.hub.rest_port import Port

SECRET = "sécret-of-the-plugin"
OWN = {"Secret": SECRET}
JOB = {"session": "S1", "apiKey": "k"}


class Bench:
    """A server with a connector behind it; `jobs` are what it handed on."""

    def __init__(self, profile: Profile) -> None:
        self.server = RestServer(port=0)
        self.client = HubClient("http://127.0.0.1:1")
        self.jobs: list[Any] = []
        self.links: list[Link] = []
        self.why_not = ""
        self.secret: str | None = SECRET
        self.arrived = asyncio.Event()
        self.connector = RestConnector(
            self.server,
            profile,
            self._secret,
            self.client,
            on_job=self._job,
            on_link=self.links.append,
            refusal=lambda: self.why_not,
        )

    async def _secret(self) -> str:
        if self.secret is None:
            raise SecretError("There is no secret")
        return self.secret

    def _job(self, payload: Any) -> None:
        self.jobs.append(payload)
        self.arrived.set()

    async def online(self, until: Callable[..., Awaitable[Any]]) -> None:
        self.connector.start()
        await until(lambda: self.connector.connected)


@pytest.fixture
async def bench(make_profile: Callable[..., Profile]) -> AsyncIterator[Bench]:
    made = Bench(make_profile("http://127.0.0.1:1"))
    await made.server.open()
    yield made
    await made.connector.stop()
    await made.server.close()
    await made.client.close()


@pytest.fixture
async def http(bench: Bench) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(bench.server.url, timeout=aiohttp.ClientTimeout(30)) as session:
        yield session


async def test_nobody_is_served_before_the_model_is_there(
    bench: Bench, http: aiohttp.ClientSession, until: Any
) -> None:
    for call in (http.get("/heartbeat", headers=OWN), http.post("/plugin", headers=OWN, json=JOB)):
        async with call as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
            assert await answer.json() == {"detail": "The plugin is not ready yet."}
    await bench.online(until)
    async with http.get("/heartbeat", headers=OWN) as answer:
        assert (answer.status, await answer.text()) == (200, '"ok"')
    bench.why_not = "The model does not run."
    async with http.get("/heartbeat", headers=OWN) as answer:
        assert (answer.status, await answer.json()) == (503, {"detail": "The model does not run."})
    assert bench.links == [Link(ProfileState.ONLINE, f"the hub may call {bench.server.url}")]


async def test_only_the_secret_opens(
    bench: Bench, http: aiohttp.ClientSession, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.online(until)
    wrong = ["", "wrong", SECRET[:-1], SECRET + " x", SECRET.upper(), "\x80", "x" * 7000]
    for headers in [{}, *({"Secret": text} for text in wrong)]:
        for call in (http.get("/heartbeat", headers=headers), http.post("/plugin", headers=headers, json=JOB)):
            async with call as answer:
                assert answer.status == 401, headers
                assert await answer.json() == {"detail": "Unauthorized"}
    assert bench.jobs == []
    assert [record.message for record in caplog.records if "did not carry" in record.message] == [
        "Vehicles: a call from 127.0.0.1 did not carry the plugin's secret"
    ]
    assert SECRET not in caplog.text


async def test_an_empty_secret_opens_to_nobody(bench: Bench, http: aiohttp.ClientSession, until: Any) -> None:
    bench.secret = None
    bench.connector.start()
    await until(lambda: bench.connector.link.state is ProfileState.NO_SECRET)
    async with http.get("/heartbeat", headers={"Secret": ""}) as answer:
        assert answer.status == 503
        said = (await answer.json())["detail"]
        assert "no secret" in said
        assert "log says where to set it" in said
    bench.secret = SECRET
    bench.connector.reconnect_now()
    await until(lambda: bench.connector.connected)
    assert not bench.connector.is_secret("")


async def test_what_is_no_job_is_refused_in_words(
    bench: Bench, http: aiohttp.ClientSession, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.online(until)
    deep = "[" * 100_000 + "]" * 100_000
    for body in (b"", b"{", b"\xff\xfe", b"[]", b"1", b"{}", b'{"session": ""}', deep.encode()):
        async with http.post("/plugin", headers=OWN, data=body) as answer:
            assert (answer.status, answer.content_type) == (422, "application/json"), body[:20]
            assert (await answer.json())["detail"]
    for method, path, status in (("GET", "/plugin", 405), ("POST", "/heartbeat", 405), ("GET", "/etc/passwd", 404)):
        async with http.request(method, path, headers=OWN) as answer:
            assert answer.status == status
            assert "POST /plugin" in (await answer.json())["detail"]
    bench.server._port._app._client_max_size = 1000
    async with http.post("/plugin", headers=OWN, data=b"x" * 500_000) as answer:
        assert answer.status == 413
        assert await answer.json() == {"detail": "A job has at most 64 MB."}
    monkeypatch.setattr(rest, "BODY_LIMIT_S", 0.05)
    never = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"session":'
        await never.wait()

    task = aio.spawn(_status(http, slow()), name="slow body")
    assert await asyncio.wait_for(task, 30) == 408
    never.set()
    assert bench.jobs == []


async def _status(http: aiohttp.ClientSession, body: Any) -> int:
    async with http.post("/plugin", headers=OWN, data=body) as answer:
        return answer.status


async def _post(http: aiohttp.ClientSession, job: Any) -> tuple[int, Any]:
    async with http.post("/plugin", headers=OWN, json=job) as answer:
        return answer.status, await answer.json()


async def test_all_calls_of_a_session_get_the_one_answer(
    bench: Bench, http: aiohttp.ClientSession, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.online(until)
    monkeypatch.setattr(rest, "LARGE_BODY", 100)
    job = JOB | {"session": 17, "large": "x" * 10_000}
    calls = [aio.spawn(_post(http, job), name=f"call {number}") for number in range(3)]
    await until(lambda: len(bench.jobs) == 3)
    assert bench.jobs == [job] * 3
    event = {"response": {"objects": []}, "session": 17}
    assert await bench.connector.answer("17", event)
    assert await asyncio.gather(*calls) == [(200, event)] * 3
    # And those that come later, without the job being handed on.
    assert await _post(http, job) == (200, event)
    assert len(bench.jobs) == 3


async def test_a_failed_job_is_a_500_with_the_error_response(
    bench: Bench, http: aiohttp.ClientSession, until: Any
) -> None:
    await bench.online(until)
    call = aio.spawn(_post(http, JOB), name="call")
    await bench.arrived.wait()
    error = {"error": True, "session": "S1"}
    assert await bench.connector.answer("S1", error, failed=True)
    assert await call == (500, error)


async def test_a_caller_that_left_has_taken_nothing(bench: Bench, http: aiohttp.ClientSession, until: Any) -> None:
    await bench.online(until)
    event = {"response": "late", "session": "S1"}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_post(http, JOB), 1.0)
    await bench.arrived.wait()
    assert not await bench.connector.answer("S1", event)
    assert not bench.connector.was_taken("S1")
    # It is there for who asks again.
    assert await _post(http, JOB) == (200, event)
    assert bench.connector.was_taken("S1")
    assert len(bench.jobs) == 1


async def test_open_calls_hear_of_the_end(bench: Bench, http: aiohttp.ClientSession, until: Any) -> None:
    await bench.online(until)
    call = aio.spawn(_post(http, JOB), name="call")
    await bench.arrived.wait()
    assert await bench.connector.stop()
    assert await call == (503, {"detail": "Plugdeck is being closed."})
    assert bench.links[-1] == Link(ProfileState.STOPPED)


async def test_a_port_that_cannot_be_had_is_one_clear_sentence(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    port = int(bench.server.url.rpartition(":")[2])
    with pytest.raises(HubError) as taken:
        await RestServer(port=port).open()
    assert str(taken.value) == (f"Another program listens on this port (127.0.0.1:{port}). Choose another with --port.")
    for address in ("no.such.host.invalid", "203.0.113.7", "\ud800", "a" * 300):
        with pytest.raises(UsageError, match="--bind"):
            await RestServer(address, 0).open()
    assert caplog.records == []


async def test_listening_beyond_this_machine_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        port = Port(aiohttp.web.Application(), "0.0.0.0", 0)
        await port.open()
        await port.close()
    assert "other machines can reach it" in caplog.text
    caplog.clear()
    if socket.has_ipv6:
        six = Port(aiohttp.web.Application(), "::1", 0)
        try:
            await six.open()
        except (HubError, UsageError):
            return  # the machine has none
        assert six.url.startswith("http://[::1]:")
        await six.close()
        assert caplog.text == ""
