"""The left of the window: every plugin, alive or not, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QStackedWidget, QWidget

from desktop_app.core.events import ProfileState
from desktop_app.core.profile import Profile
from desktop_app.ui.formats import tr
from desktop_app.ui.icons import icon
from desktop_app.ui.menus import open_with, show_once
from desktop_app.ui.models.steady_list import SteadyList
from desktop_app.ui.plugins.delegate import PluginDelegate
from desktop_app.ui.plugins.model import ROW_ROLE, PluginModel, PluginRow
from desktop_app.ui.shortcuts import Place, note_keys
from desktop_app.ui.states import STANDING
from desktop_app.ui.theme import notifier
from desktop_app.ui.widgets import EmptyState, Panel, follow_selection, push_button, tool_button

COMMANDS = ("start", "stop", "restart", "test", "edit", "duplicate", "classes", "export", "remove")


class _List(SteadyList):
    """A list that takes Enter, Delete, Escape and the menu key, and a click beside its rows."""

    command = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = {Qt.Key.Key_Return: "edit", Qt.Key.Key_Enter: "edit", Qt.Key.Key_F2: "edit", Qt.Key.Key_Delete: "remove"}
        wanted = keys.get(Qt.Key(event.key()))
        if wanted and self.currentIndex().isValid():
            self.command.emit(wanted)
        elif event.key() == Qt.Key.Key_Escape and self.selectionModel().hasSelection():
            self.selectionModel().clear()
        elif event.key() == Qt.Key.Key_Menu and self.currentIndex().isValid():
            self.customContextMenuRequested.emit(self.visualRect(self.currentIndex()).center())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self.indexAt(event.position().toPoint()).isValid():
            self.selectionModel().clear()
        super().mousePressEvent(event)

    def rowsAboutToBeRemoved(self, parent: QModelIndex | QPersistentModelIndex, start: int, end: int) -> None:
        # Qt would select a neighbour, which nobody chose; also of a row that has the focus alone.
        if any(start <= index.row() <= end for index in self.selectedIndexes()):
            self.selectionModel().clear()
        elif start <= self.currentIndex().row() <= end:
            self.selectionModel().clearCurrentIndex()
        super().rowsAboutToBeRemoved(parent, start, end)


class PluginPanel(Panel):
    """The list of plugins.

    Signals:
        command: (one of COMMANDS, profile id).
        add: the person wants another plugin and fills in the form by hand.
        wanted: the same from a "model" or a "script" to pick, or from a "template".
        bring_in: the person wants to import an exported plugin.
        chosen: a profile's id, or "" when none is selected any more: all are meant.
    """

    command = Signal(str, str)
    add = Signal()
    wanted = Signal(str)
    bring_in = Signal()
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Plugins"), parent)
        self.model = PluginModel(self)
        self._chosen = ""
        self.view = _List()
        self.view.setModel(self.model)
        self.view.setItemDelegate(PluginDelegate(self.view))
        self.view.setAccessibleName(tr("Plugins"))
        note_keys(self.view, Place.PLUGINS, tr("Edit"), "Return", "F2")
        note_keys(self.view, Place.PLUGINS, tr("Remove"), "Del")
        note_keys(self.view, Place.PLUGINS, tr("Show all plugins"), "Esc")
        note_keys(self.view, Place.PLUGINS, tr("What else can be done"), "Menu")
        self.view.setMouseTracking(True)
        self.view.setUniformItemSizes(True)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.view.doubleClicked.connect(lambda index: self._send("edit", index.data(ROW_ROLE)))
        self.view.command.connect(lambda name: self._send(name, self.view.currentIndex().data(ROW_ROLE)))
        # Not the current one: the focus alone makes the first row that, and chooses nothing.
        self.view.selectionModel().selectionChanged.connect(self._choose)
        follow_selection(self.view)
        self.empty = EmptyState(
            "model", tr("No plugins yet"), tr("Drop a model or a script on the window, or add one here.")
        )
        self.empty.add_button(push_button(tr("Add a plugin"), self.add.emit, kind="primary", icon="plus"))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.view)
        self.column.addWidget(self.stack, 1)
        self.add_button = tool_button("plus", tr("Add a plugin"))
        self.add_menu = self._add_menu()
        open_with(self.add_button, self.add_menu)
        self.all_button = tool_button("cross", tr("Show all plugins"), self.select_none, text=True, shortcut="Esc")
        self.all_button.setText(tr("All"))
        self.all_button.hide()
        self.header.add(self.all_button, self.add_button)
        # The density may have changed with the look, and with it the height of the rows.
        notifier().changed.connect(self.view.scheduleDelayedItemsLayout)
        self.model.rowsInserted.connect(self._show_stack)
        self.model.rowsRemoved.connect(self._show_stack)
        # Countdowns to the next attempt need a tick of their own.
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self.model.tick)
        self._clock.start()

    def selected(self) -> Profile | None:
        """The profile that is selected, or None."""
        row = self.view.currentIndex().data(ROW_ROLE)
        return row.profile if isinstance(row, PluginRow) else None

    def select(self, profile_id: str) -> None:
        """Selects a profile."""
        place = self.model.row_of(profile_id)
        if place >= 0:
            self.view.selectionModel().setCurrentIndex(
                self.model.index(place), QItemSelectionModel.SelectionFlag.ClearAndSelect
            )

    def select_none(self) -> None:
        """Selects no plugin: all are meant."""
        self.view.selectionModel().clear()

    def menu_for(self, row: PluginRow) -> QMenu:
        """What can be done with a profile now."""
        menu = QMenu(self)
        stopped = row.status.state is ProfileState.STOPPED
        failed = row.status.state in STANDING
        entries: tuple[tuple[str, str, str, bool] | None, ...] = (
            ("start", "play", tr("Start"), stopped or failed),
            ("stop", "stop", tr("Stop"), not stopped),
            ("restart", "restart", tr("Restart worker"), not stopped),
            None,
            ("test", "test", tr("Test with a file…"), True),
            ("classes", "copy", tr("Copy class names"), True),
            None,
            ("edit", "edit", tr("Edit…"), True),
            ("duplicate", "duplicate", tr("Duplicate…"), True),
            ("export", "export", tr("Export…"), True),
            None,
            ("remove", "remove", tr("Remove…"), True),
        )
        for entry in entries:
            if entry is None:
                menu.addSeparator()
                continue
            name, picture, text, enabled = entry
            action = menu.addAction(icon(picture), text)
            action.setEnabled(enabled)
            action.setData(name)
            action.triggered.connect(lambda _=False, name=name: self._send(name, row))
        return menu

    def _add_menu(self) -> QMenu:
        menu = QMenu(self)
        for picture, text, slot in (
            ("model", tr("A model (.onnx)…"), lambda: self.wanted.emit("model")),
            ("script", tr("A plugin script (.py)…"), lambda: self.wanted.emit("script")),
            ("plus", tr("New script from a template…"), lambda: self.wanted.emit("template")),
        ):
            menu.addAction(icon(picture), text).triggered.connect(slot)
        menu.addSeparator()
        menu.addAction(icon("edit"), tr("Fill in the form\tCtrl+N")).triggered.connect(self.add.emit)
        menu.addAction(icon("import"), tr("Import an exported plugin…")).triggered.connect(self.bring_in.emit)
        return menu

    def _open_menu(self, at: QPoint) -> None:
        row = self.view.indexAt(at).data(ROW_ROLE)
        if isinstance(row, PluginRow):
            show_once(self.menu_for(row), self.view.viewport().mapToGlobal(at))

    def _send(self, name: str, row: object) -> None:
        if isinstance(row, PluginRow):
            self.command.emit(name, row.profile.id)

    def _choose(self) -> None:
        rows = [index.data(ROW_ROLE) for index in self.view.selectedIndexes()]
        chosen = next((row.profile.id for row in rows if isinstance(row, PluginRow)), "")
        self.all_button.setVisible(bool(chosen))
        if chosen != self._chosen:
            self._chosen = chosen
            self.chosen.emit(chosen)

    def _show_stack(self) -> None:
        self.stack.setCurrentWidget(self.view if self.model.rows else self.empty)
