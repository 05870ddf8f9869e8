from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

from desktop_app.core.events import Level, LogLine
from desktop_app.store.logfile import KEPT, LogFile, tail


def line(message: str, **more: str) -> LogLine:
    return LogLine(at=time.time(), level=Level.INFO, message=message, **more)


def test_lines_are_written_private_and_without_secrets(tmp_path: Path) -> None:
    file = LogFile(tmp_path, lambda text: text.replace("secret", "•••"))
    file.append([line("one secret", profile_name="Cars", session="s1"), line("two", details="Traceback\n  File x")])
    file.append([line("2026-01-01 00:00:00  ERROR  forged\nsecond line")])
    file.close()
    text = file.path.read_text("utf-8")
    assert "INFO  Cars  app  s1  one •••" in text
    assert "two\n    Traceback\n      File x" in text
    assert "\n    second line" in text, "what a script prints never begins a line of ours"
    if os.name == "posix":
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert not [thread for thread in threading.enumerate() if thread.name == "plugdeck-log"]


def test_files_rotate_and_the_tail_spans_them(tmp_path: Path) -> None:
    file = LogFile(tmp_path, str, limit=20_000, kept=KEPT)
    for number in range(3000):
        file.append([line(f"line {number}")])
    file.close()
    files = sorted(tmp_path.glob("plugdeck.log*"))
    assert len(files) == KEPT + 1
    assert all(path.stat().st_size <= 20_000 for path in files)
    text = tail(tmp_path, 30_000)
    assert text.rstrip().endswith("line 2999")
    assert len(text.encode()) <= 30_000
    numbers = [int(row.rsplit(" ", 1)[1]) for row in text.splitlines()[1:]]
    assert numbers == list(range(numbers[0], 3000))
    assert len(numbers) > 400


def test_a_folder_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "gone", str)
    file.append([line("x")] * 10)
    file.close()
    assert tail(tmp_path / "gone", 100) == ""
