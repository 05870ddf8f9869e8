"""How a script is started: its arguments, its folder, its environment variables. Folded away until they matter."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.core.profile import CallbackSource
from desktop_app.ui.editor.fields import Field, FileField, Grid, LinesField, TextField
from desktop_app.ui.formats import tr
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import push_button

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class StartOptions(QWidget):
    """What the script finds when it starts.

    Signals:
        edited: a value changed.
        browse: the person wants to pick the folder.
    """

    edited = Signal()
    browse = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.arguments = TextField(tr("Arguments"), tr("As behind the script's name on a command line."), "--size 640")
        self.folder = FileField(tr("Working directory"), placeholder=tr("The script's own folder"))
        self.folder.button.setAccessibleName(tr("Choose a folder…"))
        self.folder.button.setToolTip(tr("Choose a folder…"))
        self.variables = LinesField(
            tr("Variables"),
            tr("One a line, NAME=value. They are kept as they are written: no secrets here."),
            "MODEL_DIR=/data/models",
        )
        for edit in (self.arguments.edit, self.variables.lines):
            edit.setFont(mono_font())
        self.fields: dict[str, Field] = {
            "arguments": self.arguments,
            "working_directory": self.folder,
            "environment": self.variables,
        }
        for field in self.fields.values():
            field.edited.connect(self.edited)
        self.folder.browse.connect(self.browse)
        self.fold = push_button("", lambda: self._unfold(self.rows.isHidden()))
        self.rows = Grid()
        self.rows.add(*self.fields.values())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE + 4)
        column.addWidget(self.fold)
        column.setAlignment(self.fold, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.rows)
        self._unfold(False)

    def values(self) -> dict[str, Any]:
        """The part of a CallbackSource that this is about."""
        folder = self.folder.value
        return {
            "arguments": split_arguments(self.arguments.value) or (),
            "working_directory": str(Path(folder).expanduser()) if folder else None,
            "environment": read_variables(self.variables.value)[0],
        }

    def problems(self) -> dict[str, str]:
        """What cannot be read, by field."""
        found = {}
        if split_arguments(self.arguments.value) is None:
            found["arguments"] = tr("A quotation mark has no partner.")
        folder = self.folder.value
        if folder and not Path(folder).expanduser().is_dir():
            found["working_directory"] = tr("There is no folder here.")
        wrong = read_variables(self.variables.value)[1]
        if wrong:
            found["environment"] = tr("Line {number} is not NAME=value.").format(number=wrong)
        return found

    def fill(self, source: CallbackSource | None) -> None:
        """Shows what a source has; unfolded where it has anything."""
        self.arguments.value = join_arguments(source.arguments) if source else ""
        self.folder.value = str(source.working_directory) if source and source.working_directory else ""
        lines = [f"{name}={value}" for name, value in source.environment.items()] if source else []
        self.variables.value = "\n".join(lines)
        self._unfold(bool(self.arguments.value or self.folder.value or lines))

    def _unfold(self, shown: bool) -> None:
        self.rows.setVisible(shown)
        words = tr("Hide how it is started") if shown else tr("Arguments, folder and variables")
        self.fold.setText(words)
        self.fold.setAccessibleName(words)


def split_arguments(text: str) -> tuple[str, ...] | None:
    """Arguments as a shell would split them, without its expansions; None where a quotation mark is left open."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if os.name == "nt":
        lexer.escape = ""  # there a backslash is a part of a path
    try:
        return tuple(lexer)
    except ValueError:
        return None


def join_arguments(arguments: tuple[str, ...]) -> str:
    """The text that `split_arguments` reads as these."""
    return shlex.join(arguments)


def read_variables(text: str) -> tuple[dict[str, str], int]:
    """Variables by name, and the number of the first line that is none, or 0."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            return found, number
        found[name.strip()] = value.strip()
    return found, 0
