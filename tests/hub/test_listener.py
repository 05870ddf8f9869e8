"""A profile's connection, on a hub and a network that behave and misbehave."""

from __future__ import annotations

import asyncio
import itertools
import logging

import pytest
from aiohttp import web

from desktop_app.core.errors import HubUnreachable, SecretError
from desktop_app.hub.demo.state import EventKind, of_kind
from desktop_app.hub.listener import LOGIN_REMEDY, Timing

SLOW_BACKOFF = Timing(heartbeat=0.1, settle=0.05, quick_drop=0.4, connect=3.0, backoff_first=300.0, backoff_limit=600.0)


async def test_it_comes_online_and_keeps_the_heartbeat(hub, listen):
    listening = listen(hub.url)
    await listening.becomes("online")
    assert listening.states == ["connecting", "online"]
    await hub.wait_until(lambda: hub.plugins["p1"].heartbeats >= 6)
    at = [event.at for event in of_kind(hub.events, EventKind.HEARTBEAT)]
    # The first at once, and then every tenth of a second: neither a flood nor a gap.
    gaps = [later - earlier for earlier, later in itertools.pairwise(at[1:])]
    assert min(gaps) > 0.05
    assert hub.plugins["p1"].logins == 1
    assert listening.ups == 1
    assert hub.protocol_errors == []


async def test_a_job_arrives_as_it_was_sent(hub, listen, until):
    listening = listen(hub.url)
    await hub.wait_online("p1")
    payload = {"session": "S", "unknown": [1, {"deep": None}], "text": "ä\u2028", "number": 1.5, "huge": 10**400}
    await hub.send_raw("p1", payload)
    assert await until(lambda: listening.jobs) == [payload]


async def test_jobs_keep_their_order(hub, listen, until):
    listening = listen(hub.url)
    await hub.wait_online("p1")
    for number in range(300):
        await hub.send_raw("p1", {"session": str(number)})
    await until(lambda: len(listening.jobs) == 300)
    assert [job["session"] for job in listening.jobs] == [str(number) for number in range(300)]


async def test_the_hub_says_how_much_it_takes(hub, listen):
    listening = listen(hub.url)
    await listening.becomes("online")
    assert listening.listener.max_payload == 1_000_000


@pytest.mark.parametrize("how", ["cut", "disconnect", "pause"])
async def test_it_comes_back_after_a_drop(hub, listen, how):
    listening = listen(hub.url)
    await hub.wait_until(lambda: hub.plugins["p1"].heartbeats >= 2)
    if how == "cut":
        hub.cut("p1")
    elif how == "disconnect":
        await hub.disconnect("p1")
    else:
        await hub.pause()
        link = await listening.becomes("reconnecting")
        assert link.retry_at is not None
        await hub.resume()
    await hub.wait_until(lambda: hub.plugins["p1"].logins >= 2)
    await listening.becomes("online")
    assert listening.listener.epoch == 2
    assert "login refused" not in listening.states
    assert "reconnecting" in listening.states


async def test_a_hub_that_is_away_is_tried_again_and_again(hub, listen, until):
    await hub.pause()
    listening = listen(hub.url)
    await until(lambda: len([link for link in listening.links if link.state == "reconnecting"]) >= 4)
    link = await listening.becomes("reconnecting")
    assert "cannot be reached" in link.detail
    await hub.resume()
    await listening.becomes("online")


async def test_a_refused_login_is_recognised_and_named(hub, listen):
    listening = listen(hub.url, secret="wrong")
    link = await listening.becomes("login refused")
    assert "right after login" in link.detail
    assert LOGIN_REMEDY in link.detail
    assert "online" not in listening.states


async def test_a_refused_login_that_is_accepted_later(hub, listen):
    hub.faults.refuse_login("p1")
    listening = listen(hub.url)
    await listening.becomes("login refused")
    hub.faults.accept_login("p1")
    await listening.becomes("online")


async def test_one_drop_right_after_the_login_is_not_called_a_refusal(hub, listen):
    hub.faults.refuse_login("p1")
    listening = listen(hub.url, timing=SLOW_BACKOFF)
    link = await listening.becomes("reconnecting")
    assert LOGIN_REMEDY in link.detail


async def test_a_hub_that_goes_away_is_not_called_a_refusal(hub, listen):
    listening = listen(hub.url, secret="wrong")
    await listening.becomes("login refused")
    await hub.pause()
    link = await listening.becomes("reconnecting")
    assert "cannot be reached" in link.detail
    await hub.resume()


async def test_after_sleep_or_a_change_of_network_it_connects_anew_at_once(hub, listen, wire):
    """Long before a ping that stays out would tell."""
    listening = listen(await wire.start(), timing=SLOW_BACKOFF)
    await listening.becomes("online")
    listening.listener.renew("the computer slept")
    await hub.wait_until(lambda: hub.plugins["p1"].logins == 2, 60)
    await listening.becomes("online")
    assert "login refused" not in listening.states
    assert any("slept" in link.detail for link in listening.links)


async def test_a_hub_that_falls_soon_after_the_login_is_not_called_a_refusal(hub, listen):
    """It does not say that it wants us no more: the connection ends, as when its process does."""
    listening = listen(hub.url)
    for number in range(1, 6):
        await hub.wait_until(lambda expected=number: hub.plugins["p1"].logins >= expected)
        hub.cut()
    await listening.becomes("online")
    details = [link.detail for link in listening.links if link.detail]
    assert "login refused" not in listening.states
    assert not [detail for detail in details if LOGIN_REMEDY in detail]
    assert any("The connection was lost" in detail for detail in details)
    assert any("again and again" in detail for detail in details)


async def test_a_hub_that_closes_at_every_heartbeat(hub, listen):
    hub.faults.close_at_heartbeat = True
    listening = listen(hub.url)
    await listening.becomes("login refused")
    hub.faults.close_at_heartbeat = False
    await listening.becomes("online")


async def test_a_job_right_after_the_login_proves_it(hub, listen, until):
    """A hub that drops us after each job is a bad hub, but the login is right."""
    listening = listen(hub.url)
    for number in range(3):
        await hub.wait_online("p1")
        await hub.send_raw("p1", {"session": str(number)})
        await until(lambda expected=number + 1: len(listening.jobs) == expected)
        await hub.disconnect("p1")
        await hub.wait_until(lambda expected=number + 2: hub.plugins["p1"].logins >= expected)
    assert "login refused" not in listening.states


async def test_a_half_open_connection_is_noticed(hub, listen, wire):
    """No byte comes through any more and nobody says so, as after sleep or a change of network."""
    listening = listen(await wire.start())
    await listening.becomes("online")
    wire.freeze()
    await listening.becomes("reconnecting", 20)
    wire.thaw()
    await listening.becomes("online")
    assert wire.connections >= 2


async def test_closing_a_half_open_connection_is_not_clean(hub, listen, wire):
    listening = listen(await wire.start())
    await listening.becomes("online")
    wire.freeze()
    await listening.listener.emit("log", {"session": "S"})
    assert await listening.listener.stop() is False
    assert listening.state == "stopped"


async def test_what_was_sent_before_a_clean_close_has_arrived(hub, listen):
    listening = listen(hub.url)
    await hub.wait_online("p1")
    session = await hub.send_raw("p1", {"session": "S"})
    for number in range(500):
        line = {"level": "INFO", "organization": "", "pluginId": "p1", "runBy": "", "session": "S"}
        await listening.listener.emit("log", {**line, "msg": f"{number} {'x' * 2000}"})
    assert await listening.listener.stop() is True
    await hub.wait_until(lambda: not hub.online("p1"))
    assert [int(line.message.split()[0]) for line in session.logs] == list(range(500))


async def test_stopping_tells_nothing_but_stopped(hub, listen):
    listening = listen(hub.url)
    await listening.becomes("online")
    await listening.listener.stop()
    await listening.listener.stop()
    assert listening.states == ["connecting", "online", "stopped"]


@pytest.mark.parametrize("when", ["at once", "connecting", "waiting"])
async def test_it_stops_at_any_moment(hub, listen, when):
    hub.faults.handshake_delay = 30.0
    if when == "waiting":
        await hub.pause()
    listening = listen(hub.url, timing=SLOW_BACKOFF)
    if when == "connecting":
        await listening.becomes("connecting")
        await asyncio.sleep(0)
    if when == "waiting":
        await listening.becomes("reconnecting")
    async with asyncio.timeout(5):
        assert await listening.listener.stop() is False
    assert listening.state == "stopped"


async def test_a_waiting_time_can_be_cut_short(hub, listen):
    await hub.pause()
    listening = listen(hub.url, timing=SLOW_BACKOFF)
    link = await listening.becomes("reconnecting")
    assert link.retry_at is not None
    await hub.resume()
    listening.listener.reconnect_now()
    await listening.becomes("online")


async def test_nothing_can_be_sent_without_a_connection(hub, listen):
    listening = listen(hub.url, secret="wrong")
    await listening.becomes("login refused")
    with pytest.raises(HubUnreachable, match="no connection"):
        await listening.listener.emit("log", {})


async def test_a_missing_secret_is_said_and_looked_for_again(hub, listen, until):
    answers = [SecretError("There is no secret", remedy="Enter it."), RuntimeError("keyring broke"), None]

    def secret():
        error = answers.pop(0) if len(answers) > 1 else None
        if error is not None:
            raise error
        return "s1"

    listening = listen(hub.url, secret=secret)
    await listening.becomes("online")
    assert any("There is no secret. Enter it." in link.detail for link in listening.links)
    assert any("RuntimeError" in link.detail for link in listening.links)


async def test_many_profiles_do_not_touch_each_other(hub, listen, until):
    for number in range(20):
        hub.add_plugin(f"many{number}", "s1")
    hub.faults.refuse_login("many7")
    all_of_them = [listen(hub.url, plugin_id=f"many{number}", name=f"P{number}") for number in range(20)]
    await until(lambda: all(hub.online(f"many{number}") for number in range(20) if number != 7))
    await all_of_them[7].becomes("login refused")
    hub.cut("many3")
    await hub.wait_until(lambda: hub.plugins["many3"].logins >= 2)
    for number in range(20):
        if number not in (3, 7):
            assert hub.plugins[f"many{number}"].logins == 1
    await hub.send_raw("many5", {"session": "five"})
    await until(lambda: all_of_them[5].jobs)
    assert [len(listening.jobs) for listening in all_of_them].count(1) == 1


@pytest.mark.parametrize(
    "frame",
    [
        '2/plugin,["plugin",{broken',
        "2/plugin,[]",
        "2/plugin,{}",
        '51-/plugin,["plugin",{"_placeholder":true,"num":0}]',
        "9/plugin,",
        "3/plugin,77[]",
        "",
        "2/plugin," + "[" * 100_000,
        '4/plugin,"no"',
    ],
)
async def test_packets_that_are_none_do_not_end_it(hub, listen, until, frame):
    listening = listen(hub.url)
    await hub.wait_online("p1")
    await hub.send_frame("p1", frame)
    # A text where a binary attachment was announced is used up as that.
    for number in range(20):
        await hub.send_raw("p1", {"session": f"S{number}"})
    await until(lambda: len(listening.jobs) >= 19 or listening.listener.epoch > 1)
    await until(lambda: listening.state == "online")


async def test_neither_library_logs_the_secret(hub, listen, caplog):
    caplog.set_level(logging.DEBUG)
    hub.add_plugin("p9", "quite-secret-value")
    listening = listen(hub.url, secret="quite-secret-value", plugin_id="p9")
    await listening.becomes("online")
    hub.cut()
    await hub.wait_until(lambda: hub.plugins["p9"].logins >= 2)
    await listening.listener.stop()
    ours = [record.getMessage() for record in caplog.records if not record.name.endswith(".server")]
    assert not [text for text in ours if "quite-secret-value" in text]


# Hubs that are none


async def test_an_error_page(serve, listen):
    async def gateway(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")

    listening = listen(await serve(gateway))
    link = await listening.becomes("reconnecting")
    assert "HTTP status 502" in link.detail


async def test_a_page_of_something_else(serve, listen):
    async def portal(_: web.Request) -> web.Response:
        return web.Response(text="<html>Please log in to this wireless network</html>", content_type="text/html")

    listening = listen(await serve(portal))
    link = await listening.becomes("reconnecting")
    assert "HTTP status 200" in link.detail


async def test_a_server_that_accepts_and_never_answers(listen):
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    listening = listen(f"http://127.0.0.1:{port}", timing=Timing(connect=0.3, backoff_first=300))
    link = await listening.becomes("reconnecting")
    assert "did not answer in time" in link.detail
    server.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_a_name_that_does_not_resolve(listen):
    listening = listen("http://no-such-host.invalid")
    link = await listening.becomes("reconnecting")
    assert "DNS" in link.detail or "cannot be reached" in link.detail


OPEN = '0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'


def websocket(*messages: str | bytes, stay: bool = False, drop: bool = False):
    """A websocket server that says these; the ones from the second on after the client's first message."""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for index, message in enumerate(messages):
            if index == 1:
                await socket.receive()
            await (socket.send_bytes if isinstance(message, bytes) else socket.send_str)(message)
        if drop:
            assert request.transport is not None
            request.transport.abort()
        if stay:
            await socket.receive()
            await socket.receive()
        return socket

    return handler


@pytest.mark.parametrize(
    "handshake",
    [
        "hello",
        "0[]",
        "0null",
        '0{"sid":1}',
        "0{broken",
        '0{"sid":"x","upgrades":[],"pingInterval":"soon","pingTimeout":1}',
        "",
        "4nothing",
        b"\x00\x01",
        "0" + "[" * 50_000,
    ],
)
async def test_a_websocket_that_is_no_hub(serve, listen, until, handshake):
    listening = listen(await serve(websocket(handshake)))
    await until(lambda: len([link for link in listening.links if link.state == "reconnecting"]) >= 2)
    link = await listening.becomes("reconnecting")
    assert link.detail


async def test_a_hub_that_refuses_the_namespace(serve, listen):
    refusal = '44/plugin,{"message":"Invalid namespace"}'
    listening = listen(await serve(websocket(OPEN, refusal, stay=True)))
    link = await listening.becomes("reconnecting")
    assert "namespace" in link.detail


@pytest.mark.parametrize("how", ["namespace", "close packet", "transport"])
async def test_a_connection_that_ends_the_moment_it_stands(serve, listen, until, how):
    """The library takes such a connection for alive for ever: it looks for the end only after its connect returned."""
    joined = '40/plugin,{"sid":"y"}'
    handler = {
        "namespace": websocket(OPEN, joined, "41/plugin,", stay=True),
        "close packet": websocket(OPEN, joined, "1", stay=True),
        "transport": websocket(OPEN, joined, drop=True),
    }[how]
    listening = listen(await serve(handler))
    await until(lambda: any(link.state in ("reconnecting", "login refused") for link in listening.links))
    await until(lambda: listening.listener.epoch >= 2 or len(listening.links) >= 5)


@pytest.mark.parametrize("steps", range(8))
async def test_stopping_in_the_moment_it_connects_stops_it(hub, listen, monkeypatch, steps):
    from desktop_app.hub.connection import HubSocket

    connect, gate, began = HubSocket.connect, asyncio.Event(), asyncio.Event()

    async def held(self):
        await connect(self)
        began.set()
        await gate.wait()

    monkeypatch.setattr(HubSocket, "connect", held)
    listening = listen(hub.url)
    await asyncio.wait_for(began.wait(), 10)
    gate.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    # Well before a lost cancellation would be repeated.
    await asyncio.wait_for(listening.listener.stop(), 3)
    assert listening.state == "stopped"
