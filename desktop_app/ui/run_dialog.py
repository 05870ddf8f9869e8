"""The hub's own dialog, as its users see it: which plugin, on which asset, classes to categories, Config JSON."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImageReader, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop_app.hub.demo.server import DemoHub
from desktop_app.ui.formats import plain, tr
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedCombo, FittedArea, label, name_choice, push_button

PICTURE = QSize(96, 72)
MAPPING = 190
"""Height of the class mapping from which on it scrolls."""
LABELS = 112
"""Width of the labels, so that both lists of fields have one left edge."""


class RunDialog(QDialog):
    """Chooses what `DemoHub.run_plugin` is asked.

    Args:
        names: the plugins' names by their id at the hub.
    """

    def __init__(self, hub: DemoHub, names: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Run a plugin"))
        self.setMinimumWidth(520)
        self._hub = hub
        self.plugin, self.asset = ElidedCombo(), ElidedCombo()
        name_choice(self.plugin, tr("Plugin"))
        name_choice(self.asset, tr("Asset"))
        for plugin_id in hub.plugins:
            state = tr("online") if hub.online(plugin_id) else tr("offline")
            name = plain(names.get(plugin_id, plugin_id), 60)
            self.plugin.addItem(tr("{name} ({state})").format(name=name, state=state), plugin_id)
        for asset in hub.assets:
            self.asset.addItem(plain(asset.external_id, 80), asset.id)
        self.picture = QLabel()
        self.picture.setFixedSize(PICTURE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setAccessibleName(tr("The chosen asset"))
        self.mapping = _form()
        self.classes: dict[str, QComboBox] = {}
        self.no_classes = label(tr("This plugin has no class names at the hub."), "muted", wrap=True)
        self.config = QPlainTextEdit()
        self.config.setAccessibleName(tr("Config JSON"))
        self.config.setPlaceholderText('{"confidence": 0.5}')
        self.config.setFont(mono_font())
        self.config.setTabChangesFocus(True)
        self.config.setFixedHeight(64)
        self.config_said = label("", "warn", wrap=True)
        self.workflow = QCheckBox(tr("As a workflow stage does (the answer goes over HTTP)"))
        self._lay_out()
        self.plugin.currentIndexChanged.connect(lambda _: self._show_classes())
        self.asset.currentIndexChanged.connect(lambda _: self._show_asset())
        self.config.textChanged.connect(self._check_config)
        self._show_classes()
        self._show_asset()
        self._check_config()

    def _lay_out(self) -> None:
        form = _form()
        form.addRow(_title(tr("Plugin"), self.plugin), self.plugin)
        form.addRow(_title(tr("Asset"), self.asset), self.asset)
        top = QHBoxLayout()
        top.setSpacing(2 * SPACE)
        top.addLayout(form, 1)
        top.addWidget(self.picture)
        inner = QWidget()
        inner.setLayout(self.mapping)
        self.run_button = push_button(tr("Run"), self.accept, kind="primary", icon="play")
        self.run_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        buttons.addStretch(1)
        buttons.addWidget(push_button(tr("Cancel"), self.reject))
        buttons.addWidget(self.run_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        column.setSpacing(SPACE)
        column.addWidget(label(tr("Run a plugin"), "subtitle"))
        column.addWidget(label(tr("As a person at the hub sees it when running a plugin."), "muted", wrap=True))
        column.addSpacing(SPACE // 2)
        column.addLayout(top)
        column.addSpacing(SPACE // 2)
        column.addWidget(label(tr("Class mapping")))
        column.addWidget(self.no_classes)
        # A model may have a thousand classes.
        self.mapping_area = FittedArea(inner, least=40)
        column.addWidget(self.mapping_area)
        column.addSpacing(SPACE // 2)
        column.addWidget(_title(tr("Config JSON"), self.config))
        column.addWidget(self.config)
        column.addWidget(self.config_said)
        column.addWidget(self.workflow)
        column.addSpacing(SPACE)
        column.addLayout(buttons)

    def choice(self) -> dict[str, Any]:
        """What was chosen, as `DemoHub.run_plugin` takes it."""
        mapping = {name: str(box.currentData()) for name, box in self.classes.items() if box.currentData()}
        return {
            "plugin_id": str(self.plugin.currentData()),
            "asset": str(self.asset.currentData()),
            "class_mapping": mapping or None,
            "config": self.config.toPlainText().strip() or None,
            "workflow": self.workflow.isChecked(),
        }

    def _show_classes(self) -> None:
        while self.mapping.rowCount():
            self.mapping.removeRow(0)
        self.classes = {}
        plugin = self._hub.plugins.get(str(self.plugin.currentData()))
        project = self._hub.project
        for name in plugin.class_names if plugin else ():
            box = ElidedCombo()
            name_choice(box, tr("Category for {name}").format(name=plain(name, 60)))
            box.addItem(tr("Not mapped"), "")
            for tool in project.category_schema["tools"]:
                box.addItem(plain(str(tool["title"]), 60), str(tool["schemaId"]))
            box.setCurrentIndex(max(0, box.findData(project.schema_id(name) or "")))
            self.mapping.addRow(_title(plain(name, 60), box), box)
            self.classes[name] = box
        self.no_classes.setVisible(not self.classes)
        self.mapping_area.setVisible(bool(self.classes))
        self.mapping_area.setMinimumHeight(min(self.mapping.sizeHint().height(), MAPPING))

    def _show_asset(self) -> None:
        chosen = next((asset for asset in self._hub.assets if asset.id == self.asset.currentData()), None)
        picture = QPixmap()
        if chosen is not None and chosen.is_picture:
            reader = QImageReader(str(chosen.path))
            reader.setAutoTransform(True)
            ratio = self.devicePixelRatioF()
            reader.setScaledSize(reader.size().scaled(PICTURE * ratio, Qt.AspectRatioMode.KeepAspectRatio))
            picture = QPixmap.fromImageReader(reader)
            picture.setDevicePixelRatio(ratio)
        self.picture.setPixmap(picture)

    def _check_config(self) -> None:
        text, said = self.config.toPlainText().strip(), ""
        if text:
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                said = tr("This is no JSON. The hub sends it all the same.")
        self.config_said.setText(said)
        self.config_said.setVisible(bool(said))


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setHorizontalSpacing(2 * SPACE)
    form.setVerticalSpacing(SPACE)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _title(text: str, control: QWidget) -> QLabel:
    title = label(text)
    title.setMinimumWidth(LABELS)
    title.setBuddy(control)
    return title
