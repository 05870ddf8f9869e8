from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.core.errors import ProfileError, UsageError
from desktop_app.runner.script_facts import read_script
from desktop_app.runner.templates import STYLES, write_template


@pytest.mark.parametrize("style", STYLES)
def test_a_template_is_a_plugin_script(style: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    write_template(style, file)
    assert read_script(file, {}).placeholders == ("host", "plugin id", "secret")
    assert "mine.py" in file.read_text(encoding="utf-8")


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("precious")
    with pytest.raises(UsageError, match="of that name"):
        write_template("current", file)
    assert file.read_text() == "precious"
    with pytest.raises(UsageError, match="name ends in"):
        write_template("current", tmp_path / "mine.txt")
    with pytest.raises(ProfileError, match="cannot be written"):
        write_template("current", tmp_path / "none" / "mine.py")
