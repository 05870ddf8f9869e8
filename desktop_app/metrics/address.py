"""Addresses of runners as people write them and as they are kept."""

from __future__ import annotations

from urllib.parse import urlsplit

from desktop_app.core.errors import UsageError

DEFAULT_PORT = 9464


def runner_url(text: str) -> str:
    """The address of a runner's metrics as it is kept: `10.0.0.7` means `http://10.0.0.7:9464`.

    Raises:
        UsageError: it is none, or holds a password.
    """
    text = text.strip()
    wrong = UsageError("This is no address of a runner", where=text[:200], remedy="Write it as 10.0.0.7:9464.")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    more = parts.username or parts.password or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not host or more or any(not char.isprintable() for char in text):
        raise wrong
    if any(char in host for char in " \\"):
        raise wrong
    if port is None and parts.scheme == "http":
        port = DEFAULT_PORT
    name = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/metrics")
    return f"{parts.scheme}://{name}{f':{port}' if port is not None else ''}{path}"
