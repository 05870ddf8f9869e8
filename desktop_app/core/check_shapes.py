"""Judges the geometry of one object: repaired, left out, warned about or refused.

Every method takes the value of a shape key and gives back the same value when it is right (the very same, so that it
serialises byte for byte as it came), a new one when something with one right reading was repaired, or None when the
object has to be left out. What cannot be a shape at all raises AnswerError with the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from desktop_app.core.check_points import LIMIT, NUMBER_TYPES, PointReader, wrong
from desktop_app.core.geometry import (
    Box,
    bounds,
    clip_polygon,
    crosses_itself,
    is_flat,
    rotated_corners,
    wrap_degrees,
)
from desktop_app.core.notes import Notes
from desktop_app.core.shapes import upright_sizes

CROSSING_BUDGET = 100_000
"""Steps (a point looked at, a pair of sides compared) spent on one answer to find polygons that cross themselves;
about a tenth of a second. Polygons after that go unchecked: it is only a warning."""

OVERHANG = 1.0
"""Pixels that a shape may reach beyond the picture without a word: rounding, not a mistake."""

_EXACT = 1e-6


class ShapeCheck(PointReader):
    """The checks of one answer's shapes.

    Attributes:
        seen: how many shapes with a place on the picture there were.
        normalised: how many of them look as if their coordinates were fractions of the picture.
    """

    def __init__(self, notes: Notes, *, ours: bool, size: tuple[int, int] | None) -> None:
        self.seen = 0
        self.normalised = 0
        super().__init__(notes)
        self._ours = ours
        self._right: float
        self._bottom: float
        self._right, self._bottom = size or (math.inf, math.inf)
        self._budget = CROSSING_BUDGET
        self._kinds: dict[str, Callable[[Any, str], Any]] = {
            "bounding-box": self._box,
            "rotated-bounding-box": self._rotated,
            "polygon": self._polygon,
            "polyline": self._polyline,
            "point": self._point,
            "segmentation": self._segmentation,
            "ner": self._span,
            "pdf": self._pdf,
        }

    def check(self, key: str, value: Any, owner: str) -> Any:
        """The value as it may be sent, or None when the object has to be left out; `owner` is the object's field.

        Raises:
            AnswerError: the value cannot be such a shape.
        """
        if key == "bounding-box" and self._is_right_box(value):
            return value
        return self._kinds[key](value, f"{owner}.{key}")

    # Boxes

    def _is_right_box(self, value: Any) -> bool:
        """Whether a box needs no word at all, told quickly: most boxes are like that, and there may be 10,000."""
        try:
            x, y, width, height = value["x"], value["y"], value["width"], value["height"]
        except (KeyError, TypeError):
            return False
        if not (
            type(x) in NUMBER_TYPES
            and type(y) in NUMBER_TYPES
            and type(width) in NUMBER_TYPES
            and type(height) in NUMBER_TYPES
            and 0 <= x <= LIMIT
            and 0 <= y <= LIMIT
            and 0 < width <= LIMIT
            and 0 < height <= LIMIT
        ):
            return False
        right, bottom = x + width, y + height
        if (right <= 1 and bottom <= 1) or (right > self._right or bottom > self._bottom):
            return False
        self.seen += 1
        return True

    def _box(self, value: Any, field: str) -> Any:
        value = self.with_numbers(value, ("x", "y", "width", "height"), field)
        if value is None:
            return None
        x, y, width, height = value["x"], value["y"], value["width"], value["height"]
        if width < 0 or height < 0:
            x, width = (x + width, -width) if width < 0 else (x, width)
            y, height = (y + height, -height) if height < 0 else (y, height)
            self._notes.repaired("a negative width or height; turned round to the top left corner", field)
            value = {**value, "x": x, "y": y, "width": width, "height": height}
            if not self.is_within_limit((x, y, width, height), field):
                return None
        if (width == 0 or height == 0) and not self._accept_empty("a box", field):
            return None
        right, bottom = x + width, y + height
        if self._place((x, y, right, bottom), field) and self._ours:
            left, top, right, bottom = self._clip_box((x, y, right, bottom), field)
            if right <= left or bottom <= top:
                return self._outside(field)
            return {**value, "x": left, "y": top, "width": right - left, "height": bottom - top}
        return value

    def _clip_box(self, box: Box, field: str) -> Box:
        """The part of an upright box inside the picture, with a note when more than rounding was cut."""
        left, top, right, bottom = box
        clipped = (max(left, 0), max(top, 0), min(right, self._right), min(bottom, self._bottom))
        if max(abs(old - new) for old, new in zip(box, clipped, strict=True)) > OVERHANG:
            self._notes.repaired("reached beyond the picture; clipped", field)
        return clipped

    def _rotated(self, value: Any, field: str) -> Any:
        value = self.with_numbers(value, ("x", "y", "width", "height", "rotation"), field)
        if value is None:
            return None
        x, y, width, height = value["x"], value["y"], value["width"], value["height"]
        rotation = value["rotation"]
        if not -180 <= rotation <= 180:
            rotation = wrap_degrees(rotation)
            self._notes.repaired("rotation beyond ±180°; the same angle within", field)
            value = {**value, "rotation": rotation}
        if width < 0 or height < 0:
            x, y, width, height = upright_sizes(x, y, width, height, rotation)
            self._notes.repaired("a negative width or height; turned round", field)
            value = {**value, "x": x, "y": y, "width": width, "height": height}
            value.pop("corners", None)
            if not self.is_within_limit((x, y, width, height), field):
                return None
        if (width == 0 or height == 0) and not self._accept_empty("a box", field):
            return None
        box = bounds(rotated_corners(x, y, width, height, rotation))
        # A rotated box cannot be cut at the edge and stay one: ours goes out only when nothing of it is inside.
        if self._place(box, field) and self._ours and self._is_outside(box):
            return self._outside(field)
        return value

    # Points

    def _polygon(self, value: Any, field: str) -> Any:
        points = self.points(value, 3, field)
        return None if points is None else self._outline(points, field)

    def _outline(self, points: list[Any], field: str) -> Any:
        """Checks a closed outline whose points are right; also the regions of segmentations."""
        if self._place_points(points, field) and self._ours:
            self._clip_box(bounds(points), field)
            points = clip_polygon(points, self._right, self._bottom)
            if len(points) < 3:
                return self._outside(field)
        if is_flat(points) and not self._accept_empty("a polygon", field):
            return None
        if self._budget > 0:
            crosses, steps = crosses_itself(points, self._budget)
            self._budget -= max(steps, 1)
            if crosses:
                self._notes.warned("a polygon that crosses itself", field)
        return points

    def _polyline(self, value: Any, field: str) -> Any:
        points = self.points(value, 2, field)
        if points is None:
            return None
        if self._place_points(points, field) and self._ours:
            box = bounds(points)
            if self._is_outside(box):
                return self._outside(field)
            self._clip_box(box, field)
            points = [[min(max(x, 0), self._right), min(max(y, 0), self._bottom)] for x, y in points]
        return points

    def _point(self, value: Any, field: str) -> Any:
        points = self.points([value], 1, field)
        if points is None:
            return None
        (point,) = points
        if self._place_points(points, field) and self._ours:
            x, y = min(max(point[0], 0), self._right), min(max(point[1], 0), self._bottom)
            if abs(point[0] - x) > OVERHANG or abs(point[1] - y) > OVERHANG:
                return self._outside(field)
            return [x, y]
        return point

    def _segmentation(self, value: Any, field: str) -> Any:
        if type(value) is dict and "zones" not in value and "region" in value:
            self._notes.repaired("a zone where a list of zones belongs; read as the only one", field)
            value = {"zones": [value]}
        elif type(value) is list and value and all(type(zone) is dict and "region" in zone for zone in value):
            self._notes.repaired("zones without the object around them; put into one", field)
            value = {"zones": value}
        if type(value) is not dict or ("zones" not in value):
            raise wrong(value, 'an object such as {"zones": [{"region": …, "holes": …}]}', field)
        zones = value["zones"]
        if zones is None:
            zones = []
        elif type(zones) is dict:
            self._notes.repaired("a zone where a list of zones belongs; read as the only one", field)
            zones = [zones]
        elif type(zones) is not list:
            raise wrong(zones, "a list of zones", f"{field}.zones")
        kept = [self._zone(zone, f"{field}.zones[{index}]") for index, zone in enumerate(zones)]
        kept = [zone for zone in kept if zone is not None]
        if not kept:
            self._notes.repaired("a segmentation without zones; left out", field)
            return None
        return value if same(kept, value["zones"]) else {**value, "zones": kept}

    def _zone(self, zone: Any, field: str) -> Any:
        if type(zone) is not dict:
            raise wrong(zone, "a zone", field)
        region = self._polygon(zone.get("region"), f"{field}.region")
        if region is None:
            return None
        if region is not zone["region"]:
            zone = {**zone, "region": region}
        if "holes" not in zone:
            return zone
        holes = zone["holes"]
        if holes is None:
            self._notes.repaired("null where a list belongs; read as an empty list", f"{field}.holes")
            return {**zone, "holes": []}
        if type(holes) is not list:
            raise wrong(holes, "a list of holes", f"{field}.holes")
        kept = [self._polygon(hole, f"{field}.holes[{index}]") for index, hole in enumerate(holes)]
        kept = [hole for hole in kept if hole is not None]
        return zone if same(kept, holes) else {**zone, "holes": kept}

    # Text

    def _span(self, value: Any, field: str) -> Any:
        value = self.with_numbers(value, ("start", "end"), field)
        if value is None:
            return None
        start, end = value["start"], value["end"]
        if end < start:
            self._notes.repaired("ends before it starts; turned round", field)
            value = {**value, "start": end, "end": start}
        if start == end and not self._accept_empty("a span", field):
            return None
        if min(start, end) < 0:
            self._notes.warned("a span that starts before 0", field)
        return value

    def _pdf(self, value: Any, field: str) -> Any:
        if type(value) is not dict:
            raise wrong(value, "an object with x1, y1, x2, y2 or with position", field)
        if "position" not in value:
            return self.with_numbers(value, ("x1", "y1", "x2", "y2"), field)
        position = value["position"]
        if type(position) is not dict:
            raise wrong(position, "an object with boundingRect", f"{field}.position")
        area = self.with_numbers(
            position.get("boundingRect"), ("x1", "y1", "x2", "y2"), f"{field}.position.boundingRect"
        )
        if area is None:
            return None
        if area is not position["boundingRect"]:
            return {**value, "position": {**position, "boundingRect": area}}
        return value

    # Places

    def _place_points(self, points: list[Any], field: str) -> bool:
        x, y = points[0]
        if self._right == math.inf and not (0 <= x <= 1 and 0 <= y <= 1):
            self.seen += 1
            return False
        return self._place(bounds(points), field)

    def _place(self, box: Box, field: str) -> bool:
        """Counts a shape, warns when it leaves the picture, and tells whether it does by more than rounding."""
        self.seen += 1
        left, top, right, bottom = box
        if min(left, top) >= 0 and max(right, bottom) <= 1 and any(number % 1 for number in box):
            self.normalised += 1
        if self._right == math.inf:
            return False
        over = max(-left, -top, right - self._right, bottom - self._bottom)
        if over <= _EXACT:
            return False
        if over > OVERHANG and not self._ours:
            self._notes.warned("reaches beyond the picture", field)
        return True

    def _is_outside(self, box: Box) -> bool:
        left, top, right, bottom = box
        return right < 0 or bottom < 0 or left > self._right or top > self._bottom

    def _outside(self, field: str) -> None:
        self._notes.repaired("outside the picture; left out", field)

    def _accept_empty(self, what: str, field: str) -> bool:
        if self._ours:
            self._notes.repaired(f"{what} without extent; left out", field)
            return False
        self._notes.warned(f"{what} without extent", field)
        return True


def same(kept: list[Any], before: Any) -> bool:
    """Whether a list was checked without a change: the very same items."""
    return type(before) is list and len(kept) == len(before) and all(a is b for a, b in zip(kept, before, strict=True))
