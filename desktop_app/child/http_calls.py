"""HTTP with the standard library: what a script's SDK calls need, with time-outs and errors in words."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, Optional

TIMEOUT_S = 60.0
"""Without a byte for this long, a call has failed."""
AGENT = "plugdeck"

_PASSING = (408, 429, 500, 502, 503, 504)
_openers: Dict[str, urllib.request.OpenerDirector] = {}


class HttpError(Exception):
    """A call that was answered with an error, or not at all.

    Attributes:
        status: HTTP status, or None when there was no answer.
        text: the answer's body.
    """

    def __init__(self, message: str, status: Optional[int] = None, text: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.text = text


def request(
    method: str,
    url: str,
    *,
    headers: Optional[Dict[str, str]] = None,
    body: Optional[bytes] = None,
    any_status: bool = False,
    tries: int = 1,
) -> bytes:
    """The body of the answer.

    Args:
        tries: how often to try while there is no answer, or one that says the server is not well.
        any_status: give the body of an error answer too, instead of raising.

    Raises:
        HttpError: no answer, or one with status 400 and above.
    """
    for attempt in range(1, tries):
        try:
            return request(method, url, headers=headers, body=body, any_status=any_status)
        except HttpError as error:
            if error.status is not None and error.status not in _PASSING:
                raise
            time.sleep(attempt)
    place = urllib.parse.urlsplit(url)
    if place.scheme not in ("http", "https"):
        raise HttpError("not an http address: %s" % place.scheme)
    safe = urllib.parse.urlunsplit(place._replace(query="", fragment=""))
    all_headers = {"User-Agent": AGENT, **(headers or {})}
    call = urllib.request.Request(url, data=body, method=method, headers=all_headers)  # noqa: S310
    try:
        with _opener(place.scheme).open(call, timeout=TIMEOUT_S) as answer:
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError as error:
        with error:
            data = error.read()
        if any_status:
            return data
        text = data.decode("utf-8", "replace")
        raise HttpError(text or "%s %s was answered with %s" % (method, safe, error.code), error.code, text) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise HttpError("%s %s failed: %s" % (method, safe, reason)) from None


def call_json(
    method: str, url: str, *, api_key: str, payload: Any = None, any_status: bool = False, content_type: bool = True
) -> Any:
    """Calls the hub's API: JSON out, JSON back.

    Raises:
        HttpError: see request; also when the answer is no JSON.
    """
    headers = {"apikey": api_key}
    if content_type:
        headers["Content-Type"] = "application/json"
    body = None if payload is None else json.dumps(payload).encode("utf-8")
    answer = request(method, url, headers=headers, body=body, any_status=any_status)
    try:
        return json.loads(answer)
    except ValueError:
        raise HttpError("%s %s was not answered with JSON" % (method, url.partition("?")[0])) from None


def query(**fields: Any) -> str:
    """A query string of the fields that are not None; lists and dicts as JSON."""
    pairs = []
    for name, value in fields.items():
        if value is None:
            continue
        pairs.append((name, json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)))
    return urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote)


def _without_made_up_type(call: urllib.request.Request) -> urllib.request.Request:
    """urllib claims that every body is a form; storages that signed the request refuse that."""
    if "Content-type" not in call.headers:
        call.unredirected_hdrs.pop("Content-type", None)
    return call


class _Http(urllib.request.HTTPHandler):
    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        return _without_made_up_type(self.do_request_(request))


class _Https(urllib.request.HTTPSHandler):
    def https_request(self, request: urllib.request.Request) -> urllib.request.Request:
        return _without_made_up_type(self.do_request_(request))


def _opener(scheme: str) -> urllib.request.OpenerDirector:
    """Opens addresses of one scheme; trusts certifi's certificates where it is there, for some Pythons have none."""
    if scheme not in _openers:
        if scheme == "http":
            _openers[scheme] = urllib.request.build_opener(_Http)
        else:
            try:
                import certifi

                context = ssl.create_default_context(cafile=certifi.where())
            except ImportError:
                context = ssl.create_default_context()
            _openers[scheme] = urllib.request.build_opener(_Http, _Https(context=context))
    return _openers[scheme]
