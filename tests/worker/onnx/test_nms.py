"""Suppression against the plain definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.worker.onnx.nms import iou_matrix, suppress, suppress_rotated


def plain(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, iou: float, agnostic: bool) -> list[int]:
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        rivals = [k for k in kept if agnostic or classes[k] == classes[index]]
        if all(iou_matrix(boxes[k : k + 1], boxes[index : index + 1])[0, 0] <= iou for k in rivals):
            kept.append(int(index))
    return kept


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 40), st.floats(0.05, 0.95), st.booleans(), st.integers(0, 10_000))
def test_like_the_definition(count: int, iou: float, agnostic: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.random((count, 2)) * 50 - 10
    boxes = np.concatenate([low, low + rng.random((count, 2)) * 30 + 1], axis=1)
    scores, classes = rng.random(count), rng.integers(0, 3, count)
    assert suppress(boxes, scores, classes, iou, agnostic=agnostic).tolist() == plain(
        boxes, scores, classes, iou, agnostic
    )


def test_iou_of_known_boxes() -> None:
    a = np.array([[0, 0, 10, 10]])
    b = np.array([[5, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30], [3, 3, 3, 3]])
    assert iou_matrix(a, b)[0].tolist() == pytest.approx([1 / 3, 1, 0, 0])


def test_limit() -> None:
    boxes = np.array([[i * 100, 0, i * 100 + 10, 10] for i in range(20)])
    assert len(suppress(boxes, np.linspace(1, 0.1, 20), np.zeros(20), 0.5, limit=5)) == 5


def test_rotated_boxes_know_their_angle() -> None:
    rows = np.array([[50, 50, 60, 10, 0], [50, 50, 60, 10, 0.02], [50, 50, 60, 10, np.pi / 2], [200, 50, 60, 10, 0]])
    scores, classes = np.array([0.9, 0.8, 0.7, 0.6]), np.zeros(4)
    assert suppress_rotated(rows, scores, classes, 0.45).tolist() == [0, 2, 3]
    assert suppress_rotated(rows, scores, np.arange(4), 0.45).tolist() == [0, 1, 2, 3]
    assert suppress_rotated(rows, scores, np.arange(4), 0.45, agnostic=True).tolist() == [0, 2, 3]
