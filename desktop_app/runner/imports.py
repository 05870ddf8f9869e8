"""Which modules a script needs, read from its source and from its own modules beside it, without running any."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from desktop_app.runner.source import parse_source

OURS = frozenset({"ango", "imerit_ango"})
"""Always there: scripts get ours where the interpreter has none."""

_MOST_FILES = 200


def required_imports(script: Path) -> tuple[str, ...]:
    """Top-level names of the modules that a script cannot do without, in alphabetical order.

    Left out are its own modules, the published client, and what it imports under `try … except ImportError`. A file
    that cannot be read or parsed needs nothing: the child will say what is wrong with it.
    """
    folder = script.parent
    needed: set[str] = set()
    waiting, seen = [script], {script}
    while waiting:
        path = waiting.pop()
        for name, level in _imports(path):
            own = _own_modules(path.parent if level else folder, name)
            waiting += [file for file in own if file not in seen]
            seen.update(own)
            if not own and level == 0 and name:
                needed.add(name.partition(".")[0])
        if len(seen) > _MOST_FILES:
            break
    return tuple(sorted(needed - OURS))


def _imports(path: Path) -> list[tuple[str, int]]:
    try:
        tree = parse_source(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return list(_in(tree.body))


def _in(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    for node in body:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, 0
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level
        elif isinstance(node, ast.Try):
            if not any(_catches_imports(handler) for handler in node.handlers):
                yield from _in(node.body)
            for handler in node.handlers:
                # What stands in for a missing module is needed only where that is missing.
                if not _catches_imports(handler):
                    yield from _in(handler.body)
            yield from _in([*node.orelse, *node.finalbody])
        elif isinstance(node, ast.If) and _only_for_types(node.test):
            yield from _in(node.orelse)
        else:
            for field in ("body", "orelse"):
                inner = getattr(node, field, None)
                if isinstance(inner, list):
                    yield from _in(inner)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {item.id for item in types if isinstance(item, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _only_for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in {getattr(test, "id", ""), getattr(test, "attr", "")}


def _own_modules(folder: Path, name: str) -> list[Path]:
    """The files beside the script that importing a module runs; none when it is somebody else's."""
    files = []
    place = folder
    for part in name.split(".") if name else []:
        place = place / part
        files += [path for path in (place / "__init__.py", place.with_name(part + ".py")) if path.is_file()]
        if not files and not place.is_dir():
            return []
    if not name:
        files = [path for path in (folder / "__init__.py",) if path.is_file()]
    return files
