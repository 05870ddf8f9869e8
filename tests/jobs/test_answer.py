"""From a prediction to the response and the HTTP body of every generation, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop_app.core.errors import AnswerError
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import AnswerFormat
from desktop_app.hub import protocol
from desktop_app.jobs.answer import build_answer

URL = "https://x/a.png?sig=1"
POINT = {"title": "bolt", "objectId": "1", "point": [1, 2], "mine": {"kept": True}}
CHOICE = {"title": "kind", "answer": "steel"}
LISTS = {"objects": [POINT], "classifications": [CHOICE], "relations": []}
SCHEMA = [{"schemaId": "s-bolt", "modelClass": "bolt"}]


def job(**fields: Any) -> Any:
    return protocol.parse_job({"session": "S", "dataURL": URL, **fields}, "p")


def from_script(returned: Any, generation: str | None, **fields: Any) -> Prediction:
    return Prediction(returned=returned, generation=generation, **fields)


def instances(*found: dict[str, Any], **fields: Any) -> Prediction:
    values = {"class_names": ("bolt", "nut"), "width": 100, "height": 80, **fields}
    return Prediction(instances=list(found), **values)


def box(name: str = "bolt", index: int = 0, **rect: float) -> dict[str, Any]:
    return {
        "class": name,
        "index": index,
        "score": 0.9,
        "bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4, **rect},
    }


# Scripts, as the published clients of their generation send it


def test_current():
    built = build_answer(from_script(LISTS, "current"), job())
    assert built.response == LISTS
    assert built.body == {"answer": LISTS, "brushDataUrl": None, "medicalBrushDataUrl": None, "duration": 0}
    assert built.is_plugin is True
    assert built.answer == LISTS
    assert (built.notes, built.dropped, built.objects) == ((), 0, 2)


@pytest.mark.parametrize("named", [{"externalId": "a.png"}, {"data": URL}, {"data": URL, "externalId": "a.png"}])
def test_flat(named):
    returned = {**named, **LISTS, "more": 1}
    built = build_answer(from_script(returned, "flat"), job())
    assert json.dumps(built.response) == json.dumps(returned)
    # What the published client hands in, too, is the callback's own dict.
    assert built.body == {"answer": returned, "duration": 0}
    assert built.is_plugin is True


@pytest.mark.parametrize(
    ("client", "says"), [(None, True), ("1.2.4", False), ("1.3.22", False), ("1.3.29", True), ("1.4.10", True)]
)
def test_only_newer_clients_say_that_a_plugin_annotates(client, says):
    built = build_answer(from_script(dict(LISTS), "flat", client=client), job())
    assert built.is_plugin is says


def test_masks_go_along():
    returned = {"answer": LISTS, "brushDataUrl": "https://x/mask.png", "medicalBrushDataUrl": None}
    built = build_answer(from_script(returned, "current"), job())
    assert built.response == LISTS
    assert built.body == {**returned, "duration": 0}


def test_documented_scripts_hand_in_again_what_the_task_came_with():
    old = {"tools": [POINT, {"title": "old", "point": [3, 4]}], "classifications": [CHOICE], "relations": None}
    task = job(workflow=True, labeltask={"_id": "t", "answer": old})
    assert task.task_id == "t"
    built = build_answer(from_script({"answer": LISTS, "data": URL}, "documented"), task)
    assert built.body["answer"]["tools"] == [POINT, {"title": "old", "point": [3, 4]}]
    assert built.body["answer"]["classifications"] == [CHOICE]
    assert built.body["answer"]["relations"] == []


def test_an_export_says_that_it_is_one():
    assert build_answer(from_script("https://x/names.json", None, kind="export"), job()).export
    assert not build_answer(from_script("done", None, kind="batch"), job()).export


def test_documented():
    returned = {"more": 1, "answer": LISTS, "data": URL}
    built = build_answer(from_script(returned, "documented"), job())
    assert json.dumps(built.response) == json.dumps(returned)
    tools = {"tools": [POINT], "classifications": [CHOICE], "relations": []}
    assert built.body == {"answer": tools, "duration": 0}
    assert built.is_plugin is False


@pytest.mark.parametrize("kind", ["batch", "markdown", "export", "file-explorer", "input"])
@pytest.mark.parametrize("told", ["All annotations are imported!", {"files": [1]}, None, ["x"]])
def test_other_kinds_of_plugins_say_what_they_like(kind, told):
    built = build_answer(from_script(told, "current", kind=kind), job())
    assert (built.response, built.answer, built.objects) == (told, None, 0)


def test_other_kinds_of_plugins_cannot_break_the_connection():
    built = build_answer(from_script({"score": float("nan"), "x": [float("inf")]}, "current", kind="markdown"), job())
    assert built.response == {"score": None, "x": [None]}
    assert any("score" in note for note in built.notes)
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    with pytest.raises(AnswerError, match="nested"):
        build_answer(from_script(deep, "current", kind="batch"), job())


@pytest.mark.parametrize("generation", ["documented", "flat"])
def test_what_stands_beside_an_answer_is_cleaned_too(generation):
    answer = {"answer": LISTS} if generation == "documented" else LISTS
    built = build_answer(from_script({"data": URL, **answer, "score": float("nan")}, generation), job())
    assert built.response["score"] is None
    json.dumps(built.response, allow_nan=False)
    assert any("score" in note for note in built.notes)


@pytest.mark.parametrize("generation", ["documented", "flat", "current"])
def test_lists_that_a_script_leaves_out(generation):
    given = {"objects": [POINT]}
    returned = {"data": URL, "answer": given} if generation == "documented" else {"data": URL, **given}
    built = build_answer(from_script(returned, generation), job())
    # Its own dict as it is; what is made of it, whole.
    if generation != "current":
        assert built.response == returned
    else:
        assert built.response == {**given, "classifications": [], "relations": []}
    assert built.answer == {**given, "classifications": [], "relations": []}
    assert set(built.body["answer"]) == {
        "tools" if generation == "documented" else "objects",
        "classifications",
        "relations",
        *(["data"] if generation == "flat" else []),
    }
    assert built.objects == 1


def test_a_flat_dict_from_a_current_script_is_taken():
    """The published client cannot; its own sample returns one."""
    built = build_answer(from_script({"externalId": "a", **LISTS}, "current"), job())
    assert built.response == LISTS


def test_an_answer_inside_from_a_current_script_is_taken():
    assert build_answer(from_script({"answer": LISTS}, "current"), job()).response == LISTS


def test_tools_for_objects():
    built = build_answer(from_script({"data": URL, "tools": [POINT]}, "flat"), job())
    assert built.response["objects"] == [POINT]


def test_a_bare_list_is_the_objects():
    built = build_answer(from_script([POINT], "current"), job())
    assert built.response["objects"] == [POINT]


@pytest.mark.parametrize("returned", [None, 5, "text", True, {}, {"data": URL}, {"x": 1}])
def test_what_is_no_answer(returned):
    with pytest.raises(AnswerError) as caught:
        build_answer(from_script(returned, "current"), job())
    assert caught.value.remedy


@pytest.mark.parametrize("objects", ["text", 5, {"a": 1}])
def test_a_mistake_names_the_field(objects):
    with pytest.raises(AnswerError) as caught:
        build_answer(from_script({"objects": objects}, "current"), job())
    assert "objects" in str(caught.value)


# Formats that a profile asks for


@pytest.mark.parametrize("generation", ["documented", "flat", "current", None])
@pytest.mark.parametrize("wanted", [AnswerFormat.CURRENT, AnswerFormat.FLAT, AnswerFormat.DOCUMENTED])
def test_a_profile_may_ask_for_another_format(generation, wanted):
    if generation is None:
        prediction = instances(box())
    else:
        given = {"answer": LISTS} if generation == "documented" else LISTS
        prediction = from_script({"data": URL, **given}, generation)
    built = build_answer(prediction, job(), wanted)
    assert built.answer is not None
    expected = {
        AnswerFormat.CURRENT: built.answer,
        AnswerFormat.FLAT: {"data": URL, **built.answer},
        AnswerFormat.DOCUMENTED: {"data": URL, "answer": built.answer},
    }
    assert built.response == expected[wanted]
    assert built.is_plugin is (wanted is not AnswerFormat.DOCUMENTED)
    assert ("tools" in built.body["answer"]) is (wanted is AnswerFormat.DOCUMENTED)
    assert ("brushDataUrl" in built.body) is (wanted is AnswerFormat.CURRENT)


def test_models_of_ours_answer_in_the_current_form():
    built = build_answer(instances(box()), job(categorySchema=SCHEMA))
    [found] = built.response["objects"]
    assert found["schemaId"] == "s-bolt"
    assert found["bounding-box"] == {"x": 1, "y": 2, "width": 3, "height": 4}
    assert found["metadata"] == {"class": "bolt", "confidence": 0.9}
    assert set(built.response) == {"objects", "classifications", "relations"}


# Class mapping and clipping


def test_classes_without_a_tool_are_left_out_and_counted():
    built = build_answer(instances(box(), box("nut", 1), box("nut", 1)), job(categorySchema=SCHEMA))
    assert len(built.response["objects"]) == 1
    assert built.dropped == 2
    assert any('"nut"' in note for note in built.notes)


@pytest.mark.parametrize("schema", [None, [], "nonsense", {"a": 1}, [None, 5, {}]])
def test_without_a_mapping_every_class_keeps_its_name(schema):
    built = build_answer(instances(box(), box("nut", 1)), job(categorySchema=schema))
    assert [found["title"] for found in built.response["objects"]] == ["bolt", "nut"]
    assert not any("schemaId" in found for found in built.response["objects"])
    assert built.dropped == 0


def test_what_sticks_out_is_clipped_and_what_lies_outside_is_dropped():
    built = build_answer(instances(box(x=95, width=20), box(x=500)), job())
    assert [found["bounding-box"]["width"] for found in built.response["objects"]] == [5]
    assert built.dropped == 1


def test_a_classifier():
    prediction = Prediction(classifications=[{"class": "bolt", "index": 0, "score": 0.8}], class_names=("bolt",))
    built = build_answer(prediction, job())
    assert built.response["classifications"] == [{"title": "bolt", "answer": "bolt"}]


def test_points_of_a_pose_carry_the_instances_id():
    pose = {**box(), "points": [{"name": "head", "point": [2, 3], "score": 0.7}]}
    built = build_answer(instances(pose), job())
    ids = [found.get("objectId") for found in built.response["objects"]]
    assert ids == ["bolt-1", "bolt-1-head"]
    assert built.response["objects"][1]["metadata"]["instance"] == "bolt-1"


# What the task has


@pytest.mark.parametrize("generation", ["documented", "flat", "current", None])
def test_what_the_task_has_is_added(generation):
    old = {"schemaId": "x", "title": "old", "objectId": "o", "point": [7, 8]}
    existing = {"tools": [old], "classifications": [], "relations": [{"from": "o", "to": "o"}]}
    if generation is None:
        prediction = instances(box())
    else:
        given = {"answer": LISTS} if generation == "documented" else LISTS
        prediction = from_script({"data": URL, **given}, generation)
    built = build_answer(prediction, job(), existing=existing)
    assert built.answer is not None
    assert built.answer["objects"][-1] == old
    assert len(built.answer["objects"]) == 2
    assert built.answer["relations"] == [{"from": "o", "to": "o"}]
    inner = built.body["answer"]
    assert inner.get("objects", inner.get("tools")) == built.answer["objects"]


def test_running_again_doubles_nothing_and_says_so():
    existing = {"tools": [POINT], "classifications": [CHOICE], "relations": []}
    built = build_answer(from_script(LISTS, "current"), job(), existing=existing)
    assert built.answer is not None
    assert len(built.answer["objects"]) == 1
    assert any("already there" in note for note in built.notes)


@pytest.mark.parametrize("existing", [{}, {"tools": None}, {"tools": "x"}, {"tools": [None, 5]}])
def test_a_task_with_nothing_readable(existing):
    built = build_answer(from_script(LISTS, "current"), job(), existing=existing)
    assert built.answer is not None
    assert built.answer["objects"] == [POINT]
