"""The proxy that a person has set, given to every library in the way they all understand: the environment.

The hub's connection and the asset fetcher ask the system (`urllib.request.getproxies`), which looks there first; so do
scripts in their own interpreter. Connections through websockets look under names of their own.
"""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import MutableMapping
from functools import lru_cache
from urllib.parse import urlsplit

HTTP_NAMES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
SOCKET_NAMES = ("ws_proxy", "wss_proxy")
_LOOKED_AT = tuple(
    spelled
    for name in ("http", "https", "ws", "wss", "all", "no")
    for spelled in (f"{name}_proxy", f"{name}_proxy".upper())
)
FRESH_S = 2.0
"""So long the system's answer is taken for granted: asking it takes longer than all else that a cached asset does."""
_LOCAL = "localhost,127.0.0.1,::1"


class ProxyChoice:
    """Puts a proxy in force and takes it back; what the environment held before comes back with it."""

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._before: dict[str, str | None] = {}

    def use(self, proxy: str) -> None:
        """Takes this proxy for all new connections, or the system's for ""."""
        self.restore()
        proxies = urllib.request.getproxies_environment()
        if proxy:
            chosen = dict.fromkeys((*HTTP_NAMES, *SOCKET_NAMES), proxy)
        else:
            # The environment's own one, under the names that websockets are looked up by.
            chosen = {
                name: proxies[scheme]
                for name, scheme in zip(SOCKET_NAMES, ("http", "https"), strict=True)
                if scheme in proxies and name.removesuffix("_proxy") not in proxies
            }
        if proxy or proxies:
            there = self._environment.get("no_proxy") or self._environment.get("NO_PROXY")
            # What is on this machine, the demo hub for one, no proxy can reach.
            chosen["no_proxy"] = chosen["NO_PROXY"] = f"{there},{_LOCAL}" if there else _LOCAL
        for name, value in chosen.items():
            self._before[name] = self._environment.get(name)
            self._environment[name] = value

    def restore(self) -> None:
        """Takes back what `use` did."""
        for name, value in self._before.items():
            if value is None:
                self._environment.pop(name, None)
            else:
                self._environment[name] = value
        self._before.clear()


@lru_cache(maxsize=2)
def _proxies(_there: tuple[str | None, ...], _now: int) -> dict[str, str]:
    return urllib.request.getproxies()


def forget() -> None:
    """Asks the system again at the next address, for whoever knows that its answer is another now."""
    _proxies.cache_clear()


def proxy_for(url: str) -> str | None:
    """The proxy for an address (a websocket's is that of HTTP), or None where it is connected to directly."""
    proxies = _proxies(tuple(map(os.environ.get, _LOOKED_AT)), int(time.monotonic() / FRESH_S))
    if not proxies:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None  # whoever connects says what is wrong with it
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    proxy = proxies.get(parts.scheme) or proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
