"""JSON exactly as it went over the wire, with secrets masked."""

from __future__ import annotations

import json
import re
from typing import Any

from PySide6.QtGui import QColor, QGuiApplication, QShowEvent, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.ui.formats import decimal
from desktop_app.ui.theme import mono_font, notifier, tokens
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, tool_button

SECRET_KEYS = frozenset({"apikey", "secret", "api_key", "authorization", "password", "token"})
MASK = "••••••"
LONGEST = 400_000
HIGHLIGHT_UP_TO = 60_000

_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|'
    r"(?P<word>\btrue\b|\bfalse\b|\bnull\b)"
)


def masked(value: Any) -> Any:
    """A copy in which every secret field says only that there is one."""
    if isinstance(value, dict):
        return {
            key: MASK if str(key).casefold() in SECRET_KEYS and part else masked(part) for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [masked(part) for part in value]
    return value


def to_text(value: Any) -> str:
    """Readable JSON; flat lists of numbers stay on one line."""
    text = json.dumps(masked(value), indent=2, ensure_ascii=False, default=str)
    return re.sub(r"\[\s+(-?[\d.eE+-]+(?:,\s+-?[\d.eE+-]+)*)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)


class _Highlighter(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._formats: dict[str, QTextCharFormat] = {}
        self.recolour()
        notifier().changed.connect(self.recolour)

    def recolour(self) -> None:
        t = tokens()
        for name, colour in (("key", t.accent_text), ("text", t.ok), ("number", t.warn), ("word", t.muted)):
            style = QTextCharFormat()
            style.setForeground(QColor(colour))
            self._formats[name] = style
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        if self.document().characterCount() > HIGHLIGHT_UP_TO or len(text) > 5000:
            return
        for match in _TOKEN.finditer(text):
            if match.lastgroup:
                self.setFormat(match.start(), match.end() - match.start(), self._formats[match.lastgroup])


class JsonView(QWidget):
    """Read-only JSON with a copy button."""

    def __init__(self, name: str, nothing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nothing = nothing
        self._text = ""
        self._wanted: tuple[Any, str] | None = None
        self.edit = QPlainTextEdit()
        self.edit.setReadOnly(True)
        self.edit.setProperty("kind", "json")
        self.edit.setFont(mono_font())
        self.edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.edit.setAccessibleName(name)
        self._highlighter = _Highlighter(self.edit.document())
        self.caption = label("", "muted")
        self.copy_button = tool_button("copy", self.tr("Copy"), self.copy, text=True)
        row = QHBoxLayout()
        row.setContentsMargins(SPACE + 4, SPACE // 2, SPACE, SPACE // 2)
        row.addWidget(self.caption, 1)
        row.addWidget(self.copy_button)
        self.bar = row
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.edit, 1)
        self.show_value(None)
        self._lay_out()

    def show_value(self, value: Any, caption: str = "") -> None:
        """Shows a value, or the sentence for nothing; it is laid out once it can be seen."""
        self._wanted = (value, caption)
        if self.isVisible():
            self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        if self._wanted is None:
            return
        (value, caption), self._wanted = self._wanted, None
        self._text = "" if value is None else to_text(value)
        self.copy_button.setEnabled(bool(self._text))
        cut = len(self._text) > LONGEST
        size = len(self._text.encode("utf-8", errors="replace"))
        self.caption.setText(
            caption or (self.tr("{size} kB").format(size=decimal(size / 1000, 1)) if self._text else "")
        )
        rest = self.tr("\n… (cut here for display; Copy gives all of it)") if cut else ""
        self.edit.setPlainText(self._text[:LONGEST] + rest if self._text else self._nothing)

    def copy(self) -> None:
        """Puts the whole text on the clipboard."""
        self._lay_out()
        QGuiApplication.clipboard().setText(self._text)
