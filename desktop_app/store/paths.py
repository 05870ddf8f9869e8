"""Where everything the app keeps lies on disk, open to nobody but its owner."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from desktop_app.core.errors import StoreError

VARIABLE = "PLUGDECK_DATA_DIR"
DIR_MODE = 0o700
FILE_MODE = 0o600


def default_root() -> Path:
    """The data directory where none was named: `PLUGDECK_DATA_DIR`, else the platform's place for app data."""
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("Plugdeck", appauthor=False, roaming=False))


@dataclass(frozen=True, slots=True)
class DataDir:
    """The data directory and the places in it. Nothing is made before `create`."""

    root: Path

    @property
    def database(self) -> Path:
        """The one SQLite file: profiles, settings, history, outbox."""
        return self.root / "plugdeck.db"

    @property
    def cache(self) -> Path:
        """Downloaded assets, named by their content."""
        return self.root / "cache"

    @property
    def logs(self) -> Path:
        """The rotating log files."""
        return self.root / "logs"

    @property
    def crashes(self) -> Path:
        """Crash reports of the app itself."""
        return self.root / "crashes"

    @property
    def lock(self) -> Path:
        """The file that the process serving this directory holds (see store.lock)."""
        return self.root / "plugdeck.lock"

    def create(self) -> DataDir:
        """Makes the directory and its folders, each with mode 0700, and returns itself.

        A folder that already holds other people's files (`--data-dir /tmp`) keeps its own mode; what we put into
        it is private all the same.

        Raises:
            StoreError: it cannot be made or written, or anybody may exchange the files in it.
        """
        try:
            ours = self._make_root()
            if ours:
                _chmod(self.root)
            elif _open_to_all(self.root):
                raise StoreError(
                    "Every user of this machine may change the files in the data directory",
                    where=str(self.root),
                    remedy="Name a directory of your own with --data-dir.",
                )
            for folder in (self.cache, self.logs, self.crashes):
                folder.mkdir(mode=DIR_MODE, exist_ok=True)
                _chmod(folder)
        except FileExistsError as error:
            raise StoreError(
                "The data directory cannot be made because a file has its name",
                where=str(error.filename or self.root),
                remedy="Move that file away, or name another directory with --data-dir.",
            ) from error
        except OSError as error:
            raise StoreError(
                f"The data directory cannot be used: {error.strerror or error}",
                where=str(error.filename or self.root),
                remedy="Check its permissions and the free space, or name another directory with --data-dir.",
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise StoreError(
                "The data directory is read-only",
                where=str(self.root),
                remedy="Check its permissions, or name another directory with --data-dir.",
            )
        return self

    def _make_root(self) -> bool:
        """Makes the root unless it is there; tells whether it is only ours: new, empty, or with our database."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.root.mkdir(mode=DIR_MODE)
        except FileExistsError:
            if not self.root.is_dir():
                raise
            return self.database.exists() or not any(self.root.iterdir())
        return True


def _chmod(folder: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) != DIR_MODE:
        folder.chmod(DIR_MODE)


def _open_to_all(folder: Path) -> bool:
    mode = folder.stat().st_mode
    return os.name == "posix" and bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
