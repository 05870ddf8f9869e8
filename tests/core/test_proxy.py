from __future__ import annotations

import os
import urllib.request

import pytest

from desktop_app.core.proxy import HTTP_NAMES, SOCKET_NAMES, ProxyChoice


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*HTTP_NAMES, *SOCKET_NAMES, "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_chosen_proxy_is_what_every_library_finds_and_is_taken_back() -> None:
    before = dict(os.environ)
    choice = ProxyChoice()
    choice.use("http://proxy.example:3128")
    proxies = urllib.request.getproxies()
    assert {proxies[scheme] for scheme in ("http", "https", "ws", "wss")} == {"http://proxy.example:3128"}
    assert urllib.request.proxy_bypass("127.0.0.1")
    assert urllib.request.proxy_bypass("localhost")
    assert not urllib.request.proxy_bypass("api.ango.ai")
    choice.use("http://other.example:1")
    assert urllib.request.getproxies()["wss"] == "http://other.example:1"
    choice.use("")
    assert dict(os.environ) == before


def test_the_environments_own_proxy_serves_websockets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://system.example:8080")
    monkeypatch.setenv("no_proxy", "intranet.example")
    choice = ProxyChoice()
    choice.use("")
    assert urllib.request.getproxies()["wss"] == "http://system.example:8080"
    assert "ws" not in urllib.request.getproxies()
    assert urllib.request.proxy_bypass("intranet.example")
    assert urllib.request.proxy_bypass("127.0.0.1"), "no proxy reaches this machine's own hub"
    choice.restore()
    assert os.environ["no_proxy"] == "intranet.example"
    assert "wss_proxy" not in os.environ
