from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QListView, QWidget

from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.shortcuts import Keys, Place, note_keys, noted, portable, shortcut, unnoted
from desktop_app.ui.shortcuts_page import ShortcutsPage, written

UI = Path(__file__).parents[2] / "desktop_app" / "ui"
SAME = {"Enter": "Return"}
"""Two keys of one name."""


@pytest.fixture
def window(opened: Any) -> Any:
    """Runs a check with the whole window, all pages made."""

    def call(check: Any) -> None:
        async def whole(window: MainWindow) -> None:
            assert window.editor
            assert window.desk.page
            assert window.desk.shadows
            assert window.side.settings
            assert window.side.doctor
            check(window)
            await asyncio.sleep(0)

        opened(whole)

    return call


def test_every_key_that_works_is_noted(window: Any) -> None:
    def check(window: MainWindow) -> None:
        assert unnoted(window) == []

    window(check)


def test_every_key_that_a_view_takes_is_noted(window: Any) -> None:
    taken = {
        portable(getattr(Qt.Key, name))
        for file in UI.rglob("*.py")
        for name in re.findall(r"Qt\.Key\.(Key_\w+)", file.read_text(encoding="utf-8"))
    }
    assert {"Esc", "Left", "F2"} <= taken, "the search finds what there is"

    def check(window: MainWindow) -> None:
        listed = {key for keys in noted(window) for key in keys.keys}
        assert {SAME.get(key, key) for key in taken} <= listed

    window(check)


def test_the_page_lists_them_all(window: Any) -> None:
    def check(window: MainWindow) -> None:
        window.side.show_shortcuts()
        words = [part.text() for part in window.side.shortcuts.body.findChildren(QLabel)]
        for entry in noted(window):
            keys = "  ".join(written(key) for key in entry.keys)
            at = [place for place, text in enumerate(words) if text == keys]
            assert any(words[place + 1] == entry.text for place in at), entry
        assert {"Ctrl+D", "Ctrl+R", "Ctrl+E", "Ctrl+Q", "F1", "?"} <= set(words)

    window(check)


def test_a_key_that_nobody_noted_is_told(qapp: QApplication) -> None:
    root = QWidget()
    view = QListView(root)
    (made,) = shortcut(view, Place.JOBS, "Look", "Ctrl+K", lambda: None)
    note_keys(view, Place.WINDOW, "Leave", "Esc")
    assert noted(root) == [Keys(Place.WINDOW, "Leave", ("Esc",)), Keys(Place.JOBS, "Look", ("Ctrl+K",))]
    assert unnoted(root) == []
    made.setKey("Ctrl+J")
    assert unnoted(root) == ["Ctrl+J"]
    root.deleteLater()


def test_one_place_after_the_other(qapp: QApplication) -> None:
    page = ShortcutsPage([Keys(Place.WINDOW, "Leave", ("Esc",)), Keys(Place.ASSET, "Move", ("Left", "Right"))])
    words = [part.text() for part in page.body.findChildren(QLabel)]
    assert words == ["Window", "Esc", "Leave", "Asset", "←  →", "Move"]
    page.deleteLater()
