from __future__ import annotations

import io
import json
import sys

import pytest

from desktop_app.cli.output import clean, columns, complain, print_json, say, table


def test_json_is_one_value_or_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": ["ü", 1.5, None], "b": "x\ny"}
    print_json(value)
    print_json(value, compact=True)
    text = capsys.readouterr().out
    pretty, compact = text[: text.rindex("{")], text[text.rindex('{"a"') :]
    assert json.loads(pretty) == json.loads(compact) == value
    assert compact.count("\n") == 1


def test_what_others_say_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[31mred\x07\r\nb\t c") == "a�[31mred� b c"


def test_a_failure_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    complain("what\nwhere\x1b]0;title\x07")
    captured = capsys.readouterr()
    assert captured.err == "plugdeck: what where�]0;title�\n"
    assert captured.out == ""


def test_columns_begin_or_end_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    table([["NAME", "MS"], ["long name", "7"], ["x\ny", "1234"]], right=(1,))
    columns([])
    assert capsys.readouterr().out == "NAME         MS\nlong name     7\nx y        1234\n"


def test_another_encoding_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    say("80 × 60 …")
    print_json({"name": "\ud800"})
    stream.flush()
    assert stream.buffer.getvalue().startswith(b"80 \\xd7 60 \\u2026\n")  # type: ignore[attr-defined]
