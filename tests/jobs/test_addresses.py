"""Which addresses may be fetched from."""

from __future__ import annotations

import socket

import pytest

from desktop_app.core.errors import AssetError
from desktop_app.jobs import addresses

HUB = "https://hub.example"


def gives(*found: str):
    async def resolver(host: str, port: int) -> list[str]:
        return list(found)

    return resolver


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
        "2002:0a00:0001::", "2001:0:0:0:0:0:80ff:fffe",
    ],
)  # fmt: skip
def test_private_addresses(address):
    assert not addresses.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses(address):
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://x/y", "gopher://x", "data:image/png;base64,AA", "javascript:alert(1)", "",
        "//x/y", "/etc/passwd", "http://", "http:///x", "https://[::1", "http://x:99999/", "http://x:port/",
    ],
)  # fmt: skip
async def test_what_is_no_address(url):
    with pytest.raises(AssetError):
        await addresses.check(url, hub=HUB, allow_private=True, resolver=gives("8.8.8.8"))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://2130706433/", "http://0x7f000001/",
        "http://0177.0.0.1/", "http://127.1/", "http://user:pass@127.0.0.1/", "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:7f00:1]/", "http://0/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("proxied", [False, True])
async def test_this_machine_in_any_spelling(url, proxied):
    with pytest.raises(AssetError, match="private address") as caught:
        await addresses.check(url, hub=HUB, allow_private=False, proxied=proxied)
    assert "--allow-private-assets" in caught.value.remedy


async def test_the_checked_addresses_are_the_ones_to_connect_to():
    target = await addresses.check(
        "https://x.example:8443/a?b",
        hub=HUB,
        allow_private=False,
        resolver=gives("10.0.0.1", "8.8.8.8", "::1", "9.9.9.9"),
    )
    assert target.addresses == ("8.8.8.8", "9.9.9.9")
    assert (target.scheme, target.host, target.port) == ("https", "x.example", 8443)


async def test_a_private_one_where_the_profile_allows_it():
    target = await addresses.check("http://x/", hub=HUB, allow_private=True, resolver=gives("10.0.0.1"))
    assert target.addresses == ("10.0.0.1",)
    assert target.port == 80


@pytest.mark.parametrize("url", ["https://hub.example/a", "https://hub.example:443/a", "https://HUB.example/x"])
async def test_the_hubs_own_origin_is_always_allowed(url):
    target = await addresses.check(url, hub=HUB, allow_private=False, resolver=gives("10.0.0.1"))
    assert target.addresses == ("10.0.0.1",)


@pytest.mark.parametrize(
    "url",
    ["http://hub.example/a", "https://hub.example:444/a", "https://hub.example.evil/a", "https://x@evil.example/"],
)
async def test_what_only_looks_like_the_hub(url):
    with pytest.raises(AssetError, match="private address"):
        await addresses.check(url, hub=HUB, allow_private=False, resolver=gives("10.0.0.1"))


async def test_a_name_that_does_not_resolve():
    async def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with pytest.raises(addresses.Unresolved, match="DNS"):
        await addresses.check("https://x/", hub=HUB, allow_private=False, resolver=nobody)
    with pytest.raises(addresses.Unresolved, match="no address"):
        await addresses.check("https://x/", hub=HUB, allow_private=False, resolver=gives())


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "." * 300])
async def test_a_name_that_no_resolver_takes(host):
    with pytest.raises(AssetError):
        await addresses.check(f"http://{host}/", hub=HUB, allow_private=True)


async def test_an_international_name():
    target = await addresses.check("https://bücher.example/ä", hub=HUB, allow_private=False, resolver=gives("8.8.8.8"))
    assert target.host == "xn--bcher-kva.example"
    with pytest.raises(AssetError, match="no valid name"):
        await addresses.check("https://\ud800.example/", hub=HUB, allow_private=True, resolver=gives("8.8.8.8"))


async def test_through_a_proxy_the_name_is_not_looked_up():
    async def never(host: str, port: int) -> list[str]:
        raise AssertionError

    target = await addresses.check("https://inside/", hub=HUB, allow_private=False, resolver=never, proxied=True)
    assert target.addresses == ()


async def test_the_systems_resolver():
    assert await addresses.resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert await addresses.resolve("::1", 80) == ["::1"]
