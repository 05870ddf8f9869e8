"""Answers of servers that are broken, lie about lengths, or are no HTTP servers at all."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from desktop_app.core.errors import AssetError, HubError
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.hub import client as hub_client
from desktop_app.hub.client import HubClient
from desktop_app.jobs import assets as job_assets
from desktop_app.jobs.assets import Assets
from desktop_app.jobs.cache import Cache
from tests.fuzz.inputs import ANYTHING, TEXT, Loop, bent, changed, fuzz

ASSETS = {
    "status": "success",
    "data": {"assets": [{"_id": "a", "externalId": "x.jpg", "data": "https://x/y"}], "total": 1},
}
TASK = {"status": "success", "data": {"task": {"_id": "t", "answer": {"tools": [], "classifications": []}}}}
STATUSES = [str(number) for number in (200, 200, 200, 201, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 408)]
STATUSES += ["413", "418", "429", "500", "502", "503", "504"]
STATUSES += ["99", "999", "-1", "abc", "", "200 OK\r\nX: y"]
DATES = ["Wed, 21 Oct 2099 07:28:00 GMT", "yesterday"]
PLACES = ["/", "/again", "//[::1", "http://[", "ftp://x/", "file:///etc/passwd", "http://127.0.0.1:1/", "\x7f", "?", ""]
HEADERS = [
    ("Content-Length", ["0", "5", "99999", "-1", "abc", "1, 1", "18446744073709551616", "5\r\nContent-Length: 6"]),
    ("Transfer-Encoding", ["chunked", "gzip, chunked", "identity", "x"]),
    ("Content-Encoding", ["gzip", "deflate", "br", "zstd", "x", "gzip, gzip"]),
    ("Content-Type", ["application/json", "image/png", "text/html; charset=klingon", "\xff", "a/b;" * 50]),
    ("Retry-After", ["0", "1e9", "-1", "nan", "inf", "\xb2", *DATES]),
    ("Location", PLACES),
    ("ETag", ['"a"', "\xe9", "", 'W/"b"']),
    ("Connection", ["close", "keep-alive", "upgrade"]),
    ("Set-Cookie", ["a=b; expires=never", "=;;="]),
]

header = st.sampled_from(HEADERS).flatmap(lambda h: st.tuples(st.just(h[0]), st.sampled_from(h[1])))
body = st.one_of(
    st.builds(lambda value: json.dumps(value).encode(), changed([ASSETS, TASK], ANYTHING)),
    bent([json.dumps(ASSETS).encode(), json.dumps(TASK).encode()]),
    st.binary(max_size=100),
    st.sampled_from([b"", b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhel", b"zz\r\n", b"\x1f\x8b\x08\x00\x00", b"[" * 5000]),
)
reply = st.one_of(
    st.tuples(st.sampled_from(STATUSES), st.lists(header, max_size=4), body, st.booleans()).map(
        lambda parts: _reply(*parts)
    ),
    st.tuples(st.sampled_from(STATUSES), st.lists(header, max_size=4), body, st.booleans()).flatmap(
        lambda parts: bent([_reply(*parts)], most=2)
    ),
    st.binary(max_size=60),
)


def _reply(status: str, headers: list[tuple[str, str]], content: bytes, right_length: bool) -> bytes:
    if right_length and not any(name in ("Content-Length", "Transfer-Encoding") for name, _ in headers):
        headers = [*headers, ("Content-Length", str(len(content)))]
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


class Liar:
    """Says the same bytes to everybody and hangs up."""

    def __init__(self) -> None:
        self.says = b""
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.partition(b":")[2]))
            writer.write(self.says)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
def liar(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server and its address. Nobody waits between two tries, however long the server asks for."""

    def no_waits(*_: Any, **__: Any) -> Any:
        while True:
            yield 0.0

    real = hub_client.retry_after

    def asked(answer: Any) -> float | None:
        seconds = real(answer)
        assert seconds is None or 0 <= seconds <= hub_client.LONGEST_RETRY_AFTER_S
        return None if seconds is None else 0.0

    for module in (hub_client, job_assets):
        monkeypatch.setattr(module, "backoff", no_waits)
        monkeypatch.setattr(module, "retry_after", asked, raising=False)
    monkeypatch.setattr(hub_client, "ATTEMPTS", 2)
    monkeypatch.setattr(job_assets, "RETRY_FOR_S", 0.005)
    monkeypatch.setattr(job_assets, "WAIT_WHEN_ASKED_S", 0.005)
    server = Liar()
    address = loop.run(server.start())
    yield server, address
    loop.run(server.stop())


def test_the_hub_may_answer_anything(loop: Loop, liar: Any) -> None:
    server, address = liar
    client = HubClient(address)
    calls = (
        lambda: client.asset("key", "project", "asset"),
        lambda: client.task("key", "task"),
        lambda: client.project("key", "project"),
        lambda: client.annotate("key", "task", {"answer": {}}),
    )

    def check(value: tuple[bytes, int]) -> None:
        server.says, which = value
        try:
            loop.run(calls[which % len(calls)]())
        except HubError:
            pass

    try:
        fuzz("the hub's HTTP answers", 0.13, st.tuples(reply, st.integers(0, len(calls) - 1)), check)
    finally:
        loop.run(client.close())


def test_any_id_and_key_make_a_call_or_an_error(loop: Loop, liar: Any) -> None:
    server, address = liar
    client = HubClient(address)
    server.says = _reply("200", [], json.dumps(TASK).encode(), True)

    def check(value: tuple[str, str]) -> None:
        key, task = value
        try:
            loop.run(client.task(key, task))
        except HubError:
            pass

    try:
        fuzz("ids and keys in calls", 0.03, st.tuples(TEXT, TEXT), check)
    finally:
        loop.run(client.close())


def test_the_storage_may_answer_anything(loop: Loop, liar: Any, tmp_path: Path) -> None:
    server, address = liar
    profile = Profile(name="p", host=address, plugin_id="p", source=OnnxSource(path=Path("x")))

    async def nobody(host: str, port: int) -> list[str]:
        if host == "127.0.0.1":
            return [host]
        raise OSError("no such host")

    cache = tmp_path / "cache"
    cache.mkdir()
    assets = Assets(Cache(cache), resolver=nobody, max_bytes=100_000)

    def check(value: tuple[bytes, str]) -> None:
        server.says, path = value
        try:
            asset = loop.run(assets.fetch(f"{address}/{path}", profile))
        except AssetError:
            return
        assert asset.path.parent.resolve().is_relative_to(cache.resolve())
        assert asset.path.stat().st_size == asset.size > 0

    try:
        fuzz("the storage's HTTP answers", 0.09, st.tuples(reply, TEXT), check)
    finally:
        loop.run(assets.close())
