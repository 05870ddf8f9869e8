"""What a benchmark found, and the table of all of them."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bar:
    """What a ratio of ours to the peer's must keep to.

    Attributes:
        limit: the number.
        at_least: whether the ratio must reach it; else it must not pass it.
    """

    limit: float
    at_least: bool = False

    def met(self, ratio: float) -> bool:
        """Whether a ratio keeps to it."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g} ×"


@dataclass
class Line:
    """One line of the table.

    Attributes:
        row: the name it is asked for by.
        what, peer: what is measured, and against what.
        unit: of `ours` and `theirs`.
        bar: what the ratio is held to.
        pairs: (ours, theirs) of each paired run.
        more: further figures, for the JSON.
        note: what a reader must know, or why there is no figure.
    """

    row: str
    what: str
    peer: str
    unit: str
    bar: Bar
    pairs: list[tuple[float, float]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def ours(self) -> float:
        """The median of our figures."""
        return statistics.median(pair[0] for pair in self.pairs)

    @property
    def theirs(self) -> float:
        """The median of the peer's figures."""
        return statistics.median(pair[1] for pair in self.pairs)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios: a busy moment of the machine hits both sides of a pair."""
        return statistics.median(ours / theirs for ours, theirs in self.pairs)

    def as_json(self) -> dict[str, Any]:
        """The line as `--json` writes it."""
        fields = {**asdict(self), "bar": str(self.bar)}
        if not self.pairs:
            return {**fields, "measured": False}
        found = {"ours": self.ours, "theirs": self.theirs, "ratio": self.ratio, "met": self.bar.met(self.ratio)}
        return {**fields, "measured": True, **found}


HEAD = ("row", "what", "against", "ours", "peer", "ratio", "bar", "met")


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table, notes below it."""
    rows = [HEAD, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    text = [_joined(row, widths) for row in rows]
    text.insert(1, _joined(["-" * width for width in widths], widths))
    notes = [f"{line.row}: {line.note}" for line in lines if line.note and line.pairs]
    return "\n".join([*text, "", *notes])


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "load": load,
    }


def _cells(line: Line) -> tuple[str, ...]:
    if not line.pairs:
        why = line.note or "not measured yet"
        return (line.row, line.what, line.peer, "", "", "", str(line.bar), why)
    met = "met" if line.bar.met(line.ratio) else "NOT MET"
    values = (f"{line.ours:.4g} {line.unit}", f"{line.theirs:.4g} {line.unit}", f"{line.ratio:.2f} ×")
    return (line.row, line.what, line.peer, *values, str(line.bar), met)


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
