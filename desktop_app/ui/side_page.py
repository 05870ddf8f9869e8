"""A page that takes the place of the work for a while: a head with a way back, and what scrolls below it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_app.ui.formats import tr
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, tool_button


class SidePage(QWidget):
    """The frame of such a page.

    Signals:
        closed: the person is done.
    """

    closed = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # Tab goes to what is on it
        self.setAccessibleName(title)
        top = QFrame()
        top.setObjectName("toolbar")
        self.head = QHBoxLayout(top)
        self.head.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        self.head.setSpacing(SPACE)
        self.head.addWidget(tool_button("back", tr("Back"), self.closed.emit, shortcut="Esc"))
        self.head.addWidget(label(title, "title"), 1)
        self.body = QWidget()
        self.body.setObjectName("page")
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(self.body)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(self.area, 1)

    def card_column(self, widest: int = 760) -> QVBoxLayout:
        """Fills the body with a column of limited width in the middle."""
        middle = QVBoxLayout()
        middle.setSpacing(2 * SPACE)
        outer = QHBoxLayout(self.body)
        outer.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        outer.addStretch(1)
        holder = QWidget()
        holder.setMaximumWidth(widest)
        holder.setLayout(middle)
        middle.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(holder, 20)
        outer.addStretch(1)
        return middle

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
