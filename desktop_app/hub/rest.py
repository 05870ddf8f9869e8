"""The REST connector: the hub calls the plugin (facts: hub-protocol, REST connector).

`POST /plugin` takes a job, and its HTTP answer is the response object; `GET /heartbeat` says that the plugin is there.
Both ask for the header `Secret`. A job that failed is answered with its error response and status 500, the status that
published clients give. Log lines go to `POST /v2/pluginLog`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from desktop_app.core import aio
from desktop_app.core.errors import HubUnreachable, JobError, SecretError
from desktop_app.core.events import ProfileState
from desktop_app.core.profile import Profile
from desktop_app.hub import protocol
from desktop_app.hub.client import HubClient
from desktop_app.hub.listener import Link, Timing
from desktop_app.hub.rest_logs import SessionLogs
from desktop_app.hub.rest_port import Port

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024**2
"""Bytes of a job, as over the socket."""
BODY_LIMIT_S = 60.0
"""How long a job's bytes may take to arrive."""
LARGE_BODY = 1024**2
RETRY_AFTER_S = 5
KEPT_REPLIES = 20_000
KEPT_REPLIES_BYTES = 32 * 1024**2
COMPLAIN_EVERY_S = 60.0
NOT_READY = "The plugin is not ready yet."
UNCHECKED = "Plugdeck has no secret for this plugin, so it can check no call. Its own log says where to set it."
LAST_LINES_S = 2.0
"""How long an end waits for the log lines that are on their way."""

_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes


@dataclass(eq=False, slots=True)
class _Call:
    """One `POST /plugin` that waits for its answer."""

    reply: asyncio.Future[_Reply]
    written: asyncio.Future[bool]


@dataclass(slots=True)
class _Replies:
    """What was answered lately: a session that comes again gets the same."""

    kept: OrderedDict[str, _Reply] = field(default_factory=OrderedDict)
    size: int = 0

    def add(self, session: str, reply: _Reply) -> None:
        before = self.kept.pop(session, None)
        self.size += len(reply.body) - (len(before.body) if before else 0)
        self.kept[session] = reply
        while len(self.kept) > 1 and (len(self.kept) > KEPT_REPLIES or self.size > KEPT_REPLIES_BYTES):
            self.size -= len(self.kept.popitem(last=False)[1].body)

    def remove(self, session: str) -> _Reply | None:
        reply = self.kept.pop(session, None)
        self.size -= len(reply.body) if reply else 0
        return reply


class RestServer:
    """The port that the hub calls. It stays open when the profile behind it is started anew.

    Args:
        address: of the interface to listen on.
        port: 0 takes any free one.

    Attributes:
        connector: the profile that answers, None while there is none.
        waits_for: what callers are told meanwhile.
    """

    def __init__(self, address: str = "127.0.0.1", port: int = 8080) -> None:
        app = web.Application(middlewares=[_in_words], client_max_size=MAX_BODY)
        app.router.add_post("/plugin", self._plugin)
        app.router.add_get("/heartbeat", self._heartbeat)
        self._port = Port(app, address, port)
        self.connector: RestConnector | None = None
        self.waits_for = NOT_READY

    @property
    def url(self) -> str:
        """Where it listens, such as "http://127.0.0.1:8080"; right once it is open."""
        return self._port.url

    async def open(self) -> None:
        """Begins to listen; calls are answered with 503 until a profile is served.

        Raises:
            HubError: the port is taken or not allowed.
            UsageError: the address is none of this machine's.
        """
        await self._port.open()

    async def close(self) -> None:
        """Frees the port."""
        await self._port.close()

    async def _heartbeat(self, request: web.Request) -> web.Response:
        return self._closed(request) or web.json_response("ok")

    async def _plugin(self, request: web.Request) -> web.StreamResponse:
        refused = self._closed(request, heartbeat=False)
        if refused is not None:
            return refused
        connector = self.connector
        assert connector is not None  # noqa: S101
        try:
            async with asyncio.timeout(BODY_LIMIT_S):
                body = await request.read()
        except TimeoutError:
            return _said(408, "The job did not arrive in time.")
        try:
            payload = await asyncio.to_thread(json.loads, body) if len(body) > LARGE_BODY else json.loads(body)
        except (ValueError, RecursionError):
            return _said(422, "The body is no JSON.")
        try:
            return await connector.answer_call(request, payload)
        except JobError as error:
            return _said(422, str(error))

    def _closed(self, request: web.Request, *, heartbeat: bool = True) -> web.Response | None:
        """Why a call is not answered, as an answer; None where it is."""
        connector = self.connector
        if connector is None:
            return _said(503, self.waits_for)
        if not connector.is_secret(request.headers.get("Secret", "")):
            connector.wrong_secret(request.remote or "")
            return _said(401, "Unauthorized")
        why = connector.refusal() if heartbeat else ""
        return _said(503, why) if why else None


class RestConnector:
    """One profile behind a RestServer: what its Listener is to the socket.

    Args:
        secret: gives the plugin's secret, or raises a SecretError.
        client: for log lines.
        on_job: hears each job as it arrived; must only parse and enqueue.
        on_link: hears each change of state.
        refusal: says why jobs would not be run now, or "".

    Attributes:
        link: the present state.
        epoch, max_payload: see Listener; there is one connection for ever, and no limit.
    """

    epoch: int = 1

    def __init__(
        self,
        server: RestServer,
        profile: Profile,
        secret: Callable[[], Awaitable[str]],
        client: HubClient,
        *,
        on_job: Callable[[Any], None],
        on_link: Callable[[Link], None],
        refusal: Callable[[], str],
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        self._server = server
        self._profile = profile
        self._get_secret = secret
        self._on_job = on_job
        self._on_link = on_link
        self.refusal = refusal
        self._timing = timing
        self._secret = b""
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._calls: dict[str, list[_Call]] = {}
        self._replies = _Replies()
        self._taken: set[str] = set()
        self._giving_again: dict[str, list[asyncio.Future[bool]]] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._complained_at = 0.0
        self.logs = SessionLogs(client)
        self.link = Link(ProfileState.STOPPED)

    @property
    def connected(self) -> bool:
        """Whether calls are answered."""
        return self._server.connector is self

    @property
    def max_payload(self) -> int | None:
        """See the class."""
        return None

    def start(self) -> None:
        """Begins to answer calls, once there is a secret; returns at once."""
        if self._task is None:
            self._task = aio.spawn(self._begin(), name=f"REST connector of {self._profile.name}")

    async def stop(self) -> bool:
        """Answers no more calls; those that are still open hear so. True: what was answered was written."""
        task, self._task = self._task, None
        await aio.cancel_and_wait(task)
        if self.connected:
            self._server.connector = None
        await self.logs.close(LAST_LINES_S)
        await aio.cancel_and_wait(*self._beside)
        gone = _Reply(503, _dumps({"detail": "Plugdeck is being closed."}).encode())
        for call in [call for calls in self._calls.values() for call in calls]:
            if not call.reply.done():
                call.reply.set_result(gone)
        self._calls.clear()
        self._set(Link(ProfileState.STOPPED))
        return True

    def renew(self, why: str) -> None:
        """The hub calls us."""

    def reconnect_now(self) -> None:
        """Looks for a missing secret again."""
        self._wake.set()

    async def emit(self, event: str, data: Any, text: str = "") -> None:
        """There is no connection to send events on.

        Raises:
            HubUnreachable: always.
        """
        raise HubUnreachable("The hub calls this plugin; nothing can be sent by itself", where=self._server.url)

    def is_secret(self, told: str) -> bool:
        """Whether a call's `Secret` header is right; takes the same time however wrong it is."""
        return bool(self._secret) and hmac.compare_digest(told.encode("utf-8", "surrogateescape"), self._secret)

    def wrong_secret(self, caller: str) -> None:
        """Notes a call that was refused, not more often than a person wants to read it."""
        if time.monotonic() - self._complained_at >= COMPLAIN_EVERY_S or not self._complained_at:
            self._complained_at = time.monotonic()
            log.warning("%s: a call from %s did not carry the plugin's secret", self._profile.name, caller)

    async def answer_call(self, request: web.Request, payload: Any) -> web.StreamResponse:
        """Takes a job in and waits until it is answered.

        Raises:
            JobError: it cannot be a job.
        """
        job = protocol.parse_job(payload, self._profile.id)
        reply = self._replies.kept.get(job.session)
        if reply is not None:
            log.warning("%s: the hub sent session %s again; it gets the same answer", self._profile.name, job.session)
            return await self._give_again(request, job.session, reply)
        loop = asyncio.get_running_loop()
        call = _Call(loop.create_future(), loop.create_future())
        self._calls.setdefault(job.session, []).append(call)
        try:
            self.logs.begin(job.session, job.api_key)
            self._on_job(payload)
            response = _json(await call.reply)
            call.written.set_result(await _written(request, response))
        finally:
            if not call.written.done():
                call.written.set_result(False)
            with suppress(KeyError, ValueError):
                self._calls[job.session].remove(call)
        return response

    async def answer(self, session: str, body: Any, *, failed: bool = False) -> bool:
        """Gives a session's open calls their answer; False where no caller is left to take it."""
        reply = _Reply(500 if failed else 200, _dumps(body).encode())
        # Kept before it is written: a call that comes in between gets it as well.
        self._replies.add(session, reply)
        self._taken.discard(session)
        calls = self._calls.pop(session, [])
        for call in calls:
            if not call.reply.done():
                call.reply.set_result(reply)
        taken = [await call.written for call in calls]
        if any(taken):
            self._taken.add(session)
        return session in self._taken

    async def _give_again(self, request: web.Request, session: str, reply: _Reply) -> web.StreamResponse:
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._giving_again.setdefault(session, []).append(written)
        response = _json(reply)
        taken = False
        try:
            taken = await _written(request, response)
            if taken:
                self._taken.add(session)
        finally:
            written.set_result(taken)
            self._giving_again[session].remove(written)
            if not self._giving_again[session]:
                del self._giving_again[session]
        return response

    async def withdraw(self, session: str) -> bool:
        """Takes an answer back that nobody has taken: who asks from now on waits for the next one. False where somebody
        has taken it after all, so that it stands."""
        reply = self._replies.remove(session)
        given = [await written for written in tuple(self._giving_again.get(session, ()))]
        if reply is None or not (any(given) or session in self._taken):
            return True
        self._replies.add(session, reply)
        for call in self._calls.pop(session, []):
            if not call.reply.done():
                call.reply.set_result(reply)
        return False

    def was_taken(self, session: str) -> bool:
        """Whether a caller has taken the session's answer."""
        return session in self._taken

    def over(self, session: str) -> None:
        """Nothing more will be answered for a session that is not asked for again."""
        self._taken.discard(session)
        self.logs.end(session)

    def beside(self, work: Any, name: str) -> None:
        """Runs a coroutine until the connector stops."""
        task = aio.spawn(work, name=name)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _begin(self) -> None:
        while not self._secret:
            self._wake.clear()
            try:
                self._secret = (await self._get_secret()).encode()
            except SecretError as error:
                self._server.waits_for = UNCHECKED
                if self.link != Link(ProfileState.NO_SECRET, str(error)):
                    self._set(Link(ProfileState.NO_SECRET, str(error)))
                    log.warning("%s: %s", self._profile.name, error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._timing.secret)
        self._server.connector = self
        self._server.waits_for = NOT_READY
        self._set(Link(ProfileState.ONLINE, f"the hub may call {self._server.url}"))

    def _set(self, link: Link) -> None:
        self.link = link
        self._on_link(link)


def _json(reply: _Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, content_type="application/json")


async def _written(request: web.Request, response: web.Response) -> bool:
    """Writes an answer; False if the caller has gone."""
    if request.transport is None or request.transport.is_closing():
        return False
    try:
        await response.prepare(request)
        await response.write_eof()
    except OSError:
        return False
    return request.transport is not None and not request.transport.is_closing()


def _said(status: int, why: str) -> web.Response:
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
    return web.json_response({"detail": why}, status=status, headers=headers)


@web.middleware
async def _in_words(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What the library refuses (another path or method, a body too large), in the form of our own refusals."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return _said(413, f"A job has at most {MAX_BODY // 1024**2} MB.")
    except web.HTTPException as error:
        return _said(error.status, f"{error.reason}. There are POST /plugin and GET /heartbeat.")
