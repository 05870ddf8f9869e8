"""`/metrics`, `/healthz` and `/readyz` on an address of this machine; read only, and without anything secret."""

from __future__ import annotations

import ipaddress
import logging

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from desktop_app.core.errors import HubError, StoreError, UsageError
from desktop_app.metrics.collector import Metrics

log = logging.getLogger(__name__)

SHUTDOWN_S = 1.0


def parse_address(text: str) -> tuple[str, int]:
    """Address and port of `127.0.0.1:9464`, `[::1]:9464` or `9464` (this machine alone).

    Raises:
        UsageError: it is none.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or any(char in host for char in "/@ "):
        raise UsageError("This is no address to listen on", where=text, remedy="Write it as 127.0.0.1:9464.")
    return host, int(port)


class MetricsServer:
    """Answers whoever watches.

    Args:
        port: 0 takes any free one.

    Attributes:
        draining: set once the runner takes no more jobs: it lives, and is not ready.
    """

    def __init__(self, metrics: Metrics, address: str, port: int) -> None:
        self._metrics = metrics
        self._address = address
        self._port = port
        self._runner: web.AppRunner | None = None
        self.draining = False

    @property
    def url(self) -> str:
        """Such as "http://127.0.0.1:9464"; its port is right once `open` returned."""
        return f"http://{f'[{self._address}]' if ':' in self._address else self._address}:{self._port}"

    async def open(self) -> None:
        """Begins to listen.

        Raises:
            HubError: the port is taken or not allowed, or the address is none of this machine's.
        """
        app = web.Application()
        app.router.add_get("/metrics", self._text)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._address, self._port).start()
        except OSError as error:
            await runner.cleanup()
            why = error.strerror or str(error)
            where = self.url.removeprefix("http://")
            raise HubError(f"The metrics cannot be offered: {why}", where=where, remedy="Choose another.") from error
        self._runner = runner
        self._port = runner.addresses[0][1]
        if not ipaddress.ip_address(str(runner.addresses[0][0]).partition("%")[0]).is_loopback:
            log.warning("The metrics are offered on %s: other machines can read them", self.url)

    async def close(self) -> None:
        """Frees the port."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        self._metrics.close()

    async def _text(self, _: web.Request) -> web.Response:
        try:
            await self._metrics.look()
        except StoreError as error:
            log.warning("the outbox cannot be read for the metrics: %s", error)
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _ready(self, _: web.Request) -> web.Response:
        ready = self._metrics.is_ready and not self.draining
        status = "draining" if self.draining else "ready" if ready else "not ready"
        return web.json_response({"status": status, "profiles": self._metrics.ready()}, status=200 if ready else 503)
