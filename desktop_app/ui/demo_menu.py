"""What only the demo has: running a plugin as the hub's users do, and a hub that misbehaves when asked to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.hub.demo.faults import malformed_jobs
from desktop_app.hub.demo.server import DemoHub
from desktop_app.ui.dialogs import finished
from desktop_app.ui.formats import plain
from desktop_app.ui.icons import set_icon
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button

DELAY_S = 3.0

Start = Callable[[Coroutine[Any, Any, Any], str], None]


class RunDialog(QDialog):
    """The hub's own dialog: which plugin, on which asset, classes to categories, Config JSON."""

    def __init__(self, hub: DemoHub, names: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Run a plugin"))
        self.setMinimumWidth(480)
        self._hub = hub
        self.plugin = QComboBox()
        self.plugin.setAccessibleName(self.tr("Plugin"))
        for plugin_id in hub.plugins:
            state = self.tr("online") if hub.online(plugin_id) else self.tr("offline")
            self.plugin.addItem(f"{plain(names.get(plugin_id, plugin_id), 60)} ({state})", plugin_id)
        self.asset = QComboBox()
        self.asset.setAccessibleName(self.tr("Asset"))
        for asset in hub.assets:
            self.asset.addItem(plain(asset.external_id, 80), asset.id)
        self.mapping = QFormLayout()
        self.mapping.setHorizontalSpacing(2 * SPACE)
        self.classes: dict[str, QComboBox] = {}
        self.no_classes = label(self.tr("This plugin has no class names."), "muted")
        self.config = QPlainTextEdit()
        self.config.setAccessibleName(self.tr("Config JSON"))
        self.config.setPlaceholderText('{"confidence": 0.5}')
        self.config.setFont(mono_font())
        self.config.setTabChangesFocus(True)
        self.config.setFixedHeight(84)
        self.workflow = QCheckBox(self.tr("As a workflow stage does (the answer goes over HTTP)"))
        form = QFormLayout()
        form.setHorizontalSpacing(2 * SPACE)
        form.setVerticalSpacing(SPACE)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(self.tr("Plugin"), self.plugin)
        form.addRow(self.tr("Asset"), self.asset)
        self.run_button = push_button(self.tr("Run"), self.accept, kind="primary", icon="play")
        self.run_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        buttons.addStretch(1)
        buttons.addWidget(push_button(self.tr("Cancel"), self.reject))
        buttons.addWidget(self.run_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        column.setSpacing(SPACE)
        column.addWidget(label(self.tr("Run a plugin"), "subtitle"))
        column.addWidget(label(self.tr("As a person at the hub sees it when running a plugin."), "muted", wrap=True))
        column.addLayout(form)
        column.addWidget(label(self.tr("Class mapping")))
        column.addWidget(self.no_classes)
        column.addLayout(self.mapping)
        column.addWidget(label(self.tr("Config JSON")))
        column.addWidget(self.config)
        column.addWidget(self.workflow)
        column.addLayout(buttons)
        self.plugin.currentIndexChanged.connect(lambda _: self._show_classes())
        self._show_classes()

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
            box = QComboBox()
            box.setAccessibleName(self.tr("Category for {name}").format(name=name))
            box.addItem(self.tr("Not mapped"), "")
            for tool in project.category_schema["tools"]:
                box.addItem(plain(str(tool["title"]), 60), str(tool["schemaId"]))
            box.setCurrentIndex(max(0, box.findData(project.schema_id(name) or "")))
            self.mapping.addRow(plain(name, 60), box)
            self.classes[name] = box
        self.no_classes.setVisible(not self.classes)


class DemoButton(QToolButton):
    """The demo's menu in the toolbar.

    Args:
        start: runs a coroutine and shows its errors.
        names: gives the plugins' names by their id at the hub.
    """

    def __init__(
        self, hub: DemoHub, start: Start, names: Callable[[], dict[str, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._hub = hub
        self._start = start
        self._names = names
        set_icon(self, "demo")
        self.setIconSize(QSize(18, 18))
        self.setText(self.tr("Demo"))
        self.setAccessibleName(self.tr("Demo"))
        self.setToolTip(self.tr("Run a plugin as the hub's users do, or let the hub fail"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self.run_action = menu.addAction(self.tr("Run a plugin…"))
        self.run_action.triggered.connect(lambda: start(self._run(), "run a plugin"))
        menu.addSeparator()
        # A section's title is not drawn by every style.
        menu.addAction(self.tr("See how failures look:")).setEnabled(False)
        self.refuse = self._switch(menu, self.tr("Refuse logins"))
        self.slow = self._switch(menu, self.tr("Answer {n:g} s late").format(n=DELAY_S))
        self.bad_gateway = self._switch(menu, self.tr("Answer every call with 502"))
        self.away = menu.addAction(self.tr("Be away"))
        self.away.setCheckable(True)
        self.away.toggled.connect(lambda gone: start(hub.pause() if gone else hub.resume(), "pause the demo hub"))
        menu.addSeparator()
        self.drop = menu.addAction(self.tr("Drop all connections"))
        self.drop.triggered.connect(lambda: hub.cut())
        self.broken = menu.addAction(self.tr("Send broken jobs"))
        self.broken.triggered.connect(lambda: start(self._send_broken(), "send broken jobs"))
        menu.addSeparator()
        self.normal = menu.addAction(self.tr("Everything as it should be"))
        self.normal.triggered.connect(self._all_off)
        self.setMenu(menu)

    def _switch(self, menu: QMenu, text: str) -> QAction:
        entry = menu.addAction(text)
        entry.setCheckable(True)
        entry.toggled.connect(lambda _: self._apply())
        return entry

    def _apply(self) -> None:
        faults = self._hub.faults
        refused = any(faults.refusal(plugin_id) for plugin_id in self._hub.plugins)
        faults.clear()
        if self.refuse.isChecked():
            for plugin_id in self._hub.plugins:
                faults.refuse_login(plugin_id)
            if not refused:
                # Those that are in stay in; only a new login can be refused.
                self._hub.cut()
        faults.http_delay = DELAY_S if self.slow.isChecked() else 0.0
        if self.bad_gateway.isChecked():
            faults.fail_http("/")

    def _all_off(self) -> None:
        for entry in (self.refuse, self.slow, self.bad_gateway, self.away):
            entry.setChecked(False)

    async def _run(self) -> None:
        dialog = RunDialog(self._hub, self._names(), self.window())
        if await finished(dialog) == QDialog.DialogCode.Accepted:
            choice = dialog.choice()
            await self._hub.run_plugin(choice.pop("plugin_id"), **choice)

    async def _send_broken(self) -> None:
        plugin_id = next((one for one in self._hub.plugins if self._hub.online(one)), next(iter(self._hub.plugins)))
        for _, payload in malformed_jobs(f"broken-{len(self._hub.sessions)}"):
            await self._hub.send_raw(plugin_id, payload)
