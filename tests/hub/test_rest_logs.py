"""Log lines over HTTP: in order, patiently, and never at the cost of the script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from desktop_app.hub import client as client_module
from desktop_app.hub import rest_logs
from desktop_app.hub.client import HubClient
from desktop_app.hub.rest_logs import SessionLogs


class Hub:
    """Takes lines; `statuses` are what the next calls are answered with."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.keys: list[str | None] = []
        self.statuses: list[int] = []
        self.open = asyncio.Event()
        self.open.set()

    async def handle(self, request: web.Request) -> web.Response:
        await self.open.wait()
        assert (request.method, request.path) == ("POST", "/v2/pluginLog")
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.lines.append(json.loads(await request.text()))
            self.keys.append(request.headers.get("apikey"))
        return web.json_response({"status": "success", "data": {}}, status=status)


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
async def logs(hub: Hub, serve: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SessionLogs]:
    monkeypatch.setattr(client_module, "backoff", lambda *_, **__: iter(lambda: 0.0, None))
    monkeypatch.setattr(rest_logs.aio, "backoff", lambda *_, **__: iter(lambda: 0.0, None))
    client = HubClient(await serve(hub.handle))
    made = SessionLogs(client)
    yield made
    hub.open.set()
    await made.close(30)
    await client.close()


async def test_lines_go_in_order_with_their_sessions_key(hub: Hub, logs: SessionLogs) -> None:
    hub.open.clear()
    logs.begin("A", "key-a")
    logs.begin("B", "key-b")
    logs.begin("C", None)
    for number in range(20):
        logs.add("A", {"session": "A", "msg": number})
    logs.add("B", {"session": "B", "msg": 0})
    logs.add("C", {"session": "C", "msg": "no key"})
    logs.add("unknown", {"session": "unknown", "msg": "no session"})
    hub.open.set()
    await logs.sent("A", 30)
    await logs.sent("B", 30)
    assert [line["msg"] for line in hub.lines if line["session"] == "A"] == list(range(20))
    assert {(line["session"], key) for line, key in zip(hub.lines, hub.keys, strict=True)} == {
        ("A", "key-a"),
        ("B", "key-b"),
    }
    logs.end("A")
    assert logs.api_key("A") is None
    assert logs.api_key("B") == "key-b"


async def test_what_is_no_json_costs_the_extra_data_only(hub: Hub, logs: SessionLogs) -> None:
    logs.begin("A", "k")
    logs.add("A", {"session": "A", "msg": "m", "level": "INFO", "loss": float("nan")})
    await logs.sent("A", 30)
    assert [(line["msg"], line["level"], "loss" in line) for line in hub.lines] == [("m", "INFO", False)]


async def test_a_hub_that_is_away_gets_them_later(hub: Hub, logs: SessionLogs) -> None:
    hub.statuses = [503] * 3
    logs.begin("A", "k")
    logs.add("A", {"msg": 1})
    await logs.sent("A", 30)
    assert hub.lines == [{"msg": 1}]


async def test_a_key_that_is_not_taken_ends_the_sessions_log(
    hub: Hub, logs: SessionLogs, caplog: pytest.LogCaptureFixture
) -> None:
    hub.statuses = [401]
    hub.open.clear()
    logs.begin("A", "k")
    for number in range(5):
        logs.add("A", {"msg": number})
    logs.end("A")
    hub.open.set()
    await logs.sent("A", 30)
    assert hub.lines == []
    assert "5 log lines of session A did not get to the hub" in caplog.text


async def test_a_flood_keeps_the_latest(hub: Hub, logs: SessionLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_logs, "KEPT_LINES", 3)
    hub.open.clear()
    logs.begin("A", "k")
    for number in range(10):
        logs.add("A", {"msg": number})
    hub.open.set()
    await logs.sent("A", 30)
    assert [line["msg"] for line in hub.lines][-3:] == [7, 8, 9]
    assert len(hub.lines) <= 4
