from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from desktop_app.doctor.finding import Check, Finding, Outcome
from desktop_app.doctor.network import NetworkExam

UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def examine(host: str, trust: Path | None = None, **options: Any) -> dict[Check, Finding]:
    context = ssl.create_default_context(cafile=str(trust)) if trust else None
    found: list[Finding] = []
    good = await NetworkExam(host, found.append, trust=context, **options).run()
    assert good == (not any(finding.outcome is Outcome.FAILED for finding in found if finding.check is not Check.CLOCK))
    assert len({finding.check for finding in found}) == len(found) == 6, "every check says one thing"
    assert all(bool(f.remedy) == (f.outcome in (Outcome.FAILED, Outcome.WARNING)) for f in found), found
    return {finding.check: finding for finding in found}


def outcomes(found: dict[Check, Finding]) -> list[str]:
    return [found[check].outcome.value for check in list(Check)[:6]]


async def test_a_good_hub(servers: Any, tmp_path: Path) -> None:
    pem, _ = servers.certificate(tmp_path)
    port = await servers.serve(
        lambda _: UPGRADE.replace(b"\r\n\r\n", b"\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\n"), pem
    )
    found = await examine(f"https://localhost:{port}", pem)
    assert outcomes(found)[:5] == ["ok"] * 5
    assert "127.0.0.1" in found[Check.RESOLUTION].saw
    assert "issued by localhost and is valid until" in found[Check.TLS].saw
    assert found[Check.CLOCK].outcome is Outcome.FAILED
    assert "days behind the hub's" in found[Check.CLOCK].saw
    assert b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1" in servers.heads[0]


async def test_certificates_that_are_not_trusted(servers: Any, tmp_path: Path) -> None:
    cases = (
        ({}, "vouches for itself", "SSL_CERT_FILE"),
        ({"days": -1, "age_days": 30}, "has expired, on", "renew"),
        ({"days": 30, "age_days": -5}, "is not valid before", "clock"),
        ({"issuer": "Acme Inspection CA"}, "issued by Acme Inspection CA", "SSL_CERT_FILE"),
    )
    for options, saw, remedy in cases:
        pem, _ = servers.certificate(tmp_path, **options)
        port = await servers.serve(lambda _: UPGRADE, pem)
        found = await examine(f"https://localhost:{port}")
        assert outcomes(found)[:5] == ["ok", "ok", "ok", "failed", "skipped"], options
        assert saw in found[Check.TLS].saw
        assert remedy in found[Check.TLS].remedy
    pem, _ = servers.certificate(tmp_path, name="other.example")
    port = await servers.serve(lambda _: UPGRADE, pem)
    found = await examine(f"https://localhost:{port}", pem)
    assert "not made out to localhost, but for other.example" in found[Check.TLS].saw
    assert servers.heads == [], "nothing is said to a server that is not trusted"


async def test_a_certificate_that_ends_soon(servers: Any, tmp_path: Path) -> None:
    pem, _ = servers.certificate(tmp_path, days=3.5)
    port = await servers.serve(lambda _: UPGRADE, pem)
    found = await examine(f"https://localhost:{port}", pem)
    assert found[Check.TLS].outcome is Outcome.WARNING
    assert "3 days" in found[Check.TLS].remedy


async def test_no_tls_behind_https(servers: Any) -> None:
    port = await servers.blunt(servers.http("400 Bad Request"))
    found = await examine(f"https://localhost:{port}")
    assert outcomes(found)[:5] == ["ok", "ok", "ok", "failed", "skipped"]


async def test_nothing_listens_and_no_such_name(servers: Any) -> None:
    port = await servers.serve(lambda _: UPGRADE)
    await servers.close()
    found = await examine(f"http://127.0.0.1:{port}")
    assert outcomes(found) == ["ok", "ok", "failed", "skipped", "skipped", "skipped"]
    assert "refused" in found[Check.TCP].saw
    found = await examine("https://no-such-host.invalid")
    assert outcomes(found) == ["ok", "failed", "skipped", "skipped", "skipped", "skipped"]
    assert "DNS" in found[Check.RESOLUTION].remedy


@pytest.mark.parametrize(
    ("status", "kind", "saw", "remedy"),
    [
        ("200 OK", "text/html", "A web page “Hotel Wi-Fi” answers", "sign in"),
        ("302 Found", "text/plain", "A web page", "sign in"),
        ("502 Bad Gateway", "text/html", "HTTP status 502", "overloaded"),
        ("404 Not Found", "application/json", "HTTP status 404", "address"),
    ],
)
async def test_something_else_answers(servers: Any, status: str, kind: str, saw: str, remedy: str) -> None:
    body = "<html><title>Hotel\nWi-Fi</title>" if kind == "text/html" else "{}"
    port = await servers.serve(lambda _: servers.http(status, body, kind, skew_s=600))
    found = await examine(f"http://127.0.0.1:{port}")
    assert outcomes(found) == ["ok", "ok", "ok", "ok", "failed", "skipped"]
    assert saw in found[Check.HANDSHAKE].saw
    assert remedy in found[Check.HANDSHAKE].remedy


async def test_a_hub_that_takes_the_connection_and_says_nothing(servers: Any) -> None:
    port = await servers.silent()
    found = await examine(f"http://127.0.0.1:{port}", step_s=0.5)
    assert found[Check.HANDSHAKE].outcome is Outcome.FAILED
    assert "no answer within 0.5 seconds" in found[Check.HANDSHAKE].saw


async def test_through_a_proxy(servers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem, _ = servers.certificate(tmp_path, name="hub.example")
    hub = await servers.serve(lambda _: UPGRADE, pem)
    proxy = await servers.proxy()
    monkeypatch.setenv("https_proxy", f"http://someone:pass-word-77@127.0.0.1:{proxy}")
    found = await examine(f"https://hub.example:{hub}", pem)
    assert outcomes(found)[:5] == ["ok"] * 5
    assert any(
        head.startswith(b"CONNECT hub.example") and b"Proxy-Authorization: Basic" in head for head in servers.heads
    )
    assert "pass-word-77" not in str(found)


@pytest.mark.parametrize(
    ("reply", "saw", "remedy"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "asks for a password", "HTTPS_PROXY"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP status 403", "allow hub.example:443"),
    ],
)
async def test_a_proxy_that_refuses(
    servers: Any, monkeypatch: pytest.MonkeyPatch, reply: bytes, saw: str, remedy: str
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{await servers.proxy(reply)}")
    found = await examine("https://hub.example")
    assert outcomes(found) == ["failed", *["skipped"] * 5]
    assert saw in found[Check.PROXY].saw
    assert remedy in found[Check.PROXY].remedy


async def test_proxies_that_cannot_be_used(servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await servers.serve(lambda _: UPGRADE)
    await servers.close()
    for address, saw in ((f"http://127.0.0.1:{port}", "cannot be reached"), ("socks5://127.0.0.1:1", "of a kind")):
        monkeypatch.setenv("https_proxy", address)
        found = await examine("https://hub.example")
        assert found[Check.PROXY].outcome is Outcome.FAILED
        assert saw in found[Check.PROXY].saw
