"""What the panels of the three model sources share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.ui.editor.fields import Field, Grid
from desktop_app.ui.editor.findings import Findings
from desktop_app.ui.tokens import SPACE


class SourcePanel(QWidget):
    """What the panels share.

    Signals:
        edited: a value changed.
        file_chosen: a path to look at.
        browse: the person wants to pick a file with these name patterns; the panel's field takes it.
    """

    edited = Signal()
    file_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(SPACE + 4)
        self.findings = Findings()
        self.fields: dict[str, Field] = {}

    def lay_out(self, *below: QWidget) -> None:
        """Puts the fields in a grid, then what was found out, then whatever else belongs to this source."""
        grid = Grid()
        grid.add(*self.fields.values())
        for part in (grid, self.findings, *below):
            self.column.addWidget(part)
        self.column.addStretch(1)

    def values(self) -> dict[str, Any]:
        """The model source as a dict for validation."""
        raise NotImplementedError

    def problems(self) -> dict[str, str]:
        """What is wrong that validation does not see, by field."""
        return {}

    def all_fields(self) -> dict[str, Field]:
        """Every field by the name that problems are told under."""
        return self.fields

    def _add(self, key: str, field: Field) -> None:
        self.fields[key] = field
        field.edited.connect(self.edited)


def file_problem(text: str, ending: str, missing: str, absent: str, wrong: str) -> str:
    """What is wrong with a path, or ""."""
    if not text:
        return missing
    path = Path(text).expanduser()
    try:
        if not path.is_file():
            return absent
    except OSError:
        return absent
    return "" if path.suffix.casefold() == ending else wrong
