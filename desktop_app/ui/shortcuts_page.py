"""Every shortcut on one page."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, tool_button


class ShortcutsPage(QWidget):
    """Lists what the keyboard can do.

    Signals:
        closed: the person is done.
    """

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Keyboard shortcuts"))
        groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
            (
                self.tr("Window"),
                (
                    ("Ctrl+1", self.tr("Live")),
                    ("Ctrl+2", self.tr("History")),
                    ("Ctrl+F", self.tr("Search jobs")),
                    ("Ctrl+L", self.tr("Filter the log")),
                    ("Ctrl+N", self.tr("Add a plugin")),
                    ("Ctrl+T", self.tr("Test a file")),
                    ("Ctrl+,", self.tr("Settings")),
                    ("?", self.tr("This page")),
                    ("Ctrl+W", self.tr("Close the window")),
                    ("Ctrl+Q", self.tr("Quit")),
                ),
            ),
            (
                self.tr("Asset"),
                (
                    ("F", self.tr("Fit the picture")),
                    ("1", self.tr("Actual size")),
                    ("+  -", self.tr("Zoom in, zoom out")),
                    ("←  ↑  →  ↓", self.tr("Move the picture")),
                    ("[  ]", self.tr("Previous, next annotation")),
                    (self.tr("Space"), self.tr("Hold the overlay off")),
                    ("Esc", self.tr("Select nothing")),
                ),
            ),
            (
                self.tr("Plugins"),
                (
                    (self.tr("Enter"), self.tr("Edit")),
                    (self.tr("Delete"), self.tr("Remove")),
                    (self.tr("Menu"), self.tr("What else can be done")),
                ),
            ),
            (
                self.tr("Lists"),
                (
                    ("F5", self.tr("Read the history again")),
                    (QKeySequence(QKeySequence.StandardKey.Copy).toString(), self.tr("Copy log lines")),
                    (self.tr("Enter"), self.tr("Show a job's asset")),
                ),
            ),
        )
        top = QFrame()
        top.setObjectName("toolbar")
        row = QHBoxLayout(top)
        row.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        row.addWidget(tool_button("back", self.tr("Back"), self.closed.emit, shortcut="Esc"))
        row.addWidget(label(self.tr("Keyboard shortcuts"), "title"), 1)
        page = QWidget()
        page.setObjectName("page")
        cards = QGridLayout(page)
        cards.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        cards.setSpacing(2 * SPACE)
        for number, (title, entries) in enumerate(groups):
            cards.addWidget(self._card(title, entries), number // 2, number % 2, Qt.AlignmentFlag.AlignTop)
        cards.setRowStretch(2, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(area, 1)

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
            name = label(keys, "muted")
            name.setFont(mono_font())
            grid.addWidget(name, number, 0)
            grid.addWidget(label(text), number, 1)
        return card

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
