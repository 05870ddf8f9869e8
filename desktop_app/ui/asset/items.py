"""What can be drawn of an answer: every shape of the annotation format as rings of points.

Reading is for display alone and forgiving: a field that makes no sense gives an item without geometry, which is still
listed. Coordinates stay in pixels of the upright asset. No numpy here, so that the window opens without it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, pairwise
from typing import Any

from desktop_app.core.job import JobDetail
from desktop_app.ui.tokens import class_colour

FURTHEST = 1e9
"""Beyond this Qt's coordinates lose their meaning, and no asset is that large."""

Bounds = tuple[float, float, float, float]


class Layer(StrEnum):
    """Where an item comes from."""

    SENT = "sent"
    PREDICTIONS = "predictions"
    EXISTING = "existing"


@dataclass(frozen=True, slots=True)
class Item:
    """One annotation as the views know it.

    Attributes:
        name: its class, or what stands for one.
        score: 0 to 1, or None where the model gave none.
        kind: shape key of the annotation format, or "none".
        zones: each one outline followed by its holes; empty where there is no geometry.
        closed: whether the outline returns to its first point.
        bounds: left, top, right, bottom; None without geometry.
        span: start and end of a text or audio span.
        text: the quoted text of a document area, and answers of nested classifications.
    """

    index: int
    layer: Layer
    name: str
    score: float | None
    kind: str
    colour: str
    zones: tuple[tuple[array[float], ...], ...] = ()
    closed: bool = True
    bounds: Bounds | None = None
    span: tuple[float, float] | None = None
    text: str = ""
    object_id: str = ""
    schema_id: str = ""
    page: int | None = None

    @property
    def label(self) -> str:
        """Class and confidence: `car 0.93`."""
        return self.name if self.score is None else f"{self.name} {self.score:.2f}"


@dataclass(frozen=True, slots=True)
class Chip:
    """A classification of the whole asset, shown as `title: answer`."""

    title: str
    answer: str
    colour: str


@dataclass(frozen=True, slots=True)
class Relation:
    """An arrow between two items (positions in the list), or a group's pairs."""

    start: int
    end: int
    both: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything of one job that can be shown on its asset."""

    items: tuple[Item, ...] = ()
    chips: tuple[Chip, ...] = ()
    relations: tuple[Relation, ...] = ()
    layers: frozenset[Layer] = field(default_factory=frozenset)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, most frequent first."""
        counts: dict[str, int] = {}
        for item in self.items:
            counts[item.name] = counts.get(item.name, 0) + 1
        return tuple(sorted(counts, key=lambda name: (-counts[name], name.casefold())))


def annotations_of(detail: JobDetail, existing: Mapping[str, Any] | None = None) -> Annotations:
    """What a job's detail has to show: the answer, the raw predictions and what the task had before."""
    payload = detail.payload if isinstance(detail.payload, Mapping) else {}
    names = _schema_names(payload.get("categorySchema"))
    scores = _scores(detail.predictions or ())
    items: list[Item] = []
    chips: list[Chip] = []
    relations: list[Relation] = []
    layers: set[Layer] = set()
    answer = detail.answer if isinstance(detail.answer, Mapping) else None
    for layer, source in ((Layer.SENT, answer), (Layer.EXISTING, existing)):
        if source is None:
            continue
        layers.add(layer)
        first = len(items)
        for raw in _list(source.get("objects") or source.get("tools")):
            items.append(_item(len(items), layer, raw, names, scores))
        chips += _chips(source.get("classifications"), names)
        relations += _relations(source.get("relations"), items[first:])
    if detail.predictions:
        layers.add(Layer.PREDICTIONS)
        for raw in detail.predictions:
            items.append(_item(len(items), Layer.PREDICTIONS, raw, {}, {}))
    return Annotations(tuple(items), tuple(chips), tuple(relations), frozenset(layers))


def _schema_names(schema: Any) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for entry in _list(schema):
        if isinstance(entry, Mapping) and isinstance(entry.get("schemaId"), str):
            names[entry["schemaId"]] = (*names.get(entry["schemaId"], ()), str(entry.get("modelClass", "")))
    return names


def _scores(predictions: Iterable[Any]) -> dict[tuple[Any, ...], tuple[str, float]]:
    """Class and score of every prediction by its geometry: the answer's format has no place for either."""
    found: dict[tuple[Any, ...], tuple[str, float]] = {}
    for raw in predictions:
        if isinstance(raw, Mapping) and (score := _number(raw.get("score"))) is not None:
            key = _geometry_key(raw)
            if key is not None and key not in found:
                found[key] = (str(raw.get("class", "")), score)
    return found


def _geometry_key(raw: Mapping[str, Any]) -> tuple[Any, ...] | None:
    _, zones, _ = _geometry(raw)
    if not zones:
        return None
    return tuple(round(value, 1) for value in zones[0][0][:8])


def _item(
    index: int,
    layer: Layer,
    raw: Any,
    names: Mapping[str, tuple[str, ...]],
    scores: Mapping[tuple[Any, ...], tuple[str, float]],
) -> Item:
    if not isinstance(raw, Mapping):
        return Item(index, layer, "?", None, "none", class_colour("?"))
    kind, zones, closed = _geometry(raw)
    schema_id = raw.get("schemaId") if isinstance(raw.get("schemaId"), str) else ""
    matched = scores.get(tuple(round(value, 1) for value in zones[0][0][:8])) if zones and scores else None
    score = _own_score(raw)
    if score is None and matched:
        score = matched[1]
    mapped = names.get(schema_id or "", ())
    name = _text(raw.get("title")) or _text(raw.get("class"))
    if not name:
        name = matched[0] if matched and (not mapped or matched[0] in mapped) else ""
    name = name or (mapped[0] if mapped else "") or (f"schema {str(schema_id)[:8]}" if schema_id else "no class")
    page = raw.get("page")
    return Item(
        index=index,
        layer=layer,
        name=name,
        score=score,
        kind=kind,
        colour=_text(raw.get("color")) if _is_colour(raw.get("color")) else class_colour(name),
        zones=zones,
        closed=closed,
        bounds=_bounds(zones),
        span=_span(raw.get("ner")),
        text=_quoted(raw),
        object_id=_text(raw.get("objectId")),
        schema_id=str(schema_id or ""),
        page=page if isinstance(page, int) and not isinstance(page, bool) else None,
    )


def _own_score(raw: Mapping[str, Any]) -> float | None:
    metadata = raw.get("metadata")
    places = (raw, metadata) if isinstance(metadata, Mapping) else (raw,)
    for place in places:
        for key in ("score", "confidence"):
            if (value := _number(place.get(key))) is not None:
                return value
    return None


def _geometry(raw: Mapping[str, Any]) -> tuple[str, tuple[tuple[array[float], ...], ...], bool]:
    if isinstance(box := raw.get("bounding-box"), Mapping):
        values = [_number(box.get(key)) for key in ("x", "y", "width", "height")]
        if (ring := _rectangle(values)) is not None:
            return "bounding-box", ((ring,),), True
        return "bounding-box", (), True
    if isinstance(box := raw.get("rotated-bounding-box"), Mapping):
        values = [_number(box.get(key)) for key in ("x", "y", "width", "height", "rotation")]
        ring = _rotated(values)
        return "rotated-bounding-box", ((ring,),) if ring is not None else (), True
    for key, least, closed in (("polygon", 3, True), ("polyline", 2, False)):
        if key in raw:
            ring = _ring(raw[key], least)
            return key, ((ring,),) if ring is not None else (), closed
    if "point" in raw:
        ring = _ring([raw["point"]], 1)
        return "point", ((ring,),) if ring is not None else (), False
    if isinstance(shape := raw.get("segmentation"), Mapping):
        return "segmentation", _zones(shape.get("zones")), True
    if "ner" in raw:
        return "ner", (), True
    if isinstance(area := raw.get("pdf"), Mapping):
        return "pdf", _document_area(area), True
    return "none", (), True


def _rectangle(values: Sequence[float | None]) -> array[float] | None:
    x, y, width, height = values
    if x is None or y is None or width is None or height is None:
        return None
    left, right = sorted((x, x + width))
    top, bottom = sorted((y, y + height))
    return array("d", (left, top, right, top, right, bottom, left, bottom))


def _rotated(values: Sequence[float | None]) -> array[float] | None:
    x, y, width, height, degrees = values
    if x is None or y is None or width is None or height is None:
        return None
    angle = math.radians(degrees or 0.0)
    # Turned about (x, y), the first corner: how exports read (facts: annotation-format, Note on rotation).
    across = (width * math.cos(angle), width * math.sin(angle))
    down = (-height * math.sin(angle), height * math.cos(angle))
    return array(
        "d",
        (
            *(x, y),
            *(x + down[0], y + down[1]),
            *(x + down[0] + across[0], y + down[1] + across[1]),
            *(x + across[0], y + across[1]),
        ),
    )


def _ring(points: Any, least: int) -> array[float] | None:
    flat = _plain_ring(points)
    if flat is not None:
        return flat if len(flat) >= 2 * least else None
    flat = array("d")
    for point in _list(points):
        if not isinstance(point, (list, tuple)) or len(point) < 2:
            return None
        x, y = _number(point[0]), _number(point[1])
        if x is None or y is None:
            return None
        flat.append(x)
        flat.append(y)
    return flat if len(flat) >= 2 * least else None


def _plain_ring(points: Any) -> array[float] | None:
    """The quick way for what answers nearly always hold: pairs of finite numbers. None sends to the careful way."""
    try:
        if not isinstance(points, list) or set(map(len, points)) != {2}:
            return None
        flat = array("d", chain.from_iterable(points))
    except (TypeError, OverflowError):
        return None
    within = math.isfinite(sum(flat)) and max(flat) < FURTHEST and min(flat) > -FURTHEST
    return flat if within else None


def _zones(zones: Any) -> tuple[tuple[array[float], ...], ...]:
    result = []
    for zone in _list(zones):
        if not isinstance(zone, Mapping):
            continue
        region = _ring(zone.get("region"), 3)
        if region is not None:
            holes = (_ring(hole, 3) for hole in _list(zone.get("holes")))
            result.append((region, *(hole for hole in holes if hole is not None)))
    return tuple(result)


def _document_area(area: Mapping[str, Any]) -> tuple[tuple[array[float], ...], ...]:
    position = area.get("position")
    rect = position.get("boundingRect") if isinstance(position, Mapping) else area
    if not isinstance(rect, Mapping):
        return ()
    x1, y1, x2, y2 = (_number(rect.get(key)) for key in ("x1", "y1", "x2", "y2"))
    if x1 is None or y1 is None or x2 is None or y2 is None:
        return ()
    ring = _rectangle((x1, y1, x2 - x1, y2 - y1))
    return ((ring,),) if ring is not None else ()


def _span(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, Mapping):
        return None
    start, end = _number(value.get("start")), _number(value.get("end"))
    return None if start is None or end is None else (min(start, end), max(start, end))


def _quoted(raw: Mapping[str, Any]) -> str:
    parts = []
    area = raw.get("pdf")
    if isinstance(area, Mapping):
        content = area.get("content")
        parts.append(_text(area.get("text")) or (_text(content.get("text")) if isinstance(content, Mapping) else ""))
    parts += [
        f"{_text(nested.get('title')) or 'answer'}: {_answer(nested.get('answer'))}"
        for nested in _list(raw.get("classifications"))
        if isinstance(nested, Mapping)
    ]
    return " · ".join(part for part in parts if part)


def _chips(values: Any, names: Mapping[str, tuple[str, ...]]) -> list[Chip]:
    chips = []
    for value in _list(values):
        if isinstance(value, Mapping):
            schema = _text(value.get("schemaId"))
            title = _text(value.get("title")) or next(iter(names.get(schema, ())), "") or "Classification"
            chips.append(Chip(title, _answer(value.get("answer")), class_colour(title)))
    return chips


def _relations(values: Any, items: Sequence[Item]) -> list[Relation]:
    places = {item.object_id: item.index for item in items if item.object_id}
    result = []
    for value in _list(values):
        if not isinstance(value, Mapping):
            continue
        title = _text(value.get("title"))
        start, end = places.get(_text(value.get("from"))), places.get(_text(value.get("to")))
        if start is not None and end is not None:
            result.append(Relation(start, end, value.get("direction") == "bidirectional", title))
        members = [places[name] for name in map(_text, _list(value.get("group"))) if name in places]
        result += [Relation(a, b, True, title) for a, b in pairwise(members)]
    return result


def _bounds(zones: tuple[tuple[array[float], ...], ...]) -> Bounds | None:
    if not zones:
        return None
    columns = [(zone[0][0::2], zone[0][1::2]) for zone in zones]
    return (
        min(min(xs) for xs, _ in columns),
        min(min(ys) for _, ys in columns),
        max(max(xs) for xs, _ in columns),
        max(max(ys) for _, ys in columns),
    )


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _text(value: Any) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _answer(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(part)[:100] for part in value[:20])
    return "" if value is None else str(value)[:200]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < FURTHEST else None


def _is_colour(value: Any) -> bool:
    if not isinstance(value, str) or len(value) != 7 or value[0] != "#":
        return False
    return all(char in "0123456789abcdefABCDEF" for char in value[1:])
