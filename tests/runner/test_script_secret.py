from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.errors import ProfileError
from desktop_app.runner.script_facts import read_script
from desktop_app.runner.script_secret import SecretRemoval, plan_removal, remove_secret


@pytest.fixture
def plan(tmp_path: Path) -> Any:
    """Works out the change of a script that is given as bytes."""

    def planner(source: bytes) -> SecretRemoval:
        path = tmp_path / "plugin.py"
        path.write_bytes(source)
        return plan_removal(read_script(path, {}))

    return planner


def test_only_the_literal_changes_and_the_file_stays_what_it_was(plan: Any, tmp_path: Path) -> None:
    # Not UTF-8, ends of both kinds, no end at the last line, read-only for the group, reached through a link.
    source = (
        "# -*- coding: latin-1 -*-\r\nfrom ango.plugins import ModelPlugin, run\r\n"
        "NAME = 'ü'; SECRET = 'the secret'  # für immer\nrun(ModelPlugin('a', SECRET, cb))"
    ).encode("latin-1")
    removal = plan(source)
    assert removal.number == 3
    assert removal.before == "NAME = 'ü'; SECRET = 'the secret'  # für immer"
    assert removal.after == """NAME = 'ü'; SECRET = __import__("os").environ.get("PLUGIN_SECRET", "")  # für immer"""
    assert "the secret" not in repr(removal)
    removal.path.chmod(0o750)
    link = tmp_path / "link.py"
    link.symlink_to(removal.path)
    remove_secret(plan_removal(read_script(link, {})))
    assert link.is_symlink()
    expected = source.replace(b"'the secret'", b'__import__("os").environ.get("PLUGIN_SECRET", "")')
    assert removal.path.read_bytes() == expected
    if sys.platform != "win32":
        assert stat.S_IMODE(removal.path.stat().st_mode) == 0o750
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.py", "plugin.py"], "nothing is left behind"
    assert read_script(removal.path, {"PLUGIN_SECRET": "moved"}).secret == "moved"


def test_a_mark_at_the_start_of_the_file_stays(plan: Any) -> None:
    removal = plan(b"\xef\xbb\xbffrom ango.plugins import *; run(ModelPlugin('a', 'the secret', cb))\n")
    remove_secret(removal)
    assert removal.path.read_bytes().startswith(b"\xef\xbb\xbffrom ango.plugins import *; run(ModelPlugin('a', __imp")


@pytest.mark.parametrize(
    ("first", "line"),
    [
        ("import os", '\'k\', os.environ.get("PLUGIN_SECRET", ""), cb'),
        ("import os as o", '\'k\', __import__("os").environ.get("PLUGIN_SECRET", ""), cb'),
        ("from os import path", '\'k\', __import__("os").environ.get("PLUGIN_SECRET", ""), cb'),
    ],
)
def test_the_new_line_uses_only_what_is_there(plan: Any, first: str, line: str) -> None:
    removal = plan(f"{first}\nfrom ango.plugins import *\nrun(ModelPlugin('k', 'the secret', cb))\n".encode())
    assert line in removal.after
    compile(removal.changed, "changed", "exec")


def test_a_look_up_keeps_its_own_variable(plan: Any) -> None:
    removal = plan(
        b"import os\nfrom ango.plugins import *\nS = os.getenv('MINE', 'the secret')\nrun(ModelPlugin('k', S, cb))\n"
    )
    assert removal.after == "S = os.getenv('MINE', \"\")"


def test_other_places_of_the_secret_are_named(plan: Any) -> None:
    removal = plan(b"# was: the secret\nfrom ango.plugins import *\nrun(ModelPlugin('k', 'the secret', cb))\n")
    assert removal.others == (1,)


def test_a_file_that_changed_is_left_alone(plan: Any, tmp_path: Path) -> None:
    source = b"from ango.plugins import *\nrun(ModelPlugin('k', 'the secret', cb))\n"
    removal = plan(source)
    removal.path.write_bytes(source + b"# edited\n")
    with pytest.raises(ProfileError, match="has changed"):
        remove_secret(removal)
    assert removal.path.read_bytes() == source + b"# edited\n"
    assert [path.name for path in tmp_path.iterdir()] == ["plugin.py"]
    facts = read_script(removal.path, {})
    removal.path.write_bytes(b"# nothing\n")
    with pytest.raises(ProfileError, match="has changed"):
        plan_removal(facts)
    removal.path.unlink()
    with pytest.raises(ProfileError):
        remove_secret(removal)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_is_no_literal_stays(plan: Any) -> None:
    with pytest.raises(ProfileError, match="no secret"):
        plan(b"from ango.plugins import *\nrun(ModelPlugin('a', fetch(), cb))\n")
