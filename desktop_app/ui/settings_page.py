"""The settings: one page made from their own types and bounds, searched as one types, kept at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.store.settings import Settings
from desktop_app.ui.editor.fields import ChoiceField, Field, NumberField, SwitchField, TextField
from desktop_app.ui.formats import tr
from desktop_app.ui.hosting import SettingsKeeper
from desktop_app.ui.language import languages
from desktop_app.ui.settings_words import Words, choice_words, setting_words
from desktop_app.ui.side_page import SidePage
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import EmptyState, label

Start = Callable[[Coroutine[Any, Any, Any], str], object]
MOST = 2_000_000_000
TITLE_WIDTH = 220


class SettingsPage(SidePage):
    """Every setting that has a title.

    Args:
        start: runs the change of a setting.
    """

    def __init__(self, keeper: SettingsKeeper, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(tr("Settings"), parent)
        self._keeper = keeper
        self._start = start
        self.fields: dict[str, Field] = {}
        self._cards: list[tuple[QFrame, list[tuple[str, QWidget]]]] = []
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search settings"))
        self.search.setAccessibleName(tr("Search settings"))
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(260)
        self.search.textChanged.connect(self._filter)
        self.head.addWidget(self.search)
        self.nothing = EmptyState("search", tr("No setting fits"))
        self.nothing.hide()
        column = self.card_column()
        for group, settings in setting_words().items():
            column.addWidget(self._card(group, settings))
        self.note = label(
            tr("There is nothing to switch off for updates: Plugdeck never looks for any by itself."),
            "muted",
            wrap=True,
        )
        column.addWidget(self.note)
        column.addWidget(self.nothing)
        column.addStretch(1)

    def refresh(self) -> None:
        """Shows the settings in force."""
        for name, field in self.fields.items():
            _put(field, getattr(self._keeper.current, name))
            field.show_error("")

    def _card(self, group: str, settings: dict[str, Words]) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(3 * SPACE, 2 * SPACE, 3 * SPACE, 2 * SPACE)
        column.setSpacing(2 * SPACE)
        column.addWidget(label(group, "subtitle"))
        rows = []
        for name, words in settings.items():
            box = self._row(name, words)
            column.addWidget(box)
            rows.append((f"{group} {words.title} {words.hint} {name}".casefold(), box))
        self._cards.append((card, rows))
        return card

    def _row(self, name: str, words: Words) -> QWidget:
        field = self._field_for(name, words)
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
        field.title.setFixedWidth(TITLE_WIDTH)
        field.title.setWordWrap(True)
        row.addWidget(field.title, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(field, 1)
        return box

    def _field_for(self, name: str, words: Words) -> Field:
        info = Settings.model_fields[name]
        annotation: Any = info.annotation
        title, hint = words.title, words.hint
        kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
        kind = next(part for part in kinds if part is not type(None))
        optional = type(None) in kinds
        if name == "language":
            choices = ((tr("System"), ""), *((own, code) for code, own in languages()))
            return ChoiceField(title, choices, hint)
        if get_origin(kind) is Literal:
            return ChoiceField(
                title, tuple((choice_words(name, str(value)), str(value)) for value in get_args(kind)), hint
            )
        if kind is bool and optional:
            return ChoiceField(title, ((tr("Ask"), ""), (tr("Yes"), "yes"), (tr("No"), "no")), hint)
        if kind is bool:
            return SwitchField(title, tr("On"), hint)
        if kind is int:
            low, high = _bounds(info.metadata)
            field = NumberField(title, 0 if optional else low, high, hint=hint)
            field.box.setKeyboardTracking(False)  # a number counts once it is whole
            field.box.setGroupSeparatorShown(True)
            if optional:
                field.box.setSpecialValueText(tr("No limit"))
            return field
        return TextField(title, hint)

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
        any_shown = False
        for card, rows in self._cards:
            fitting = [box for words_of, box in rows if all(word in words_of for word in words)]
            for _, box in rows:
                box.setVisible(box in fitting)
            card.setVisible(bool(fitting))
            any_shown = any_shown or bool(fitting)
        self.note.setVisible(not words)
        self.nothing.setVisible(not any_shown)


def _bounds(metadata: list[Any]) -> tuple[int, int]:
    low = next((limit.ge for limit in metadata if getattr(limit, "ge", None) is not None), 0)
    high = next((limit.le for limit in metadata if getattr(limit, "le", None) is not None), MOST)
    return int(low), int(high)


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
