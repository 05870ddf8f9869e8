"""`--log-format json`: the log on stderr, one JSON object per line, for whoever gathers the logs of many machines."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from desktop_app.core.events import Event, Level, Logged, LogLine
from desktop_app.host import Host
from desktop_app.store import redact


class JsonLog:
    """Writes what a host logs, and what libraries log, until it is closed. Known secrets are masked.

    Args:
        level: lines below it are left out.
    """

    def __init__(self, host: Host, level: Level = Level.INFO) -> None:
        self._level = level
        self._disconnect = host.events.connect(self._heard)
        formatter = _Formatter(host.known_secrets)
        self._before = [(handler, handler.formatter) for handler in logging.getLogger().handlers]
        for handler, _ in self._before:
            handler.setFormatter(formatter)
            # Ours come by the host's events, with the profile and the session they belong to.
            handler.addFilter(_not_ours)

    def close(self) -> None:
        """Writes no more, and gives the log back as it was."""
        self._disconnect()
        for handler, formatter in self._before:
            handler.removeFilter(_not_ours)
            handler.setFormatter(formatter)

    def _heard(self, event: Event) -> None:
        if isinstance(event, Logged):
            lines = [_text(line) for line in event.lines if line.level >= self._level]
            if lines:
                # Whoever gathered the log may be gone; saying so in the log would end here again.
                with suppress(OSError, ValueError):
                    print("\n".join(lines), file=sys.stderr, flush=True)


def failure(message: str) -> str:
    """The line that says why a command ended."""
    return _object(datetime.now(UTC).timestamp(), "critical", message, source="app")


def _not_ours(record: logging.LogRecord) -> bool:
    return not record.name.startswith("desktop_app")


def _text(line: LogLine) -> str:
    more = {"source": line.source, "profile": line.profile_name, "session": line.session, "job": line.job_id}
    return _object(line.at, line.level.name.lower(), line.message, **more, details=line.details)


def _object(at: float, level: str, message: str, **more: Any) -> str:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = {"time": moment, "level": level, "message": message, **{key: item for key, item in more.items() if item}}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


class _Formatter(logging.Formatter):
    """Lines of libraries, in the same form."""

    def __init__(self, known: Callable[[], tuple[str, ...]]) -> None:
        super().__init__()
        self._known = known

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        details = self.formatException(record.exc_info) if record.exc_info else ""
        known = self._known()
        hidden = redact.text(record.getMessage(), known), redact.text(details, known)
        return _object(record.created, record.levelname.lower(), hidden[0], source=record.name, details=hidden[1])
