"""Fetching the file a job is about: checked address, limits, retries, a cache."""

from __future__ import annotations

import asyncio
import logging
import urllib.request
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from desktop_app.core.aio import backoff
from desktop_app.core.errors import AssetError
from desktop_app.core.profile import Profile
from desktop_app.jobs import addresses
from desktop_app.jobs.addresses import Target
from desktop_app.jobs.cache import Cache, Cached

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
RETRY_FOR_S = 10.0
MAX_REDIRECTS = 5
MAX_BYTES = 2 * 1024**3
KNOWN_URLS = 10_000


@dataclass(frozen=True, slots=True)
class Asset:
    """A fetched asset: its file in the cache, its media type ("" if unknown) and its size in bytes."""

    path: Path
    media_type: str
    size: int


class _TryAgain(Exception):
    """A failure that may be gone in a moment; the text is for people."""


class Assets:
    """Fetches assets into a cache.

    Args:
        max_bytes: an asset larger than this is refused.
        resolver: for tests.
    """

    def __init__(self, cache: Cache, *, max_bytes: int = MAX_BYTES, resolver: addresses.Resolve | None = None) -> None:
        self._cache = cache
        self._max_bytes = max_bytes
        self._resolver = resolver or addresses.resolve
        self._http: httpx.AsyncClient | None = None
        self._proxied: bool = False
        # Address without query -> (ETag, file): a signature changes each time, the file behind it does not.
        self._known: OrderedDict[str, tuple[str, Cached]] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Frees the connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def fetch(self, url: str, profile: Profile) -> Asset:
        """The asset at `url`, from the cache where the server says it has not changed.

        Raises:
            AssetError: refused address, no answer within the limits, an error status, too large, or incomplete.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + RETRY_FOR_S
        waits = backoff(0.3, limit=3.0)
        while True:
            try:
                cached = await self._follow(url, profile)
                return Asset(cached.path, cached.media_type, cached.size)
            except _TryAgain as error:
                wait = next(waits)
                if loop.time() + wait > until:
                    raise AssetError(
                        str(error), where=urlsplit(url).hostname or "", remedy="Check the network and the storage."
                    ) from error
                await asyncio.sleep(wait)

    async def _follow(self, url: str, profile: Profile) -> Cached:
        for _ in range(MAX_REDIRECTS + 1):
            target = await addresses.check(
                url, hub=profile.host, allow_private=profile.allow_private_assets, resolver=self._resolver
            )
            outcome = await self._get(target)
            if isinstance(outcome, Cached):
                return outcome
            url = urljoin(url, outcome)
        raise AssetError(
            f"The asset's address leads on more than {MAX_REDIRECTS} times", where=urlsplit(url).hostname or ""
        )

    async def _get(self, target: Target) -> Cached | str:
        """The file, or the address that the server points to instead."""
        http = self._client()
        parts = urlsplit(target.url)
        key = f"{parts.scheme}://{parts.netloc}{parts.path}"
        known = self._known.get(key)
        headers = {"Host": _host_header(parts)}
        if known is not None and self._cache.touch(known[1].path):
            headers["If-None-Match"] = known[0]
        try:
            async with http.stream(
                "GET",
                target.url if self._proxied else _by_address(target, parts),
                headers=headers,
                extensions={} if self._proxied else {"sni_hostname": target.host},
            ) as reply:
                if reply.status_code == httpx.codes.NOT_MODIFIED and known is not None:
                    return known[1]
                if reply.has_redirect_location:
                    return reply.headers["Location"]
                self._refuse_status(reply, target)
                cached = await self._receive(reply, target, parts.path)
            if self._cache.over_limit:
                await asyncio.to_thread(self._cache.make_room)
        except httpx.TimeoutException as error:
            raise _TryAgain("The asset's host did not answer in time") from error
        except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
            raise _TryAgain(f"The asset could not be fetched: {_reason(error)}") from error
        etag = reply.headers.get("ETag")
        if etag:
            self._known[key] = (etag, cached)
            self._known.move_to_end(key)
            while len(self._known) > KNOWN_URLS:
                self._known.popitem(last=False)
        return cached

    async def _receive(self, reply: httpx.Response, target: Target, path: str) -> Cached:
        incoming = self._cache.incoming()
        try:
            async for chunk in reply.aiter_bytes():
                incoming.write(chunk)
                if incoming.size > self._max_bytes:
                    raise AssetError(f"The asset is larger than {self._max_bytes // 1024**2} MB", where=target.host)
            if incoming.size == 0:
                raise AssetError("The asset is empty (0 bytes)", where=target.host)
            return incoming.keep(reply.headers.get("Content-Type", ""), path)
        except BaseException:
            incoming.discard()
            raise

    def _refuse_status(self, reply: httpx.Response, target: Target) -> None:
        status = reply.status_code
        if status in (429, 500, 502, 503, 504):
            raise _TryAgain(f"The asset's host answered with HTTP status {status}")
        if status in (401, 403):
            raise AssetError(
                f"The asset's host refused access (HTTP status {status})",
                where=target.host,
                remedy="The link may have expired: run the plugin on the asset again.",
            )
        if not reply.is_success:
            raise AssetError(
                f"The asset's host answered with HTTP status {status}",
                where=target.host,
                remedy="Check that the asset still exists.",
            )
        length = reply.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            raise AssetError(f"The asset is larger than {self._max_bytes // 1024**2} MB", where=target.host)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            # Behind a proxy it is the proxy that connects: the name must go to it, and only literals can be checked.
            self._proxied = bool({"http", "https", "all"} & set(urllib.request.getproxies()))
            self._http = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, trust_env=self._proxied)
        return self._http


def _by_address(target: Target, parts: SplitResult) -> httpx.URL:
    address = f"[{target.address}]" if ":" in target.address else target.address
    return httpx.URL(parts._replace(netloc=f"{address}:{target.port}").geturl())


def _host_header(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{parts.port}" if parts.port else host


def _reason(error: BaseException) -> str:
    text = str(error).strip()
    return text[:200] or "the connection broke"
