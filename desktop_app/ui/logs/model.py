"""Log lines, filtered as they come: a thousand a second must not be felt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject

from desktop_app.core.events import Level, LogLine
from desktop_app.ui.formats import clock_ms, exact, plain, tr
from desktop_app.ui.models.table import NO_INDEX, Column, TypedTableModel
from desktop_app.ui.theme import tokens

KEPT = 20_000
"""Lines kept in the window; the history has them all."""


@dataclass(frozen=True, slots=True)
class LogWanted:
    """Which lines are shown; "" and None ask for everything."""

    profile_id: str = ""
    min_level: Level = Level.INFO
    job_id: str | None = None
    session: str | None = None
    text: str = ""

    def shows(self, line: LogLine) -> bool:
        """Whether a line passes."""
        if line.level < self.min_level or (self.profile_id and line.profile_id != self.profile_id):
            return False
        if (
            self.job_id is not None
            and line.job_id != self.job_id
            and (not line.session or line.session != self.session)
        ):
            return False
        wanted = self.text
        return not wanted or wanted in f"{line.message}\n{line.profile_name}\n{line.session}\n{line.details}".casefold()


def level_colour(line: LogLine) -> str | None:
    """The colour of a line's level, None for the common ones."""
    if line.level >= Level.ERROR:
        return tokens().error
    if line.level >= Level.WARNING:
        return tokens().warn
    return tokens().muted if line.level < Level.INFO else None


def log_columns() -> tuple[Column[LogLine], ...]:
    """Columns of the log table."""
    return (
        Column(
            tr("Time"),
            lambda line: clock_ms(line.at),
            lambda line: exact(line.at),
            lambda _: tokens().muted,
            sample="00:00:00.000",
        ),
        Column(tr("Plugin"), lambda line: plain(line.profile_name, 60) or "–", sample="A plugin’s name"),
        Column(tr("Level"), lambda line: line.level.name, colour=level_colour, sample="CRITICAL"),
        Column(tr("Source"), lambda line: line.source, colour=lambda _: tokens().muted, sample="worker"),
        Column(
            tr("Session"),
            lambda line: plain(line.session, 80)[:8],
            lambda line: plain(line.session, 80),
            sample="a1b2c3d4",
        ),
        Column(
            tr("Message"),
            lambda line: plain(line.message, 2000) + ("  ⏎" if line.details else ""),
            lambda line: "\n".join((line.message[:2000], line.details[:4000])) if line.details else line.message[:2000],
            level_colour,
            sample="x" * 80,
        ),
    )


class LogModel(TypedTableModel[LogLine]):
    """The latest lines that pass the filter, oldest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(log_columns(), parent)
        self._all: list[LogLine] = []
        self._wanted = LogWanted()

    @property
    def wanted(self) -> LogWanted:
        """The filter in force."""
        return self._wanted

    @property
    def total(self) -> int:
        """How many lines are kept, shown or not."""
        return len(self._all)

    def append(self, lines: Sequence[LogLine]) -> None:
        """Adds lines, and lets go of the oldest ones."""
        self._all.extend(lines)
        if len(self._all) > KEPT * 1.1:
            del self._all[: len(self._all) - KEPT]
        fresh = [line for line in lines if self._wanted.shows(line)]
        if fresh:
            first = len(self.rows)
            self.beginInsertRows(NO_INDEX, first, first + len(fresh) - 1)
            self.rows.extend(fresh)
            self.endInsertRows()
        spare = len(self.rows) - KEPT
        if spare > KEPT // 10:
            self.beginRemoveRows(NO_INDEX, 0, spare - 1)
            del self.rows[:spare]
            self.endRemoveRows()

    def prepend(self, lines: Sequence[LogLine]) -> None:
        """Adds older lines, read from the history."""
        room = max(0, KEPT - len(self._all))
        older = list(lines)[-room:] if room else []
        self._all[:0] = older
        self.set_wanted(self._wanted)

    def set_wanted(self, wanted: LogWanted) -> None:
        """Filters again."""
        self._wanted = wanted
        self.replace([line for line in self._all if wanted.shows(line)][-KEPT:])

    def has(self, wanted: LogWanted) -> bool:
        """Whether any line that is kept passes another filter."""
        return any(wanted.shows(line) for line in self._all)

    def forget(self, profile_ids: frozenset[str]) -> None:
        """Takes away the lines of profiles that are nowhere any more."""
        self._all = [line for line in self._all if line.profile_id not in profile_ids]
        self.set_wanted(self._wanted)

    def clear(self) -> None:
        """Shows only what comes from now on."""
        self._all.clear()
        self.replace([])
