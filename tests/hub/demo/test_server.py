"""The demo hub as its users call it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from desktop_app.core import aio
from desktop_app.core.errors import HubError, UsageError
from desktop_app.hub.demo.faults import malformed_jobs
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import EventKind, HubEvent

ANSWER = {"objects": [], "classifications": [], "relations": []}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "169.254.1.1"])
def test_it_listens_on_this_machine_only(host):
    with pytest.raises(UsageError, match="this machine only"):
        DemoHub(host=host)


async def test_it_leaves_nothing_behind(pictures: Path, make_peer):
    hub = DemoHub(assets_dir=pictures)
    hub.add_plugin("p1", "s1")
    before = asyncio.all_tasks()
    await hub.start()
    storage = hub._storage
    assert storage is not None
    assert storage.is_dir()
    peers = [make_peer() for _ in range(3)]
    for peer in peers:
        await peer.connect(hub.url)
        await peer.heartbeat()
    await hub.wait_until(lambda: hub.plugins["p1"].logins == 3)
    await hub.stop()
    await hub.stop()
    assert not storage.exists()
    assert not hub.online("p1")
    for peer in peers:
        await peer.closed()
        await peer.close()
    async with asyncio.timeout(5):
        # What the clients of this test still run ends within a few rounds of the loop.
        while asyncio.all_tasks() - before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert aio.running_tasks() == []


async def test_a_start_that_fails_leaves_nothing_behind(hub: DemoHub, pictures: Path):
    other = DemoHub(int(hub.url.rpartition(":")[2]), assets_dir=pictures)
    with pytest.raises(HubError, match="cannot listen"):
        await other.start()
    assert other._storage is None
    await other.stop()


async def test_a_job_of_a_current_hub(hub, connect):
    peer = await connect()
    session = await hub.run_plugin("p1", asset=1, config='{"a": 1}')
    job = await peer.job()
    url = job.pop("dataURL")
    assert url.startswith(f"{hub.url}/files/assets/b.png?")
    assert "X-Signature=" in url
    assert job.pop("apiKey") == session.api_key
    assert job == {
        "session": session.id,
        "projectId": hub.project.id,
        "orgId": hub.project.organization_id,
        "runBy": hub.project.user_id,
        "categorySchema": [
            {"schemaId": hub.project.schema_id(name), "modelClass": name} for name in ("bolt", "nut", "washer")
        ],
        "configJSON": '{"a": 1}',
        "workflow": False,
        "batches": list(hub.assets[1].batches),
        "assetId": hub.assets[1].id,
        "taskId": session.task_id,
    }
    assert hub.sessions == {session.id: session}


async def test_a_job_of_an_older_hub(hub, connect):
    peer = await connect()
    task = hub.project.task_of(hub.assets[0])
    task.answer["tools"].append({"objectId": "old"})
    await hub.run_plugin("p1", workflow=True, generation="older", class_mapping=None)
    job = await peer.job()
    assert job["tags"] == list(hub.assets[0].batches)
    assert job["categorySchema"] is None
    assert job["labeltask"] == {"_id": task.id, "answer": task.answer}
    assert not {"batches", "assetId", "taskId", "overwrite"} & set(job)
    session = next(iter(hub.sessions.values()))
    task.answer["tools"].append({"objectId": "new"})
    assert session.job == job
    await hub.run_plugin("p1", generation="older")
    assert "labeltask" not in await peer.job()


async def test_a_job_of_a_newer_hub_has_no_address(hub, connect, http):
    peer = await connect()
    await hub.run_plugin("p1", asset=hub.assets[2].id, generation="asset-id", overwrite=False)
    job = await peer.job()
    assert "dataURL" not in job
    assert job["overwrite"] is False
    params = {"filters": json.dumps({"_id": job["assetId"]})}
    answer = await http.get(f"/v2/project/{job['projectId']}/assets", params=params)
    [asset] = answer.json()["data"]["assets"]
    assert asset["externalId"] == "c.PNG"
    assert (await http.get(asset["data"])).status_code == 200


async def test_a_job_can_be_anything_else(hub, connect):
    peer = await connect()
    await hub.run_plugin("p1", asset=-1, class_mapping={"bolt": "x", "nut": "x"}, extra={"orgId": "o", "new": [1]})
    job = await peer.job()
    assert job["categorySchema"] == [{"schemaId": "x", "modelClass": "bolt"}, {"schemaId": "x", "modelClass": "nut"}]
    assert (job["orgId"], job["new"]) == ("o", [1])
    assert "inspection-note.txt" in job["dataURL"]
    session = await hub.run_plugin("p1", asset=None, extra={"session": "mine"})
    job = await peer.job()
    assert "dataURL" not in job
    assert "taskId" not in job
    assert session.id == "mine"
    assert session.task_id is None


@pytest.mark.parametrize("asset", [4, -5, "none", ""])
async def test_an_asset_that_is_not_there_is_a_known_error(hub, connect, asset):
    await connect()
    with pytest.raises(HubError, match="4 assets"):
        await hub.run_plugin("p1", asset=asset)


async def test_a_project_without_pictures_still_has_its_note(tmp_path: Path):
    async with DemoHub(assets_dir=tmp_path / "none") as hub:
        assert [asset.external_id for asset in hub.assets] == ["inspection-note.txt"]
        assert hub.project.pictures == []


async def test_the_shipped_pictures_are_the_default():
    async with DemoHub() as hub:
        assert len(hub.project.pictures) >= 3


async def test_a_job_can_be_sent_again(hub, connect):
    first = await connect()
    session = await hub.run_plugin("p1")
    job = await first.job()
    second = await connect()
    await hub.resend(session)
    assert await second.job() == job
    fresh = hub.asset_url(hub.assets[0])
    await hub.resend(session, {"dataURL": fresh})
    assert await second.job() == job | {"dataURL": fresh}
    assert session.job == job
    assert session.sent == 3
    assert list(hub.sessions) == [session.id]
    hub.cut()
    await hub.wait_until(lambda: not hub.online("p1"))
    with pytest.raises(HubError):
        await hub.resend(session)
    assert list(hub.sessions) == [session.id]


async def test_a_hub_that_is_started_again_knows_its_sessions_and_addresses(pictures: Path, make_peer):
    key = b"kept over the restart"
    async with DemoHub(assets_dir=pictures, signing_key=key) as first:
        first.add_plugin("p1", "s1")
        peer = make_peer()
        await peer.connect(first.url)
        await peer.heartbeat()
        await first.wait_online("p1")
        session = await first.run_plugin("p1")
    async with DemoHub(int(first.url.rpartition(":")[2]), pictures, signing_key=key) as second:
        second.add_plugin("p1", "s1")
        second.adopt(session)
        async with httpx.AsyncClient() as http:
            assert (await http.get(session.job["dataURL"])).status_code == 200
        again = make_peer()
        await again.connect(second.url)
        await again.heartbeat()
        await again.emit("response", {"response": ANSWER, "session": session.id})
        await second.wait_until(lambda: session.done)
        assert second.protocol_errors == []


async def test_malformed_jobs_arrive_as_they_are(hub, connect):
    peer = await connect()
    jobs = dict(malformed_jobs())
    for payload in jobs.values():
        session = await hub.send_raw("p1", payload)
        assert await peer.job() == payload
        if session is not None:
            assert hub.sessions[payload["session"]] is session
    assert len(hub.sessions) == sum(
        isinstance(payload, dict) and isinstance(payload.get("session"), str) for payload in jobs.values()
    )
    session = hub.sessions["malformed config broken"]
    await peer.emit("response", {"error": True, "session": session.id})
    assert (await session.wait(5)).error


async def test_the_persons_own_key_belongs_to_no_session(hub, connect, http):
    peer = await connect()
    session = await hub.send_raw("p1", {"session": "x", "apiKey": hub.api_key})
    await peer.job()
    await http.get("/v2/listProjects")
    assert (hub.http_calls[-1].session, hub.http_calls[-1].data["key"]) == ("", "user")
    assert hub.sessions == {"x": session}


async def test_broken_frames_can_be_sent(hub, connect):
    peer = await connect()
    await hub.send_frame("p1", '2/plugin,["plugin",7]')
    assert await peer.job() == 7


async def test_other_events_can_be_sent(hub, connect):
    peer = await connect()
    assert await hub.send_raw("p1", {"session": "x"}, event="news") is None
    await hub.run_plugin("p1")
    assert (await peer.job())["session"] in hub.sessions
    assert len(hub.sessions) == 1


async def test_it_goes_away_and_comes_back_on_the_same_port(hub, connect):
    peer = await connect()
    url = hub.url
    await hub.pause()
    await peer.closed()
    await hub.wait_until(lambda: not hub.online("p1"))
    with pytest.raises(Exception, match=r"[Cc]onnect"):
        await connect()
    await hub.resume()
    assert hub.url == url
    await connect()
    assert hub.online("p1")


async def test_a_slow_handshake_outlasts_an_impatient_client(hub, connect):
    hub.faults.handshake_delay = 30
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connect(), 0.1)
    hub.faults.clear()
    await connect()
    # The impatient client would wait for a goodbye.
    await hub.pause()


async def test_everything_that_happens_is_told(hub, connect):
    heard: list[HubEvent] = []
    hub.happened.connect(heard.append)
    await connect()
    assert [event.kind for event in heard] == [EventKind.CONNECT, EventKind.HEARTBEAT]
    assert heard == hub.events


async def test_history_is_bounded(pictures: Path, make_peer):
    async with DemoHub(assets_dir=pictures, history_limit=5) as hub:
        hub.add_plugin("p1", "s1")
        peer = make_peer()
        await peer.connect(hub.url)
        await peer.heartbeat()
        await hub.wait_online("p1")
        for _ in range(12):
            session = await hub.run_plugin("p1")
            await peer.emit("response", {"response": ANSWER, "session": session.id})
            await session.wait(5)
        assert len(hub.events) == 5
        assert len(hub.sessions) == 5


async def test_waiting_for_a_plugin_ends_in_time(hub):
    with pytest.raises(TimeoutError):
        await hub.wait_online("p1", 0.01)


async def test_a_burst_of_jobs_is_answered_in_full(hub, connect):
    peer = await connect()
    sessions = [await hub.run_plugin("p1", asset=number % 3) for number in range(300)]
    for _ in sessions:
        job = await peer.job()
        await peer.emit("response", {"response": ANSWER, "session": job["session"]})
    for session in sessions:
        await session.wait(10)
    assert all(len(session.responses) == 1 for session in sessions)
    assert hub.protocol_errors == []
