"""HTTP with the standard library: what a script's SDK calls need, with time-outs and errors in words."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, Optional

TIMEOUT_S = 60.0
"""Without a byte for this long, a call has failed."""
AGENT = "plugdeck"

_context: Optional[ssl.SSLContext] = None


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
) -> bytes:
    """The body of the answer.

    Args:
        any_status: give the body of an error answer too, instead of raising.

    Raises:
        HttpError: no answer, or one with status 400 and above.
    """
    place = urllib.parse.urlsplit(url)
    if place.scheme not in ("http", "https"):
        raise HttpError("not an http address: %s" % place.scheme)
    safe = urllib.parse.urlunsplit(place._replace(query="", fragment=""))
    all_headers = {"User-Agent": AGENT, **(headers or {})}
    call = urllib.request.Request(url, data=body, method=method, headers=all_headers)  # noqa: S310
    try:
        with urllib.request.urlopen(call, timeout=TIMEOUT_S, context=_tls(place.scheme)) as answer:  # noqa: S310
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


def _tls(scheme: str) -> Optional[ssl.SSLContext]:
    """Trusted certificates; certifi's where the interpreter has it, for some Pythons come without any."""
    global _context  # noqa: PLW0603
    if scheme != "https":
        return None
    if _context is None:
        try:
            import certifi

            _context = ssl.create_default_context(cafile=certifi.where())
        except ImportError:
            _context = ssl.create_default_context()
    return _context
