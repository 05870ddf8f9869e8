from __future__ import annotations

from typing import Any

from desktop_app.child.merge import merged


def _new(**parts: Any) -> dict[str, Any]:
    return {"objects": [], "classifications": [], "relations": [], **parts}


def test_existing_tools_follow_the_new_objects() -> None:
    existing = {"tools": [{"objectId": "old"}], "classifications": [], "relations": [{"from": "a"}]}
    assert merged(existing, _new(objects=[{"objectId": "new"}])) == {
        "objects": [{"objectId": "new"}, {"objectId": "old"}],
        "classifications": [],
        "relations": [{"from": "a"}],
    }


def test_only_classifications_that_the_new_ones_lack_are_kept() -> None:
    existing = {"classifications": [{"schemaId": "a", "answer": "old"}, {"schemaId": "b", "answer": "old"}]}
    new = _new(classifications=[{"schemaId": "a", "answer": "new"}])
    assert merged(existing, new)["classifications"] == [
        {"schemaId": "a", "answer": "new"},
        {"schemaId": "b", "answer": "old"},
    ]


def test_a_repeated_job_doubles_nothing() -> None:
    box = {"bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4}, "schemaId": "s"}
    once = merged({"tools": []}, _new(objects=[box]))
    twice = merged({"tools": once["objects"]}, _new(objects=[dict(box)]))
    assert twice["objects"] == [box]


def test_a_task_without_an_answer() -> None:
    assert merged({}, _new()) == _new()
    assert merged({"tools": None, "classifications": None, "relations": None}, _new()) == _new()
