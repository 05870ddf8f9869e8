"""The shapes an object of an answer can have, as the window draws them (facts: annotation-format, Objects).

Every shape reads itself from the value of its key (`parse`, ValueError when that is no such shape) and writes it again
(`to_json`). Coordinates are pixels, origin top left; numbers keep being int or float as they came. Keys that the format
does not name, such as the `corners` of an exported rotated box, are kept in `extra`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from desktop_app.core.geometry import Box, bounds, rotated_corners

Points: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """An upright box; x, y is its top left corner."""

    key: ClassVar[str] = "bounding-box"
    x: float
    y: float
    width: float
    height: float
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any) -> BoundingBox:
        """Reads the shape; a negative width or height (the hub's first clicked corner) is turned round."""
        x, y, width, height = _numbers(value, "x", "y", "width", "height")
        if width < 0:
            x, width = x + width, -width
        if height < 0:
            y, height = y + height, -height
        return cls(x, y, width, height, _rest(value, "x", "y", "width", "height"))

    def to_json(self) -> dict[str, Any]:
        """The value of the shape's key."""
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height, **self.extra}

    @property
    def bounds(self) -> Box:
        """Left, top, right, bottom."""
        return self.x, self.y, self.x + self.width, self.y + self.height


@dataclass(frozen=True, slots=True)
class RotatedBox:
    """A box rotated about its first corner (x, y); `rotation` in degrees, clockwise on screen."""

    key: ClassVar[str] = "rotated-bounding-box"
    x: float
    y: float
    width: float
    height: float
    rotation: float
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any) -> RotatedBox:
        """Reads the shape; a negative width or height is turned round, which moves the first corner."""
        x, y, width, height, rotation = _numbers(value, "x", "y", "width", "height", "rotation")
        extra = _rest(value, "x", "y", "width", "height", "rotation")
        if width < 0 or height < 0:
            # The exported corners begin at the old first corner, so they no longer belong to these numbers.
            extra = {key: item for key, item in extra.items() if key != "corners"}
            x, y, width, height = upright_sizes(x, y, width, height, rotation)
        return cls(x, y, width, height, rotation, extra)

    def to_json(self) -> dict[str, Any]:
        """The value of the shape's key."""
        return {
            "x": self.x,
            "y": self.y,
            "width": self.width,
            "height": self.height,
            "rotation": self.rotation,
            **self.extra,
        }

    @property
    def corners(self) -> Points:
        """The four corners in the hub's order."""
        return rotated_corners(self.x, self.y, self.width, self.height, self.rotation)

    @property
    def bounds(self) -> Box:
        """Left, top, right, bottom."""
        return bounds(self.corners)


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed outline of at least three points."""

    key: ClassVar[str] = "polygon"
    points: Points

    @classmethod
    def parse(cls, value: Any) -> Polygon:
        """Reads the shape."""
        return cls(_points(value, 3))

    def to_json(self) -> list[list[float]]:
        """The value of the shape's key."""
        return _lists(self.points)

    @property
    def bounds(self) -> Box:
        """Left, top, right, bottom."""
        return bounds(self.points)


@dataclass(frozen=True, slots=True)
class Polyline:
    """An open line of at least two points."""

    key: ClassVar[str] = "polyline"
    points: Points

    @classmethod
    def parse(cls, value: Any) -> Polyline:
        """Reads the shape."""
        return cls(_points(value, 2))

    def to_json(self) -> list[list[float]]:
        """The value of the shape's key."""
        return _lists(self.points)

    @property
    def bounds(self) -> Box:
        """Left, top, right, bottom."""
        return bounds(self.points)


@dataclass(frozen=True, slots=True)
class Point:
    """A single point."""

    key: ClassVar[str] = "point"
    x: float
    y: float

    @classmethod
    def parse(cls, value: Any) -> Point:
        """Reads the shape."""
        ((x, y),) = _points([value], 1)
        return cls(x, y)

    def to_json(self) -> list[float]:
        """The value of the shape's key."""
        return [self.x, self.y]

    @property
    def bounds(self) -> Box:
        """Left, top, right, bottom."""
        return self.x, self.y, self.x, self.y


@dataclass(frozen=True, slots=True)
class Zone:
    """One region of a segmentation and the holes in it."""

    region: Points
    holes: tuple[Points, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """One or more zones. A zone that came without `holes` is written with an empty list of them."""

    key: ClassVar[str] = "segmentation"
    zones: tuple[Zone, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any) -> Segmentation:
        """Reads the shape."""
        zones = value.get("zones") if type(value) is dict else None
        if type(zones) is not list or not zones:
            raise ValueError("a segmentation needs zones")
        return cls(tuple(_zone(zone) for zone in zones), _rest(value, "zones"))

    def to_json(self) -> dict[str, Any]:
        """The value of the shape's key."""
        zones = [
            {"region": _lists(zone.region), "holes": [_lists(hole) for hole in zone.holes], **zone.extra}
            for zone in self.zones
        ]
        return {"zones": zones, **self.extra}

    @property
    def bounds(self) -> Box:
        """Left, top, right, bottom."""
        return bounds([point for zone in self.zones for point in zone.region])


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A stretch of a text asset (characters) or of an audio asset (seconds)."""

    key: ClassVar[str] = "ner"
    start: float
    end: float
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any) -> TextSpan:
        """Reads the shape."""
        start, end = _numbers(value, "start", "end")
        return cls(start, end, _rest(value, "start", "end"))

    def to_json(self) -> dict[str, Any]:
        """The value of the shape's key."""
        return {"start": self.start, "end": self.end, **self.extra}

    @property
    def bounds(self) -> None:
        """A span has no place on a picture."""
        return


@dataclass(frozen=True, slots=True)
class PdfArea:
    """An area of a PDF page, in the import form (flat) or the export form (`position` and `content`).

    Attributes:
        width, height: size of the page that the coordinates are in, or None where it was not said.
        page_number: as it came, or None.
        text: the text inside, or None; `image` likewise a data URL (export form only).
        rects: the lines of text inside the area as left, top, right, bottom (export form only).
        exported: the value as it came in the export form, which `to_json` gives back; None for the import form.
    """

    key: ClassVar[str] = "pdf"
    x1: float
    y1: float
    x2: float
    y2: float
    width: float | None = None
    height: float | None = None
    page_number: int | None = None
    text: str | None = None
    image: str | None = None
    rects: tuple[Box, ...] = ()
    exported: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Any) -> PdfArea:
        """Reads either form."""
        if type(value) is dict and "position" in value:
            return cls._parse_export(value)
        x1, y1, x2, y2 = _numbers(value, "x1", "y1", "x2", "y2")
        known = {
            "width": _number_or_none(value.get("width")),
            "height": _number_or_none(value.get("height")),
            "page_number": _page_or_none(value.get("pageNumber")),
            "text": _text_or_none(value.get("text")),
        }
        names = ["x1", "y1", "x2", "y2"]
        names += [name for name in known if known[name] is not None]
        return cls(x1, y1, x2, y2, **known, extra=_rest(value, *(_PDF_KEYS.get(name, name) for name in names)))

    @classmethod
    def _parse_export(cls, value: dict[str, Any]) -> PdfArea:
        position, content = _dict(value["position"]), _dict(value.get("content"))
        area = _dict(position.get("boundingRect"))
        x1, y1, x2, y2 = _numbers(area, "x1", "y1", "x2", "y2")
        rects = position.get("rects")
        lines = []
        for rect in rects if type(rects) is list else []:
            left, top, right, bottom = _numbers(rect, "x1", "y1", "x2", "y2")
            lines.append((left, top, right, bottom))
        return cls(
            x1,
            y1,
            x2,
            y2,
            width=_number_or_none(area.get("width")),
            height=_number_or_none(area.get("height")),
            page_number=_page_or_none(position.get("pageNumber")),
            text=_text_or_none(content.get("text")),
            image=_text_or_none(content.get("image")),
            rects=tuple(lines),
            exported=value,
        )

    def to_json(self) -> dict[str, Any]:
        """The value of the shape's key, in the form it came in."""
        if self.exported is not None:
            return dict(self.exported)
        value: dict[str, Any] = {"x1": self.x1, "y1": self.y1, "x2": self.x2, "y2": self.y2}
        for name in ("width", "height", "page_number", "text"):
            if getattr(self, name) is not None:
                value[_PDF_KEYS.get(name, name)] = getattr(self, name)
        return {**value, **self.extra}

    @property
    def bounds(self) -> Box:
        """Left, top, right, bottom, in the page's own coordinates."""
        return min(self.x1, self.x2), min(self.y1, self.y2), max(self.x1, self.x2), max(self.y1, self.y2)


_PDF_KEYS = {"page_number": "pageNumber"}

ObjectShape: TypeAlias = BoundingBox | RotatedBox | Polygon | Polyline | Point | Segmentation | TextSpan | PdfArea

SHAPES: Mapping[str, type[ObjectShape]] = {
    shape.key: shape for shape in (BoundingBox, RotatedBox, Polygon, Polyline, Point, Segmentation, TextSpan, PdfArea)
}

SHAPE_KEYS = frozenset(SHAPES)
"""The keys that say what an object is; an object of an answer has exactly one of them."""


def upright_sizes(
    x: float, y: float, width: float, height: float, rotation: float
) -> tuple[float, float, float, float]:
    """x, y, width and height of the same rotated box with sizes that are not negative."""
    angle = math.radians(rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    if width < 0:
        x, y, width = x + width * cos, y + width * sin, -width
    if height < 0:
        x, y, height = x - height * sin, y + height * cos, -height
    return x, y, width, height


def is_number(value: Any) -> bool:
    """Whether it is an int or a float (no bool) that can be a coordinate."""
    return type(value) in (int, float) and -1e12 <= value <= 1e12


def _numbers(value: Any, *names: str) -> list[Any]:
    if type(value) is not dict:
        raise ValueError("not an object")
    numbers = [value.get(name) for name in names]
    if not all(map(is_number, numbers)):
        raise ValueError(f"{', '.join(names)} must be numbers")
    return numbers


def _points(value: Any, least: int) -> Points:
    if type(value) is not list or len(value) < least:
        raise ValueError(f"at least {least} points are needed")
    for point in value:
        if type(point) is not list or len(point) != 2 or not (is_number(point[0]) and is_number(point[1])):
            raise ValueError("a point is two numbers")
    return tuple((point[0], point[1]) for point in value)


def _zone(value: Any) -> Zone:
    if type(value) is not dict:
        raise ValueError("a zone is an object")
    holes = value.get("holes")
    if holes is not None and type(holes) is not list:
        raise ValueError("holes are a list")
    region = _points(value.get("region"), 3)
    return Zone(region, tuple(_points(hole, 3) for hole in holes or ()), _rest(value, "region", "holes"))


def _lists(points: Points) -> list[list[float]]:
    return [[x, y] for x, y in points]


def _rest(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in names} if len(value) > len(names) else {}


def _dict(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _number_or_none(value: Any) -> Any:
    return value if is_number(value) else None


def _page_or_none(value: Any) -> Any:
    return value if type(value) is int else None


def _text_or_none(value: Any) -> Any:
    return value if type(value) is str else None
