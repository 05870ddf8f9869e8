"""The YAML that data.yaml and infer_cfg.yml use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.worker.onnx.yamlish import YamlError, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        (
            "a: 1\nb: two words\nc: 1.5\nd: true\ne:\nf: ~",
            {"a": 1, "b": "two words", "c": 1.5, "d": True, "e": None, "f": None},
        ),
        (
            "a:\n  b:\n    - 1\n    - x: 2\n      y: 3\n    - [4, [5, six]]\n",
            {"a": {"b": [1, {"x": 2, "y": 3}, [4, [5, "six"]]]}},
        ),
        ("a: {x: 1, 'y z': [2]}", {"a": {"x": 1, "y z": [2]}}),
        ("names: [a,\n  b, # why\n  'c, d']\nnc: 3", {"names": ["a", "b", "c, d"], "nc": 3}),
        ("- a\n- b: 1", ["a", {"b": 1}]),
        ('url: http://x/y#z\nq: "it\'s # here"', {"url": "http://x/y#z", "q": "it's # here"}),
        ("a:\n- 1\n- 2\nb: 3", {"a": [1, 2], "b": 3}),
        ("0: person\n1: car", {0: "person", 1: "car"}),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize("text", ["a: |\n  block", "a: &x 1", "a: [1, 2", "a: {b 1}", "\ta: 1", "a: 1\n   b: 2\n c"])
def test_what_is_not_read_is_said(text: str) -> None:
    with pytest.raises(YamlError):
        parse(text)


@given(st.text(max_size=200))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    try:
        parse(text)
    except YamlError:
        pass
