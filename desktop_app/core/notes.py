"""Notes on an answer: what was repaired, left out or only looked wrong, gathered so that a log can bear them."""

from __future__ import annotations

from typing import Any

_NAMED = 3


class Notes:
    """Gathers remarks; equal remarks on many fields become one sentence that names the first three.

    Ten thousand boxes with the same fault are one line in the hub's log, not ten thousand.
    """

    def __init__(self) -> None:
        self._repairs: dict[str, list[str]] = {}
        self._warnings: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def repaired(self, remark: str, field: str) -> None:
        """Something was changed or left out."""
        self._add(self._repairs, remark, field)

    def warned(self, remark: str, field: str) -> None:
        """Something looks wrong and stays as it is."""
        self._add(self._warnings, remark, field)

    @property
    def repairs(self) -> tuple[str, ...]:
        """A sentence per kind of repair, in order of first appearance."""
        return self._sentences(self._repairs)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence per kind of warning, in order of first appearance."""
        return self._sentences(self._warnings)

    def _add(self, kind: dict[str, list[str]], remark: str, field: str) -> None:
        named = kind.setdefault(remark, [])
        if len(named) < _NAMED:
            named.append(field)
        self._counts[remark] = self._counts.get(remark, 0) + 1

    def _sentences(self, kind: dict[str, list[str]]) -> tuple[str, ...]:
        sentences = []
        for remark, named in kind.items():
            more = self._counts[remark] - len(named)
            fields = ", ".join(named) + (f" and {more:,} more" if more else "")
            sentences.append(f"{fields}: {remark}" if fields else remark)
        return tuple(sentences)


def quoted(value: Any, limit: int = 60) -> str:
    """A value from outside on one printable line, cut to `limit` characters."""
    text = "".join(char if char.isprintable() else "�" for char in str(value)[: limit + 1])
    return f'"{text}"' if len(text) <= limit else f'"{text[: limit - 1]}…"'
