"""Keys, with what they do kept where they are made: the page that lists them asks the window, and is never behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QWidget

_NOTED = "notedKeys"


class Place(Enum):
    """Where keys mean something."""

    WINDOW = auto()
    ASSET = auto()
    PLUGINS = auto()
    JOBS = auto()
    LOG = auto()
    START = auto()


@dataclass(frozen=True, slots=True)
class Keys:
    """What some keys do; `keys` are written as Qt writes them portably, alternatives beside each other."""

    place: Place
    text: str
    keys: tuple[str, ...]


def note_keys(owner: QObject, place: Place, text: str, *keys: str) -> None:
    """Keeps with a widget, or its shortcut, what keys do there."""
    owner.setProperty(_NOTED, [*(owner.property(_NOTED) or ()), Keys(place, text, keys)])


def shortcut(
    owner: QWidget, place: Place, text: str, keys: str | QKeySequence, slot: Callable[[], object], *more: str
) -> list[QShortcut]:
    """Shortcuts of a widget's window: `keys` and, for the same, `more`."""
    made = [QShortcut(QKeySequence(one), owner) for one in (keys, *more)]
    for one in made:
        one.activated.connect(lambda: slot())
    note_keys(made[0], place, text, *(portable(one.key()) for one in made))
    return made


def action(owner: QWidget, place: Place, text: str, keys: str, slot: Callable[[], object]) -> QAction:
    """An action of a widget, with keys that it has while the focus is in it."""
    result = QAction(text, owner)
    result.setShortcut(QKeySequence(keys))
    result.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    result.triggered.connect(lambda: slot())
    owner.addAction(result)
    note_keys(result, place, text, portable(result.shortcut()))
    return result


def portable(keys: QKeySequence | Qt.Key) -> str:
    """`Ctrl+1` in every language and on every system."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.PortableText)


def noted(root: QObject) -> list[Keys]:
    """All keys that were noted in a window, those of one place together in the order in which they were made."""
    owners: Iterable[QObject] = (root, *root.findChildren(QObject))
    found = [keys for owner in owners for keys in owner.property(_NOTED) or ()]
    return sorted(dict.fromkeys(found), key=lambda keys: keys.place.value)


def unnoted(root: QObject) -> list[str]:
    """Keys that work in a window and are in no list: there should be none."""
    listed = {key for keys in noted(root) for key in keys.keys}
    working = [
        *(one.key() for one in root.findChildren(QShortcut)),
        *(key for one in root.findChildren(QAction) for key in one.shortcuts()),
        *(one.shortcut() for one in root.findChildren(QAbstractButton)),
    ]
    return sorted({portable(one) for one in working if not one.isEmpty()} - listed)
