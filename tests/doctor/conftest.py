"""Servers that go wrong in one way each."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[bytes], bytes]


def certificate(
    folder: Path, *, days: float = 90, age_days: float = 1, name: str = "localhost", issuer: str = ""
) -> tuple[Path, bytes]:
    """A certificate with its key in one file, and its DER form; self-signed unless an issuer is named."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = ec.generate_private_key(ec.SECP256R1()) if issuer else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]) if issuer else subject
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=age_days))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = folder / f"{name}-{days}-{age_days}-{issuer}.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + made.public_bytes(pem)
    )
    return path, made.public_bytes(serialization.Encoding.DER)


def http(status: str, body: str = "", kind: str = "text/html", skew_s: float = 0.0) -> bytes:
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=skew_s), usegmt=True)
    head = f"HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


class Servers:
    """Makes servers, and what tests compare with."""

    certificate = staticmethod(certificate)
    http = staticmethod(http)

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self._open: list[asyncio.Server] = []

    async def serve(self, answer: Answer, pem: Path | None = None) -> int:
        """A server that answers every head; returns its port."""

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                writer.write(answer(head))
                await writer.drain()
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        return await self._listen(client, pem)

    async def blunt(self, answer: bytes) -> int:
        """A server that says the same whatever it hears."""

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(answer)
            writer.close()

        return await self._listen(client, None)

    async def silent(self) -> int:
        """A server that takes connections and says nothing."""

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.read(4096):
                    pass
            except OSError:
                pass
            finally:
                writer.close()

        return await self._listen(client, None)

    async def proxy(self, refuses: bytes = b"") -> int:
        """A proxy that opens tunnels, or refuses to."""

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while data := await reader.read(4096):
                    writer.write(data)
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if refuses:
                    writer.write(refuses)
                    await writer.drain()
                    return
                host, _, port = head.split()[1].decode().rpartition(":")
                there, to = await asyncio.open_connection("127.0.0.1" if host == "hub.example" else host, int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(pump(reader, to), pump(there, writer))
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        return await self._listen(client, None)

    async def _listen(
        self, client: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], pem: Path | None
    ) -> int:
        context = None
        if pem is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(pem)
        server = await asyncio.start_server(client, "127.0.0.1", 0, ssl=context)
        self._open.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        for server in self._open:
            server.close()
            await server.wait_closed()
        self._open.clear()


@pytest.fixture
async def servers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Servers]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    made = Servers()
    yield made
    await made.close()
