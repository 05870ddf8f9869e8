"""The hub's HTTP API: the right calls, patience where nothing was done, refusals in words."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from desktop_app.core.errors import HubError, HubRefused, HubUnreachable
from desktop_app.hub import client as client_module
from desktop_app.hub.client import HubClient
from desktop_app.hub.demo.server import DemoHub

OK = {"status": "success", "data": {"task": {"_id": "T", "answer": {"tools": []}}}}


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, taken without waiting."""
    asked: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        await real(0)

    monkeypatch.setattr(client_module.asyncio, "sleep", sleep)
    return asked


class Server:
    """Answers in turn what it was told; the last answer stays."""

    def __init__(self) -> None:
        self.answers: list[Callable[[web.Request], Any]] = []
        self.calls: list[web.Request] = []
        self.bodies: list[Any] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(request)
        text = await request.text()
        self.bodies.append(json.loads(text) if text else None)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)  # type: ignore[no-any-return]

    def says(self, *answers: Any) -> None:
        self.answers = [answer if callable(answer) else reply(*answer) for answer in answers]


def reply(status: int, content: Any = None, **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        if isinstance(content, str):
            return web.Response(status=status, text=content, content_type="text/html", headers=headers)
        return web.json_response(content, status=status, headers=headers)

    return answer


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.fixture
async def server(serve) -> Server:
    made = Server()
    made.url = await serve(made.handle)
    return made


@pytest.fixture
async def client(server: Server) -> AsyncIterator[HubClient]:
    async with HubClient(server.url) as made:
        yield made


# On the demo hub


@pytest.fixture
async def whole_hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    async with DemoHub(assets_dir=folder) as running:
        yield running


async def test_an_asset_by_its_id(whole_hub):
    async with HubClient(whole_hub.url) as client:
        asset = whole_hub.assets[0]
        found = await client.asset(whole_hub.api_key, whole_hub.project.id, asset.id)
        assert found["_id"] == asset.id
        assert found["externalId"] == "a.png"
        assert found["data"].startswith(whole_hub.url)
        with pytest.raises(HubRefused, match="no such asset") as caught:
            await client.asset(whole_hub.api_key, whole_hub.project.id, "0" * 24)
        assert caught.value.status == 404


async def test_project_task_and_annotate(whole_hub):
    task = next(iter(whole_hub.tasks.values()))
    async with HubClient(whole_hub.url) as client:
        project = await client.project(whole_hub.api_key, whole_hub.project.id)
        assert project["_id"] == whole_hub.project.id
        answer = {"objects": [{"title": "bolt", "point": [1, 2]}], "classifications": [], "relations": []}
        body = {"answer": answer, "brushDataUrl": None, "medicalBrushDataUrl": None, "duration": 0}
        await client.annotate(whole_hub.api_key, task.id, body)
        found = await client.task(whole_hub.api_key, task.id)
        assert found["answer"]["tools"] == answer["objects"]
    assert task.annotations[0].query == {"nextStage": "true", "isPlugin": "true"}
    assert whole_hub.protocol_errors == []


async def test_a_wrong_key_is_named(whole_hub):
    async with HubClient(whole_hub.url) as client:
        with pytest.raises(HubRefused) as caught:
            await client.project("wrong-key", whole_hub.project.id)
    assert caught.value.status in (401, 403)
    assert "API key" in caught.value.remedy
    assert "wrong-key" not in str(caught.value)


# Tries


async def test_cookies_are_not_kept(server, client):
    """Found by the fuzz test: one that is not ASCII broke every call after it."""
    server.says(reply(200, OK, **{"Set-Cookie": "a=bó"}))
    for _ in range(2):
        assert (await client.task("k", "T"))["_id"] == "T"
    assert "Cookie" not in server.calls[1].headers


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_reading_is_tried_again(server, client, status):
    server.says((status, "<html>busy</html>"), (status, "<html>busy</html>"), (200, OK))
    assert (await client.task("k", "T"))["_id"] == "T"
    assert len(server.calls) == 3


@pytest.mark.parametrize(("status", "tries"), [(429, 4), (503, 4), (502, 1), (504, 1), (500, 1), (400, 1), (404, 1)])
async def test_writing_is_tried_again_only_where_nothing_was_done(server, client, status, tries):
    server.says((status, "<html>no</html>"))
    with pytest.raises(HubRefused, match=str(status)) as caught:
        await client.annotate("k", "T", {"answer": {}})
    assert caught.value.status == status
    assert len(server.calls) == tries


async def test_a_lost_connection_is_tried_again_for_reading_only(server, client):
    server.says(cut, cut, (200, OK))
    assert (await client.task("k", "T"))["_id"] == "T"
    server.says(cut)
    before = len(server.calls)
    with pytest.raises(HubUnreachable, match="failed"):
        await client.annotate("k", "T", {"answer": {}})
    assert len(server.calls) == before + 1


async def test_nobody_there(unused_tcp_port, waits):
    async with HubClient(f"http://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(HubUnreachable):
            await client.annotate("k", "T", {})
    assert len(waits) == 3


async def test_a_hub_that_never_answers(server, client, monkeypatch):
    async def silence(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    server.says(silence)
    monkeypatch.setattr(client_module, "CALL_LIMIT_S", 0.2)
    with pytest.raises(HubUnreachable, match="did not answer in time"):
        await client.annotate("k", "T", {})
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [("7", 7, 7), ("0", 0, 0.5), ("900", 60, 60), ("-3", 0, 0.5), ("nan", 0, 0.5), ("soon", 0, 0.5), ("inf", 60, 60)],
)
async def test_retry_after(server, client, waits, told, least, most):
    server.says(reply(429, "x", **{"Retry-After": told}), (200, OK))
    await client.task("k", "T")
    assert least <= waits[0] <= most


async def test_retry_after_as_a_date(server, client, waits):
    server.says(reply(503, "x", **{"Retry-After": formatdate(time.time() + 30, usegmt=True)}), (200, OK))
    await client.task("k", "T")
    assert 25 <= waits[0] <= 31


# Answers


@pytest.mark.parametrize("text", ["<html>Log in to this network</html>", "", "[" * 100_000, "{"])
async def test_an_answer_that_is_no_json(server, client, text):
    server.says((200, text))
    with pytest.raises(HubError, match="not JSON"):
        await client.task("k", "T")


@pytest.mark.parametrize("content", [None, 5, [], "x", {"data": None}, {"data": []}, {"data": {"task": 3}}])
async def test_an_answer_of_another_form_is_empty(server, client, content):
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(content)

    server.says(answer)
    assert not (await client.task("k", "T")).get("answer")
    with pytest.raises(HubRefused, match="no such asset"):
        await client.asset("k", "P", "A")


async def test_a_redirect_is_not_followed_with_the_key(server, client, serve):
    seen: list[str] = []

    async def thief(request: web.Request) -> web.Response:
        seen.append(request.headers.get("apikey", ""))
        return web.json_response({})

    elsewhere = await serve(thief)
    server.says(reply(302, "x", Location=f"{elsewhere}/v2/task/T"))
    with pytest.raises(HubRefused, match="302"):
        await client.task("very-secret-key", "T")
    assert seen == []


# What comes from a job


def hostile() -> Iterator[tuple[str, str]]:
    yield "../../admin", "/v2/task/..%2F..%2Fadmin"
    yield "..", "/v2/task/%2E%2E"
    yield ".", "/v2/task/%2E"
    yield "a?b#c", "/v2/task/a%3Fb%23c"
    yield "\ud800", "/v2/task/%3F"
    yield "ä b", "/v2/task/%C3%A4%20b"


@pytest.mark.parametrize(("task_id", "path"), list(hostile()))
async def test_an_id_stays_one_part_of_the_path(server, client, task_id, path):
    server.says((200, OK))
    await client.task("k", task_id)
    assert server.calls[0].raw_path.partition("?")[0] == path


@pytest.mark.parametrize("key", ["ключ", "a\nb", "a\r\nHost: evil", "\x00", "\ud800", " ", " key", "key "])
async def test_a_key_that_cannot_be_sent_is_refused(server, client, key):
    server.says((200, OK))
    with pytest.raises(HubRefused, match="API key") as caught:
        await client.task(key, "T")
    assert caught.value.status == 401
    assert server.calls == []


async def test_the_key_travels_in_its_header_only(server, client):
    server.says((200, OK))
    await client.annotate("very-secret-key", "T", {"answer": {}, "duration": 0}, is_plugin=False)
    call = server.calls[0]
    assert call.headers["apikey"] == "very-secret-key"
    assert call.raw_path == "/v2/annotate/T?nextStage=true"
    assert server.bodies == [{"answer": {}, "duration": 0}]


async def test_it_can_be_used_again_after_closing(server):
    server.says((200, OK))
    client = HubClient(server.url)
    await client.task("k", "T")
    await client.close()
    await client.close()
    await client.task("k", "T")
    await client.close()
