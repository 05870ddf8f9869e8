from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.store.crashes import KEPT, CrashReports

TRACE = """Traceback (most recent call last):
  File "/opt/plugdeck/desktop_app/ui/x.py", line {line}, in paint
    self.draw(0x{line}a)
  File "/opt/plugdeck/desktop_app/ui/y.py", line 7, in draw
    raise ValueError
ValueError: no colour {line}
"""

DUMP = """Fatal Python error: Segmentation fault

Thread 0x00007f0a097e56c0 (most recent call first):
  File "/usr/lib/python3.11/{elsewhere}.py", line 81 in _worker

Current thread 0x00007f0a0b1e76c0 (most recent call first):
  File "/opt/plugdeck/desktop_app/ui/x.py", line 3 in paint

Extension modules: x (total: 1)
"""


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrashReports:
    monkeypatch.setattr("desktop_app.store.crashes.QUIET_S", 0.0)
    return CrashReports(tmp_path / "crashes", lambda: ["very-secret-value"])


def test_the_same_failure_counts_up_and_another_does_not(reports: CrashReports) -> None:
    first = reports.write(TRACE.format(line=3), "the window")
    assert reports.write(TRACE.format(line=4711), "the window") == first
    other = reports.write(TRACE.replace("in draw", "in write").format(line=3), "the window")
    assert other != first
    counts = {report.path: report.count for report in reports.all()}
    assert counts == {first: 2, other: 1}
    text = next(report for report in reports.all() if report.path == first).text
    assert "Happened 2 times, first" in text
    assert "4711" in text, "the latest traceback is the one that is kept"
    assert reports.all()[0].headline.startswith("ValueError: no colour")


def test_a_report_is_private_and_holds_no_secret(reports: CrashReports) -> None:
    signed = "https://b.example/a.png?X-Amz-Signature=abcdef0123456789"
    home = Path.home() / "models"
    path = reports.write(TRACE.format(line=1) + f"very-secret-value {signed} {home}", "the window")
    text = path.read_text()
    assert "very-secret-value" not in text
    assert "abcdef0123456789" not in text
    assert str(home) not in text
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_flood_is_counted_and_not_written_each_time(tmp_path: Path) -> None:
    reports = CrashReports(tmp_path, lambda: ())
    path = reports.write(TRACE.format(line=1), "the window")
    before = path.stat().st_mtime_ns
    for _ in range(100):
        reports.write(TRACE.format(line=1), "the window")
    assert path.stat().st_mtime_ns == before
    reports._written.clear()
    reports.write(TRACE.format(line=1), "the window")
    assert reports.all()[0].count == 102


def test_what_a_signal_left_becomes_a_report(reports: CrashReports, tmp_path: Path) -> None:
    folder = tmp_path / "crashes"
    folder.mkdir()
    (folder / "fatal-1.dump").write_text(DUMP.format(elsewhere="thread"))
    (folder / "fatal-2.dump").write_text(DUMP.format(elsewhere="socket"))
    (folder / "fatal-3.dump").write_text("")
    reports.dump.write_text("our own, still open")
    reports.adopt_dumps()
    assert [path.name for path in folder.glob("*.dump")] == [reports.dump.name]
    (report,) = reports.all()
    assert report.count == 2, "where the other threads were is no difference"
    assert report.headline == "Fatal Python error: Segmentation fault"


def test_only_so_many_are_kept_and_new_ones_are_told_apart(reports: CrashReports) -> None:
    for number in range(KEPT + 5):
        path = reports.write(TRACE.replace("in draw", f"in f{number}x").format(line=1), "the window")
        os.utime(path, (number, number))
    assert len(reports.all()) == KEPT
    assert len(reports.since(KEPT)) == 4
    assert reports.since(1e12) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        CrashReports(tmp_path / "file", lambda: ()).write("x", "y")
