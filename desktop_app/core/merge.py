"""Adds an answer to what a task already has, for jobs with `overwrite: false`.

As the published client does it (facts: hub-protocol, The outcome): the task's `tools` follow the new objects, its
`classifications` follow the new ones where no new one has their schemaId, its `relations` follow the new relations.
Where nothing is doubled the outcome is equal to the published client's, field by field.

The published client doubles everything when a job runs again. Here, of a new object that the task already has, only
the task's copy is kept, with its objectId and whatever people changed about it; new relations that named the new copy
name that one. The rule of what is the same:

- the same shape key with the same geometry (boxes of negative size turned round, numbers compared to 1e-6, keys that
  the format does not name, such as exported `corners`, ignored; other shapes by their whole value) on the same `page`;
- and the same schemaId; where the new object has none, the same title; where it has neither, or the task's copy has no
  title, the hub chose the tool, and geometry decides alone;
- objectId, metadata, nested classifications, lock and everything else do not count;
- one object of the task accounts for one new object: two equal new ones and one in the task leave one more.

A relation or a classification without schemaId is the same when all of it but objectId and metadata is; a new
classification without schemaId also stands for the task's one of the same title.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

from desktop_app.core.check import LISTS
from desktop_app.core.notes import Notes
from desktop_app.core.plain import is_plain
from desktop_app.core.shapes import SHAPE_KEYS, SHAPES

_IGNORED = ("objectId", "metadata", "lock")
_Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """An answer and the task's annotations in one.

    Attributes:
        answer: the keys of the new answer, with all three lists.
        notes: what was left out, a sentence each.
        doubles: how many new objects the task already had.
    """

    answer: dict[str, Any]
    notes: tuple[str, ...] = ()
    doubles: int = 0


def merge_existing(answer: dict[str, Any], existing: Any) -> dict[str, Any]:
    """The answer of :func:`merge` alone."""
    return merge(answer, existing).answer


def merge(answer: dict[str, Any], existing: Any) -> Merged:
    """Adds a checked answer to a task's annotations; neither is changed, and nothing is raised for what the hub sent.

    Args:
        answer: checked, `{"objects", "classifications", "relations"}`; lists may be absent.
        existing: the task's `{"tools", "classifications", "relations"}` as the hub sent it, or null.
    """
    notes = Notes()
    has = existing if isinstance(existing, dict) else {}
    tools = _entries(has["tools"] if "tools" in has else has.get("objects"), "tools", notes)
    objects, tools, renamed = _without_doubles(answer.get("objects", []), tools)
    doubles = len(answer.get("objects", [])) - len(objects)
    if doubles:
        notes.repaired(f"{doubles} of the answer already there; not added again", "objects")
    classifications = answer.get("classifications", [])
    relations = [_redirected(relation, renamed) for relation in answer.get("relations", [])]
    merged = {
        "objects": [*objects, *tools],
        "classifications": [
            *classifications,
            *_classifications_left(classifications, _entries(has.get("classifications"), "classifications", notes)),
        ],
        "relations": _merged_relations(relations, _entries(has.get("relations"), "relations", notes)),
    }
    return Merged({**answer, **{key: merged[key] for key in LISTS}}, notes.repairs, doubles)


def _entries(value: Any, field: str, notes: Notes) -> list[_Item]:
    if value is None:
        return []
    if not isinstance(value, list):
        notes.repaired("of the task are no list; left out", field)
        return []
    kept = []
    for index, item in enumerate(value):
        if isinstance(item, dict) and is_plain(item):
            kept.append(item)
        else:
            notes.repaired(
                "of the task cannot be sent again (no object, not finite or too deep); left out", f"{field}[{index}]"
            )
    return kept


def _without_doubles(new: list[_Item], tools: list[_Item]) -> tuple[list[_Item], list[_Item], dict[str, str]]:
    """The new objects that the task lacks, the task's objects, and the ids of the others as they are in the task."""
    if not tools:
        return new, tools, {}
    there: dict[str, deque[int]] = defaultdict(deque)
    for index, tool in enumerate(tools):
        place = _place(tool)
        if place is not None:
            there[place].append(index)
    left: list[_Item] = []
    renamed: dict[str, str] = {}
    tools = list(tools)
    for item in new:
        place = _place(item)
        at = None if place is None else _claim(item, tools, there.get(place))
        if at is None:
            left.append(item)
            continue
        object_id = item.get("objectId")
        if object_id is None:
            continue
        if type(tools[at].get("objectId")) is not str:
            tools[at] = {**tools[at], "objectId": object_id}
        renamed[object_id] = tools[at]["objectId"]
    return left, tools, renamed


def _claim(item: _Item, tools: list[_Item], candidates: deque[int] | None) -> int | None:
    """The index of the task's object that is this one, taken off the candidates."""
    if candidates is None:
        return None
    at = next((at for at in candidates if _is_same_tool(item, tools[at])), None)
    if at is not None:
        candidates.remove(at)
    return at


def _is_same_tool(item: _Item, tool: _Item) -> bool:
    if item.get("schemaId") is not None:
        return bool(item["schemaId"] == tool.get("schemaId"))
    titles = item.get("title"), tool.get("title")
    return None in titles or titles[0] == titles[1]


def _place(item: _Item) -> str | None:
    """Shape, geometry and page in a form that can be compared, or None for an object without a known shape."""
    key = next((key for key in item if key in SHAPE_KEYS and item[key] is not None), None)
    if key is None:
        return None
    try:
        value = SHAPES[key].parse(item[key]).to_json()
    except ValueError:
        value = item[key]
    names = _GEOMETRY.get(key)
    if names is not None and isinstance(value, dict):
        value = {name: value.get(name) for name in names}
    return json.dumps([key, _rounded([item.get("page"), value])], sort_keys=True)


_GEOMETRY = {
    "bounding-box": ("x", "y", "width", "height"),
    "rotated-bounding-box": ("x", "y", "width", "height", "rotation"),
    "ner": ("start", "end"),
}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if type(value) is int or type(value) is float:
        # + 0.0 turns -0.0 into 0.0; 20 and 20.0 are the same place.
        return round(float(value), 6) + 0.0 if abs(value) < 1e15 else value
    return value


def _same_but_ids(item: _Item) -> str:
    return json.dumps({key: _rounded(value) for key, value in item.items() if key not in _IGNORED}, sort_keys=True)


def _classifications_left(new: list[_Item], existing: list[_Item]) -> list[_Item]:
    if not existing:
        return []
    schema_ids = [item["schemaId"] for item in new if item.get("schemaId") is not None]
    titles = [item["title"] for item in new if item.get("schemaId") is None and item.get("title") is not None]
    nameless = {_same_but_ids(item) for item in new if item.get("schemaId") is None}
    return [
        item
        for item in existing
        if (item.get("schemaId") is None or item["schemaId"] not in schema_ids)
        and (item.get("title") is None or item["title"] not in titles)
        and not (item.get("schemaId") is None and _same_but_ids(item) in nameless)
    ]


def _redirected(relation: _Item, renamed: dict[str, str]) -> _Item:
    if not renamed:
        return relation
    changes: _Item = {key: renamed[relation[key]] for key in ("from", "to") if relation.get(key) in renamed}
    group = relation.get("group")
    if isinstance(group, list) and not renamed.keys().isdisjoint(group):
        changes["group"] = [renamed.get(member, member) for member in group]
    return {**relation, **changes} if changes else relation


def _merged_relations(new: list[_Item], existing: list[_Item]) -> list[_Item]:
    if not existing or not new:
        return [*new, *existing]
    there = {_same_but_ids(item) for item in existing}
    return [*(item for item in new if _same_but_ids(item) not in there), *existing]
