"""Below the asset: which page or frame is seen, and the window that grey values are seen through."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSlider, QWidget

from desktop_app.ui.formats import tr
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, tool_button

STEPS = 1000


class Pager(QFrame):
    """A slider over pages.

    Signals:
        turned: the page (from 0) that the person wants to see.
    """

    turned = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._of = tr("Page {number} of {all}")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Page"))
        self.slider.valueChanged.connect(self._moved)
        self.text = label("", "muted")
        self.before = tool_button("chevron-left", tr("Previous page"), lambda: self.step(-1), shortcut="PgUp")
        self.after = tool_button("chevron-right", tr("Next page"), lambda: self.step(1), shortcut="PgDown")
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE + 4, SPACE // 2, SPACE, SPACE // 2)
        row.setSpacing(SPACE)
        row.addWidget(self.before)
        row.addWidget(self.slider, 1)
        row.addWidget(self.after)
        row.addWidget(self.text)
        self.hide()

    @property
    def page(self) -> int:
        """The page that is chosen, from 0."""
        return self.slider.value()

    def show_pages(self, page: int, pages: int, *, frames: bool = False) -> None:
        """Offers so many pages, or hides itself where there is only one; emits nothing."""
        self._of = tr("Frame {number} of {all}") if frames else tr("Page {number} of {all}")
        self.slider.setAccessibleName(tr("Frame") if frames else tr("Page"))
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, pages - 1))
        self.slider.setPageStep(max(1, pages // 10))
        self.slider.setValue(page)
        self.slider.blockSignals(False)
        self._say()
        self.setVisible(pages > 1)

    def step(self, by: int) -> None:
        """Goes on by some pages."""
        if self.isVisible():
            self.slider.setValue(self.slider.value() + by)

    def _moved(self, page: int) -> None:
        self._say()
        self.turned.emit(page)

    def _say(self) -> None:
        page, pages = self.slider.value(), self.slider.maximum() + 1
        self.text.setText(self._of.format(number=page + 1, all=pages))
        self.before.setEnabled(page > 0)
        self.after.setEnabled(page + 1 < pages)


class WindowBar(QFrame):
    """Level and width of the window that grey values are seen through.

    Signals:
        changed: (centre, width) in the values' own units.
    """

    changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range = (0.0, 1.0)
        self._natural = (0.5, 1.0)
        self.level, self.width_slider = QSlider(Qt.Orientation.Horizontal), QSlider(Qt.Orientation.Horizontal)
        self.text = label("", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE + 4, SPACE // 2, SPACE, SPACE // 2)
        row.setSpacing(SPACE)
        for slider, name in ((self.level, tr("Level")), (self.width_slider, tr("Window"))):
            slider.setRange(0, STEPS)
            slider.setAccessibleName(name)
            slider.valueChanged.connect(self._moved)
            row.addWidget(label(name, "muted"))
            row.addWidget(slider, 1)
        row.addWidget(self.text)
        row.addWidget(tool_button("restart", tr("Back to the file's own window"), self.reset))
        self.hide()

    @property
    def window_of_values(self) -> tuple[float, float]:
        """Centre and width that are chosen."""
        low, high = self._range
        span = high - low
        return low + self.level.value() / STEPS * span, max(self.width_slider.value() / STEPS * span, span / STEPS)

    def show_window(self, window: tuple[float, float], values: tuple[float, float]) -> None:
        """Offers a window over the values that there are; emits nothing."""
        low, high = min(values[0], window[0] - window[1] / 2), max(values[1], window[0] + window[1] / 2)
        self._range = (low, high) if high > low else (low, low + 1)
        self._natural = window
        self._put(window)
        self.show()

    def reset(self) -> None:
        """The window that the file proposes."""
        self._put(self._natural)
        self.changed.emit(*self._natural)

    def _put(self, window: tuple[float, float]) -> None:
        low, high = self._range
        for slider, share in (
            (self.level, (window[0] - low) / (high - low)),
            (self.width_slider, window[1] / (high - low)),
        ):
            slider.blockSignals(True)
            slider.setValue(round(share * STEPS))
            slider.blockSignals(False)
        self._say(window)

    def _moved(self) -> None:
        window = self.window_of_values
        self._say(window)
        self.changed.emit(*window)

    def _say(self, window: tuple[float, float]) -> None:
        self.text.setText(f"L {window[0]:.4g}  W {window[1]:.4g}")
