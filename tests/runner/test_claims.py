"""What a worker may claim of a prediction; the fuzz test found what happens to those who believe it."""

from __future__ import annotations

from typing import Any

import pytest

from desktop_app.core.errors import AnswerError
from desktop_app.runner.claims import usable_info
from desktop_app.runner.hearing import prediction_of

BOLT = {"class": "bolt", "index": 0, "score": 0.9, "bounding-box": {}}
POINT = {"name": "tip", "point": [1, 2], "score": 0.5}


@pytest.mark.parametrize(
    "fields",
    [
        {"notes": 5},
        {"notes": [None]},
        {"class_names": {"a": 1}},
        {"instances": None},
        {"instances": ["bolt"]},
        {"instances": [{"class": "bolt"}]},
        {"instances": [{**BOLT, "index": "0"}]},
        {"instances": [{**BOLT, "score": None}]},
        {"instances": [{**BOLT, "points": [{**POINT, "name": None}]}]},
        {"instances": [{**BOLT, "points": 3}]},
        {"candidates": [1]},
        {"classifications": [{"class": 3, "index": 0, "score": 1}]},
        {"kind": []},
        {"generation": 1},
        {"client": [1, 3]},
        {"width": "40"},
        {"height": -1},
        {"run_ms": "fast"},
    ],
)
def test_a_prediction_that_makes_no_sense_is_no_answer(fields: dict[str, Any]) -> None:
    with pytest.raises(AnswerError, match="makes no sense"):
        prediction_of(fields)


def test_one_that_does_is_believed() -> None:
    fields = {"instances": [{**BOLT, "points": [POINT]}, BOLT], "candidates": [BOLT], "notes": ["a"], "width": 40}
    made = prediction_of({**fields, "height": None, "client": None, "generation": None, "run_ms": 1})
    assert made.instances == fields["instances"]
    assert made.notes == ("a",)


def test_of_the_model_only_lists_that_are_none_are_left_out() -> None:
    told = {"files": 5, "notes": [1], "classes": ["a"], "provider": "cpu"}
    assert usable_info(told) == {"classes": ["a"], "provider": "cpu"}
    assert usable_info({"files": ["a.py"], "notes": None}) == {"files": ["a.py"], "notes": None}
    assert usable_info(["no", "object"]) == {}
