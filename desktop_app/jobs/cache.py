"""Assets on disk, named by their content, with a limit on their size.

Nothing of a job becomes part of a path: the name is the SHA-256 of the bytes plus a suffix from a fixed list.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tif",
    "application/pdf": ".pdf",
    "application/dicom": ".dcm",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/ogg": ".ogg",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/x-nrrd": ".nrrd",
}


@dataclass(frozen=True, slots=True)
class Cached:
    """A file in the cache; `media_type` is "" where the content is of no known kind."""

    path: Path
    media_type: str
    size: int


class Incoming:
    """A file on its way into the cache: write to it, then `keep()` or `discard()`."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        descriptor, name = tempfile.mkstemp(dir=cache.folder, prefix="incoming-")
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._path = Path(name)
        self._hash = hashlib.sha256()
        self._head = b""
        self.size = 0

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        if len(self._head) < 512:
            self._head += data[: 512 - len(self._head)]
        self._hash.update(data)
        self._file.write(data)
        self.size += len(data)

    def keep(self, declared_type: str = "", name: str = "") -> Cached:
        """Puts the whole file in its place. `declared_type` and `name` only help where the bytes do not tell."""
        self._file.close()
        media_type = media_type_of(self._head, declared_type, name)
        path = self._cache.path_for(self._hash.hexdigest(), SUFFIXES.get(media_type, ".bin"))
        path.parent.mkdir(exist_ok=True)
        self._path.replace(path)
        self._cache.added(self.size)
        return Cached(path, media_type, self.size)

    def discard(self) -> None:
        """Removes what was written."""
        self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


class Cache:
    """The cache folder; files last used longest ago go first when it grows over the limit.

    Args:
        folder: made if it is not there.
        limit: size in bytes above which files are removed; some may stand above it while they are written.
    """

    def __init__(self, folder: Path, limit: int = 2 * 1024**3) -> None:
        self.folder = folder
        self.limit = limit
        self._lock = threading.Lock()
        self._size: int | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def incoming(self) -> Incoming:
        """A place to write a new file to."""
        return Incoming(self)

    def path_for(self, digest: str, suffix: str) -> Path:
        """Where a file of that content lies."""
        return self.folder / digest[:2] / f"{digest}{suffix}"

    def touch(self, path: Path) -> bool:
        """Marks a file as used now. False if it is gone."""
        try:
            os.utime(path)
        except OSError:
            return False
        return True

    def added(self, size: int) -> None:
        """Counts a new file."""
        with self._lock:
            if self._size is not None:
                self._size += size

    @property
    def over_limit(self) -> bool:
        """Whether `make_room` has something to do (or must look for the first time)."""
        return self._size is None or self._size > self.limit

    def make_room(self) -> None:
        """Removes what was used longest ago until nine tenths of the limit are kept. Slow: not for the event loop."""
        with self._lock:
            files = []
            for path in self._files():
                with contextlib.suppress(OSError):
                    stat = path.stat()
                    files.append((max(stat.st_atime_ns, stat.st_mtime_ns), stat.st_size, path))
            files.sort()
            total = sum(size for _, size, _ in files)
            if total > self.limit:
                # The newest stays even when it alone is larger than the limit: a job is using it.
                for _, size, path in files[:-1]:
                    if total <= self.limit * 0.9:
                        break
                    with contextlib.suppress(OSError):
                        path.unlink()
                        total -= size
            self._size = total
            self._forget_broken()

    def _forget_broken(self) -> None:
        """Removes what a crash left half written; another process may be writing, so only what is a day old."""
        for path in self.folder.glob("incoming-*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - 86_400:
                    path.unlink()

    def _files(self) -> list[Path]:
        return [path for path in self.folder.glob("??/*") if path.is_file()]


def media_type_of(head: bytes, declared: str = "", name: str = "") -> str:
    """The kind of a file from its first bytes, else from what the server says, else from its name; "" if unknown."""
    for offset, magic, media_type in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return media_type
    declared = declared.partition(";")[0].strip().lower()
    declared = _ALIASES.get(declared, declared)
    if declared in SUFFIXES and not declared.startswith("image/"):
        return declared
    suffix = Path(name).suffix.lower()
    by_name = next((kind for kind, ending in SUFFIXES.items() if ending == suffix), "")
    return "" if by_name.startswith("image/") else by_name


_ALIASES = {"audio/x-wav": "audio/wav", "audio/mp3": "audio/mpeg", "application/x-pdf": "application/pdf"}

_MAGIC = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (128, b"DICM", "application/dicom"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"OggS", "video/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"NRRD", "application/x-nrrd"),
)
