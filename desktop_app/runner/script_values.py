"""What expressions of a script come to, told from its source alone: constants, environment variables, defaults."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNKNOWN = object()
"""What an expression comes to when only running the script could tell."""

_DEEPEST = 20


class Values:
    """The values of a script's names.

    Args:
        tree: the parsed script.
        environment: variables it would see.

    Attributes:
        variables: names of the environment variables it reads.
    """

    def __init__(self, tree: ast.Module, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._names: dict[str, ast.expr] = {}
        self._parser_defaults: dict[str, ast.expr] = {}
        self.variables: set[str] = set()
        # Module level last, so that it wins over a function's names of the same spelling.
        for node in (*ast.walk(tree), *tree.body):
            self._learn(node)
        for node in ast.walk(tree):
            if isinstance(node, ast.expr):
                self._note_variable(node)

    def of(self, node: ast.expr | None, depth: int = 0) -> Any:
        """The value of an expression, or UNKNOWN."""
        if node is None or depth > _DEEPEST:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self.of(self._names.get(node.id), depth + 1)
        if isinstance(node, ast.Attribute):
            return self.of(self._parser_defaults.get(node.attr), depth + 1)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.of(node.left, depth + 1), self.of(node.right, depth + 1)
            return left + right if isinstance(left, str) and isinstance(right, str) else UNKNOWN
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return next((value for item in node.values if (value := self.of(item, depth + 1))), UNKNOWN)
        if isinstance(node, ast.Subscript):
            name = self._variable_of_subscript(node)
            return self._environment.get(name, UNKNOWN) if name else UNKNOWN
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        return UNKNOWN

    def source_of(self, node: ast.expr | None) -> ast.Constant | None:
        """The literal an expression comes from, if it comes from one."""
        for _ in range(_DEEPEST):
            if isinstance(node, ast.Name):
                node = self._names.get(node.id)
            elif isinstance(node, ast.Attribute):
                node = self._parser_defaults.get(node.attr)
            elif isinstance(node, ast.Call) and self._variable_of_call(node) and len(node.args) > 1:
                node = node.args[1]
            else:
                return node if isinstance(node, ast.Constant) else None
        return None

    def assigned(self, name: str) -> ast.expr | None:
        """What a name is bound to, or None."""
        return self._names.get(name)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._names[target.id] = node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for name, value in zip(target.elts, node.value.elts, strict=False):
                        if isinstance(name, ast.Name):
                            self._names[name.id] = value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            self._names[node.target.id] = node.value
        elif isinstance(node, ast.Call) and _last_name(node.func) == "add_argument":
            self._learn_argument(node)

    def _learn_argument(self, node: ast.Call) -> None:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        flags = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
        name = given.get("dest")
        key = name.value if isinstance(name, ast.Constant) else long.lstrip("-").replace("-", "_")
        if "default" in given and isinstance(key, str):
            self._parser_defaults[key] = given["default"]

    def _joined(self, node: ast.JoinedStr, depth: int) -> Any:
        parts = []
        for item in node.values:
            plain = isinstance(item, ast.Constant) or (
                isinstance(item, ast.FormattedValue) and item.format_spec is None and item.conversion == -1
            )
            value = (
                self.of(item.value if isinstance(item, ast.FormattedValue) else item, depth + 1) if plain else UNKNOWN
            )
            if value is UNKNOWN:
                return UNKNOWN
            parts.append(str(value))
        return "".join(parts)

    def _call(self, node: ast.Call, depth: int) -> Any:
        name = self._variable_of_call(node)
        if name is not None:
            if name in self._environment:
                return self._environment[name]
            default = node.args[1] if len(node.args) > 1 else _keyword(node, "default")
            return None if default is None else self.of(default, depth + 1)
        function = _last_name(node.func)
        if function in ("str", "int", "strip", "rstrip"):
            inner = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None
            value = self.of(inner, depth + 1)
            if function == "int" and isinstance(value, str) and value.isdigit():
                return int(value)
            return value.strip() if isinstance(value, str) else value
        return UNKNOWN

    def _note_variable(self, node: ast.expr) -> None:
        name = self._variable_of_call(node) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Subscript):
            name = self._variable_of_subscript(node)
        if name:
            self.variables.add(name)

    def _variable_of_call(self, node: ast.Call) -> str | None:
        """The variable that `os.environ.get("X")`, `os.getenv("X")` or `environ.get("X")` reads."""
        function = node.func
        is_get = isinstance(function, ast.Attribute) and function.attr == "get" and _is_environ(function.value)
        if not is_get and _last_name(function) != "getenv":
            return None
        value = self.of(node.args[0]) if node.args else UNKNOWN
        return value if isinstance(value, str) else None

    def _variable_of_subscript(self, node: ast.Subscript) -> str | None:
        if not _is_environ(node.value):
            return None
        value = self.of(node.slice)
        return value if isinstance(value, str) else None


def read_dotenv(folder: Path) -> dict[str, str]:
    """The variables of a `.env` file, as `dotenv` would load it; empty when there is none."""
    try:
        text = (folder / ".env").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if not equals or name.startswith("#"):
            continue
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        else:
            value = value.split(" #")[0].rstrip()
        values[name.strip()] = value
    return values


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_environ(node: ast.expr) -> bool:
    return _last_name(node) == "environ"
