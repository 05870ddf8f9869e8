"""What the commands print: JSON for machines on stdout, sentences for people, one line on stderr for a failure."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def print_json(value: Any, *, compact: bool = False) -> None:
    """Prints JSON on stdout; with `compact`, on one line, flushed (for readers at the other end of a pipe)."""
    if compact:
        _write(json.dumps(value, ensure_ascii=False, separators=(",", ":")), sys.stdout)
    else:
        _write(json.dumps(value, ensure_ascii=False, indent=2), sys.stdout)


def print_json_lines(values: Sequence[Any]) -> None:
    """Prints each value on a line of its own, all in one write."""
    _write("\n".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values), sys.stdout)


def say(text: str) -> None:
    """A sentence for people, on stdout."""
    _write(text, sys.stdout)


def complain(text: str) -> None:
    """One line on stderr."""
    _write("plugdeck: " + clean(text), sys.stderr)


def clean(text: str) -> str:
    """One line without control characters: what a model file, a script or a hub says must not steer the terminal."""
    text = " ".join(text.split())
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in text)


def table(rows: list[list[str]], right: Sequence[int] = ()) -> None:
    """Columns side by side, the first row being the heads; those numbered in `right` are set to the right."""
    columns([[clean(cell) for cell in row] for row in rows], right)


def columns(rows: list[list[str]], right: Sequence[int] = ()) -> None:
    """Rows whose cells begin (or, in the columns `right`, end) under each other."""
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def _write(text: str, stream: Any) -> None:
    try:
        print(text, file=stream, flush=True)
    except UnicodeEncodeError:
        # A terminal or pipe in another encoding; names may hold anything, and lone surrogates nobody can write.
        encoding = getattr(stream, "encoding", None) or "ascii"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
