from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.runner.command import PACKAGE
from desktop_app.runner.death import Death


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (0, "its own exit with code 0"),
        (3, "its own exit with code 3"),
        (-11, "a segmentation fault (SIGSEGV)"),
        (-9, "a kill from outside; perhaps the system ran out of memory (SIGKILL)"),
        (-15, "signal SIGTERM"),
        (-99, "signal 99"),
        (0xC0000005, "a crash in native code (0xC0000005)"),
        (None, "an unknown cause"),
    ],
)
def test_causes_in_words(code: int | None, cause: str) -> None:
    assert Death(code).cause == cause


WORDS = f"""loading
Fatal Python error: Segmentation fault

Stack (most recent call first):
  File "/usr/lib/python3.12/ctypes/__init__.py", line 519 in string_at
  File "/home/me/plugin/model.py", line 7 in infer
  File "/home/me/plugin/plugin.py", line 3 in callback
  File "{PACKAGE}/child/serve.py", line 279 in _run_one
"""


def test_the_line_that_called_native_code() -> None:
    death = Death(-11, WORDS)
    assert death.where(Path("/home/me/plugin")) == "model.py:7"
    assert death.where() == "__init__.py:519"
    assert death.said == "loading"
    assert death.dump.startswith("Fatal Python error")


def test_a_death_without_words() -> None:
    death = Death(1, "just text\n")
    assert (death.where(), death.dump, death.said) == ("", "", "just text")
    ours = f'Fatal Python error: x\n  File "{PACKAGE}/child/serve.py", line 1 in f\n'
    assert Death(-6, ours).where() == ""
