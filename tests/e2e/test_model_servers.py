"""The real program against MLServer as published: a server that nobody here wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.resources import resource
from desktop_app.hub.demo.server import DemoHub
from tests.e2e.model_server import REQUIREMENTS, Balancer, MLServer

# The installation, where it was not kept, counts.
pytestmark = [pytest.mark.e2e, pytest.mark.peers, pytest.mark.timeout(900)]

MODEL = resource("demo", "fasteners.onnx")
PICTURES = sorted(Path(str(resource("demo", "assets"))).glob("*.jpg"))
LIMIT_S = 120.0


@pytest.fixture(scope="module")
def servers(published_client: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[MLServer]]:
    """Two replicas, started and ready."""
    python = published_client(*REQUIREMENTS)
    folder = tmp_path_factory.mktemp("mlserver")
    both = [MLServer(python, folder / name) for name in ("one", "two")]
    try:
        for server in both:
            server.start()
        for server in both:
            server.wait()
        yield both
    finally:
        for server in both:
            server.kill()


@asynccontextmanager
async def serving(plugdeck: Any, run: Any, hub: DemoHub, *model: str) -> AsyncIterator[None]:
    """The profile “Remote”, added from the command line and online."""
    hub.add_plugin("remote", "s", class_names=("bolt", "nut", "washer"))
    arguments = ["--host", hub.url, "--id", "remote", "--secret-env", "PLUGDECK_SECRET_REMOTE", *model]
    code, _, err = await run("profiles", "add", "Remote", *arguments, PLUGDECK_SECRET_REMOTE="s")
    assert code == 0, err
    process = await plugdeck("run", "--json", PLUGDECK_SECRET_REMOTE="s")
    await process.until(lambda: bool(process.events("ready")), LIMIT_S)
    yield
    assert await process.stop() == 0


async def burst(hub: DemoHub, jobs: int) -> list[Any]:
    """So many jobs at once, on the sample's pictures in turn."""
    pictures = [asset.id for asset in hub.assets if asset.external_id.startswith("tray-")]
    return [await hub.run_plugin("remote", asset=pictures[number % len(pictures)]) for number in range(jobs)]


def boxes(answer: dict[str, Any]) -> list[tuple[str, list[float]]]:
    """Class and corners of every object, in an order of their own."""
    found = [(item["title"], item["bounding-box"]) for item in answer["objects"]]
    return sorted((title, [box["x"], box["y"], box["width"], box["height"]]) for title, box in found)


async def test_it_answers_as_the_local_file_does(run: Any, servers: list[MLServer]) -> None:
    files = [str(path) for path in PICTURES]
    remote = ["--remote", servers[0].url, "--model", "fasteners"]
    answers = []
    for model in (["--onnx", str(MODEL)], remote):
        code, out, err = await run("test", *model, *files, "--json")
        assert code == 0, err
        answers.append([boxes(result["answer"]) for result in json.loads(out)])
    assert sum(len(found) for found in answers[0]) > 100
    for local, theirs in zip(*answers, strict=True):
        assert [title for title, _ in theirs] == [title for title, _ in local]
        for (_, ours), (_, other) in zip(local, theirs, strict=True):
            assert other == pytest.approx(ours, abs=0.5)
    code, out, err = await run("inspect", *remote, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["task"], found["classes"]) == ("detect", ["bolt", "nut", "washer"])
    assert found["server"]["server"] == "mlserver 1.7.1"


async def test_a_server_killed_in_the_middle_loses_nothing(
    plugdeck: Any, run: Any, hub: DemoHub, servers: list[MLServer]
) -> None:
    server = servers[0]
    async with serving(plugdeck, run, hub, "--remote", server.url, "--model", "fasteners"):
        sessions = await burst(hub, 24)
        await hub.wait_until(lambda: sum(session.done for session in sessions) >= 4, LIMIT_S)
        await asyncio.to_thread(server.kill)
        # A job that was with the server then is still open when the server comes back.
        done = sum(session.done for session in sessions)
        assert done < len(sessions)
        server.start()
        await asyncio.to_thread(server.wait)
        for session in sessions:
            await session.wait(LIMIT_S)
    for session in sessions:
        assert len(session.responses) == 1
        assert not session.responses[0].get("error"), [line.message for line in session.logs]
        assert session.response["objects"]
    assert hub.protocol_errors == []


async def test_replicas_behind_one_address_work_side_by_side(
    plugdeck: Any, run: Any, hub: DemoHub, servers: list[MLServer]
) -> None:
    balancer = Balancer([server.port for server in servers])
    try:
        async with serving(plugdeck, run, hub, "--remote", balancer.url, "--model", "slow"):
            sessions = await burst(hub, 20)
            for session in sessions:
                await session.wait(LIMIT_S)
                assert session.response["objects"], session.logs
    finally:
        await asyncio.to_thread(balancer.close)
    one, two = (server.busy() for server in servers)
    assert len(one) + len(two) >= len(sessions)
    assert any(began < end and start < ended for began, ended in one for start, end in two), (one, two)
