from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_app import __version__
from desktop_app.cli.parser import build_parser, parse


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["--data-dir", "D", "--log-level", "info"], []),
        ([], ["--data-dir", "D", "--log-level", "info"]),
        (["--data-dir", "other", "--log-level", "info"], ["--data-dir", "D"]),
    ],
)
@pytest.mark.parametrize(
    "command",
    [["run"], ["profiles", "list"], ["jobs", "show", "s"], ["test"], ["inspect", "m"], ["hub"], ["demo", "--headless"]],
)
def test_global_options_stand_on_either_side(command: list[str], before: list[str], after: list[str]) -> None:
    options = parse([*before, *command, *after])
    assert options.command == command[0]
    assert options.data_dir == Path("D")
    assert options.log_level == "info"


@pytest.mark.parametrize("line", [["--version"], ["run", "--version"], ["profiles", "list", "--version"]])
def test_version_stands_on_either_side(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(line)
    assert end.value.code == 0
    assert capsys.readouterr().out == f"plugdeck {__version__}\n"


def test_names_stand_on_both_sides_of_options() -> None:
    options = parse(["test", "--json", "Cars", "--config", "{}", "a.jpg", "--map", "car=1", "b.jpg", "c.jpg"])
    assert options.arguments == ["Cars", "a.jpg", "b.jpg", "c.jpg"]
    assert options.config == "{}"
    options = parse(["test", "a.jpg", "--onnx", "m.onnx", "b.jpg"])
    assert options.arguments == ["a.jpg", "b.jpg"]
    assert parse(["run", "one", "--json", "two"]).profiles == ["one", "two"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["nonsense"], "nonsense"),
        (["run", "--jsno"], "--jsno"),
        (["run", "--js"], "--js"),  # no abbreviations
        (["profiles"], "ACTION"),
        (["profiles", "add"], "NAME"),
        (["profiles", "add", "x"], "--onnx"),
        (["profiles", "add", "x", "--onnx", "a", "--script", "b"], "not allowed with"),
        (["profiles", "add", "x", "--onnx", "a", "--secret-stdin", "--secret-env", "V"], "not allowed with"),
        (["profiles", "list", "extra"], "extra"),
        (["demo", "--jobs", "0"], "'0' is not a whole number above 0"),
        (["hub", "--port", "70000"], "not a port"),
        (["test", "--map", "car"], "CLASS=SCHEMAID"),
        (["test", "--confidence", "1.5"], "from 0 to 1"),
        (["test", "--timeout", "0"], "seconds"),
        (["test", "--shape", "circle"], "circle"),
        (["--log-level", "loud", "run"], "loud"),
    ],
)
def test_wrong_usage_is_one_line(line: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(line)
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("plugdeck: ")
    assert captured.err.count("\n") == 1
    assert says in captured.err
    assert "--help" in captured.err
    assert not captured.out


def test_mappings_are_split_at_the_last_equals_sign() -> None:
    options = parse(["test", "--map", "a=b=1", "--map", "car=2"])
    assert options.map == [("a=b", "1"), ("car", "2")]


def every_parser(parser: Any) -> list[Any]:
    found = [parser]
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for child in action.choices.values():
                found += every_parser(child)
    return found


def test_every_command_and_option_says_what_it_is() -> None:
    parsers = every_parser(build_parser())
    assert {parser.prog.removeprefix("plugdeck ") for parser in parsers} >= {
        "demo", "hub", "run", "inspect", "test",
        "profiles list", "profiles show", "profiles remove", "profiles export", "profiles import", "profiles add",
        "jobs list", "jobs show",
    }  # fmt: skip
    for parser in parsers:
        text = parser.format_help()
        assert parser.description
        for action in parser._actions:
            if action.option_strings:
                assert action.help, (parser.prog, action.option_strings)
                assert all(option in text for option in action.option_strings)
