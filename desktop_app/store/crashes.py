"""Reports of the app's own failures, kept until a person has seen them, without secrets."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from desktop_app import __version__
from desktop_app.core.errors import StoreError
from desktop_app.store.paths import DIR_MODE, FILE_MODE
from desktop_app.store.redact import hide

KEPT = 50
LONGEST = 60_000
"""Characters of a traceback; an endless recursion has many more."""
DUMP = "fatal-{pid}.dump"
"""Where a process that dies of a signal leaves what faulthandler knows of its last moment."""
QUIET_S = 1.0
"""The same failure within this time only counts: a paint event may fail sixty times a second."""

_FRAME = re.compile(r'File "([^"\n]+)", line \d+,? in (\S+)')
_COUNT = re.compile(r"^Happened (\d+) times?, first (.+?), last (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CrashReport:
    """One kind of failure.

    Attributes:
        text: the whole report, as it is shown and copied.
        count: how often it happened.
        last: when it happened last, seconds since the epoch.
        headline: what failed, in one line.
    """

    path: Path
    text: str
    count: int
    last: float
    headline: str


class CrashReports:
    """A folder of text files, one per distinct failure: the same one again counts up.

    Args:
        known: gives the secrets known in this run; none of them gets into a report.
    """

    def __init__(self, folder: Path, known: Callable[[], Iterable[str]]) -> None:
        self._folder = folder
        self._known = known
        self._written: dict[str, float] = {}
        self._waiting: dict[str, int] = {}

    @property
    def dump(self) -> Path:
        """The file into which this process may write while it dies."""
        return self._folder / DUMP.format(pid=os.getpid())

    def write(self, trace: str, where: str) -> Path:
        """Writes a report, or counts the same failure up.

        Raises:
            StoreError: it cannot be written.
        """
        group = _group(trace)
        path = self._folder / f"crash-{group}.txt"
        now = time.monotonic()
        self._waiting[group] = self._waiting.get(group, 0) + 1
        if now - self._written.get(group, -QUIET_S) < QUIET_S:
            return path
        stamp = time.strftime("%Y-%m-%d %H:%M:%S %z")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=DIR_MODE)
            before = _COUNT.search(path.read_text("utf-8", "replace")[:2000]) if path.exists() else None
            count = self._waiting[group] + (int(before[1]) if before else 0)
            head = (
                f"Plugdeck {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
                f"Happened {count} {'time' if count == 1 else 'times'}, first {before[2] if before else stamp},"
                f" last {stamp}\nIn {where}\n\n"
            )
            body = trace if len(trace) <= LONGEST else f"{trace[: LONGEST // 2]}\n…\n{trace[-LONGEST // 2 :]}"
            path.write_text(hide(_without_home(head + body), self._known()), encoding="utf-8")
            path.chmod(FILE_MODE)
            for old in sorted(self._folder.glob("*.txt"), key=_modified)[:-KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError("A crash report could not be written", where=str(path)) from error
        self._written[group] = now
        del self._waiting[group]
        return path

    def adopt_dumps(self) -> None:
        """Makes reports of what processes left that died of a signal. Only for who holds the data directory's lock.

        Raises:
            StoreError: a report cannot be written.
        """
        for path in self._folder.glob(DUMP.format(pid="*")):
            if path == self.dump:
                continue
            try:
                text = path.read_text("utf-8", "replace").strip()
                path.unlink()
            except OSError:
                continue
            if text:
                self.write(text, "the whole program, which ended by it")

    def all(self) -> list[CrashReport]:
        """The reports, what failed last at the end."""
        found = []
        for path in self._folder.glob("*.txt"):
            try:
                text, last = path.read_text("utf-8", "replace"), path.stat().st_mtime
            except OSError:
                continue
            count = _COUNT.search(text[:2000])
            found.append(CrashReport(path, text, int(count[1]) if count else 1, last, _headline(text)))
        return sorted(found, key=lambda report: report.last)

    def since(self, moment: float) -> list[CrashReport]:
        """What failed after a moment (seconds since the epoch), the last at the end."""
        return [report for report in self.all() if report.last > moment]


def _group(trace: str) -> str:
    """Equal for the same failure: the way to it by files and functions, and its kind; no lines, addresses or values."""
    # Where a signal hit, only its own thread belongs to the failure; the others were anywhere.
    hit = re.search(r"^Current thread .*?(?=\n\s*\n|\Z)", trace, re.MULTILINE | re.DOTALL)
    way_text = hit[0] if hit else trace
    frames = [f"{Path(file).name}:{function}" for file, function in _FRAME.findall(way_text)]
    # A recursion is the same failure however deep it went.
    way = list(dict.fromkeys(frames))
    return hashlib.sha256("\n".join([_headline(trace).partition(":")[0], *way]).encode()).hexdigest()[:12]


def _headline(text: str) -> str:
    """The line that names the failure: faulthandler says it first, a traceback last."""
    lines = [line for line in text.splitlines() if line.strip()]
    fatal = next((line for line in lines if line.startswith(("Fatal Python error", "Windows fatal"))), "")
    named = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(:|$)", line) and not line.startswith("Traceback")]
    return (fatal or (named[-1] if named else (lines[-1] if lines else "")))[:300]


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _without_home(text: str) -> str:
    """Who sends a report need not tell their name with every path."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 3 else text
