"""A running demo hub with pictures of its own, and a bare Socket.IO client to knock on it with."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio

from desktop_app.hub.demo.server import DemoHub

NAMESPACE = "/plugin"
CLASSES = ("bolt", "nut", "washer", "gear")


def png(width: int, height: int, shade: int) -> bytes:
    """A grey picture, written by hand: the hub's tests need no picture library."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with three pictures, one of them with an awkward name, and a file that is no asset."""
    folder = tmp_path / "assets"
    folder.mkdir()
    for index, name in enumerate(("a tray & more.png", "b.png", "c.PNG")):
        (folder / name).write_bytes(png(40 + index, 30, 60 * index))
    (folder / "notes.xlsx").write_bytes(b"no asset")
    return folder


@pytest.fixture
async def hub(pictures: Path) -> AsyncIterator[DemoHub]:
    """A running hub with the plugin "p1", secret "s1"."""
    async with DemoHub(assets_dir=pictures) as running:
        running.add_plugin("p1", "s1", class_names=CLASSES)
        yield running


@pytest.fixture
async def http(hub: DemoHub) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the hub with the person's API key."""
    async with httpx.AsyncClient(base_url=hub.url, headers={"apikey": hub.api_key}) as client:
        yield client


class Peer:
    """A Socket.IO client that does only what the test says.

    Attributes:
        jobs: payloads of the `plugin` events that came.
        gone: set when the connection ended.
    """

    def __init__(self) -> None:
        self.jobs: asyncio.Queue[Any] = asyncio.Queue()
        self.gone = asyncio.Event()
        self._sio: Any = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        self._sio.on("plugin", self._take, namespace=NAMESPACE)
        self._sio.on("disconnect", self._lost, namespace=NAMESPACE)

    async def connect(self, url: str, transport: str = "websocket") -> None:
        await self._sio.connect(url, namespaces=[NAMESPACE], transports=[transport], wait_timeout=5)

    async def emit(self, event: str, *payloads: Any) -> None:
        await self._sio.emit(event, payloads, namespace=NAMESPACE)

    async def heartbeat(self, plugin_id: str = "p1", secret: str = "s1") -> None:
        await self.emit("heartbeat", {"id": plugin_id, "secret": secret})

    async def frame(self, text: str) -> None:
        """An Engine.IO message as it is."""
        await self._sio.eio.send(text)

    async def job(self) -> Any:
        return await asyncio.wait_for(self.jobs.get(), 5)

    async def closed(self) -> None:
        await asyncio.wait_for(self.gone.wait(), 5)

    async def close(self) -> None:
        await self._sio.disconnect()

    async def _take(self, payload: Any = None) -> None:
        self.jobs.put_nowait(payload)

    async def _lost(self, reason: object = None) -> None:
        self.gone.set()


Connect = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def make_peer() -> AsyncIterator[Callable[[], Peer]]:
    """Makes peers that are closed at the end of the test."""
    peers: list[Peer] = []

    def make() -> Peer:
        peers.append(Peer())
        return peers[-1]

    yield make
    for peer in peers:
        await peer.close()


@pytest.fixture
def connect(hub: DemoHub, make_peer: Callable[[], Peer]) -> Connect:
    """Connects a peer to the hub, logged in as "p1" unless `login=False`."""

    async def make(*, login: bool = True, transport: str = "websocket") -> Peer:
        peer = make_peer()
        await peer.connect(hub.url, transport)
        if login:
            logins = hub.plugins["p1"].logins
            await peer.heartbeat()
            await hub.wait_until(lambda: hub.plugins["p1"].logins > logins)
        return peer

    return make


@pytest.fixture
def log_line(hub: DemoHub) -> Callable[..., dict[str, Any]]:
    """Makes the `log` object that a published client sends for a job."""

    def make(job: dict[str, Any], msg: str = "step 1", level: str = "INFO", **more: Any) -> dict[str, Any]:
        return {
            "level": level,
            "organization": job["orgId"],
            "pluginId": "p1",
            "runBy": job["runBy"],
            "session": job["session"],
            "msg": msg,
            **more,
        }

    return make
