from __future__ import annotations

from typing import Any

import pytest

from desktop_app.core.config import read_config


@pytest.mark.parametrize("value", [None, "", "  \n", "{}", {}])
def test_nothing_typed_is_nothing_wrong(value: Any) -> None:
    assert read_config(value) == ({}, "")


def test_an_object_is_taken_from_text_or_as_it_is() -> None:
    assert read_config('{"confidence": 0.4}') == ({"confidence": 0.4}, "")
    assert read_config({"iou": 0.5}) == ({"iou": 0.5}, "")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"confidence": 0,4}', "line 1, column 18"),
        ('{\n "iou": 0.5,\n}', "line 3, column 1"),
        ("confidence=0.4", "line 1, column 1"),
        ("[1, 2]", "a list"),
        ("0.4", "a number"),
        ("null", "null"),
        ("true", "true or false"),
        ("[" * 100_000, "cannot be read"),
        ("9" * 5_000, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(value: str, said: str) -> None:
    config, wrong = read_config(value)
    assert config == {}
    assert said in wrong
    assert "own settings" in wrong
    assert len(wrong) < 300, "what was typed is not repeated"
