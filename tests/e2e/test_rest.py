"""`plugdeck run PROFILE --rest`, called as a hub calls it; the published client is the judge of the form."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import Session
from desktop_app.hub.rest import RestServer
from desktop_app.store.paths import DataDir

pytestmark = pytest.mark.e2e

SECRET = "s1-long-enough"
LIMIT_S = 60.0

HEAD = """
import json, os, time
from io import BytesIO
from imerit_ango.plugins import *
from imerit_ango.models.annotate import AnnotationPayload, Answer
"""
MODEL = """
def callback(data):
    config = json.loads(data.get("configJSON") or "{}")
    data["logger"].info("started", step=1)
    data["logger"].warning("took long")
    if config.get("raise"):
        raise ValueError("as asked")
    gate = config.get("gate")
    while gate and not os.path.exists(gate):
        time.sleep(0.01)
    box = {"bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4}, "objectId": "new", "title": "Bolt"}
    return AnnotationPayload(answer=Answer(objects=[box], classifications=[], relations=[]))

run(ModelPlugin(id="p1", secret=SECRET, callback=callback, host=HOST), host=HOST)
"""
BATCH = """
def callback(data):
    data["logger"].info("started")
    return "All annotations are imported!"

run(BatchModelPlugin(id="p1", secret=SECRET, callback=callback), host=HOST)
"""
EXPORT = """
def callback(data):
    rows = list(data["jsonExport"])
    return ExportResponse(BytesIO(json.dumps([len(rows), data["numTasks"]]).encode()), "names.json")

run(ExportPlugin(id="p1", secret=SECRET, callback=callback, host=HOST), host=HOST)
"""


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    body: Any


class Caller:
    """Calls a plugin as a hub does."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def post(self, job: Any, secret: str | None = SECRET, **options: Any) -> Reply:
        headers = {} if secret is None else {"Secret": secret}
        what = {"data": job} if isinstance(job, str | bytes) else {"json": job}
        async with self._http.post(f"{self._url}/plugin", headers=headers, **what, **options) as answer:
            return Reply(answer.status, await _body(answer))

    @property
    def port(self) -> str:
        return self._url.rpartition(":")[2]

    async def ready(self) -> None:
        """Waits until the plugin answers."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    if (await self.heartbeat()).status == 200:
                        return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)

    async def heartbeat(self, secret: str = SECRET) -> Reply:
        async with self._http.get(f"{self._url}/heartbeat", headers={"Secret": secret}) as answer:
            return Reply(answer.status, await _body(answer))


async def _body(answer: aiohttp.ClientResponse) -> Any:
    if answer.content_type == "application/json":
        return await answer.json()
    return await answer.text()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(LIMIT_S)) as session:
        yield session


def write_script(path: Path, text: str, hub: DemoHub) -> Path:
    path.write_text(HEAD + f"HOST, SECRET = {hub.url!r}, {SECRET!r}\n" + text)
    return path


class Served:
    """`plugdeck run PROFILE --rest` with one script."""

    def __init__(self, plugdeck: Any, run: Any, hub: DemoHub, http: aiohttp.ClientSession, folder: Path) -> None:
        self._plugdeck, self._run, self._hub, self._http, self._folder = plugdeck, run, hub, http, folder
        self.process: Any = None

    async def start(self, text: str) -> Caller:
        script = write_script(self._folder / "rest.py", text, self._hub)
        code, _, err = await self._run("profiles", "add", "rest", "--script", str(script), "--from-script")
        assert code == 0, err
        self._hub.add_plugin("p1", SECRET, class_names=("bolt",))
        return await self.serve()

    async def serve(self) -> Caller:
        started = ("run", "rest", "--rest", "--port", "0", "--json")
        self.process = await self._plugdeck(*started, PLUGDECK_SECRET_REST=SECRET)
        await self.process.until(self._online)
        return Caller(self._online()[0].removeprefix("the hub may call "), self._http)

    def _online(self) -> list[str]:
        return [event["detail"] for event in self.process.events("state") if event["state"] == "online"]


@pytest.fixture
def served(plugdeck: Any, run: Any, hub: DemoHub, http: aiohttp.ClientSession, tmp_path: Path) -> Served:
    return Served(plugdeck, run, hub, http, tmp_path)


async def test_a_job_over_rest_is_a_job_like_any_other(served: Served, run: Any, hub: DemoHub, tmp_path: Path) -> None:
    caller = await served.start(MODEL)
    gate = tmp_path / "gate"
    slow = await hub.run_plugin("p1", config=f'{{"gate": "{gate}"}}', send=False)
    waiting = asyncio.get_running_loop().create_task(caller.post(slow.job))
    try:
        await hub.wait_until(lambda: "took long" in [line.message for line in slow.logs], LIMIT_S)
        # Heartbeats are answered while a job runs, and the log arrives while it does.
        assert await caller.heartbeat() == Reply(200, "ok")
        assert not waiting.done()
        gate.touch()
        reply = await waiting
    finally:
        waiting.cancel()
    assert reply.status == 200
    assert reply.body["session"] == slow.id
    assert [item["objectId"] for item in reply.body["response"]["objects"]] == ["new"]
    assert {(line.level, line.message) for line in slow.logs} >= {("INFO", "started"), ("WARNING", "took long")}
    assert next(line for line in slow.logs if line.message == "started").fields["step"] == 1

    # The same session again: the same answer, and no second run.
    seen = len(slow.logs)
    assert await caller.post(slow.job) == reply
    assert len(slow.logs) == seen

    failing = await hub.run_plugin("p1", config='{"raise": true}', send=False)
    failed = await caller.post(failing.job)
    assert failed == Reply(500, {"error": True, "session": failing.id})
    assert "raised ValueError: as asked" in failing.logs[-1].message
    assert "rest.py:" in failing.logs[-1].message
    assert failing.logs[-1].level == "ERROR"

    workflow = await hub.run_plugin("p1", asset=1, workflow=True, send=False)
    assert await caller.post(workflow.job) == Reply(200, None)
    assert [len(item.body["answer"]["objects"]) for item in workflow.annotations] == [1]
    assert await caller.post(workflow.job) == Reply(200, None)
    assert len(workflow.annotations) == 1
    assert hub.protocol_errors == []

    # What the hub's people get wrong.
    assert (await caller.post(slow.job, secret="wrong")).status == 401
    assert (await caller.post(slow.job, secret=None)) == Reply(401, {"detail": "Unauthorized"})
    assert (await caller.heartbeat(secret=SECRET + "x")).status == 401
    for nonsense in ("{not json", "[1]", '"text"', "{}", '{"session": null}', b"\xff\xfe\x00"):
        refused = await caller.post(nonsense)
        assert (refused.status, list(refused.body)) == (422, ["detail"])

    # It is in the history like any other, and nowhere is a secret.
    code, out, err = await run("jobs", "show", slow.id)
    assert code == 0, err
    assert '"state": "delivered"' in out
    assert slow.api_key not in out

    assert await served.process.stop(signal.SIGTERM) == 0
    assert SECRET not in "\n".join(served.process.lines) + served.process.errors.decode()

    # An earlier run's answers are still the answers. Another program that has the port is told of at once.
    caller = await served.serve()
    assert await caller.post(slow.job) == reply
    assert await caller.post(failing.job) == failed
    assert await caller.post(workflow.job) == Reply(200, None)
    assert len(workflow.annotations) == 1
    other = ("--data-dir", str(tmp_path / "other"))
    code, _, err = await run("profiles", "add", "rest", "--script", str(tmp_path / "rest.py"), "--from-script", *other)
    assert code == 0, err
    code, out, err = await run("run", "rest", "--rest", "--port", caller.port, *other, PLUGDECK_SECRET_REST="x")
    assert (code, out) == (1, "")
    assert (
        f"plugdeck: Another program listens on this port (127.0.0.1:{caller.port}). Choose another with --port." in err
    )

    # SIGTERM lets what runs finish; what never ends hears of the end.
    gate.unlink()
    ends = await hub.run_plugin("p1", config=f'{{"gate": "{gate}"}}', send=False)
    waiting = asyncio.get_running_loop().create_task(caller.post(ends.job))
    await hub.wait_until(lambda: bool(ends.logs), LIMIT_S)
    served.process.process.send_signal(signal.SIGTERM)
    while (await caller.heartbeat()).status == 200:  # noqa: ASYNC110 - until it has heard the signal
        await asyncio.sleep(0.01)
    gate.touch()
    assert (await waiting).body["response"]["objects"][0]["objectId"] == "new"
    assert await served.process.ended() == 0


@asynccontextmanager
async def published(python: Path, script: Path, log: Path) -> AsyncIterator[str]:
    """The published client in its REST mode."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            python, script, stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink,
            env={**os.environ, "CONNECTOR": "REST", "PORT": str(port)},
        )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()
        print((await asyncio.to_thread(log.read_text, errors="replace"))[-3000:])


@asynccontextmanager
async def ours(hub: DemoHub, python: Path, script: Path, data: Path) -> AsyncIterator[str]:
    """The same script, hosted by us."""
    host = Host(DataDir(data))
    server = RestServer(port=0)
    profile = Profile(name="x", host=hub.url, plugin_id="p1", source=CallbackSource(script=script, python=python))
    os.environ[profile.secret_variable] = SECRET
    try:
        await host.start()
        await server.open()
        await host.add_profile(profile, None)
        await host.start_profile(profile.id, server)
        yield server.url
    finally:
        await host.stop(1)
        await server.close()
        del os.environ[profile.secret_variable]


def heard(hub: DemoHub, session: Session) -> Any:
    """What a hub heard of one session, without what differs from run to run."""
    text = json.dumps(
        {
            "responses": session.responses,
            "annotations": [{"query": item.query, "body": item.body} for item in session.annotations],
            "logs": [line.fields for line in session.logs],
        }
    )
    for found, name in ((session.id, "SESSION"), (hub.url, "HUB")):
        text = text.replace(found, name)
    told = json.loads(text)
    for event in told["responses"]:
        if event.get("export"):
            event["response"] = re.sub(r"[0-9a-f]{16}-|[?].*", "", event["response"])
    return told


KINDS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "model": (
        MODEL,
        [{}, {"overwrite": False}, {"workflow": True}, {"config": '{"raise": true}'}],
    ),
    "batch": (BATCH, [{"asset": None, "config": "{}"}]),
    "export": (EXPORT, [{"asset": None, "config": "{}", "extra": {"stage": ["Label"], "batches": []}}]),
}


@pytest.mark.peers
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_hub_gets_what_the_published_client_gives(
    hub: DemoHub, http: aiohttp.ClientSession, published_client: Any, tmp_path: Path, kind: str
) -> None:
    text, jobs = KINDS[kind]
    hub.add_plugin("p1", SECRET, class_names=("bolt",))
    python = await asyncio.to_thread(published_client, "ango==1.4.10")
    script = write_script(tmp_path / "plugin.py", text, hub)
    seen: list[Any] = []
    for serving in (ours(hub, python, script, tmp_path / "data"), published(python, script, tmp_path / "log")):
        async with serving as url:
            caller = Caller(url, http)
            await caller.ready()
            told: list[Any] = []
            for options in jobs:
                task = hub.project.task_of(hub.assets[0])
                task.answer = {"tools": [], "classifications": [], "relations": []}
                session = await hub.run_plugin("p1", send=False, **options)
                reply = await caller.post(session.job)
                if reply.status == 200:
                    told.append((reply.status, json.loads(json.dumps(reply.body).replace(session.id, "SESSION"))))
                    told.append(heard(hub, session))
                else:
                    # Theirs is the server's own page, the hub's session stays open; ours says which error it is.
                    told.append(reply.status)
            told.append(await caller.heartbeat())
            told.append(await caller.heartbeat(secret="wrong"))
            told.append(await caller.post(session.job, secret="wrong"))
            told.append(await caller.post(session.job, secret=None))
            told.append((await caller.post("{")).status)
            seen.append(told)
    assert seen[0] == seen[1]
    assert [answer for answer in seen[0] if isinstance(answer, tuple)], "nothing was compared"
