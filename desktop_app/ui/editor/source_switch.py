"""Which kind of model source a plugin has: a row of buttons of which one is pressed."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from desktop_app.ui.formats import tr
from desktop_app.ui.icons import set_icon
from desktop_app.ui.tokens import CONTROL_HEIGHT, SPACE


class SourceSwitch(QWidget):
    """The kinds of ModelSource.

    Signals:
        chosen: the person pressed another kind.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("What answers jobs"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        for kind, icon, text in (
            ("onnx", "model", tr("ONNX model")),
            ("callback", "script", tr("Python script")),
            ("remote", "remote", tr("Model server")),
        ):
            button = QToolButton()
            set_icon(button, icon)
            button.setIconSize(QSize(18, 18))
            button.setText(text)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setCheckable(True)
            button.setProperty("kind", "segment")
            button.setAccessibleName(text)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setMinimumHeight(CONTROL_HEIGHT + 2)
            button.clicked.connect(lambda _=False, kind=kind: self.chosen.emit(kind))
            self._group.addButton(button)
            self.buttons[kind] = button
            row.addWidget(button)
        row.addStretch(1)

    @property
    def kind(self) -> str:
        """The kind that is pressed."""
        return next((kind for kind, button in self.buttons.items() if button.isChecked()), "onnx")

    @kind.setter
    def kind(self, kind: str) -> None:
        self.buttons[kind].setChecked(True)
