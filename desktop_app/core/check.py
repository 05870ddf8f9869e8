"""Judges an answer before it is sent: repairs what has one right reading, leaves out what has none, refuses the rest.

The line between leaving out and refusing: a value of the right kind that means nothing (NaN, two points of a polygon,
null in a list) costs its own object; a value of the wrong kind (text for a list, a missing width) is a mistake in the
script that may have spoiled everything else too, so the answer is refused with the field that shows it.

What a script answers is its author's business: geometry, ids and schemaIds that are valid stay as they are, unknown
keys and the order of keys too, and an answer without repairs serialises byte for byte as it came, for nothing in it
is copied. Answers of models that we decode ourselves (`ours`) are also clipped to the picture and lose what has no
extent or no mapped schemaId (facts: annotation-format, What goes wrong in practice).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from desktop_app.core.check_points import wrong
from desktop_app.core.check_shapes import ShapeCheck, same
from desktop_app.core.errors import AnswerError
from desktop_app.core.notes import Notes, quoted
from desktop_app.core.plain import plain, without_non_finite
from desktop_app.core.shapes import SHAPE_KEYS

LISTS = ("objects", "classifications", "relations")
_COMMON = frozenset(
    {"schemaId", "title", "objectId", "classifications", "page", "interpolationStopped", "lock", "metadata"}
)
_RELATION_KEYS = frozenset({"from", "to", "group"})


def _folded(key: str) -> str:
    return "".join(char for char in key.casefold() if char.isalnum())


_SPELLINGS = {_folded(key): key for key in SHAPE_KEYS}


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer that may be sent.

    Attributes:
        answer: plain JSON; for a script's answer with the keys it had, so a list it did not give may be absent.
        repairs: what was changed or left out, a sentence each; empty when `answer` is what was checked.
        warnings: what looks wrong and was left alone; checking `answer` again warns again.
        dropped: how many objects and classifications were left out.
    """

    answer: dict[str, Any]
    repairs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    dropped: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything to say in the session's log, repairs first."""
        return self.repairs + self.warnings

    @property
    def lists(self) -> dict[str, Any]:
        """Exactly `{"objects", "classifications", "relations"}`, lists that were not given empty."""
        return {key: self.answer.get(key, []) for key in LISTS}


def check_answer(
    raw: Any, *, ours: bool, size: tuple[int, int] | None = None, schema_ids: frozenset[str] | None = None
) -> Checked:
    """Checks an answer; `raw` itself is never changed.

    Args:
        raw: `{"objects", "classifications", "relations"}` or what can be read as that (a list of objects, one object,
            an answer inside `{"answer": …}`, `tools` for `objects`), as JSON or with other libraries' numbers in it.
        ours: decoded by us; False for what a script returned.
        size: width and height of the upright picture in pixels, or None when unknown or not one picture.
        schema_ids: the job's mapped ones; None or empty when nothing was mapped.

    Raises:
        AnswerError: it cannot be an answer; `where` names the field, such as `objects[3].bounding-box.width`.
    """
    return _Check(ours, size, schema_ids or frozenset()).run(raw)


class _Check:
    def __init__(self, ours: bool, size: tuple[int, int] | None, schema_ids: frozenset[str]) -> None:
        self._ours = ours
        self._schema_ids = schema_ids
        self._notes = Notes()
        self._shapes = ShapeCheck(self._notes, ours=ours, size=size)
        self._ids: set[str] = set()
        self._placed: set[tuple[str, int | None]] = set()
        self._lost_ids: set[str] = set()
        self._dropped = 0

    def run(self, raw: Any) -> Checked:
        value, finite = plain(raw, self._notes)
        answer = self._top(value)
        # Relations come last: they look at the ids of the objects that are left.
        for key, check in (
            ("objects", self._object),
            ("classifications", self._classification),
            ("relations", self._relation),
        ):
            if key in answer:
                kept = self._list(answer[key], key, check)
                if kept is not answer[key]:
                    answer = {**answer, key: kept}
            elif self._ours:
                answer = {**answer, key: []}
        if self._shapes.seen and self._shapes.normalised == self._shapes.seen:
            self._notes.warned("all coordinates lie between 0 and 1; pixels of the asset are needed", "objects")
        if not finite:
            answer = without_non_finite(answer, self._notes)
        repairs = self._notes.repairs
        if repairs:
            # A wrapped value lies a level deeper; what was just deep enough is not any more.
            plain(answer, Notes())
        return Checked(answer, repairs, self._notes.warnings, self._dropped)

    def _top(self, value: Any) -> dict[str, Any]:
        if type(value) is list:
            self._notes.repaired("a bare list; read as the objects", "the answer")
            return {"objects": value, "classifications": [], "relations": []}
        if type(value) is not dict:
            raise wrong(value, 'an object with "objects", "classifications" and "relations"', "answer")
        if "tools" in value and "objects" not in value:
            self._notes.repaired("called objects in an answer; read as objects", "tools")
            return {"objects" if key == "tools" else key: item for key, item in value.items()}
        if any(key in value for key in LISTS):
            return value
        if "answer" in value:
            self._notes.repaired("an answer inside the answer; read as the answer", "answer")
            return self._top(value["answer"])
        if not SHAPE_KEYS.isdisjoint(value):
            self._notes.repaired("a single object; read as a list of one", "the answer")
            return {"objects": [value], "classifications": [], "relations": []}
        if not value:
            self._notes.repaired("empty; read as an answer without annotations", "the answer")
            return {"objects": [], "classifications": [], "relations": []}
        raise AnswerError(
            "The answer has none of objects, classifications and relations",
            where="answer",
            remedy='Return {"objects": […], "classifications": […], "relations": […]}.',
        )

    def _list(self, value: Any, field: str, check: Callable[[dict[str, Any], str], Any]) -> list[Any]:
        """The items of a list that are left, and the very same list when all are as they came."""
        if value is None:
            self._notes.repaired("null where a list belongs; read as an empty list", field)
            return []
        if type(value) is dict and not (SHAPE_KEYS | _RELATION_KEYS | {"answer"}).isdisjoint(value):
            self._notes.repaired("a single entry where a list belongs; read as a list of one", field)
            value = [value]
        if type(value) is not list:
            raise wrong(value, "a list", field)
        kept = []
        for index, item in enumerate(value):
            where = f"{field}[{index}]"
            if type(item) is not dict:
                if item is not None:
                    raise wrong(item, "an object", where)
                self._notes.repaired("null; left out", where)
                continue
            item = check(item, where)
            if item is not None:
                kept.append(item)
        return value if same(kept, value) else kept

    # Objects

    def _object(self, item: dict[str, Any], field: str) -> dict[str, Any] | None:
        keys: AbstractSet[str] = SHAPE_KEYS.intersection(item)
        if len(keys) != 1:
            item, keys = self._one_shape(item, keys, field)
        item = self._ids_checked(item, field, "objectId")
        page = item.get("page")
        if page is not None and (type(page) is not int or page < 0):
            page = self._page(page, f"{field}.page")
            item = {**item, "page": page}
        for key in keys:
            before = item[key]
            value = self._shapes.check(key, before, field)
            if value is None:
                self._lose(item)
                return None
            if value is not before:
                item = {**item, key: value}
        if "classifications" in item:
            nested = self._list(item["classifications"], f"{field}.classifications", self._nested)
            if nested is not item["classifications"]:
                item = {**item, "classifications": nested}
        if self._schema_ids and not self._is_mapped(item, field):
            self._lose(item)
            return None
        object_id = item.get("objectId")
        if object_id:
            item = self._identified(item, object_id, page, field)
        return item

    def _one_shape(
        self, item: dict[str, Any], keys: AbstractSet[str], field: str
    ) -> tuple[dict[str, Any], AbstractSet[str]]:
        """The object with the one shape key it has; none at all when only a key unknown to us can be its shape."""
        if len(keys) > 1:
            given = {key for key in keys if item[key] is not None}
            if len(given) != 1:
                raise AnswerError(
                    f"An object has {len(keys)} shapes ({', '.join(sorted(keys))})",
                    where=field,
                    remedy="Give it exactly one.",
                )
            self._notes.repaired("further shapes that are null; removed", field)
            return {key: value for key, value in item.items() if key not in keys or key in given}, given
        near = {key: _SPELLINGS[_folded(key)] for key in item if _folded(key) in _SPELLINGS}
        if len(near) == 1:
            ((found, meant),) = near.items()
            self._notes.repaired(f'"{meant}" in another spelling; read as that', f"{field}.{quoted(found)[1:-1]}")
            return {meant if key == found else key: value for key, value in item.items()}, {meant}
        if any(type(value) in (dict, list) for key, value in item.items() if key not in _COMMON):
            self._notes.warned("no shape that Plugdeck knows; sent as it is", field)
            return item, keys
        raise AnswerError(
            "An object has no shape", where=field, remedy=f"Give it one of {', '.join(sorted(SHAPE_KEYS))}."
        )

    def _lose(self, item: dict[str, Any]) -> None:
        self._dropped += 1
        if type(item.get("objectId")) is str:
            self._lost_ids.add(item["objectId"])

    def _identified(self, item: dict[str, Any], object_id: str, page: int | None, field: str) -> dict[str, Any]:
        self._ids.add(object_id)
        # The same id on other pages is a track.
        if (object_id, page) not in self._placed:
            self._placed.add((object_id, page))
            return item
        where = f"{field}.objectId {quoted(object_id)}"
        if not self._ours:
            self._notes.warned("used before", where)
            return item
        self._notes.repaired("used before; removed here", where)
        return {key: value for key, value in item.items() if key != "objectId"}

    def _page(self, page: Any, field: str) -> int:
        is_whole = type(page) is float and page.is_integer()
        is_digits = type(page) is str and page.isascii() and page.isdigit() and len(page) < 12
        if not (is_whole or is_digits) or float(page) < 0:
            raise wrong(page, "a page or frame number", field)
        self._notes.repaired("a whole number in another form; read as that", field)
        return int(page)

    # Classifications

    def _classification(self, item: dict[str, Any], field: str) -> dict[str, Any] | None:
        checked = self._nested(item, field)
        if checked is not None and self._schema_ids and not self._is_mapped(checked, field):
            self._dropped += 1
            return None
        return checked

    def _nested(self, item: dict[str, Any], field: str) -> dict[str, Any] | None:
        if "answer" not in item:
            raise AnswerError("A classification lacks its answer", where=f"{field}.answer")
        item = self._ids_checked(item, field, "tool")
        before = item["answer"]
        answer = self._choice(before, f"{field}.answer")
        if answer is None:
            self._dropped += 1
            return None
        if answer is not before:
            item = {**item, "answer": answer}
        if "classifications" in item:
            nested = self._list(item["classifications"], f"{field}.classifications", self._nested)
            if nested is not item["classifications"]:
                item = {**item, "classifications": nested}
        return item

    def _choice(self, value: Any, field: str, *, inside: bool = False) -> Any:
        kind = type(value)
        if kind is str:
            return value
        if kind is bool:
            self._notes.warned("true or false where the hub expects text", field)
            return value
        if kind is list and not inside:
            kept = [self._choice(item, f"{field}[{index}]", inside=True) for index, item in enumerate(value)]
            kept = [item for item in kept if item is not None]
            return value if same(kept, value) else kept
        if value is None or (kind is float and not abs(value) < float("inf")):
            self._notes.repaired("no answer; left out", field)
            return None
        if kind is int or kind is float:
            self._notes.repaired("a number where text belongs; written as text", field)
            return str(value)
        raise wrong(value, "text or a list of texts", field)

    # Relations

    def _relation(self, item: dict[str, Any], field: str) -> dict[str, Any] | None:
        item = self._ids_checked(item, field, "objectId")
        if item.get("group") is not None:
            return self._group(item, field)
        for key in ("from", "to"):
            end = item.get(key)
            if type(end) is not str:
                end = self._as_text(end, f"{field}.{key}", needed="an objectId")
                item = {**item, key: end}
            if not self._is_known(end, f"{field}.{key}"):
                return None
        direction = item.get("direction")
        if direction not in ("straight", "bidirectional", None):
            if type(direction) is not str:
                raise wrong(direction, '"straight" or "bidirectional"', f"{field}.direction")
            self._notes.warned('neither "straight" nor "bidirectional"', f"{field}.direction {quoted(direction)}")
        return item

    def _group(self, item: dict[str, Any], field: str) -> dict[str, Any] | None:
        members = item["group"]
        if type(members) is not list:
            raise wrong(members, "a list of objectIds", f"{field}.group")
        kept = []
        for index, member in enumerate(members):
            where = f"{field}.group[{index}]"
            if type(member) is not str:
                member = self._as_text(member, where, needed="an objectId")
            if self._is_known(member, where):
                kept.append(member)
        if len(kept) < len(members) and len(kept) < 2:
            self._notes.repaired("a group of which nothing is left; left out", field)
            return None
        return item if same(kept, members) else {**item, "group": kept}

    def _is_known(self, object_id: str, field: str) -> bool:
        """Whether a relation may point there: to an object of this answer, or of the task for all we know."""
        if object_id in self._ids:
            return True
        where = f"{field} {quoted(object_id)}"
        if self._ours or object_id in self._lost_ids:
            self._notes.repaired("points to an object that is not in the answer; left out", where)
            return False
        self._notes.warned("points to an object that is not in the answer", where)
        return True

    # Ids

    def _ids_checked(self, item: dict[str, Any], field: str, further: str) -> dict[str, Any]:
        get = item.get
        if type(get("schemaId", "")) is str and type(get("title", "")) is str and type(get(further, "")) is str:
            return item
        for key in ("schemaId", "title", further):
            value = get(key)
            if value is not None and type(value) is not str:
                item = {**item, key: self._as_text(value, f"{field}.{key}", needed="text")}
        return item

    def _as_text(self, value: Any, field: str, *, needed: str) -> str:
        if type(value) not in (int, float) or not abs(value) < float("inf"):
            raise wrong(value, needed, field)
        self._notes.repaired("a number where text belongs; written as text", field)
        return str(value)

    def _is_mapped(self, item: dict[str, Any], field: str) -> bool:
        """Whether an annotation stays although the job's mapping may not know it."""
        schema_id = item.get("schemaId")
        if schema_id in self._schema_ids:
            return True
        where = f"{field}.schemaId" + ("" if schema_id is None else f" {quoted(schema_id)}")
        if self._ours:
            self._notes.repaired("not among the mapped ones; left out", where)
            return False
        if schema_id is not None:
            self._notes.warned("not among the mapped ones", where)
        elif item.get("title") is None:
            self._notes.warned("neither schemaId nor title; the hub has to guess the tool", field)
        return True
