"""The pages beside the work: settings, shortcuts, doctor, runners and about, each made when it is first wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QMimeData, QObject, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from desktop_app.ui.formats import tr
from desktop_app.ui.settings_page import SettingsPage
from desktop_app.ui.shortcuts import noted
from desktop_app.ui.shortcuts_page import ShortcutsPage
from desktop_app.ui.side_page import SidePage

if TYPE_CHECKING:
    from desktop_app.doctor.care import Care
    from desktop_app.doctor.finding import Finding
    from desktop_app.metrics.watch import RunnerHealth
    from desktop_app.ui.about import AboutPage
    from desktop_app.ui.doctor_page import DoctorPage
    from desktop_app.ui.main_window import MainWindow
    from desktop_app.ui.runners_page import RunnersPage

Page = TypeVar("Page", bound=SidePage)


class SidePages(QObject):
    """Makes and shows them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    @cached_property
    def settings(self) -> SettingsPage:
        """The settings."""
        return self._added(SettingsPage(self._window.host.settings, self._window.tasks.start))

    @cached_property
    def shortcuts(self) -> ShortcutsPage:
        """The list of shortcuts."""
        return self._added(ShortcutsPage(noted(self._window)))

    @cached_property
    def care(self) -> Care:
        """The doctor's work."""
        from desktop_app.doctor.care import Care

        return Care(self._window.host)  # type: ignore[arg-type]  # the real one; tests put their own here

    @cached_property
    def doctor(self) -> DoctorPage:
        """The doctor."""
        from desktop_app.ui.doctor_page import DoctorPage

        window = self._window
        page = DoctorPage(window.host.profiles, self.care.examine, self.copy_diagnostics, window.tasks)
        return self._added(page)

    @cached_property
    def runners(self) -> RunnersPage:
        """Other runners."""
        from desktop_app.metrics.address import runner_url
        from desktop_app.ui.runners_page import RunnersPage

        async def look(url: str) -> RunnerHealth:
            await asyncio.to_thread(import_module, "desktop_app.metrics.watch")  # beside the loop: it takes a while
            from desktop_app.metrics import watch

            return await watch.look(url)

        window = self._window
        return self._added(RunnersPage(window.host.settings, look, runner_url, window.tasks))

    @cached_property
    def about(self) -> AboutPage:
        """Version and licences."""
        from desktop_app.ui.about import AboutPage

        return self._added(AboutPage(self._window.host.data_dir.root))

    def show_settings(self) -> None:
        """Shows the settings."""
        self.settings.refresh()
        self._window.show_alone(self.settings)
        self.settings.search.setFocus()

    def show_shortcuts(self) -> None:
        """Shows what the keyboard can do."""
        self._show(self.shortcuts)

    def show_doctor(self, profile_id: str = "") -> None:
        """Begins to look why something does not work, for one plugin or for all."""
        self._show(self.doctor)
        self.doctor.open(profile_id)

    def show_runners(self) -> None:
        """Shows how other runners do."""
        self._show(self.runners)

    def show_about(self) -> None:
        """Shows version and licences."""
        self._show(self.about)

    def copy_diagnostics(self, findings: Sequence[Finding] = ()) -> None:
        """Makes the diagnostics and puts the file on the clipboard."""
        self._window.notices.watch(self._copy_diagnostics(findings), "copy diagnostics")

    def open_data(self) -> None:
        """Shows the data directory in the desktop's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._window.host.data_dir.root)))

    async def _copy_diagnostics(self, findings: Sequence[Finding]) -> None:
        path = await self.care.save_diagnostics(findings)
        files = QMimeData()
        files.setUrls([QUrl.fromLocalFile(str(path))])
        files.setText(str(path))
        QGuiApplication.clipboard().setMimeData(files)
        self._window.notices.say(
            tr("The diagnostics are on the clipboard: paste the file into a mail or a chat."),
            tr("No secret is in it. It lies at {place}").format(place=path),
            tone="ok",
            actions=((tr("Show the file"), self.open_data),),
        )

    def _show(self, page: SidePage) -> None:
        self._window.show_alone(page)
        page.setFocus()

    def _added(self, page: Page) -> Page:
        page.closed.connect(self._window.show_home)
        self._window.pages.addWidget(page)
        return page
