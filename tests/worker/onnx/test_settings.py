"""Merging the profile's settings with a job's config."""

from __future__ import annotations

from typing import Any

import pytest

from desktop_app.core.profile import Detection, Shape
from desktop_app.worker.onnx.settings import merge

NAMES = ("Car", "traffic light", "person")


def test_the_profile_alone() -> None:
    detection = Detection(confidence=0.4, iou=0.6, max_instances=9, class_confidence={"car": 0.7}, shape=Shape.POLYGON)
    wanted, notes = merge(detection, None, NAMES)
    assert (wanted.confidence, wanted.iou, wanted.maximum, wanted.shape) == (0.4, 0.6, 9, Shape.POLYGON)
    assert (wanted.threshold(0), wanted.threshold(1)) == (0.7, 0.4)
    assert notes == []


def test_the_config_wins() -> None:
    given = {"confidence": 0.1, "iou": 0.3, "max": 5, "classes": ["TrafficLight", 2], "shape": "rotated-bounding-box"}
    wanted, notes = merge(Detection(class_confidence={"car": 0.7}), given, NAMES)
    assert (wanted.confidence, wanted.iou, wanted.maximum, wanted.shape) == (0.1, 0.3, 5, Shape.ROTATED)
    assert wanted.only == {1, 2}
    assert wanted.threshold(0) == 0.1
    assert notes == []


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"confidence": "high"}, "confidence"),
        ({"confidence": 7}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"max": 0}, "max"),
        ({"shape": "blob"}, "shape"),
        ({"shape": ["box"]}, "shape"),
        ({"classes": ["dragon"]}, "dragon"),
        ({"classes": [99]}, "99"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_is_not_understood_is_said_and_ignored(given: dict[str, Any], word: str) -> None:
    wanted, notes = merge(Detection(), given, NAMES)
    assert wanted.confidence == 0.25
    assert wanted.maximum == 300
    assert len(notes) == 1
    assert word in notes[0]


def test_a_config_without_a_class_of_the_model_says_that_nothing_is_answered() -> None:
    wanted, notes = merge(Detection(), {"classes": ["dragon", "car"]}, NAMES)
    assert (wanted.only, "nothing" in notes[0]) == ({0}, False)
    wanted, notes = merge(Detection(), {"classes": ["dragon", "unicorn"]}, NAMES)
    assert (wanted.only, len(notes)) == (frozenset(), 2)
    assert notes[1].endswith("None that the config asks for is, so nothing is answered.")


def test_ambiguous_names_are_not_guessed() -> None:
    wanted, notes = merge(Detection(), {"classes": ["a b"]}, ("A B", "ab"))
    assert wanted.only == frozenset()
    assert len(notes) == 1


def test_candidates_reach_below_every_threshold() -> None:
    assert merge(Detection(confidence=0.5), None, NAMES)[0].floor == 0.05
    assert merge(Detection(confidence=0.01), None, NAMES)[0].floor == 0.01
