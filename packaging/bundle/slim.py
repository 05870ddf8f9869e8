"""Makes a frozen folder smaller without taking anything away that runs: for Linux, after PyInstaller."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from bundle import icu

TWINS = ("plugdeck", "plugdeck-window")
"""The two executables differ on Windows and macOS only; on Linux they are one file with two names."""


def unneeded_libraries(folder: Path, needed_by: Callable[[Path], Iterable[str]]) -> list[Path]:
    """Shared libraries beside the modules that no file of the bundle asks for, directly or through others.

    PyInstaller collects what a plugin needs also if the plugin itself was left out afterwards.

    Args:
        folder: `_internal`.
        needed_by: names of the libraries that a file asks for.
    """
    beside = {path.name: path for path in folder.iterdir() if path.is_file() and ".so" in path.name}
    libraries = {name: path for name, path in beside.items() if path.name.startswith("lib")}
    waiting = [
        path for path in folder.parent.rglob("*") if path.is_file() and is_elf(path) and path not in libraries.values()
    ]
    kept: set[str] = set()
    while waiting:
        for name in needed_by(waiting.pop()):
            if name in libraries and name not in kept:
                kept.add(name)
                waiting.append(libraries[name])
    # Python itself is opened by the executables, not linked.
    return sorted(path for name, path in libraries.items() if name not in kept and not name.startswith("libpython"))


def is_elf(path: Path) -> bool:
    """Whether a file is a program or library of Linux."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def needed_libraries(path: Path) -> list[str]:
    """The names in a file's list of needed libraries, as `readelf` prints them."""
    text = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    return [line.split("[")[1].split("]")[0] for line in text.splitlines() if "(NEEDED)" in line]


def strip(folder: Path) -> int:
    """Takes out symbols that nothing needs at run time; returns the bytes saved.

    Libraries that auditwheel rewrote (`numpy.libs`, `pillow.libs`) stay as they are: stripping is known to break them.
    """
    saved = 0
    for path in folder.rglob("*.so*"):
        if path.is_symlink() or any(part.endswith(".libs") for part in path.parts) or not is_elf(path):
            continue
        before = path.stat().st_size
        subprocess.run(["strip", "--strip-unneeded", str(path)], check=True)
        saved += before - path.stat().st_size
    return saved


def one_executable(folder: Path) -> None:
    """Makes the second executable another name of the first."""
    first, second = (folder / name for name in TWINS)
    if first.read_bytes() != second.read_bytes():
        return
    second.unlink()
    os.link(first, second)


def slim(folder: Path) -> None:
    """All of it."""
    if shutil.which("readelf"):
        for path in unneeded_libraries(folder / "_internal", needed_libraries):
            path.unlink()
    if shutil.which("strip"):
        strip(folder)
    if all(map(shutil.which, ("as", "ld", "readelf"))):
        for path in folder.rglob("libicudata.so.*"):
            if not path.is_symlink():
                icu.shrink(path)
    one_executable(folder)


def size(folder: Path) -> int:
    """Bytes of a folder's files, each counted once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            facts = path.stat()
            seen[(facts.st_dev, facts.st_ino)] = facts.st_size
    return sum(seen.values())
