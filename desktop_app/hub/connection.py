"""A Socket.IO connection as the listener needs it, on python-socketio.

The library does the protocol; reconnecting, logging in and counting pings are ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from desktop_app.core.aio import spawn
from desktop_app.core.left_out import left_out
from desktop_app.core.proxy import proxy_for
from desktop_app.hub.protocol import NAMESPACE
from desktop_app.hub.trouble import explain
from desktop_app.hub.trust import trusted

with left_out("requests", "websocket"):  # for its client without asyncio, which is 6 MB that nobody uses
    import engineio
    import socketio
    from engineio import packet as engineio_packet

log = logging.getLogger(__name__)

# The libraries log whole packets, and a heartbeat holds the secret.
for _name in ("socketio.client", "engineio.client"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

MAX_MESSAGE = 64 * 1024 * 1024
CLOSE_TIMEOUT_S = 2.0
MOST_QUEUED = 256
"""Packets that wait in the library for a hub that reads slowly; who sends more waits."""
WRITE_TURNS = 3
"""So many turns of the loop the library takes from its queue to the socket."""
LOOK_S = 0.02


async def _at_once() -> None:
    return None


class SocketError(Exception):
    """The connection could not be made; the text is for people.

    Attributes:
        remedy: what to do, or "".
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class _EngineClient(engineio.AsyncClient):  # type: ignore[misc]
    """Tells of pings, and reads the next message only when there is room for it."""

    on_ping: Callable[[], None] = staticmethod(lambda: None)
    roomy: Callable[[], Awaitable[None]] = staticmethod(_at_once)

    async def _receive_packet(self, pkt: Any) -> None:
        if pkt.packet_type == engineio_packet.MESSAGE:
            await self.roomy()
        await super()._receive_packet(pkt)
        if pkt.packet_type == engineio_packet.PING:
            self.on_ping()


class _Client(socketio.AsyncClient):  # type: ignore[misc]
    """Tells of the namespace's end at any moment, and survives packets that are none.

    The library ignores a disconnect that comes before its own `connect` has returned, and lets a packet that cannot be
    read end in an exception nobody retrieves.
    """

    on_gone: Callable[[str], None] = staticmethod(lambda _: None)

    def _engineio_client_class(self) -> type[_EngineClient]:
        return _EngineClient

    async def _handle_disconnect(self, namespace: str | None) -> None:
        self.on_gone("closed by the hub")
        await super()._handle_disconnect(namespace)

    async def _handle_eio_message(self, data: Any) -> None:
        try:
            await super()._handle_eio_message(data)
        except Exception as error:  # noqa: BLE001 - a hub can make the decoder raise anything
            self._binary_packet = None
            log.warning("a packet of the hub could not be read and was left out: %s", type(error).__name__)


class _Websocket:
    """An aiohttp websocket that lets us look at the first message, the handshake.

    The library keeps all of the handshake's fields but `maxPayload`, and we must not send what is larger.
    """

    def __init__(self, websocket: Any, on_open: Callable[[dict[str, Any]], None]) -> None:
        self._websocket = websocket
        self._on_open = on_open

    def __getattr__(self, name: str) -> Any:
        return getattr(self._websocket, name)

    async def receive(self) -> Any:
        message = await self._websocket.receive()
        self.receive = self._websocket.receive  # type: ignore[method-assign]
        with contextlib.suppress(ValueError, TypeError, IndexError):
            fields = json.loads(message.data[1:])
            if isinstance(fields, dict):
                self._on_open(fields)
        return message


class _Session:
    """The part of aiohttp's session that the library uses."""

    def __init__(self, session: aiohttp.ClientSession, on_open: Callable[[dict[str, Any]], None]) -> None:
        self._session = session
        self._on_open = on_open
        self._opened: Any = None

    @property
    def closed(self) -> bool:
        return self._session.closed

    async def ws_connect(self, url: str, **options: Any) -> _Websocket:
        # aiohttp looks for proxies of ws:// and wss:// alone, which no system has.
        self._opened = await self._session.ws_connect(url, proxy=proxy_for(url), **options)
        return _Websocket(self._opened, self._on_open)

    async def close(self) -> None:
        """Also closes a websocket that the library opened and, not liking what it said, forgot."""
        try:
            if self._opened is not None and not self._opened.closed:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._opened.close()
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass  # the session takes the connection with it
        finally:
            await self._session.close()


class HubSocket:
    """One connection to the namespace `/plugin`, websocket only.

    Args:
        on_event: hears each event's name and first argument, in order of arrival.
        on_ping: hears of each ping of the server, after the pong was queued.
        roomy: returns when there is room for one more message; nothing is read before.

    Attributes:
        reason: why the connection ended, "" while it lives.
        dismissed: whether the hub said that it wants us no more, rather than falling silent or falling over.
        max_payload: the largest message that the server takes, in bytes, or None where it does not say.
    """

    def __init__(
        self,
        host: str,
        *,
        on_event: Callable[[str, Any], None],
        on_ping: Callable[[], None],
        roomy: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._host = host
        self._on_event = on_event
        self._on_ping = on_ping
        self._roomy = roomy
        self._closed = asyncio.Event()
        self._ending = asyncio.Lock()
        self._client: _Client | None = None
        self._session: _Session | None = None
        self.reason = ""
        self.dismissed = False
        self.max_payload: int | None = None

    @property
    def connected(self) -> bool:
        """Whether events can be sent."""
        return self._client is not None and bool(self._client.connected) and not self._closed.is_set()

    async def connect(self) -> None:
        """Opens the connection and joins the namespace.

        Raises:
            SocketError: it could not be opened; says why in words.
        """
        connector = aiohttp.TCPConnector(ssl=await trusted())
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(_stay)
        session = aiohttp.ClientSession(connector=connector, trace_configs=[trace])
        self._session = _Session(session, self._opened)
        client = _Client(
            reconnection=False,
            handle_sigint=False,
            logger=False,
            engineio_logger=False,
            json=json,  # the library's own refuses a job over an integer of more than 100 digits
            http_session=self._session,
            websocket_extra_options={"max_msg_size": MAX_MESSAGE},
        )
        client.eio.on_ping = self._on_ping
        client.eio.roomy = self._roomy
        client.on_gone = self._dismiss
        client.on("*", self._event, namespace=NAMESPACE)
        client.on("disconnect", self._disconnected, namespace=NAMESPACE)
        self._client = client
        try:
            await client.connect(self._host, transports=["websocket"], namespaces=[NAMESPACE], wait_timeout=10)
        except Exception as error:  # a hub that is none can make the library raise anything
            await self.abort()
            raise SocketError(*explain(error)) from error
        # The library misses a connection that ends before its `connect` returns: its reader ends with any of them.
        reader = client.eio.read_loop_task
        if reader is None or client.eio.state != "connected":
            self._end("closed by the hub")
        else:
            reader.add_done_callback(lambda _: self._end("the network failed"))

    async def emit(self, event: str, data: Any, text: str = "") -> None:
        """Queues one event for the server; on a connection that just broke it is lost silently.

        Args:
            text: the JSON text of `data`, where it is known: a large answer takes long to write, and to search for
                bytes, which JSON cannot hold.
        """
        client = self._client
        if client is None or not client.connected:
            return
        if not text:
            with contextlib.suppress(socketio.exceptions.BadNamespaceError):
                await client.emit(event, data, namespace=NAMESPACE)
        elif NAMESPACE in client.namespaces:
            await client.eio.send(f"{socketio.packet.EVENT}{NAMESPACE},[{json.dumps(event)},{text}]")
        # So it is on the wire before anybody goes on with what follows an answer, which takes longer than the way.
        for _ in range(WRITE_TURNS):
            await asyncio.sleep(0)
        # The library's queue tells nobody when it has room again.
        while client.eio.queue.qsize() > MOST_QUEUED and not self._closed.is_set():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)

    async def closed_within(self, seconds: float) -> bool:
        """Waits for the end of the connection, at most so long."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def close(self) -> bool:
        """Sends what is queued and closes in order. True if the server took part in time."""
        client = self._client
        if client is None or not self.connected:
            return False
        websocket = client.eio.ws
        try:
            async with self._ending, asyncio.timeout(CLOSE_TIMEOUT_S):
                # The library closes over the heads of packets that still wait.
                await client.eio.queue.join()
                await client.disconnect()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False
        finally:
            self._end("closed by us")
        return websocket.close_code not in (None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE)

    async def abort(self) -> None:
        """Drops the connection, open or half open, and frees what it holds. Waits at most for the close time-out."""
        self._end("aborted")
        freeing = spawn(self._free(), name="free a connection")
        try:
            await asyncio.shield(freeing)
        except asyncio.CancelledError:
            await asyncio.wait([freeing])  # half freed is leaked
            raise

    async def _free(self) -> None:
        client, self._client = self._client, None
        try:
            # Not into a close in order that is under way.
            async with self._ending:
                if client is not None:
                    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                        await asyncio.wait_for(client.eio.disconnect(abort=True), CLOSE_TIMEOUT_S)
        finally:
            if client is not None:
                await _end_loops(client)
            session, self._session = self._session, None
            if session is not None:
                await session.close()

    def _opened(self, handshake: dict[str, Any]) -> None:
        limit = handshake.get("maxPayload")
        self.max_payload = limit if isinstance(limit, int) and limit > 0 else None

    def _event(self, event: str, *arguments: Any) -> None:
        self._on_event(event, arguments[0] if arguments else None)

    def _dismiss(self, reason: str) -> None:
        self.dismissed = self.dismissed or not self._closed.is_set()
        self._end(reason)

    def _disconnected(self, reason: str = "") -> None:
        self._end(str(reason) or "closed by the hub")

    def _end(self, reason: str) -> None:
        if not self._closed.is_set():
            self.reason = reason
            self._closed.set()


async def _stay(_: Any, __: Any, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """The plugin's secret goes to the profile's host and to no other, wherever it may point."""
    reply = redirect.response
    raise aiohttp.WSServerHandshakeError(reply.request_info, (), status=reply.status, message="a redirect")


async def _end_loops(client: _Client) -> None:
    loops = [client.eio.read_loop_task, client.eio.write_loop_task]
    for task in loops:
        if task is not None and not task.done() and task is not asyncio.current_task():
            task.cancel()
    await asyncio.gather(*(task for task in loops if task is not None), return_exceptions=True)
