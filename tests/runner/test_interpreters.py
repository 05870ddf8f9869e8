from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest

from desktop_app.core.errors import ProfileError
from desktop_app.runner.interpreters import find_interpreters, look_at, usual

posix_only = pytest.mark.skipif(os.name == "nt", reason="uses shell scripts")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that needs a module of its own, one of the standard library, and one that nobody has."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "helper.py").write_text("import nobody_has_this, PIL\n")
    path = folder / "plugin.py"
    path.write_text("import helper, json\nfrom ango.plugins import run\n")
    return path


def _program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


async def test_this_python(script: Path) -> None:
    found = await look_at(Path(sys.executable), script)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert found.missing == ("nobody_has_this",)
    assert found.remedy == f"{sys.executable} -m pip install nobody_has_this"
    assert found.version in found.label


async def test_the_bundled_python(script: Path) -> None:
    found = await look_at(None, script)
    assert (found.kind, found.path, found.missing) == ("bundled", None, ("nobody_has_this",))
    assert "Choose another Python" in found.remedy
    assert (await look_at(None)).remedy == ""


async def test_an_environment_beside_the_script_comes_first(script: Path) -> None:
    venv.create(script.parent / ".venv", with_pip=False, symlinks=os.name != "nt")
    near = script.parent / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    assert next(usual(script.parent)) == near
    found = await find_interpreters(script, candidates=[Path(sys.executable), near, near])
    assert [item.kind for item in found[:1]] == ["bundled"]
    paths = [item.path for item in found[1:]]
    assert sorted(map(str, paths)) == sorted({str(near), sys.executable})
    beside = next(item for item in found if item.path == near)
    assert beside.kind == "venv"
    assert beside.missing == ("PIL", "nobody_has_this"), "it has nothing installed"
    assert beside.remedy.endswith("-m pip install pillow nobody_has_this")


async def test_looking_runs_nothing_of_the_scripts(script: Path) -> None:
    for name in ("plugin.py", "helper.py", "nobody_has_this.py"):
        (script.parent / name).write_text("import sys\nopen('was-run', 'w')\nsys.exit(9)\n" + "import json\n")
    found = await look_at(Path(sys.executable), script)
    assert found.missing == ()
    assert not list(script.parent.glob("**/was-run"))


@posix_only
async def test_what_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProfileError, match="cannot be started"):
        await look_at(tmp_path / "missing")
    with pytest.raises(ProfileError, match="no Python that works: it is broken"):
        await look_at(_program(tmp_path / "broken", "echo 'it is broken' >&2; exit 1"))
    with pytest.raises(ProfileError, match="answers as no Python does"):
        await look_at(_program(tmp_path / "echo", "echo 1"))
    old = '{"version": [3, 7, 16], "prefix": "/x", "base": "/x", "missing": []}'
    with pytest.raises(ProfileError, match=r"Python 3\.7\.16 is too old"):
        await look_at(_program(tmp_path / "old", f"echo '{old}'"))
    monkeypatch.setattr("desktop_app.runner.interpreters.PROBE_LIMIT_S", 0.3)
    hangs = _program(tmp_path / "hangs", "exec sleep 60")
    with pytest.raises(ProfileError, match="does not answer"):
        await look_at(hangs)
    found = await find_interpreters(candidates=[hangs, tmp_path / "broken"])
    assert [item.kind for item in found] == ["bundled"]


async def test_secrets_do_not_reach_a_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUGDECK_SECRET_X", "secret")
    if os.name != "nt":
        answer = (
            '{\\"version\\": [3, 9, 0], \\"prefix\\": \\"$PLUGDECK_SECRET_X\\", \\"base\\": \\"\\", \\"missing\\": []}'
        )
        found = await look_at(_program(tmp_path / "env", f'echo "{answer}"'))
        assert found.prefix == ""
