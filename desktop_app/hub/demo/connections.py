"""The Socket.IO side of the demo hub: who is connected, who is logged in, what comes and goes on the wire.

Facts: hub-protocol, Connection. Engine.IO 4 and Socket.IO protocol 5 are python-socketio's; nothing that a client
sends may raise out of here: whatever is wrong is recorded as a protocol error.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import socketio
from aiohttp import web

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import HubError
from desktop_app.hub.demo.faults import Faults
from desktop_app.hub.demo.sessions import Sessions
from desktop_app.hub.demo.state import Connection, EventKind, Plugin, Recorder

NAMESPACE = "/plugin"


class PluginOffline(HubError):
    """A job was to be sent to a plugin that has no live connection."""


class Connections:
    """Everything on the namespace `/plugin`.

    Args:
        heartbeat_limit: seconds without a heartbeat after which a plugin counts as offline, although its connection
            stands: the hub shows it red "a couple of minutes after they stop".
        accept_all: whether a plugin that nobody registered is taken in as a model plugin, with any secret.
    """

    def __init__(
        self,
        recorder: Recorder,
        sessions: Sessions,
        faults: Faults,
        *,
        ping_interval: float,
        ping_timeout: float,
        max_http_buffer_size: int,
        heartbeat_limit: float,
        accept_all: bool = False,
    ) -> None:
        self._accept_all = accept_all
        self.plugins: dict[str, Plugin] = {}
        self._recorder = recorder
        self._sessions = sessions
        self._faults = faults
        self._heartbeat_limit = heartbeat_limit
        self._connections: dict[str, Connection] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        logger = logging.getLogger(__name__)
        # Below WARNING these libraries log whole packets, secrets and API keys included; their warnings are of what
        # this hub does on purpose: somebody it has just refused sends one thing more.
        quiet = logger.getChild("socketio")
        quiet.setLevel(logging.ERROR)
        # Typed as Any: python-socketio has no type information.
        self._sio: Any = socketio.AsyncServer(
            async_mode="aiohttp",
            async_handlers=False,
            logger=quiet,
            engineio_logger=quiet,
            json=json,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=max_http_buffer_size,
        )
        self._sio.on("connect", self._on_connect, namespace=NAMESPACE)
        self._sio.on("disconnect", self._on_disconnect, namespace=NAMESPACE)
        self._sio.on("*", self._on_event, namespace=NAMESPACE)
        # The libraries' own tasks sleep for a whole ping interval; tracked, they can be ended with the hub.
        self._sio.eio.start_background_task = self._track
        self._decode = self._sio.eio.handlers["message"]
        self._sio.eio.on("message", self._on_message)

    def attach(self, app: web.Application) -> None:
        """Serves `/socket.io/` from the application."""
        self._sio.attach(app)

    async def shutdown(self) -> None:
        """Cuts every connection and ends every task of the Socket.IO server."""
        self.cut()
        # A cut connection unwinds in the loop; its handler must find the server still standing.
        await asyncio.sleep(0)
        await cancel_and_wait(*self._tasks)
        for connection in list(self._connections.values()):
            self._forget(connection, "hub stopped")

    def online(self, plugin_id: str) -> bool:
        """Whether the plugin is logged in on a connection and its last heartbeat is recent."""
        return self._newest(plugin_id) is not None

    def check_online(self, plugin_id: str) -> None:
        """Raises PluginOffline unless a job could be sent now."""
        self._require(plugin_id)

    async def send(self, plugin_id: str, event: str, payload: Any) -> None:
        """Emits one event with one argument to the plugin's newest connection.

        Raises:
            PluginOffline: there is none.
        """
        connection = self._require(plugin_id)
        # As a tuple: python-socketio would spread a tuple payload and leave None out.
        await self._sio.emit(event, (payload,), to=connection.sid, namespace=NAMESPACE)

    async def send_frame(self, plugin_id: str, frame: str) -> None:
        """Sends an Engine.IO message as it is, such as `2/plugin,["plugin",{broken`.

        Raises:
            PluginOffline: the plugin has no live connection.
        """
        await self._sio.eio.send(self._eio_sid(self._require(plugin_id)), frame)

    async def disconnect(self, plugin_id: str) -> None:
        """Closes the plugin's connections in the protocol's own way, as a hub does that wants a plugin gone."""
        plugin = self.plugins.get(plugin_id)
        for connection in list(plugin.connections) if plugin else ():
            await self._sio.disconnect(connection.sid, namespace=NAMESPACE)

    def cut(self, plugin_id: str | None = None) -> None:
        """Breaks connections without a word, as a failing network does: one plugin's, or all that stand."""
        for connection in list(self._connections.values()):
            if plugin_id in (None, connection.plugin_id):
                self._cut(connection)

    # -- handlers ---------------------------------------------------------------------------------------------------

    async def _on_connect(self, sid: str, environ: object, auth: object = None) -> None:
        if self._faults.handshake_delay:
            await asyncio.sleep(self._faults.handshake_delay)
        self._connections[sid] = Connection(sid)
        self._recorder.add(EventKind.CONNECT)

    async def _on_disconnect(self, sid: str, reason: object = None) -> None:
        connection = self._connections.get(sid)
        if connection is not None:
            self._forget(connection, str(reason or ""))

    async def _on_message(self, eio_sid: str, data: Any) -> None:
        """Every Engine.IO message, before Socket.IO decodes it: where broken JSON and odd packets are caught.

        They cost their sender the connection, as on the official server: what follows may not be decodable either.
        """
        try:
            await self._decode(eio_sid, data)
        except Exception as error:  # noqa: BLE001 - a client can make the decoder raise anything
            self._recorder.add(
                EventKind.PROTOCOL_ERROR,
                text=f"a packet could not be decoded: {type(error).__name__}: {error}",
                data=data,
            )
            self._cut_transport(eio_sid)

    async def _on_event(self, event: str, sid: str, *payloads: Any) -> None:
        connection = self._connections.get(sid)
        if connection is None:
            return
        payload = payloads[0] if payloads else None
        if len(payloads) != 1:
            self._problem(connection, f"`{event}` came with {len(payloads)} arguments, not one", list(payloads))
        if event == "heartbeat":
            await self._heartbeat(connection, payload)
        elif event not in ("log", "response"):
            self._problem(connection, f"the event `{event}` is not part of the protocol", payload)
        elif not connection.plugin_id:
            self._problem(connection, f"`{event}` came before the login", payload)
        elif event == "log":
            self._sessions.log(payload, connection.plugin_id)
        elif self._faults.take_lost_response():
            self._cut(connection)
        else:
            self._sessions.response(payload, connection.plugin_id)

    async def _heartbeat(self, connection: Connection, payload: Any) -> None:
        plugin_id = payload.get("id") if isinstance(payload, dict) else None
        secret = payload.get("secret") if isinstance(payload, dict) else None
        if not isinstance(plugin_id, str) or not isinstance(secret, str):
            self._problem(connection, "a heartbeat is an object with the texts `id` and `secret`", payload)
            return
        plugin = self.plugins.get(plugin_id)
        refusal = self._faults.refusal(plugin_id)
        if self._accept_all and refusal is None and (plugin is None or plugin.guest):
            plugin = self._take_in(plugin_id, secret)
        if plugin is None or not hmac.compare_digest(plugin.secret.encode(), secret.encode()):
            refusal = refusal or self._faults.wrong_login
        if plugin is None or refusal is not None:
            self._recorder.add(EventKind.LOGIN_REFUSED, plugin_id=plugin_id, text=refusal or "", data=payload)
            if refusal == "disconnect":
                await self._sio.disconnect(connection.sid, namespace=NAMESPACE)
            return
        self._log_in(connection, plugin)
        self._recorder.add(EventKind.HEARTBEAT, plugin_id=plugin_id, data=payload)
        if self._faults.close_at_heartbeat:
            await self._sio.disconnect(connection.sid, namespace=NAMESPACE)

    def _take_in(self, plugin_id: str, secret: str) -> Plugin:
        plugin = self.plugins.setdefault(plugin_id, Plugin(plugin_id, secret, guest=True))
        plugin.secret = secret
        return plugin

    def _log_in(self, connection: Connection, plugin: Plugin) -> None:
        connection.last_heartbeat = time.monotonic()
        plugin.heartbeats += 1
        if connection.plugin_id != plugin.id:
            self._log_out(connection)
            connection.plugin_id = plugin.id
            plugin.connections.append(connection)
            plugin.logins += 1

    def _log_out(self, connection: Connection) -> None:
        plugin = self.plugins.get(connection.plugin_id)
        if plugin is not None and connection in plugin.connections:
            plugin.connections.remove(connection)

    # -- connections ------------------------------------------------------------------------------------------------

    def _forget(self, connection: Connection, reason: str) -> None:
        self._connections.pop(connection.sid, None)
        self._log_out(connection)
        self._recorder.add(EventKind.DISCONNECT, plugin_id=connection.plugin_id, text=reason)

    def _cut(self, connection: Connection) -> None:
        self._cut_transport(self._eio_sid(connection))

    def _cut_transport(self, eio_sid: Any) -> None:
        environ = self._sio.environ.get(eio_sid)
        transport = environ["aiohttp.request"].transport if environ else None
        if transport is not None:
            transport.abort()

    def _eio_sid(self, connection: Connection) -> Any:
        return self._sio.manager.eio_sid_from_sid(connection.sid, NAMESPACE)

    def _newest(self, plugin_id: str) -> Connection | None:
        plugin = self.plugins.get(plugin_id)
        if plugin is None or not plugin.connections:
            return None
        connection = plugin.connections[-1]
        return connection if time.monotonic() - connection.last_heartbeat < self._heartbeat_limit else None

    def _require(self, plugin_id: str) -> Connection:
        if plugin_id not in self.plugins:
            raise PluginOffline(f"the demo hub has no plugin {plugin_id}", remedy="Add it first.")
        connection = self._newest(plugin_id)
        if connection is None:
            raise PluginOffline(
                f"plugin {plugin_id} is not online, so no job was sent", remedy="Start it and wait until it is online."
            )
        return connection

    def _problem(self, connection: Connection, text: str, data: Any) -> None:
        self._recorder.add(EventKind.PROTOCOL_ERROR, plugin_id=connection.plugin_id, text=text, data=data)

    def _track(self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = spawn(target(*args, **kwargs), name=f"demo hub {getattr(target, '__name__', 'task')}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
