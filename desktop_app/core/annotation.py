"""An answer in the Ango annotation format, typed for display (facts: annotation-format).

What is sent is always the checked JSON itself (:mod:`desktop_app.core.check`); this view reads answers that are
already there, ours and the hub's, and never fails on what it does not understand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from desktop_app.core.geometry import rotated_corners, rotated_from_corners
from desktop_app.core.shapes import (
    SHAPE_KEYS,
    SHAPES,
    BoundingBox,
    ObjectShape,
    PdfArea,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
    Segmentation,
    TextSpan,
    Zone,
)

__all__ = [
    "SHAPES",
    "SHAPE_KEYS",
    "AnnotationObject",
    "Answer",
    "BoundingBox",
    "Classification",
    "ObjectShape",
    "PdfArea",
    "Point",
    "Polygon",
    "Polyline",
    "Relation",
    "RotatedBox",
    "Segmentation",
    "TextSpan",
    "Zone",
    "rotated_corners",
    "rotated_from_corners",
]

T = TypeVar("T")

MAX_NESTING = 30
"""Classifications inside classifications; deeper ones stay in `extra` unread."""


@dataclass(frozen=True, slots=True)
class Classification:
    """One answered question, about the whole asset or about one object.

    Attributes:
        answer: text, or a tuple of texts for the tools with several choices (tree choices as "Trunk / Branch");
            None when it is something else, which is then in `extra`.
        extra: every other key, and what has not the type the format says.
    """

    schema_id: str | None = None
    answer: str | tuple[str, ...] | None = None
    title: str | None = None
    tool: str | None = None
    classifications: tuple[Classification, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: dict[str, Any], depth: int = 0) -> Classification:
        """Reads one; never fails."""
        rest = dict(value)
        answer = rest.get("answer")
        if type(answer) is str:
            del rest["answer"]
        elif type(answer) is list and all(type(choice) is str for choice in answer):
            answer = tuple(rest.pop("answer"))
        else:
            answer = None
        return cls(
            schema_id=_take(rest, "schemaId", str),
            answer=answer,
            title=_take(rest, "title", str),
            tool=_take(rest, "tool", str),
            classifications=_take_nested(rest, depth),
            extra=rest,
        )

    def to_json(self) -> dict[str, Any]:
        """The form of the answer."""
        answer = list(self.answer) if isinstance(self.answer, tuple) else self.answer
        named = {"schemaId": self.schema_id, "title": self.title, "tool": self.tool, "answer": answer}
        return _json(named, self.classifications, self.extra)


@dataclass(frozen=True, slots=True)
class AnnotationObject:
    """One object of an answer.

    Attributes:
        shape: None for a shape this app does not know (its key is then in `extra`).
        page: video frame or page of a multi-image asset, or None.
        extra: every other key (`lock`, `metadata`, `interpolationStopped`, unknown ones), and what has not the type
            the format says.
    """

    shape: ObjectShape | None = None
    schema_id: str | None = None
    title: str | None = None
    object_id: str | None = None
    page: int | None = None
    classifications: tuple[Classification, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: dict[str, Any]) -> AnnotationObject:
        """Reads one; never fails."""
        rest = dict(value)
        shape: ObjectShape | None = None
        for key, kind in ((key, SHAPES[key]) for key in value if key in SHAPE_KEYS):
            try:
                shape = kind.parse(value[key])
            except ValueError:
                continue
            del rest[key]
            break
        return cls(
            shape=shape,
            schema_id=_take(rest, "schemaId", str),
            title=_take(rest, "title", str),
            object_id=_take(rest, "objectId", str),
            page=_take(rest, "page", int),
            classifications=_take_nested(rest, 0),
            extra=rest,
        )

    def to_json(self) -> dict[str, Any]:
        """The form of the answer."""
        named: dict[str, Any] = {"schemaId": self.schema_id, "title": self.title, "objectId": self.object_id}
        if self.shape is not None:
            named[self.shape.key] = self.shape.to_json()
        named["page"] = self.page
        return _json(named, self.classifications, self.extra)


@dataclass(frozen=True, slots=True)
class Relation:
    """A link between two objects (`source` to `target`) or a group of them.

    Attributes:
        source, target: objectIds of the keys `from` and `to`, or None for a group.
        direction: "straight" or "bidirectional", or None.
        group: objectIds; empty for a link.
    """

    schema_id: str | None = None
    title: str | None = None
    object_id: str | None = None
    source: str | None = None
    target: str | None = None
    direction: str | None = None
    group: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Relation:
        """Reads one; never fails."""
        rest = dict(value)
        group: tuple[str, ...] = ()
        members = rest.get("group")
        if type(members) is list and members and all(type(member) is str for member in members):
            group = tuple(rest.pop("group"))
        return cls(
            schema_id=_take(rest, "schemaId", str),
            title=_take(rest, "title", str),
            object_id=_take(rest, "objectId", str),
            source=_take(rest, "from", str),
            target=_take(rest, "to", str),
            direction=_take(rest, "direction", str),
            group=group,
            extra=rest,
        )

    def to_json(self) -> dict[str, Any]:
        """The form of the answer."""
        named: dict[str, Any] = {
            "schemaId": self.schema_id,
            "title": self.title,
            "objectId": self.object_id,
            "from": self.source,
            "to": self.target,
            "direction": self.direction,
            "group": list(self.group) or None,
        }
        return _json(named, (), self.extra)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a plugin says about one asset, or what a task has.

    Parsing the JSON of an answer (or of a task, which says `tools` for `objects`) and writing it again gives the same
    JSON, key order and these things apart: boxes of negative size are turned round, entries that are no JSON object
    are skipped, zones always have `holes`, and the three lists are always there. Unknown keys beside them go.
    """

    objects: tuple[AnnotationObject, ...] = ()
    classifications: tuple[Classification, ...] = ()
    relations: tuple[Relation, ...] = ()

    @classmethod
    def parse(cls, value: Any) -> Answer:
        """Reads an answer or a task's annotations; what cannot be read is left out, nothing is raised."""
        if type(value) is not dict:
            return cls()
        objects = value["objects"] if "objects" in value else value.get("tools")
        return cls(
            _each(objects, AnnotationObject.parse),
            _each(value.get("classifications"), Classification.parse),
            _each(value.get("relations"), Relation.parse),
        )

    def to_json(self) -> dict[str, Any]:
        """The form that is sent: `{"objects", "classifications", "relations"}`."""
        return {
            "objects": [item.to_json() for item in self.objects],
            "classifications": [item.to_json() for item in self.classifications],
            "relations": [item.to_json() for item in self.relations],
        }


def _each(value: Any, parse: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    return tuple(parse(item) for item in value if type(item) is dict) if type(value) is list else ()


def _take(rest: dict[str, Any], key: str, kind: type[T]) -> T | None:
    return rest.pop(key) if type(rest.get(key)) is kind else None


def _take_nested(rest: dict[str, Any], depth: int) -> tuple[Classification, ...]:
    nested = rest.get("classifications")
    if type(nested) is not list or not nested or depth >= MAX_NESTING or any(type(item) is not dict for item in nested):
        return ()
    del rest["classifications"]
    return tuple(Classification.parse(item, depth + 1) for item in nested)


def _json(
    named: dict[str, Any], classifications: tuple[Classification, ...], extra: Mapping[str, Any]
) -> dict[str, Any]:
    value = {key: item for key, item in named.items() if item is not None}
    if classifications:
        value["classifications"] = [item.to_json() for item in classifications]
    value.update(extra)
    return value
