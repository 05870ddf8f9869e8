"""Why there is no connection to a hub, in words, and what a person can do about it."""

from __future__ import annotations

import aiohttp

PORTAL = (
    "Something on the way answers in the hub's place, such as the sign-in page of this network or a proxy: open a page "
    "in the browser and sign in, or set the proxy."
)
PROXY_REMEDY = "Check the proxy's address (settings, or HTTPS_PROXY) and whether it lets this hub through."
_OUT_OF_ORDER = "The hub, or a gateway before it, is out of order; Plugdeck goes on trying."
_CLOCK = "Check this computer's clock; else the hub's certificate has to be renewed by whoever runs it."
_AUTHORITY = (
    "If a proxy or virus scanner inspects the traffic, or the hub has a certificate of its own, name the certificate "
    "authority's file in SSL_CERT_FILE."
)
_NAME = "Check the host's name; a sign-in page of this network may be answering in its place."
_CERTIFICATES = {
    9: ("is not valid yet", _CLOCK),
    10: ("has expired", _CLOCK),
    18: ("is signed by itself alone", _AUTHORITY),
    19: ("comes from an authority that is not trusted", _AUTHORITY),
    20: ("comes from an authority that is not trusted", _AUTHORITY),
    21: ("comes from an authority that is not trusted", _AUTHORITY),
    62: ("is for another name", _NAME),
    64: ("is for another address", _NAME),
}
"""OpenSSL's codes of failed checks."""
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}


def explain(error: BaseException) -> tuple[str, str]:
    """What went wrong and what to do; looks through the library's wrapping."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None and not isinstance(cause, aiohttp.ClientError):
        cause = inner
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return _proxy_status(cause.status)
    if isinstance(cause, aiohttp.ClientProxyConnectionError):
        return f"The proxy cannot be reached: {cause.os_error.strerror or cause.os_error}", PROXY_REMEDY
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        return certificate_trouble(cause.certificate_error)
    if isinstance(cause, aiohttp.ClientConnectorSSLError):
        return _tls_trouble(cause)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return "The hub's name cannot be found (DNS)", "Check the network and the host's name."
    if isinstance(cause, aiohttp.ClientConnectorError):
        return f"The hub cannot be reached: {cause.os_error.strerror or cause.os_error}", "Check the network."
    if isinstance(cause, aiohttp.WSServerHandshakeError):
        return _status(cause.status)
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        return "The hub closed the connection before answering", ""
    if isinstance(cause, UnicodeError | aiohttp.InvalidURL):
        return "The hub's address is not valid", "Correct the host in the profile."
    if isinstance(error, KeyError | TypeError | AttributeError | ValueError):
        return "What answers there is no hub: it does not speak Socket.IO", "Check the host in the profile."
    return f"The hub did not open the connection: {str(error) or type(error).__name__}", ""


def certificate_trouble(error: BaseException) -> tuple[str, str]:
    """What is wrong with a certificate."""
    code = getattr(error, "verify_code", None)
    what, remedy = _CERTIFICATES.get(code or 0, (f"is not trusted: {error}", _AUTHORITY))
    return f"The hub's certificate {what}", remedy


def _tls_trouble(error: aiohttp.ClientConnectorSSLError) -> tuple[str, str]:
    reason = getattr(error.os_error, "reason", None) or ""
    if reason in _NOT_TLS:
        remedy = "Check the host's port and whether its address begins with http:// instead."
        return "What answers there does not speak TLS", remedy
    detail = str(reason).replace("_", " ").lower() or error.strerror or str(error)
    return f"No secure connection: {detail}", "Check the host, the proxy and the network in between."


def _status(status: int) -> tuple[str, str]:
    what = f"The hub answered with HTTP status {status} instead of opening the connection"
    if status == 200 or 300 <= status < 400 or status == 511:
        return what, PORTAL
    if status == 407:
        return _proxy_status(status)
    if status >= 500:
        return what, _OUT_OF_ORDER
    return what, "Check the host in the profile."


def _proxy_status(status: int) -> tuple[str, str]:
    if status == 407:
        return (
            "The proxy wants a user name and a password",
            "Put them into the proxy's address (http://name:password@…).",
        )
    return f"The proxy answered with HTTP status {status}", PROXY_REMEDY
