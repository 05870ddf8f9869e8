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


class Recorder:
    """Writes the history and emits the events.

    Log lines travel in batches: one event per twentieth of a second, however many lines there are.
    """

    def __init__(self, history: History, events: Signal[Event]) -> None:
        self._history = history
        self._events = events
        self._lines: list[LogLine] = []
        self._flush: asyncio.TimerHandle | None = None

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
        line = LogLine(
            at=time.time(),
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
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Hands over the lines gathered so far."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        gathered, self._lines = self._lines, []
        if gathered:
            known = self._history.redactor.known()
            lines = tuple(_hidden(line, known) for line in gathered)
            self._history.log(lines)
            self._events.emit(Logged(lines))


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
