"""Tabs that give up words, and never their place, where there is little room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QTabWidget, QWidget

from desktop_app.ui.icons import icon
from desktop_app.ui.theme import notifier


class FittedTabs(QTabWidget):
    """Every tab says its name; where not all of them fit, those that are not shown are pictures with a tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._icons: list[str] = []
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideRight)  # where the one name alone has no room
        self.setIconSize(QSize(18, 18))
        bar = self.tabBar()
        bar.setDrawBase(False)
        bar.setExpanding(False)
        self.currentChanged.connect(self._fit)
        notifier().changed.connect(self._fit)

    @property
    def names(self) -> tuple[str, ...]:
        """What the tabs are called, from the first to the last, whether or not there is room to say so."""
        return tuple(self._names)

    def add(self, page: QWidget, icon_name: str, name: str) -> None:
        """Adds a tab at the end."""
        self._names.append(name)
        self._icons.append(icon_name)
        self.addTab(page, name)
        self._say(len(self._names) - 1)

    def rename(self, place: int, name: str) -> None:
        """Calls a tab something else."""
        if self._names[place] != name:
            self._names[place] = name
            self._say(place)
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _say(self, place: int) -> None:
        self.setTabToolTip(place, self._names[place])
        self.tabBar().setAccessibleTabName(place, self._names[place])

    def _fit(self) -> None:
        self._set_narrow(False)
        self._write(range(self.count()))
        if not self._fits:
            self._write((self.currentIndex(),))
        if not self._fits:
            self._set_narrow(True)
            self._write((self.currentIndex(),))

    @property
    def _fits(self) -> bool:
        # The window gets as wide as it is told to; the tabs have to do with what there is.
        return self.tabBar().sizeHint().width() <= self.width()

    def _write(self, named: Sequence[int]) -> None:
        """Says the names of some tabs, and shows the pictures of the others."""
        for place, name in enumerate(self._names):
            self.setTabText(place, name if place in named else "")
            self.setTabIcon(place, QIcon() if place in named else icon(self._icons[place]))

    def _set_narrow(self, narrow: bool) -> None:
        bar = self.tabBar()
        if bool(bar.property("narrow")) != narrow:
            bar.setProperty("narrow", narrow)
            bar.style().unpolish(bar)
            bar.style().polish(bar)
