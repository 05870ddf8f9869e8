"""What a worker claims, looked at before it is believed: a script may take over its process, and its pipe with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop_app.core.errors import AnswerError

_Check = Callable[[Any], bool]


def check_prediction(fields: dict[str, Any]) -> None:
    """Looks at the fields of a prediction as they came through the pipe (see core.prediction).

    Raises:
        AnswerError: one of them is not of its type; names it.
    """
    for name, check in _FIELDS.items():
        if name in fields and not check(fields[name]):
            raise AnswerError(
                "What the worker says of its prediction makes no sense",
                where=f"the field {name}",
                remedy="A script must not write to the pipe that Plugdeck started it with.",
            )


def usable_info(info: Any) -> dict[str, Any]:
    """What the worker says of its model, without the lists that are none."""
    if not isinstance(info, dict):
        return {}
    return {name: value for name, value in info.items() if name not in _LISTS or _texts(value) or value is None}


def usable_calls(calls: Any) -> list[tuple[str, int, str]]:
    """The calls that a job is in, as far as they are some."""
    rows = calls if isinstance(calls, list) else []
    return [
        (row[0], row[1], row[2])
        for row in rows
        if isinstance(row, list) and len(row) == 3 and _text(row[0]) and isinstance(row[1], int) and _text(row[2])
    ]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _size(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 31)


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _labels(value: Any) -> bool:
    return isinstance(value, list) and all(_is_label(item) for item in value)


def _is_label(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("class"), str)
        and isinstance(item.get("index"), int)
        and _number(item.get("score"))
    )


def _instances(value: Any) -> bool:
    return isinstance(value, list) and all(_is_label(item) and _are_points(item.get("points")) for item in value)


def _are_points(points: Any) -> bool:
    return points is None or (
        isinstance(points, list)
        and all(
            isinstance(point, dict)
            and isinstance(point.get("name"), str)
            and "point" in point
            and _number(point.get("score"))
            for point in points
        )
    )


_LISTS = frozenset({"files", "notes"})
_FIELDS: dict[str, _Check] = {
    "instances": _instances,
    "candidates": _instances,
    "classifications": _labels,
    "generation": _text_or_none,
    "kind": _text,
    "client": _text_or_none,
    "notes": _texts,
    "class_names": _texts,
    "width": _size,
    "height": _size,
    "run_ms": _number,
}
