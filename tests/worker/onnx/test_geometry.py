"""There and back between asset and input, for every way of resizing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.worker.onnx.geometry import plan
from desktop_app.worker.onnx.spec import InputSpec, Resize

SIDE = st.integers(1, 20_000)


@given(st.sampled_from(list(Resize)), SIDE, SIDE, st.integers(32, 1280), st.integers(32, 1280))
def test_there_and_back(resize: Resize, width: int, height: int, w: int, h: int) -> None:
    geometry = plan(InputSpec("x", w, h, resize=resize, multiple=32), width, height)
    assert geometry.picture_width >= 1
    assert geometry.picture_height >= 1
    points = np.array([[0, 0], [width, height], [width / 3, height / 7]])
    there = points * [geometry.scale_x, geometry.scale_y] + [geometry.offset_x, geometry.offset_y]
    assert np.allclose(geometry.points_to_asset(there), points, atol=1e-6 * max(width, height))
    boxes = np.concatenate([there[:1], there[1:2]], axis=1)
    assert np.allclose(geometry.boxes_to_asset(boxes), [[0, 0, width, height]], atol=1e-6 * max(width, height))


@pytest.mark.parametrize(
    ("resize", "asset", "expected"),
    [
        (Resize.LETTERBOX, (1280, 720), (640, 640, 640, 360, 0, 140)),
        (Resize.LETTERBOX, (720, 1280), (640, 640, 360, 640, 140, 0)),
        (Resize.TOPLEFT, (1280, 720), (640, 640, 640, 360, 0, 0)),
        (Resize.STRETCH, (1280, 720), (640, 640, 640, 640, 0, 0)),
        (Resize.CROP, (1280, 720), (640, 640, 1137, 640, -248, 0)),
        (Resize.FIT, (1280, 720), (640, 360, 640, 360, 0, 0)),
        (Resize.SHORTEST, (1280, 720), (1138, 640, 1138, 640, 0, 0)),
        (Resize.SHORTEST, (4000, 500), (1333, 167, 1333, 167, 0, 0)),
    ],
)
def test_known_sizes(resize: Resize, asset: tuple[int, int], expected: tuple[int, ...]) -> None:
    g = plan(InputSpec("x", 640, 640, resize=resize), *asset)
    assert (g.width, g.height, g.picture_width, g.picture_height, g.offset_x, g.offset_y) == expected


def test_sides_are_rounded_up_to_a_multiple() -> None:
    g = plan(InputSpec("x", 960, 960, resize=Resize.FIT, multiple=32), 1000, 333)
    assert (g.width, g.height, g.picture_width, g.picture_height) == (960, 320, 960, 320)
    g = plan(InputSpec("x", 950, 950, resize=Resize.FIT, multiple=32), 1000, 333)
    assert (g.width, g.height, g.picture_width, g.picture_height) == (960, 320, 950, 316)


def test_fill_leaves_a_margin() -> None:
    g = plan(InputSpec("x", 640, 640, fill=636 / 640), 1280, 1280)
    assert (g.picture_width, g.offset_x) == (636, 2)
