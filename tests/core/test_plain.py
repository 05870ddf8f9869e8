from __future__ import annotations

import collections
import enum
import json
import math
from typing import Any

import numpy as np
import pytest

from desktop_app.core.errors import AnswerError
from desktop_app.core.notes import Notes
from desktop_app.core.plain import MAX_DEPTH, is_plain, plain, without_non_finite


def read(value: Any) -> tuple[Any, tuple[str, ...], bool]:
    notes = Notes()
    result, finite = plain(value, notes)
    return result, notes.repairs, finite


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_plain_values_come_back_themselves() -> None:
    value = {"a": [1, 2.5, None, True, "ü", {"b": []}], "c": 2**70}
    result, notes, finite = read(value)
    assert result is value
    assert notes == ()
    assert finite


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.float64(1.25), 1.25),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(3.0), 3.0),
        (np.str_("bolt"), "bolt"),
        ((1, (2, 3)), [1, [2, 3]]),
        (collections.OrderedDict(a=(1,)), {"a": [1]}),
        ({2: "x", None: "y", True: "z", False: 0, 0.5: 1}, {"2": "x", "null": "y", "true": "z", "false": 0, "0.5": 1}),
        (enum.IntEnum("Kind", "A B").B, 2),  # type: ignore[attr-defined]
        (enum.StrEnum("Name", "BOLT").BOLT, "bolt"),  # type: ignore[attr-defined]
        ("half \ud83d", "half ?"),
        ({"\ud83d": 1}, {"?": 1}),
    ],
)
def test_other_libraries_values_are_read(value: Any, expected: Any) -> None:
    result, _, finite = read({"k": value})
    assert result == {"k": expected}
    assert type(result["k"]) is type(expected)
    assert finite
    assert is_plain(result)
    json.dumps(result)


def test_repairs_name_the_field() -> None:
    _, notes, _ = read({"objects": [{"point": (np.float32(1), 2)}]})
    assert notes == (
        "objects[0].point: a tuple, read as a list",
        "objects[0].point[0]: numbers of another library, read as plain numbers",
    )
    _, notes, _ = read({"x" * 100: (1,), "": {"a\nb": ()}})
    assert all("\n" not in note and len(note) < 120 for note in notes)


def test_item_is_enough() -> None:
    class Scalar:
        def item(self) -> float:
            return 4.5

    assert read([Scalar()])[0] == [4.5]


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, 10**400, pytest.param(-(10**5000), id="5000 digits"), np.float64("nan")],
)
def test_numbers_that_are_not_finite_stay_for_the_caller(value: Any) -> None:
    result, _, finite = read({"a": [value], "b": 1})
    assert not finite
    assert not math.isfinite(result["a"][0])
    notes = Notes()
    assert without_non_finite(result, notes) == {"a": [None], "b": 1}
    assert notes.repairs == ("a[0]: not a finite number, sent as null",)


class Raises:
    def tolist(self) -> Any:
        raise RuntimeError("on the GPU")


class Itself:
    def tolist(self) -> Any:
        return self


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        ({"a": [object()]}, "a[0]", "type object"),
        ({"a": b"x"}, "a", "type bytes"),
        ({"a": {1, 2}}, "a", "type set"),
        ({"a": np.ndarray}, "a", "type type"),
        ({"a": {(1, 2): 3}}, "a", "key of type tuple"),
        pytest.param({"a": {10**5000: 3}}, "a", "key of type int", id="5000 digits"),
        ([Raises()], "[0]", "on the GPU"),
        (Raises(), "the answer", "on the GPU"),
        ({"a": Itself()}, "a", "deeper than"),
        pytest.param(nested(MAX_DEPTH + 1), "[0]" * 8, "deeper than", id="too deep"),
        pytest.param(nested(5000), "[0]" * 8, "deeper than", id="much too deep"),
    ],
)
def test_what_has_no_json_form_is_refused(value: Any, where: str, what: str) -> None:
    with pytest.raises(AnswerError, match=what) as caught:
        read(value)
    assert caught.value.where == where


def test_the_depth_limit_is_the_same_on_both_ways() -> None:
    assert read(nested(MAX_DEPTH))[0] == nested(MAX_DEPTH)
    assert read([(), *nested(MAX_DEPTH)])[0] == [[], *nested(MAX_DEPTH)]
