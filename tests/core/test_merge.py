from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings

from desktop_app.core.merge import merge, merge_existing

BOX = {"x": 20, "y": 30, "width": 50, "height": 60}


def answer(*objects: Any, classifications: Any = (), relations: Any = ()) -> dict[str, Any]:
    return {"objects": [*objects], "classifications": [*classifications], "relations": [*relations]}


def task(*tools: Any, classifications: Any = (), relations: Any = ()) -> dict[str, Any]:
    return {"tools": [*tools], "classifications": [*classifications], "relations": [*relations]}


def as_published(new: dict[str, Any], existing: dict[str, Any]) -> dict[str, Any]:
    """What the published client makes of it, as the facts describe it."""
    covered = {item["schemaId"] for item in new["classifications"]}
    left = [item for item in existing["classifications"] if item["schemaId"] not in covered]
    return {
        "objects": new["objects"] + existing["tools"],
        "classifications": new["classifications"] + left,
        "relations": new["relations"] + existing["relations"],
    }


def test_nothing_doubled_is_as_published() -> None:
    new = answer(
        {"schemaId": "a1", "bounding-box": BOX},
        {"schemaId": "a1", "polygon": [[1, 2], [3, 4], [5, 0]]},
        classifications=[{"schemaId": "q1", "answer": "new"}],
        relations=[{"schemaId": "r", "from": "x", "to": "y"}],
    )
    existing = task(
        {"schemaId": "a1", "objectId": "o1", "bounding-box": {**BOX, "x": 21}, "metadata": {"by": "person"}},
        {"schemaId": "b2", "objectId": "o2", "bounding-box": BOX},
        classifications=[{"schemaId": "q1", "answer": "old"}, {"schemaId": "q2", "answer": "kept"}],
        relations=[{"schemaId": "r", "from": "o1", "to": "o2"}],
    )
    before = copy.deepcopy((new, existing))
    merged = merge(new, existing)
    assert json.dumps(merged.answer) == json.dumps(as_published(new, existing))
    assert merged.notes == ()
    assert merged.doubles == 0
    assert (new, existing) == before
    assert merge_existing(new, existing) == merged.answer


def test_random_answers_are_merged_as_published_or_lose_doubles_only(answers: Any) -> None:
    @settings(max_examples=40, deadline=None)
    @given(answers.right, answers.right)
    def holds(new: Any, other: Any) -> None:
        existing = {"tools": other["objects"], **{key: other[key] for key in ("classifications", "relations")}}
        merged = merge(new, existing)
        expected = as_published(new, existing)
        assert len(merged.answer["objects"]) == len(expected["objects"]) - merged.doubles
        if not merged.doubles and len(merged.answer["relations"]) == len(expected["relations"]):
            assert merged.answer == expected

    holds()


def test_the_same_job_again_adds_nothing(answers: Any) -> None:
    @settings(max_examples=40, deadline=None)
    @given(answers.right)
    def holds(new: Any) -> None:
        once = merge(new, task()).answer
        stored = {"tools": once["objects"], **{key: once[key] for key in ("classifications", "relations")}}
        again = merge(new, stored)
        assert len(again.answer["objects"]) == len(new["objects"])
        assert again.doubles == len(new["objects"])
        assert len(again.answer["classifications"]) == len(new["classifications"])
        assert len(again.answer["relations"]) <= len(new["relations"])

    holds()


@pytest.mark.parametrize(
    ("new", "tool"),
    [
        ({"schemaId": "a1", "bounding-box": BOX}, {"bounding-box": {**BOX, "x": 20.0000001}}),
        ({"schemaId": "a1", "bounding-box": BOX}, {"bounding-box": {"x": 70, "y": 90, "width": -50, "height": -60}}),
        ({"schemaId": "a1", "bounding-box": BOX, "page": 0}, {"bounding-box": {**BOX, "more": 1}, "page": 0.0}),
        (
            {"schemaId": "a1", "rotated-bounding-box": {**BOX, "rotation": 5}},
            {"rotated-bounding-box": {**BOX, "rotation": 5, "corners": [[1, 2]]}},
        ),
        ({"schemaId": "a1", "point": [1, -0.0]}, {"point": [1, 0], "classifications": [{"answer": "x"}], "lock": True}),
        ({"schemaId": "a1", "polygon": "odd"}, {"polygon": "odd"}),
        ({"schemaId": "a1", "ner": {"start": 1, "end": 2}}, {"ner": {"start": 1, "end": 2, "text": "x"}}),
        (
            {"schemaId": "a1", "segmentation": {"zones": [{"region": [[0, 0], [9, 0], [9, 9]]}]}},
            {"segmentation": {"zones": [{"region": [[0, 0], [9, 0], [9, 9]], "holes": []}]}},
        ),
    ],
)
def test_the_same_object_is_kept_as_the_task_has_it(new: Any, tool: Any) -> None:
    existing = {"schemaId": "a1", "objectId": "o1", "metadata": {"by": "person"}, **tool}
    merged = merge(answer(new), task(existing))
    assert merged.answer["objects"] == [existing]
    assert merged.doubles == 1
    assert merged.notes == ("objects: 1 of the answer already there; not added again",)


@pytest.mark.parametrize(
    ("new", "tool"),
    [
        ({"schemaId": "a1", "bounding-box": BOX}, {"schemaId": "b2", "bounding-box": BOX}),
        ({"schemaId": "a1", "bounding-box": BOX}, {"bounding-box": BOX}),
        ({"schemaId": "a1", "bounding-box": BOX}, {"schemaId": "a1", "bounding-box": {**BOX, "width": 50.001}}),
        ({"schemaId": "a1", "point": [1, 2], "page": 1}, {"schemaId": "a1", "point": [1, 2], "page": 2}),
        ({"schemaId": "a1", "point": [1, 2]}, {"schemaId": "a1", "point": [1, 2], "page": 2}),
        ({"title": "Car", "point": [1, 2]}, {"schemaId": "a1", "title": "Bus", "point": [1, 2]}),
        ({"schemaId": "a1", "cuboid": [1]}, {"schemaId": "a1", "cuboid": [1]}),
    ],
)
def test_other_objects_stay_beside_each_other(new: Any, tool: Any) -> None:
    assert merge(answer(new), task(tool)).answer["objects"] == [new, tool]


@pytest.mark.parametrize("new", [{"point": [1, 2]}, {"title": "Car", "point": [1, 2]}])
@pytest.mark.parametrize("tool", [{"schemaId": "a1"}, {"schemaId": "a1", "title": "Car"}])
def test_an_object_whose_tool_the_hub_chose_is_known_again(new: Any, tool: Any) -> None:
    existing = {**tool, "point": [1, 2], "objectId": "o"}
    assert merge(answer(new), task(existing)).answer["objects"] == [existing]


def test_one_of_the_task_accounts_for_one() -> None:
    new = {"schemaId": "a1", "point": [1, 2]}
    tool = {**new, "objectId": "o"}
    merged = merge(answer(new, new, new), task(tool, {**tool, "objectId": "p"}))
    assert [item.get("objectId") for item in merged.answer["objects"]] == [None, "o", "p"]
    assert merged.doubles == 2


def test_relations_follow_to_the_tasks_copy() -> None:
    first = {"schemaId": "a1", "point": [1, 2], "objectId": "n1"}
    second = {"schemaId": "a1", "point": [3, 4], "objectId": "n2"}
    third = {"schemaId": "a1", "point": [5, 6], "objectId": "n3"}
    new = answer(
        first,
        second,
        third,
        relations=[
            {"schemaId": "r", "from": "n1", "to": "n3", "direction": "straight"},
            {"schemaId": "r", "group": ["n1", "n2", "n3"]},
            {"schemaId": "r", "from": "n3", "to": "n3"},
            {"schemaId": "r", "from": "n1", "to": "n2"},
        ],
    )
    existing = task(
        {**first, "objectId": "o1"},
        {"schemaId": "a1", "point": [3, 4]},
        relations=[{"schemaId": "r", "from": "o1", "to": "n2", "objectId": "rel"}],
    )
    merged = merge(new, existing).answer
    assert merged["objects"] == [third, {**first, "objectId": "o1"}, {**second}]
    assert merged["relations"] == [
        {"schemaId": "r", "from": "o1", "to": "n3", "direction": "straight"},
        {"schemaId": "r", "group": ["o1", "n2", "n3"]},
        {"schemaId": "r", "from": "n3", "to": "n3"},
        {"schemaId": "r", "from": "o1", "to": "n2", "objectId": "rel"},
    ]


def test_classifications_without_schema_ids() -> None:
    new = answer(classifications=[{"title": "Kind", "answer": "a"}, {"answer": "b"}])
    existing = task(
        classifications=[
            {"schemaId": "q", "title": "Kind", "answer": "old"},
            {"answer": "b", "objectId": "x"},
            {"answer": "c"},
            {"schemaId": "p", "title": "Other", "answer": "d"},
        ]
    )
    assert merge(new, existing).answer["classifications"] == [
        *new["classifications"],
        {"answer": "c"},
        {"schemaId": "p", "title": "Other", "answer": "d"},
    ]


def test_lists_the_answer_lacks_and_keys_it_has() -> None:
    merged = merge({"data": "u", "objects": []}, task({"point": [1, 2]}, relations=[{"group": ["a"]}])).answer
    assert list(merged.items()) == [
        ("data", "u"),
        ("objects", [{"point": [1, 2]}]),
        ("classifications", []),
        ("relations", [{"group": ["a"]}]),
    ]
    assert merge({}, {"objects": [{"point": [1, 2]}]}).answer["objects"] == [{"point": [1, 2]}]


@pytest.mark.parametrize("existing", [None, [], "x", {}, {"tools": None}, {"tools": 3, "relations": {}}])
def test_whatever_the_hub_sends(existing: Any) -> None:
    new = answer({"point": [1, 2]})
    assert merge(new, existing).answer == new


def test_entries_that_cannot_be_sent_again() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    odd = {"schemaId": ["x"], "title": {}, "objectId": 3, "page": [deep[0]] and "one", "point": [1, 2]}
    merged = merge(
        answer({"point": [1, 2], "objectId": "n"}), task(None, {"a": deep}, {"point": [float("nan"), 1]}, odd)
    )
    assert merged.notes[0].startswith("tools[0], tools[1], tools[2]: of the task cannot be sent again")
    assert merged.answer["objects"] == [{"point": [1, 2], "objectId": "n"}, odd]


def test_an_id_that_is_no_text_gives_way() -> None:
    new = answer({"schemaId": "a", "point": [1, 2], "objectId": "n"}, relations=[{"from": "n", "to": "n"}])
    merged = merge(new, task({"schemaId": "a", "point": [1, 2], "objectId": {}}))
    assert merged.answer == new
