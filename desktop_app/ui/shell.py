"""What surrounds the window: the tray, notifications, start at login, later starts, and what closing means."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt

from desktop_app.core.errors import StoreError
from desktop_app.store.autostart import Autostart
from desktop_app.store.settings import Settings
from desktop_app.ui.dialogs import ask
from desktop_app.ui.formats import count, plain, tr
from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.notifications import Notifications
from desktop_app.ui.quitting import Quitting
from desktop_app.ui.tray import Tray

_TOKEN = "XDG_ACTIVATION_TOKEN"  # noqa: S105 - Wayland's word for "the person asked for this window"

MOST_SHOWN = 200_000


class Shell(QObject):
    """Keeps one window's surroundings.

    Args:
        quit_app: ends the app; what is left to do was asked about before.
        autostart: the system's list of what starts at login, or None where this run has no place on it (the demo).
        command: how the program is started at login.
    """

    def __init__(
        self,
        window: MainWindow,
        quit_app: Callable[[], None],
        *,
        autostart: Autostart | None = None,
        command: Sequence[str] = (),
        tray: Tray | None = None,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._autostart = autostart
        self._command = tuple(command)
        self._told_of_tray = False
        self._forget: Callable[[], None] = lambda: None
        self.tray = tray or Tray(self)
        self.quitting = Quitting(window.host, window, self._say, quit_app)
        self.notifications = Notifications(
            self.tray.tell,
            wanted=lambda: window.host.settings.current.notifications,
            in_front=lambda: window.isActiveWindow() and not window.isMinimized(),
            waiting=lambda: window.host.pending()[1],
            parent=self,
        )
        window.close_requested.connect(self.close_requested)
        window.quit_requested.connect(self.quit_requested)
        window.hearing.plugins_changed.connect(self._plugins_changed)
        tray_slots = (
            (self.tray.show_window, self.show_window),
            (self.tray.start_all, window.commands.start_all),
            (self.tray.stop_all, window.commands.stop_all),
            (self.tray.quit, self.quit_requested),
            (self.tray.message_clicked, self._show_cause),
        )
        for signal, slot in tray_slots:
            signal.connect(slot)

    # ---- beginning and end ----

    def begin(self, *, in_tray: bool = False) -> None:
        """Shows the icon, and the window unless it is to wait `in_tray` (it is minimized where there is no tray)."""
        self._forget = self._window.host.settings.changed.connect(self._settings_changed)
        self._settings_changed(self._window.host.settings.current)
        self.tray.begin()
        self.notifications.begin()
        if not in_tray:
            self._window.show()
        elif not self.tray.available:
            self._window.showMinimized()
        self._plugins_changed()
        self._tell_of_crashes()

    async def end(self) -> None:
        """Takes everything away."""
        self._forget()
        self.notifications.end()
        self.tray.end()
        await self.quitting.end()

    # ---- the window ----

    def show_window(self, token: str = "") -> None:
        """Brings the window to the front; `token` is the desktop's leave to take the focus."""
        window = self._window
        if token:
            os.environ[_TOKEN] = token
        window.setWindowState((window.windowState() & ~Qt.WindowState.WindowMinimized) | Qt.WindowState.WindowActive)
        window.show()
        window.raise_()
        window.activateWindow()
        os.environ.pop(_TOKEN, None)

    def close_requested(self) -> None:
        """The person closed the window: it goes to the tray or the app ends, as they chose."""
        keep = self._window.host.settings.current.close_to_tray
        if keep:
            self._put_away()
        elif keep is None and self.tray.available and self._window.plugins.model.rows:
            self._window.notices.watch(self._ask_once(), "close the window")
        else:
            self.quit_requested()

    def quit_requested(self) -> None:
        """The person wants the app to end."""
        if not self._window.isVisible() and any(self._window.host.pending()):
            self.show_window()  # what is left to do is asked there
        self.quitting.close_requested()

    def _say(self, what: str, how: str) -> None:
        self._window.notices.say(what, how, tone="busy")

    def _put_away(self) -> None:
        if not self.tray.available:
            self._window.showMinimized()
            return
        self._window.hide()
        if not self._told_of_tray:
            self._told_of_tray = True
            self.tray.tell(tr("Plugdeck goes on here"), tr("Your plugins keep running. Quit from this icon's menu."))

    async def _ask_once(self) -> None:
        keep = await ask(
            self._window,
            tr("Keep plugins running when the window is closed?"),
            tr("Plugdeck then stays in the tray and answers jobs. You can change this in the settings at any time."),
            yes=tr("Keep running"),
            no=tr("Quit"),
        )
        await self._window.host.settings.change(close_to_tray=keep)
        self.close_requested()

    # ---- what changes ----

    def _plugins_changed(self) -> None:
        rows = self._window.plugins.model.rows
        self.tray.show_plugins(rows)
        self.notifications.take(rows)

    def _settings_changed(self, settings: Settings) -> None:
        if self._autostart is None or self._autostart.is_set == settings.start_at_login:
            return
        try:
            self._autostart.set(self._command if settings.start_at_login else None)
        except StoreError as error:
            self._window.notices.say_error(error)

    def _tell_of_crashes(self) -> None:
        window = self._window
        reports = window.host.crashes.since(window.host.settings.current.crashes_seen)
        if not reports:
            return
        number = count(sum(report.count for report in reports), tr("time"), tr("times"))
        what = plain(reports[-1].headline, 120)
        card = window.notices.say(
            tr("Plugdeck itself failed since you last saw it ({number}): {what}").format(number=number, what=what),
            tr("A report without secrets is kept. Copy it, or the diagnostics, and send it to who maintains Plugdeck."),
            "\n\n".join(report.text for report in reversed(reports))[:MOST_SHOWN],
            actions=window.notices.offer_help(),
        )
        seen = reports[-1].last
        keep = window.host.settings.change
        card.closed.connect(lambda: window.notices.watch(keep(crashes_seen=seen), "remember what was seen"))

    def _show_cause(self) -> None:
        self.show_window()
        if self.notifications.about:
            self._window.show_page("live")
            self._window.plugins.select(self.notifications.about)
