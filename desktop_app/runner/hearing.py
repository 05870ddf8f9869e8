"""What a worker says, made into lines, errors and predictions; secrets are masked on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from desktop_app.core.errors import KnownError
from desktop_app.core.events import Level
from desktop_app.core.job import Job
from desktop_app.core.prediction import Prediction
from desktop_app.runner.claims import check_prediction
from desktop_app.runner.environment import hide
from desktop_app.runner.state import JobLog, WorkerLine


class Hearing:
    """Makes something of the frames of a worker.

    Args:
        secrets: gives the values to mask.
        on_line: gets every line for this machine's screen.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]], on_line: Callable[[WorkerLine], None]) -> None:
        self._secrets = secrets
        self._on_line = on_line

    def say(self, line: WorkerLine) -> None:
        """Passes a line on."""
        message, details = self.masked(line.message), self.masked(line.details)
        self._on_line(WorkerLine(line.level, message, line.source, line.job, details))

    def masked(self, text: str) -> str:
        """The text without secrets."""
        return hide(text, self._secrets()) if text else text

    def printed(self, frame: dict[str, Any], job: Job | None) -> None:
        """A `print` frame."""
        text = str(frame.get("text", ""))
        self.say(WorkerLine(claimed_level(text), text, "worker", job))

    def logged(self, frame: dict[str, Any], job: Job | None, session_log: JobLog | None) -> None:
        """A `log` frame: for the session's log while its job runs; its traceback stays here."""
        level = named_level(frame.get("level"))
        text = str(frame.get("msg", ""))
        details = str(frame.get("details", ""))
        if session_log is not None:
            extra = frame.get("extra")
            session_log(level, self.masked(text), self._masked_values(extra if isinstance(extra, dict) else {}))
        if session_log is None or details:
            self.say(WorkerLine(level, text, "script", job, details))

    def left_out(self, frame: dict[str, Any], job: Job | None, session_log: JobLog | None) -> None:
        """A `left_out` frame; the hub hears of it where its own log is not whole."""
        stream = frame.get("stream", "output")
        text = f"{frame.get('count')} lines of {stream} were left out: too many at once"
        self.say(WorkerLine(Level.WARNING, text, "worker", job))
        if session_log is not None and stream == "logger":
            session_log(Level.WARNING, text, {})

    def error(self, frame: dict[str, Any], kind: type[KnownError]) -> KnownError:
        """The error that a `failed` or `error` frame tells of."""
        what, where, remedy, details = (
            self.masked(str(frame.get(name) or "")) for name in ("what", "where", "remedy", "details")
        )
        return kind(what or "the worker failed without a reason", where=where, remedy=remedy, details=details)

    def _masked_values(self, extra: dict[str, Any]) -> dict[str, Any]:
        return {name: self.masked(value) if isinstance(value, str) else value for name, value in extra.items()}


_OURS = frozenset({"told", "objects"})
"""Fields that no worker may fill in."""


def prediction_of(fields: dict[str, Any]) -> Prediction:
    """The prediction in a `result` frame; fields that we do not know are ignored.

    Raises:
        AnswerError: it makes no sense.
    """
    check_prediction(fields)
    taken = Prediction.__dataclass_fields__.keys() - _OURS
    known = {name: value for name, value in fields.items() if name in taken}
    for name in ("notes", "class_names"):
        if name in known:
            known[name] = tuple(known[name])
    return Prediction(**known)


def named_level(name: Any) -> Level:
    """The level of that name, INFO for others."""
    try:
        return Level[str(name).upper()]
    except KeyError:
        return Level.INFO


def claimed_level(text: str) -> Level:
    """The level that a printed line claims ("WARNING:root:…"), INFO where it claims none."""
    for level in (Level.CRITICAL, Level.ERROR, Level.WARNING, Level.DEBUG):
        if text.startswith(level.name) and text[len(level.name) : len(level.name) + 1] in (":", " ", ""):
            return level
    return Level.INFO
