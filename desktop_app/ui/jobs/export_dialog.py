"""Which form answers are written in, and whether the assets come along."""

from __future__ import annotations

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QDialog, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from desktop_app.jobs.export import ExportFormat
from desktop_app.ui.formats import tr
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button

LEAST_WIDTH = 420


class ExportDialog(QDialog):
    """Asks for the form; `form` and `assets` hold the answer."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export"))
        self._forms = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        column.setSpacing(SPACE)
        column.addWidget(label(what, "subtitle", wrap=True))
        for number, (form, text) in enumerate(_forms()):
            button = QRadioButton(text)
            button.setChecked(form is ExportFormat.COCO)
            self._forms.addButton(button, number)
            column.addWidget(button)
        self.with_assets = QCheckBox(self.tr("With the assets that are still in the cache (a zip)"))
        self.with_assets.setChecked(True)
        column.addSpacing(SPACE)
        column.addWidget(self.with_assets)
        self.yes = push_button(self.tr("Choose a file…"), self.accept, kind="primary")
        self.yes.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        buttons.addStretch(1)
        buttons.addWidget(push_button(self.tr("Cancel"), self.reject))
        buttons.addWidget(self.yes)
        column.addSpacing(SPACE)
        column.addLayout(buttons)
        self.yes.setFocus()
        # Its own minimum would keep the layout from asking for more where the words are longer.
        self.ensurePolished()
        self.setMinimumWidth(max(LEAST_WIDTH, self.sizeHint().width()))

    @property
    def form(self) -> ExportFormat:
        """The form that is chosen."""
        return _forms()[max(0, self._forms.checkedId())][0]

    @property
    def assets(self) -> bool:
        """Whether the assets come along."""
        return self.with_assets.isChecked()

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return ".zip" if self.assets or self.form is ExportFormat.YOLO else ".json"


def _forms() -> tuple[tuple[ExportFormat, str], ...]:
    return (
        (ExportFormat.ANGO, tr("Ango: for the hub's label import")),
        (ExportFormat.COCO, tr("COCO: boxes and outlines in one JSON")),
        (ExportFormat.YOLO, tr("YOLO: a text file for each picture, with data.yaml")),
    )
