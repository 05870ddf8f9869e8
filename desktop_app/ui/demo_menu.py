"""What only the demo has: running a plugin as the hub's users do, and a hub that misbehaves when asked to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QMenu, QToolButton, QWidget

from desktop_app.core.errors import UsageError
from desktop_app.hub.demo.faults import malformed_jobs
from desktop_app.hub.demo.server import DemoHub
from desktop_app.ui.dialogs import finished
from desktop_app.ui.formats import tr
from desktop_app.ui.icons import set_icon
from desktop_app.ui.menus import open_with
from desktop_app.ui.run_dialog import RunDialog

DELAY_S = 3.0
HANDSHAKE_S = 8.0
MANY = 20

AddFailing = Callable[[str], Coroutine[Any, Any, None]]
"""Adds a plugin that fails: "load" or "crash"."""

Start = Callable[[Coroutine[Any, Any, Any], str], None]


class DemoButton(QToolButton):
    """The demo's menu in the toolbar.

    Args:
        start: runs a coroutine and shows its errors.
        names: gives the plugins' names by their id at the hub.
        add_failing: adds a plugin that fails; None: such are not offered.
        leave: ends the demo; None: it ends with the app.
    """

    def __init__(
        self,
        hub: DemoHub,
        start: Start,
        names: Callable[[], dict[str, str]],
        add_failing: AddFailing | None = None,
        leave: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._hub = hub
        self._start = start
        self._names = names
        set_icon(self, "demo")
        self.setIconSize(QSize(18, 18))
        self.setText(tr("Demo"))
        self.setAccessibleName(tr("Demo"))
        self.setToolTip(tr("Run a plugin as the hub's users do, or let the hub fail"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.entries = menu = QMenu(self)
        self.run_action = menu.addAction(tr("Run a plugin…"))
        self.run_action.triggered.connect(lambda: start(self._run(), "run a plugin"))
        self.many = menu.addAction(tr("Send {count} jobs at once").format(count=MANY))
        self.many.triggered.connect(lambda: start(self._send_many(), "send many jobs"))
        menu.addSeparator()
        # A section's title is not drawn by every style.
        menu.addAction(tr("See how failures look:")).setEnabled(False)
        self.refuse = self._switch(menu, tr("Refuse logins"))
        self.waiting = self._switch(menu, tr("Let connections wait for {n} s").format(n=round(HANDSHAKE_S)))
        self.slow = self._switch(menu, tr("Answer {n} s late").format(n=round(DELAY_S)))
        self.bad_gateway = self._switch(menu, tr("Answer every call with 502"))
        self.away = menu.addAction(tr("Be away"))
        self.away.setCheckable(True)
        self.away.toggled.connect(lambda gone: start(hub.pause() if gone else hub.resume(), "pause the demo hub"))
        menu.addSeparator()
        self.drop = menu.addAction(tr("Drop all connections"))
        self.drop.triggered.connect(lambda: hub.cut())
        self.broken = menu.addAction(tr("Send broken jobs"))
        self.broken.triggered.connect(lambda: start(self._send_broken(), "send broken jobs"))
        if add_failing is not None:
            for how, text in (
                ("load", tr("Add a plugin whose model cannot be loaded")),
                ("crash", tr("Add a plugin that crashes")),
            ):
                entry = menu.addAction(text)
                entry.setData(how)
                entry.triggered.connect(lambda _=False, how=how: start(add_failing(how), "add a failing plugin"))
        menu.addSeparator()
        self.normal = menu.addAction(tr("Everything as it should be"))
        self.normal.triggered.connect(self._all_off)
        if leave is not None:
            menu.addSeparator()
            self.leave = menu.addAction(tr("Leave the demo"))
            self.leave.triggered.connect(lambda: leave())
        open_with(self, menu)

    def _switch(self, menu: QMenu, text: str) -> QAction:
        entry = menu.addAction(text)
        entry.setCheckable(True)
        entry.toggled.connect(lambda _: self._apply())
        return entry

    def _apply(self) -> None:
        faults = self._hub.faults
        waited = faults.handshake_delay > 0
        refused = any(faults.refusal(plugin_id) for plugin_id in self._hub.plugins)
        faults.clear()
        faults.handshake_delay = HANDSHAKE_S if self.waiting.isChecked() else 0.0
        if self.refuse.isChecked():
            for plugin_id in self._hub.plugins:
                faults.refuse_login(plugin_id)
        if (self.refuse.isChecked() and not refused) or (self.waiting.isChecked() and not waited):
            # Those that are in stay in; only a new login shows it.
            self._hub.cut()
        faults.http_delay = DELAY_S if self.slow.isChecked() else 0.0
        if self.bad_gateway.isChecked():
            faults.fail_http("/")

    def _all_off(self) -> None:
        for entry in (self.refuse, self.waiting, self.slow, self.bad_gateway, self.away):
            entry.setChecked(False)

    async def _run(self) -> None:
        dialog = RunDialog(self._hub, self._names(), self.window())
        if await finished(dialog) == QDialog.DialogCode.Accepted:
            choice = dialog.choice()
            await self._hub.run_plugin(choice.pop("plugin_id"), **choice)

    def _online(self) -> str:
        for plugin_id in self._hub.plugins:
            if self._hub.online(plugin_id):
                return plugin_id
        raise UsageError(tr("No plugin is online at the demo hub"), remedy=tr("Start one, then try again."))

    async def _send_many(self) -> None:
        plugin_id = self._online()
        pictures = self._hub.project.pictures
        for number in range(MANY):
            await self._hub.run_plugin(plugin_id, asset=pictures[number % len(pictures)].id)

    async def _send_broken(self) -> None:
        plugin_id = self._online()
        for _, payload in malformed_jobs(f"broken-{len(self._hub.sessions)}"):
            await self._hub.send_raw(plugin_id, payload)
