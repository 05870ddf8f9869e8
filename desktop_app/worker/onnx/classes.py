"""Class lists: read from what people have (pasted, .txt, data.yaml, config.json), and suggested by their number."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop_app.core.errors import UsageError
from desktop_app.worker.onnx import known_names
from desktop_app.worker.onnx.yamlish import YamlError, parse

MAX_CLASSES = 100_000


def parse_classes(text: str) -> tuple[str, ...]:
    """Class names from a pasted list: one per line or comma-separated, JSON, a Python literal, or YAML `names:`.

    Raises:
        UsageError: nothing that could be a list of names.
    """
    stripped = text.strip().lstrip("\ufeff")
    if not stripped:
        raise UsageError("The class list is empty", remedy="Give one class name per line.")
    if stripped[0] in "[{":
        names = names_of(_literal(stripped))
        if names:
            return names
    if "names:" in stripped or "label_list:" in stripped:
        try:
            names = names_of(parse(stripped))
        except YamlError as error:
            raise UsageError(
                f"The class list is not readable YAML: {error}", remedy="Give one name per line."
            ) from None
        if names:
            return names
    lines = [line.strip() for line in stripped.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) == 1 and "," in lines[0]:
        lines = [part.strip() for part in lines[0].split(",")]
    names = tuple(_unnumbered(line) for line in lines if line)
    if not names or any(not name for name in names) or len(names) > MAX_CLASSES:
        raise UsageError("The class list holds no names", remedy="Give one class name per line.")
    return names


def read_classes(path: Path) -> tuple[str, ...]:
    """Class names from a .txt, .names, .yaml or .json file.

    Raises:
        UsageError: the file cannot be read or holds no names.
    """
    try:
        return parse_classes(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"The class list cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise UsageError("The class list is no text file", where=path.name, remedy="Save it as UTF-8.") from None


def names_of(value: Any) -> tuple[str, ...]:
    """Names out of a parsed value: a list, `{index: name}`, `{name: index}`, or an object that holds one of these
    under `names`, `id2label`, `label_list`, `classes` or `class_names`; empty where there is none."""
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, str | int | float) for item in value):
            return tuple(str(item) for item in value)
        if value and all(isinstance(item, Mapping) and "name" in item for item in value):
            return tuple(str(item["name"]) for item in value)
        return ()
    if not isinstance(value, Mapping) or not value:
        return ()
    for key in ("names", "id2label", "label_list", "classes", "class_names", "labels"):
        names = names_of(value[key]) if key in value else ()
        if names and not _placeholders(names):
            return names
    keys = [_index(key) for key in value]
    if all(key is not None for key in keys) and all(isinstance(item, str | int | float) for item in value.values()):
        return _filled({int(key): str(item) for key, item in value.items()})
    indices = [_index(item) for item in value.values()]
    if all(index is not None for index in indices) and len(set(indices)) == len(indices):
        return _filled({int(index): str(key) for key, index in value.items()})
    return ()


def literal_names(text: str) -> tuple[str, ...]:
    """Names from a metadata value: JSON or a Python literal, which Ultralytics writes."""
    return names_of(_literal(text))


def default_names(count: int) -> tuple[str, ...]:
    """`class_0…` for a model whose file says nothing."""
    return tuple(f"class_{index}" for index in range(count))


def suggestion(count: int, task: str) -> tuple[str, tuple[str, ...]] | None:
    """The data set that so many classes suggest, with its names: a suggestion, never a finding."""
    return known_names.suggest(count, task)


def _placeholders(names: tuple[str, ...]) -> bool:
    """What transformers writes where nobody named the classes."""
    return all(name == f"LABEL_{index}" for index, name in enumerate(names))


def _filled(names: dict[int, str]) -> tuple[str, ...]:
    top = max(names)
    if min(names) < 0 or top >= MAX_CLASSES:
        return ()
    return tuple(names.get(index, f"class_{index}") for index in range(top + 1))


def _index(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _unnumbered(line: str) -> str:
    """`3: bolt` and `3 bolt` of numbered lists become `bolt`."""
    head, _, tail = line.partition(":")
    if tail.strip() and head.strip().isdigit():
        return tail.strip().strip("\"'")
    return line.removeprefix("- ").strip().strip("\"'")
