"""What the commands print: JSON for machines on stdout, sentences for people, one line on stderr for a failure."""

from __future__ import annotations

import json
import sys
from typing import Any


def print_json(value: Any, *, compact: bool = False) -> None:
    """Prints JSON on stdout; with `compact`, on one line, flushed (for readers at the other end of a pipe)."""
    if compact:
        print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)
    else:
        print(json.dumps(value, ensure_ascii=False, indent=2))


def say(text: str) -> None:
    """A sentence for people, on stdout."""
    print(text, flush=True)


def complain(text: str) -> None:
    """One line on stderr."""
    print("plugdeck: " + " ".join(text.split()), file=sys.stderr, flush=True)


def table(rows: list[list[str]]) -> None:
    """Columns side by side, the first row being the heads."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
