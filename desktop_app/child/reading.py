"""Reading what callbacks of all generations return (facts: hub-protocol, What the callback gets).

The value that goes to the host keeps the shape of its generation:

- "documented": the dict as returned, `{"data", "answer": {…}}`;
- "flat": the dict as returned, `{"externalId" or "data", "objects", "classifications", "relations"}`;
- "current": `{"answer": {"objects", "classifications", "relations"}, "brushDataUrl", "medicalBrushDataUrl"}`.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

from .convert import Notes, plain_fields, refuse, to_json, type_name

SHAPES = frozenset("bounding-box rotated-bounding-box polygon polyline point segmentation ner pdf".split())
_PARTS = ("objects", "classifications", "relations")


class Reading:
    """A returned value that was understood.

    Attributes:
        blob: the file of an export.
        brush, medical: arrays of masks, still to be stored, or None.
    """

    def __init__(
        self, value: Any, generation: Optional[str], blob: bytes = b"", brush: Any = None, medical: Any = None
    ) -> None:
        self.value = value
        self.generation = generation
        self.blob = blob
        self.brush = brush
        self.medical = medical


def read_returned(returned: Any, kind: str, notes: Notes) -> Reading:
    """The reading of what a callback returned.

    Raises:
        Failure: of kind "answer".
    """
    if returned is None:
        raise refuse("", "the callback returned nothing (None)", _WHAT_TO_RETURN.get(kind, "Return a text."))
    if kind == "export":
        return _export(returned, notes)
    if kind != "model":
        return Reading(to_json(returned, notes), None)
    return _model(returned, notes)


def _model(returned: Any, notes: Notes) -> Reading:
    if isinstance(returned, (str, bytes)):
        returned = _from_text(returned, notes)
    if isinstance(returned, dict):
        return _from_dict(returned, notes)
    if hasattr(returned, "answer"):
        return _from_payload(returned, notes)
    if hasattr(returned, "objects"):
        return Reading({"answer": _answer(returned, notes, "")}, "current")
    if isinstance(returned, (list, tuple)):
        notes.add("", "a list, taken as the objects of the answer")
        return Reading({"answer": _whole(to_json(list(returned), notes, "objects"))}, "current")
    fields = plain_fields(returned)
    if isinstance(fields, dict):
        notes.add("", "a %s, taken as a dict" % type_name(returned))
        return _from_dict(fields, notes)
    raise refuse("", "it is of type %s" % type_name(returned), _WHAT_TO_RETURN["model"])


def _from_dict(returned: Dict[Any, Any], notes: Notes) -> Reading:
    if "answer" in returned:
        inner = returned["answer"]
        if isinstance(inner, (dict, type(None))):
            value = to_json(returned, notes)
        else:
            rest = {key: item for key, item in returned.items() if key != "answer"}
            answer = _answer(inner, notes, "answer")
            converted = to_json(rest, notes)
            value = {key: answer if key == "answer" else converted[key] for key in returned}
        newest = "brushDataUrl" in value or "medicalBrushDataUrl" in value
        return Reading(value, "current" if newest else "documented")
    if SHAPES.intersection(key for key in returned if isinstance(key, str)) and "objects" not in returned:
        notes.add("", "a single object, taken as an answer with one object")
        return Reading({"answer": _whole([to_json(returned, notes)])}, "current")
    value = to_json(returned, notes)
    if "tools" in value and "objects" not in value:
        notes.add("tools", "the name of the objects inside a task, taken as objects")
        value = {"objects" if key == "tools" else key: item for key, item in value.items()}
    if not any(part in value for part in _PARTS):
        keys = ", ".join(sorted(value)) or "nothing"
        raise refuse(
            "", "it has none of objects, classifications and relations, but %s" % keys, _WHAT_TO_RETURN["model"]
        )
    return Reading(value, "flat")


def _from_payload(payload: Any, notes: Notes) -> Reading:
    value: Dict[str, Any] = {"answer": _answer(payload.answer, notes, "answer")}
    for attribute, key in (("brush_data_url", "brushDataUrl"), ("medical_brush_data_url", "medicalBrushDataUrl")):
        value[key] = to_json(getattr(payload, attribute, None), notes, attribute)
    brush, medical = getattr(payload, "brush_data", None), getattr(payload, "medical_brush_data", None)
    return Reading(value, "current", brush=brush, medical=medical)


def _answer(answer: Any, notes: Notes, path: str) -> Dict[str, Any]:
    if answer is None:
        return _whole([])
    if isinstance(answer, (list, tuple)):
        notes.add(path, "a list, taken as the objects of the answer")
        return _whole(to_json(list(answer), notes, "objects"))
    if isinstance(answer, dict):
        converted: Dict[str, Any] = to_json(answer, notes, path)
        return converted
    if not hasattr(answer, "objects"):
        return _answer_from(to_json(answer, notes, path), path)
    parts = {}
    for part in _PARTS:
        value = getattr(answer, part, None)
        where = "%s.%s" % (path, part) if path else part
        parts[part] = to_json([] if value is None else value, notes, where)
    return parts


def _answer_from(value: Any, path: str) -> Dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return _whole(value)
    raise refuse(path, "it is %s" % type_name(value), _WHAT_TO_RETURN["model"])


def _whole(objects: Any) -> Dict[str, Any]:
    return {"objects": objects, "classifications": [], "relations": []}


def _from_text(returned: Any, notes: Notes) -> Any:
    try:
        value = json.loads(returned)
    except ValueError:
        raise refuse("", "it is text", _WHAT_TO_RETURN["model"]) from None
    if not isinstance(value, (dict, list)):
        raise refuse("", "it is text", _WHAT_TO_RETURN["model"])
    notes.add("", "JSON text, taken as what it says")
    return value


def _export(returned: Any, notes: Notes) -> Reading:
    """A file: `ExportResponse`, or `(file name, BytesIO)` of the documented client."""
    name, content, storage, bucket = None, returned, None, None
    if isinstance(returned, (tuple, list)) and len(returned) == 2:
        name, content = returned
        if hasattr(name, "getvalue"):
            name, content = content, name
    elif hasattr(returned, "file"):
        name, content = getattr(returned, "file_name", None), returned.file
        storage, bucket = getattr(returned, "storage_id", None), getattr(returned, "bucket", None)
    data = _bytes_of(content)
    if data is None:
        raise refuse("file", "it is of type %s" % type_name(content), _WHAT_TO_RETURN["export"])
    value = {
        "fileName": to_json(name if name else "export.json", notes, "file_name"),
        "storageId": to_json(storage, notes, "storage_id"),
        "bucket": to_json(bucket, notes, "bucket"),
    }
    return Reading(value, None, data)


def _bytes_of(content: Any) -> Optional[bytes]:
    if hasattr(content, "getvalue"):
        content = content.getvalue()
    elif hasattr(content, "read"):
        content = content.read()
    if isinstance(content, str):
        return content.encode("utf-8")
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    return None


_WHAT_TO_RETURN = {
    "model": 'Return {"data": url, "answer": {"objects": [...], "classifications": [...], "relations": [...]}}.',
    "export": "Return ExportResponse(file=BytesIO(...), file_name=...).",
}
