"""The window's size: what fits the screen, what a small one puts away, and how it was arranged last time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize

if TYPE_CHECKING:
    from desktop_app.ui.main_window import MainWindow

SMALLEST = QSize(860, 560)
SHARE = 0.9
"""How much of the screen the window takes at most when it opens."""
NARROW = 800
SHORT = 620
FLAT = 470
"""Below these, in device-independent pixels, details, log lines and the latest pictures are put away."""
LOG_HEIGHT = 190
LEAST_LOG_HEIGHT = 80


class Fitting:
    """Fits the window's parts to its size.

    Attributes:
        narrow: whether there is no room for the plugins beside a page.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.narrow = False
        self._short = False
        self._log_height = LOG_HEIGHT

    def fit_screen(self, wanted: QSize) -> None:
        """Takes a size that leaves the screen some room, and a smallest size that the screen can hold."""
        most = self._window.screen().availableSize() * SHARE
        self._window.setMinimumSize(SMALLEST.boundedTo(most))
        self._window.resize(wanted.boundedTo(most))

    def adapt(self) -> None:
        """Puts away what a small window has no room for; it can be drawn out again, and comes back with the room."""
        window = self._window
        narrow, short = window.width() < NARROW, window.height() < SHORT
        if narrow != self.narrow:
            self.narrow = narrow
            window.asset.details_button.setChecked(not narrow)
            page = window.pages.currentWidget()
            window.plugins.setVisible(page is window.work or not (narrow or page is window.welcome))
        window.filmstrip.stack.setVisible(window.height() >= FLAT)
        if short != self._short:
            self._short = short
            if short:
                self._log_height = max(window.logs.height(), self._log_height)
            height = window.logs.header.height() + 1 if short else self._log_height
            window.logs.setMinimumHeight(height if short else LEAST_LOG_HEIGHT)
            window.whole.setSizes([max(1, window.whole.height() - height), height])

    def layout_state(self) -> str:
        """Sizes and places of everything, as text for the settings."""
        window = self._window
        splitters = (window.whole, window.top, window.work)
        parts = (window.saveGeometry(), *(splitter.saveState() for splitter in splitters))
        return " ".join(bytes(part.toBase64().data()).decode() for part in parts)

    def restore_layout(self, text: str) -> None:
        """Takes back what `layout_state` said; nonsense is ignored."""
        window = self._window
        parts = [QByteArray.fromBase64(part.encode()) for part in text.split(" ")]
        if len(parts) == 4 and window.restoreGeometry(parts[0]):
            if not (window.isMaximized() or window.isFullScreen()):
                window.resize(window.size().boundedTo(window.screen().availableSize()))
            for splitter, part in zip((window.whole, window.top, window.work), parts[1:], strict=True):
                splitter.restoreState(part)
