"""The port."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from aiohttp import web

from desktop_app.core.errors import HubError
from desktop_app.hub.demo.listening import Listening


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


def make_app() -> web.Application:
    app = web.Application()
    app.router.add_get("/", hello)
    return app


async def said(url: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).text


async def test_a_free_port_is_found_and_freed_again():
    listening = Listening(make_app(), "127.0.0.1", 0)
    await listening.start()
    port = int(listening.url.rpartition(":")[2])
    assert port > 0
    assert await said(listening.url) == "hello"
    await listening.stop()
    await listening.stop()
    with pytest.raises(httpx.ConnectError):
        await said(listening.url)
    again = Listening(make_app(), "localhost", port)
    await again.start()
    assert await said(again.url) == "hello"
    await again.stop()


async def test_a_port_that_is_taken_is_a_known_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listening = Listening(make_app(), "127.0.0.1", port)
        with pytest.raises(HubError, match=f"cannot listen.*127.0.0.1:{port}.*another port"):
            await listening.start()


async def test_refusing_cuts_what_stands_and_listening_again_takes_the_same_port():
    listening = Listening(make_app(), "127.0.0.1", 0)
    await listening.start()
    url = listening.url
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    # Answered once, so that the server has surely taken the connection.
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"hello")
    for _ in range(2):
        await listening.refuse()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    for _ in range(50):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        await listening.listen()
    assert listening.url == url
    assert await said(url) == "hello"
    await listening.refuse()
    await listening.stop()


async def test_it_starts_once():
    listening = Listening(make_app(), "127.0.0.1", 0)
    await listening.start()
    with pytest.raises(RuntimeError, match="starts once"):
        await listening.start()
    await listening.stop()
    await listening.listen()
    with pytest.raises(httpx.ConnectError):
        await said(listening.url)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_the_loopback_of_ipv6():
    listening = Listening(make_app(), "::1", 0)
    try:
        await listening.start()
    except HubError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    assert listening.url.startswith("http://[::1]:")
    assert await said(listening.url) == "hello"
    await listening.stop()
