"""Fetching the file a job is about: checked address, limits, retries, a cache."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from desktop_app.core.aio import backoff
from desktop_app.core.errors import AssetError
from desktop_app.core.profile import Profile
from desktop_app.core.proxy import proxy_for
from desktop_app.hub.client import retry_after
from desktop_app.hub.trust import trusted
from desktop_app.jobs import addresses
from desktop_app.jobs.addresses import Target
from desktop_app.jobs.cache import Cache, Cached

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
RETRY_FOR_S = 10.0
WAIT_WHEN_ASKED_S = 60.0
"""So long is tried where the server itself says when to come back (`Retry-After`)."""
FETCH_LIMIT_S = 600.0
"""Bound on one asset, for a server that sends byte by byte."""
MAX_ADDRESSES = 4
MAX_HOSTS = 32
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
    """A failure that may be gone in a moment; the text is for people.

    Attributes:
        wait: seconds that the server asked for, or 0.
    """

    def __init__(self, what: str, wait: float = 0.0) -> None:
        super().__init__(what)
        self.wait = wait


class _NotThere(_TryAgain):
    """No connection to that one address of the host."""


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
        self._clients = _Clients()
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
        await self._clients.close()

    async def fetch(self, url: str, profile: Profile) -> Asset:
        """The asset at `url`, from the cache where the server says it has not changed.

        Raises:
            AssetError: refused address, no answer within the limits, an error status, too large, or incomplete.
        """
        try:
            async with asyncio.timeout(FETCH_LIMIT_S):
                cached = await self._persist(url, profile)
        except TimeoutError:
            raise AssetError(
                f"The asset did not arrive within {FETCH_LIMIT_S:g} s", where=_host(url), remedy="Check the network."
            ) from None
        return Asset(cached.path, cached.media_type, cached.size)

    async def _persist(self, url: str, profile: Profile) -> Cached:
        loop = asyncio.get_running_loop()
        began = loop.time()
        waits = backoff(0.3, limit=3.0)
        while True:
            try:
                return await self._follow(url, profile)
            except (_TryAgain, addresses.Unresolved) as error:
                asked = error.wait if isinstance(error, _TryAgain) else 0.0
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
        if proxy is not None:
            return await self._get_at(target, target.url, proxy)
        for address in target.addresses[:MAX_ADDRESSES]:
            try:
                return await self._get_at(target, _by_address(target, address), None)
            except _NotThere as error:
                last = error
        raise last

    async def _get_at(self, target: Target, url: str | httpx.URL, proxy: str | None) -> Cached | str:
        key = _without_signature(target.url)
        known = self._known.get(key)
        headers = {"Host": _host_header(target)}
        if known is not None and self._cache.touch(known[1].path):
            headers["If-None-Match"] = known[0]
        extensions = {} if proxy else {"sni_hostname": target.host}
        try:
            async with (
                self._clients.use(target, proxy) as http,
                http.stream("GET", url, headers=headers, extensions=extensions) as reply,
            ):
                if reply.status_code == httpx.codes.NOT_MODIFIED and known is not None and "If-None-Match" in headers:
                    await reply.aread()  # there is no body, but unread it would cost the connection
                    return known[1]
                if reply.has_redirect_location:
                    return reply.headers["Location"]
                self._refuse_status(reply, target)
                cached = await self._receive(reply, target, urlsplit(target.url).path)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise AssetError(
                    "The certificate of the asset's host is not trusted",
                    where=target.host,
                    remedy="Check the computer's clock and, behind an inspecting proxy, its certificate authority.",
                ) from error
            raise _NotThere(f"The asset's host cannot be reached: {_reason(error)}") from error
        except httpx.TimeoutException as error:
            raise _TryAgain("The asset's host did not answer in time") from error
        except (httpx.RequestError, httpx.StreamError, OSError) as error:
            raise _TryAgain(f"The asset could not be fetched: {_reason(error)}") from error
        except (httpx.InvalidURL, ValueError) as error:
            raise _not_valid(target) from error
        if self._cache.over_limit:
            await asyncio.to_thread(self._cache.make_room)
        etag = reply.headers.get("ETag")
        if etag and etag.isascii():
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
            raise _TryAgain(f"The asset's host answered with HTTP status {status}", retry_after(reply) or 0.0)
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


class _Clients:
    """A client per host: two names at one address must not share a connection whose certificate was checked for one.

    Those used longest ago are closed when there are many.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], httpx.AsyncClient] = OrderedDict()
        self._in_use: Counter[tuple[str, str | None]] = Counter()

    @contextlib.asynccontextmanager
    async def use(self, target: Target, proxy: str | None) -> AsyncIterator[httpx.AsyncClient]:
        """The client for that host, kept open at least for the block."""
        tls = await trusted()
        key = (target.host, proxy)
        client = self._kept.get(key)
        if client is None:
            try:
                client = httpx.AsyncClient(
                    timeout=TIMEOUT, follow_redirects=False, trust_env=False, verify=tls, proxy=proxy
                )
            except (ValueError, ImportError) as error:
                remedy = "Set the system's proxy to an http:// address."
                raise AssetError("The system's proxy cannot be used", remedy=remedy) from error
            self._kept[key] = client
        self._kept.move_to_end(key)
        self._in_use[key] += 1
        try:
            yield client
        finally:
            self._in_use[key] -= 1
            await self._close_oldest()

    async def _close_oldest(self) -> None:
        for key in list(self._kept)[: max(len(self._kept) - MAX_HOSTS, 0)]:
            # Another fetch may be closing them too.
            if not self._in_use[key] and (client := self._kept.pop(key, None)) is not None:
                del self._in_use[key]
                await client.aclose()

    async def close(self) -> None:
        """Closes all."""
        clients = list(self._kept.values())
        self._kept.clear()
        for client in clients:
            await client.aclose()


def _by_address(target: Target, address: str) -> httpx.URL:
    # Without user name and password: they are nobody's but the host's that the address names.
    netloc = f"[{address}]:{target.port}" if ":" in address else f"{address}:{target.port}"
    try:
        return httpx.URL(urlsplit(target.url)._replace(netloc=netloc, fragment="").geturl())
    except (httpx.InvalidURL, ValueError) as error:
        raise _not_valid(target) from error


def _not_valid(target: Target) -> AssetError:
    return AssetError("The asset's address is not valid", where=target.host, remedy="The hub must send an http(s) URL.")


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == addresses.DEFAULT_PORTS[target.scheme] else f"{host}:{target.port}"


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


def _reason(error: BaseException) -> str:
    text = str(error).strip()
    return text[:200] or "the connection broke"
