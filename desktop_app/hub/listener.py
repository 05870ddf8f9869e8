"""One profile's Socket.IO connection and its honest state.

Connects, logs in, keeps alive, hands jobs over and comes back for ever after a drop. The published client leaves the
process on any of these; here a drop costs nothing but time.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from desktop_app.core import aio
from desktop_app.core.errors import HubUnreachable, KnownError, SecretError
from desktop_app.core.events import ProfileState
from desktop_app.core.profile import Profile
from desktop_app.hub import protocol

if TYPE_CHECKING:
    from desktop_app.hub.connection import HubSocket

log = logging.getLogger(__name__)

REFUSED_AFTER = 2
"""So many drops in a row right after the login are called a refused login (nothing else tells of one)."""

FALLS = 3

LOGIN_REMEDY = "Check plugin id and secret."


@dataclass(frozen=True, slots=True)
class Timing:
    """The listener's clocks, in seconds; tests shorten them."""

    heartbeat: float = protocol.HEARTBEAT_S
    settle: float = 0.5
    """How long a connection must outlive its login before it is called online."""
    quick_drop: float = 5.0
    """A drop within this time after the login speaks against the login."""
    connect: float = 15.0
    backoff_first: float = 1.0
    backoff_limit: float = 60.0
    secret: float = 30.0
    """Between two looks for a secret that is missing."""
    stable: float = 30.0
    """A connection that lasted this long starts the backoff anew."""


@dataclass(frozen=True, slots=True)
class Link:
    """What is known of the connection at one moment; `retry_at` in seconds since the epoch."""

    state: ProfileState
    detail: str = ""
    retry_at: float | None = None


class Emitter(Protocol):
    """What the way out needs to know of a connection; see Listener."""

    epoch: int

    @property
    def connected(self) -> bool: ...

    @property
    def max_payload(self) -> int | None: ...

    async def emit(self, event: str, data: Any, text: str = "") -> None: ...


class Listener:
    """Keeps one profile connected until it is stopped.

    Args:
        secret: gives the plugin's secret, or raises a KnownError that is shown as the state's detail.
        on_job: hears each `plugin` payload as it arrived; must only parse and enqueue.
        on_link: hears each change of state.
        on_up: hears that a login was sent on a new connection: what waits may go out.
        on_ping: hears of each ping of the server, after our pong was queued.
        roomy: returns when there is room for one more job; nothing is read from the hub before.

    Attributes:
        link: the present state.
        epoch: counts connections; what was sent in an earlier one may be lost.
        max_payload: the largest message the server takes, in bytes, or None where it does not say.
    """

    def __init__(
        self,
        profile: Profile,
        secret: Callable[[], Awaitable[str]],
        *,
        on_job: Callable[[Any], None],
        on_link: Callable[[Link], None],
        on_up: Callable[[], None] = lambda: None,
        on_ping: Callable[[], None] = lambda: None,
        roomy: Callable[[], Awaitable[None]] | None = None,
        timing: Timing = Timing(),
    ) -> None:
        self._profile = profile
        self._secret = secret
        self._on_job = on_job
        self._on_link = on_link
        self._on_up = on_up
        self._on_ping = on_ping
        self._roomy = roomy
        self._timing = timing
        self._task: asyncio.Task[None] | None = None
        self._socket: HubSocket | None = None
        self._logged_in = False
        self._quick_drops = 0
        self._quick_falls = 0
        self._renewed = False
        self._wake = asyncio.Event()
        self.link = Link(ProfileState.STOPPED)
        self.epoch = 0

    @property
    def connected(self) -> bool:
        """Whether the socket is open and the login was sent."""
        return self._logged_in and self._socket is not None and self._socket.connected

    @property
    def max_payload(self) -> int | None:
        """See the class."""
        return self._socket.max_payload if self._socket else None

    def start(self) -> None:
        """Begins to connect; returns at once."""
        if self._task is None:
            self._task = aio.spawn(self._run(), name=f"listener {self._profile.name}")

    async def stop(self) -> bool:
        """Closes the connection. True if the server saw the close, so that it has read all that was sent."""
        task, self._task = self._task, None
        clean = False
        if self.connected and self._socket is not None:
            from desktop_app.hub.connection import CLOSE_TIMEOUT_S

            clean = await self._socket.close()
            if task is not None:
                await asyncio.wait([task], timeout=CLOSE_TIMEOUT_S)  # it frees the connection
        await aio.cancel_and_wait(task)
        self._set(Link(ProfileState.STOPPED))
        return clean

    def renew(self, why: str) -> None:
        """Leaves a connection that may be dead without knowing, for a new one; also ends a waiting time early."""
        self._wake.set()
        if self.connected and self._socket is not None:
            log.info("%s: %s; connecting anew", self._profile.name, why)
            aio.spawn(self._socket.abort(), name=f"renew {self._profile.name}")
            self._renewed = True

    def reconnect_now(self) -> None:
        """Ends a waiting time early (the network came back, the person clicked)."""
        self._wake.set()

    async def emit(self, event: str, data: Any, text: str = "") -> None:
        """Hands one event to the socket.

        Args:
            text: the JSON text of `data`, where it is known.

        Raises:
            HubUnreachable: there is no connection now.
        """
        socket = self._socket
        if not self.connected or socket is None:
            raise HubUnreachable("There is no connection to the hub", where=self._profile.host)
        await socket.emit(event, data, text)

    async def _run(self) -> None:
        waits = aio.backoff(self._timing.backoff_first, limit=self._timing.backoff_limit)
        self._set(Link(ProfileState.CONNECTING, self._profile.host))
        while True:
            began = time.monotonic()
            reached = True
            try:
                why = await self._connection(await self._secret())
            except SecretError as error:
                await self._wait_for_secret(str(error))
                continue
            except KnownError as error:
                reached = False
                why = str(error)
            except Exception as error:
                # Whatever it was, a profile that stopped trying would be offline for good.
                log.exception("%s: the connection failed", self._profile.name)
                reached = False
                why = f"The connection failed ({type(error).__name__})"
            if self._task is None:
                return  # being stopped
            if time.monotonic() - began >= self._timing.stable:
                waits = aio.backoff(self._timing.backoff_first, limit=self._timing.backoff_limit)
            delay = next(waits)
            if self._renewed:
                self._renewed = False
                delay = 0.0
            refused = reached and self._quick_drops >= REFUSED_AFTER
            state = ProfileState.LOGIN_REFUSED if refused else ProfileState.RECONNECTING
            self._wake.clear()
            self._set(Link(state, why, time.time() + delay))
            log.info("%s: %s; next attempt in %.1f s", self._profile.name, why, delay)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), delay)
            if not refused:
                self._set(Link(ProfileState.CONNECTING, self._profile.host))

    async def _wait_for_secret(self, why: str) -> None:
        """Nothing to try without one. It may come from a keychain that is unlocked, or from a click."""
        self._wake.clear()
        if self.link != Link(ProfileState.NO_SECRET, why):
            self._set(Link(ProfileState.NO_SECRET, why))
            log.warning("%s: %s", self._profile.name, why)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._timing.secret)

    async def _connection(self, secret: str) -> str:
        """Lives through one connection; returns why it ended."""
        # Beside the loop, and with the first connection: loading the library takes longer than opening the window.
        await asyncio.to_thread(importlib.import_module, "desktop_app.hub.connection")
        from desktop_app.hub.connection import HubSocket, SocketError

        room = {} if self._roomy is None else {"roomy": self._roomy}
        socket = HubSocket(self._profile.host, on_event=self._received, on_ping=self._on_ping, **room)
        self._socket = socket
        try:
            try:
                await asyncio.wait_for(socket.connect(), self._timing.connect)
            except TimeoutError:
                raise HubUnreachable(
                    "The hub did not answer in time", where=self._profile.host, remedy="Check the network."
                ) from None
            except SocketError as error:
                raise HubUnreachable(str(error), where=self._profile.host, remedy=error.remedy) from error
            if self._task is None:
                # Python 3.11's wait_for forgets a cancellation that meets the end of what it waits for.
                return "being stopped"
            self.epoch += 1
            await socket.emit(protocol.EVENT_HEARTBEAT, protocol.heartbeat(self._profile.plugin_id, secret))
            login_at = time.monotonic()
            self._logged_in = True
            # The answers that wait go out at once: a hub that drops us later has still got them.
            self._on_up()
            if not await socket.closed_within(self._timing.settle):
                self._online()
                await self._beat(socket, secret)
            if time.monotonic() - login_at < self._timing.quick_drop and socket.dismissed:
                self._quick_drops += 1
                return f"The hub closed the connection right after login. {LOGIN_REMEDY}"
            if self._renewed:
                return "The network changed, or the computer slept"
            # It fell, or the way to it did: that says nothing about the login.
            self._quick_drops = 0
            if time.monotonic() - login_at < self._timing.quick_drop:
                self._quick_falls += 1
                if self._quick_falls >= FALLS:
                    return f"The connection is lost right after the login, again and again ({socket.reason})"
            else:
                self._quick_falls = 0
            return f"The connection was lost ({socket.reason})"
        finally:
            self._logged_in = False
            await socket.abort()

    async def _beat(self, socket: HubSocket, secret: str) -> None:
        while not await socket.closed_within(self._timing.heartbeat):
            self._quick_drops = 0
            await socket.emit(protocol.EVENT_HEARTBEAT, protocol.heartbeat(self._profile.plugin_id, secret))

    def _online(self) -> None:
        if self.link.state is not ProfileState.ONLINE:
            self._set(Link(ProfileState.ONLINE))

    def _received(self, event: str, data: Any) -> None:
        if event == protocol.EVENT_JOB:
            self._quick_drops = 0
            self._online()
            self._on_job(data)

    def _set(self, link: Link) -> None:
        self.link = link
        self._on_link(link)
