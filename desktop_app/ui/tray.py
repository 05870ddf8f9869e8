"""The icon beside the clock: the worst state by shape and words, and what is wanted without the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop_app.core.events import ProfileState
from desktop_app.ui.formats import count, plain, tr
from desktop_app.ui.icons import app_icon
from desktop_app.ui.plugins.model import PluginRow
from desktop_app.ui.states import WORST_FIRST, draw_shape, profile_shape, profile_tone, profile_words
from desktop_app.ui.theme import notifier, tokens

SIZES = (16, 22, 24, 32, 48, 64)
LISTED = 8
_SHARE = 0.55
"""How much of the icon's side the state's shape takes."""


def worst(rows: Sequence[PluginRow]) -> PluginRow | None:
    """The plugin that most needs a person, or None where nothing runs."""
    running = [row for row in rows if row.status.state is not ProfileState.STOPPED]
    return min(running, key=lambda row: WORST_FIRST.index(row.status.state), default=None)


def state_icon(state: ProfileState | None) -> QIcon:
    """The app's icon with the shape of a state in its corner; plain for None."""
    if state is None:
        return app_icon()
    result = QIcon()
    for size in SIZES:
        picture = QPixmap(app_icon().pixmap(QSize(size, size), 1.0))
        side = max(9.0, size * _SHARE)
        box = QRectF(size - side, size - side, side, side)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        # A ground of its own: the panel below may be light or dark.
        painter.setBrush(QColor(tokens().surface))
        painter.drawEllipse(box)
        inset = side * 0.18
        colour = QColor(getattr(tokens(), profile_tone(state)))
        draw_shape(painter, profile_shape(state), colour, box.adjusted(inset, inset, -inset, -inset))
        painter.end()
        result.addPixmap(picture)
    return result


class Tray(QObject):
    """The icon and its menu.

    Signals:
        show_window, start_all, stop_all, quit: menu entries; a click on the icon shows the window.
        message_clicked: the person clicked on a notification.
    """

    show_window = Signal()
    start_all = Signal()
    stop_all = Signal()
    quit = Signal()
    message_clicked = Signal()

    def __init__(
        self, parent: QObject | None = None, *, available: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable
    ) -> None:
        super().__init__(parent)
        self._available = available
        self._rows: tuple[PluginRow, ...] = ()
        self._drawn: tuple[ProfileState | None, str] | None = None
        self._icons: dict[tuple[ProfileState | None, str], QIcon] = {}
        self.menu = QMenu()
        self.menu.aboutToShow.connect(self._fill)
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(self.message_clicked)
        notifier().changed.connect(self._draw)
        self._fill()
        self._draw()

    @property
    def available(self) -> bool:
        """Whether this desktop has a place for the icon now."""
        return self._available()

    def begin(self) -> None:
        """Shows the icon, as soon as the desktop has a place for it."""
        self.icon.show()

    def end(self) -> None:
        """Takes the icon away."""
        self.icon.hide()
        self.menu.deleteLater()

    def show_plugins(self, rows: Sequence[PluginRow]) -> None:
        """Takes what the plugins are doing."""
        self._rows = tuple(rows)
        self._draw()

    def tell(self, title: str, text: str) -> bool:
        """Shows a notification; False where the desktop has none."""
        if not (self.available and self.icon.supportsMessages()):
            return False
        self.icon.showMessage(title, text, app_icon(), 10_000)
        return True

    def words(self) -> str:
        """What the icon says: the state that most needs a person, or how many plugins are online."""
        row = worst(self._rows)
        if row is None:
            return tr("Plugdeck: no plugin runs")
        if row.status.state in (ProfileState.ONLINE, ProfileState.BUSY):
            running = sum(1 for one in self._rows if one.status.state is not ProfileState.STOPPED)
            return tr("Plugdeck: {plugins} online").format(plugins=count(running, tr("plugin"), tr("plugins")))
        return tr("Plugdeck: {name}: {state}").format(name=plain(row.profile.name, 60), state=profile_words(row.status))

    def _draw(self) -> None:
        row = worst(self._rows)
        state = row.status.state if row is not None else None
        shown = (state, tokens().name)
        if shown != self._drawn:
            self._drawn = shown
            if shown not in self._icons:
                self._icons[shown] = state_icon(state)
            self.icon.setIcon(self._icons[shown])
        words = self.words()
        if words != self.icon.toolTip():
            self.icon.setToolTip(words)

    def _fill(self) -> None:
        menu = self.menu
        menu.clear()
        menu.addAction(tr("Open Plugdeck"), self.show_window.emit)
        menu.addSeparator()
        for row in self._rows[:LISTED]:
            # A name is text: "&" would be read as the mark of a key.
            name = plain(row.profile.name, 40).replace("&", "&&")
            entry = menu.addAction(f"{name}: {profile_words(row.status)}")
            entry.setEnabled(False)
        if len(self._rows) > LISTED:
            menu.addAction(tr("{number} more").format(number=len(self._rows) - LISTED)).setEnabled(False)
        if self._rows:
            menu.addSeparator()
            states = {row.status.state for row in self._rows}
            menu.addAction(tr("Start all"), self.start_all.emit).setEnabled(ProfileState.STOPPED in states)
            menu.addAction(tr("Stop all"), self.stop_all.emit).setEnabled(states != {ProfileState.STOPPED})
            menu.addSeparator()
        menu.addAction(tr("Quit Plugdeck"), self.quit.emit)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.show_window.emit()
