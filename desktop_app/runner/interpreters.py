"""Pythons on this machine that a script could run in, and what each of them lacks for it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_app.child.packages import install_command
from desktop_app.core.errors import ProfileError
from desktop_app.runner.environment import child_environment, process_environment
from desktop_app.runner.imports import required_imports

OLDEST = (3, 8)
PROBE_LIMIT_S = 20.0
_AT_ONCE = 4
_MOST = 60

# Runs in any Python 3: says what it is and which top-level modules it does not find. Nothing of the script's is run.
_PROBE = """
import importlib.util, json, sys
asked = json.loads(sys.stdin.readline())
sys.path[:] = [entry for entry in sys.path if entry]
if asked["folder"]:
    sys.path.insert(0, asked["folder"])
def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "prefix": sys.prefix,
    "base": getattr(sys, "base_prefix", sys.prefix),
    "missing": [name for name in asked["modules"] if not found(name)],
}))
"""

_HOMES = (
    ".virtualenvs/*",
    ".cache/pypoetry/virtualenvs/*",
    ".local/share/virtualenvs/*",
    "Library/Caches/pypoetry/virtualenvs/*",
    "AppData/Local/pypoetry/Cache/virtualenvs/*",
    "*conda*/envs/*",
    "miniforge*/envs/*",
    "*conda*",
    "miniforge*",
    ".pyenv/versions/*",
    ".local/share/uv/python/*",
    "AppData/Local/Programs/Python/*",
)
"""Where environments and Pythons are, below a person's home."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that was looked at.

    Attributes:
        path: the program; None for the bundled one.
        version: such as "3.12.1".
        kind: "bundled", "venv", "conda" or "system".
        missing: modules the script needs and it has not.
    """

    path: Path | None
    version: str
    kind: str
    prefix: str = ""
    missing: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """One line for a list."""
        where = self.prefix if self.kind in ("venv", "conda") else str(self.path or "")
        return f"Python {self.version} ({self.kind}{': ' + where if where else ''})"

    @property
    def remedy(self) -> str:
        """The command that installs what is missing, "" when nothing is."""
        if not self.missing:
            return ""
        if self.path is None:
            return "Choose another Python for this profile; nothing can be installed into the bundled one."
        return install_command(str(self.path), self.missing)


async def look_at(path: Path | None, script: Path | None = None) -> Interpreter:
    """What a Python is, and what it lacks for a script.

    Args:
        path: the program; None for the bundled Python.

    Raises:
        ProfileError: it cannot be started, is no Python, or is older than 3.8.
    """
    modules = await asyncio.to_thread(required_imports, script) if script is not None else ()
    if path is None:
        return _bundled(await asyncio.to_thread(_missing_here, modules, script))
    said = await _probe(path, {"modules": list(modules), "folder": str(_folder(script) or "")})
    version = tuple(said["version"])
    shown = ".".join(map(str, version))
    if version < OLDEST:
        raise ProfileError(
            f"Python {shown} is too old", where=str(path), remedy="Scripts run in Python 3.8 and later; choose another."
        )
    prefix = str(said["prefix"])
    return Interpreter(path, shown, _kind(prefix, str(said["base"])), prefix, tuple(said["missing"]))


async def find_interpreters(
    script: Path | None = None, *, candidates: Iterable[Path] | None = None
) -> list[Interpreter]:
    """Every Python found, the bundled one first, then those that lack least for the script; newest first.

    Args:
        candidates: where to look; None: environments near the script, and the usual places of this system.
    """
    folder = _folder(script)
    paths = await asyncio.to_thread(lambda: list(_distinct(candidates if candidates is not None else usual(folder))))
    turns = asyncio.Semaphore(_AT_ONCE)

    async def look(path: Path) -> Interpreter | None:
        async with turns:
            try:
                return await look_at(path, script)
            except ProfileError:
                return None

    found = [item for item in await asyncio.gather(*(look(path) for path in paths)) if item is not None]
    order = {id(item): index for index, item in enumerate(found)}
    found.sort(key=lambda item: (len(item.missing), _near(item, folder), _backwards(item.version), order[id(item)]))
    return [await look_at(None, script), *found]


def usual(folder: Path | None) -> Iterator[Path]:
    """Places where Pythons are, those nearest to the script first."""
    home = Path.home()
    near = [folder, *list(folder.parents)[:3]] if folder is not None else []
    for place in near:
        for name in (".venv", "venv", "env", ".env", ".conda"):
            yield from _in_prefix(place / name)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if os.environ.get(variable):
            yield from _in_prefix(Path(os.environ[variable]))
    for pattern in _HOMES:
        for prefix in sorted(home.glob(pattern), reverse=True):
            yield from _in_prefix(prefix)
    yield from _conda_list(home / ".conda" / "environments.txt")
    for directory in (*os.environ.get("PATH", "").split(os.pathsep), "/usr/local/bin", "/opt/homebrew/bin", "/usr/bin"):
        if directory:
            yield from _in_directory(Path(directory))


def _folder(script: Path | None) -> Path | None:
    return script.absolute().parent if script is not None else None


def _in_prefix(prefix: Path) -> Iterator[Path]:
    for name in ("bin/python", "bin/python3", "python.exe", "Scripts/python.exe"):
        path = prefix / name
        if path.is_file():
            yield path
            return


def _in_directory(directory: Path) -> Iterator[Path]:
    names = ["python.exe"] if os.name == "nt" else ["python3", *(f"python3.{minor}" for minor in range(20, 7, -1))]
    for name in names:
        path = directory / name
        # Windows' store puts an alias of no size where Python is not installed.
        if path.is_file() and path.stat().st_size:
            yield path


def _conda_list(path: Path) -> Iterator[Path]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        if line.strip():
            yield from _in_prefix(Path(line.strip()))


def _distinct(paths: Iterable[Path]) -> Iterator[Path]:
    """Each Python once: a virtual environment counts by its own place, others by the file behind their links."""
    seen: set[str] = set()
    for path in paths:
        path = path.absolute()
        venv = (path.parent.parent / "pyvenv.cfg").is_file()
        key = str(path.parent.parent) if venv else str(path.resolve())
        if key not in seen and ("shims" not in path.parts):
            seen.add(key)
            yield path
        if len(seen) >= _MOST:
            return


async def _probe(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    environment = child_environment(process_environment())
    environment.pop("PYTHONSTARTUP", None)
    try:
        process = await asyncio.create_subprocess_exec(
            str(path),
            "-c",
            _PROBE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ProfileError(f"It cannot be started: {reason}", where=str(path)) from error
    try:
        async with asyncio.timeout(PROBE_LIMIT_S):
            out, err = await process.communicate(json.dumps(asked).encode() + b"\n")
        said = json.loads(out)
        if not {"version", "prefix", "base", "missing"} <= said.keys():
            raise ValueError
    except TimeoutError:
        raise ProfileError(f"It does not answer within {PROBE_LIMIT_S:g} s", where=str(path)) from None
    except (ValueError, AttributeError):
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it answers as no Python does"]
        raise ProfileError(f"It is no Python that works: {last[0]}", where=str(path)) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return dict(said)


def _bundled(missing: tuple[str, ...]) -> Interpreter:
    return Interpreter(None, ".".join(map(str, sys.version_info[:3])), "bundled", missing=missing)


def _missing_here(modules: Iterable[str], script: Path | None) -> tuple[str, ...]:
    import importlib.machinery

    path = [str(script.absolute().parent), *sys.path] if script is not None else sys.path

    def there(name: str) -> bool:
        known = name in sys.builtin_module_names or name in sys.stdlib_module_names
        return known or importlib.machinery.PathFinder.find_spec(name, path) is not None

    return tuple(name for name in modules if not there(name))


def _kind(prefix: str, base: str) -> str:
    if (Path(prefix) / "conda-meta").is_dir():
        return "conda"
    return "venv" if prefix != base else "system"


def _near(item: Interpreter, folder: Path | None) -> int:
    """0 for an environment beside the script."""
    if folder is None or item.kind == "system":
        return 1
    return 0 if any(Path(item.prefix).parent == place for place in (folder, *folder.parents[:3])) else 1


def _backwards(version: str) -> tuple[int, ...]:
    return tuple(-int(part) for part in version.split(".") if part.isdigit())
