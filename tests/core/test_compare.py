from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.core.annotation import Answer
from desktop_app.core.compare import MATCH, REACH_PX, SAME, compare
from desktop_app.core.overlap import Form, similarity


def box(x: float, y: float, width: float = 10, height: float = 10, name: str = "car", **more: Any) -> dict[str, Any]:
    return {"title": name, "bounding-box": {"x": x, "y": y, "width": width, "height": height}, **more}


def answer(*objects: dict[str, Any], **parts: Any) -> Answer:
    return Answer.parse({"objects": list(objects), **parts})


def test_gained_lost_moved_same_and_another_class() -> None:
    before = answer(box(0, 0), box(100, 0), box(200, 0), box(300, 0, name="van"))
    after = answer(box(300, 1, name="bus"), box(0, 0), box(102, 0), box(400, 400))
    found = compare(before, after)
    assert [(p.before, p.after) for p in found.same] == [(0, 1)]
    assert [(p.before, p.after, round(p.overlap, 3)) for p in found.moved] == [(1, 2, 0.667)]
    assert [(p.before, p.after) for p in found.renamed] == [(3, 0)]
    assert (found.lost, found.gained) == ((2,), (3,))
    assert found.agreement == pytest.approx(4 / 8)
    car, bus = found.classes["car"], found.classes["bus"]
    assert (car.before, car.after, car.same, car.moved, car.gained, car.lost) == (3, 3, 1, 1, 1, 1)
    assert (bus.before, bus.after, bus.gained) == (0, 1, 1)
    told = found.as_json()
    assert told["moved"] == [{"before": 1, "after": 2, "iou": 0.6667}]
    assert told["classes"]["van"]["lost"] == 1


def test_the_closest_pair_goes_first() -> None:
    found = compare(answer(box(0, 0), box(2, 0)), answer(box(1.5, 0)))
    assert [(p.before, p.after) for p in found.pairs] == [(1, 0)]
    assert found.lost == (0,)


def test_the_model_s_own_name_wins_over_the_title() -> None:
    before = answer(box(0, 0, name="Car", metadata={"class": "car", "confidence": 0.9}))
    assert compare(before, answer(box(0, 0, name="car"))).same


def test_classifications() -> None:
    before = answer(
        classifications=[{"schemaId": "a", "title": "Light", "answer": "warm"}, {"title": "Wet", "answer": "no"}]
    )
    after = answer(
        classifications=[{"schemaId": "a", "title": "Light", "answer": "cold"}, {"title": "Tags", "answer": ["y", "x"]}]
    )
    found = compare(before, after)
    assert [(q.title, q.before, q.after) for q in found.questions] == [
        ("Light", "warm", "cold"), ("Wet", "no", None), ("Tags", None, "x, y"),
    ]  # fmt: skip
    assert found.agreement == 0
    assert compare(before, before).agreed == 2


def test_two_empty_answers_agree() -> None:
    assert compare(Answer(), Answer()).agreement == 1


patient = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.sampled_from(["a", "b"])
small = st.integers(0, 12)
objects = st.lists(st.builds(box, small, small, st.integers(1, 8), st.integers(1, 8), names), max_size=14)


def slowly(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> set[tuple[int, int]]:
    """The documented rule, over all pairs."""
    first, second = ([Form(item) for item in answer(*part).objects] for part in (before, after))
    used: tuple[set[int], set[int]] = (set(), set())
    result = set()
    for any_class in (False, True):
        pairs = sorted(
            (-similarity(a, b, REACH_PX), i, j)
            for i, a in enumerate(first)
            for j, b in enumerate(second)
            if (any_class or before[i]["title"] == after[j]["title"])
            and i not in used[0]
            and j not in used[1]
            and similarity(a, b, REACH_PX) >= MATCH
        )
        for _, i, j in pairs:
            if i not in used[0] and j not in used[1]:
                used[0].add(i)
                used[1].add(j)
                result.add((i, j))
    return result


@patient
@given(objects, objects)
def test_pairs_are_those_of_the_documented_rule(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    found = compare(answer(*before), answer(*after))
    assert {(p.before, p.after) for p in found.pairs} == slowly(before, after)
    assert sorted([p.before for p in found.pairs] + list(found.lost)) == list(range(len(before)))
    assert sorted([p.after for p in found.pairs] + list(found.gained)) == list(range(len(after)))
    assert all(MATCH <= p.overlap <= 1 and (p.overlap >= SAME or not p.same) for p in found.pairs)
    assert 0 <= found.agreement <= 1
    for count in found.classes.values():
        assert count.before == count.same + count.moved + count.lost
        assert count.after == count.same + count.moved + count.gained


@patient
@given(objects)
def test_an_answer_agrees_with_itself(values: list[dict[str, Any]]) -> None:
    found = compare(answer(*values), answer(*values))
    assert found.agreement == 1
    assert len(found.same) == len(values)
    assert not found.gained
    assert not found.lost


def test_ten_thousand_on_ten_thousand_take_no_look_at_every_pair() -> None:
    def grid(shift: float) -> Answer:
        return answer(*(box(40.0 * (n % 100) + shift, 30.0 * (n // 100), 38, 28) for n in range(10_000)))

    before, after = grid(0), grid(4)
    began = time.process_time()
    found = compare(before, after)
    took = time.process_time() - began
    assert len(found.moved) == 10_000
    assert took < 30, "all 10^8 pairs would take minutes"
