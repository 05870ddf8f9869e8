"""What a plugin script says of itself, read from its source without running it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.core.errors import ProfileError
from desktop_app.runner.script_values import UNKNOWN, Values, read_dotenv
from desktop_app.runner.source import parse_source

KINDS = {
    "ModelPlugin": "model",
    "BatchModelPlugin": "batch",
    "InputPlugin": "input",
    "MarkdownPlugin": "markdown",
    "ExportPlugin": "export",
    "FileExplorerPlugin": "file-explorer",
}
"""Plugin classes of the published client and the kinds they are called here."""

DEFAULT_HOSTS = {"ango": "https://api.ango.ai", "imerit_ango": "https://imeritapi.ango.ai"}
"""Where a script connects that names no host, by the module it imports (facts: hub-protocol, Connection)."""

_PLACEHOLDER = re.compile(
    r"^\s*(<.*>|\[.*\]|\{.*\}|x{3,}|\.\.\.|(your|enter|insert)[ _-].*"
    r"|my[ _-](plugin[ _-]?)?(id|secret|host)|todo|change[ _-]?me)\s*$",
    re.IGNORECASE,
)
_CALLBACK_NAMES = re.compile(r"callback|run_model|predict|infer|process|plugin", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """A script's own words; None where it does not say.

    Attributes:
        host: address of the hub.
        secret: the plugin's secret as the source or environment gives it; never shown.
        kind: "model", "batch", "input", "markdown", "export" or "file-explorer".
        callback: name of the function that answers jobs.
        hands_over: whether the script calls `run()`; if not, the profile must name the callback.
        generation: "documented", "flat" or "current" (facts: hub-protocol, What the callback gets).
        concurrency: jobs at once that it asks for.
        placeholders: what is still to be filled in, of "host", "plugin id" and "secret".
        plugin_ids: ids of every plugin that it builds.
        imports: top-level modules that it imports.
        variables: environment variables that it reads.
        secret_place: line and columns of the secret's literal in the source, or None.
    """

    path: Path
    host: str | None = None
    plugin_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    kind: str = "model"
    callback: str | None = None
    hands_over: bool = False
    generation: str | None = None
    concurrency: int = 1
    placeholders: tuple[str, ...] = ()
    plugin_ids: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    secret_place: tuple[int, int, int] | None = None


def read_script(path: Path, environment: Mapping[str, str] | None = None) -> ScriptFacts:
    """The facts of a script.

    Args:
        environment: variables that the script would see; None: this process's. A `.env` file beside it is read too,
            where the script uses dotenv.

    Raises:
        ProfileError: it cannot be read, or is no Python.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"The script cannot be read: {error.strerror}", where=str(path)) from error
    try:
        tree = parse_source(source, str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        reason = getattr(error, "msg", None) or str(error)
        raise ProfileError(f"The script is no Python that can be read: {reason}", where=where) from error
    imports = _imports(tree)
    seen = dict(os.environ if environment is None else environment)
    if "dotenv" in imports:
        seen = {**read_dotenv(path.parent), **seen}
    return _Reader(path, tree, Values(tree, seen), imports).facts()


class _Reader:
    def __init__(self, path: Path, tree: ast.Module, values: Values, imports: tuple[str, ...]) -> None:
        self._path = path
        self._tree = tree
        self._values = values
        self._imports = imports
        self._module = ""
        self._classes: dict[str, str] = {}
        self._runs: set[str] = set()
        self._learn_imports()

    def facts(self) -> ScriptFacts:
        calls = [node for node in ast.walk(self._tree) if isinstance(node, ast.Call)]
        built = [(call, kind) for call in calls if (kind := self._kind(call.func))]
        runs = [call for call in calls if self._is_run(call.func)]
        plugin, kind = self._handed_over(runs, built)
        arguments = {} if plugin is None else _arguments(plugin, ("id", "secret", "callback", "host", "concurrency"))
        placeholders: list[str] = []
        identity = self._text(arguments.get("id"), "plugin id", placeholders)
        secret = self._text(arguments.get("secret"), "secret", placeholders)
        given = _arguments(runs[0], ("plugin", "host")).get("host") if runs else None
        host = self._text(given or arguments.get("host"), "host", placeholders)
        if host is None and given is None and "host" not in arguments and plugin is not None:
            host = DEFAULT_HOSTS.get(self._module.partition(".")[0])
        count = self._values.of(arguments.get("concurrency"))
        callback = self._callback(arguments.get("callback"))
        literal = self._values.source_of(arguments.get("secret"))
        ids = [self._values.of(_arguments(call, ("id",)).get("id")) for call, _ in built]
        return ScriptFacts(
            path=self._path,
            host=host,
            plugin_id=identity,
            secret=secret,
            kind=kind,
            callback=callback,
            hands_over=bool(runs),
            generation=self._generation(callback),
            concurrency=count if isinstance(count, int) and 1 <= count <= 64 else 1,
            placeholders=tuple(sorted(set(placeholders))),
            plugin_ids=tuple(value for value in ids if isinstance(value, str)),
            imports=self._imports,
            variables=tuple(sorted(self._values.variables)),
            secret_place=_place(literal) if secret else None,
        )

    def _learn_imports(self) -> None:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith(".plugins"):
                self._module = node.module
                for name in node.names:
                    known = [name.name] if name.name != "*" else [*KINDS, "run"]
                    for item in known:
                        if item in KINDS:
                            self._classes[name.asname or item] = KINDS[item]
                        elif item == "run":
                            self._runs.add(name.asname or "run")
            elif isinstance(node, ast.Import):
                for name in node.names:
                    if name.name in ("ango.plugins", "imerit_ango.plugins"):
                        self._module = name.name
            elif isinstance(node, ast.ImportFrom) and node.module in ("ango", "imerit_ango"):
                self._module = f"{node.module}.plugins"
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ClassDef):  # the script's own subclass of a plugin class
                for base in node.bases:
                    kind = self._kind(base)
                    if kind:
                        self._classes[node.name] = kind

    def _kind(self, function: ast.expr) -> str | None:
        if isinstance(function, ast.Name):
            return self._classes.get(function.id)
        if isinstance(function, ast.Attribute) and self._module:
            return KINDS.get(function.attr)
        return None

    def _is_run(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Name):
            return function.id in self._runs
        return (
            isinstance(function, ast.Attribute)
            and function.attr == "run"
            and isinstance(function.value, ast.Name | ast.Attribute)
            and ast.unparse(function.value).endswith("plugins")
        )

    def _handed_over(self, runs: list[ast.Call], built: list[tuple[ast.Call, str]]) -> tuple[ast.Call | None, str]:
        """The plugin that the first `run()` gets, or the first that is built."""
        for call in runs:
            given: ast.expr | None = _arguments(call, ("plugin", "host")).get("plugin")
            if isinstance(given, ast.Name):
                given = self._values.assigned(given.id)
            for plugin, kind in built:
                if plugin is given:
                    return plugin, kind
        return built[0] if built else (None, "model")

    def _text(self, node: ast.expr | None, what: str, placeholders: list[str]) -> str | None:
        value: Any = self._values.of(node)
        if value is UNKNOWN or not isinstance(value, str) or not value.strip():
            return None
        if _PLACEHOLDER.match(value):
            placeholders.append(what)
            return None
        return value.strip()

    def _callback(self, node: ast.expr | None) -> str | None:
        if isinstance(node, ast.Name | ast.Attribute):
            return ast.unparse(node)
        if isinstance(node, ast.Call) and node.args:  # functools.partial(callback, model=…)
            return self._callback(node.args[0])
        if node is not None:
            return None
        functions = [item for item in self._tree.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
        named = [item.name for item in functions if _CALLBACK_NAMES.search(item.name) and _takes_data(item)]
        return named[0] if named else None

    def _generation(self, callback: str | None) -> str | None:
        if not self._module and callback is None:
            return None
        if self._module.startswith("ango."):
            return "documented"
        newest = any(
            isinstance(node, ast.ImportFrom) and node.module and node.module.endswith("models.annotate")
            for node in ast.walk(self._tree)
        )
        return "current" if newest else "flat"


def _imports(tree: ast.Module) -> tuple[str, ...]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return tuple(sorted(names))


def _arguments(call: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr]:
    given = dict(zip(names, call.args, strict=False))
    given.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg})
    return given


def _takes_data(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return function.args.kwarg is not None or len(function.args.args) == 1


def _place(literal: ast.Constant | None) -> tuple[int, int, int] | None:
    if literal is None or literal.end_lineno != literal.lineno or literal.end_col_offset is None:
        return None
    return literal.lineno, literal.col_offset, literal.end_col_offset
