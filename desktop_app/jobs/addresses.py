"""Which addresses an asset may be fetched from.

A job's `dataURL` comes from outside. Without a check, whoever can send a job could make this machine read its own
network: routers, cloud metadata, databases. So the *resolved* address is checked, and the checked one is connected to.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from desktop_app.core.errors import AssetError

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host name and port to numeric addresses; raises OSError."""

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A checked place to fetch from.

    Attributes:
        url: as asked for.
        host: the name for the `Host` header and the certificate, in ASCII.
        addresses: the numeric addresses that passed the check, the only ones to connect to, best first; empty where
            a proxy connects.
    """

    url: str
    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]


class Unresolved(AssetError):
    """A host name without an address, now."""


async def resolve(host: str, port: int) -> list[str]:
    """The numeric addresses of a name, by the system's resolver."""
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port, which make two addresses the same place."""
    parts = _split(url)
    return parts.scheme, _ascii(parts.hostname or ""), _port(parts)


async def check(
    url: str, *, hub: str, allow_private: bool, resolver: Resolve = resolve, proxied: bool = False
) -> Target:
    """The place to fetch `url` from, if it may be fetched from.

    Args:
        hub: the profile's host; its own origin is always allowed, private or not.
        allow_private: the profile's `allow_private_assets`.
        proxied: a proxy resolves and connects, so that only an address written as a number can be checked.

    Raises:
        AssetError: not http or https, a name that does not resolve (Unresolved), or an address that is not public.
    """
    parts = _split(url)
    host, port = _ascii(parts.hostname or ""), _port(parts)
    free = allow_private or origin(url) == origin(hub)
    if proxied:
        literal = _literal(host)
        if not free and literal is not None and not is_public(literal):
            raise _private(host)
        return Target(url, parts.scheme, host, port, ())
    try:
        addresses = await resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise Unresolved("The asset's host cannot be found (DNS)", where=host, remedy="Check the network.") from error
    allowed = tuple(address for address in addresses if free or is_public(address))
    if allowed:
        return Target(url, parts.scheme, host, port, allowed)
    raise _private(host) if addresses else Unresolved("The asset's host has no address", where=host)


def _private(host: str) -> AssetError:
    return AssetError(
        "The asset lies at a private address, which the profile does not allow",
        where=host,
        remedy="If that is meant, allow private asset addresses in the profile (--allow-private-assets).",
    )


def is_public(address: str) -> bool:
    """Whether a numeric address lies in the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.is_site_local or ip in _COMPATIBLE:
            return False
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def _literal(host: str) -> str | None:
    """The address that a host written as a number means, in any of the forms that resolvers take."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    with contextlib.suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return None


def _ascii(host: str) -> str:
    """A host name as it goes over the wire.

    Raises:
        AssetError: it is no name.
    """
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise AssetError("The asset's host is no valid name", remedy="The hub must send an http(s) URL.") from error


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError as error:
        raise AssetError("The asset's address is not valid", remedy="The hub must send an http(s) URL.") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise AssetError(
            f"The asset's address does not begin with http:// or https:// but with {parts.scheme[:20] or 'nothing'!r}",
            remedy="Plugdeck only fetches assets over HTTP.",
        )
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
