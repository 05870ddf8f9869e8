"""How another runner does, read from its metrics address; nothing is ever changed there."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

import certifi
import httpx
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from desktop_app.core.authorities import trusting
from desktop_app.core.proxy import proxy_for

LIMIT_S = 5.0
MOST_BYTES = 4 * 1024 * 1024
MOST_PROFILES = 200


class Health(StrEnum):
    """How a runner is."""

    READY = "ready"
    NOT_READY = "not ready"
    DRAINING = "draining"
    SILENT = "silent"
    """It gives no answer."""
    STRANGER = "stranger"
    """What answers is no Plugdeck."""


@dataclass(frozen=True, slots=True)
class ProfileNumbers:
    """One profile of a runner: its state in the words of `ProfileState`, and its jobs."""

    name: str
    state: str = ""
    running: int = 0
    queued: int = 0
    delivered: int = 0
    failed: int = 0
    waiting_s: float = 0.0
    """Age of the oldest answer that the hub has not confirmed."""


@dataclass(frozen=True, slots=True)
class RunnerHealth:
    """What was seen of a runner.

    Attributes:
        at: when, in seconds of the epoch.
        detail: why it gives no answer, or "".
        version: of Plugdeck, "" while unknown.
    """

    address: str
    health: Health
    at: float
    detail: str = ""
    version: str = ""
    profiles: tuple[ProfileNumbers, ...] = field(default=())


async def look(url: str) -> RunnerHealth:
    """Asks a runner how it is; never raises for what it answers, or that it does not."""
    try:
        # Reading the authorities takes a moment; the window must not wait for them.
        trust = await asyncio.to_thread(_trust)
        async with (
            asyncio.timeout(2 * LIMIT_S),
            httpx.AsyncClient(timeout=LIMIT_S, proxy=proxy_for(url), trust_env=False, verify=trust) as http,
        ):
            ready = await _get(http, f"{url}/readyz")
            text = await _get(http, f"{url}/metrics")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ImportError) as error:  # the last: a proxy of another kind
        return RunnerHealth(url, Health.SILENT, time.time(), _why(error))
    except ValueError as error:
        return RunnerHealth(url, Health.STRANGER, time.time(), str(error))
    try:
        status, version, profiles = await asyncio.to_thread(_read, ready, text)
    except (ValueError, AttributeError, KeyError, TypeError, OverflowError, RecursionError):
        return RunnerHealth(url, Health.STRANGER, time.time())
    if not version:
        return RunnerHealth(url, Health.STRANGER, time.time())
    known = {"ready": Health.READY, "draining": Health.DRAINING}
    return RunnerHealth(url, known.get(status, Health.NOT_READY), time.time(), "", version, profiles)


@cache
def _trust() -> ssl.SSLContext:
    return trusting(certifi.where())


def _read(ready: str, text: str) -> tuple[str, str, tuple[ProfileNumbers, ...]]:
    families = list(text_string_to_metric_families(text))
    return str(json.loads(ready).get("status")), _version(families), _profiles(families)


async def _get(http: httpx.AsyncClient, url: str) -> str:
    content = bytearray()
    async with http.stream("GET", url) as reply:
        if reply.status_code not in (200, 503):
            raise ValueError(f"HTTP status {reply.status_code}")
        async for chunk in reply.aiter_bytes():
            content += chunk
            if len(content) > MOST_BYTES:
                raise ValueError("more than a runner says")
    return content.decode("utf-8", "replace")


def _version(families: Iterable[Metric]) -> str:
    return next(
        (str(s.labels.get("version", "")) for f in families for s in f.samples if s.name == "plugdeck_info"), ""
    )


def _profiles(families: Iterable[Metric]) -> tuple[ProfileNumbers, ...]:
    found: dict[str, dict[str, str | int | float]] = {}
    fields = {
        "plugdeck_jobs_running": "running",
        "plugdeck_queue_depth": "queued",
        "plugdeck_outbox_age_seconds": "waiting_s",
    }
    for family in families:
        for sample in family.samples:
            name = sample.labels.get("profile")
            if name is None or (name not in found and len(found) >= MOST_PROFILES):
                continue
            numbers = found.setdefault(name, {})
            state = sample.labels.get("state", "")
            if sample.name in fields:
                value = sample.value
                numbers[fields[sample.name]] = value if sample.name.endswith("seconds") else int(value)
            elif sample.name == "plugdeck_profile_state" and sample.value == 1:
                numbers["state"] = state
            elif sample.name == "plugdeck_jobs_total" and state in ("delivered", "failed"):
                numbers[state] = int(sample.value)
    return tuple(ProfileNumbers(name, **numbers) for name, numbers in found.items())  # type: ignore[arg-type]


def _why(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return f"no answer within {LIMIT_S:.0f} s"
    return str(error)[:200] or type(error).__name__
