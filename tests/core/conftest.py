"""Hypothesis strategies for answers: right ones of every shape, nearly right ones, and anything at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st

_NUMBERS = st.one_of(
    st.integers(-5000, 5000), st.floats(-5000, 5000, allow_nan=False).map(lambda value: round(value, 3))
)
_SIZES = st.one_of(st.integers(1, 3000), st.floats(0.01, 3000, allow_nan=False))
_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_IDS = st.sampled_from(["a1b2", "c3", "d4e5f6", "a1", "ü"])
_POINTS = st.lists(_NUMBERS, min_size=2, max_size=2)
_OUTLINES = st.lists(_POINTS, min_size=3, max_size=8)
_BOX = {"x": _NUMBERS, "y": _NUMBERS, "width": _SIZES, "height": _SIZES}
_AREA = {"x1": _NUMBERS, "y1": _NUMBERS, "x2": _NUMBERS, "y2": _NUMBERS, "width": _SIZES, "height": _SIZES}

SHAPES: dict[str, st.SearchStrategy[Any]] = {
    "bounding-box": st.fixed_dictionaries(_BOX),
    "rotated-bounding-box": st.fixed_dictionaries({**_BOX, "rotation": st.floats(-180, 180)}),
    "polygon": _OUTLINES,
    "polyline": st.lists(_POINTS, min_size=2, max_size=8),
    "point": _POINTS,
    "segmentation": st.fixed_dictionaries(
        {
            "zones": st.lists(
                st.fixed_dictionaries({"region": _OUTLINES, "holes": st.lists(_OUTLINES, max_size=2)}),
                min_size=1,
                max_size=3,
            )
        }
    ),
    "ner": st.tuples(st.integers(0, 500), st.integers(1, 50)).map(lambda at: {"start": at[0], "end": at[0] + at[1]}),
    "pdf": st.one_of(
        st.fixed_dictionaries({**_AREA, "pageNumber": st.integers(1, 99), "text": _TEXT}),
        st.fixed_dictionaries(
            {
                "position": st.fixed_dictionaries(
                    {
                        "boundingRect": st.fixed_dictionaries(_AREA),
                        "rects": st.lists(st.fixed_dictionaries(_AREA), max_size=2),
                        "pageNumber": st.integers(1, 99),
                    }
                ),
                "content": st.one_of(
                    st.fixed_dictionaries({"text": _TEXT}), st.just({"image": "data:image/png;base64,AA=="})
                ),
            }
        ),
    ),
}

_CLASSIFICATIONS = st.recursive(
    st.fixed_dictionaries(
        {"schemaId": _IDS, "answer": st.one_of(_TEXT, st.lists(_TEXT, max_size=3))},
        optional={"title": _TEXT, "tool": st.sampled_from(["radio", "checkbox"]), "lock": st.booleans()},
    ),
    lambda inner: st.fixed_dictionaries(
        {"schemaId": _IDS, "answer": _TEXT, "classifications": st.lists(inner, max_size=2)}
    ),
    max_leaves=4,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _object(key: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {key: SHAPES[key]},
        optional={
            "schemaId": st.none() | _IDS,
            "title": _TEXT,
            "objectId": _IDS,
            "page": st.integers(0, 20),
            "classifications": st.lists(_CLASSIFICATIONS, max_size=2),
            "metadata": st.dictionaries(_TEXT, _NUMBERS | _TEXT, max_size=2),
            "lock": st.booleans(),
            "interpolationStopped": st.booleans(),
        },
    )


_RELATIONS = st.one_of(
    st.fixed_dictionaries(
        {"schemaId": _IDS, "from": _IDS, "to": _IDS, "direction": st.sampled_from(["straight", "bidirectional"])}
    ),
    st.fixed_dictionaries({"schemaId": _IDS, "group": st.lists(_IDS, min_size=1, max_size=3)}),
)

RIGHT = st.fixed_dictionaries(
    {
        "objects": st.lists(st.one_of(*(_object(key) for key in SHAPES)), max_size=5),
        "classifications": st.lists(_CLASSIFICATIONS, max_size=3),
        "relations": st.lists(_RELATIONS, max_size=3),
    }
)

_PIECES = st.one_of(
    JSON,
    st.sampled_from(
        [None, "12", " 7.5 ", 1e300, -1e12, 1e12, 10**400, 0, -0.0, True, "nan", [[1, 2]], {"x": 1, "y": "2"}]
    ),
    *SHAPES.values(),
)


def _spoiled(draw: st.DrawFn, value: Any) -> Any:
    """The value with some of its parts replaced by others."""
    if draw(st.integers(0, 9)) == 0:
        return draw(_PIECES)
    if isinstance(value, dict):
        keys = list(value)
        if keys and draw(st.integers(0, 9)) == 0:
            keys.remove(draw(st.sampled_from(keys)))
        return {key: _spoiled(draw, value[key]) for key in keys}
    if isinstance(value, list):
        return [_spoiled(draw, item) for item in value]
    return value


@st.composite
def _nearly_right(draw: st.DrawFn) -> Any:
    return _spoiled(draw, draw(RIGHT))


NEARLY_RIGHT = _nearly_right()


@dataclass(frozen=True)
class Answers:
    """The strategies by name."""

    right: st.SearchStrategy[Any] = RIGHT
    anything: st.SearchStrategy[Any] = JSON
    nearly_right: st.SearchStrategy[Any] = NEARLY_RIGHT
    shapes: tuple[tuple[str, st.SearchStrategy[Any]], ...] = tuple(SHAPES.items())


@pytest.fixture(scope="session")
def answers() -> Answers:
    return Answers()
