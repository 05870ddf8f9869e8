"""What one does with jobs that are over: replay, compare, shadow, export. Brings the pages into the window."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.core.job import JobRecord
from desktop_app.core.profile import Profile
from desktop_app.ui.dialogs import choose_target, finished
from desktop_app.ui.formats import count, plain, tr

if TYPE_CHECKING:
    from desktop_app.ui.compare.page import ComparePage
    from desktop_app.ui.compare.shadow_page import ShadowPage
    from desktop_app.ui.main_window import MainWindow


class Desk(QObject):
    """Runs these commands for the window; its pages are made when they are first wanted."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        history = window.history
        history.replay.connect(self.replay)
        history.compare.connect(self.compare)
        history.export.connect(self.export)
        history.shadows.connect(self.show_shadows)
        window.inspector.replay.connect(self.replay)
        window.bridge.profile_changed.connect(lambda _: self._profiles_changed())

    @cached_property
    def page(self) -> ComparePage:
        """Two answers."""
        from desktop_app.ui.compare.page import ComparePage  # the window opens sooner without it

        window = self._window
        page = ComparePage(window.host.history, window.tasks, window.background)
        page.closed.connect(self._back)
        window.pages.addWidget(page)
        return page

    @cached_property
    def shadows(self) -> ShadowPage:
        """Two profiles."""
        from desktop_app.ui.compare.shadow_page import ShadowPage

        window = self._window
        page = ShadowPage(window.host, window.tasks)
        page.closed.connect(lambda: window.show_page("history"))
        page.compare.connect(self.compare)
        page.shadow_changed.connect(self._set_shadow)
        window.pages.addWidget(page)
        return page

    def compare(self, first: JobRecord, second: JobRecord) -> None:
        """Shows two answers beside each other."""
        self._came_from = self._window.pages.currentWidget()
        self.page.show_jobs(first, second)
        self._show(self.page)

    def replay(self, record: JobRecord, profile_id: str = "") -> None:
        """Answers a job again and shows both answers."""
        self._window.notices.watch(self._replay(record, profile_id), "replay a job", record.id)

    def export(self, jobs: Sequence[JobRecord]) -> None:
        """Writes answers to a file: of these jobs, or of all that the history's filters pick."""
        self._window.notices.watch(self._export(list(jobs)), "export answers")

    def show_shadows(self) -> None:
        """Shows how shadows do."""
        self.shadows.show_profiles(self._window.host.profiles.all())
        self._show(self.shadows)

    # ---- the work ----

    async def _replay(self, record: JobRecord, profile_id: str) -> None:
        window = self._window
        profile = next((one for one in window.host.profiles.all() if one.id == profile_id), None)
        name = plain(profile.name if profile else record.profile_name, 60)
        window.notices.say(
            window.tr("Replaying with {name}…").format(name=name),
            window.tr("The model is loaded in a worker of its own; nothing is sent."),
            tone="busy",
            about=f"replay {record.id}",
        )
        try:
            done = await window.host.replay(record, profile)
        finally:
            window.notices.clear(f"replay {record.id}")
        if done.result.error:
            window.notices.say(done.result.error, tone="error")
            window.viewing.open_job(done.record)
        else:
            self.compare(done.original, done.record)

    async def _export(self, jobs: list[JobRecord]) -> None:
        from desktop_app.ui.jobs.export_dialog import ExportDialog

        window = self._window
        what = (
            window.tr("Export the answers of {jobs}").format(jobs=count(len(jobs), tr("job"), tr("jobs")))
            if jobs
            else window.tr("Export the answers of all delivered jobs that the filters pick")
        )
        dialog = ExportDialog(what, window)
        if await finished(dialog) != ExportDialog.DialogCode.Accepted:
            return
        form, assets, suffix = dialog.form, dialog.assets, dialog.suffix
        pattern = window.tr("Zip files (*.zip)") if suffix == ".zip" else window.tr("JSON files (*.json)")
        target = await choose_target(window, window.tr("Export"), f"plugdeck-{form.value}{suffix}", pattern)
        if target is not None:
            await self.write(target, form.value, jobs, assets=assets)

    async def write(self, target: Path, form: str, jobs: list[JobRecord], *, assets: bool) -> None:
        """Writes the file and says what is in it."""
        window = self._window
        window.notices.say(window.tr("Exporting…"), str(target), tone="busy", about="export")
        try:
            done = await window.host.export(target, form, window.history.model.wanted, jobs, assets=assets)
        finally:
            window.notices.clear("export")
        left = "; ".join(
            window.tr("left out: {count} {why}").format(count=number, why=why) for why, number in done.left_out.items()
        )
        jobs_said = count(done.jobs, tr("job"), tr("jobs"))
        objects = count(done.objects, tr("object"), tr("objects"))
        window.notices.say(
            window.tr("Exported {jobs} with {objects}.").format(jobs=jobs_said, objects=objects),
            f"{target}\n{left}".strip(),
            tone="ok",
        )

    def _set_shadow(self, profile: Profile, live: str) -> None:
        self._window.notices.watch(self._switch(profile, live), "set a shadow", profile.id)

    async def _switch(self, profile: Profile, live: str) -> None:
        window = self._window
        changed = profile.changed(shadow_of=live or None)
        await window.host.update_profile(changed)
        if live:
            await window.host.start_profile(changed.id)
        self.shadows.show_profiles(window.host.profiles.all(), changed.id)

    def _profiles_changed(self) -> None:
        if "shadows" in self.__dict__ and self.shadows.isVisible():
            self.shadows.show_profiles(self._window.host.profiles.all())

    def _show(self, page: ComparePage | ShadowPage) -> None:
        window = self._window
        window.logs.hide()
        window.pages.setCurrentWidget(page)
        window.toolbar.show_page("")

    def _back(self) -> None:
        came_from, self._came_from = self._came_from, None
        if came_from is not None and came_from is self.__dict__.get("shadows"):
            self.show_shadows()
        else:
            self._window.show_page("history")

    _came_from: object = None
