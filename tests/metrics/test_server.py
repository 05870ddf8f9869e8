from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from desktop_app.core.errors import HubError, UsageError
from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.host import Host
from desktop_app.metrics.collector import Metrics
from desktop_app.metrics.server import MetricsServer, parse_address
from desktop_app.store.paths import DataDir


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("9464", ("127.0.0.1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
        ("[::1]:9464", ("::1", 9464)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("runner:0", ("runner", 0)),
    ],
)
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert parse_address(text) == found


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.1:", "a:99999", "http://x:1", "x:1e3", "127.0.0.1:-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    made = Host(DataDir(tmp_path / "data"))
    await made.start(serve=False)
    source = OnnxSource(path=Path("none.onnx"))
    await made.profiles.save(Profile(id="p0", name="Cars", host="https://h", plugin_id="i", source=source))
    yield made
    await made.stop(0.0)


async def test_health_and_readiness(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    server = MetricsServer(Metrics(host, ["p0"]), "127.0.0.1", 0)
    await server.open()
    try:
        async with httpx.AsyncClient(base_url=server.url) as http:
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            reply = await http.get("/readyz")
            assert (reply.status_code, reply.json()) == (503, {"status": "not ready", "profiles": {"Cars": "stopped"}})
            monkeypatch.setattr(host, "status", lambda _: ProfileStatus("p0", ProfileState.ONLINE))
            reply = await http.get("/readyz")
            assert (reply.status_code, reply.json()["status"]) == (200, "ready")
            server.draining = True
            reply = await http.get("/readyz")
            assert (reply.status_code, reply.json()["status"]) == (503, "draining")
            assert (await http.get("/healthz")).status_code == 200
            reply = await http.get("/metrics")
            assert reply.headers["Content-Type"].startswith("text/plain; version=")
            assert 'plugdeck_connected{profile="Cars"} 1.0' in reply.text
            assert (await http.post("/metrics")).status_code == 405
            assert (await http.get("/")).status_code == 404
        # The port is taken now.
        other = MetricsServer(Metrics(host, ["p0"]), "127.0.0.1", int(server.url.rpartition(":")[2]))
        with pytest.raises(HubError, match="cannot be offered"):
            await other.open()
        await other.close()
    finally:
        await server.close()
    await server.close()
