from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.profile import CallbackSource
from desktop_app.ui.editor.start_options import StartOptions, join_arguments, read_variables, split_arguments


def test_what_a_source_has_comes_back(qtbot: Any, tmp_path: Path) -> None:
    source = CallbackSource(
        script=tmp_path / "p.py",
        arguments=("--name", "two words", "it's", ""),
        environment={"A": "1=2", "B": ""},
        working_directory=tmp_path,
    )
    options = StartOptions()
    qtbot.addWidget(options)
    options.fill(source)
    assert not options.rows.isHidden(), "what differs from the usual is seen"
    assert CallbackSource.model_validate({"script": source.script, **options.values()}) == source
    assert options.problems() == {}
    options.fill(None)
    assert options.rows.isHidden()
    assert options.values() == {"arguments": (), "working_directory": None, "environment": {}}


def test_what_cannot_be_read_is_told_at_its_field(qtbot: Any) -> None:
    options = StartOptions()
    qtbot.addWidget(options)
    options.arguments.value = "--name 'open"
    options.folder.value = "/no/such/folder"
    options.variables.value = "A=1\n\n2B=1"
    assert options.problems() == {
        "arguments": "A quotation mark has no partner.",
        "working_directory": "There is no folder here.",
        "environment": "Line 3 is not NAME=value.",
    }


@pytest.mark.parametrize("arguments", [(), ("a",), ('"', "'", " "), ("#no", "comment"), ("a\\b",)])
def test_arguments_survive(arguments: tuple[str, ...]) -> None:
    assert split_arguments(join_arguments(arguments)) == arguments


def test_variables() -> None:
    assert read_variables(" A = b c \nX=\n") == ({"A": "b c", "X": ""}, 0)
    assert read_variables("nothing")[1] == 1
