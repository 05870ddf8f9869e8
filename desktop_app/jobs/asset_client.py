"""One GET of an asset's address: connected to the checked address and no other, bounded in time.

aiohttp, not httpx: a picture of 600 kB over loopback takes half the computing time (3.6 ms instead of 6.8), beside jobs
that take a millisecond.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from desktop_app.core.errors import AssetError
from desktop_app.hub.trust import trusted
from desktop_app.jobs.addresses import DEFAULT_PORTS, Target

CONNECT_S = 5.0
READ_S = 30.0
"""Without a byte for so long, the server does not answer."""
PER_ADDRESS = 16
KEPT_S = 30.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class TryAgain(Exception):
    """A failure that may be gone in a moment; the text is for people.

    Attributes:
        wait: seconds that the server asked for, or 0.
    """

    def __init__(self, what: str, wait: float = 0.0) -> None:
        super().__init__(what)
        self.wait = wait


class NotThere(TryAgain):
    """No connection to that one address of the host."""


class AssetClient:
    """Keeps connections alive between assets. No cookie, no password, no redirect is ever followed by itself.

    A connection whose certificate was checked for one name is never used for another (aiohttp's pool tells them apart).
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Frees the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @contextlib.asynccontextmanager
    async def get(
        self, target: Target, address: str | None, proxy: str | None, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The reply to a GET.

        Args:
            address: the checked address to connect to; None where the proxy connects.

        Raises:
            NotThere, TryAgain: no connection, no answer in time, or the connection broke; also while the body is read.
            AssetError: a certificate that is not trusted, or an address or a proxy that cannot be used.
        """
        if proxy is not None and urlsplit(proxy).scheme not in ("http", "https"):
            remedy = "Set the system's proxy to an http:// address."
            raise AssetError("The system's proxy cannot be used", remedy=remedy)
        # Another name's certificate would do for a numeric address: the name is what it is checked for.
        name = target.host if address is not None and target.scheme == "https" else None
        try:
            session = await self._opened()
            async with session.get(
                _url(target, address),
                headers={"Host": _host_header(target), **headers},
                allow_redirects=False,
                proxy=proxy,
                server_hostname=name,
            ) as reply:
                yield reply
        except aiohttp.ClientConnectorCertificateError as error:
            raise AssetError(
                "The certificate of the asset's host is not trusted",
                where=target.host,
                remedy="Check the computer's clock and, behind an inspecting proxy, its certificate authority "
                "(SSL_CERT_FILE).",
            ) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotThere(f"The asset's host cannot be reached: {_reason(error)}") from error
        except aiohttp.ServerTimeoutError as error:
            raise TryAgain("The asset's host did not answer in time") from error
        except (aiohttp.InvalidURL, ValueError) as error:
            raise not_valid(target) from error
        except (aiohttp.ClientError, OSError) as error:
            raise TryAgain(f"The asset could not be fetched: {_reason(error)}") from error

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        tls = await trusted()
        if self._session is None:  # another asset's may be there by now
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls, limit_per_host=PER_ADDRESS, keepalive_timeout=KEPT_S),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


def not_valid(target: Target) -> AssetError:
    """The error of an address that cannot be asked for."""
    return AssetError("The asset's address is not valid", where=target.host, remedy="The hub must send an http(s) URL.")


def _url(target: Target, address: str | None) -> URL:
    # Without user name and password: they are nobody's but the host's that the address names.
    host = address if address is not None else target.host
    netloc = f"[{host}]:{target.port}" if ":" in host else f"{host}:{target.port}"
    parts = urlsplit(target.url)
    path, query = parts.path or "/", parts.query
    if _NO_TEXT.search(path + query):
        raise not_valid(target)
    # As it was written, for a signature holds for that alone; only what may not stand in an address is escaped.
    path, query = quote(path, safe=_WRITTEN), quote(query, safe=_WRITTEN)
    return URL(f"{target.scheme}://{netloc}{path}{'?' + query if query else ''}", encoded=True)


_WRITTEN = "!#$%&'()*+,/:;=?@[]~-._"


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == DEFAULT_PORTS[target.scheme] else f"{host}:{target.port}"


def _reason(error: BaseException) -> str:
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    text = (getattr(inner, "strerror", None) or str(inner)).strip()
    return text[:200] or "the connection broke"
