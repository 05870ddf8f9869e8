"""The list of class names: typed, pasted in whatever form people have it, or read from a file."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtWidgets import QPlainTextEdit

from desktop_app.ui.editor.fields import Field
from desktop_app.ui.widgets import tool_button

CLASS_FILES = (".txt", ".names", ".yaml", ".yml", ".json")
HEIGHT = 92


class _Lines(QPlainTextEdit):
    """Plain text, one name a line; what is pasted as JSON or YAML goes to who can read it."""

    structured = Signal(str)

    def insertFromMimeData(self, source: QMimeData) -> None:
        text = source.text()
        if is_structured(text):
            self.structured.emit(text)
        else:
            self.insertPlainText("\n".join(split_names(text)) if "\n" not in text.strip() else text)


class ClassField(Field):
    """Class names in the model's order.

    Signals:
        browse: the person wants to pick a file.
        structured: pasted text that has to be read by the worker.
    """

    browse = Signal()
    structured = Signal(str)

    def __init__(self, title: str, hint: str) -> None:
        self.lines = _Lines()
        self.lines.setTabChangesFocus(True)
        self.lines.setFixedHeight(HEIGHT)
        super().__init__(title, self.lines, hint)
        self.button = tool_button("folder", self.tr("Read names from a file…"), self.browse.emit)
        self.button.setToolTip(self.tr("Read names from a .txt, data.yaml or config.json"))
        self.row.addWidget(self.button)
        self._hint_text = hint
        self._filling = False
        self.lines.textChanged.connect(self._changed)
        self.lines.structured.connect(self.structured)

    @property
    def value(self) -> tuple[str, ...]:
        """The names; empty where the file's own are to serve."""
        return split_names(self.lines.toPlainText())

    @value.setter
    def value(self, names: tuple[str, ...]) -> None:
        self._filling = True
        self.lines.setPlainText("\n".join(names))
        self._filling = False

    def take(self, names: tuple[str, ...]) -> None:
        """Names that were read from a file or a pasted text, as if the person had typed them."""
        self.lines.setPlainText("\n".join(names))

    def offer(self, names: tuple[str, ...]) -> None:
        """Shows, greyed, what serves while the field is empty."""
        self.lines.setPlaceholderText("\n".join(names))

    def _changed(self) -> None:
        if not self._filling:
            self.touch()


def is_structured(text: str) -> bool:
    """Whether a text is more than names: JSON, a Python literal or YAML."""
    return text.lstrip()[:1] in ("[", "{") or "names:" in text or "label_list:" in text


def split_names(text: str) -> tuple[str, ...]:
    """One name a line; or, on a single line, names with commas between."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and "," in lines[0]:
        lines = [part.strip() for part in lines[0].split(",") if part.strip()]
    return tuple(lines)
