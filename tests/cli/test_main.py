from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli import main as cli_main
from desktop_app.cli.main import run
from desktop_app.core.errors import HubError, UsageError


def outcome_of(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    async def command(_options: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(cli_main, "_command", command)
    return run(argparse.Namespace(log_level=None, command="x"))


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("What", where="here", remedy="Do that."), 2, "plugdeck: What (here). Do that.\n"),
        (HubError("What\nelse", where="http://x"), 1, "plugdeck: What else (http://x)\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_become_exit_codes_and_one_line(
    error: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome_of(error, monkeypatch) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", says)


def test_bugs_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        outcome_of(ZeroDivisionError("a bug"), monkeypatch)


def test_a_data_dir_that_cannot_be_used_is_one_line(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    outcome = cli("profiles", "list", "--data-dir", file)
    assert outcome.code == 1
    assert str(file) in outcome.err
    assert outcome.err.count("\n") == 1


def test_the_option_wins_over_the_variable(cli: Any, tmp_path: Path, data_dir: Path) -> None:
    other = tmp_path / "other"
    assert cli("--data-dir", other, "profiles", "list").code == 0
    assert other.is_dir()
    assert not data_dir.exists()


def test_no_loop_or_task_is_left(cli: Any) -> None:
    assert cli("profiles", "list").code == 0
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
