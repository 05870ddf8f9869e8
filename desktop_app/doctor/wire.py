"""The little of HTTP that the doctor speaks by itself, so that it sees each step on its own."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, unquote, urlsplit

MOST_BYTES = 16_384
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's first words.

    Attributes:
        status: the HTTP status, or 0 where it speaks no HTTP.
        headers: names in lower case.
        body: the first bytes of the body, as text.
    """

    status: int
    headers: dict[str, str]
    body: str

    @property
    def title(self) -> str:
        """The title of an HTML page, or ""."""
        found = _TITLE.search(self.body)
        return " ".join(found[1].split()) if found else ""

    @property
    def is_page(self) -> bool:
        """Whether a page for people was sent, or the way to one."""
        kind = self.headers.get("content-type", "")
        return "html" in kind or "<html" in self.body.lower() or (300 <= self.status < 400)

    @property
    def at(self) -> float | None:
        """The server's clock, seconds since the epoch, or None where it does not say."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return None


class Stream:
    """An open connection, through a proxy or not, encrypted or not yet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def encrypt(self, context: ssl.SSLContext, name: str) -> ssl.SSLObject:
        """Begins TLS.

        Raises:
            ssl.SSLError, OSError: it cannot be had.
        """
        await self.writer.start_tls(context, server_hostname=name, ssl_handshake_timeout=10)
        found: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return found

    async def ask(self, head: str) -> Reply:
        """Sends a head and reads the answer's beginning.

        Raises:
            OSError: the connection broke.
        """
        self.writer.write(head.encode("latin-1", "replace"))
        await self.writer.drain()
        data = b""
        while b"\r\n\r\n" not in data and len(data) < MOST_BYTES:
            chunk = await self.reader.read(4096)
            if not chunk:
                break
            data += chunk
        raw, _, body = data.partition(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        first = re.match(r"HTTP/\d(?:\.\d)? (\d{3})", lines[0])
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if first and int(first[1]) != 101 and len(body) < 1024:
            try:
                body += await asyncio.wait_for(self.reader.read(4096), 1.0)
            except (TimeoutError, OSError):
                pass
        return Reply(int(first[1]) if first else 0, headers, body.decode("utf-8", "replace"))

    def close(self) -> None:
        """Drops the connection."""
        self.writer.transport.abort()


def handshake_head(host: SplitResult) -> str:
    """Asks for a Socket.IO websocket, as the listener does (facts: hub-protocol, connect)."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    return (
        f"GET {host.path.rstrip('/')}/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host.netloc}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "User-Agent: plugdeck-doctor\r\n\r\n"
    )


def connect_head(host: str, port: int, proxy: str) -> str:
    """Asks a proxy for a tunnel; a name and password in its address go to the proxy alone."""
    parts = urlsplit(proxy)
    shown = f"[{host}]" if ":" in host else host
    head = f"CONNECT {shown}:{port} HTTP/1.1\r\nHost: {shown}:{port}\r\n"
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        head += f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
    return head + "\r\n"
