"""The list of class names: typed, pasted in whatever form people have it, or read from a file."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit

from desktop_app.ui.editor.fields import Field
from desktop_app.ui.formats import tr
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
        self.button = tool_button("folder", tr("Read names from a file…"), self.browse.emit)
        self.button.setToolTip(tr("Read names from a .txt, data.yaml or config.json"))
        self.copy_button = tool_button("copy", tr("Copy class names for the hub"), self._copy)
        self.copy_button.setToolTip(tr("Copy class names, ready to paste into the hub's Class Names"))
        self.row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self.row.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignTop)
        self._offered: tuple[str, ...] = ()
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
        self._offered = names
        self.lines.setPlaceholderText("\n".join(names))
        self._offer_copy()

    def _changed(self) -> None:
        self._offer_copy()
        if not self._filling:
            self.touch()

    def _offer_copy(self) -> None:
        self.copy_button.setEnabled(bool(self.value or self._offered))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(names_for_hub(self.value or self._offered))


def names_for_hub(names: Iterable[str]) -> str:
    """Class names as the hub's *Class Names* field takes them: with commas between."""
    return ", ".join(names)


def is_structured(text: str) -> bool:
    """Whether a text is more than names: JSON, a Python literal or YAML."""
    return text.lstrip()[:1] in ("[", "{") or "names:" in text or "label_list:" in text


def split_names(text: str) -> tuple[str, ...]:
    """One name a line; or, on a single line, names with commas between."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and "," in lines[0]:
        lines = [part.strip() for part in lines[0].split(",") if part.strip()]
    return tuple(lines)
