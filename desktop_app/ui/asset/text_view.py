"""A text asset with its spans highlighted."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from desktop_app.ui.asset.items import Annotations, Item
from desktop_app.ui.formats import tip, tr
from desktop_app.ui.theme import scaled_font, tokens

LONGEST = 500_000
"""Characters shown; a longer text is cut and says so."""


class TextView(QPlainTextEdit):
    """Shows text, never markup.

    Signals:
        selected: index of the annotation that was clicked, or -1.
    """

    selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAccessibleName(tr("Text asset with annotations"))
        self.setFont(scaled_font(1.1))
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setStyleSheet("QPlainTextEdit { border: none; border-radius: 0; }")
        self.document().setDocumentMargin(12)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._items: tuple[Item, ...] = ()
        self._starts: list[int] = []
        self._selected = -1

    def show_text(self, text: str) -> None:
        """Shows another text."""
        cut = len(text) > LONGEST
        text = text[:LONGEST]
        # Qt counts UTF-16 units; spans count characters.
        self._starts = list(accumulate((2 if ord(char) > 0xFFFF else 1 for char in text), initial=0))
        self.setPlainText(text + (tr("\n\n… (the rest is not shown)") if cut else ""))
        self._highlight()

    def show_annotations(self, annotations: Annotations, shown: frozenset[int]) -> None:
        """Highlights the spans of those items whose index is in `shown`."""
        self._items = tuple(item for item in annotations.items if item.span is not None and item.index in shown)
        self._highlight()

    def select(self, index: int) -> None:
        """Marks a span and moves it into sight."""
        self._selected = index
        self._highlight()
        for item in self._items:
            if item.index == index and item.span is not None:
                cursor = self.textCursor()
                cursor.setPosition(self._place(item.span[0]))
                self.setTextCursor(cursor)
                self.ensureCursorVisible()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self.textCursor().hasSelection():
            return
        unit = self.cursorForPosition(event.position().toPoint()).position()
        place = bisect_right(self._starts, unit) - 1
        for item in self._items:
            if item.span is not None and item.span[0] <= place < item.span[1]:
                self.select(item.index)
                self.selected.emit(item.index)
                return

    def _place(self, at: float) -> int:
        if not self._starts:
            return 0
        return self._starts[min(max(int(at), 0), len(self._starts) - 1)]

    def _highlight(self) -> None:
        marks = []
        for item in self._items:
            if item.span is None:
                continue
            mark = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.document())
            cursor.setPosition(self._place(item.span[0]))
            cursor.setPosition(self._place(item.span[1]), QTextCursor.MoveMode.KeepAnchor)
            ground = QColor(item.colour)
            ground.setAlpha(150 if item.index == self._selected else 70)
            style = QTextCharFormat()
            style.setBackground(ground)
            style.setForeground(QColor(tokens().text))
            style.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
            style.setUnderlineColor(QColor(item.colour))
            style.setToolTip(tip(item.label))
            mark.cursor = cursor
            mark.format = style
            marks.append(mark)
        self.setExtraSelections(marks)
