"""Menus that buttons open."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu, QToolButton


def show_once(menu: QMenu, at: QPoint) -> None:
    """Opens a menu that was made for this one time."""
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    _close_after_use(menu)
    _show(menu, at)


def open_with(button: QToolButton, menu: QMenu) -> None:
    """Lets a button open a menu below itself.

    Not with `QToolButton.setMenu`: at once (`InstantPopup`) a screen reader's press opens nothing there, and with a
    delay its loop stops who pressed until the menu is closed again.
    """

    def show() -> None:
        _show(menu, button.mapToGlobal(QPoint(0, button.height())))

    def pressed() -> None:
        # The mouse opens it with the press, everything else with the click: a key that is held repeats itself.
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            show()

    _close_after_use(menu)
    # A press on the button closes it, and does not open it again.
    menu.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
    menu.aboutToHide.connect(lambda: button.setDown(False))
    button.pressed.connect(pressed)
    button.clicked.connect(lambda: show())


def _show(menu: QMenu, at: QPoint) -> None:
    menu.popup(at)
    # Who comes by the keyboard is on the first entry at once, and hears it.
    entries = [entry for entry in menu.actions() if entry.isEnabled() and not entry.isSeparator()]
    if entries and QApplication.mouseButtons() == Qt.MouseButton.NoButton:
        menu.setActiveAction(entries[0])


def _close_after_use(menu: QMenu) -> None:
    # Qt leaves it open for an entry that a screen reader presses.
    menu.triggered.connect(lambda: menu.close())
