"""What counts as a sign of progress in a log line."""

from __future__ import annotations

import pytest

from desktop_app.core.progress import progress_in


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[3/10]", (3, 10)),
        ("tile [ 3 / 10 ] done", (3, 10)),
        ("[0/1] [1/1]", (0, 1)),
        ("[10/10]", (10, 10)),
        ("[11/10]", None),
        ("[0/0]", None),
        ("[-1/10]", None),
        ("3/10", None),
        ("[3 of 10]", None),
        ("[1/99999999999999999999]", None),
        ("[" + "1" * 100_000 + "/", None),
        ("", None),
    ],
)
def test_progress_is_read_from_a_line(line: str, told: tuple[int, int] | None) -> None:
    assert progress_in(line) == told
