"""Menus that buttons open."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu, QToolButton


def open_with(button: QToolButton, menu: QMenu) -> None:
    """Lets a button open a menu below itself.

    Not with `QToolButton.setMenu`: at once (`InstantPopup`) a screen reader's press opens nothing there, and with a
    delay its loop stops who pressed until the menu is closed again.
    """

    def show(*, by_hand: bool) -> None:
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))
        # With the keyboard one is on the first entry at once, and hears it.
        entries = [entry for entry in menu.actions() if entry.isEnabled() and not entry.isSeparator()]
        if entries and not by_hand:
            menu.setActiveAction(entries[0])

    def pressed() -> None:
        # The mouse opens it with the press, everything else with the click: a key that is held repeats itself.
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            show(by_hand=True)

    # A press on the button closes it, and does not open it again.
    menu.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
    menu.aboutToHide.connect(lambda: button.setDown(False))
    button.pressed.connect(pressed)
    button.clicked.connect(lambda: show(by_hand=False))
