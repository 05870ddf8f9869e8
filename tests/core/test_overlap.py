from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.core.annotation import AnnotationObject
from desktop_app.core.overlap import Form, may_reach, similarity

REACH = 10.0


def form(**shape: Any) -> Form:
    return Form(AnnotationObject.parse({key.replace("_", "-"): value for key, value in shape.items()}))


def box(x: float, y: float, width: float, height: float) -> Form:
    return form(bounding_box={"x": x, "y": y, "width": width, "height": height})


def ring(x: float, y: float, width: float, height: float) -> list[list[float]]:
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def disc(x: float, y: float, radius: float) -> Form:
    turns = [math.tau * n / 60 for n in range(60)]
    return form(polygon=[[x + radius * math.cos(turn), y + radius * math.sin(turn)] for turn in turns])


patient = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

sides = st.floats(1, 500)
places = st.floats(-1000, 1000)
boxes = st.builds(box, places, places, sides, sides)


@patient
@given(boxes, boxes)
def test_of_boxes_it_is_exact_symmetric_and_a_polygon_is_no_other(a: Form, b: Form) -> None:
    assert a.box is not None
    assert b.box is not None
    width = max(0.0, min(a.box[2], b.box[2]) - max(a.box[0], b.box[0]))
    height = max(0.0, min(a.box[3], b.box[3]) - max(a.box[1], b.box[1]))
    expected = width * height / (a.area + b.area - width * height)
    assert similarity(a, b, REACH) == pytest.approx(expected)
    assert similarity(b, a, REACH) == pytest.approx(expected)
    assert may_reach(a, b, expected) or expected == 0
    left, top, right, bottom = b.box
    as_polygon = form(polygon=ring(left, top, right - left, bottom - top))
    assert similarity(a, as_polygon, REACH) == pytest.approx(expected, abs=0.06)


def test_holes_zones_and_crossing_outlines_count_as_they_are_drawn() -> None:
    whole = form(polygon=ring(0, 0, 100, 100))
    holed = form(segmentation={"zones": [{"region": ring(0, 0, 100, 100), "holes": [ring(25, 25, 50, 50)]}]})
    assert similarity(whole, holed, REACH) == pytest.approx(0.75, abs=0.01)
    halves = [{"region": ring(0, 0, 40, 100)}, {"region": ring(60, 0, 40, 100)}]
    assert similarity(whole, form(segmentation={"zones": halves}), REACH) == pytest.approx(0.8, abs=0.01)
    eight = form(polygon=[[0, 0], [100, 100], [100, 0], [0, 100]])
    assert similarity(whole, eight, REACH) == pytest.approx(0.5, abs=0.02)


def test_discs_and_turned_boxes() -> None:
    assert similarity(disc(50, 50, 40), disc(50, 50, 20), REACH) == pytest.approx(0.25, abs=0.02)
    turned = form(rotated_bounding_box={"x": 50, "y": 0, "width": 50 * 2**0.5, "height": 50 * 2**0.5, "rotation": 45})
    assert similarity(turned, box(0, 0, 100, 100), REACH) == pytest.approx(0.5, abs=0.02)
    low, high = form(polygon=ring(0, 0, 100, 1)), form(polygon=ring(0, 0, 100, 1000))
    assert similarity(low, high, REACH) == pytest.approx(0.001, rel=0.3)


def test_points_lines_and_spans() -> None:
    assert similarity(form(point=[0, 0]), form(point=[6, 8]), REACH) == pytest.approx(0.5)
    line, moved = form(polyline=[[0, 0], [100, 0]]), form(polyline=[[100, 10], [50, 10], [0, 10]])
    assert similarity(line, moved, REACH) == pytest.approx(0.5), "the direction does not matter"
    assert similarity(form(ner={"start": 0, "end": 10}), form(ner={"start": 5, "end": 15}), REACH) == pytest.approx(
        1 / 3
    )


def test_groups_and_pages_stay_apart() -> None:
    here = Form(AnnotationObject.parse({"point": [1, 1], "page": 1}))
    there = Form(AnnotationObject.parse({"point": [1, 1], "page": 2}))
    assert similarity(here, here, REACH) == 1
    assert similarity(here, there, REACH) == 0
    assert similarity(box(0, 0, 1, 1), form(point=[0, 0]), REACH) == 0
    strange = form(cuboid={"x": 1})
    assert similarity(strange, form(cuboid={"x": 1}), REACH) == 1
    assert similarity(strange, form(cuboid={"x": 2}), REACH) == 0
    flat = form(polyline=[[5, 5], [5, 5]])
    assert similarity(flat, form(polyline=[[5, 5], [5, 15]]), REACH) > 0.5
