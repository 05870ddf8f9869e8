"""Every shortcut on one page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFrame, QGridLayout, QVBoxLayout, QWidget

from desktop_app.ui.formats import tr
from desktop_app.ui.shortcuts import Keys, Place
from desktop_app.ui.side_page import SidePage
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label

COLUMNS = 2


class ShortcutsPage(SidePage):
    """Lists what the keyboard can do.

    Args:
        entries: those of one place beside each other.
    """

    def __init__(self, entries: Sequence[Keys], parent: QWidget | None = None) -> None:
        super().__init__(tr("Keyboard shortcuts"), parent)
        columns = [QVBoxLayout() for _ in range(COLUMNS)]
        filled = [0] * COLUMNS
        for place, group in groupby(entries, lambda entry: entry.place):
            found = list(group)
            # Where there is most room yet, so that the columns end at about one height.
            shortest = filled.index(min(filled))
            columns[shortest].addWidget(self._card(_title(place), found))
            filled[shortest] += len(found) + 2
        cards = QGridLayout(self.body)
        cards.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        cards.setSpacing(2 * SPACE)
        for place_of, column in enumerate(columns):
            column.setSpacing(2 * SPACE)
            column.addStretch(1)
            cards.addLayout(column, 0, place_of)
            cards.setColumnStretch(place_of, 1)

    def _card(self, title: str, entries: Sequence[Keys]) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        grid = QGridLayout(card)
        grid.setContentsMargins(3 * SPACE, 2 * SPACE, 3 * SPACE, 2 * SPACE)
        grid.setHorizontalSpacing(3 * SPACE)
        grid.setColumnMinimumWidth(0, 104)
        grid.setColumnStretch(1, 1)
        grid.addWidget(label(title, "subtitle"), 0, 0, 1, 2)
        for number, entry in enumerate(entries, 1):
            name = label("  ".join(written(keys) for keys in entry.keys), "muted")
            name.setFont(mono_font())
            grid.addWidget(name, number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label(entry.text, wrap=True), number, 1)
        return card


def written(keys: str) -> str:
    """`Ctrl+1` as the keyboard of this language and system has it."""
    arrows = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}
    if keys in arrows:
        return arrows[keys]
    names = {
        "Space": tr("Space"),
        "Return": tr("Enter"),
        "Del": tr("Delete"),
        "Menu": tr("Menu"),
        "PgUp": tr("Page up"),
        "PgDown": tr("Page down"),
    }
    return names.get(keys) or QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def _title(place: Place) -> str:
    return {
        Place.WINDOW: tr("Window"),
        Place.ASSET: tr("Asset"),
        Place.PLUGINS: tr("Plugins"),
        Place.JOBS: tr("Jobs"),
        Place.LOG: tr("Logs"),
        Place.START: tr("While there is no plugin"),
    }[place]
