from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app.child.packages import distribution, install_command
from desktop_app.child.trouble import Places, in_words, script_failure

HERE = Places(__file__)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("two\n  lines"), "the script raised ValueError: two lines"),
        (ValueError(), "the script raised ValueError"),
        (Mute(), "the script raised Mute"),
        (SystemExit(), "the script called sys.exit()"),
        (SystemExit("why"), "the script called sys.exit('why')"),
        (KeyboardInterrupt(), "the script raised KeyboardInterrupt"),
        (RecursionError("deep"), "the script called itself too often (RecursionError: deep)"),
        (MemoryError(), "the script ran out of memory (MemoryError)"),
        (
            ModuleNotFoundError("x", name="cv2.dnn"),
            "the script needs the module cv2.dnn, which its Python does not have",
        ),
    ],
)
def test_errors_in_words(error: BaseException, words: str) -> None:
    assert in_words(error) == words


def _raised(function: Any) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError


def test_the_users_own_innermost_line_comes_first() -> None:
    error = _raised(lambda: json.loads("{"))
    failure = script_failure(error, HERE)
    line = test_the_users_own_innermost_line_comes_first.__code__.co_firstlineno + 1
    assert failure.where == f"test_trouble.py:{line}"
    first, code, empty, *rest = failure.details.splitlines()
    assert first == f"test_trouble.py:{line} in <lambda>"
    assert "json.loads" in code
    assert (empty, rest[0]) == ("", "Traceback (most recent call last):")
    assert rest[-1].startswith("json.decoder.JSONDecodeError")


def test_causes_are_told() -> None:
    def fail() -> None:
        try:
            {}["key"]  # type: ignore[index]
        except KeyError as error:
            raise ValueError("outer") from error

    assert script_failure(_raised(fail), HERE).details.endswith("caused by KeyError: 'key'")


def test_a_syntax_error_tells_its_line(tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    error = _raised(lambda: compile("x = 1\ny = (\n", str(script), "exec"))
    failure = script_failure(error, Places(str(script)))
    assert failure.where == "s.py:2"
    assert failure.what.startswith("the script is no valid Python 3.")


def test_the_remedy_for_a_missing_module_is_a_command() -> None:
    failure = script_failure(ModuleNotFoundError("x", name="cv2"), HERE)
    assert failure.remedy == f"Install it with: {sys.executable} -m pip install opencv-python-headless"
    assert distribution("PIL.Image") == "pillow"
    assert install_command("/a b/python", ["yaml", "yaml.x", "torch"]) == '"/a b/python" -m pip install pyyaml torch'


def test_places(tmp_path: Path) -> None:
    places = Places(str(tmp_path / "plugin.py"))
    assert places.own(str(tmp_path / "helper.py"))
    assert places.own(str(tmp_path / "sub" / "helper.py"))
    assert not places.own(str(tmp_path / ".venv" / "lib" / "site-packages" / "x.py"))
    assert not places.own(json.__file__)
    assert not places.own("<string>")
    assert places.own("/somewhere/else/shared.py"), "code of the user's elsewhere"
    assert places.shown(str(tmp_path / "sub" / "x.py")) == str(Path("sub") / "x.py")
    # A Python whose own folder holds the script's is no reason to call the script a library.
    inside = Places(str(Path(sys.prefix) / "work" / "plugin.py"))
    assert inside.own(str(Path(sys.prefix) / "work" / "helper.py"))
