"""Our connection and delivery against a hub that is not ours: the official Socket.IO server for Node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import DeliveryError
from desktop_app.core.events import Level
from desktop_app.hub import protocol
from desktop_app.hub.client import HubClient
from desktop_app.hub.listener import Listener, Timing
from desktop_app.jobs.delivery import Delivery
from desktop_app.store.database import Database
from desktop_app.store.outbox import Outbox

SOURCE = Path(__file__).parent / "node"
NODE, NPM = shutil.which("node"), shutil.which("npm")
FAST = Timing(heartbeat=0.5, settle=0.05, quick_drop=0.3, connect=5.0, backoff_first=0.05, backoff_limit=0.2)

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not (NODE and NPM), reason="node or npm is not installed: no Socket.IO server but ours to try"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="session")
def installed(request: pytest.FixtureRequest) -> Path:
    """A folder with the server and the package it needs, kept in pytest's cache."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("node-socket.io")
    for name in ("package.json", "server.js"):
        (folder / name).write_bytes((SOURCE / name).read_bytes())
    if not (folder / "node_modules" / "socket.io").is_dir():
        assert NPM
        command = [NPM, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True, timeout=240, capture_output=True)
    return folder


class NodeHub:
    """The server's process, and what it said."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self.said: list[dict[str, Any]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        assert NODE
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            NODE, "server.js", str(self.port), cwd=self._folder, stdin=pipe, stdout=pipe
        )
        self._reader = spawn(self._read(), name="node's output")
        begun = len(self.of("listening"))
        self.port = (await self.hears("listening", begun + 1))[-1]["port"]

    async def kill(self) -> None:
        """As when the machine fails."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None
        await cancel_and_wait(self._reader)

    def tell(self, **what: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    def of(self, what: str) -> list[dict[str, Any]]:
        return [said for said in self.said if said["what"] == what]

    async def hears(self, what: str, count: int = 1) -> list[dict[str, Any]]:
        """Waits until it said that so many times."""
        async with asyncio.timeout(20):
            while len(self.of(what)) < count:
                self._heard.clear()
                await self._heard.wait()
        return self.of(what)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        rest = b""
        while data := await self._process.stdout.read(1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            self.said += [json.loads(line) for line in lines]
            self._heard.set()


class Plugin:
    """Listener and delivery as the service puts them together."""

    def __init__(self, profile: Any, db: Database) -> None:
        self.jobs: asyncio.Queue[Any] = asyncio.Queue()
        self.outbox = Outbox(db)
        self.profile = profile

        async def secret() -> str:
            return "s1"

        self.listener = Listener(
            profile,
            secret,
            on_job=self.jobs.put_nowait,
            on_link=lambda _: None,
            on_up=self._up,
            on_ping=self._ping,
            timing=FAST,
        )
        self.delivery = Delivery(profile.id, self.outbox, self.listener, HubClient(profile.host))

    def _up(self) -> None:
        self.delivery.up()

    def _ping(self) -> None:
        self.delivery.ping()

    async def stop(self) -> bool:
        clean = await self.listener.stop()
        self.delivery.closed(clean=clean)
        return clean


@pytest.fixture
async def node(installed: Path) -> AsyncIterator[NodeHub]:
    hub = NodeHub(installed)
    await hub.start()
    yield hub
    await hub.kill()


@pytest.fixture
async def plugin(node: NodeHub, tmp_path: Path, make_profile: Callable[..., Any]) -> AsyncIterator[Plugin]:
    db = Database(tmp_path / "plugdeck.db")
    await db.open()
    made = Plugin(make_profile(node.url), db)
    made.listener.start()
    await node.hears("heartbeat")
    yield made
    await made.stop()
    await db.close()


async def take(node: NodeHub, plugin: Plugin, session: str, **fields: Any) -> Any:
    node.tell(job={"session": session, "orgId": "O", "runBy": "U", **fields})
    async with asyncio.timeout(20):
        return protocol.parse_job(await plugin.jobs.get(), "profile")


async def test_login_job_log_and_response(node, plugin):
    assert node.of("connection") == [{"what": "connection", "transport": "websocket", "protocol": 4}]
    assert node.of("heartbeat")[0]["data"] == {"id": "p1", "secret": "s1"}
    job = await take(node, plugin, "S", unknown={"deep": ["ä\u2028", None, 1.5]})
    assert job.data["unknown"] == {"deep": ["ä\u2028", None, 1.5]}
    plugin.delivery.log(protocol.log_line(job, "p1", Level.INFO, "step ä", {"step": 1}))
    event = protocol.success(job, {"objects": [{"title": "ä\U0001f529"}], "classifications": [], "relations": []})
    await plugin.delivery.send(job, event)
    assert (await node.hears("response"))[0]["data"] == event
    line = node.of("log")[0]["data"]
    expected = {"level": "INFO", "organization": "O", "pluginId": "p1", "runBy": "U", "session": "S"}
    assert line == {**expected, "msg": "step ä", "step": 1}
    await node.hears("heartbeat", 3)
    async with asyncio.timeout(10):
        while await plugin.outbox.pending():  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.05)
    assert await plugin.stop() is True


async def test_what_is_larger_than_its_buffer_is_not_sent(node, plugin):
    """Node ends the connection over one message above maxHttpBufferSize, 1 MB by default; it says so beforehand."""
    assert plugin.listener.max_payload == 1_000_000
    job = await take(node, plugin, "large")
    with pytest.raises(DeliveryError, match=r"more than the 1\.0 MB"):
        await plugin.delivery.send(job, protocol.success(job, "x" * 1_000_001))
    plugin.delivery.log(protocol.log_line(job, "p1", Level.INFO, "y" * 2_000_000))
    room = 1_000_000 - len(json.dumps(protocol.success(job, ""), separators=(",", ":"))) - 64
    await plugin.delivery.send(job, protocol.success(job, "x" * room))
    assert len((await node.hears("response"))[0]["data"]["response"]) == room
    assert node.of("log")[0]["data"]["msg"].startswith("yyy")
    assert node.of("disconnect") == []


async def test_what_happens_where_it_is_sent_all_the_same(node, plugin):
    """The premise of the test above."""
    await plugin.listener.emit("log", {"msg": "x" * 1_100_000})
    await node.hears("disconnect")
    await node.hears("connection", 2)
    assert node.of("log") == []


@pytest.mark.parametrize("how", ["namespace", "transport"])
async def test_it_comes_back_when_the_server_disconnects_it(node, plugin, how):
    node.tell(drop=how)
    await node.hears("disconnect")
    await node.hears("connection", 2)
    job = await take(node, plugin, "after")
    await plugin.delivery.send(job, protocol.success(job, {}))
    await node.hears("response")


async def test_a_server_that_is_killed_and_started_again(node, plugin):
    """What was on its way and what came while it was gone arrives, each session with one and the same answer."""
    jobs = [await take(node, plugin, f"S{number}") for number in range(20)]
    for job in jobs[:10]:
        await plugin.delivery.send(job, protocol.success(job, {"n": job.session}))
    await node.kill()
    later = [
        spawn(plugin.delivery.send(job, protocol.success(job, {"n": job.session})), name="send") for job in jobs[10:]
    ]
    await node.start()
    await asyncio.gather(*later)
    await node.hears("heartbeat", 2)
    job = await take(node, plugin, "last")
    await plugin.delivery.send(job, protocol.success(job, {"n": "last"}))
    async with asyncio.timeout(20):
        while {said["data"]["session"] for said in node.of("response")} < {*(f"S{n}" for n in range(20)), "last"}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert all(said["data"]["response"] == {"n": said["data"]["session"]} for said in node.of("response"))
