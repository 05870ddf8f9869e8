from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtGui import QColor

from desktop_app.core.job import JobDetail
from desktop_app.ui.asset.items import Layer, annotations_of
from desktop_app.ui.asset.look import Filter, Look, View
from desktop_app.ui.asset.pictures import read_picture
from desktop_app.ui.asset.render import Stack, render, render_overlay
from desktop_app.ui.asset.scene import Scene
from desktop_app.ui.theme import ui_font
from desktop_app.ui.tokens import class_colour

VIEW = View(2.0, 0, 0, 800, 700)


def _overlay(detail: JobDetail, look: Look, view: View = VIEW) -> Any:
    return render_overlay(Scene.of(annotations_of(detail)), view, look, ui_font())


def _near(colour: QColor, wanted: str) -> bool:
    other = QColor(wanted)
    parts = ((colour.red(), other.red()), (colour.green(), other.green()), (colour.blue(), other.blue()))
    return all(abs(a - b) <= 3 for a, b in parts)


def test_shapes_lie_where_they_belong(tools: Any, qapp: Any) -> None:
    image = _overlay(tools.detail(), Look(labels=False))
    assert _near(image.pixelColor(80, 160), class_colour("bolt"))
    assert 0 < image.pixelColor(120, 200).alpha() < 120, "filled lightly"
    assert image.pixelColor(480, 440).alpha() == 0, "a hole is empty"
    assert image.pixelColor(420, 380).alpha() > 0
    assert _near(image.pixelColor(690, 120), class_colour("centre"))


def test_fill_labels_and_filters(tools: Any, qapp: Any) -> None:
    plain = _overlay(tools.detail(), Look(fill=False, labels=False))
    assert plain.pixelColor(120, 200).alpha() == 0
    labelled = _overlay(tools.detail(), Look(fill=False))
    assert labelled != plain
    assert labelled.pixelColor(84, 70).alpha() > 200, "the label stands above its box"
    nothing = _overlay(tools.detail(), Look(Filter(frozenset()), labels=False))
    assert all(nothing.pixelColor(x, y).alpha() == 0 for x in range(0, 800, 7) for y in range(0, 700, 7))
    raw = _overlay(tools.detail(), Look(Filter(frozenset({Layer.PREDICTIONS}), min_score=0.5), labels=False))
    assert raw.pixelColor(20, 40).alpha() == 0, "below the confidence that is asked for"


def test_labels_at_the_edge_stay_in_sight(qapp: Any) -> None:
    spare = 100
    view = View(1.0, spare, spare, 400 + 2 * spare, 300 + 2 * spare, spare=spare)
    boxes = [(-30, 100, 60, 40), (150, -30, 60, 40), (370, 100, 60, 40), (150, 280, 60, 40), (-50, -50, 500, 400)]
    objects = [
        {"title": "a rather long name", "bounding-box": dict(zip(("x", "y", "width", "height"), box, strict=True))}
        for box in boxes
    ]
    for box in objects:
        detail = JobDetail(answer={"objects": [box]})
        bare = _overlay(detail, Look(fill=False, labels=False), view)
        image = _overlay(detail, Look(fill=False), view)
        changed = [
            (x - spare, y - spare)
            for x in range(0, view.width, 3)
            for y in range(0, view.height, 3)
            if bare.pixelColor(x, y) != image.pixelColor(x, y)
        ]
        assert len(changed) > 50, "there is a label"
        assert all(-2 <= x <= 402 and -2 <= y <= 302 for x, y in changed), f"cut at the edge: {box}"


def test_labels_do_not_cover_each_other(qapp: Any) -> None:
    objects = [
        {"title": f"same place {n}", "bounding-box": {"x": 100, "y": 100, "width": 50, "height": 50}} for n in range(30)
    ]
    bare = _overlay(JobDetail(answer={"objects": objects}), Look(fill=False, labels=False))
    image = _overlay(JobDetail(answer={"objects": objects}), Look(fill=False))
    changed = sum(bare.pixelColor(x, y) != image.pixelColor(x, y) for x in range(0, 800, 2) for y in range(0, 700, 2))
    # Four places are free around and inside the box: above, below, and at its two inner edges.
    label = 100 * 20 / 4
    assert label < changed < 4.5 * label


def test_the_picture_is_drawn_under_it(tmp_path: Path, tools: Any, qapp: Any) -> None:
    picture = read_picture(tools.picture(tmp_path / "a.png"))
    rendered = render(
        Stack(picture, Scene.of(annotations_of(tools.detail()))), View(0.5, 10, 10, 300, 250), Look(), ui_font()
    )
    assert rendered.base is not None
    assert rendered.base.pixelColor(5, 5).alpha() == 0
    assert rendered.base.pixelColor(100, 100).alpha() == 255
    assert rendered.base.pixelColor(215, 100).alpha() == 0


def test_ten_thousand_boxes_are_drawn(qapp: Any) -> None:
    objects = [
        {"title": f"c{n % 7}", "bounding-box": {"x": n % 100 * 40, "y": n // 100 * 30, "width": 30, "height": 20}}
        for n in range(10_000)
    ]
    scene = Scene.of(annotations_of(JobDetail(answer={"objects": objects})))
    image = render_overlay(scene, View(0.4, 0, 0, 1600, 1200), Look(), ui_font())
    assert image is not None
