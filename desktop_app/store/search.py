"""Filters of the history and the log, and the SQL that each becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from desktop_app.core.events import Level
from desktop_app.core.job import JobState
from desktop_app.store.rows import storable

_SEVERE = 30  # the level from which on the log has an index of its own
_WORD = re.compile(r"\w", re.UNICODE)
_SEARCHED = ("external_id", "error", "session", "url", "asset_id", "task_id", "classes")


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs; fields left alone do not restrict.

    Attributes:
        text: words that must all occur, each at least as the beginning of a word, in the external id, error,
            session, address, asset id, task id or the names of answered classes.
        since, until: bounds of the arrival, seconds since the epoch, both included.
        class_name: exact name of a class that was answered.
        replays: True for replays and shadows alone (answered without the hub), False for jobs of the hub alone.
        replay_of: id of the job whose replays are wanted.
    """

    profile_id: str | None = None
    state: JobState | None = None
    text: str = ""
    since: float | None = None
    until: float | None = None
    class_name: str = ""
    replays: bool | None = None
    replay_of: str | None = None


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which log lines; fields left alone do not restrict. `text` as in JobFilter, over message and details."""

    profile_id: str | None = None
    min_level: Level | None = None
    session: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A WHERE clause with its values.

    Attributes:
        index: the index to walk along, or "" to leave the choice to SQLite.
    """

    where: str
    values: tuple[Any, ...]
    index: str = ""


def match(text: str, class_name: str = "") -> str:
    """The FTS5 expression for what a person typed; "" where there is nothing to look for.

    Every word is quoted, so that nothing typed is read as an operator.
    """
    words = _words(text)
    terms = [f'"{_quoted(word)}"*' for word in words]
    if class_name and _WORD.search(class_name):
        terms.append(f'classes : "{_quoted(class_name)}"')
    return " AND ".join(terms)


def job_query(wanted: JobFilter) -> Query:
    """Everything but the text, over the table `job`."""
    parts: list[str] = []
    values: list[Any] = []
    if wanted.profile_id is not None:
        parts.append("job.profile_id = ?")
        values.append(wanted.profile_id)
    if wanted.state is not None:
        # Only ends are in the indexes; the few jobs without one are told apart by their rows.
        parts.append("job.ended = ?" if wanted.state.terminal else "job.ended IS NULL AND job.state = ?")
        values.append(wanted.state.value)
    if wanted.since is not None:
        parts.append("job.received_at >= ?")
        values.append(wanted.since)
    if wanted.until is not None:
        parts.append("job.received_at <= ?")
        values.append(wanted.until)
    if wanted.class_name:
        parts.append("instr(char(10) || job.classes || char(10), char(10) || ? || char(10)) > 0")
        values.append(storable(wanted.class_name))
    if wanted.replays is not None:
        parts.append("job.replay_of IS NOT NULL" if wanted.replays else "job.replay_of IS NULL")
    if wanted.replay_of is not None:
        # The second half is what the partial index asks for.
        parts.append("job.replay_of = ? AND job.replay_of IS NOT NULL")
        values.append(storable(wanted.replay_of))
    if wanted.replay_of is not None:
        index = "job_replay_of"
    elif wanted.replays:
        index = "job_replay_time" if wanted.profile_id is None else "job_replay_profile"
    elif wanted.profile_id is not None:
        index = "job_profile"
    elif wanted.state is not None:
        index = "job_ended"
    else:
        index = "job_time"
    return Query(" AND ".join(parts) or "1", tuple(values), index)


def unfinished_text(text: str) -> Query:
    """The same search over jobs that are not in the text index yet."""
    words = _words(text)
    haystack = " || ' ' || ".join(f"job.{column}" for column in _SEARCHED)
    parts = ["job.ended IS NULL"]
    values: list[Any] = []
    for word in words:
        parts.append(f"({haystack}) LIKE ? ESCAPE '\\'")
        values.append("%" + re.sub(r"([\\%_])", r"\\\1", word) + "%")
    return Query(" AND ".join(parts), tuple(values))


def log_query(wanted: LogFilter) -> Query:
    """Everything but the text, over the table `log`."""
    parts: list[str] = []
    values: list[Any] = []
    index = ""
    if wanted.session is not None:
        # The second half is what the partial index asks for.
        parts.append("log.session = ? AND log.session <> ''")
        values.append(storable(wanted.session))
        index = "log_session"
    if wanted.min_level is not None and wanted.min_level > Level.DEBUG:
        parts.append(f"log.level >= {int(wanted.min_level):d}")
        if wanted.min_level >= _SEVERE and not index:
            parts.append(f"log.level >= {_SEVERE}")
            index = "log_severe" if wanted.profile_id is None else "log_severe_profile"
    if wanted.profile_id is not None:
        parts.append("log.profile_id = ?")
        values.append(wanted.profile_id)
        index = index or "log_profile"
    return Query(" AND ".join(parts) or "1", tuple(values), index)


def _words(text: str) -> list[str]:
    return [word for word in storable(text, 500).replace("\x00", " ").split() if _WORD.search(word)]


def _quoted(word: str) -> str:
    return storable(word).replace("\x00", " ").replace('"', '""')
