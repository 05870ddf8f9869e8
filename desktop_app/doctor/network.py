"""From here to the hub, step by step: proxy, name, connection, encryption, handshake, clock."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
import urllib.request
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from desktop_app.doctor.certificate import Certificate, read_certificate
from desktop_app.doctor.finding import TITLES, Check, Finding, Outcome
from desktop_app.doctor.wire import Reply, Stream, connect_head, handshake_head
from desktop_app.store.redact import url as without_secrets

STEP_S = 10.0
SOON_DAYS = 14
SKEW_S = 120.0
WRONG_CLOCK_S = 3600.0

Tell = Callable[[Finding], None]


class NetworkExam:
    """Looks at one hub.

    Args:
        host: its address, as in a profile.
        tell: hears of each finding as it is made.
        trust: certificates to trust; None: the system's.
    """

    def __init__(self, host: str, tell: Tell, *, trust: ssl.SSLContext | None = None, step_s: float = STEP_S) -> None:
        self._host = host
        self._parts = urlsplit(host)
        self._name = self._parts.hostname or ""
        self._secure = self._parts.scheme == "https"
        self._port = self._parts.port or (443 if self._secure else 80)
        self._tell = tell
        self._trust = trust
        self._step_s = step_s
        self._proxy = ""
        self._began = 0.0
        self._stream: Stream

    async def run(self) -> bool:
        """All steps; those behind one that failed are skipped. Whether the hub speaks as it should."""
        steps: tuple[tuple[Check, Callable[[], Awaitable[Stream | bool]]], ...] = (
            (Check.PROXY, self._look_for_proxy),
            (Check.RESOLUTION, self._resolve),
            (Check.TCP, self._connect),
            (Check.TLS, self._encrypt),
            (Check.HANDSHAKE, self._shake_hands),
        )
        stream: Stream | None = None
        try:
            broken = ""
            for check, step in steps:
                if broken:
                    self._say(check, Outcome.SKIPPED, f"It needs what failed before ({broken}).")
                    continue
                self._began = time.monotonic()
                try:
                    async with asyncio.timeout(self._step_s):
                        outcome = await step()
                    if isinstance(outcome, Stream):
                        stream, self._stream = outcome, outcome
                        outcome = True
                except TimeoutError:
                    outcome = self._say(
                        check,
                        Outcome.FAILED,
                        f"There was no answer within {self._step_s:g} seconds.",
                        "Something between here and the hub swallows the connection: check firewall, VPN and proxy.",
                    )
                if not outcome:
                    broken = TITLES[check]
            if broken:
                self._say(Check.CLOCK, Outcome.SKIPPED, "The hub did not tell its time.")
            return not broken
        finally:
            if stream is not None:
                stream.close()

    # ---- steps: each says what it saw, and answers whether the next one makes sense ----

    async def _look_for_proxy(self) -> bool:
        proxies = await asyncio.to_thread(urllib.request.getproxies)
        proxy = proxies.get(self._parts.scheme) or proxies.get("all") or ""
        if not proxy:
            return self._say(Check.PROXY, Outcome.OK, "No proxy is set; the hub is connected to directly.")
        if await asyncio.to_thread(urllib.request.proxy_bypass, self._name):
            return self._say(Check.PROXY, Outcome.OK, "A proxy is set, but not for this address.")
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        shown = without_secrets(proxy)
        if urlsplit(proxy).scheme != "http" or not urlsplit(proxy).hostname:
            return self._say(
                Check.PROXY,
                Outcome.FAILED,
                f"The proxy {shown} is of a kind that cannot be used.",
                "Set an http:// address as proxy, in the settings or as HTTPS_PROXY.",
            )
        self._proxy = proxy
        stream: Stream | None = None
        try:
            stream = await self._open()
            reply = await stream.ask(connect_head(self._name, self._port, proxy))
        except OSError as error:
            return self._say(
                Check.PROXY,
                Outcome.FAILED,
                f"The proxy {shown} cannot be reached: {_reason(error)}.",
                "Correct the proxy in the settings (or HTTPS_PROXY), or remove it if this network has none.",
            )
        finally:
            if stream is not None:
                stream.close()
        if reply.status == 407:
            remedy = "Put a user name and password into HTTPS_PROXY, or use a proxy that needs none."
            return self._say(Check.PROXY, Outcome.FAILED, f"The proxy {shown} asks for a password.", remedy)
        if reply.status != 200:
            return self._say(
                Check.PROXY,
                Outcome.FAILED,
                f"The proxy {shown} opens no way to {self._name}: HTTP status {reply.status or 'none'}.",
                f"Ask who runs the proxy to allow {self._name}:{self._port} (CONNECT), or bypass it with NO_PROXY.",
            )
        return self._say(Check.PROXY, Outcome.OK, f"The proxy {shown} opens a way to {self._name}.")

    async def _resolve(self) -> bool:
        if self._proxy:
            return self._say(Check.RESOLUTION, Outcome.OK, "The proxy finds the hub's address.")
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self._name, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return self._say(
                Check.RESOLUTION,
                Outcome.FAILED,
                f"The name {self._name} has no address: {_reason(error)}.",
                "Check the host's spelling; then the network, its DNS server, or the VPN that knows the name.",
            )
        if _is_address(self._name):
            return self._say(Check.RESOLUTION, Outcome.OK, "The host is an address; there is no name to resolve.")
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
        return self._say(Check.RESOLUTION, Outcome.OK, f"{self._name} is {', '.join(addresses[:3])}{more}.")

    async def _connect(self) -> Stream | bool:
        try:
            stream = await self._way()
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            return self._say(
                Check.TCP,
                Outcome.FAILED,
                f"Port {self._port} of {self._name} cannot be reached: {_reason(error)}.",
                "Nothing listens there: check the host's address and port, and whether the hub is up."
                if refused
                else "Check the network, the firewall and the VPN.",
            )
        took = (time.monotonic() - self._began) * 1000
        self._say(Check.TCP, Outcome.OK, f"Port {self._port} of {self._name} answers in {took:.0f} ms.")
        return stream

    async def _encrypt(self) -> bool:
        if not self._secure:
            here = self._name in ("localhost", "127.0.0.1", "::1")
            return self._say(
                Check.TLS,
                Outcome.OK if here else Outcome.WARNING,
                "The hub runs on this machine without encryption."
                if here
                else "The connection is not encrypted: anybody on the way can read the plugin's secret.",
                "" if here else "Use the hub's https address.",
            )
        context = self._trust
        if context is None:
            context = await asyncio.to_thread(ssl.create_default_context)
        try:
            encrypted = await self._stream.encrypt(context, self._name)
        except ssl.SSLCertVerificationError as error:
            return await self._explain_certificate(error)
        except (ssl.SSLError, OSError) as error:
            return self._say(
                Check.TLS,
                Outcome.FAILED,
                f"There is no encrypted connection: {_reason(error)}.",
                "What answers on this port may not speak TLS: check address and port, and any inspecting proxy.",
            )
        certificate = _certificate(encrypted)
        if certificate is None:
            return self._say(Check.TLS, Outcome.OK, f"{encrypted.version()}; the certificate is trusted.")
        left = (certificate.not_after - datetime.now(UTC)).days
        saw = (
            f"{encrypted.version()}; the certificate was issued by {certificate.issuer}"
            f" and is valid until {certificate.not_after:%Y-%m-%d}."
        )
        if left < SOON_DAYS:
            remedy = f"It ends in {left} days: tell who runs the hub."
            return self._say(Check.TLS, Outcome.WARNING, saw, remedy)
        return self._say(Check.TLS, Outcome.OK, saw)

    async def _shake_hands(self) -> bool:
        try:
            reply = await self._stream.ask(handshake_head(self._parts))
        except OSError as error:
            return self._say(
                Check.HANDSHAKE,
                Outcome.FAILED,
                f"The connection broke before the hub answered: {_reason(error)}.",
                "Try again; if it stays, ask who runs the hub, or the proxy in between.",
            )
        good = self._judge(reply)
        if good:
            self._compare_clocks(reply)
        return good

    def _judge(self, reply: Reply) -> bool:
        if reply.status == 101:
            return self._say(Check.HANDSHAKE, Outcome.OK, "The hub opened a websocket.")
        if reply.is_page and reply.status < 500:
            title = f" “{reply.title}”" if reply.title else ""
            return self._say(
                Check.HANDSHAKE,
                Outcome.FAILED,
                f"A web page{title} answers in place of the hub (HTTP status {reply.status}).",
                "If this network asks for a sign-in, open a browser and sign in; else correct the host: it is"
                " the API's address (such as https://api.ango.ai), not that of the web site.",
            )
        if reply.status == 0:
            saw = "What answers there does not speak HTTP."
            return self._say(Check.HANDSHAKE, Outcome.FAILED, saw, "Check the host's address and port.")
        busy = reply.status >= 500 or reply.status == 429
        return self._say(
            Check.HANDSHAKE,
            Outcome.FAILED,
            f"The hub answered with HTTP status {reply.status} instead of opening a websocket.",
            "The hub is overloaded or down: Plugdeck goes on trying by itself."
            if busy
            else "Check the host's address; a proxy in between may not let websockets through.",
        )

    def _compare_clocks(self, reply: Reply) -> None:
        if reply.at is None:
            self._say(Check.CLOCK, Outcome.SKIPPED, "The hub did not tell its time.")
            return
        skew = time.time() - reply.at
        if abs(skew) <= SKEW_S:
            self._say(Check.CLOCK, Outcome.OK, "This computer's clock agrees with the hub's.")
            return
        self._say(
            Check.CLOCK,
            Outcome.FAILED if abs(skew) > WRONG_CLOCK_S else Outcome.WARNING,
            f"This computer's clock is {_span(skew)} {'ahead of' if skew > 0 else 'behind'} the hub's.",
            "Set the clock (switch on setting it automatically): certificates and signed addresses depend on it.",
        )

    # ---- helpers ----

    async def _explain_certificate(self, error: ssl.SSLCertVerificationError) -> bool:
        certificate = await self._fetch_certificate()
        who = f" It was issued by {certificate.issuer}" if certificate else ""
        until = f" and is valid until {certificate.not_after:%Y-%m-%d}." if certificate else ""
        now = datetime.now(UTC)
        if certificate and now > certificate.not_after:
            saw = f"The hub's certificate has expired, on {certificate.not_after:%Y-%m-%d %H:%M} UTC."
            remedy = "If this computer's clock is right, tell who runs the hub to renew it."
        elif certificate and now < certificate.not_before:
            saw = f"The hub's certificate is not valid before {certificate.not_before:%Y-%m-%d %H:%M} UTC."
            remedy = "Set this computer's clock: it is most likely behind."
        elif error.verify_code == 62:  # X509_V_ERR_HOSTNAME_MISMATCH
            name = f", but for {certificate.subject}" if certificate else ""
            saw = f"The hub's certificate is not made out to {self._name}{name}.{who}{until}"
            remedy = "Correct the host's address; on a foreign network, something may stand in for the hub."
        elif certificate and certificate.self_signed:
            saw = f"The hub's certificate vouches for itself.{who}{until}"
            remedy = "If it is yours, name it as trusted in SSL_CERT_FILE and start Plugdeck anew."
        else:
            saw = f"The hub's certificate is not trusted: {error.verify_message}.{who}{until}"
            remedy = (
                "If your company inspects its traffic, get its CA certificate, name it in SSL_CERT_FILE and"
                " start Plugdeck anew; else do not trust this network."
            )
        return self._say(Check.TLS, Outcome.FAILED, saw, remedy)

    async def _fetch_certificate(self) -> Certificate | None:
        """What the server shows to anybody; nothing is sent to it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        stream: Stream | None = None
        try:
            stream = await self._way()
            return _certificate(await stream.encrypt(context, self._name))
        except OSError:
            return None
        finally:
            if stream is not None:
                stream.close()

    async def _open(self) -> Stream:
        """A connection to the proxy, or to the hub where there is none."""
        proxy = urlsplit(self._proxy)
        host, port = (proxy.hostname, proxy.port or 80) if self._proxy else (self._name, self._port)
        return Stream(*await asyncio.open_connection(host, port))

    async def _way(self) -> Stream:
        """A connection to the hub, through the proxy where there is one."""
        stream = await self._open()
        if self._proxy:
            reply = await stream.ask(connect_head(self._name, self._port, self._proxy))
            if reply.status != 200:
                stream.close()
                raise ConnectionError(f"the proxy answered with HTTP status {reply.status}")
        return stream

    def _say(self, check: Check, outcome: Outcome, saw: str, remedy: str = "") -> bool:
        took = (time.monotonic() - self._began) * 1000 if outcome is not Outcome.SKIPPED else 0.0
        self._tell(Finding(check, self._host, outcome, saw, remedy, took))
        return outcome in (Outcome.OK, Outcome.WARNING)


def _certificate(encrypted: ssl.SSLObject) -> Certificate | None:
    der = encrypted.getpeercert(binary_form=True)
    try:
        return read_certificate(der) if der else None
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    text = (getattr(error, "strerror", "") or str(error) or "the connection failed").strip().rstrip(".")
    return text[:1].lower() + text[1:]


def _span(seconds: float) -> str:
    seconds = abs(seconds)
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
