"""New annotations together with those a task has already (overwrite: false), as the published client merges them."""

from __future__ import annotations

from typing import Any, Dict, List


def merged(existing: Dict[str, Any], new: Dict[str, List[Any]]) -> Dict[str, List[Any]]:
    """Existing tools after the new objects, classifications that the new ones lack, existing relations.

    What is in both, key by key, is there once: a job that comes again must not double its objects.
    """
    ids = {item.get("schemaId") for item in new["classifications"] if isinstance(item, dict)}
    old = existing or {}
    others = [item for item in old.get("classifications") or [] if item.get("schemaId") not in ids]
    return {
        "objects": _together(new["objects"], old.get("tools") or []),
        "classifications": [*new["classifications"], *others],
        "relations": _together(new["relations"], old.get("relations") or []),
    }


def _together(new: List[Any], old: List[Any]) -> List[Any]:
    return [*new, *(item for item in old if item not in new)]
