"""Outlines of masks: places, holes, tolerance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.worker.onnx.contours import (
    Field,
    convex_hull,
    resample,
    ring_area,
    simplify,
    smallest_rectangle,
    trace,
)


def test_a_rectangle_with_a_hole_lies_where_it_is() -> None:
    values = np.zeros((60, 80), dtype=np.float32)
    values[10:50, 20:70] = 1
    values[20:30, 30:40] = 0
    (zone,) = trace(Field(values, (0, 0, 80, 60), 0.5), tolerance=0.5)
    assert np.abs(zone.region.min(axis=0) - [20, 10]).max() < 0.51
    assert np.abs(zone.region.max(axis=0) - [70, 50]).max() < 0.51
    (hole,) = zone.holes
    assert np.abs(hole.min(axis=0) - [30, 20]).max() < 0.51
    assert abs(zone.area - (40 * 50 - 100)) < 5


def test_a_full_field_reaches_its_very_edge() -> None:
    (zone,) = trace(Field(np.ones((5, 7)), (10, 20, 110, 220), 0.5), tolerance=0.5)
    assert np.abs(zone.region.min(axis=0) - [10, 20]).max() < 0.05
    assert np.abs(zone.region.max(axis=0) - [110, 220]).max() < 0.05


def test_an_empty_field_has_no_zones() -> None:
    assert trace(Field(np.zeros((5, 7)), (0, 0, 7, 5), 0.5), tolerance=1) == []
    assert trace(Field(np.full((5, 7), np.nan), (0, 0, 7, 5), 0.5), tolerance=1) == []


def test_two_regions_come_largest_first_and_specks_go() -> None:
    values = np.zeros((50, 50))
    values[5:10, 5:10] = 1
    values[20:40, 20:40] = 1
    values[45, 45] = 1
    zones = trace(Field(values, (0, 0, 50, 50), 0.5), tolerance=0.5, min_area=2)
    assert [round(zone.area) for zone in zones] == pytest.approx([400, 25], abs=4)


def test_sub_pixel_circle() -> None:
    ys, xs = np.mgrid[:100, :100] + 0.5
    values = 30.3 - np.hypot(xs - 51.2, ys - 48.7)
    (zone,) = trace(Field(values, (0, 0, 100, 100), 0.0), tolerance=0.05)
    radius = np.hypot(*(zone.region - [51.2, 48.7]).T)
    assert np.abs(radius - 30.3).max() < 0.1


def test_cropping_ends_at_the_box() -> None:
    field = Field(np.ones((10, 10)), (0, 0, 100, 100), 0.5).cropped((12.5, 20, 57.5, 300))
    assert field is not None
    (zone,) = trace(field, tolerance=0.5)
    assert np.abs(zone.region.min(axis=0) - [12.5, 20]).max() < 0.05
    assert np.abs(zone.region.max(axis=0) - [57.5, 100]).max() < 0.2
    assert Field(np.ones((4, 4)), (0, 0, 4, 4), 0.5).cropped((9, 9, 12, 12)) is None


def test_resampling_is_exact_for_a_ramp() -> None:
    ramp = np.arange(8, dtype=np.float32)[None].repeat(4, axis=0)
    xs = np.linspace(0, 8, 17)
    finer = resample(ramp, xs, np.array([1.0, 2.5]))
    assert np.allclose(finer, np.clip(xs - 0.5, 0, 7))  # the first sample is the middle of the first cell


def test_an_outline_is_seen_to_the_edge_of_the_cut() -> None:
    ys, xs = (np.mgrid[:40, :40] + 0.5).astype(np.float32)
    disc = Field(15 - np.hypot(xs - 20, ys - 20), (0.0, 0.0, 40.0, 40.0), 0.0)
    part = disc.cropped((20.0, 5.0, 40.0, 35.0))
    assert part is not None
    (zone,) = trace(part, tolerance=0.0)
    round_ = zone.region[zone.region[:, 0] > 20.01]
    assert np.abs(np.hypot(*(round_ - 20).T) - 15).max() < 0.05
    assert np.abs(zone.region.min(axis=0) - [20, 5]).max() < 0.05
    assert np.abs(zone.region.max(axis=0) - [35, 35]).max() < 0.05


def test_masks_of_boxes_fade_beyond_their_last_sample() -> None:
    whole = Field(np.full((10, 10), 0.75, dtype=np.float32), (100.0, 100.0, 200.0, 200.0), 0.5).fading()
    part = whole.cropped((100.0, 100.0, 200.0, 200.0))
    assert part is not None
    (zone,) = trace(part, tolerance=0.0)
    # A third of the ten pixels between the last sample at 195 and the zero at 205 is left above a half.
    low, high = zone.region.min(axis=0), zone.region.max(axis=0)
    assert np.abs([low - (105 - 10 / 3), high - (195 + 10 / 3)]).max() < 0.1


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 200), st.floats(0.1, 20), st.integers(0, 10_000))
def test_no_left_out_point_is_farther_than_the_tolerance(count: int, tolerance: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.random(count)) * 2 * np.pi
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (50 + 20 * rng.random((count, 1)))
    kept = simplify(ring, tolerance)
    assert len(kept) <= count
    ends = np.roll(kept, -1, axis=0)
    for point in ring:
        side, to = ends - kept, point - kept
        share = np.clip((side * to).sum(1) / np.maximum((side * side).sum(1), 1e-12), 0, 1)
        assert np.hypot(*(kept + share[:, None] * side - point).T).min() <= tolerance + 1e-6


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.2, -0.7])
def test_smallest_rectangle_around_a_turned_one(angle: float) -> None:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    flat = np.array([[-20, -5], [20, -5], [20, 5], [-20, 5], [0, 4], [3, -2]])
    corners = smallest_rectangle(flat @ turn + [50, 40])
    assert ring_area(corners) == pytest.approx(400, rel=1e-6)
    assert np.allclose(corners.mean(axis=0), [50, 40])
    assert len(convex_hull(flat)) == 4
