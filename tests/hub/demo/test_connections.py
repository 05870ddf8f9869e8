"""The Socket.IO side, with a real client on the other end."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from desktop_app.hub.demo.connections import PluginOffline
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import EventKind, of_kind

ANSWER = {"objects": [{"point": [1, 2]}], "classifications": [], "relations": []}


def errors(hub: DemoHub) -> list[str]:
    return [event.text for event in hub.protocol_errors]


async def test_a_heartbeat_logs_in_and_a_job_comes_back_answered(hub, connect, log_line):
    peer = await connect()
    assert hub.online("p1")
    session = await hub.run_plugin("p1", asset=1)
    job = await peer.job()
    assert job == session.job
    await peer.emit("log", log_line(job, "found 1", progress=0.5))
    await peer.emit("response", {"response": ANSWER, "session": job["session"]})
    await session.wait(5)
    assert session.response == ANSWER
    assert not session.error
    assert [(line.level, line.message) for line in session.logs] == [("INFO", "found 1")]
    assert session.logs[0].fields["progress"] == 0.5
    assert session.elapsed_ms is not None
    assert hub.tasks[session.task_id].answer["tools"] == ANSWER["objects"]
    assert errors(hub) == []


async def test_events_are_recorded_in_order_and_as_received(hub, connect, log_line):
    peer = await connect()
    session = await hub.run_plugin("p1")
    job = await peer.job()
    for number in range(20):
        await peer.emit("log", log_line(job, f"line {number}"))
    await peer.emit("response", {"response": ANSWER, "session": job["session"]})
    await session.wait(5)
    kinds = [event.kind for event in hub.events]
    assert kinds == [
        EventKind.CONNECT, EventKind.HEARTBEAT, EventKind.PLUGIN, *[EventKind.LOG] * 20, EventKind.RESPONSE,
    ]  # fmt: skip
    assert [event.number for event in hub.events] == list(range(1, 25))
    assert [line.message for line in session.logs] == [f"line {number}" for number in range(20)]
    assert hub.events[1].data == {"id": "p1", "secret": "s1"}
    assert hub.events[-1].data == {"response": ANSWER, "session": job["session"]}


async def test_polling_first_works_as_client_0_1_26_does(hub, connect):
    peer = await connect(transport="polling")
    session = await hub.run_plugin("p1")
    assert (await peer.job())["session"] == session.id
    # Ends the pending poll, which a polite goodbye would wait for.
    await hub.pause()
    await peer.closed()


async def test_nothing_secret_is_in_reprs_or_logs(hub, connect, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("desktop_app").setLevel(logging.DEBUG)
    peer = await connect()
    session = await hub.run_plugin("p1")
    await peer.job()
    text = repr(session) + repr(hub.events) + repr(hub.plugins)
    text += "".join(record.getMessage() for record in caplog.records if record.name.startswith("desktop_app"))
    assert "'s1'" not in text
    assert session.api_key not in text


@pytest.mark.parametrize(("plugin_id", "secret"), [("p1", "wrong"), ("nobody", "s1"), ("p1", "s\xe9"), ("", "")])
async def test_a_wrong_login_is_dropped_right_after_the_heartbeat(hub, connect, plugin_id, secret):
    peer = await connect(login=False)
    await peer.heartbeat(plugin_id, secret)
    await peer.closed()
    assert not hub.online("p1")
    assert EventKind.LOGIN_REFUSED in [event.kind for event in hub.events]


async def test_a_wrong_login_may_be_met_with_silence(hub, connect):
    hub.faults.wrong_login = "silence"
    peer = await connect(login=False)
    await peer.heartbeat("p1", "wrong")
    await hub.wait_until(lambda: hub.events[-1].kind is EventKind.LOGIN_REFUSED)
    assert not peer.gone.is_set()
    assert not hub.online("p1")
    # The same connection with the right secret is welcome.
    await peer.heartbeat()
    await hub.wait_online("p1", 5)


@pytest.mark.parametrize("how", ["disconnect", "silence"])
async def test_one_plugin_can_be_refused_while_the_others_work(hub, connect, how):
    hub.add_plugin("p2", "s2")
    hub.faults.refuse_login("p2", how)
    await connect()
    refused = await connect(login=False)
    await refused.heartbeat("p2", "s2")
    await hub.wait_until(lambda: EventKind.LOGIN_REFUSED in [event.kind for event in hub.events])
    if how == "disconnect":
        await refused.closed()
    assert hub.online("p1")
    assert not hub.online("p2")
    hub.faults.accept_login("p2")
    again = await connect(login=False)
    await again.heartbeat("p2", "s2")
    await hub.wait_online("p2", 5)


async def test_every_heartbeat_can_cost_the_connection(hub, connect):
    hub.faults.close_at_heartbeat = True
    for _ in range(3):
        peer = await connect()
        await peer.closed()
    assert hub.plugins["p1"].logins == 3
    assert not hub.online("p1")


async def test_the_newest_connection_gets_the_jobs_and_the_older_may_still_answer(hub, connect):
    older = await connect()
    first = await hub.run_plugin("p1")
    await older.job()
    newer = await connect()
    second = await hub.run_plugin("p1")
    assert (await newer.job())["session"] == second.id
    assert older.jobs.empty()
    await older.emit("response", {"response": ANSWER, "session": first.id})
    await first.wait(5)
    assert not older.gone.is_set()
    await newer.close()
    await hub.wait_until(lambda: len(hub.plugins["p1"].connections) == 1)
    third = await hub.run_plugin("p1")
    assert (await older.job())["session"] == third.id


async def test_a_plugin_that_is_not_online_gets_no_job(hub, connect):
    with pytest.raises(PluginOffline, match="p1 is not online"):
        await hub.run_plugin("p1")
    with pytest.raises(PluginOffline, match="no plugin p9"):
        await hub.run_plugin("p9")
    assert hub.sessions == {}
    peer = await connect()
    await peer.close()
    await hub.wait_until(lambda: not hub.online("p1"))
    with pytest.raises(PluginOffline):
        await hub.send_raw("p1", {"session": "x"})
    assert hub.sessions == {}


async def test_heartbeats_that_stop_turn_the_plugin_red(hub, connect):
    peer = await connect()
    hub.plugins["p1"].connections[0].last_heartbeat -= 149
    assert hub.online("p1")
    hub.plugins["p1"].connections[0].last_heartbeat -= 2
    assert not hub.online("p1")
    with pytest.raises(PluginOffline):
        await hub.run_plugin("p1")
    assert not peer.gone.is_set()
    await peer.heartbeat()
    await hub.wait_online("p1", 5)


async def test_a_cut_connection_ends_without_a_word(hub, connect):
    peer = await connect()
    hub.cut("p1")
    await peer.closed()
    await hub.wait_until(lambda: not hub.online("p1"))


async def test_a_cut_spares_the_others(hub, connect):
    hub.add_plugin("p2", "s2")
    first = await connect()
    other = await connect(login=False)
    await other.heartbeat("p2", "s2")
    await hub.wait_online("p2", 5)
    hub.cut("p1")
    await first.closed()
    assert hub.online("p2")


async def test_the_hub_can_ask_a_plugin_to_go(hub, connect):
    peer = await connect()
    await hub.disconnect("p1")
    await peer.closed()
    assert not hub.online("p1")


async def test_a_lost_response_never_arrives_and_cuts_the_line(hub, connect):
    hub.faults.lost_responses = 1
    peer = await connect()
    session = await hub.run_plugin("p1")
    await peer.job()
    await peer.emit("response", {"response": ANSWER, "session": session.id})
    await peer.closed()
    assert not session.done
    again = await connect()
    await again.emit("response", {"response": ANSWER, "session": session.id})
    await session.wait(5)
    assert session.responses == [{"response": ANSWER, "session": session.id}]


@pytest.mark.parametrize(
    "frame",
    [
        '2/plugin,["log",{broken',
        "2/plugin,",
        "9/plugin,[]",
        '2/plugin,[["log"],1]',
        '2/plugin,{"log":1}',
        "2/plugin,[]",
        "3/plugin,77[]",
        '51-/plugin,["log",{"_placeholder":true,"num":9}]',
        '2/elsewhere,["log",{}]',
        "hello",
    ],
)
async def test_a_broken_packet_costs_its_sender_at_most_the_connection(hub, connect, frame):
    hub.add_plugin("p2", "s2")
    other = await connect(login=False)
    await other.heartbeat("p2", "s2")
    peer = await connect()
    await peer.frame(frame)
    await peer.heartbeat()
    await hub.wait_until(lambda: hub.plugins["p1"].heartbeats == 2 or not hub.online("p1"))
    assert hub.online("p1") or "could not be decoded" in errors(hub)[0]
    session = await hub.run_plugin("p2")
    assert (await other.job())["session"] == session.id
    fresh = await connect()
    session = await hub.run_plugin("p1")
    assert (await fresh.job())["session"] == session.id


@pytest.mark.parametrize(
    "payload", [None, "x", 5, [], {}, {"id": 1, "secret": "s1"}, {"id": "p1"}, {"id": "p1", "secret": None}]
)
async def test_an_odd_heartbeat_is_a_protocol_error(hub, connect, payload):
    peer = await connect(login=False)
    await peer.emit("heartbeat", payload)
    await hub.wait_until(lambda: bool(hub.protocol_errors))
    assert "heartbeat" in errors(hub)[0]
    assert not hub.online("p1")
    await peer.heartbeat()
    await hub.wait_online("p1", 5)


async def test_unknown_events_and_argument_counts_are_protocol_errors(hub, connect):
    peer = await connect()
    await peer.emit("hello", {"a": 1})
    await peer.emit("log")
    await peer.emit("response", {"session": "x"}, 2)
    await hub.wait_until(lambda: len(hub.protocol_errors) >= 5)
    assert errors(hub) == [
        "the event `hello` is not part of the protocol",
        "`log` came with 0 arguments, not one",
        "a log is an object",
        "`response` came with 2 arguments, not one",
        "a response for a session that this hub did not start",
    ]
    assert hub.online("p1")


async def test_nobody_speaks_before_the_login(hub, connect):
    known = await connect()
    session = await hub.run_plugin("p1")
    await known.job()
    stranger = await connect(login=False)
    await stranger.emit("response", {"response": ANSWER, "session": session.id})
    await hub.wait_until(lambda: bool(hub.protocol_errors))
    assert errors(hub) == ["`response` came before the login"]
    assert not session.done


async def test_an_event_past_the_limit_costs_the_connection(pictures: Path, make_peer):
    async with DemoHub(assets_dir=pictures, max_http_buffer_size=10_000) as hub:
        hub.add_plugin("p1", "s1")
        peer = make_peer()
        await peer.connect(hub.url)
        await peer.heartbeat()
        await hub.wait_online("p1", 5)
        await peer.emit("log", {"msg": "x" * 20_000})
        await peer.closed()
        await hub.wait_until(lambda: not hub.online("p1"))


@pytest.fixture
async def open_hub(pictures):
    """A hub that takes every plugin in, with the registered plugin "p1", secret "s1"."""
    async with DemoHub(assets_dir=pictures, accept_all=True) as running:
        running.add_plugin("p1", "s1", class_names=("bolt",))
        yield running


async def test_a_hub_that_accepts_all_takes_strangers_in(open_hub, make_peer):
    for secret in ("one", "another"):
        peer = make_peer()
        await peer.connect(open_hub.url)
        await peer.heartbeat("stranger", secret)
        await open_hub.wait_online("stranger", 5)
        await peer.close()
        await open_hub.wait_until(lambda: not open_hub.online("stranger"), 5)
    assert open_hub.plugins["stranger"].guest
    assert open_hub.plugins["stranger"].logins == 2


async def test_a_registered_plugin_needs_its_secret_there_too(open_hub, make_peer):
    peer = make_peer()
    await peer.connect(open_hub.url)
    await peer.heartbeat("p1", "wrong")
    await open_hub.wait_until(lambda: of_kind(open_hub.events, EventKind.LOGIN_REFUSED) != [], 5)
    assert not open_hub.online("p1")
    assert open_hub.plugins["p1"].secret == "s1"
    peer = make_peer()  # the refused one was disconnected
    await peer.connect(open_hub.url)
    await peer.heartbeat("p1", "s1")
    await open_hub.wait_online("p1", 5)


async def test_what_somebody_refused_still_says_is_no_trouble(hub, connect, caplog):
    hub.faults.refuse_login("p2", "disconnect")
    refused = await connect(login=False)
    beat = '2/plugin,["heartbeat",{"id":"p2","secret":"s2"}]'
    await asyncio.gather(*(refused.frame(beat) for _ in range(5)))
    await refused.closed()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_other_hubs_refuse_strangers(hub, make_peer):
    peer = make_peer()
    await peer.connect(hub.url)
    await peer.heartbeat("stranger", "x")
    await hub.wait_until(lambda: of_kind(hub.events, EventKind.LOGIN_REFUSED) != [], 5)
    assert "stranger" not in hub.plugins
