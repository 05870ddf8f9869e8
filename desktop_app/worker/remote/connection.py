"""Calls to one model server: bearer token, TLS, time limits, and trying again what only failed for the moment."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import logging
import math
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import certifi
import httpx

from desktop_app.core.aio import backoff
from desktop_app.core.authorities import trusting
from desktop_app.core.errors import ModelError
from desktop_app.core.notes import quoted
from desktop_app.core.proxy import proxy_for
from desktop_app.worker.remote.protocol import NotTheProtocol, parse_json

T = TypeVar("T")

CONNECT_S = 5.0
TEMPORARY = frozenset({429, 502, 503, 504})
"""Statuses that say nothing against the call itself: too much to do, not ready, or a replica that is gone."""
LONGEST_RETRY_AFTER_S = 60.0
MAX_ANSWER = 1 << 30
"""Bytes of one answer; masks of hundreds of instances are far below that."""
_CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""Of TLS errors those of a connection that ended: what balances connections closes them while no replica is there."""
CALLS_PER_CONNECTION = 64
"""After about so many calls a connection is closed: what balances connections may then choose another replica."""

logging.getLogger("httpx").setLevel(logging.WARNING)


class ServerAway(ModelError):
    """The server cannot be reached or is not ready: it may well be later."""


class Refused(ModelError):
    """The server answered with an error.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, what: str, *, status: int, where: str, remedy: str = "", details: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy, details=details)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Moment(Exception):
    """A failure that may be over soon.

    Attributes:
        reason: what it was, in words that follow a colon.
        wait: seconds that the server asked to be left alone, or None.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class Connection:
    """The calls, in a thread of their own; `submit` may be used from any.

    Args:
        url: of the server, up to and without `/v2`.
        token: the bearer token, or "".
        at_once: infer calls in flight; the others wait for their turn.

    Raises (on construction):
        ModelError: the token cannot be one, or the system's proxy cannot be used.
    """

    def __init__(self, url: str, token: str = "", *, at_once: int = 1) -> None:
        self.url = url.rstrip("/").removesuffix("/v2")
        self._token = token
        # Libraries would put such a token into the words of their error.
        if token and not (token.isascii() and token.isprintable() and token == token.strip()):
            raise ModelError(
                "This is no token for a model server", where=self.url, remedy="Copy it again, without line breaks."
            )
        self._at_once = at_once
        self._calls = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name="plugdeck-remote", daemon=True)
        self._thread.start()
        self.turns = asyncio.Semaphore(at_once)
        try:
            self._http = self.submit(self._open()).result()
        except BaseException:
            self._end()
            raise

    def submit(self, coro: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Runs a coroutine of these calls; cancelling the future ends it."""
        return asyncio.run_coroutine_threadsafe(coro, self._loop)

    def close(self) -> None:
        """Ends all calls and the thread."""
        if self._thread.is_alive():
            self.submit(self._http.aclose()).result(timeout=5)
            self._end()

    async def call(
        self, method: str, path: str, until: float, *, headers: Mapping[str, str] | None = None, body: bytes = b"",
        ready: Callable[[], Coroutine[Any, Any, bool]] | None = None,
    ) -> Answer:  # fmt: skip
        """One call, made again with growing waits for as long as it only fails for the moment.

        Args:
            until: `time.monotonic()` at which it is given up.
            ready: asked after an error, whether the model is ready; one that is not may only be loading.

        Raises:
            ServerAway: no answer, or none but "not now", until then.
            Refused: an error of any other kind.
            NotTheProtocol: the answer is too long.
        """
        began, delays, reason = time.monotonic(), backoff(first=0.05, limit=2.0), ""
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise self._away(reason or "no answer in time", time.monotonic() - began)
            try:
                answer = await self._once(method, path, left, headers or {}, body)
                if answer.status < 300:
                    return answer
                refusal = self._refusal(answer)
                if answer.status in (401, 403) or ready is None or await ready():
                    raise refusal
                moment = _Moment(f"its model is not ready: {refusal.details or refusal.what}")
            except _Moment as temporary:
                moment = temporary
            reason = moment.reason
            delay = max(next(delays), moment.wait or 0.0)
            if time.monotonic() + delay >= until:
                raise self._away(reason, time.monotonic() - began) from None
            await asyncio.sleep(delay)

    async def ask(self, path: str, until: float) -> dict[str, Any]:
        """A JSON object that is there to be read.

        Raises:
            ServerAway, Refused: see `call`.
            NotTheProtocol: it is none.
        """
        return parse_json((await self.call("GET", path, until)).body)

    async def says_yes(self, path: str, limit_s: float) -> bool:
        """Whether a question such as `/v2/health/ready` is answered with success."""
        # A server that has answered with an error may have closed the connection too, which shows at the next call.
        for _ in range(2):
            try:
                return (await self._once("GET", path, limit_s, {}, b"")).status < 300
            except _Moment:
                continue
        return False

    async def _once(self, method: str, path: str, limit_s: float, headers: Mapping[str, str], body: bytes) -> Answer:
        timeout = httpx.Timeout(limit_s, connect=min(CONNECT_S, limit_s))
        sent = dict(headers)
        if next(self._calls) % (CALLS_PER_CONNECTION * self._at_once) < self._at_once:
            sent["Connection"] = "close"
        try:
            async with asyncio.timeout(limit_s):
                async with self._http.stream(
                    method, self.url + path, headers=sent, content=body, timeout=timeout
                ) as response:
                    answer = Answer(response.status_code, dict(response.headers), await _read(response))
        except TimeoutError:
            raise _Moment("no answer in time") from None
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise self._failed(error) from None
        if answer.status in TEMPORARY:
            words = self._words(answer)
            raise _Moment(f"HTTP {answer.status}" + (f", {words}" if words else ""), _retry_after(answer.headers))
        return answer

    def _failed(self, error: Exception) -> Exception:
        """What a failed connection means: most of it may be over soon, a wrong certificate is not."""
        wrong = _cause(error, ssl.SSLError)
        if wrong is not None and not isinstance(wrong, _CLOSED):
            reason = getattr(wrong, "verify_message", "") or getattr(wrong, "reason", "") or str(wrong)
            return ModelError(
                f"The model server's certificate or encryption is not accepted: {reason}",
                where=self.url,
                remedy="Name your company's certificate authority in SSL_CERT_FILE, or correct the address.",
            )
        if isinstance(error, httpx.ConnectTimeout):
            return _Moment("no connection in time")
        if isinstance(error, httpx.TimeoutException):
            return _Moment("no answer in time")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.DecodingError):
            return NotTheProtocol(f"The model server's answer cannot be read: {error}", where=self.url)
        return _Moment(self._masked(str(error)) or "the connection broke off")

    def _away(self, reason: str, after_s: float) -> ServerAway:
        return ServerAway(
            f"The model server gave no answer for {after_s:.0f} s: {reason}" if after_s >= 1
            else f"The model server gave no answer: {reason}",
            where=self.url,
            remedy="Check that it runs and that its address is right.",
        )  # fmt: skip

    def _refusal(self, answer: Answer) -> Refused:
        words = self._words(answer)
        if answer.status in (401, 403):
            what = "The model server does not accept the token" if self._token else "The model server wants a token"
            remedy = "Enter its bearer token in the plugin's settings (command line: --token-env)."
        elif answer.status < 400:
            what = f"The model server sends us on to {quoted(answer.headers.get('location', ''), 200)}"
            remedy = "Give that address, if it is the server's."
        else:
            what, remedy = f"The model server answered with an error (HTTP {answer.status})", ""
            what += f": {words}" if words else ""
        return Refused(what, status=answer.status, where=self.url, remedy=remedy, details=words)

    def _words(self, answer: Answer) -> str:
        """What a server says of an error, on one line."""
        try:
            value = parse_json(answer.body)
        except NotTheProtocol:
            text = answer.body[:300].decode("utf-8", "replace") if _is_text(answer) else ""
        else:
            text = str(value.get("error") or value.get("detail") or value.get("message") or "")
        return self._masked(" ".join("".join(c if c.isprintable() else " " for c in text[:600]).split())[:300])

    def _masked(self, text: str) -> str:
        return text.replace(self._token, "•••") if len(self._token) >= 4 else text

    async def _open(self) -> httpx.AsyncClient:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Plugdeck"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        proxy = proxy_for(self.url)
        if proxy is not None and urlsplit(proxy).scheme not in ("http", "https"):
            remedy = "Set the system's proxy to an http:// address."
            raise ModelError("The system's proxy cannot be used", where=self.url, remedy=remedy)
        many = self._at_once + 4
        return httpx.AsyncClient(
            headers=headers,
            verify=trusting(certifi.where()),
            proxy=proxy,
            trust_env=False,
            limits=httpx.Limits(max_connections=many, max_keepalive_connections=many, keepalive_expiry=30.0),
        )

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


async def _read(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_ANSWER:
            raise NotTheProtocol(f"The model server's answer is longer than {MAX_ANSWER >> 20} MB")
        parts.append(part)
    return b"".join(parts)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server wants to be left alone, as a number or a date; None where it does not say."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S) if math.isfinite(seconds) else None


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The error of that kind that led to this one, or None."""
    for _ in range(10):
        if error is None or isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def _is_text(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").startswith("text/plain")
