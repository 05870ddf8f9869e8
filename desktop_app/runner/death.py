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
    def from_outside(self) -> bool:
        """Whether somebody else ended it, which says nothing of the model: the system short of memory, a person."""
        return self.code in (-9, -15)  # SIGKILL, SIGTERM

    @property
    def dump(self) -> str:
        """The calls that led into the native code that crashed, innermost first, or ""."""
        start = self.last_words.find("Fatal Python error")
        return self.last_words[start:].strip() if start >= 0 else ""

    @property
    def said(self) -> str:
        """What it wrote last by itself, "" for nothing."""
        start = self.last_words.find("Fatal Python error")
        return (self.last_words if start < 0 else self.last_words[:start]).strip()

    def where(self, own: Path | None = None) -> str:
        """The line of Python that called the native code that crashed, or "".

        Args:
            own: the script's folder; the innermost line in it is told, if there is one.
        """
        calls = [found for line in self.dump.splitlines() if (found := _FRAME.match(line))]
        theirs = [call for call in calls if not Path(call["file"]).is_relative_to(PACKAGE / "child")]
        in_folder = [call for call in theirs if own is not None and Path(call["file"]).is_relative_to(own)]
        chosen = (in_folder or theirs)[:1]
        return f"{Path(chosen[0]['file']).name}:{chosen[0]['line']}" if chosen else ""
