from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.core.job import JobDetail
from desktop_app.ui.asset.items import Layer, annotations_of


def _answer(*objects: Any, **more: Any) -> JobDetail:
    return JobDetail(answer={"objects": list(objects), "classifications": [], "relations": [], **more})


def test_every_shape_is_read(tools: Any) -> None:
    found = annotations_of(tools.detail())
    sent = [item for item in found.items if item.layer is Layer.SENT]
    assert [item.kind for item in sent] == [
        "bounding-box",
        "bounding-box",
        "rotated-bounding-box",
        "polygon",
        "segmentation",
        "polyline",
        "point",
    ]
    assert all(item.bounds is not None for item in sent)
    assert sent[1].bounds == (220, 80, 320, 140), "negative sizes start at the clicked corner"
    assert len(sent[4].zones[0]) == 2, "the region and its hole"
    assert not sent[5].closed
    assert found.layers == {Layer.SENT, Layer.PREDICTIONS}
    assert [(chip.title, chip.answer) for chip in found.chips] == [("Lighting", "warm")]
    assert [(relation.start, relation.end) for relation in found.relations] == [(0, 2)]


def test_a_rotated_box_turns_about_its_first_corner() -> None:
    # The documentation's export sample (facts: annotation-format, Note on rotation).
    box = {"x": 172.98, "y": 101.79, "width": 6.095, "height": 92.03, "rotation": -40.97}
    (item,) = annotations_of(_answer({"rotated-bounding-box": box})).items
    ring = list(item.zones[0][0])
    expected = [172.98, 101.79, 233.32, 171.28, 237.93, 167.28, 177.58, 97.79]
    assert ring == pytest.approx(expected, abs=0.02)


def test_class_and_confidence_come_from_the_prediction_of_the_same_place() -> None:
    box = {"x": 1, "y": 2, "width": 3, "height": 4}
    detail = JobDetail(
        payload={"categorySchema": [{"schemaId": "s", "modelClass": "car"}, {"schemaId": "s", "modelClass": "van"}]},
        answer={"objects": [{"schemaId": "s", "bounding-box": box}]},
        predictions=[{"class": "van", "score": 0.75, "bounding-box": box}],
    )
    sent = annotations_of(detail).items[0]
    assert (sent.name, sent.score, sent.label) == ("van", 0.75, "van 0.75")


def test_names_without_a_prediction() -> None:
    detail = JobDetail(
        payload={"categorySchema": [{"schemaId": "s", "modelClass": "car"}]},
        answer={
            "objects": [
                {"schemaId": "s", "point": [1, 2]},
                {"schemaId": "unknown-1", "point": [1, 2]},
                {"point": [1, 2]},
            ]
        },
    )
    assert [item.name for item in annotations_of(detail).items] == ["car", "schema unknown-", "no class"]


def test_text_spans_and_document_areas() -> None:
    found = annotations_of(
        _answer(
            {"title": "name", "ner": {"start": 5, "end": 2}},
            {"title": "total", "pdf": {"x1": 10, "y1": 20, "x2": 5, "y2": 30, "text": "42 €", "pageNumber": 1}},
            {
                "title": "x",
                "pdf": {"position": {"boundingRect": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}, "content": {"text": "hi"}},
            },
        )
    )
    assert found.items[0].span == (2, 5)
    assert found.items[1].bounds == (5, 20, 10, 30)
    assert found.items[1].text == "42 €"
    assert found.items[2].text == "hi"


def test_nonsense_is_listed_without_geometry() -> None:
    found = annotations_of(
        _answer(
            {"bounding-box": {"x": "1", "y": None}},
            {"polygon": [[1, 2], "x", [3]]},
            {"segmentation": {"zones": [{"region": None}, 7]}},
            {"point": [float("nan"), 1]},
            {"rotated-bounding-box": {}},
            "not an object",
            {"title": 7, "schemaId": 8, "objectId": [], "page": True},
        )
    )
    assert len(found.items) == 7
    assert all(item.bounds is None and not item.zones for item in found.items)


def test_broken_containers() -> None:
    assert (
        annotations_of(JobDetail(payload="x", answer={"objects": 5, "classifications": "x", "relations": None})).items
        == ()
    )
    assert annotations_of(JobDetail()).items == ()


def test_existing_annotations_are_a_layer() -> None:
    found = annotations_of(JobDetail(), {"tools": [{"title": "old", "point": [1, 2]}]})
    assert [(item.layer, item.name) for item in found.items] == [(Layer.EXISTING, "old")]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                (
                    "x",
                    "y",
                    "width",
                    "height",
                    "rotation",
                    "zones",
                    "region",
                    "holes",
                    "position",
                    "boundingRect",
                    "start",
                    "end",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
objects = st.dictionaries(
    st.sampled_from(
        (
            *("bounding-box", "rotated-bounding-box", "polygon", "polyline", "point", "segmentation", "ner", "pdf"),
            *("title", "schemaId", "objectId", "metadata", "classifications", "page", "score", "class", "color"),
        )
    ),
    values,
    max_size=5,
)


@given(st.lists(objects | values, max_size=4), values, values)
def test_no_answer_can_break_the_reading(parts: list[Any], classifications: Any, relations: Any) -> None:
    detail = JobDetail(
        payload={"categorySchema": classifications},
        answer={"objects": parts, "classifications": classifications, "relations": relations},
        predictions=[part for part in parts if isinstance(part, dict)],
    )
    found = annotations_of(detail)
    assert [item.index for item in found.items] == list(range(len(found.items)))
    assert json.dumps([item.label for item in found.items])
