from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings

from desktop_app.core.annotation import (
    MAX_NESTING,
    AnnotationObject,
    Answer,
    BoundingBox,
    Classification,
    PdfArea,
    Point,
    Polygon,
    Relation,
    RotatedBox,
    Segmentation,
    TextSpan,
    Zone,
)
from desktop_app.core.geometry import rotated_corners
from desktop_app.core.shapes import SHAPES

ROUND = settings(max_examples=60, deadline=None)


def only_object(value: dict[str, Any]) -> AnnotationObject:
    (item,) = Answer.parse({"objects": [value]}).objects
    return item


def test_right_answers_survive_reading_and_writing(answers: Any) -> None:
    @ROUND
    @given(answers.right)
    def holds(value: Any) -> None:
        answer = Answer.parse(value)
        assert answer.to_json() == value
        assert Answer.parse(answer.to_json()) == answer
        # int stays int, float stays float
        assert json.dumps(answer.to_json(), sort_keys=True) == json.dumps(value, sort_keys=True)

    holds()


@pytest.mark.parametrize("key", sorted(SHAPES))
def test_every_shape_is_read_as_itself(answers: Any, key: str) -> None:
    @settings(max_examples=15, deadline=None)
    @given(dict(answers.shapes)[key])
    def holds(value: Any) -> None:
        shape = only_object({key: value}).shape
        assert shape is not None
        assert type(shape) is SHAPES[key]
        assert shape.key == key
        assert shape.to_json() == value
        if key == "ner":
            assert shape.bounds is None
        else:
            left, top, right, bottom = shape.bounds or pytest.fail("a shape on the picture has bounds")
            assert left <= right
            assert top <= bottom

    holds()


def test_anything_can_be_parsed(answers: Any) -> None:
    for strategy in (answers.anything, answers.nearly_right):

        @ROUND
        @given(strategy)
        def holds(value: Any) -> None:
            answer = Answer.parse(value)
            assert repr(Answer.parse(answer.to_json())) == repr(answer)

        holds()


def test_a_task_says_tools_for_objects() -> None:
    assert Answer.parse({"tools": [{"point": [1, 2]}, "x", None]}).objects == (AnnotationObject(Point(1, 2)),)
    assert Answer.parse({"objects": None, "classifications": {}, "relations": 3}) == Answer()
    assert Answer.parse([]) == Answer()


def test_boxes_of_negative_size_are_turned_round() -> None:
    shape = only_object({"bounding-box": {"x": 30, "y": 40, "width": -10, "height": -20, "note": 1}}).shape
    assert shape == BoundingBox(20, 20, 10, 20, {"note": 1})
    assert shape.bounds == (20, 20, 30, 40)


@pytest.mark.parametrize(("width", "height"), [(-6, 9), (6, -9), (-6, -9)])
def test_rotated_boxes_of_negative_size_cover_the_same_place(width: float, height: float) -> None:
    given_box = {"x": 50, "y": 60, "width": width, "height": height, "rotation": 33, "corners": [[0, 0]] * 4}
    shape = only_object({"rotated-bounding-box": given_box}).shape
    assert isinstance(shape, RotatedBox)
    assert (shape.width, shape.height) == (6, 9)
    assert shape.extra == {}
    before = rotated_corners(50, 60, width, height, 33)
    for corner in shape.corners:
        assert any(corner == pytest.approx(other) for other in before)


def test_an_exported_rotated_box_keeps_its_corners() -> None:
    value = {
        "x": 172.98,
        "y": 101.79,
        "width": 6.095,
        "height": 92.03,
        "rotation": -40.97,
        "corners": [[172.98, 101.79]],
    }
    shape = only_object({"rotated-bounding-box": value}).shape
    assert isinstance(shape, RotatedBox)
    assert shape.to_json() == value
    assert shape.bounds == pytest.approx((172.98, 97.79, 237.93, 171.28), abs=0.02)


def test_segmentation_with_zones_and_holes() -> None:
    square = [[0, 0], [9, 0], [9, 9], [0, 9]]
    hole = [[2, 2], [4, 2], [4, 4]]
    value = {"zones": [{"region": square, "holes": [hole, hole], "z": 1}, {"region": hole}], "brush": False}
    shape = only_object({"segmentation": value}).shape
    points = tuple(map(tuple, square))
    small = ((2, 2), (4, 2), (4, 4))
    assert shape == Segmentation((Zone(points, (small, small), {"z": 1}), Zone(small)), {"brush": False})
    assert shape.to_json()["zones"][1] == {"region": hole, "holes": []}
    assert shape.bounds == (0, 0, 9, 9)


def test_pdf_in_both_forms() -> None:
    flat = {"x1": 9, "y1": 20, "x2": 3, "y2": 40, "width": 600, "height": 800, "pageNumber": 2, "text": "sum", "id": 7}
    shape = only_object({"pdf": flat}).shape
    assert shape == PdfArea(9, 20, 3, 40, 600, 800, 2, "sum", extra={"id": 7})
    assert shape.bounds == (3, 20, 9, 40)
    assert shape.to_json() == flat
    odd = {"x1": 1, "y1": 2, "x2": 3, "y2": 4, "width": "x", "pageNumber": "2", "text": None}
    assert PdfArea.parse(odd).to_json() == odd
    area = {"x1": 1, "y1": 2, "x2": 3.5, "y2": 4, "width": 600, "height": 800}
    exported = {
        "position": {"boundingRect": area, "rects": [area], "pageNumber": 4},
        "content": {"image": "data:image/png;base64,AA=="},
    }
    shape = only_object({"pdf": exported}).shape
    assert isinstance(shape, PdfArea)
    assert (shape.width, shape.height, shape.page_number, shape.text) == (600, 800, 4, None)
    assert shape.image == "data:image/png;base64,AA=="
    assert shape.rects == ((1, 2, 3.5, 4),)
    assert shape.to_json() == exported
    assert PdfArea.parse({"position": {"boundingRect": area}}).rects == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bounding-box", {"x": 1, "y": 2, "width": 3}),
        ("bounding-box", {"x": 1, "y": 2, "width": 3, "height": float("nan")}),
        ("bounding-box", {"x": True, "y": 2, "width": 3, "height": 3}),
        ("bounding-box", [1, 2, 3, 4]),
        ("rotated-bounding-box", {"x": 1, "y": 2, "width": 3, "height": 4}),
        ("polygon", [[1, 2], [3, 4]]),
        ("polygon", [[1, 2], [3, 4], [5, 6, 7]]),
        ("polygon", [[1, 2], [3, 4], [5, "6"]]),
        ("polygon", "x"),
        ("polyline", [[1, 2]]),
        ("point", [1]),
        ("point", None),
        ("segmentation", {"zones": []}),
        ("segmentation", {"zones": [3]}),
        ("segmentation", {"zones": [{"region": [[1, 2], [3, 4], [5, 6]], "holes": 3}]}),
        ("segmentation", []),
        ("ner", {"start": 1}),
        ("pdf", {"position": None}),
        ("pdf", {"position": {"boundingRect": 3}}),
        ("pdf", None),
        ("cuboid", {"x": 1}),
    ],
)
def test_a_shape_that_cannot_be_read_stays_in_extra(key: str, value: Any) -> None:
    item = only_object({key: value, "schemaId": "a1"})
    assert item.shape is None
    assert item.schema_id == "a1"
    assert repr(item.to_json()) == repr({"schemaId": "a1", key: value})


def test_of_two_shapes_the_first_that_can_be_read_counts() -> None:
    item = only_object({"polygon": None, "point": [1, 2], "ner": {"start": 1, "end": 2}})
    assert item.shape == Point(1, 2)
    assert item.extra == {"polygon": None, "ner": {"start": 1, "end": 2}}


def test_wrong_types_stay_in_extra() -> None:
    value = {"point": [1, 2], "schemaId": None, "title": 3, "objectId": ["x"], "page": True, "classifications": [1]}
    item = only_object(value)
    assert item.shape == Point(1, 2)
    assert (item.schema_id, item.title, item.object_id, item.page, item.classifications) == (None,) * 4 + ((),)
    assert item.to_json() == value


def test_nested_classifications() -> None:
    value = {
        "schemaId": "a1",
        "tool": "radio",
        "title": "Kind",
        "answer": "Car",
        "classifications": [{"schemaId": "b2", "answer": ["Trunk / Branch / Leaf"], "lock": True}],
    }
    (item,) = Answer.parse({"classifications": [value]}).classifications
    inner = Classification("b2", ("Trunk / Branch / Leaf",), extra={"lock": True})
    assert item == Classification("a1", "Car", "Kind", "radio", (inner,))
    assert item.to_json() == value
    (odd,) = Answer.parse({"classifications": [{"answer": True}]}).classifications
    assert odd == Classification(extra={"answer": True})


def test_very_deep_nesting_is_left_unread() -> None:
    value: dict[str, Any] = {"answer": "x"}
    for _ in range(300):
        value = {"answer": "x", "classifications": [value]}
    (item,) = Answer.parse({"classifications": [value]}).classifications
    for _ in range(MAX_NESTING):
        (item,) = item.classifications
    assert item.classifications == ()
    assert "classifications" in item.extra


def test_relations() -> None:
    link = {"schemaId": "r", "title": "holds", "objectId": "o", "from": "a", "to": "b", "direction": "straight"}
    group = {"schemaId": "r", "group": ["a", "b"]}
    odd = {"schemaId": "r", "from": 3, "group": [1], "to": "b"}
    answer = Answer.parse({"relations": [link, group, odd]})
    assert answer.relations == (
        Relation("r", "holds", "o", "a", "b", "straight"),
        Relation("r", group=("a", "b")),
        Relation("r", target="b", extra={"from": 3, "group": [1]}),
    )
    assert answer.to_json()["relations"] == [link, group, odd]


def test_text_span() -> None:
    assert only_object({"ner": {"start": 1.5, "end": 2, "text": "x"}}).shape == TextSpan(1.5, 2, {"text": "x"})


def test_ten_thousand_boxes_are_read_in_a_moment() -> None:
    boxes = [{"bounding-box": {"x": 1.5, "y": 2, "width": 3, "height": 4}, "schemaId": "a"} for _ in range(10_000)]
    before = time.perf_counter()
    answer = Answer.parse({"objects": boxes})
    assert time.perf_counter() - before < 2
    assert isinstance(answer.objects[-1].shape, BoundingBox)
    assert Polygon.parse([[0, 0], [1, 0], [0, 1]]).points == ((0, 0), (1, 0), (0, 1))
