from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.core.geometry import (
    bounds,
    clip_polygon,
    crosses_itself,
    is_flat,
    polygon_area,
    rotated_corners,
    rotated_from_corners,
    wrap_degrees,
)

SAMPLE = (172.98, 101.79, 6.095, 92.03, -40.97)
SAMPLE_CORNERS = [(172.98, 101.79), (233.32, 171.28), (237.93, 167.28), (177.58, 97.79)]


def test_corners_are_those_of_the_documentation() -> None:
    for ours, theirs in zip(rotated_corners(*SAMPLE), SAMPLE_CORNERS, strict=True):
        assert ours == pytest.approx(theirs, abs=0.011)


def test_box_is_read_from_the_documentations_corners() -> None:
    assert rotated_from_corners(SAMPLE_CORNERS) == pytest.approx(SAMPLE, abs=0.05)


def test_angles_grow_clockwise_on_screen() -> None:
    corners = rotated_corners(10, 10, 4, 2, 90)
    assert corners[3] == pytest.approx((10, 14))
    assert corners[1] == pytest.approx((8, 10))


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.5, 1e4), st.floats(0.5, 1e4), st.floats(-179.9, 179.9))
def test_corners_and_back(x: float, y: float, width: float, height: float, rotation: float) -> None:
    box = (x, y, width, height, rotation)
    corners = rotated_corners(*box)
    assert rotated_from_corners(corners) == pytest.approx(box, rel=1e-6, abs=1e-6)
    # The other way round is the same box; its sides may only swap names.
    first, second, third, fourth = corners
    turned = rotated_corners(*rotated_from_corners([first, fourth, third, second]))
    assert all(min(math.dist(a, b) for b in corners) < 1e-3 for a in turned)


def test_a_box_of_no_width_keeps_its_angle() -> None:
    assert rotated_from_corners(rotated_corners(5, 6, 0, 10, 30)) == pytest.approx((5, 6, 0, 10, 30))


def test_four_corners_are_needed() -> None:
    with pytest.raises(ValueError, match="four corners"):
        rotated_from_corners([(0, 0), (1, 1), (2, 2)])


@pytest.mark.parametrize(("angle", "wrapped"), [(180, 180), (-180, -180), (270, -90), (-190, 170), (725, 5), (12, 12)])
def test_wrapped_angles(angle: float, wrapped: float) -> None:
    assert wrap_degrees(angle) == wrapped


def test_area_and_bounds() -> None:
    square = [[1e6, 1e6], [1e6 + 2, 1e6], [1e6 + 2, 1e6 + 3], [1e6, 1e6 + 3]]
    assert polygon_area(square) == 6
    assert polygon_area(square[::-1]) == 6
    assert polygon_area([[0, 0], [1, 1], [2, 2]]) == 0
    assert polygon_area([]) == 0
    assert bounds(square) == (1e6, 1e6, 1e6 + 2, 1e6 + 3)


def test_flat() -> None:
    assert is_flat([])
    assert is_flat([[3, 4], [3, 4], [3, 4]])
    assert is_flat([[3, 4], [3, 4], [5, 6], [-1, 0]])
    assert not is_flat([[0, 0], [9, 9], [9, 0], [0, 9]])


def test_clip_cuts_a_corner_off() -> None:
    clipped = clip_polygon([[-5, 5], [5, -5], [15, 5], [5, 15]], 10, 10)
    assert polygon_area(clipped) == pytest.approx(100)
    assert clip_polygon([[2, 2], [4, 2], [4, 4]], 10, 10) == [[2, 2], [4, 2], [4, 4]]
    assert clip_polygon([[20, 20], [40, 20], [40, 40]], 10, 10) == []
    assert polygon_area(clip_polygon([[-10, 4], [20, 4], [20, 6], [-10, 6]], 10, 10)) == pytest.approx(20)


POINT = st.tuples(st.integers(-20, 20), st.integers(-20, 20)).map(list)


@given(st.lists(POINT, min_size=3, max_size=3), st.lists(POINT, min_size=3, max_size=9))
def test_clip_stays_inside_and_loses_nothing(triangle: list[list[int]], points: list[list[int]]) -> None:
    for clipped in (clip_polygon(triangle, 10, 7), clip_polygon(points, 10, 7)):
        assert all(-1e-9 <= x <= 10 + 1e-9 and -1e-9 <= y <= 7 + 1e-9 for x, y in clipped)
    # The four parts around the middle of the picture make up the whole.
    whole = polygon_area(clip_polygon(triangle, 10, 7))
    moved = [[x - 5, y - 3] for x, y in triangle]
    parts = [[[x * sx, y * sy] for x, y in moved] for sx in (1, -1) for sy in (1, -1)]
    heights = (4, 3, 4, 3)
    areas = [polygon_area(clip_polygon(part, 5, height)) for part, height in zip(parts, heights, strict=True)]
    assert sum(areas) == pytest.approx(whole, abs=1e-6)


def crosses_by_brute_force(points: list[list[int]]) -> bool:
    def turn(p: list[int], q: list[int], r: list[int]) -> int:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    sides = [(points[index], points[(index + 1) % len(points)]) for index in range(len(points))]
    return any(
        turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0
        for first, (a, b) in enumerate(sides)
        for c, d in sides[first + 1 :]
    )


@given(st.lists(POINT, min_size=3, max_size=12))
def test_crossing_is_what_brute_force_finds(points: list[list[int]]) -> None:
    assert crosses_itself(points, 10_000)[0] == crosses_by_brute_force(points)


def test_crossing_known_shapes() -> None:
    assert crosses_itself([[0, 0], [10, 10], [10, 0], [0, 10]], 1000)[0]
    assert not crosses_itself([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], 1000)[0]
    # Two parts that touch in a point, as traced masks have them.
    assert not crosses_itself([[0, 0], [5, 5], [10, 0], [10, 10], [5, 5], [0, 10]], 1000)[0]


def test_crossing_takes_few_steps_on_an_outline_and_gives_up_on_a_scribble() -> None:
    circle = [[math.cos(i / 2000 * math.tau), math.sin(i / 2000 * math.tau)] for i in range(2000)]
    crosses, steps = crosses_itself(circle, 100_000)
    assert not crosses
    assert steps < 12_000
    comb = [*([index % 2 * 1000, index] for index in range(5000)), [-1, 5000], [-1, -1]]
    assert crosses_itself(comb, 20_000) == (False, 20_000)
    many = [[random.random(), random.random()] for _ in range(200_000)]
    assert crosses_itself(many, 100_000) == (False, 100_000)
