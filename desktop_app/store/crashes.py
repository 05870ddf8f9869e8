"""Reports of the app's own failures, kept until a person has seen them, without secrets."""

from __future__ import annotations

import hashlib
import platform
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from desktop_app import __version__
from desktop_app.core.errors import StoreError
from desktop_app.store.redact import hide

KEPT = 50


class CrashReports:
    """A folder of text files, one per distinct traceback and day.

    Args:
        known: gives the secrets known in this run; none of them gets into a report.
    """

    def __init__(self, folder: Path, known: Callable[[], Iterable[str]]) -> None:
        self._folder = folder
        self._known = known

    def write(self, trace: str, where: str) -> Path:
        """Writes a report; the same failure again replaces the one of the same day.

        Raises:
            StoreError: it cannot be written.
        """
        group = hashlib.sha256(re.sub(r"0x[0-9a-f]+|\d+", "", trace).encode()).hexdigest()[:10]
        path = self._folder / f"{time.strftime('%Y-%m-%d')}-{group}.txt"
        head = (
            f"Plugdeck {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
            f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}, in {where}\n\n"
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(hide(head + trace, self._known()), encoding="utf-8")
            path.chmod(0o600)
            for old in sorted(self._folder.glob("*.txt"))[:-KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError("A crash report could not be written", where=str(path)) from error
        return path

    def all(self) -> list[Path]:
        """The reports, the oldest first."""
        return sorted(self._folder.glob("*.txt"))
