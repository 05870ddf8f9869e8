"""A new script from a template: which one, and where it is to lie."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QDialog, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from desktop_app.runner.templates import STYLES, write_template
from desktop_app.ui.dialogs import choose_target, finished
from desktop_app.ui.formats import tr
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button


class TemplateDialog(QDialog):
    """The templates with what each is for; one is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New script from a template"))
        self.setMinimumWidth(520)
        self.choices: dict[str, QRadioButton] = {}
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        column.setSpacing(SPACE // 2)
        column.addWidget(label(tr("New script from a template"), "subtitle"))
        text = label(tr("Each is a whole plugin. Put your model where predict() says so."), "muted", wrap=True)
        column.addWidget(text)
        column.addSpacing(SPACE)
        for style in STYLES:
            name, about = _words(style)
            choice = QRadioButton(name)
            choice.setAccessibleName(name)
            choice.setAccessibleDescription(about)
            said = label(about, "muted", wrap=True)
            said.setIndent(22)
            self._group.addButton(choice)
            self.choices[style] = choice
            pair = QVBoxLayout()
            pair.setSpacing(0)
            pair.addWidget(choice)
            pair.addWidget(said)
            column.addLayout(pair)
            column.addSpacing(SPACE)
        self.choices["current"].setChecked(True)
        self.save_button = push_button(tr("Choose where to save…"), self.accept, kind="primary", icon="save")
        self.save_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        buttons.addStretch(1)
        buttons.addWidget(push_button(tr("Cancel"), self.reject))
        buttons.addWidget(self.save_button)
        column.addStretch(1)
        column.addLayout(buttons)
        self.choices["current"].setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def style_name(self) -> str:
        """The template that is chosen."""
        return next((style for style, choice in self.choices.items() if choice.isChecked()), STYLES[0])


async def new_script(parent: QWidget) -> Path | None:
    """Lets the person choose a template and a place, and writes it there; None when they change their mind.

    Raises:
        UsageError: there is a file of that name already.
        ProfileError: it cannot be written there.
    """
    dialog = TemplateDialog(parent)
    if await finished(dialog) != QDialog.DialogCode.Accepted:
        return None
    style = dialog.style_name
    target = await choose_target(parent, tr("Save the script as"), "plugin.py", tr("Python scripts (*.py)"))
    if target is None:
        return None
    if not target.suffix:
        target = target.with_name(target.name + ".py")
    await asyncio.to_thread(write_template, style, target)
    return target


def _words(style: str) -> tuple[str, str]:
    return {
        "documented": (tr("Documented callback"), tr("As in the hub's documentation: run_model(**data), a dict back.")),
        "current": (
            tr("Current callback"),
            tr("As in the newest client: annotate(data), an AnnotationPayload back."),
        ),
        "ultralytics": (tr("Ultralytics"), tr("Your own YOLO weights (.pt). Needs the package ultralytics.")),
        "torchvision": (
            tr("Torchvision"),
            tr("A detector of torchvision. Needs torch and torchvision."),
        ),
        "transformers": (
            tr("Transformers"),
            tr("An object detector of the Hugging Face hub. Needs torch and transformers."),
        ),
    }.get(style, (style, ""))
