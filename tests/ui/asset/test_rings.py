from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from desktop_app.core.job import JobDetail
from desktop_app.ui.asset.items import annotations_of
from desktop_app.ui.asset.look import Look, View
from desktop_app.ui.asset.render import render_overlay
from desktop_app.ui.asset.rings import polygon
from desktop_app.ui.asset.scene import Scene
from desktop_app.ui.theme import ui_font


def scene_of(*objects: dict[str, Any]) -> Scene:
    return Scene.of(annotations_of(JobDetail(answer={"objects": list(objects)})))


def line(count: int, step: float, y: float = 0.0) -> dict[str, Any]:
    return {"title": "line", "polygon": [[n * step, y + n % 2 * 1e-4] for n in range(count)]}


def test_a_polygon_holds_the_very_points(qapp: Any) -> None:
    points = np.array([[1.5, 2.0], [3.0, -4.25], [1e9, 0.0]])
    assert [(point.x(), point.y()) for point in polygon(points).toList()] == [tuple(row) for row in points.tolist()]
    assert polygon(np.empty((0, 2))).isEmpty()


def test_outlines_are_thinned_to_the_screen(qapp: Any) -> None:
    scene = scene_of(line(1000, 0.01), line(1000, 0.01, y=50))
    both = np.array([0, 1])
    thinned, first = scene.rings.seen(both, 1.0, (0, 0), 0.5)
    assert first.tolist() == [0, 1, 2]
    assert all(2 < thinned.polygon(ring).size() < 25 for ring in (0, 1))
    whole, _ = scene.rings.seen(both, 1000.0, (0, 0), 0.5)
    assert [whole.polygon(ring).size() for ring in (0, 1)] == [1000, 1000]


def test_each_item_finds_its_own_rings(qapp: Any) -> None:
    square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    hole = [[2, 2], [4, 2], [4, 4]]
    scene = scene_of(
        {"title": "box", "bounding-box": {"x": 0, "y": 0, "width": 5, "height": 5}},
        {"title": "mask", "segmentation": {"zones": [{"region": square, "holes": [hole]}, {"region": square}]}},
        {"title": "none"},
        {"title": "tiny", "polygon": [[7, 7], [7.1, 7], [7, 7.1]]},
    )
    thinned, first = scene.rings.seen(np.array([0, 1, 2]), 2.0, (100, 200), 0.5)
    assert first.tolist() == [0, 1, 4, 5]
    hole_drawn = [(point.x(), point.y()) for point in thinned.polygon(2).toList()]
    assert hole_drawn == [(108, 208), (108, 204), (104, 204)], "the other way round than its outline"
    assert thinned.polygon(4).size() == 3, "few points are corners, however close"
    # A part of them, in another order: as when only these are in sight.
    part, first = scene.rings.seen(np.array([2, 1]), 2.0, (0, 0), 0.5)
    assert first.tolist() == [0, 1, 4]
    assert part.polygon(0).at(0).x() == 14
    assert part.polygon(2).at(1).x() == 8
    nothing, first = scene.rings.seen(np.array([], dtype=np.int64), 2.0, (0, 0), 0.5)
    assert first.tolist() == [0]
    assert nothing.starts.tolist() == [0]


def test_many_rings_become_one_path(qapp: Any) -> None:
    square = {"title": "a", "polygon": [[0, 0], [10, 0], [10, 10], [0, 10]]}
    open_line = {"title": "b", "polyline": [[0, 0], [5, 5], [9, 1]]}
    rings, _ = scene_of(square, square, open_line).rings.seen(np.array([0, 1, 2]), 1.0, (1, 2), 0.5)
    path = rings.path(0, 2, closed=True)
    found = [(int(e.type.value), e.x, e.y) for e in (path.elementAt(n) for n in range(path.elementCount()))]
    assert found == 2 * [(0, 1, 2), (1, 11, 2), (1, 11, 12), (1, 1, 12), (1, 1, 2)]
    assert rings.path(2, 3, closed=False).elementCount() == 3
    assert rings.path(2, 2, closed=True).elementCount() == 0


def blob(number: int) -> list[list[float]]:
    x, y = number % 100 * 40 + 20, number // 100 * 30 + 15
    turns = (step * math.tau / 100 for step in range(100))
    return [[x + 14 * math.cos(turn), y + 11 * math.sin(turn)] for turn in turns]


def test_ten_thousand_polygons_are_drawn_quickly(qapp: Any) -> None:
    scene = scene_of(*({"title": f"c{number % 7}", "polygon": blob(number)} for number in range(10_000)))
    begun = time.thread_time()
    image = render_overlay(scene, View(0.4, 0, 0, 1600, 1200), Look(), ui_font())
    # The budget is 0.3 s on a quiet machine; here only the order of magnitude is held.
    assert time.thread_time() - begun < 2
    assert max(image.pixelColor(8, y).alpha() for y in range(5)) > 100, "the top of the first outline"
    assert 0 < image.pixelColor(8, 6).alpha() < 100, "and its fill"
