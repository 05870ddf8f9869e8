"""The port of the REST connector: loopback unless told otherwise, and said aloud then."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket

from aiohttp import web

from desktop_app.core.errors import HubError, UsageError

log = logging.getLogger(__name__)

SHUTDOWN_S = 1.0


class Port:
    """Serves an application on one address and port.

    Args:
        port: 0 takes any free one.
    """

    def __init__(self, app: web.Application, address: str, port: int) -> None:
        self._app = app
        self._address = address
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Such as "http://127.0.0.1:8080"; its port is right once `open` returned."""
        return f"http://{f'[{self._address}]' if ':' in self._address else self._address}:{self._port}"

    async def open(self) -> None:
        """Begins to listen.

        Raises:
            HubError: the port is taken or not allowed.
            UsageError: the address is none of this machine's.
        """
        listener = await self._bound()
        self._port = listener.getsockname()[1]
        if not ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback:
            log.warning(
                "The REST connector listens on %s: other machines can reach it, and nothing but the plugin's secret "
                "keeps them out. Put a proxy with TLS in front of it.",
                self.url,
            )
        self._runner = web.AppRunner(self._app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def close(self) -> None:
        """Frees the port; calls that are open get a moment to end."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _bound(self) -> socket.socket:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._address, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except (OSError, UnicodeError) as error:
            raise UsageError(
                "This is no address that can be listened on", where=self._address, remedy="Use --bind 127.0.0.1."
            ) from error
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # on Windows the option would let two programs share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise self._refused(error) from error
        return listener

    def _refused(self, error: OSError) -> HubError | UsageError:
        where = self.url.removeprefix("http://")
        if error.errno == errno.EADDRINUSE:
            return HubError("Another program listens on this port", where=where, remedy="Choose another with --port.")
        if error.errno == errno.EACCES:
            return HubError("This port may not be used", where=where, remedy="Choose one above 1023 with --port.")
        if error.errno == errno.EADDRNOTAVAIL:
            return UsageError("This machine does not have this address", where=where, remedy="Use --bind 127.0.0.1.")
        return HubError(f"The port cannot be opened: {error.strerror or error}", where=where, remedy="Choose another.")
