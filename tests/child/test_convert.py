from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import types
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.child.convert import Notes, to_json
from desktop_app.child.serve import Failure

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_stays_as_it_is_and_needs_no_note(value: Any) -> None:
    notes = Notes()
    assert json.dumps(to_json(value, notes)) == json.dumps(value)
    assert notes.sentences() == []


class Color(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    TWO = 2


class Pixel(NamedTuple):
    x: int
    y: int


class Box(NamedTuple):
    x: int
    y: int
    width: int
    height: int


@dataclasses.dataclass
class Data:
    a: int
    b: Any


class Model(pydantic.BaseModel):
    a: int
    b: list[float]


class Tensor:
    """What torch and others look like from outside."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def tolist(self) -> Any:
        return self.value


class Eager:
    def __init__(self, value: Any) -> None:
        self.value = value

    def numpy(self) -> Any:
        return self.value


class OnlyItem:
    def item(self) -> float:
        return 1.5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.int64(7), 7),
        (np.uint8(255), 255),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        (np.array([[1, 2], [3, 4]], dtype=np.int32), [[1, 2], [3, 4]]),
        (np.array(5.0), 5.0),
        (np.zeros((0, 2)), []),
        (Tensor([1.5]), [1.5]),
        (Tensor(3), 3),
        (Eager(np.array([1])), [1]),
        (OnlyItem(), 1.5),
        (array.array("i", [1, 2]), [1, 2]),
        ((1, (2, 3)), [1, [2, 3]]),
        ({3}, [3]),
        (frozenset({"a"}), ["a"]),
        (range(3), [0, 1, 2]),
        ((i for i in (1, 2)), [1, 2]),
        (collections.deque([1]), [1]),
        ({"a": 1}.keys(), ["a"]),
        (Color.RED, "red"),
        (Number.TWO, 2),
        (decimal.Decimal("1.5"), 1.5),
        (fractions.Fraction(1, 4), 0.25),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), str(Path("a/b"))),
        (b"text", "text"),
        (Pixel(1, 2), [1, 2]),
        (Box(1, 2, 3, 4), {"x": 1, "y": 2, "width": 3, "height": 4}),
        (Data(1, Data(2, None)), {"a": 1, "b": {"a": 2, "b": None}}),
        (Model(a=1, b=[0.5]), {"a": 1, "b": [0.5]}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.OrderedDict(a=(1,)), {"a": [1]}),
        ({None: "b", True: "c", 1.5: "d", Color.RED: "e"}, {"true": "c", "null": "b", "1.5": "d", "red": "e"}),
        ({np.int64(4): 1}, {"4": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_one_right_reading(value: Any, expected: Any) -> None:
    notes = Notes()
    converted = to_json({"field": value}, notes)["field"]
    assert converted == expected
    assert json.loads(json.dumps(converted)) == expected


def test_plain_kinds_come_out() -> None:
    converted = to_json([np.float64(1.0), np.int8(1), Number.TWO, np.str_("s")], Notes())
    assert [type(value) for value in converted] == [float, int, int, str]


def test_notes_are_one_sentence_per_kind_of_repair() -> None:
    notes = Notes()
    boxes = [{"bounding-box": {"x": np.float32(1), "y": np.float32(2)}, "polygon": ((1, 2),)} for _ in range(3)]
    to_json({"objects": boxes}, notes)
    assert notes.sentences() == [
        "objects[0].bounding-box.x (and 5 more) was a numpy.float32, taken as a number",
        "objects[0].polygon (and 5 more) was a tuple, taken as a list",
    ]


class Broken:
    def tolist(self) -> Any:
        raise RuntimeError("on another device")


LOOP: list[Any] = [1]
LOOP.append(LOOP)


def _deep() -> Any:
    value: Any = 1
    for _ in range(1000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (object(), "it is of type object"),
        (print, "builtin_function_or_method"),
        (Color, "EnumType"),
        (b"\xff\xfe\x00", "3 bytes that are no text"),
        (1j, "complex"),
        (Broken(), "on another device"),
        (LOOP, "it contains itself"),
        (_deep(), "more than 200 levels"),
        ({(1, 2): 3}, "a key of type tuple"),
        (Path, "type"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_none_names_the_field(value: Any, problem: str) -> None:
    with pytest.raises(Failure) as raised:
        to_json({"objects": [{"polygon": value}]}, Notes())
    assert raised.value.kind == "answer"
    assert raised.value.where.startswith("objects[0].polygon")
    assert problem in raised.value.what
