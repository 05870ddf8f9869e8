from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator

import pytest

from desktop_app.core import proxy as proxy_module
from desktop_app.core.proxy import HTTP_NAMES, SOCKET_NAMES, ProxyChoice, proxy_for


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(proxy_module, "time", clock)
    return clock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[list[int]]:
    """How often the system was asked for its proxies; it names one for http."""
    calls: list[int] = []

    def answer() -> dict[str, str]:
        calls.append(1)
        return {"http": f"proxy{len(calls)}.example:3128"}

    monkeypatch.setattr(urllib.request, "getproxies", answer)
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: host == "direct.example")
    proxy_module.forget()
    yield calls
    proxy_module.forget()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_the_systems_answer_holds_for_a_moment(asked: list[int], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for("http://a.example/x") == "http://proxy1.example:3128"
    assert proxy_for("ws://a.example/x") == "http://proxy1.example:3128"
    assert proxy_for("https://a.example/x") is None
    assert proxy_for("http://direct.example/x") is None
    assert len(asked) == 1
    clock.now += proxy_module.FRESH_S
    assert proxy_for("http://a.example/x") == "http://proxy2.example:3128"
    monkeypatch.setenv("https_proxy", "http://set.example:1")
    assert proxy_for("http://a.example/x") == "http://proxy3.example:3128", "the environment changed"
    proxy_module.forget()
    assert proxy_for("http://a.example/x") == "http://proxy4.example:3128"
