"""What waits to go out over the socket: one event, its size on the wire, and what becomes of one that cannot go."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from desktop_app.core.errors import DeliveryError
from desktop_app.hub import protocol

FRAME_BYTES = 64
"""What Socket.IO adds around an event, generously."""

# As the socket's library writes it, so that its length is what goes over the wire.
dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(slots=True, eq=False)
class Outgoing:
    """One event on its way.

    Attributes:
        job_id: of the job that a response ends; None for a log line.
        sent: done once a response was handed to the socket; None where nobody waits for that.
        epoch, pings: the connection it was written to, and how many pings had come by then.
        size: characters of its JSON text.
        drops: how many connections in a row ended after it was written and before anything spoke for it.
        text: its JSON text, until it is written.
        stored: what must be on disk before it is written, or None.
    """

    event: str
    data: Any
    job_id: str | None = None
    sent: asyncio.Future[None] | None = None
    epoch: int = 0
    pings: int = 0
    size: int = 0
    drops: int = 0
    text: str = ""
    stored: asyncio.Future[Any] | None = None


def response(event: dict[str, Any], job_id: str) -> Outgoing:
    """A `response` event.

    Raises:
        DeliveryError: it has no JSON form.
    """
    try:
        text = dumps(event)
    except (ValueError, TypeError, RecursionError) as error:
        raise DeliveryError(
            "The answer has no JSON form", where=str(error)[:200], remedy="Return numbers that are finite, and text."
        ) from error
    return Outgoing(protocol.EVENT_RESPONSE, event, job_id=job_id, size=len(text), text=text)


def log_line(event: dict[str, Any]) -> Outgoing:
    """A `log` event. What a script adds to its lines is its own affair, but it must not break the connection."""
    try:
        size = len(dumps(event))
    except (ValueError, TypeError, RecursionError):
        event = plain_line(event)
        size = len(dumps(event))
    return Outgoing(protocol.EVENT_LOG, event, size=size)


def plain_line(event: dict[str, Any], longest: int = 100_000) -> dict[str, Any]:
    """A log line without what the script added, and cut."""
    line = {key: event.get(key) for key in ("level", "organization", "pluginId", "runBy", "session", "msg")}
    message = str(line["msg"])
    return {**line, "msg": message if len(message) <= longest else f"{message[:longest]}…"}


def event_in(text: str) -> dict[str, Any]:
    """The event that the outbox holds as text.

    Raises:
        ValueError: it holds none.
    """
    event = json.loads(text)
    if not isinstance(event, dict):
        raise ValueError("no event")
    return event


def error_event(event: dict[str, Any]) -> dict[str, Any]:
    """What ends the session of a response that cannot go out."""
    return {"error": True, "session": event.get("session")}


def is_error(event: dict[str, Any]) -> bool:
    """Whether a `response` event says that there is no answer."""
    return event.get("error") is True
