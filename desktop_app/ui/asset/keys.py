"""The asset's keys wherever in the window one is: a job is mostly chosen in a list, which has the focus then."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QWidget

from desktop_app.ui.asset.view import STEP, AssetView
from desktop_app.ui.formats import tr
from desktop_app.ui.shortcuts import Place, note_keys, shortcut


class AssetKeys(QObject):
    """Gives the asset its keys while `window` shows it. What takes text keeps its keys, as Qt lets it.

    Args:
        lists: there, Space holds the overlay off as it does on the asset, where the row has no check box.
    """

    def __init__(self, window: QWidget, view: AssetView, lists: tuple[QAbstractItemView, ...]) -> None:
        super().__init__(window)
        self._view = view
        self._shortcuts: list[QShortcut] = []
        for text, slot, *keys in (
            (tr("Fit the asset"), view.fit, "F"),
            (tr("Actual size"), view.actual_size, "1"),
            # On many keyboards + needs Shift, and = is the same key without.
            (tr("Zoom in"), lambda: view.zoom_by(STEP), "+", "="),
            (tr("Zoom out"), lambda: view.zoom_by(1 / STEP), "-"),
            (tr("Previous annotation"), lambda: view.step(-1), "["),
            (tr("Next annotation"), lambda: view.step(1), "]"),
        ):
            self._shortcuts += shortcut(window, Place.ASSET, text, keys[0], slot, *keys[1:])
        note_keys(view, Place.ASSET, tr("Select nothing"), "Esc")
        note_keys(view, Place.ASSET, tr("Move the asset"), "Left", "Up", "Down", "Right")
        note_keys(view, Place.ASSET, tr("Previous, next page or frame"), "PgUp", "PgDown")
        note_keys(view, Place.ASSET, tr("Hold the overlay off"), "Space")
        for each in lists:
            each.installEventFilter(self)

    def set_enabled(self, on: bool) -> None:
        """Off while the window shows something else: there the keys mean something else."""
        for one in self._shortcuts:
            one.setEnabled(on)
        if not on:
            self._view.hold_off(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self._view.hold_off(False)
        elif (
            isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space and isinstance(watched, QAbstractItemView)
        ):
            pressed = event.type() == QEvent.Type.KeyPress
            if pressed and watched.currentIndex().flags() & Qt.ItemFlag.ItemIsUserCheckable:
                return False
            if pressed or event.type() == QEvent.Type.KeyRelease:
                if not event.isAutoRepeat():
                    self._view.hold_off(pressed)
                return True
        return False
