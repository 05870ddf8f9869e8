"""The settings: one page made from their own titles and descriptions, searched as one types, kept at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.store.settings import Settings
from desktop_app.ui.editor.fields import ChoiceField, Field, NumberField, SwitchField, TextField
from desktop_app.ui.hosting import SettingsKeeper
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import EmptyState, label, tool_button

Start = Callable[[Coroutine[Any, Any, Any], str], object]
MOST = 2_000_000_000

WORKING = ("theme", "cache_limit_mb")
"""Settings that change something today; one that does nothing has no place on the page."""


class SettingsPage(QWidget):
    """Every setting that has a title and an effect.

    Signals:
        closed: the person is done.
    """

    closed = Signal()

    def __init__(self, keeper: SettingsKeeper, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._start = start
        self.fields: dict[str, Field] = {}
        self._rows: dict[str, tuple[str, QWidget]] = {}
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search settings"))
        self.search.setAccessibleName(self.tr("Search settings"))
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(260)
        self.search.textChanged.connect(self._filter)
        top = QFrame()
        top.setObjectName("toolbar")
        row = QHBoxLayout(top)
        row.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        row.addWidget(tool_button("back", self.tr("Back"), self.closed.emit, shortcut="Esc"))
        row.addWidget(label(self.tr("Settings"), "title"), 1)
        row.addWidget(self.search)
        self.nothing = EmptyState("search", self.tr("No setting fits"))
        self.nothing.hide()
        self._card = QFrame()
        self._card.setObjectName("card")
        self._card.setMaximumWidth(760)
        self._column = QVBoxLayout(self._card)
        self._column.setContentsMargins(3 * SPACE, 2 * SPACE, 3 * SPACE, 2 * SPACE)
        self._column.setSpacing(2 * SPACE)
        for name, info in Settings.model_fields.items():
            if info.title and name in WORKING:
                self._add(name, info.title, info.description or "", info.annotation)
        page = QWidget()
        page.setObjectName("page")
        middle = QVBoxLayout()
        middle.addWidget(self._card)
        middle.addWidget(self.nothing)
        middle.addStretch(1)
        outer = QHBoxLayout(page)
        outer.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        outer.addStretch(1)
        outer.addLayout(middle, 20)
        outer.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(area, 1)

    def refresh(self) -> None:
        """Shows the settings in force."""
        for name, field in self.fields.items():
            _put(field, getattr(self._keeper.current, name))
            field.show_error("")

    def _add(self, name: str, title: str, description: str, annotation: Any) -> None:
        field = self._field_for(title, description, annotation)
        field.edited.connect(lambda: self._start(self._keep(name), "change a setting"))
        if isinstance(field, TextField):
            # A text counts once it is whole, not with every key.
            field.edited.disconnect()
            field.edit.editingFinished.connect(lambda: self._start(self._keep(name), "change a setting"))
        self.fields[name] = field
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * SPACE)
        field.title.setFixedWidth(220)
        field.title.setWordWrap(True)
        row.addWidget(field.title, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(field, 1)
        self._rows[name] = (f"{title} {description} {name}".casefold(), box)
        self._column.addWidget(box)

    def _field_for(self, title: str, description: str, annotation: Any) -> Field:
        title, description = self.tr(title), self.tr(description)
        kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
        kind = next(part for part in kinds if part is not type(None))
        optional = type(None) in kinds
        if get_origin(kind) is Literal:
            return ChoiceField(
                title, tuple((str(value).capitalize(), str(value)) for value in get_args(kind)), description
            )
        if kind is bool and optional:
            choices = ((self.tr("Ask"), ""), (self.tr("Yes"), "yes"), (self.tr("No"), "no"))
            return ChoiceField(title, choices, description)
        if kind is bool:
            return SwitchField(title, self.tr("On"), description)
        if kind is int:
            field = NumberField(title, 0, MOST, hint=description)
            if optional:
                field.box.setSpecialValueText(self.tr("No limit"))
            return field
        return TextField(title, description)

    async def _keep(self, name: str) -> None:
        field = self.fields[name]
        value = _value(field, optional=getattr(Settings.model_fields[name], "annotation", None))
        if value == getattr(self._keeper.current, name):
            field.show_error("")
            return
        try:
            await self._keeper.change(**{name: value})
        except KnownError as error:
            field.show_error(str(error))
        else:
            field.show_error("")

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        shown = 0
        for words_of, box in self._rows.values():
            fits = all(word in words_of for word in words)
            box.setVisible(fits)
            shown += fits
        self._card.setVisible(shown > 0)
        self.nothing.setVisible(shown == 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


def _put(field: Field, value: Any) -> None:
    if isinstance(field, ChoiceField):
        field.value = {True: "yes", False: "no", None: ""}[value] if value in (True, False, None) else str(value)
    elif isinstance(field, SwitchField):
        field.value = bool(value)
    elif isinstance(field, NumberField):
        field.value = float(value or 0)
    elif isinstance(field, TextField):
        field.value = str(value)


def _value(field: Field, *, optional: Any) -> Any:
    if isinstance(field, ChoiceField):
        if get_origin(optional) in (Union, UnionType):
            return {"yes": True, "no": False, "": None}[field.value]
        return field.value
    if isinstance(field, SwitchField):
        return field.value
    if isinstance(field, NumberField):
        number = int(field.value)
        return None if number == 0 and get_origin(optional) in (Union, UnionType) else number
    return field.value if isinstance(field, TextField) else None
