"""The demo hub's port: listening on it, refusing connections for a while, coming back on the same one."""

from __future__ import annotations

import asyncio
import os
import socket

from aiohttp import web

from desktop_app.core.errors import HubError


class Listening:
    """Serves an application on one loopback port that stays the same over pauses.

    Args:
        port: 0 takes any free one at the first start.
    """

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._app = app
        self._host = "127.0.0.1" if host == "localhost" else host
        self._port = port
        self._started = False
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None

    @property
    def url(self) -> str:
        """The origin; its port is right once `start` returned."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Begins to serve.

        Raises:
            HubError: the port is taken.
        """
        if self._started:
            raise RuntimeError("a demo hub starts once; make a new one")
        self._started = True
        runner = web.AppRunner(self._app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await runner.setup()
        self._runner = runner
        try:
            await self.listen()
        except BaseException:
            await self.stop()
            raise

    async def listen(self) -> None:
        """Takes connections; does nothing when it does already.

        Raises:
            HubError: the port is taken.
        """
        web_server = self._runner.server if self._runner is not None else None
        if web_server is None or self._server is not None:
            return
        listener: socket.socket | None = None
        try:
            listener = self._bind()
            self._server = await asyncio.get_running_loop().create_server(web_server, sock=listener)
        except OSError as error:
            if listener is not None:
                listener.close()
            raise HubError(
                f"the demo hub cannot listen: {error.strerror or error}", where=self.url, remedy="Choose another port."
            ) from error
        self._port = listener.getsockname()[1]
        self._release()

    async def refuse(self) -> None:
        """Stops taking connections and cuts those that stand; the port stays ours where the system allows it."""
        if self._server is None or self._runner is None or self._runner.server is None:
            return
        self._server.close()
        self._server = None
        self._reserve()
        for handler in self._runner.server.connections:
            if handler.transport is not None:
                handler.transport.abort()
        # The aborted connections are told so in the loop's next round.
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Ends everything and frees the port."""
        await self.refuse()
        self._release()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            # On Windows the option would let two programs share the port.
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        return listener

    def _reserve(self) -> None:
        """Holds the port without listening.

        Otherwise the system may give it away, even to the reconnecting client itself, which would then be connected
        to its own socket.
        """
        if os.name == "posix":
            self._reserved = self._bind()

    def _release(self) -> None:
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
