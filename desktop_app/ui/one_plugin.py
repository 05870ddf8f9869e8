"""The plugin selected in the list: its jobs and log lines alone, until all are wanted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.store.search import JobFilter
from desktop_app.ui.hearing import FIRST_JOBS

if TYPE_CHECKING:
    from desktop_app.ui.main_window import MainWindow


class OnePlugin(QObject):
    """Narrows the filmstrip and the log to one plugin; following goes on as it was."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._wanted = ""
        window.plugins.chosen.connect(self._choose)
        window.filmstrip.all_plugins.connect(window.plugins.select_none)

    def _choose(self, profile_id: str) -> None:
        window = self._window
        self._wanted = profile_id
        window.logs.show_plugin(profile_id)
        window.notices.watch(self._show(profile_id), "read the jobs of a plugin")

    async def _show(self, profile_id: str) -> None:
        window = self._window
        records = await window.host.history.list(JobFilter(profile_id=profile_id or None), FIRST_JOBS)
        if self._wanted != profile_id:
            return  # another one was selected meanwhile
        row = window.plugins.model.find(profile_id)
        window.filmstrip.show_only(profile_id, row.profile.name if row else "", records)
        if profile_id and window.filmstrip.current() is None and window.is_live:
            window.viewing.look_away()
