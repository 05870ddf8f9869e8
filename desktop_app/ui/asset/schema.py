"""Class names and colours of a job's schema; a class without a colour there gets one from the palette."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop_app.ui.asset.shapes import items_of
from desktop_app.ui.tokens import class_colour


@dataclass(frozen=True, slots=True)
class Schema:
    """What the class mapping of a job says.

    Attributes:
        names: schemaId → the model's classes that are mapped to it.
        colours: schemaId or class → colour, as `#rrggbb`.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Any) -> Schema:
        """Reads `categorySchema`; what makes no sense in it is passed over."""
        names: dict[str, tuple[str, ...]] = {}
        colours: dict[str, str] = {}
        for entry in items_of(entries):
            if not isinstance(entry, Mapping) or not isinstance(entry.get("schemaId"), str):
                continue
            schema_id, model_class = entry["schemaId"], str(entry.get("modelClass", ""))
            names[schema_id] = (*names.get(schema_id, ()), model_class)
            if is_colour(entry.get("color")):
                colours[f"id {schema_id}"] = colours[f"class {model_class}"] = entry["color"].lower()
        return cls(names, colours)

    def classes(self, schema_id: str) -> tuple[str, ...]:
        """The model's classes that are mapped to a schemaId."""
        return self.names.get(schema_id, ())

    def colour(self, schema_id: str, name: str) -> str:
        """The schema's colour, else the palette's for this name."""
        found = self.colours.get(f"id {schema_id}") if schema_id else None
        if found is None:
            key = f"class {name}"
            found = self.colours.get(key)
            if found is None:
                found = self.colours[key] = class_colour(name)
        return found

    def without_ids(self) -> Schema:
        """For raw predictions, which know classes and no schemaIds."""
        return Schema({}, self.colours)


def is_colour(value: Any) -> bool:
    """Whether it is `#rrggbb`."""
    if not isinstance(value, str) or len(value) != 7 or value[0] != "#":
        return False
    return all(char in "0123456789abcdefABCDEF" for char in value[1:])


def text_of(value: Any) -> str:
    """One line of text of bounded length, "" for what is no text."""
    if not isinstance(value, str):
        return ""
    return value if len(value) < 60 and value.isalnum() else " ".join(value.split())[:200]
