"""What a callback returned, as JSON: repaired where there is one right reading, refused where there is none.

Nothing is imported to recognise a value; numpy, torch and pydantic are known by what their objects can do. Order of
keys and the difference between 1 and 1.0 are kept as returned.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import json
import os
import uuid
from collections import OrderedDict, deque
from collections.abc import Mapping, Set
from typing import Any, List, Tuple

from .serve import Failure

_DEEPEST = 200


class Notes:
    """What was repaired: one sentence per kind of repair, however many fields had it."""

    def __init__(self) -> None:
        self._found: "OrderedDict[str, Tuple[str, int]]" = OrderedDict()

    def add(self, path: str, repair: str) -> None:
        """Remembers that the field at `path` was e.g. "a numpy.float32, taken as a number"."""
        first, count = self._found.get(repair, (path, 0))
        self._found[repair] = (first, count + 1)

    def sentences(self) -> List[str]:
        """The notes in the order of their first appearance."""
        texts = []
        for repair, (first, count) in self._found.items():
            more = " (and %d more)" % (count - 1) if count > 1 else ""
            texts.append("%s%s was %s" % (first or "the returned value", more, repair))
        return texts


def to_json(value: Any, notes: Notes, path: str = "") -> Any:
    """The value as JSON.

    Raises:
        Failure: of kind "answer", naming the field that has no one right reading.
    """
    return _convert(value, notes, path, ())


def refuse(path: str, problem: str, remedy: str = "") -> Failure:
    """The error for a field that cannot be read."""
    where = path or "the returned value"
    return Failure("%s cannot be part of an answer: %s" % (where, problem), where, remedy, kind="answer")


def type_name(value: Any) -> str:
    """The type's name as its users write it: `numpy.float32`, `list`."""
    kind = type(value)
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return "%s.%s" % (kind.__module__.split(".")[0], kind.__qualname__)


def _convert(value: Any, notes: Notes, path: str, parents: Tuple[int, ...]) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is float or kind is str:
        return value
    if id(value) in parents:
        raise refuse(path, "it contains itself")
    if len(parents) > _DEEPEST:
        raise refuse(path, "it is nested more than %d levels deep" % _DEEPEST)
    inside = (*parents, id(value))
    if isinstance(value, Mapping):
        return _mapping(value, notes, path, inside)
    if isinstance(value, (list, tuple)):
        return _sequence(value, notes, path, inside)
    return _convert(_simpler(value, notes, path), notes, path, inside)


def _mapping(value: Any, notes: Notes, path: str, parents: Tuple[int, ...]) -> Any:
    converted = {}
    for key, item in value.items():
        name = key
        if type(key) is not str:
            name = _key(key, notes, path)
        converted[name] = _convert(item, notes, "%s.%s" % (path, name) if path else name, parents)
    return converted


def _key(key: Any, notes: Notes, path: str) -> str:
    if isinstance(key, enum.Enum):
        return _key(key.value, notes, path)
    if isinstance(key, str):
        return str.__str__(key)
    item = getattr(key, "item", None)
    if not isinstance(key, (int, float)) and callable(item):
        key = item()
    if key is None or isinstance(key, (bool, int, float)):
        notes.add(path, "a dict with keys that are no strings, taken as strings")
        return json.dumps(key)
    raise refuse(path, "it has a key of type %s" % type_name(key))


def _sequence(value: Any, notes: Notes, path: str, parents: Tuple[int, ...]) -> Any:
    fields = getattr(value, "_fields", None)
    if isinstance(value, tuple) and fields is not None and not set(fields) <= {"x", "y", "z"}:
        notes.add(path, "a %s, taken as a dict" % type_name(value))
        return _mapping(dict(zip(fields, value)), notes, path, parents)
    if isinstance(value, tuple):
        notes.add(path, "a tuple, taken as a list")
    return [_convert(item, notes, "%s[%d]" % (path, index), parents) for index, item in enumerate(value)]


def _simpler(value: Any, notes: Notes, path: str) -> Any:
    """One step from what only Python knows towards JSON."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bool) or isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value)
    array = _array(value, notes, path)
    if array is not None:
        return array
    if isinstance(value, (decimal.Decimal, fractions.Fraction)):
        notes.add(path, "a %s, taken as a number" % type_name(value))
        return float(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        notes.add(path, "a %s, taken as text" % type_name(value))
        return value.isoformat()
    if isinstance(value, (uuid.UUID, os.PathLike)):
        notes.add(path, "a %s, taken as text" % type_name(value))
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(bytes(value), notes, path)
    if isinstance(value, (Set, deque, range)) or hasattr(value, "__next__"):
        notes.add(path, "a %s, taken as a list" % type_name(value))
        return list(value)
    fields = plain_fields(value)
    if fields is None:
        raise refuse(path, "it is of type %s" % type_name(value), "Return dicts, lists, strings and numbers.")
    notes.add(path, "a %s, taken as a dict" % type_name(value))
    return fields


def _array(value: Any, notes: Notes, path: str) -> Any:
    """numpy scalars and arrays, torch and other tensors, pandas series: numbers or nested lists of them."""
    if isinstance(value, type):
        return None
    for name in ("tolist", "to_list"):
        method = getattr(value, name, None)
        if callable(method):
            try:
                simpler = method()
            except Exception as error:
                raise refuse(path, "a %s that gives no list (%s)" % (type_name(value), error)) from error
            if simpler is value:
                break
            as_what = {list: "a list", str: "text", bool: "true or false"}.get(type(simpler), "a number")
            notes.add(path, "a %s, taken as %s" % (type_name(value), as_what))
            return simpler
    method = getattr(value, "numpy", None)
    if callable(method):
        return method()
    method = getattr(value, "item", None)
    if callable(method):
        notes.add(path, "a %s, taken as a number" % type_name(value))
        return method()
    return None


def plain_fields(value: Any) -> Any:
    """The fields of an object that is a bag of fields (pydantic, dataclass, attrs, `toDict`), else None."""
    if isinstance(value, type):
        return None
    for name in ("model_dump", "toDict", "to_dict", "as_dict", "_asdict"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if hasattr(value, "__attrs_attrs__"):
        return {field.name: getattr(value, field.name) for field in value.__attrs_attrs__}
    if callable(getattr(value, "dict", None)) and hasattr(value, "__fields__"):
        return value.dict()
    if type(value).__name__ == "SimpleNamespace":
        return vars(value)
    return None


def _text(value: bytes, notes: Notes, path: str) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse(path, "it is %d bytes that are no text" % len(value)) from None
    notes.add(path, "bytes, taken as UTF-8 text")
    return text
