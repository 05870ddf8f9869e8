"""Fetching, from servers that behave and misbehave."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import socket
import ssl
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from desktop_app.core import proxy
from desktop_app.core.errors import AssetError
from desktop_app.jobs import asset_client as client_module
from desktop_app.jobs import assets as assets_module
from desktop_app.jobs.assets import Assets
from desktop_app.jobs.cache import Cache

Fetch = Callable[..., Awaitable[Any]]


def make_certificate(path: Path, names: Sequence[str]) -> Path:
    """A certificate that vouches for itself, with its key, for a server of these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short pauses, and no proxy of the machine the tests run on."""
    monkeypatch.setattr(assets_module, "backoff", lambda *_, **__: iter([0.1] * 100))
    monkeypatch.setattr(assets_module, "RETRY_FOR_S", 0.8)
    monkeypatch.setattr(assets_module, "WAIT_WHEN_ASKED_S", 3.0)
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    proxy.forget()
    yield
    # What a test told of proxies must not be remembered in the next ones.
    proxy.forget()


class Server:
    """Serves what it is told and counts."""

    def __init__(self) -> None:
        self.handler: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.calls: list[web.Request] = []
        self.peers: set[Any] = set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(request)
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        assert self.handler is not None
        return await self.handler(request)

    def gives(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, headers=headers)

        self.handler = answer

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@pytest.fixture
async def server(serve) -> Server:
    made = Server()
    made.url = await serve(made.handle)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
async def make_assets(cache: Cache) -> AsyncIterator[Callable[..., Assets]]:
    made: list[Assets] = []

    def make(**options: Any) -> Assets:
        made.append(Assets(cache, **options))
        return made[-1]

    yield make
    for assets in made:
        await assets.close()
    assert not list(cache.folder.glob("incoming-*"))


@pytest.fixture
def fetch(make_assets, onnx_profile) -> Fetch:
    assets = make_assets(max_bytes=100_000)
    profile = onnx_profile("https://hub.example", allow_private_assets=True)
    return lambda url: assets.fetch(url, profile)


async def test_a_picture(server, fetch, picture):
    server.gives(picture, **{"Content-Type": "image/png"})
    asset = await fetch(f"{server.url}/a%20b.png?sig=1")
    assert asset.path.read_bytes() == picture
    assert (asset.media_type, asset.size) == ("image/png", len(picture))
    call = server.calls[0]
    assert call.host == server.url.removeprefix("http://")
    assert call.raw_path == "/a%20b.png?sig=1"
    assert "apikey" not in call.headers


async def test_it_is_not_fetched_twice_while_the_server_says_it_is_the_same(server, fetch, picture):
    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304, headers={"ETag": '"v1"'})
        return web.Response(body=picture, headers={"ETag": '"v1"'})

    server.handler = answer
    first = await fetch(f"{server.url}/a.png?X-Amz-Signature=1&X-Amz-Date=2")
    again = await fetch(f"{server.url}/a.png?X-Amz-Signature=3&X-Amz-Date=4")
    assert again == first
    assert len(server.calls) == 2
    first.path.unlink()
    whole = await fetch(f"{server.url}/a.png?X-Amz-Signature=5")
    assert whole.path.read_bytes() == picture
    assert "If-None-Match" not in server.calls[2].headers


async def test_two_files_told_apart_by_a_parameter_are_two(server, fetch):
    """A server whose ETags are version numbers would otherwise say of every file that it is the one we have."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return web.Response(body=request.query["id"].encode(), headers={"ETag": '"1"'})

    server.handler = answer
    one = await fetch(f"{server.url}/file?id=one&sig=x")
    two = await fetch(f"{server.url}/file?id=two&sig=y")
    assert (one.path.read_bytes(), two.path.read_bytes()) == (b"one", b"two")


async def test_a_304_that_nobody_asked_for(server, fetch):
    server.gives(status=304)
    with pytest.raises(AssetError, match="304"):
        await fetch(server.url)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_failure_that_passes(server, fetch, picture, status):
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=picture) if len(server.calls) == 3 else web.Response(status=status, text="<html>")

    server.handler = answer
    assert (await fetch(server.url)).size == len(picture)


async def test_a_failure_that_stays(server, fetch):
    server.gives(b"<html>Bad Gateway</html>", 502)
    with pytest.raises(AssetError, match="502") as caught:
        await fetch(server.url)
    assert caught.value.where == "127.0.0.1"
    assert caught.value.remedy
    assert 2 <= len(server.calls) <= 12


async def test_a_server_that_asks_for_patience_gets_it(server, fetch, picture):
    loop = asyncio.get_running_loop()
    at: list[float] = []

    async def answer(_: web.Request) -> web.Response:
        at.append(loop.time())
        return web.Response(body=picture) if len(at) > 1 else web.Response(status=429, headers={"Retry-After": "1"})

    server.handler = answer
    await fetch(server.url)
    assert at[1] - at[0] >= 1


async def test_a_server_that_asks_for_too_much_patience(server, fetch):
    server.gives(b"", 503, **{"Retry-After": "3600"})
    with pytest.raises(AssetError, match="503"):
        await fetch(server.url)
    assert len(server.calls) == 1


@pytest.mark.parametrize(("status", "words"), [(401, "refused access"), (403, "expired"), (404, "404"), (410, "410")])
async def test_a_refusal_is_final(server, fetch, status, words):
    server.gives(b"no", status)
    with pytest.raises(AssetError) as caught:
        await fetch(f"{server.url}/x?sig=very-secret")
    assert words in str(caught.value)
    assert "very-secret" not in str(caught.value)
    assert len(server.calls) == 1


async def test_what_breaks_off_is_fetched_again_and_never_kept_half(server, fetch, cache):
    async def answer(request: web.Request) -> web.StreamResponse:
        if len(server.calls) == 2:
            return web.Response(body=b"x" * 1000)
        reply = web.StreamResponse(headers={"Content-Length": "1000"})
        await reply.prepare(request)
        await reply.write(b"x" * 500)
        assert request.transport is not None
        request.transport.close()
        return reply

    server.handler = answer
    assert (await fetch(server.url)).size == 1000
    assert len([path for path in cache.folder.rglob("*") if path.is_file()]) == 1


async def test_what_always_breaks_off(server, fetch, cache):
    async def answer(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Length": "1000"})
        await reply.prepare(request)
        await reply.write(b"x" * 500)
        assert request.transport is not None
        request.transport.close()
        return reply

    server.handler = answer
    with pytest.raises(AssetError, match="could not be fetched"):
        await fetch(server.url)
    assert [path for path in cache.folder.rglob("*") if path.is_file()] == []


async def test_an_empty_file(server, fetch):
    server.gives(b"")
    with pytest.raises(AssetError, match="empty"):
        await fetch(server.url)


@pytest.mark.parametrize("announced", [True, False])
async def test_too_large(server, fetch, cache, announced):
    async def answer(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Length": "1000000"} if announced else {})
        await reply.prepare(request)
        for _ in range(1000):
            await reply.write(b"x" * 1000)
        return reply

    server.handler = answer
    with pytest.raises(AssetError, match="larger than"):
        await fetch(server.url)
    assert len(server.calls) == 1


async def test_small_on_the_wire_and_large_when_unpacked(server, fetch):
    server.gives(gzip.compress(b"0" * 10_000_000), **{"Content-Encoding": "gzip"})
    with pytest.raises(AssetError, match="larger than"):
        await fetch(server.url)


async def test_an_encoding_that_is_none(server, fetch):
    server.gives(b"this is no gzip", **{"Content-Encoding": "gzip"})
    with pytest.raises(AssetError, match="could not be fetched"):
        await fetch(server.url)


async def test_a_server_that_sends_byte_by_byte(server, fetch, monkeypatch):
    async def answer(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        while True:
            await reply.write(b"x")
            await asyncio.sleep(0.01)

    server.handler = answer
    monkeypatch.setattr(assets_module, "FETCH_LIMIT_S", 0.3)
    with pytest.raises(AssetError, match="did not arrive within"):
        await fetch(server.url)


async def test_a_server_that_never_answers(server, fetch, monkeypatch):
    async def answer(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    server.handler = answer
    monkeypatch.setattr(client_module, "READ_S", 0.1)
    with pytest.raises(AssetError, match="did not answer in time"):
        await fetch(server.url)


async def test_a_fetch_can_be_cancelled(server, fetch, cache):
    begun = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        await reply.write(b"x" * 1000)
        begun.set()
        await asyncio.Event().wait()
        return reply

    server.handler = answer
    task = asyncio.get_running_loop().create_task(fetch(server.url))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(cache.folder.glob("incoming-*")) == []


async def test_nobody_there(fetch, unused_tcp_port):
    with pytest.raises(AssetError, match="cannot be reached"):
        await fetch(f"http://127.0.0.1:{unused_tcp_port}/")


async def test_many_at_once(server, fetch):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=request.path.encode())

    server.handler = answer
    found = await asyncio.gather(*(fetch(f"{server.url}/{number}") for number in range(60)))
    assert [asset.path.read_bytes() for asset in found] == [f"/{number}".encode() for number in range(60)]


# Redirects


def hops(count: int, body: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        left = int(request.path.strip("/") or count)
        if left:
            return web.Response(status=302, headers={"Location": f"/{left - 1}"})
        return web.Response(body=body)

    return answer


async def test_redirects_are_followed_five_times(server, fetch, picture):
    server.handler = hops(5, picture)
    assert (await fetch(server.url)).size == len(picture)
    server.handler = hops(6, picture)
    with pytest.raises(AssetError, match="more than 5 times"):
        await fetch(server.url)


@pytest.mark.parametrize("path", ["\x08", "a\ud800b", "\x7f"])
async def test_a_path_that_no_address_can_have(server, fetch, path):
    """Found by the fuzz test: what the HTTP library says of such an address is not what people should read."""
    server.gives(b"x")
    with pytest.raises(AssetError, match="not valid"):
        await fetch(f"{server.url}/{path}")


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://x/", "http://[::1", "http://a..b/", "http://x:99999/", "javascript:1"]
)
async def test_a_redirect_to_what_is_no_address(server, fetch, location):
    server.gives(b"", 302, Location=location)
    with pytest.raises(AssetError):
        await fetch(server.url)


# Whom we connect to


class Names:
    """A resolver with names of its own; a list of lists is gone through, call by call."""

    def __init__(self, **names: Any) -> None:
        self._names = names
        self.calls: Counter[str] = Counter()

    async def __call__(self, host: str, port: int) -> list[str]:
        name = host.partition(".")[0]
        self.calls[name] += 1
        found = self._names.get(name)
        if found is None:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        if isinstance(found[0], list):
            return found.pop(0) if len(found) > 1 else found[0]
        return list(found)


def pretend_public(monkeypatch: pytest.MonkeyPatch, *addresses_of_ours: str) -> None:
    """The tests' servers can only be on loopback: one of its addresses plays the public internet."""
    real = assets_module.addresses.is_public
    monkeypatch.setattr(
        assets_module.addresses, "is_public", lambda address: address in addresses_of_ours or real(address)
    )


async def test_a_redirect_into_the_own_network_is_refused(server, serve, make_assets, onnx_profile, monkeypatch):
    touched: list[str] = []

    async def inner(request: web.Request) -> web.Response:
        touched.append(request.path)
        return web.Response(body=b"secret of the network")

    private = await serve(inner)
    pretend_public(monkeypatch, "127.0.0.1")
    assets = make_assets(resolver=Names(public=["127.0.0.1"], private=["127.0.0.2"]))
    server.gives(b"", 302, Location=f"http://private.example:{private.rpartition(':')[2]}/latest/meta-data")
    with pytest.raises(AssetError, match="private address"):
        await assets.fetch(f"http://public.example:{server.port}/x", onnx_profile("https://hub.example"))
    assert touched == []
    assert len(server.calls) == 1


async def test_the_hub_may_be_private_but_not_what_it_redirects_to(server, make_assets, onnx_profile):
    assets = make_assets()
    server.gives(b"", 302, Location="http://169.254.169.254/latest/meta-data")
    with pytest.raises(AssetError, match="private address"):
        await assets.fetch(f"{server.url}/x", onnx_profile(server.url))
    assert len(server.calls) == 1


async def test_a_name_that_changes_its_address_after_the_check(server, make_assets, onnx_profile, monkeypatch):
    """DNS rebinding: the address that was checked is the one connected to, so the second answer never counts."""
    pretend_public(monkeypatch, "127.0.0.1")
    names = Names(rebind=[["127.0.0.1"], ["127.0.0.9"]])
    assets = make_assets(resolver=names)
    server.gives(b"public")
    url = f"http://rebind.example:{server.port}/x"
    assert (await assets.fetch(url, onnx_profile("https://hub.example"))).path.read_bytes() == b"public"
    assert names.calls["rebind"] == 1
    assert server.calls[0].host == f"rebind.example:{server.port}"
    with pytest.raises(AssetError, match="private address"):
        await assets.fetch(url, onnx_profile("https://hub.example"))
    assert len(server.calls) == 1


async def test_the_next_address_when_the_first_does_not_answer(server, make_assets, onnx_profile):
    """As `localhost`, which is ::1 first, where a server listens on 127.0.0.1 only."""
    assets = make_assets(resolver=Names(two=["::1", "127.0.0.1"]))
    server.gives(b"here")
    profile = onnx_profile("https://hub.example", allow_private_assets=True)
    assert (await assets.fetch(f"http://two.example:{server.port}/", profile)).path.read_bytes() == b"here"


async def test_a_name_that_cannot_be_found_for_a_moment(server, make_assets, onnx_profile):
    names = Names()
    assets = make_assets(resolver=names)
    with pytest.raises(AssetError, match="DNS"):
        await assets.fetch("http://gone.example/", onnx_profile("https://hub.example"))
    assert names.calls["gone"] >= 2


async def test_user_name_and_password_go_nowhere(server, fetch):
    server.gives(b"x")
    await fetch(f"http://user:pass@127.0.0.1:{server.port}/")
    assert "Authorization" not in server.calls[0].headers


async def test_connections_are_kept_for_the_next_asset(server, make_assets, onnx_profile):
    assets = make_assets(resolver=Names(one=["127.0.0.1"], two=["127.0.0.1"]))
    server.gives(b"x")
    profile = onnx_profile("https://hub.example", allow_private_assets=True)
    for name in ("one", "two", "one"):
        await assets.fetch(f"http://{name}.example:{server.port}/", profile)
    assert [call.host.partition(".")[0] for call in server.calls] == ["one", "two", "one"]
    assert len(server.peers) == 1


async def test_a_cookie_is_never_sent_back(server, fetch):
    server.gives(b"x", **{"Set-Cookie": "who=me"})
    await fetch(server.url)
    await fetch(server.url)
    assert all("Cookie" not in call.headers for call in server.calls)


async def test_an_address_is_asked_for_as_it_was_written(server, fetch):
    """A signature holds for that alone."""
    server.gives(b"x")
    written = "/a%2Bb+c~%7E'(1)/ü x.png?X-Sig=a%2Fb/c+d%20e&empty=&x"
    await fetch(f"{server.url}{written}")
    assert server.calls[0].raw_path == "/a%2Bb+c~%7E'(1)/%C3%BC%20x.png?X-Sig=a%2Fb/c+d%20e&empty=&x"


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Any]:
    """HTTPS servers, each with a certificate for the names it is given, which the fetcher trusts."""
    runners: list[web.AppRunner] = []

    async def start(*names: str) -> tuple[int, list[Any], Path]:
        pem = make_certificate(tmp_path / f"{names[0]}.pem", names)
        calls: list[Any] = []

        async def answer(request: web.Request) -> web.Response:
            transport = request.transport
            assert transport is not None
            calls.append((request.host, transport.get_extra_info("peername")))
            return web.Response(body=b"secure")

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        await web.TCPSite(runners[-1], "127.0.0.1", 0, ssl_context=context).start()
        return runners[-1].addresses[0][1], calls, pem

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_a_certificate_is_checked_for_the_name_and_a_connection_is_for_one_name(
    secure, make_assets, onnx_profile, monkeypatch
):
    """By its checked address, with the name from the job; another name at the same address gets no use of it."""
    port, calls, pem = await secure("one.example", "two.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assets = make_assets(resolver=Names(one=["127.0.0.1"], two=["127.0.0.1"], three=["127.0.0.1"]))
    profile = onnx_profile("https://hub.example", allow_private_assets=True)
    for name in ("one", "two", "one"):
        await assets.fetch(f"https://{name}.example:{port}/", profile)
    assert [host.partition(".")[0] for host, _ in calls] == ["one", "two", "one"]
    assert calls[0][1] == calls[2][1] != calls[1][1]
    with pytest.raises(AssetError, match="certificate of the asset's host is not trusted"):
        await assets.fetch(f"https://three.example:{port}/", profile)
    assert len(calls) == 3


async def test_a_certificate_that_nobody_vouches_for(secure, make_assets, onnx_profile):
    port, calls, _ = await secure("one.example")
    assets = make_assets(resolver=Names(one=["127.0.0.1"]))
    with pytest.raises(AssetError, match="SSL_CERT_FILE"):
        await assets.fetch(
            f"https://one.example:{port}/", onnx_profile("https://hub.example", allow_private_assets=True)
        )
    assert calls == []


async def test_through_a_proxy(server, make_assets, onnx_profile, monkeypatch):
    """The name goes to the proxy, which alone may be able to resolve it."""
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": server.url.removeprefix("http://")})
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: host == "direct.example")
    names = Names(direct=["127.0.0.1"])
    assets = make_assets(resolver=names)
    server.gives(b"by proxy")
    profile = onnx_profile("https://hub.example")
    assert (await assets.fetch("http://outside.example/a", profile)).path.read_bytes() == b"by proxy"
    assert server.calls[0].host == "outside.example"
    assert names.calls["outside"] == 0
    with pytest.raises(AssetError, match="private address"):
        await assets.fetch("http://127.0.0.1/a", profile)
    with pytest.raises(AssetError, match="private address"):
        await assets.fetch("http://direct.example/a", profile)


async def test_a_proxy_that_cannot_be_used(make_assets, onnx_profile, monkeypatch):
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": "nonsense://x"})
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda _: False)
    with pytest.raises(AssetError, match="proxy cannot be used"):
        await make_assets().fetch("http://outside.example/a", onnx_profile("https://hub.example"))


async def test_it_can_be_used_again_after_closing(server, make_assets, onnx_profile):
    assets = make_assets()
    server.gives(b"x")
    for _ in range(2):
        await assets.fetch(server.url, onnx_profile(server.url))
        await assets.close()
