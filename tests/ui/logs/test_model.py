from __future__ import annotations

from typing import Any

from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.events import Level
from desktop_app.ui.logs.model import KEPT, LogModel, LogWanted


def test_filters(qapp: Any, tools: Any) -> None:
    model = LogModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.append(
        [
            tools.line("one", Level.DEBUG),
            tools.line("two", profile_id="a", profile_name="A", session="s1", job_id="j1"),
            tools.line("three", Level.ERROR, profile_id="b", session="s1", details="Traceback of Bob"),
        ]
    )
    shown = lambda: [line.message for line in model.rows]  # noqa: E731
    assert shown() == ["two", "three"]
    for wanted, messages in (
        (LogWanted(min_level=Level.DEBUG), ["one", "two", "three"]),
        (LogWanted(profile_id="a"), ["two"]),
        (LogWanted(min_level=Level.WARNING), ["three"]),
        (LogWanted(job_id="j1", session="s1"), ["two", "three"]),
        (LogWanted(job_id="j1", session="s2"), ["two"]),
        (LogWanted(text="bob"), ["three"]),
        (LogWanted(text="nothing"), []),
    ):
        model.set_wanted(wanted)
        assert shown() == messages, wanted
    model.append([tools.line("nothing at all")])
    assert shown() == ["nothing at all"]
    model.clear()
    assert model.total == 0
    assert tester.model() is model


def test_it_stays_bounded(qapp: Any, tools: Any) -> None:
    model = LogModel()
    line = tools.line("x")
    for _ in range(60):
        model.append([line] * 1000)
    assert model.total <= KEPT * 1.1
    assert len(model.rows) <= KEPT * 1.1
    model.prepend([line] * KEPT)
    assert model.total <= KEPT * 1.1


def test_text_cannot_break_a_cell(qapp: Any, tools: Any) -> None:
    model = LogModel()
    model.append([tools.line("<b>a</b>\n\x00\x1b[31m" + "x" * 10_000, details="y")])
    text = model.index(0, 5).data()
    assert text.startswith("<b>a</b> ")
    assert len(text) < 2100
    assert "\x1b" not in text
