"""Whatever a script returned, as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_app.core.errors import AnswerError
from desktop_app.core.notes import Notes, quoted

MAX_DEPTH = 100
"""Lists and objects inside each other; deeper ones are refused (Python's own JSON writer ends near 1,000)."""

_HUGE = 2.0**1023
_INFINITY = float("inf")
_Path = list[str]


def plain(value: Any, notes: Notes, field: str = "") -> tuple[Any, bool]:
    """The value with only dict, list, str, int, float, bool and None in it, and whether all its numbers are finite.

    A value that is plain already comes back itself. Scalars and arrays of numpy and its like (anything with
    `tolist()` or `item()`), tuples, subclasses, keys that are no text and text that is no Unicode are converted, with
    a note; NaN and infinite numbers stay (integers too large for a float become infinite), for the caller to judge.

    Raises:
        AnswerError: something inside has no JSON form, or is nested deeper than `MAX_DEPTH`.
    """
    if is_plain(value):
        return value, True
    converter = _Converter(notes, field)
    result = converter.convert(value)
    return result, converter.finite


def without_non_finite(value: Any, notes: Notes, field: str = "") -> Any:
    """A copy of a plain value in which numbers that are not finite became null, with a note for each field."""
    if type(value) is dict:
        return {key: without_non_finite(item, notes, _join(field, key)) for key, item in value.items()}
    if type(value) is list:
        return [without_non_finite(item, notes, f"{field}[{index}]") for index, item in enumerate(value)]
    if type(value) is float and not -_HUGE <= value <= _HUGE:
        notes.repaired("not a finite number, sent as null", field)
        return None
    return value


def is_plain(value: Any) -> bool:
    """Whether it is finite JSON of at most `MAX_DEPTH` levels, built of Python's own types."""
    # Level by level instead of recursive, and without a call per value: this runs over every coordinate of an answer.
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                for key in container:
                    if type(key) is not str or not (key.isascii() or _is_unicode(key)):
                        return False
                values: Any = container.values()
            else:
                values = container
            for item in values:
                kind = type(item)
                if kind is float or kind is int:
                    if not -_HUGE <= item <= _HUGE:
                        return False
                elif kind is dict or kind is list:
                    below.append(item)
                elif kind is str:
                    if not (item.isascii() or _is_unicode(item)):
                        return False
                elif item is not None and kind is not bool:
                    return False
        if not below:
            return True
        level = below
    return False


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _join(field: str, key: str) -> str:
    name = key if key.isascii() and key.isprintable() and len(key) <= 60 else quoted(key)
    return f"{field}.{name}" if field else name


class _Converter:
    """One slow walk over a value that is not plain."""

    def __init__(self, notes: Notes, field: str) -> None:
        self.finite = True
        self._notes = notes
        self._root = field
        self._path: _Path = []

    def convert(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (int, float)):
            return self._number(value)
        if isinstance(value, (list, tuple)):
            if isinstance(value, tuple):
                self._say("a tuple, read as a list")
            return [self._inside(f"[{index}]", item) for index, item in enumerate(value)]
        if isinstance(value, Mapping):
            return {self._key(key): self._inside(str(key), item) for key, item in value.items()}
        return self._foreign(value)

    def _inside(self, name: str, value: Any) -> Any:
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise AnswerError(
                f"The answer is nested deeper than {MAX_DEPTH} levels", where=self._field(), remedy="Return it flatter."
            )
        result = self.convert(value)
        self._path.pop()
        return result

    def _text(self, value: str) -> str:
        text = str(value) if type(value) is str else str.__str__(value)
        if text.isascii() or _is_unicode(text):
            return text
        self._say("text with half a character (a lone surrogate), replaced")
        return text.encode("utf-8", "replace").decode()

    def _number(self, value: float) -> float:
        if type(value) is not int and type(value) is not float:
            self._say("a number of another library or type, read as a plain number")
            value = int(value) if isinstance(value, int) else float(value)
        if -_HUGE <= value <= _HUGE:
            return value
        self.finite = False
        return float(value) if isinstance(value, float) else _INFINITY if value > 0 else -_INFINITY

    def _key(self, key: Any) -> str:
        if isinstance(key, str):
            return self._text(key)
        if key is None or isinstance(key, bool):
            self._say("a key that is no text, read as text")
            # As Python's JSON writer spells them, and so the published client.
            return "null" if key is None else str(key).lower()
        if isinstance(key, (int, float)) and -_HUGE <= key <= _HUGE:
            self._say("a key that is no text, read as text")
            return str(key)
        raise AnswerError(f"A key of type {type(key).__name__} has no JSON form", where=self._field())

    def _foreign(self, value: Any) -> Any:
        for name in ("tolist", "item"):
            method = getattr(value, name, None)
            if not callable(method) or isinstance(value, type):
                continue
            try:
                read = method()
            except Exception as error:
                raise AnswerError(
                    f"A value of type {type(value).__name__} cannot be read: {quoted(error)}", where=self._field()
                ) from error
            self._say("numbers of another library, read as plain numbers")
            # Counts as a level: a thing whose tolist() returns such a thing again must end somewhere.
            return self._inside("", read)
        raise AnswerError(
            f"A value of type {type(value).__name__} has no JSON form",
            where=self._field(),
            remedy="Return numbers, text, lists and dictionaries only.",
        )

    def _say(self, remark: str) -> None:
        self._notes.repaired(remark, self._field())

    def _field(self) -> str:
        field = self._root
        for name in self._path[:8]:
            if name.startswith("["):
                field += name
            elif name:
                field = _join(field, name)
        return field or "the answer"
