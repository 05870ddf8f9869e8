"""What happened, first into the history and then to whoever watches: job records and log lines."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import Any

from desktop_app.core.events import Event, JobChanged, Level, Logged, LogLine, Signal
from desktop_app.core.job import Job, JobRecord
from desktop_app.core.profile import Profile
from desktop_app.store import redact
from desktop_app.store.history import History

FLUSH_S = 0.05
BURST_LINES = 5_000
"""So many lines of one profile at once are taken, and then only `STEADY_LINES` a second; errors have as much room again
to themselves."""
STEADY_LINES = 500


class Recorder:
    """Writes the history and emits the events.

    Log lines travel in batches: one event per twentieth of a second, however many lines there are. Floods are thinned,
    each profile's on its own, with a line that says how many were left out.
    """

    def __init__(self, history: History, events: Signal[Event]) -> None:
        self._history = history
        self._events = events
        self._lines: list[LogLine] = []
        self._flush: asyncio.TimerHandle | None = None
        self._floods: dict[tuple[str, bool], _Flood] = {}

    @property
    def events(self) -> Signal[Event]:
        """Where the events go out."""
        return self._events

    def record(self, record: JobRecord) -> JobRecord:
        """Keeps the job's new state; the event goes out once it is on its way to the disk.

        What is shown is as free of secrets as what is kept.
        """
        if record.error or record.details:
            hidden = self._history.redactor.text
            record = replace(record, error=hidden(record.error), details=hidden(record.details))
        self._history.record(record)
        self._events.emit(JobChanged(record))
        return record

    def tell(self, record: JobRecord) -> None:
        """What is worth seeing and not worth keeping: how far a job is."""
        self._events.emit(JobChanged(record))

    def payload(self, job: Job) -> asyncio.Future[dict[str, Any] | None]:
        """Keeps the event as it arrived (the history masks what is secret); see History.store_payload."""
        return self._history.store_payload(job.id, dict(job.data))

    def answer(self, job: Job, answer: Any, response: Any, notes: tuple[str, ...], predictions: Any) -> None:
        """Keeps the large parts of an answered job."""
        self._history.store_answer(job.id, answer, response, notes, predictions)

    def log(
        self,
        level: Level,
        message: str,
        *,
        profile: Profile | None = None,
        job: Job | None = None,
        source: str = "app",
        details: str = "",
    ) -> None:
        """Adds a line to the log."""
        now = time.time()
        kind = profile.id if profile else "", level >= Level.ERROR
        flood = self._floods.setdefault(kind, _Flood(now))
        if not flood.takes(now):
            flood.left_out += 1
            flood.name = profile.name if profile else ""
            self._flush_later()
            return
        line = LogLine(
            at=now,
            level=level,
            message=message,
            source=source,
            profile_id=profile.id if profile else "",
            profile_name=profile.name if profile else "",
            session=job.session if job else "",
            job_id=job.id if job else "",
            details=details,
        )
        self._lines.append(line)
        self._flush_later()

    def _flush_later(self) -> None:
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def _left_out(self) -> list[LogLine]:
        now = time.time()
        floods = [(key, flood) for key, flood in self._floods.items() if flood.left_out]
        return [_said_of(profile_id, is_error, flood, now) for (profile_id, is_error), flood in floods]

    def flush(self) -> None:
        """Hands over the lines gathered so far."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._lines += self._left_out()
        gathered, self._lines = self._lines, []
        if gathered:
            known = self._history.redactor.known()
            lines = tuple(_hidden(line, known) for line in gathered)
            self._history.log(lines)
            self._events.emit(Logged(lines))


def _said_of(profile_id: str, is_error: bool, flood: _Flood, now: float) -> LogLine:
    message = f"{flood.left_out} {'errors' if is_error else 'log lines'} were left out: they came too fast"
    flood.left_out = 0
    return LogLine(now, Level.WARNING, message, profile_id=profile_id, profile_name=flood.name)


class _Flood:
    """How fast the lines of one profile come."""

    def __init__(self, now: float) -> None:
        self.left_out = 0
        self.name = ""
        self._room = float(BURST_LINES)
        self._at = now

    def takes(self, now: float) -> bool:
        """Whether there is room for one more line."""
        self._room = min(self._room + max(now - self._at, 0.0) * STEADY_LINES, BURST_LINES)
        self._at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True


def _hidden(line: LogLine, known: tuple[str, ...]) -> LogLine:
    message, details = redact.text(line.message, known), redact.text(line.details, known) if line.details else ""
    return (
        line if (message, details) == (line.message, line.details) else replace(line, message=message, details=details)
    )


class AppLogHandler(logging.Handler):
    """Brings the app's own log (Python's logging) into the recorder, from any thread."""

    def __init__(self, recorder: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.INFO)
        self._recorder = recorder
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        try:
            level = max((lv for lv in Level if lv <= record.levelno), default=Level.DEBUG)
            details = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
            message = record.getMessage()
            self._loop.call_soon_threadsafe(lambda: self._recorder.log(level, message, details=details))
        except RuntimeError:
            pass  # the loop is closed: the app is ending
        except Exception:  # noqa: BLE001 - a log call must never raise into its caller
            self.handleError(record)
