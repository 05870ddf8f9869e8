from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from desktop_app.child import http_calls
from desktop_app.child.http_calls import HttpError, call_json, request


class Server(http.server.ThreadingHTTPServer):
    """Remembers requests and answers with what the test set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.requests.append((self.command, self.path, headers, body))
        status, data = server.answers.pop(0) if server.answers else (200, b"{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running HTTP server; waiting between tries takes no time."""
    monkeypatch.setattr(http_calls.time, "sleep", lambda _: None)
    running = Server()
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_an_upload_claims_no_type_that_nobody_gave(server: Server) -> None:
    request("PUT", f"{server.url}/bucket/key?sig=1", body=b"data")
    [(method, path, headers, body)] = server.requests
    assert (method, path, body) == ("PUT", "/bucket/key?sig=1", b"data")
    assert "content-type" not in headers
    assert headers["content-length"] == "4"
    request("PUT", server.url, body=b"x", headers={"Content-Type": "image/png"})
    assert server.requests[-1][2]["content-type"] == "image/png"


def test_json_out_and_back(server: Server) -> None:
    server.answers = [(200, b'{"a": [1]}')]
    assert call_json("POST", f"{server.url}/v2/x", api_key="k", payload={"b": "ü"}) == {"a": [1]}
    [(_, _, headers, body)] = server.requests
    assert (headers["apikey"], headers["content-type"]) == ("k", "application/json")
    assert body == b'{"b": "\\u00fc"}'
    server.answers = [(200, b"<html>")]
    with pytest.raises(HttpError, match=r"GET .*/v2/x was not answered with JSON"):
        call_json("GET", f"{server.url}/v2/x?secret=1", api_key="k")


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (429, 3), (404, 1), (400, 1)])
def test_only_what_passes_is_tried_again(server: Server, status: int, tries: int) -> None:
    server.answers = [(status, b"no")] * 3
    with pytest.raises(HttpError) as raised:
        request("GET", server.url, tries=3)
    assert (raised.value.status, raised.value.text) == (status, "no")
    assert len(server.requests) == tries
    server.requests.clear()
    server.answers = [(503, b"no"), (200, b"yes")]
    assert request("GET", server.url, tries=3) == b"yes"


def test_an_empty_error_names_the_call_without_its_signature(server: Server) -> None:
    server.answers = [(500, b"")]
    with pytest.raises(HttpError, match=r"GET http://[^?]*/file was answered with 500$"):
        request("GET", f"{server.url}/file?X-Signature=secret")
    assert request("GET", f"{server.url}/file", any_status=True) == b"{}"


def test_nobody_there() -> None:
    with pytest.raises(HttpError, match="failed: ") as raised:
        request("GET", "http://127.0.0.1:9/x?sig=secret")
    assert raised.value.status is None
    assert "secret" not in str(raised.value)
