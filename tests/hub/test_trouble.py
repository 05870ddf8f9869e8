"""What stands between us and a hub, each with a real server, and what is said of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from desktop_app.hub.listener import Timing
from desktop_app.hub.trouble import explain

ONCE = Timing(settle=0.02, connect=10.0, backoff_first=300)
"""One attempt, so that its sentence stays."""


def certificate(folder: Path, address: str = "127.0.0.1", *, ends_in_days: int = 10) -> Path:
    """A certificate that vouches for itself, with its key, for a server at an address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub.example")])
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=ends_in_days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{made.serial_number}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
async def secure(hub: Any, wire: Any) -> AsyncIterator[Callable[[Path], Awaitable[str]]]:
    """Puts TLS in front of the hub; gives its origin."""
    async with AsyncExitStack() as stack:

        async def start(pem: Path) -> str:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(pem)
            server = await asyncio.start_server(wire._accepted, "127.0.0.1", 0, ssl=context)
            stack.callback(server.close)
            return f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        await wire.start()
        yield start


async def test_a_certificate_of_an_unknown_authority(secure, listen, tmp_path):
    link = await listen(await secure(certificate(tmp_path)), timing=ONCE).becomes("reconnecting")
    assert "The hub's certificate is signed by itself alone" in link.detail
    assert "SSL_CERT_FILE" in link.detail


async def test_an_authority_of_ones_own_is_trusted_where_it_is_named(secure, listen, tmp_path, monkeypatch):
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    listening = listen(await secure(pem), timing=ONCE)
    await listening.becomes("online")


async def test_an_expired_certificate(secure, listen, tmp_path, monkeypatch):
    pem = certificate(tmp_path, ends_in_days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    link = await listen(await secure(pem), timing=ONCE).becomes("reconnecting")
    assert "The hub's certificate has expired" in link.detail
    assert "clock" in link.detail


async def test_a_certificate_for_another_place(secure, listen, tmp_path, monkeypatch):
    pem = certificate(tmp_path, "10.1.2.3")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    link = await listen(await secure(pem), timing=ONCE).becomes("reconnecting")
    assert "The hub's certificate is for another" in link.detail


async def test_a_server_without_tls(hub, listen):
    link = await listen(hub.url.replace("http://", "https://"), timing=ONCE).becomes("reconnecting")
    assert "does not speak TLS" in link.detail
    assert "http://" in link.detail


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "sign-in page"),
        (302, "sign-in page"),
        (511, "sign-in page"),
        (404, "Check the host"),
        (502, "out of order; Plugdeck goes on trying"),
        (503, "out of order; Plugdeck goes on trying"),
    ],
)
async def test_pages_in_the_hubs_place(serve, listen, status, words):
    async def page(_: web.Request) -> web.Response:
        headers = {"Location": "http://portal.invalid/login"} if status == 302 else {}
        return web.Response(status=status, text="<html>page</html>", content_type="text/html", headers=headers)

    link = await listen(await serve(page), timing=ONCE).becomes("reconnecting")
    assert f"HTTP status {status}" in link.detail
    assert words in link.detail


async def test_a_hub_that_points_elsewhere_is_not_followed(hub, serve, listen):
    """Or the secret would go wherever it points."""

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": hub.url + request.path_qs})

    link = await listen(await serve(redirect), timing=ONCE).becomes("reconnecting")
    assert "HTTP status 307" in link.detail
    assert hub.plugins["p1"].logins == 0


class Proxy:
    """An HTTP proxy that connects wherever it is told, or refuses with a status."""

    def __init__(self, status: int = 200, to: str = "") -> None:
        self.status = status
        self.to = to
        self.asked: list[str] = []
        self.url = ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        self.asked.append(f"{method} {target}")
        if self.status != 200:
            writer.write(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()
            return
        host, _, port = self.to.removeprefix("http://").partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            back.write(head.replace(target, "/" + target.split("/", 3)[3], 1).encode("latin-1"))
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except OSError:
            pass
        sink.transport.abort()


@pytest.fixture
async def proxy(hub: Any) -> AsyncIterator[Proxy]:
    made = Proxy(to=hub.url)
    tasks: set[Any] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        await made.accept(reader, writer)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Names the system's proxy."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    def use(url: str) -> None:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, url)

    return use


async def test_the_systems_proxy_is_used_for_the_socket(proxy, listen, through):
    through(proxy.url)
    listening = listen("http://hub.invalid", timing=ONCE, allow_insecure_host=True)
    await listening.becomes("online")
    assert any("hub.invalid" in asked for asked in proxy.asked)


@pytest.mark.parametrize(
    ("status", "words"), [(407, "wants a user name and a password"), (403, "HTTP status 403"), (502, "HTTP status 502")]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses(proxy, listen, through, status, words, scheme):
    through(proxy.url)
    proxy.status = status
    link = await listen(f"{scheme}://hub.invalid", timing=ONCE).becomes("reconnecting")
    assert words in link.detail


async def test_a_proxy_that_is_not_there(listen, through, unused_tcp_port):
    through(f"http://127.0.0.1:{unused_tcp_port}")
    link = await listen("https://hub.invalid", timing=ONCE).becomes("reconnecting")
    assert "The proxy cannot be reached" in link.detail


def test_what_nobody_thought_of():
    assert explain(RuntimeError("something else")) == ("The hub did not open the connection: something else", "")
