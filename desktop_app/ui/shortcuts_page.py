"""Every shortcut on one page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from desktop_app.ui.formats import tr
from desktop_app.ui.side_page import SidePage
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label


class ShortcutsPage(SidePage):
    """Lists what the keyboard can do."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Keyboard shortcuts"), parent)
        groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
            (
                tr("Window"),
                (
                    ("Ctrl+1", tr("Live")),
                    ("Ctrl+2", tr("History")),
                    ("Ctrl+F", tr("Search jobs")),
                    ("Ctrl+L", tr("Filter the log")),
                    ("Ctrl+N", tr("Add a plugin")),
                    ("Ctrl+T", tr("Test a file")),
                    ("Ctrl+,", tr("Settings")),
                    ("F1", tr("Doctor: why does it not work?")),
                    ("?", tr("This page")),
                    ("Ctrl+W", tr("Close the window")),
                    ("Ctrl+Q", tr("Quit")),
                ),
            ),
            (
                tr("Asset"),
                (
                    ("F", tr("Fit the picture")),
                    ("1", tr("Actual size")),
                    ("+  -", tr("Zoom in, zoom out")),
                    ("←  ↑  →  ↓", tr("Move the picture")),
                    ("[  ]", tr("Previous, next annotation")),
                    (tr("Space"), tr("Hold the overlay off")),
                    ("Esc", tr("Select nothing")),
                ),
            ),
            (
                tr("Plugins"),
                (
                    (tr("Enter"), tr("Edit")),
                    (tr("Delete"), tr("Remove")),
                    ("Esc", tr("Show all plugins")),
                    (tr("Menu"), tr("What else can be done")),
                ),
            ),
            (
                tr("Lists"),
                (
                    ("F5", tr("Read the history again")),
                    (QKeySequence(QKeySequence.StandardKey.Copy).toString(), tr("Copy log lines")),
                    (tr("Enter"), tr("Show a job's asset")),
                ),
            ),
        )
        cards = QGridLayout(self.body)
        cards.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        cards.setSpacing(2 * SPACE)
        for number, (title, entries) in enumerate(groups):
            cards.addWidget(self._card(title, entries), number // 2, number % 2, Qt.AlignmentFlag.AlignTop)
        cards.setRowStretch(2, 1)

    def _card(self, title: str, entries: tuple[tuple[str, str], ...]) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        grid = QGridLayout(card)
        grid.setContentsMargins(3 * SPACE, 2 * SPACE, 3 * SPACE, 2 * SPACE)
        grid.setHorizontalSpacing(3 * SPACE)
        grid.setColumnMinimumWidth(0, 104)
        grid.setColumnStretch(1, 1)
        grid.addWidget(label(title, "subtitle"), 0, 0, 1, 2)
        for number, (keys, text) in enumerate(entries, 1):
            name = label(_as_written_here(keys), "muted")
            name.setFont(mono_font())
            grid.addWidget(name, number, 0)
            grid.addWidget(label(text), number, 1)
        return card


def _as_written_here(keys: str) -> str:
    """`Ctrl+1` as the keyboard of this language and system has it; names of single keys are translated already."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText) if "+" in keys[1:] else keys
