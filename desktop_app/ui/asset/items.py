"""What can be shown of an answer: every annotation with its class, confidence and shape.

Reading is for display alone and forgiving: a field that makes no sense gives an item without geometry, which is still
listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from desktop_app.core.job import JobDetail
from desktop_app.ui.asset.schema import Schema, is_colour, text_of
from desktop_app.ui.asset.shapes import Bounds, Shape, items_of, number, shapes_of
from desktop_app.ui.formats import decimal, tr

if TYPE_CHECKING:
    from desktop_app.ui.asset.shapes import Ring


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
        zones: each one outline followed by its holes, as x, y, x, y…; empty where there is no geometry.
        closed: whether the outline returns to its first point.
        bounds: left, top, right, bottom; None without geometry.
        span: start and end of a text (characters) or audio (seconds) span.
        text: the quoted text of a document area, and answers of nested classifications.
        page: page of a document or frame of a video, from 0.
        frame: width and height of the page that the coordinates are in, where that is not the asset's own.
    """

    index: int
    layer: Layer
    name: str
    score: float | None
    kind: str
    colour: str
    zones: tuple[tuple[Ring, ...], ...] = ()
    closed: bool = True
    bounds: Bounds | None = None
    span: tuple[float, float] | None = None
    text: str = ""
    object_id: str = ""
    schema_id: str = ""
    page: int | None = None
    frame: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """Class and confidence: `car 0.93`."""
        return self.name if self.score is None else f"{self.name} {decimal(self.score, 2)}"


@dataclass(frozen=True, slots=True)
class Chip:
    """A classification of the whole asset, shown as `title: answer`."""

    title: str
    answer: str
    colour: str
    layer: Layer = Layer.SENT


@dataclass(frozen=True, slots=True)
class Relation:
    """An arrow between two items (positions in the list), or a group's pairs."""

    start: int
    end: int
    both: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Mask:
    """A brush mask: `address` is where it is kept, which may be a `data:` URL that holds it."""

    address: str = field(repr=False)
    volume: bool
    layer: Layer


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything of one job that can be shown on its asset."""

    items: tuple[Item, ...] = ()
    chips: tuple[Chip, ...] = ()
    relations: tuple[Relation, ...] = ()
    layers: frozenset[Layer] = field(default_factory=frozenset)
    masks: tuple[Mask, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, most frequent first."""
        counts: dict[str, int] = {}
        for item in self.items:
            counts[item.name] = counts.get(item.name, 0) + 1
        return tuple(sorted(counts, key=lambda name: (-counts[name], name.casefold())))

    def fitted(self, width: float, height: float) -> Annotations:
        """The same on an asset of this size: areas that are in the size of another page are scaled to it."""
        if not any(item.frame for item in self.items):
            return self
        return replace(self, items=tuple(_fitted(item, width, height) for item in self.items))


def annotations_of(detail: JobDetail, existing: Mapping[str, Any] | None = None) -> Annotations:
    """What a job's detail has to show: the answer, the raw predictions and what the task had before.

    Args:
        existing: the task's answer before the job; None takes it from the payload, where older hubs send it.
    """
    payload = detail.payload if isinstance(detail.payload, dict) else {}
    schema = Schema.of(payload.get("categorySchema"))
    existing = _sent_along(payload) if existing is None else existing
    answer = detail.answer if isinstance(detail.answer, dict) else None
    predictions = items_of(detail.predictions)
    raw_shapes = shapes_of(predictions)
    scores = _scores(predictions, raw_shapes)
    items: list[Item] = []
    chips: list[Chip] = []
    relations: list[Relation] = []
    masks: list[Mask] = []
    layers: set[Layer] = set()
    for layer, source in ((Layer.SENT, answer), (Layer.EXISTING, existing)):
        if source is None:
            continue
        layers.add(layer)
        first = len(items)
        objects = items_of(source.get("objects") or source.get("tools"))
        for raw, shape in zip(objects, shapes_of(objects), strict=True):
            items.append(_item(len(items), layer, raw, shape, schema, scores))
        chips += _chips(source.get("classifications"), schema, layer)
        relations += _relations(source.get("relations"), items[first:])
        masks += _masks(source, layer)
    if predictions:
        layers.add(Layer.PREDICTIONS)
        plain = schema.without_ids()
        for raw, shape in zip(predictions, raw_shapes, strict=True):
            items.append(_item(len(items), Layer.PREDICTIONS, raw, shape, plain, {}))
    masks += _masks(detail.response, Layer.SENT)
    return Annotations(tuple(items), tuple(chips), tuple(relations), frozenset(layers), tuple(dict.fromkeys(masks)))


Scores = Mapping[tuple[float, ...], tuple[str, float]]


def _sent_along(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the task held before, which older hubs send with workflow jobs (facts: hub-protocol, labeltask)."""
    task = payload.get("labeltask")
    answer = task.get("answer") if isinstance(task, dict) else None
    return answer if isinstance(answer, dict) else None


def _scores(predictions: Iterable[Any], shapes: Iterable[Shape]) -> Scores:
    """Class and score of every prediction by its geometry: the answer's format has no place for either."""
    found: dict[tuple[float, ...], tuple[str, float]] = {}
    for raw, shape in zip(predictions, shapes, strict=True):
        if shape.zones and isinstance(raw, dict) and (score := number(raw.get("score"))) is not None:
            found.setdefault(_key(shape), (str(raw.get("class", "")), score))
    return found


def _key(shape: Shape) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in shape.zones[0][0][:8].tolist())


def _item(index: int, layer: Layer, raw: Any, shape: Shape, schema: Schema, scores: Scores) -> Item:
    if not isinstance(raw, dict):
        return Item(index, layer, "?", None, "none", schema.colour("", "?"))
    get = raw.get
    found = get("schemaId")
    schema_id = found if isinstance(found, str) else ""
    matched = scores.get(_key(shape)) if scores and shape.zones else None
    score = _own_score(raw)
    if score is None and matched:
        score = matched[1]
    mapped = schema.classes(schema_id)
    name = text_of(get("title")) or text_of(get("class"))
    if not name:
        name = matched[0] if matched and (not mapped or matched[0] in mapped) else ""
    name = name or (mapped[0] if mapped else "") or (f"schema {schema_id[:8]}" if schema_id else tr("no class"))
    own = get("color")
    area = get("pdf") if shape.kind == "pdf" else None
    return Item(
        index,
        layer,
        name,
        score,
        shape.kind,
        str(own) if own is not None and is_colour(own) else schema.colour(schema_id, name),
        shape.zones,
        shape.closed,
        shape.bounds,
        _span(get("ner")) if shape.kind == "ner" else None,
        _quoted(raw, area) if area is not None or "classifications" in raw else "",
        text_of(get("objectId")),
        schema_id,
        _page(get("page"), area),
        shape.frame,
    )


def _own_score(raw: Mapping[str, Any]) -> float | None:
    metadata = raw.get("metadata")
    for place in (raw, metadata) if isinstance(metadata, dict) else (raw,):
        for key in ("score", "confidence"):
            if key in place and (value := number(place[key])) is not None:
                return value
    return None


def _page(value: Any, area: Mapping[str, Any] | None) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if area is None:
        return None
    position = area.get("position")
    counted = area.get("pageNumber", position.get("pageNumber") if isinstance(position, dict) else None)
    # Documents are counted from 1 there.
    return counted - 1 if isinstance(counted, int) and not isinstance(counted, bool) and counted >= 1 else None


def _fitted(item: Item, width: float, height: float) -> Item:
    if item.frame is None or item.bounds is None:
        return item
    across, down = width / item.frame[0], height / item.frame[1]
    zones = tuple(tuple((ring.reshape(-1, 2) * (across, down)).ravel() for ring in zone) for zone in item.zones)
    left, top, right, bottom = item.bounds
    return replace(item, zones=zones, bounds=(left * across, top * down, right * across, bottom * down), frame=None)


def _span(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, dict):
        return None
    start, end = number(value.get("start")), number(value.get("end"))
    return None if start is None or end is None else (min(start, end), max(start, end))


def _quoted(raw: Mapping[str, Any], area: Mapping[str, Any] | None) -> str:
    parts = []
    if area is not None:
        content = area.get("content")
        quoted = text_of(content.get("text")) if isinstance(content, dict) else ""
        parts.append(text_of(area.get("text")) or quoted)
    parts += [
        f"{text_of(nested.get('title')) or 'answer'}: {_answer(nested.get('answer'))}"
        for nested in items_of(raw.get("classifications"))
        if isinstance(nested, dict)
    ]
    return " · ".join(part for part in parts if part)


def _chips(values: Any, schema: Schema, layer: Layer) -> list[Chip]:
    chips = []
    for value in items_of(values):
        if isinstance(value, dict):
            schema_id = text_of(value.get("schemaId"))
            title = text_of(value.get("title")) or next(iter(schema.classes(schema_id)), "") or tr("Classification")
            chips.append(Chip(title, _answer(value.get("answer")), schema.colour(schema_id, title), layer))
    return chips


def _relations(values: Any, items: Sequence[Item]) -> list[Relation]:
    places = {item.object_id: item.index for item in items if item.object_id}
    result = []
    for value in items_of(values):
        if not isinstance(value, dict):
            continue
        title = text_of(value.get("title"))
        start, end = places.get(text_of(value.get("from"))), places.get(text_of(value.get("to")))
        if start is not None and end is not None:
            result.append(Relation(start, end, value.get("direction") == "bidirectional", title))
        members = [places[name] for name in map(text_of, items_of(value.get("group"))) if name in places]
        result += [Relation(a, b, True, title) for a, b in pairwise(members)]
    return result


def _masks(source: Any, layer: Layer) -> list[Mask]:
    if not isinstance(source, dict):
        return []
    addresses = ((source.get(key), key.startswith("medical")) for key in ("brushDataUrl", "medicalBrushDataUrl"))
    return [Mask(address, volume, layer) for address, volume in addresses if isinstance(address, str) and address]


def _answer(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(part)[:100] for part in value[:20])
    return "" if value is None else str(value)[:200]
