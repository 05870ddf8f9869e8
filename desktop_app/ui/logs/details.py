"""What belongs to a log line, below the table."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.core.events import LogLine
from desktop_app.ui.formats import tr
from desktop_app.ui.logs.folding import fold
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import push_button

SHARE = 0.5
"""Of the panel's height at most."""


class LineDetails(QFrame):
    """The whole line: its message, the line of the script that it came from, and the traceback when it is wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("kind", "json")
        self.text.setFont(mono_font())
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName(tr("The whole line"))
        self.unfold = push_button(tr("Whole traceback"))
        self.unfold.setCheckable(True)
        self.unfold.toggled.connect(self._show)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE, 0, SPACE, SPACE // 2)
        row.setSpacing(SPACE)
        row.addWidget(self.text, 1)
        buttons = QVBoxLayout()
        buttons.addWidget(self.unfold)
        buttons.addStretch(1)
        row.addLayout(buttons)
        self._line: LogLine | None = None
        self.hide()

    def show_line(self, line: LogLine | None) -> None:
        """Shows what belongs to a line; nothing for one that says it all itself."""
        self._line = line
        self.unfold.setChecked(False)
        self._show()

    def _show(self) -> None:
        line = self._line
        self.setVisible(line is not None and bool(line.details))
        if line is None or not line.details:
            return
        head, rest = fold(line.details)
        shown = line.details.strip("\n") if self.unfold.isChecked() else head
        self.unfold.setVisible(bool(rest))
        self.text.setPlainText(f"{line.message}\n{shown}")
        self._fit()

    def _fit(self) -> None:
        lines = self.text.document().blockCount()
        bar = self.text.horizontalScrollBar()
        wanted = lines * self.text.fontMetrics().lineSpacing() + 20 + (bar.sizeHint().height() if bar.maximum() else 0)
        parent = self.parentWidget()
        most = int(parent.height() * SHARE) if parent is not None else wanted
        self.setFixedHeight(max(36, min(wanted, most)))

    def watch(self, panel: QWidget) -> None:
        """Keeps its share of a panel that changes its size."""
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._fit()
        return super().eventFilter(watched, event)
