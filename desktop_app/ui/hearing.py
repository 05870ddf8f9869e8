"""What the host says, brought into the views."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.core.events import LogLine, ModelLoaded, ProfileChanged, ProfileState, ProfileStatus
from desktop_app.core.job import JobRecord
from desktop_app.store.search import JobFilter, LogFilter
from desktop_app.ui.commands import midnight

if TYPE_CHECKING:
    from desktop_app.ui.main_window import MainWindow

FIRST_JOBS = 60
FIRST_LINES = 500
STATS_MS = 60_000
SHOW_MS = 240
"""While jobs pour in, pictures move on so often and no more: nobody sees more, and it would hold up the answers."""


class Hearing(QObject):
    """Fills the views when the window opens, and keeps them in step with the host.

    Signals:
        plugins_changed: a plugin came, went or changed its state.
    """

    plugins_changed = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        bridge = window.bridge
        bridge.profile_changed.connect(self._take_profile)
        bridge.statuses_changed.connect(self._take_statuses)
        bridge.jobs_changed.connect(self._take_jobs)
        bridge.logged.connect(self._take_lines)
        bridge.model_loaded.connect(self._take_model)
        self._jobs: dict[str, JobRecord] = {}
        self._gone: frozenset[str] = frozenset()
        self._shown: deque[float] = deque(maxlen=2)
        self._pace = QTimer(self)
        self._pace.setSingleShot(True)
        self._pace.timeout.connect(self._show_jobs)
        self._stats_timer = QTimer(self)
        self._stats_timer.setInterval(STATS_MS)
        self._stats_timer.timeout.connect(lambda: window.notices.watch(self._read_stats(), "read figures"))

    def begin(self) -> None:
        """Shows what is there already."""
        window = self._window
        for profile in window.host.profiles.all():
            window.plugins.model.put(profile, window.host.status(profile.id))
        self._profiles_changed()
        self._stats_timer.start()
        window.notices.watch(self._read_first(), "read the history")

    def forget(self, profile_ids: frozenset[str]) -> None:
        """Shows no more of these plugins' jobs: what was said of them last may still be on its way here."""
        self._gone |= profile_ids
        self._jobs = {name: record for name, record in self._jobs.items() if record.profile_id not in self._gone}

    def end(self) -> None:
        """Hears nothing any more."""
        self._stats_timer.stop()
        self._pace.stop()
        self._window.bridge.close()

    async def _read_first(self) -> None:
        window = self._window
        window.filmstrip.take(await window.host.history.list(JobFilter(), FIRST_JOBS))
        lines = await window.host.history.logs(LogFilter(), FIRST_LINES)
        window.logs.show_older([stored.line for stored in reversed(lines)])
        await self._read_stats()

    async def _read_stats(self) -> None:
        model = self._window.plugins.model
        for row in tuple(model.rows):
            stats = await self._window.host.history.stats(row.profile.id, midnight())
            model.set_stats(row.profile.id, stats.jobs, stats.failed, stats.median_ms)

    def _take_profile(self, event: ProfileChanged) -> None:
        window = self._window
        if event.removed:
            window.plugins.model.remove(event.profile.id)
        else:
            window.plugins.model.put(event.profile, window.host.status(event.profile.id))
            if window.filmstrip.model.only == event.profile.id:
                window.filmstrip.name_only(event.profile.name)
        self._profiles_changed()

    def _take_statuses(self, statuses: tuple[ProfileStatus, ...]) -> None:
        for status in statuses:
            self._window.plugins.model.set_status(status)
        self._count_running()

    def _take_jobs(self, records: tuple[JobRecord, ...]) -> None:
        window = self._window
        if self._gone:
            records = tuple(record for record in records if record.profile_id not in self._gone)
        for record in records:
            window.plugins.model.take_job(record)
        # In the order of the latest change.
        for record in records:
            self._jobs.pop(record.id, None)
            self._jobs[record.id] = record
        if not self._pace.isActive():
            self._show_jobs()

    def _show_jobs(self) -> None:
        if not self._jobs:
            return
        now = time.monotonic()
        records, self._jobs = tuple(self._jobs.values()), {}
        window = self._window
        window.filmstrip.take(records)
        window.history.model.update_jobs(records)
        window.viewing.refresh(records)
        # Two in a row at once: a single job's beginning and end are seen without delay.
        self._shown.append(now)
        wait = self._shown[0] + len(self._shown) * SHOW_MS / 1000 - now
        if len(self._shown) == self._shown.maxlen and wait > 0:
            self._pace.start(round(min(wait * 1000, SHOW_MS)))

    def _take_lines(self, lines: tuple[LogLine, ...]) -> None:
        self._window.logs.append(lines)

    def _take_model(self, event: ModelLoaded) -> None:
        model = self._window.plugins.model
        row = model.find(event.profile_id)
        if row is not None:
            row.runs_on = str(event.info.get("provider") or "")
            model.set_status(row.status)

    def _profiles_changed(self) -> None:
        window = self._window
        profiles = [row.profile for row in window.plugins.model.rows]
        window.logs.show_plugins(profiles)
        window.history.show_plugins(profiles)
        self._count_running()
        if window.pages.currentWidget() is (window.welcome if profiles else window.work):
            window.show_home()

    def _count_running(self) -> None:
        rows = self._window.plugins.model.rows
        running = sum(1 for row in rows if row.status.state is not ProfileState.STOPPED)
        self._window.toolbar.show_running(running, len(rows))
        self.plugins_changed.emit()
