"""The class mapping: which labeling tool each class of a model belongs to (facts: hub-protocol, `categorySchema`)."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from desktop_app.core.notes import Notes, quoted

_INDEX = re.compile(r"(?:class ?)?(\d{1,6})", re.ASCII)
_GAPS = re.compile(r"[\s_\-]+")
_SUGGESTED = 3


class ClassMapping:
    """Model classes to schemaIds, as the user chose them for one job.

    An entry belongs to the class of exactly its name; else to the one class whose name differs only in case, spaces,
    `_` or `-`; else, for "3" or "class_3", to the class of that index. Several classes may share a schemaId. Where two
    readings are possible there is no match, and a note says so: an answer must never be silently wrong.

    When nothing was mapped (`is_empty`) no class has a schemaId; every class is then answered under its name as
    `title`, so that the hub can guess.

    Attributes:
        schema_ids: every schemaId the user chose, whether or not the model has such a class.
        notes: what was odd about the mapping, a sentence each.
    """

    def __init__(self, entries: Sequence[tuple[str, str]], class_names: Sequence[str], notes: Notes) -> None:
        """Use :meth:`from_job`; entries are readable pairs of class name and schemaId."""
        self.schema_ids = frozenset(schema_id for _, schema_id in entries)
        self._names = tuple(class_names)
        self._exact: dict[str, set[str]] = {}
        self._loose: dict[str, set[str]] = {}
        self._by_index: dict[int, set[str]] = {}
        self._suggestions = 0
        names = frozenset(self._names)
        known = Counter(map(_folded, names))
        for name, schema_id in entries:
            self._enter(name, schema_id, names, known, notes)
        if self._names:
            for index, name in enumerate(self._names):
                self._judge(name, index, notes)
        else:
            for name in self._exact:
                self._judge(name, None, notes)
        self.notes = notes.warnings

    @classmethod
    def from_job(cls, category_schema: Any, class_names: Sequence[str] = ()) -> ClassMapping:
        """Reads a job's `categorySchema`, whatever is in it; what cannot be read becomes a note.

        Args:
            category_schema: `[{"schemaId", "modelClass"}, …]`, or null.
            class_names: the model's classes in order; empty when nobody knows them (callbacks): every entry is then
                taken as it stands.
        """
        notes = Notes()
        entries: list[tuple[str, str]] = []
        if category_schema is not None and not isinstance(category_schema, (list, tuple)):
            notes.warned("no list; read as if nothing were mapped", "categorySchema")
            category_schema = ()
        for index, item in enumerate(category_schema or ()):
            given = item if isinstance(item, Mapping) else {}
            name, schema_id = _text(given.get("modelClass")), _text(given.get("schemaId"))
            if name is None or schema_id is None:
                notes.warned("an entry without modelClass or schemaId; ignored", f"categorySchema[{index}]")
            else:
                entries.append((name, schema_id))
        return cls(entries, class_names, notes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was mapped at all, or nothing that could be read."""
        return not self.schema_ids

    @property
    def unmapped(self) -> tuple[str, ...]:
        """The model's classes without a schemaId, in order; all of them when nothing was mapped."""
        return tuple(name for index, name in enumerate(self._names) if self.schema_id(name, index) is None)

    def schema_id(self, class_name: str, index: int | None = None) -> str | None:
        """The schemaId of a class, or None when it is not mapped.

        Args:
            class_name: as the model calls it.
            index: its number in the model; without it an entry such as "class_3" is found only for a class name that
                the model has once.
        """
        if index is None and self._names.count(class_name) == 1:
            index = self._names.index(class_name)
        for found in self._readings(class_name, index):
            return next(iter(found)) if len(found) == 1 else None
        return None

    def _readings(self, name: str, index: int | None) -> list[set[str]]:
        """The schemaIds of a class by exact name, by loose name and by index, as far as there are any."""
        by_index = None if index is None else self._by_index.get(index)
        return [found for found in (self._exact.get(name), self._loose.get(_folded(name)), by_index) if found]

    def _enter(self, name: str, schema_id: str, names: frozenset[str], known: Mapping[str, int], notes: Notes) -> None:
        folded = _folded(name)
        match = _INDEX.fullmatch(folded)
        index = int(match[1]) if match else None
        if not names or name in names:
            self._exact.setdefault(name, set()).add(schema_id)
        if not names or (name not in names and known.get(folded, 0) == 1):
            self._loose.setdefault(folded, set()).add(schema_id)
        elif name not in names and known.get(folded, 0) > 1:
            notes.warned("may mean several classes of the model; ignored", f"modelClass {quoted(name)}")
        if index is not None and (not names or (not known.get(folded, 0) and index < len(self._names))):
            self._by_index.setdefault(index, set()).add(schema_id)
        elif names and not known.get(folded, 0):
            notes.warned("no class of the model; ignored", f"modelClass {quoted(name)}{self._near(name)}")

    def _judge(self, name: str, index: int | None, notes: Notes) -> None:
        readings = self._readings(name, index)
        if not readings:
            return
        if len(readings[0]) > 1:
            notes.warned("mapped to several tools; treated as not mapped", f"class {quoted(name)}")
        elif index is not None and any(found != readings[0] for found in readings[1:]):
            notes.warned("mapped again in another spelling or by number; the nearest counts", f"class {quoted(name)}")

    def _near(self, name: str) -> str:
        # Only the first few are named in the note, and comparing is slow.
        if self._suggestions >= _SUGGESTED:
            return ""
        self._suggestions += 1
        folded = {_folded(known): known for known in self._names[:2000]}
        near = difflib.get_close_matches(_folded(name)[:100], folded, n=1)
        return f" (did you mean {quoted(folded[near[0]])}?)" if near else ""


def _folded(name: str) -> str:
    """A name without what people get wrong when they type it."""
    return _GAPS.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value if value.strip() else None
    return str(value) if type(value) is int and abs(value) < 10**18 else None
