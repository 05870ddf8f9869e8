"""How far a job is, as its script's own log lines tell: `[3/10] tiles done`."""

from __future__ import annotations

import re

_STEP = re.compile(r"\[\s*(\d{1,9})\s*/\s*(\d{1,9})\s*\]")


def progress_in(line: str) -> tuple[int, int] | None:
    """How many steps of how many a line says are done, or None where it says nothing of the kind."""
    found = _STEP.search(line)
    if found is None:
        return None
    done, steps = int(found[1]), int(found[2])
    return (done, steps) if steps > 0 and done <= steps else None
