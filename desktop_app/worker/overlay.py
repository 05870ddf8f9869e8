"""Draws an answer on its picture, into a PNG: `plugdeck test --overlay OUT.png`.

Coordinates are pixels of the upright picture. Small pictures are enlarged and very large ones shrunk, so that lines
and labels can be read on a screen.
"""

from __future__ import annotations

import itertools
import math
import os
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from desktop_app.core.annotation import (
    AnnotationObject,
    Answer,
    BoundingBox,
    Classification,
    ObjectShape,
    PdfArea,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
    Segmentation,
)
from desktop_app.core.errors import AnswerError, ModelError
from desktop_app.worker.onnx.picture import read_picture

SHORTEST_SIDE = 900
LONGEST_SIDE = 4096
"""The drawing's longer side, in pixels."""

SMOOTH_PIXELS = 3_000_000
"""Up to here shapes are drawn at twice the size and shrunk, for smooth edges."""

COLOURS = (
    (230, 57, 70), (29, 126, 196), (46, 160, 67), (255, 159, 28), (142, 68, 173), (0, 168, 150),
    (233, 30, 140), (121, 85, 72), (205, 190, 0), (92, 107, 192), (120, 200, 30), (255, 111, 60),
)  # fmt: skip

FILL_OPACITY = 60

Colour = tuple[int, int, int]
Place = tuple[float, float]
Area = tuple[float, float, float, float]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_WIDE_FONTS = (
    "DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "PingFang.ttc",
    "msyh.ttc", "arial.ttf",
)  # fmt: skip


def draw(asset: Path, answer: dict[str, Any] | None, out: Path) -> dict[str, Any]:
    """Draws the answer's objects, relations and classifications on the picture.

    Returns:
        `{"width", "height", "objects", "left_out"}`: size of the drawing, how many objects are on it, and how many
        are not, for they belong to another page or have no place on a picture.

    Raises:
        AnswerError: there is no answer.
        AssetError: the asset is no picture that can be read.
        ModelError: the drawing cannot be written.
    """
    if answer is None:
        raise AnswerError("There is no answer to draw", where=asset.name)
    parsed = Answer.parse(answer)
    target = (LONGEST_SIDE, LONGEST_SIDE)
    picture = read_picture(asset, target=target)
    factor = _factor(picture.width, picture.height)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    drawing = _Drawing(picture.resized(*size), picture.width, picture.height)
    drawing.draw(parsed)
    _write(drawing.image, out)
    return {"width": size[0], "height": size[1], "objects": drawing.drawn, "left_out": drawing.left_out}


def _factor(width: int, height: int) -> float:
    longest = max(width, height)
    if longest < SHORTEST_SIDE:
        return SHORTEST_SIDE / longest
    return min(1.0, LONGEST_SIDE / longest)


def _write(image: Image.Image, out: Path) -> None:
    try:
        # Made aside first: a failure leaves whatever had the name as it was.
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.stem[:40]}-", suffix=".png")
        try:
            with os.fdopen(handle, "wb") as file:
                image.save(file, "PNG", compress_level=3)
            _as_umask_says(Path(name))
            Path(name).replace(out)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ModelError(
            f"The overlay cannot be written: {error.strerror or error}",
            where=str(out),
            remedy="Name a file in a folder that exists and can be written to.",
        ) from error


def _as_umask_says(path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


@dataclass(slots=True)
class _Label:
    text: str
    colour: Colour
    anchor: Area


@dataclass(slots=True)
class _Drawing:
    """The picture at its final size, and what is drawn on it."""

    image: Image.Image
    width: int
    height: int
    drawn: int = 0
    left_out: int = 0
    _labels: list[_Label] = field(default_factory=list)
    _taken: list[Area] = field(default_factory=list)
    _colours: dict[str, Colour] = field(default_factory=dict)
    _centres: dict[str, Place] = field(default_factory=dict)
    _notes: list[tuple[str, Colour]] = field(default_factory=list)

    @property
    def unit(self) -> float:
        """Width of a line."""
        return max(2.0, max(self.image.size) / 500)

    @property
    def scale(self) -> Place:
        """Drawing pixels per asset pixel, both ways."""
        return self.image.width / self.width, self.image.height / self.height

    def draw(self, answer: Answer) -> None:
        """All of it: shapes first, then labels, so that no shape covers one."""
        smooth = 2 if self.image.width * self.image.height <= SMOOTH_PIXELS else 1
        layer = Image.new("RGBA", (self.image.width * smooth, self.image.height * smooth), (0, 0, 0, 0))
        pen = _Pen(layer, (self.scale[0] * smooth, self.scale[1] * smooth), self.unit * smooth)
        for item in sorted(answer.objects, key=_area, reverse=True):
            self._object(item, pen)
        for relation in answer.relations:
            members = [relation.source, relation.target] if relation.source else list(relation.group)
            places = [self._centres[member] for member in members if member in self._centres]
            for start, end in itertools.pairwise(places):
                pen.arrow(start, end, both=relation.direction == "bidirectional", head=not relation.group)
        if smooth > 1:
            layer = layer.resize(self.image.size, Image.Resampling.BOX)
        self.image = Image.alpha_composite(self.image.convert("RGBA"), layer).convert("RGB")
        self._notes = [(f"{_name(found)}: {_told(found)}", (40, 40, 40)) for found in answer.classifications] + [
            *self._notes
        ]
        self._write_labels()

    def _object(self, item: AnnotationObject, pen: _Pen) -> None:
        text = _text(item)
        colour = self._colour(item)
        if item.page not in (None, 0):
            self.left_out += 1
            return
        shape = item.shape
        bounds = self._paint(shape, pen, colour) if shape is not None else None
        if bounds is None:
            # No place on a picture: a span of text, say. It is told in the corner instead.
            self.left_out += 1
            key = shape.key if shape is not None else "unknown shape"
            self._notes.append((f"{text} ({key})", colour))
            return
        self.drawn += 1
        if item.object_id:
            self._centres[item.object_id] = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        sx, sy = self.scale
        self._labels.append(_Label(text, colour, (bounds[0] * sx, bounds[1] * sy, bounds[2] * sx, bounds[3] * sy)))

    def _paint(self, shape: ObjectShape, pen: _Pen, colour: Colour) -> Area | None:
        """Paints a shape; its bounds in asset pixels, or None where it has no place on a picture."""
        if isinstance(shape, BoundingBox):
            x1, y1, x2, y2 = shape.bounds
            pen.outline([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], colour)
        elif isinstance(shape, RotatedBox):
            pen.outline(shape.corners, colour)
        elif isinstance(shape, Polygon):
            pen.outline(shape.points, colour)
        elif isinstance(shape, Polyline):
            pen.line(shape.points, colour)
        elif isinstance(shape, Point):
            pen.point((shape.x, shape.y), colour)
        elif isinstance(shape, Segmentation):
            for zone in shape.zones:
                pen.zone(zone.region, zone.holes, colour)
        elif isinstance(shape, PdfArea):
            area = self._on_picture(shape)
            x1, y1, x2, y2 = area
            pen.outline([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], colour)
            return area
        else:
            return None
        return shape.bounds

    def _on_picture(self, area: PdfArea) -> Area:
        """The area of a page, whose coordinates are in the page's own size, in pixels of the picture."""
        fx = self.width / area.width if area.width else 1.0
        fy = self.height / area.height if area.height else 1.0
        x1, y1, x2, y2 = area.bounds
        return x1 * fx, y1 * fy, x2 * fx, y2 * fy

    def _colour(self, item: AnnotationObject) -> Colour:
        name = item.title or item.schema_id or ""
        if name not in self._colours:
            self._colours[name] = COLOURS[len(self._colours) % len(COLOURS)]
        return self._colours[name]

    # -- labels

    def _write_labels(self) -> None:
        size = max(14.0, min(max(self.image.size) / 55, 64.0))
        pen = ImageDraw.Draw(self.image)
        pad = size * 0.3
        y = pad
        for text, colour in self._notes:
            text, font = _lettered(text, size)
            box = self._box(pen, text, font, pad)
            self._tag(pen, (pad, y, pad + box[0], y + box[1]), text, font, colour, pad)
            y += box[1] + pad / 2
            if y > self.image.height:
                break
        for label in self._labels:
            text, font = _lettered(label.text, size)
            width, height = self._box(pen, text, font, pad)
            self._tag(pen, self._free_place(label.anchor, width, height), text, font, label.colour, pad)

    def _box(self, pen: ImageDraw.ImageDraw, text: str, font: Font, pad: float) -> Place:
        top, bottom = _line(font)
        return pen.textlength(text, font=font) + 2 * pad, bottom - top + pad

    def _free_place(self, anchor: Area, width: float, height: float) -> Area:
        """Where the label covers no other one, as near to the shape's top left corner as can be; inside the picture."""
        x1, y1, x2, y2 = anchor
        tries = [(x1, y1 - height), (x1, y2), (x1, y1), (x2 - width, y1 - height), (x2 - width, y2), (x2, y1)]
        tries += [(x1, y1 + step * height) for step in (1, -2, 2, -3, 3)]
        best: tuple[float, Area] | None = None
        for x, y in tries:
            x = min(max(x, 0.0), max(self.image.width - width, 0.0))
            y = min(max(y, 0.0), max(self.image.height - height, 0.0))
            place = (x, y, x + width, y + height)
            covered = sum(_overlap(place, other) for other in self._taken)
            if covered == 0:
                return place
            if best is None or covered < best[0]:
                best = (covered, place)
        assert best is not None  # noqa: S101
        return best[1]

    def _tag(self, pen: ImageDraw.ImageDraw, place: Area, text: str, font: Font, colour: Colour, pad: float) -> None:
        self._taken.append(place)
        pen.rounded_rectangle(place, radius=pad / 2, fill=colour)
        ink = (0, 0, 0) if _bright(colour) else (255, 255, 255)
        pen.text((place[0] + pad, place[1] + pad / 2 - _line(font)[0]), text, font=font, fill=ink)


class _Pen:
    """Draws shapes given in asset pixels on a layer.

    A colour goes in with its opacity, so that what is painted later covers what is below it in the layer only.
    """

    def __init__(self, layer: Image.Image, scale: Place, width: float) -> None:
        self._layer = layer
        self._scale = scale
        self._width = max(1, round(width))
        self._draw = ImageDraw.Draw(layer)

    def outline(self, points: Sequence[Place], colour: Colour) -> None:
        """A closed line, lightly filled."""
        self.zone(points, (), colour)

    def line(self, points: Sequence[Place], colour: Colour) -> None:
        """An open line with its corners marked."""
        self._stroke(self._scaled(points), colour)
        for point in points:
            self._dot(self._scaled([point])[0], self._width * 1.6, colour)

    def point(self, point: Place, colour: Colour) -> None:
        """A dot with a white rim."""
        ((x, y),) = self._scaled([point])
        self._dot((x, y), self._width * 3.2, (255, 255, 255))
        self._dot((x, y), self._width * 2.2, colour)

    def zone(self, region: Sequence[Place], holes: Iterable[Sequence[Place]], colour: Colour) -> None:
        """A closed region with holes."""
        edge = self._scaled(region)
        inside = [self._scaled(hole) for hole in holes]
        self._fill(edge, inside, colour)
        for ring in (edge, *inside):
            self._stroke([*ring, ring[0]], colour)

    def arrow(self, start: Place, end: Place, *, both: bool, head: bool) -> None:
        """A line from one object to another."""
        a, b = self._scaled([start, end])
        for colour, width in (((0, 0, 0), self._width * 2), ((255, 255, 255), self._width)):
            self._draw.line([a, b], fill=(*colour, 255), width=width)
            for tip, tail in ((b, a), (a, b)) if both else ((b, a),):
                if head:
                    self._head(tip, tail, (*colour, 255), self._width * 4 + width)

    def _head(self, tip: Place, tail: Place, colour: tuple[int, ...], length: float) -> None:
        angle = math.atan2(tip[1] - tail[1], tip[0] - tail[0])
        sides = [
            (tip[0] - length * math.cos(angle + turn), tip[1] - length * math.sin(angle + turn)) for turn in (-0.5, 0.5)
        ]
        self._draw.polygon([tip, *sides], fill=colour)

    def _fill(self, edge: list[Place], holes: list[list[Place]], colour: Colour) -> None:
        left, top = math.floor(min(x for x, _ in edge)), math.floor(min(y for _, y in edge))
        right, bottom = math.ceil(max(x for x, _ in edge)) + 1, math.ceil(max(y for _, y in edge)) + 1
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, self._layer.width), min(bottom, self._layer.height)
        if left >= right or top >= bottom:
            return
        mask = Image.new("L", (right - left, bottom - top), 0)
        pen = ImageDraw.Draw(mask)
        pen.polygon([(x - left, y - top) for x, y in edge], fill=FILL_OPACITY)
        for hole in holes:
            pen.polygon([(x - left, y - top) for x, y in hole], fill=0)
        tint = Image.new("RGBA", mask.size, (*colour, 255))
        tint.putalpha(mask)
        self._layer.alpha_composite(tint, (left, top))

    def _stroke(self, points: list[Place], colour: Colour) -> None:
        self._draw.line(points, fill=(*colour, 255), width=self._width, joint="curve")
        # Ends and the corner where a closed line meets itself are cut off square otherwise.
        for place in (points[0], points[-1]):
            self._dot(place, self._width / 2, colour)

    def _dot(self, place: Place, radius: float, colour: Colour) -> None:
        x, y = place
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*colour, 255))

    def _scaled(self, points: Iterable[Place]) -> list[Place]:
        sx, sy = self._scale
        # Far outside of the picture nothing is seen, and Pillow's integers end.
        wide, high = self._layer.width * 4.0, self._layer.height * 4.0
        return [(min(max(x * sx, -wide), wide), min(max(y * sy, -high), high)) for x, y in points]


def _text(item: AnnotationObject) -> str:
    metadata = item.extra.get("metadata")
    score = metadata.get("confidence") if isinstance(metadata, dict) else None
    name = item.title or item.schema_id or "?"
    if isinstance(score, float | int) and not isinstance(score, bool):
        name += f" {score:.2f}"
    nested = [f"{_name(found)}: {_told(found)}" for found in item.classifications]
    return _plain(" · ".join([name, *nested]))


def _name(found: Classification) -> str:
    return found.title or found.schema_id or "?"


def _told(found: Classification) -> str:
    answer = found.answer
    text = ", ".join(answer) if isinstance(answer, tuple) else answer or ""
    return _plain(text)


def _plain(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def _area(item: AnnotationObject) -> float:
    bounds = item.shape.bounds if item.shape is not None else None
    return (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) if bounds else 0.0


def _overlap(one: Area, other: Area) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0


def _bright(colour: Colour) -> bool:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue > 150


def _lettered(text: str, size: float) -> tuple[str, Font]:
    """The text and a font that has its letters: Pillow's own has ASCII, the system's may have more.

    Where no such font is there, accents are taken off; letters of other scripts then show as boxes.
    """
    if text.replace("·", "").isascii():
        return text, _font(size, wide=False)
    try:
        return text, _font(size, wide=True)
    except OSError:
        plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("…", "..."))
        return "".join(char for char in plain if not unicodedata.combining(char)), _font(size, wide=False)


@cache
def _font(size: float, *, wide: bool) -> Font:
    if not wide:
        return ImageFont.load_default(size)
    for name in _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, round(size))
        except OSError:
            continue
    raise OSError("no such font")


def _line(font: Font) -> tuple[float, float]:
    """Top and bottom of a line of text, the same for every text."""
    _, top, _, bottom = font.getbbox("Äjpq|")
    return top, bottom
