"""A child process spoken to in frames, without the host's machinery."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.child import wire

BOOT = Path(wire.__file__).parent / "boot.py"


class Child:
    """A script's worker in some interpreter."""

    def __init__(self, python: Path | str, script: Path, boot: Path = BOOT, **load: Any) -> None:
        self.process = subprocess.Popen(
            [str(python), "-u", str(boot)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        self.frames: list[dict[str, Any]] = []
        self.blob = b""
        self._numbers = 0
        source = {"kind": "callback", "script": str(script), **load.pop("source", {})}
        self.send({"type": "load", "source": source, "plugin_id": "p", "host": "http://localhost:1", **load})

    def send(self, frame: dict[str, Any]) -> None:
        """Sends a frame."""
        assert self.process.stdin is not None
        wire.write_frame(self.process.stdin, frame)

    def until(self, *kinds: str) -> dict[str, Any]:
        """The next frame of one of these types; the others are kept."""
        assert self.process.stdout is not None
        while True:
            frame, self.blob = wire.read_frame(self.process.stdout)
            self.frames.append(frame)
            if frame["type"] in kinds:
                return frame

    def loaded(self) -> dict[str, Any]:
        """The info of the loaded script."""
        frame = self.until("loaded", "failed")
        assert frame["type"] == "loaded", frame
        info: dict[str, Any] = frame["info"]
        return info

    def failed(self) -> dict[str, Any]:
        """Why the script cannot be loaded."""
        frame = self.until("loaded", "failed")
        assert frame["type"] == "failed", frame
        return frame

    def answer(self, **data: Any) -> dict[str, Any]:
        """Runs a job and gives the result or error frame."""
        self._numbers += 1
        self.send({"type": "run", "id": self._numbers, "data": {"session": "S", **data}})
        return self.until("result", "error")

    def returned(self, **data: Any) -> Any:
        """Runs a job and gives what the callback returned."""
        frame = self.answer(**data)
        assert frame["type"] == "result", frame
        return frame["prediction"]["returned"]

    def printed(self) -> list[str]:
        """Lines printed so far."""
        return [frame["text"] for frame in self.frames if frame["type"] == "print"]

    def stop(self) -> int:
        """Ends the child in an orderly way."""
        self.send({"type": "stop"})
        self.until("ended")
        return self.process.wait(10)

    def close(self) -> None:
        """Ends the child in any way."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait(10)


MakeChild = Callable[..., Child]


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[MakeChild]:
    """Starts children from script texts, or from a dict of files of which `plugin.py` is the script."""
    children: list[Child] = []

    def make(files: str | dict[str, str], *, python: Path | str = sys.executable, **load: Any) -> Child:
        folder = tmp_path / f"work{len(children)}"
        if isinstance(files, str):
            files = {"plugin.py": files}
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        script = folder / next(name for name in files if name.endswith("plugin.py"))
        child = Child(python, script, **load)
        children.append(child)
        return child

    yield make
    for child in children:
        child.close()


def _version(path: Path) -> list[int]:
    return [int(part) for part in path.parts[-3].split(".")[:3]]


def _interpreters() -> list[Path]:
    named = os.environ.get("PLUGDECK_PYTHONS")
    if named:
        return [Path(name) for name in named.split(os.pathsep)]
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return sorted((path for path in home.glob("3.*/bin/python") if _version(path)[1] >= 8), key=_version)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that ask for `python` run under every interpreter at hand from 3.8 on."""
    if "python" in metafunc.fixturenames:
        found = _interpreters() or [Path(sys.executable)]
        metafunc.parametrize("python", found, ids=[path.parts[-3] for path in found])
