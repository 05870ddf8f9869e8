"""What must hold for every input: no error but AnswerError, and an answer that is checked stays as it is."""

from __future__ import annotations

import copy
import json
import math
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.core.annotation import Answer
from desktop_app.core.check import check_answer
from desktop_app.core.errors import AnswerError
from desktop_app.core.merge import merge

# 400 examples of each took minutes and found nothing; a run looks at others every time.
MANY = settings(
    max_examples=int(os.environ.get("PLUGDECK_FUZZ_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
OPTIONS: list[dict[str, Any]] = [
    {"ours": False},
    {"ours": False, "size": (640, 480), "schema_ids": frozenset({"a1b2", "c3"})},
    {"ours": True},
    {"ours": True, "size": (640, 480)},
    {"ours": True, "size": (640, 480), "schema_ids": frozenset({"a1b2", "c3"})},
]


def survives(raw: Any, options: dict[str, Any]) -> None:
    before = copy.deepcopy(raw)
    try:
        checked = check_answer(raw, **options)
    except AnswerError as error:
        checked = None
        unnamed = not (error.what and error.where)
    else:
        unnamed = False
    assert not unnamed
    assert repr(raw) == repr(before)
    if checked is None:
        return
    text = json.dumps(checked.answer, allow_nan=False)
    if not checked.repairs:
        assert checked.answer is raw or options["ours"]
        assert json.dumps({**raw, **({} if not options["ours"] else checked.lists)}) == text
    again = check_answer(checked.answer, **options)
    assert again.repairs == ()
    assert again.dropped == 0
    assert json.dumps(again.answer) == text
    assert again.warnings == check_answer(json.loads(text), **options).warnings
    Answer.parse(checked.answer).to_json()
    json.dumps(merge(checked.answer, checked.answer).answer, allow_nan=False)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", ["anything", "nearly_right", "right"])
def test_only_answer_errors_and_the_outcome_is_final(answers: Any, kind: str, options: dict[str, Any]) -> None:
    @MANY
    @given(getattr(answers, kind))
    def holds(raw: Any) -> None:
        survives(raw, options)

    holds()


@pytest.mark.parametrize("options", OPTIONS)
def test_every_list_may_hold_anything(answers: Any, options: dict[str, Any]) -> None:
    @MANY
    @given(
        st.dictionaries(
            st.sampled_from(["objects", "tools", "answer", "classifications", "relations", "x"]), answers.anything
        )
    )
    def holds(raw: Any) -> None:
        survives(raw, options)

    holds()


@pytest.mark.parametrize("options", OPTIONS)
def test_every_shape_may_hold_anything(answers: Any, options: dict[str, Any]) -> None:
    keys = [key for key, _ in answers.shapes]

    @MANY
    @given(
        st.lists(
            st.dictionaries(st.sampled_from([*keys, "page", "objectId"]), answers.anything, min_size=1, max_size=2)
        )
    )
    def holds(objects: Any) -> None:
        survives({"objects": objects}, options)

    holds()


def test_a_right_answer_of_a_script_comes_back_itself(answers: Any) -> None:
    @MANY
    @given(answers.right)
    def holds(raw: Any) -> None:
        checked = check_answer(raw, ours=False, size=(640, 480))
        assert checked.answer is raw
        assert checked.repairs == ()
        assert checked.dropped == 0

    holds()


def test_ours_end_up_inside_the_picture(answers: Any) -> None:
    @MANY
    @given(answers.right)
    def holds(raw: Any) -> None:
        checked = check_answer(raw, ours=True, size=(640, 480))
        for item in Answer.parse(checked.answer).objects:
            if item.shape is None or item.shape.key in ("ner", "pdf", "rotated-bounding-box"):
                continue
            left, top, right, bottom = item.shape.bounds or (0.0, 0.0, 0.0, 0.0)
            assert left >= -1e-5
            assert top >= -1e-5
            assert right <= 640 + 1e-5
            assert bottom <= 480 + 1e-5
            assert math.isfinite(left + top + right + bottom)

    holds()
