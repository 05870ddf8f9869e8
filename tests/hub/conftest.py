"""Listeners and clients against hubs that live on this machine, honest ones and others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from desktop_app.core import aio
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.listener import Link, Listener, Timing

FAST = Timing(
    secret=0.05,
    heartbeat=0.1,
    settle=0.05,
    quick_drop=0.4,
    connect=3.0,
    backoff_first=0.02,
    backoff_limit=0.1,
    stable=30.0,
)


async def wait_until(condition: Callable[[], Any], limit_s: float = 10.0) -> Any:
    """Waits until the condition holds, and gives what it gave."""
    end = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.005)
    return value


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """Waits until a condition holds."""
    return wait_until


@pytest.fixture(autouse=True)
async def no_task_left() -> AsyncIterator[None]:
    """Fails a test that leaves one of our tasks running."""
    yield
    await wait_until(lambda: not aio.running_tasks(), 5)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    """A running hub without assets, with the plugin "p1", secret "s1", and quick pings."""
    folder = tmp_path / "assets"
    folder.mkdir()
    async with DemoHub(assets_dir=folder, ping_interval=0.2, ping_timeout=3.0) as running:
        running.add_plugin("p1", "s1")
        yield running


@pytest.fixture
def make_profile() -> Callable[..., Profile]:
    """Makes profiles for a host."""

    def make(host: str, **fields: Any) -> Profile:
        values = {"name": "Vehicles", "plugin_id": "p1", "source": OnnxSource(path=Path("none.onnx")), **fields}
        return Profile(host=host, **values)

    return make


class Listening:
    """A listener and what it told."""

    def __init__(self, profile: Profile, secret: Any, timing: Timing) -> None:
        self.links: list[Link] = []
        self.jobs: list[Any] = []
        self.ups = 0
        self.pings = 0

        async def give() -> str:
            return secret() if callable(secret) else secret

        self.listener = Listener(
            profile,
            give,
            on_job=self.jobs.append,
            on_link=self.links.append,
            on_up=self._up,
            on_ping=self._ping,
            timing=timing,
        )

    @property
    def state(self) -> str:
        return str(self.listener.link.state)

    @property
    def states(self) -> list[str]:
        """The states in order, each once in a row."""
        told = [str(link.state) for link in self.links]
        return [state for index, state in enumerate(told) if index == 0 or told[index - 1] != state]

    async def becomes(self, state: str, limit_s: float = 10.0) -> Link:
        await wait_until(lambda: self.state == state, limit_s)
        return self.listener.link

    def _up(self) -> None:
        self.ups += 1

    def _ping(self) -> None:
        self.pings += 1


@pytest.fixture
async def listen(make_profile: Callable[..., Profile]) -> AsyncIterator[Callable[..., Listening]]:
    """Starts listeners that are stopped at the end of the test."""
    all_of_them: list[Listening] = []

    def start(host: str, secret: Any = "s1", timing: Timing = FAST, **fields: Any) -> Listening:
        listening = Listening(make_profile(host, **fields), secret, timing)
        listening.listener.start()
        all_of_them.append(listening)
        return listening

    yield start
    await asyncio.gather(*(listening.listener.stop() for listening in all_of_them))


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Starts an HTTP server with one handler for every path; gives its origin."""
    async with AsyncExitStack() as stack:

        async def start(handler: Handler) -> str:
            app = web.Application(client_max_size=10**8)
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start


class Wire:
    """A network between a client and a server, which can fail."""

    def __init__(self, origin: str) -> None:
        self._target = origin.removeprefix("http://").split(":")
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.connections = 0

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def freeze(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    async def stop(self) -> None:
        self.thaw()
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection(self._target[0], int(self._target[1]))
        self._writers += [writer, there_writer]
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = aio.spawn(self._carry(source, sink), name="wire")
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        sink.transport.abort()


@pytest.fixture
async def wire(hub: DemoHub) -> AsyncIterator[Wire]:
    """A network in front of the hub; start it to get its origin."""
    network = Wire(hub.url)
    yield network
    await network.stop()
