"""Reads the numbers and points of a shape, and says what a value is that stands in their place."""

from __future__ import annotations

import re
from typing import Any

from desktop_app.core.errors import AnswerError
from desktop_app.core.notes import Notes, quoted
from desktop_app.core.shapes import is_number

LIMIT = 1e12
"""No coordinate is larger, in pixels, seconds or characters; what is counts as not finite."""

NUMBER_TYPES = frozenset({int, float})

_NUMBER_TEXT = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,3})?", re.ASCII)
_NOT_FINITE = "a coordinate is not a finite number; left out"


class PointReader:
    """Reads numbers and points; what has one right reading is repaired with a note."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def with_numbers(self, value: Any, names: tuple[str, ...], field: str) -> Any:
        """The object with numbers under all names, or None when one of them is not finite."""
        if type(value) is not dict:
            raise wrong(value, f"an object with {', '.join(names)}", field)
        for name in names:
            number: Any = value.get(name)
            if type(number) not in NUMBER_TYPES:
                if name not in value:
                    raise AnswerError(
                        f"The answer lacks {name}", where=f"{field}.{name}", remedy=f"Give {', '.join(names)}."
                    )
                number = self._number(number, f"{field}.{name}")
                value = {**value, name: number}
            if not -LIMIT <= number <= LIMIT:
                self._notes.repaired(_NOT_FINITE, f"{field}.{name}")
                return None
        return value

    def is_within_limit(self, numbers: tuple[float, ...], field: str) -> bool:
        """Whether all numbers can be coordinates; notes it when not."""
        if all(-LIMIT <= number <= LIMIT for number in numbers):
            return True
        self._notes.repaired(_NOT_FINITE, field)
        return False

    def _number(self, value: Any, field: str) -> Any:
        if type(value) is list and len(value) == 1:
            self._notes.repaired("a list of one number; read as the number", field)
            value = value[0]
        if type(value) is str and _NUMBER_TEXT.fullmatch(value.strip()):
            self._notes.repaired("a number written as text; read as the number", field)
            text = value.strip()
            value = int(text) if text.lstrip("+-").isdigit() else float(text)
        if type(value) not in NUMBER_TYPES:
            raise wrong(value, "a number", field)
        return value

    def points(self, value: Any, least: int, field: str) -> list[Any] | None:
        """The list of points, itself where it is right; None when too few of them or one is not finite."""
        if type(value) is not list:
            raise wrong(value, "a list of points such as [[x, y], …]", field)
        if not _are_points(value):
            value = self._read_points(value, least, field)
        if not all([-LIMIT <= x <= LIMIT and -LIMIT <= y <= LIMIT for x, y in value]):  # noqa: C419 - twice as fast
            self._notes.repaired(_NOT_FINITE, field)
            return None
        if len(value) < least:
            self._notes.repaired(f"fewer than {least} points; left out", field)
            return None
        points: list[Any] = value
        return points

    def _read_points(self, value: list[Any], least: int, field: str) -> list[Any]:
        if least > 1 and len(value) == 1 and type(value[0]) is list and value[0] and type(value[0][0]) is list:
            self._notes.repaired("a list of points inside one more list; read as the points", field)
            value = value[0]
        if least > 1 and len(value) >= 2 * least and len(value) % 2 == 0 and all(map(is_number, value)):
            self._notes.repaired("numbers in a row; read as x and y in turn", field)
            return [[value[index], value[index + 1]] for index in range(0, len(value), 2)]
        return [
            self._read_point(point, f"{field}[{index}]" if least > 1 else field) for index, point in enumerate(value)
        ]

    def _read_point(self, point: Any, field: str) -> list[Any]:
        if type(point) is dict and point.keys() == {"x", "y"}:
            self._notes.repaired("a point as an object with x and y; read as [x, y]", field)
            point = [point["x"], point["y"]]
        elif type(point) is list and len(point) == 1 and type(point[0]) is list and len(point[0]) == 2:
            self._notes.repaired("a point inside one more list; read as the point", field)
            (point,) = point
        if type(point) is not list or len(point) != 2:
            raise wrong(point, "a point [x, y]", field)
        x, y = point
        if type(x) in NUMBER_TYPES and type(y) in NUMBER_TYPES:
            return point
        return [self._number(x, f"{field}[0]"), self._number(y, f"{field}[1]")]


def wrong(value: Any, needed: str, field: str) -> AnswerError:
    """The error for a value that cannot be read as what stands in its place."""
    if value is None:
        found = "nothing (null)"
    elif type(value) is bool:
        found = "true" if value else "false"
    elif type(value) is str:
        found = f"the text {quoted(value, 40)}"
    elif type(value) in NUMBER_TYPES:
        found = f"the number {quoted(value, 20)[1:-1]}"
    elif type(value) is list:
        found = f"a list of {len(value)}"
    else:
        found = "an object"
    return AnswerError(f"The answer has {found} where {needed} belongs", where=field)


def _are_points(value: list[Any]) -> bool:
    for point in value:
        if type(point) is not list or len(point) != 2:
            return False
        x, y = point
        if type(x) not in NUMBER_TYPES or type(y) not in NUMBER_TYPES:
            return False
    return True
