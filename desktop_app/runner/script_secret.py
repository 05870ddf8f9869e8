"""Taking a secret out of the script that it stands in: what the line becomes, and the change itself."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shutil
import tempfile
import tokenize
from dataclasses import dataclass, field
from pathlib import Path

from desktop_app.core.errors import ProfileError
from desktop_app.runner.script_facts import ScriptFacts
from desktop_app.runner.source import parse_source

VARIABLE = "PLUGIN_SECRET"
"""The environment variable that the changed line looks up, for whoever runs the script by hand."""

_LINE = re.compile(r".*?(?:\r\n|\n|\r|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SecretRemoval:
    """A change that was worked out and not made yet.

    Attributes:
        number: the line, from 1.
        before, after: that line without its end; `before` holds the secret.
        others: further lines that hold the secret's text and stay as they are.
        original, changed: the whole file.
    """

    path: Path
    number: int
    before: str = field(repr=False)
    after: str = field(repr=False)
    others: tuple[int, ...]
    original: bytes = field(repr=False)
    changed: bytes = field(repr=False)


def plan_removal(facts: ScriptFacts) -> SecretRemoval:
    """How the literal secret is replaced by a look-up in the environment; nothing is written.

    Raises:
        ProfileError: the secret is no literal of this file, or the file changed since it was read.
    """
    place, secret = facts.secret_place, facts.secret
    if place is None or secret is None:
        raise ProfileError("The script holds no secret that could be taken out", where=str(facts.path))
    original = _read(facts.path)
    encoding = _encoding(original, facts.path)
    lines = _lines(original, encoding, facts.path)
    number, start, end = place
    line = lines[number - 1] if number <= len(lines) else ""
    # Columns of a syntax tree count the line's bytes in UTF-8, whatever the file is written in.
    raw = line.encode("utf-8")
    if _literal(raw[start:end]) != secret:
        raise _changed(facts.path)
    instead = _replacement(original, facts.path, number, start)
    new = (raw[:start] + instead.encode("ascii") + raw[end:]).decode("utf-8")
    changed = "".join([*lines[: number - 1], new, *lines[number:]]).encode(encoding)
    others = tuple(n for n, text in enumerate(lines, 1) if n != number and secret in text)
    return SecretRemoval(
        facts.path, number, line.rstrip("\r\n"), new.rstrip("\r\n"), others, original=original, changed=changed
    )


def remove_secret(removal: SecretRemoval) -> None:
    """Makes the change in one step: whoever reads the file meanwhile sees the old one or the new one, whole.

    Encoding, line ends and mode stay; a link keeps pointing at the file.

    Raises:
        ProfileError: the file changed since the change was worked out, or cannot be written.
    """
    target = Path(os.path.realpath(removal.path))
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(handle, "wb") as opened:
            opened.write(removal.changed)
            opened.flush()
            os.fsync(opened.fileno())
        shutil.copymode(target, temporary)
        with contextlib.suppress(OSError, AttributeError):
            owner = target.stat()
            os.chown(temporary, owner.st_uid, owner.st_gid)
        if _read(target) != removal.original:
            raise _changed(removal.path)
        Path(temporary).replace(target)
    except OSError as error:
        raise ProfileError(
            f"The script cannot be changed: {error.strerror}",
            where=str(removal.path),
            remedy=f"Replace the secret in line {removal.number} yourself.",
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _replacement(source: bytes, path: Path, number: int, column: int) -> str:
    try:
        tree = parse_source(source, str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _changed(path) from None
    for node in ast.walk(tree):
        # The default of a look-up that the script makes already.
        if isinstance(node, ast.Call) and len(node.args) > 1 and _looks_up(node.func):
            default = node.args[1]
            if (default.lineno, default.col_offset) == (number, column):
                return '""'
    bound = any(
        isinstance(node, ast.Import)
        and node.lineno < number
        and any(name.name == "os" and name.asname in (None, "os") for name in node.names)
        for node in tree.body
    )
    module = "os" if bound else '__import__("os")'
    return f'{module}.environ.get("{VARIABLE}", "")'


def _looks_up(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("get", "getenv")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(f"The script cannot be read: {error.strerror}", where=str(path)) from error


def _encoding(source: bytes, path: Path) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(source).readline)[0]
    except (SyntaxError, UnicodeDecodeError):
        raise _changed(path) from None


def _lines(source: bytes, encoding: str, path: Path) -> list[str]:
    try:
        text = source.decode(encoding)
        same = text.encode(encoding) == source
    except (UnicodeError, LookupError):
        same, text = False, ""
    if not same:
        raise ProfileError(
            "The script's encoding would not survive a change", where=str(path), remedy="Change it yourself."
        )
    return [line for line in _LINE.findall(text) if line]


def _literal(text: bytes) -> object:
    try:
        return ast.literal_eval(text.decode("utf-8"))
    except (SyntaxError, ValueError):
        return None


def _changed(path: Path) -> ProfileError:
    return ProfileError("The script has changed in the meantime", where=str(path), remedy="Look at it again.")
