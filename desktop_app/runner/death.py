"""What is known of a worker that ended: why, in words, and at which line of the user's."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from desktop_app.runner.command import PACKAGE

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>.+)$')
_IN_WORDS = {
    "SIGSEGV": "a segmentation fault",
    "SIGBUS": "a bad memory access",
    "SIGFPE": "an arithmetic fault in native code",
    "SIGILL": "an instruction this processor does not have",
    "SIGABRT": "an abort in native code",
    "SIGKILL": "a kill from outside; perhaps the system ran out of memory",
}


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker ended.

    Attributes:
        code: exit code; negative: the signal's number; None when it is not known.
        last_words: the end of what it wrote to stderr, "" for nothing.
    """

    code: int | None
    last_words: str = ""

    @property
    def cause(self) -> str:
        """Why it ended, as part of a sentence: "a segmentation fault (SIGSEGV)"."""
        if self.code is None:
            return "an unknown cause"
        if self.code < 0:
            try:
                name = signal.Signals(-self.code).name
            except ValueError:
                return f"signal {-self.code}"
            words = _IN_WORDS.get(name)
            return f"{words} ({name})" if words else f"signal {name}"
        if self.code > 0x7FFFFFFF:  # Windows' NTSTATUS
            return f"a crash in native code (0x{self.code:08X})"
        return f"its own exit with code {self.code}"

    @property
    def where(self) -> str:
        """The innermost line of Python that ran when native code crashed, or ""."""
        lines = self.last_words.splitlines()
        starts = [index for index, line in enumerate(lines) if "most recent call first" in line]
        current = [index for index in starts if lines[index].startswith("Current thread")] or starts
        if not current:
            return ""
        for line in lines[current[0] + 1 :]:
            found = _FRAME.match(line)
            if found is None:
                break
            file = Path(found["file"])
            if not file.is_relative_to(PACKAGE / "child"):
                return f"{file.name}:{found['line']}"
        return ""
