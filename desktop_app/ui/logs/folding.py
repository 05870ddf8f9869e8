"""A traceback, folded: the line that the person can change first, the way to it only when it is wanted."""

from __future__ import annotations

import re

FEW_LINES = 3
"""What is no longer than this has nothing to fold."""

_FRAME = re.compile(r'  File "([^"\n]+)", line (\d+), in (.+)(?:\n    (\S.*))?')
_NOT_THEIRS = re.compile(
    r"site-packages|dist-packages|[/\\]lib[/\\]python3|<frozen|plugdeck_child|desktop_app[/\\]child"
)


def fold(details: str) -> tuple[str, str]:
    """What is shown at once, and what is folded away ("" for nothing).

    A worker's details begin with the script's own line; of any other traceback it is found here.
    """
    details = details.strip("\n")
    if details.count("\n") < FEW_LINES:
        return details, ""
    head, gap, rest = details.partition("\n\n")
    if gap and head.count("\n") < FEW_LINES and not head.startswith("Traceback"):
        return head, rest
    frames = _FRAME.findall(details)
    if not frames:
        lines = details.split("\n")
        return "\n".join(lines[:FEW_LINES]), "\n".join(lines[FEW_LINES:])
    theirs = [frame for frame in frames if not _NOT_THEIRS.search(frame[0])] or frames
    file, line, where, code = theirs[-1]
    return f"{file}:{line} in {where}" + (f"\n    {code}" if code else ""), details
