"""Fetching the file a job is about: checked address, limits, retries, a cache."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
import sys
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urljoin, urlsplit

from desktop_app.core.aio import backoff
from desktop_app.core.errors import AssetError
from desktop_app.core.profile import Profile
from desktop_app.core.proxy import proxy_for
from desktop_app.hub.client import seconds_asked
from desktop_app.jobs import addresses
from desktop_app.jobs.addresses import Target
from desktop_app.jobs.cache import Cache, Cached

if TYPE_CHECKING:
    import aiohttp

    from desktop_app.jobs.asset_client import AssetClient

log = logging.getLogger(__name__)

RETRY_FOR_S = 10.0
WAIT_WHEN_ASKED_S = 60.0
"""So long is tried where the server itself says when to come back (`Retry-After`)."""
FETCH_LIMIT_S = 600.0
"""Bound on one asset, for a server that sends byte by byte."""
MAX_ADDRESSES = 4
MAX_REDIRECTS = 5
MAX_BYTES = 2 * 1024**3
KNOWN_URLS = 10_000


@dataclass(frozen=True, slots=True)
class Asset:
    """A fetched asset: its file in the cache, its media type ("" if unknown) and its size in bytes."""

    path: Path
    media_type: str
    size: int


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
        self._client: AssetClient | None = None
        # Address without signature -> (ETag, file): a signature changes each time, the file behind it does not.
        self._known: OrderedDict[str, tuple[str, Cached]] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Frees the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def fetch(self, url: str, profile: Profile) -> Asset:
        """The asset at `url`, from the cache where the server says it has not changed.

        Raises:
            AssetError: refused address, no answer within the limits, an error status, too large, or incomplete.
        """
        # Beside the loop, and with the first asset: loading the library takes longer than opening the window.
        await _loaded()
        try:
            async with asyncio.timeout(FETCH_LIMIT_S):
                cached = await self._persist(url, profile)
        except TimeoutError:
            raise AssetError(
                f"The asset did not arrive within {FETCH_LIMIT_S:g} s", where=_host(url), remedy="Check the network."
            ) from None
        return Asset(cached.path, cached.media_type, cached.size)

    async def _persist(self, url: str, profile: Profile) -> Cached:
        from desktop_app.jobs.asset_client import TryAgain

        loop = asyncio.get_running_loop()
        began = loop.time()
        waits = backoff(0.3, limit=3.0)
        while True:
            try:
                return await self._follow(url, profile)
            except (TryAgain, addresses.Unresolved) as error:
                asked = error.wait if isinstance(error, TryAgain) else 0.0
                wait = max(next(waits), asked)
                if loop.time() + wait > began + (WAIT_WHEN_ASKED_S if asked else RETRY_FOR_S):
                    if isinstance(error, AssetError):
                        raise
                    raise AssetError(
                        str(error), where=_host(url), remedy="Check the network and the storage."
                    ) from error
                await asyncio.sleep(wait)

    async def _follow(self, url: str, profile: Profile) -> Cached:
        first = url
        for _ in range(MAX_REDIRECTS + 1):
            proxy = proxy_for(url)
            target = await addresses.check(
                url,
                hub=profile.host,
                allow_private=profile.allow_private_assets,
                resolver=self._resolver,
                proxied=proxy is not None,
            )
            outcome = await self._get(target, proxy)
            if isinstance(outcome, Cached):
                return outcome
            try:
                url = urljoin(url, outcome)
            except ValueError as error:
                raise AssetError("The asset's address leads to one that is not valid", where=_host(url)) from error
        raise AssetError(f"The asset's address leads on more than {MAX_REDIRECTS} times", where=_host(first))

    async def _get(self, target: Target, proxy: str | None) -> Cached | str:
        """The file, or the address that the server points to instead; of several addresses the first that answers."""
        from desktop_app.jobs.asset_client import NotThere

        if proxy is not None:
            return await self._get_at(target, None, proxy)
        for address in target.addresses[:MAX_ADDRESSES]:
            try:
                return await self._get_at(target, address, None)
            except NotThere as error:
                last = error
        raise last

    async def _get_at(self, target: Target, address: str | None, proxy: str | None) -> Cached | str:
        from desktop_app.jobs.asset_client import REDIRECTS, AssetClient

        key = _without_signature(target.url)
        known = self._known.get(key)
        headers = {}
        if known is not None and self._cache.touch(known[1].path):
            headers["If-None-Match"] = known[0]
        if self._client is None:
            self._client = AssetClient()
        async with self._client.get(target, address, proxy, headers) as reply:
            if reply.status == HTTPStatus.NOT_MODIFIED and known is not None and headers:
                return known[1]
            if reply.status in REDIRECTS and "Location" in reply.headers:
                return reply.headers["Location"]
            self._refuse_status(reply, target)
            cached = await self._receive(reply, target, urlsplit(target.url).path)
        if self._cache.over_limit:
            await asyncio.to_thread(self._cache.make_room)
        etag = reply.headers.get("ETag")
        if etag and etag.isascii():
            self._known[key] = (etag, cached)
            self._known.move_to_end(key)
            while len(self._known) > KNOWN_URLS:
                self._known.popitem(last=False)
        return cached

    async def _receive(self, reply: aiohttp.ClientResponse, target: Target, path: str) -> Cached:
        incoming = self._cache.incoming()
        try:
            async for chunk in reply.content.iter_any():
                incoming.write(chunk)
                if incoming.size > self._max_bytes:
                    raise AssetError(f"The asset is larger than {self._max_bytes // 1024**2} MB", where=target.host)
            if incoming.size == 0:
                raise AssetError("The asset is empty (0 bytes)", where=target.host)
            return incoming.keep(reply.headers.get("Content-Type", ""), path)
        except BaseException:
            incoming.discard()
            raise

    def _refuse_status(self, reply: aiohttp.ClientResponse, target: Target) -> None:
        from desktop_app.jobs.asset_client import TryAgain

        status = reply.status
        if status in (429, 500, 502, 503, 504):
            asked = seconds_asked(reply.headers.get("Retry-After", "")) or 0.0
            raise TryAgain(f"The asset's host answered with HTTP status {status}", asked)
        if status in (401, 403):
            raise AssetError(
                f"The asset's host refused access (HTTP status {status})",
                where=target.host,
                remedy="The link may have expired: run the plugin on the asset again.",
            )
        if not 200 <= status < 300:
            raise AssetError(
                f"The asset's host answered with HTTP status {status}",
                where=target.host,
                remedy="Check that the asset still exists.",
            )
        length = reply.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            raise AssetError(f"The asset is larger than {self._max_bytes // 1024**2} MB", where=target.host)


async def _loaded() -> None:
    name = "desktop_app.jobs.asset_client"
    if name not in sys.modules:
        await asyncio.to_thread(importlib.import_module, name)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _without_signature(url: str) -> str:
    """What stays the same of an address that is signed anew each time; the other parameters name the file."""
    parts = urlsplit(url)
    named = [
        part
        for part in parts.query.split("&")
        if part and not _SIGNATURE.match(unquote(part.partition("=")[0]).lower())
    ]
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{'&'.join(named)}"


_SIGNATURE = re.compile(
    r"(x-|sig(nature)?$|expires?$|key-pair-id$|policy$|token$|awsaccesskeyid$|googleaccessid$|s[epkrtv]$|sk[a-z]{1,3}$|spr$)"
)
"""Parameters of presigned addresses: S3, Google, CloudFront, Azure."""
