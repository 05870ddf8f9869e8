"""The profiles with what they are doing, as a list."""

from __future__ import annotations

import logging
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractListModel, QLocale, QObject, Qt

from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import Profile
from desktop_app.ui.formats import count, duration, tip, tr
from desktop_app.ui.models.table import NO_INDEX, Index
from desktop_app.ui.states import doing_words, profile_words

log = logging.getLogger(__name__)

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
BARS = 18
COUNTED = 1_000
"""Ids of the latest jobs that are remembered as counted."""


@dataclass(slots=True)
class PluginRow:
    """One profile as the list shows it; `bars` are (total in ms, how it ended) of the latest jobs, oldest first."""

    profile: Profile
    status: ProfileStatus
    jobs: int = 0
    failed: int = 0
    median_ms: float | None = None
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=101))
    bars: deque[tuple[float, JobState]] = field(default_factory=lambda: deque(maxlen=BARS))
    runs_on: str = ""
    """The execution provider that the loaded model really uses, "" for scripts."""
    working: JobRecord | None = None
    """The job that told last how far it is."""
    live: str = ""
    """Of a shadow, the name of the plugin whose jobs it answers along with."""

    @property
    def words(self) -> str:
        """`busy 2`, or with a script that tells of its steps `busy 1 · 3 of 10`."""
        words = profile_words(self.status)
        if self.working is None or self.status.state is not ProfileState.BUSY:
            return words
        return f"{words} · {doing_words(self.working)}"

    @property
    def shadow_words(self) -> str:
        """Whose shadow it is."""
        return tr("shadow of {name}").format(name=self.live or tr("a removed plugin"))

    @property
    def short_figures(self) -> str:
        """`214 today · 38 ms`, for the narrow list; a shadow's jobs are not counted."""
        if self.profile.shadow_of:
            return self.shadow_words
        median = "" if self.median_ms is None else f" · {duration(self.median_ms)}"
        return tr("{count} today").format(count=QLocale().toString(self.jobs)) + median

    @property
    def figures(self) -> str:
        """`214 jobs · 38 ms`; a shadow's jobs are not counted."""
        if self.profile.shadow_of:
            return tr("{shadow}: answers along, nothing is sent").format(shadow=self.shadow_words)
        parts = [count(self.jobs, tr("job today"), tr("jobs today"))]
        if self.median_ms is not None:
            parts.append(duration(self.median_ms))
        if self.runs_on:
            parts.append(tr("runs on {provider}").format(provider=self.runs_on.upper()))
        return " · ".join(parts)


class PluginModel(QAbstractListModel):
    """Rows in the order of their names."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[PluginRow] = []
        self._counted: dict[str, None] = {}

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        try:
            return self._cell(self.rows[index.row()], role)
        except Exception:
            log.exception("a plugin cannot be shown")
            return None

    def row_of(self, profile_id: str) -> int:
        """Where a profile stands, or -1."""
        return next((n for n, row in enumerate(self.rows) if row.profile.id == profile_id), -1)

    def find(self, profile_id: str) -> PluginRow | None:
        """A profile's row, or None."""
        place = self.row_of(profile_id)
        return self.rows[place] if place >= 0 else None

    def put(self, profile: Profile, status: ProfileStatus) -> None:
        """Adds a profile or shows its new version."""
        known = self.row_of(profile.id)
        name = profile.name.casefold()
        others = [row for row in self.rows if row.profile.id != profile.id]
        place = sum(1 for other in others if other.profile.name.casefold() <= name)
        if known < 0:
            self.beginInsertRows(NO_INDEX, place, place)
            self.rows.insert(place, PluginRow(profile, status))
            self.endInsertRows()
        else:
            row = self.rows[known]
            if row.profile.name != profile.name and place != known:
                # Qt names the row before which it comes to stand while it is still at its old place.
                self.beginMoveRows(NO_INDEX, known, known, NO_INDEX, place + (place > known))
                self.rows = [*others[:place], row, *others[place:]]
                self.endMoveRows()
                known = place
            row.profile = profile
            self._changed(known)
        self._name_shadows()

    def remove(self, profile_id: str) -> None:
        """Takes a profile out."""
        place = self.row_of(profile_id)
        if place >= 0:
            self.beginRemoveRows(NO_INDEX, place, place)
            del self.rows[place]
            self.endRemoveRows()
            self._name_shadows()

    def _name_shadows(self) -> None:
        names = {row.profile.id: row.profile.name for row in self.rows}
        for place, row in enumerate(self.rows):
            live = names.get(row.profile.shadow_of or "", "")
            if live != row.live:
                row.live = live
                self._changed(place)

    def set_status(self, status: ProfileStatus) -> None:
        """Shows a profile's new state."""
        place = self.row_of(status.profile_id)
        if place >= 0:
            self.rows[place].status = status
            self._changed(place)

    def set_stats(self, profile_id: str, jobs: int, failed: int, median_ms: float | None) -> None:
        """Shows what the history counts for today."""
        row = self.find(profile_id)
        if row is not None:
            row.jobs, row.failed = jobs, failed
            row.median_ms = median_ms if median_ms is not None else row.median_ms
            self._changed(self.row_of(profile_id))

    def take_job(self, record: JobRecord) -> None:
        """Counts a job that has ended."""
        row = self.find(record.profile_id)
        if row is None:
            return
        self._note_progress(row, record)
        if not record.state.terminal or record.replay_of is not None:
            return
        if record.id in self._counted:  # told again, because its picture came after its answer
            return
        self._counted[record.id] = None
        while len(self._counted) > COUNTED:
            del self._counted[next(iter(self._counted))]
        row.jobs += 1
        row.failed += record.state is JobState.FAILED
        total = record.timings.total
        row.bars.append((total or 0.0, record.state))
        if total is not None and record.state is JobState.DELIVERED:
            row.durations.append(total)
            row.median_ms = statistics.median(row.durations)
        self._changed(self.row_of(record.profile_id))

    def _note_progress(self, row: PluginRow, record: JobRecord) -> None:
        shown = row.working
        if record.progress is not None:
            row.working = record
        elif shown is not None and shown.id == record.id:
            row.working = None
        if row.working is not shown:
            self._changed(self.row_of(record.profile_id))

    def tick(self) -> None:
        """Shows how the countdowns to the next attempt have gone on."""
        for place, row in enumerate(self.rows):
            if row.status.state is ProfileState.RECONNECTING:
                self._changed(place)

    def _changed(self, place: int) -> None:
        index = self.index(place)
        self.dataChanged.emit(index, index)

    def _cell(self, row: PluginRow, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.profile.name
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{row.profile.name}, {row.words}, {row.figures}"
            case Qt.ItemDataRole.ToolTipRole:
                lines = [row.profile.name, row.words]
                if row.status.detail:
                    lines.append(row.status.detail)
                lines.append(
                    row.figures + (f" · {count(row.failed, tr('failed'), tr('failed'))}" if row.failed else "")
                )
                lines.append(row.profile.host)
                return tip("\n".join(lines))
            case _ if role == ROW_ROLE:
                return row
        return None
