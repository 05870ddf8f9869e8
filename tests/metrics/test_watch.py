from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from desktop_app import __version__
from desktop_app.core.errors import UsageError
from desktop_app.core.events import JobChanged, ProfileState, ProfileStatus
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.host import Host
from desktop_app.metrics.address import runner_url
from desktop_app.metrics.collector import Metrics
from desktop_app.metrics.server import MetricsServer
from desktop_app.metrics.watch import Health, look
from desktop_app.store.paths import DataDir


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("10.0.0.7", "http://10.0.0.7:9464"),
        (" runner.local:80/ ", "http://runner.local:80"),
        ("http://[::1]:9464/metrics", "http://[::1]:9464"),
        ("https://fleet.example/one", "https://fleet.example/one"),
    ],
)
def test_addresses_as_they_are_kept(text: str, url: str) -> None:
    assert runner_url(text) == url
    assert runner_url(url) == url


@pytest.mark.parametrize("text", ["", "ftp://x", "http://", "http://u:p@x", "x:99999", "x?token=1", "a b", "x\x00y"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        runner_url(text)


async def test_a_runner_is_seen_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(DataDir(tmp_path / "data"))
    await host.start(serve=False)
    source = OnnxSource(path=Path("none.onnx"))
    await host.profiles.save(Profile(id="p0", name='Odd "name"\\', host="https://h", plugin_id="i", source=source))
    server = MetricsServer(Metrics(host, ["p0"]), "127.0.0.1", 0)
    await server.open()
    try:
        seen = await look(server.url)
        assert (seen.health, seen.version, seen.profiles[0].state) == (Health.NOT_READY, __version__, "stopped")
        monkeypatch.setattr(host, "status", lambda _: ProfileStatus("p0", ProfileState.BUSY, running=2, queued=5))
        for number, state in enumerate((JobState.DELIVERED, JobState.DELIVERED, JobState.FAILED)):
            host.events.emit(JobChanged(JobRecord(f"j{number}", "s", "p0", 'Odd "name"\\', state, 1.0, 1.0)))
        seen = await look(server.url)
        assert seen.health is Health.READY
        [one] = seen.profiles
        assert (one.name, one.state, one.running, one.queued) == ('Odd "name"\\', "busy", 2, 5)
        assert (one.delivered, one.failed, one.waiting_s) == (2, 1, 0.0)
        server.draining = True
        assert (await look(server.url)).health is Health.DRAINING
    finally:
        await server.close()
        await host.stop(0.0)
    seen = await look(server.url)
    assert (seen.health, bool(seen.detail), seen.profiles) == (Health.SILENT, True, ())


Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(body: bytes, status: int, numbers: bytes | None = None) -> str:
            async def answer(request: web.Request) -> web.Response:
                told = numbers if numbers is not None and request.path == "/metrics" else body
                return web.Response(body=told, status=status)

            app = web.Application()
            app.router.add_get("/{path:.*}", answer)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>a router</html>", 200),
        (b"", 200),
        (b"[1]", 200),
        (b"{}", 200),
        (b'{"status": "ready"}', 200),
        (b"nothing", 404),
        (b"[" * 100_000, 200),
        (b"x" * 5_000_000, 200),
    ],
)
async def test_what_answers_and_is_no_runner(serve: Serve, body: bytes, status: int) -> None:
    assert (await look(await serve(body, status))).health is Health.STRANGER


@pytest.mark.parametrize(
    ("ready", "numbers", "health"),
    [
        (b'{"status": []}', b'plugdeck_info{version="9"} 1\n', Health.NOT_READY),
        (b'{"status": "ready"}', b'plugdeck_jobs_running{profile="a"} +Inf\n', Health.STRANGER),
        (b'{"status": "ready"}', b'plugdeck_jobs_running{profile="a"} NaN\n', Health.STRANGER),
    ],
)
async def test_numbers_that_are_none(serve: Serve, ready: bytes, numbers: bytes, health: Health) -> None:
    assert (await look(await serve(ready, 200, numbers))).health is health


async def test_a_proxy_of_another_kind_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.metrics.watch.proxy_for", lambda _: "socks5://127.0.0.1:1")
    seen = await look("http://runner.example:9464")
    assert (seen.health, bool(seen.detail)) == (Health.SILENT, True)
