"""A job's event on disk: what is secret is masked, and beside it stands which of its fields that has changed.

What was withheld can be kept in memory, small as it is, and put back into the event that was read from the disk.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop_app.store import redact

_MARK = "\x00withheld"


@dataclass(frozen=True, slots=True)
class Whole:
    """A value that was withheld as a whole."""

    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """An event as it was read from the disk.

    Attributes:
        data: secrets masked, queries of addresses cut.
        withheld: the fields which that has changed, or None where it was not noted.
    """

    data: dict[str, Any]
    withheld: tuple[str, ...] | None

    def completed(self, withheld: Mapping[str, Any]) -> dict[str, Any]:
        """The event exactly as it arrived, given what `to_text` withheld of it."""
        return {key: _put_back(item, withheld[key]) if key in withheld else item for key, item in self.data.items()}


def to_text(payload: Any, known: Collection[str] = ()) -> tuple[str, dict[str, Any] | None]:
    """The text to store, and what was withheld of each field, for the memory only; None: it cannot be put back."""
    if type(payload) is not dict or not all(type(key) is str for key in payload):
        return redact.to_json(payload, known), None
    parts: list[str] = []
    withheld: dict[str, Any] = {}
    renamed = False
    for key, item in payload.items():
        name, part, changed = redact.member_to_json(key, item, known)
        renamed = renamed or name != key
        if changed:
            withheld[key] = _difference(item, json.loads(part))
        parts.append(f"{json.dumps(name)}:{part}")
    if renamed:
        return redact.to_json(payload, known), None
    parts.append(f"{json.dumps(_MARK)}:{json.dumps(list(withheld))}")
    return "{" + ",".join(parts) + "}", withheld


def from_value(value: Any) -> StoredPayload | None:
    """The event from the stored JSON value, or None where it is none."""
    if not isinstance(value, dict):
        return None
    noted = value.pop(_MARK, None)
    return StoredPayload(value, tuple(map(str, noted)) if isinstance(noted, list) else None)


def _difference(original: Any, masked: Any) -> dict[Any, Any] | Whole:
    """What `_put_back` needs: the changed parts alone of a dict or a list, else all of it."""
    if isinstance(original, dict) and isinstance(masked, dict) and original.keys() == masked.keys():
        return {key: _difference(item, masked[key]) for key, item in original.items() if item != masked[key]}
    if isinstance(original, list) and isinstance(masked, list) and len(original) == len(masked):
        pairs = enumerate(zip(original, masked, strict=True))
        return {place: _difference(item, other) for place, (item, other) in pairs if item != other}
    return Whole(original)


def _put_back(masked: Any, difference: dict[Any, Any] | Whole) -> Any:
    if isinstance(difference, Whole):
        return difference.value
    if isinstance(masked, dict):
        return {key: _put_back(item, difference[key]) if key in difference else item for key, item in masked.items()}
    return [_put_back(item, difference[place]) if place in difference else item for place, item in enumerate(masked)]
