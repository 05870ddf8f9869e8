"""Serves a few local files over loopback HTTP, for callbacks that fetch their asset by its URL."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from aiohttp import web


class LocalFiles:
    """An HTTP server on a free port of the loopback interface; each file has an address that cannot be guessed."""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        from aiohttp import web  # a web server, which the window's start has no use for

        app = web.Application()
        app.router.add_get("/{token}/{name}", self._get)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._port}"

    def url(self, path: Path) -> str:
        """The address of a file, which is served from now on."""
        token = secrets.token_urlsafe(16)
        self._files[token] = path
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in path.name)
        return f"{self.origin}/{token}/{safe or 'file'}"

    async def _get(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        path = self._files.get(request.match_info["token"])
        if path is None or not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)
