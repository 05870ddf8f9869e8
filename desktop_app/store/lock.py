"""Only one process serves a data directory; the others learn who does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from desktop_app.core.errors import DataDirInUse, StoreError
from desktop_app.store.paths import FILE_MODE

_FAR = 1 << 30  # Windows makes a locked byte unreadable, so the lock lies behind everything that is written.


class FileLock:
    """A lock that the system itself gives back when its holder ends, however it ends.

    Attributes:
        path: the lock file; it stays when the lock is given back, since removing it would race with the next holder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def acquire(self, who: str) -> None:
        """Takes the lock; `who` ("the window", "plugdeck run") is what others are told.

        Raises:
            DataDirInUse: another process holds it.
            StoreError: the file cannot be written.
        """
        if not self.try_acquire(who):
            raise DataDirInUse(
                f"This data directory is already in use by {self.holder()}",
                where=str(self.path.parent),
                remedy="Close that one first, or name another directory with --data-dir.",
            )

    def try_acquire(self, who: str) -> bool:
        """Takes the lock if it is free.

        Raises:
            StoreError: the file cannot be opened.
        """
        if self._fd is not None:
            return True
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), FILE_MODE)
        except OSError as error:
            raise StoreError(
                f"The lock file cannot be opened: {error.strerror or error}",
                where=str(self.path),
                remedy="Check the permissions of the data directory.",
            ) from error
        try:
            _lock(fd)
        except OSError:
            os.close(fd)
            return False
        facts = {"pid": os.getpid(), "who": who, "since": time.time()}
        os.ftruncate(fd, 0)
        os.write(fd, json.dumps(facts).encode())
        self._fd = fd
        return True

    def is_free(self) -> bool:
        """Whether nobody holds the lock now; takes it for no longer than the look."""
        try:
            fd = os.open(self.path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return True
        try:
            _lock(fd)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True

    def release(self) -> None:
        """Gives the lock back; harmless when it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def holder(self) -> str:
        """Who has the lock, in words: "the window (process 4711)"."""
        facts = self._facts()
        if "pid" not in facts:
            return "another process"
        return f"{facts.get('who') or 'another Plugdeck'} (process {facts['pid']})"

    def held_since(self) -> float | None:
        """When its holder took it, in seconds since the epoch; None where that is not known."""
        since = self._facts().get("since")
        return since if isinstance(since, float) else None

    def _facts(self) -> dict[str, Any]:
        try:
            facts = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}


if os.name == "nt":
    import msvcrt

    def _lock(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        os.lseek(fd, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
