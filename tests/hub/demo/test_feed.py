"""Jobs that keep coming."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import HubError
from desktop_app.hub.demo.feed import LOST_AFTER, OPEN_LIMIT, feed
from desktop_app.hub.demo.server import DemoHub

ANSWER = {"objects": [], "classifications": [], "relations": []}


@pytest.fixture
async def answering(hub, make_peer):
    """Connects peers under the given plugin ids that answer every job at once."""
    tasks = []

    async def answer(peer):
        while True:
            job = await peer.jobs.get()
            await peer.emit("response", {"response": ANSWER, "session": job["session"]})

    async def start(*plugin_ids: str) -> None:
        for plugin_id in plugin_ids:
            hub.add_plugin(plugin_id, "secret")
            peer = make_peer()
            await peer.connect(hub.url)
            await peer.heartbeat(plugin_id, "secret")
            await hub.wait_online(plugin_id)
            tasks.append(spawn(answer(peer), name=f"peer {plugin_id}"))

    yield start
    await cancel_and_wait(*tasks)


async def test_plugins_and_pictures_take_turns(hub, answering):
    await answering("a", "b")
    sessions = await feed(hub, ["a", "b", "offline"], interval=0, jobs=7)
    for session in sessions:
        await session.wait(5)
    assert [session.plugin_id for session in sessions] == ["a", "b", "a", "b", "a", "b", "a"]
    pictures = [asset.id for asset in hub.project.pictures]
    assert [session.asset_id for session in sessions] == [pictures[number % 3] for number in range(7)]


async def test_it_waits_until_a_plugin_is_online(hub, answering):
    feeding = spawn(feed(hub, ["late"], interval=0, jobs=2), name="feed")
    await asyncio.sleep(0)
    assert not feeding.done()
    await answering("late")
    sessions = await asyncio.wait_for(feeding, 5)
    assert len(sessions) == 2


async def test_a_slow_plugin_is_not_buried(hub, connect, answering):
    slow = await connect()
    await answering("quick")
    sessions = await asyncio.wait_for(feed(hub, ["p1", "quick"], interval=0, jobs=20), 10)
    assert sum(session.plugin_id == "p1" for session in sessions) == OPEN_LIMIT
    job = await slow.job()
    await slow.emit("response", {"response": ANSWER, "session": job["session"]})
    await hub.sessions[job["session"]].wait(5)
    [session] = await asyncio.wait_for(feed(hub, ["p1"], interval=0, jobs=1), 5)
    assert session.plugin_id == "p1"


async def test_sessions_that_were_lost_do_not_block_for_ever(hub, connect):
    await connect()
    lost = await feed(hub, ["p1"], interval=0, jobs=OPEN_LIMIT)
    for session in lost:
        session.sent_at -= LOST_AFTER
    assert len(await asyncio.wait_for(feed(hub, ["p1"], interval=0, jobs=1), 5)) == 1


async def test_without_a_number_it_goes_on_until_cancelled(hub, answering):
    await answering("a")
    feeding = spawn(feed(hub, ["a"], interval=0), name="feed")
    await hub.wait_until(lambda: sum(session.done for session in hub.sessions.values()) >= 30)
    assert not feeding.done()
    await cancel_and_wait(feeding)


async def test_without_plugins_or_pictures_there_is_nothing_to_do(hub, tmp_path: Path):
    with pytest.raises(HubError, match="no plugin"):
        await feed(hub, [], interval=0)
    async with DemoHub(assets_dir=tmp_path / "none") as empty:
        with pytest.raises(HubError, match="no picture"):
            await feed(empty, ["p1"], interval=0)


async def test_a_plugin_that_came_later_is_fed_without_a_mapping(hub, answering) -> None:
    hub.add_plugin("p1", "s1", class_names=("bolt",))
    ids = ["p1"]
    feeding = spawn(feed(hub, ids, interval=0.0), name="feed")
    try:
        await answering("late")
        ids.append("late")
        await hub.wait_until(lambda: any(s.plugin_id == "late" and s.done for s in hub.sessions.values()), 10)
    finally:
        await cancel_and_wait(feeding)
    # Nobody knows its classes: an empty mapping would drop all it finds.
    assert all(session.job["categorySchema"] is None for session in hub.sessions.values())
