from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractSlider

from desktop_app.core.events import Level
from desktop_app.ui.logs.panel import LogPanel, line_text


@pytest.fixture
def panel(qtbot: Any) -> Any:
    panel = LogPanel()
    qtbot.addWidget(panel)
    panel.resize(900, 200)
    panel.show()
    return panel


def test_following_stops_when_one_scrolls_up_and_goes_on_at_the_end(panel: Any, tools: Any, qtbot: Any) -> None:
    bar = panel.view.verticalScrollBar()
    panel.append([tools.line(str(number)) for number in range(200)])
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    bar.triggerAction(QAbstractSlider.SliderAction.SliderPageStepSub)
    assert not panel.follow.isChecked()
    place = bar.value()
    panel.append([tools.line("more")] * 50)
    qtbot.wait(1)
    assert bar.value() == place, "what is being read stays in its place"
    panel.follow.click()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMinimum)
    assert not panel.follow.isChecked()
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMaximum)
    assert panel.follow.isChecked()


def test_filters(panel: Any, tools: Any, qtbot: Any) -> None:
    first, second = tools.profile("A"), tools.profile("B")
    panel.show_plugins([first, second])
    job = tools.job(first, 1)
    panel.append(
        [tools.line("of a", profile_id="a", session=job.session, job_id=job.id), tools.line("of b", profile_id="b")]
    )
    panel.plugin.setCurrentIndex(2)
    assert [line.message for line in panel.lines_shown()] == ["of b"]
    panel.plugin.setCurrentIndex(0)
    panel.show_job(job)
    panel.only_job.click()
    assert [line.message for line in panel.lines_shown()] == ["of a"]
    panel.show_job(tools.job(second, 2))
    assert panel.lines_shown() == []
    assert panel.empty.title.text() == "This job wrote no log line."
    panel.show_job(job)
    panel.level.setCurrentIndex(panel.level.findData(int(Level.ERROR)))
    assert panel.empty.title.text() == "No line passes the filter"
    panel.only_job.click()
    panel.level.setCurrentIndex(panel.level.findData(int(Level.ERROR)))
    assert panel.lines_shown() == []
    panel.level.setCurrentIndex(0)
    panel.text.setText("OF A")
    qtbot.waitUntil(lambda: len(panel.lines_shown()) == 1)
    panel.show_plugins([second])
    assert panel.plugin.currentData() == ""


def test_details_copy_and_sessions(panel: Any, tools: Any, qtbot: Any) -> None:
    line = tools.line("it failed", Level.ERROR, session="s1", details="  File x, line 3")
    panel.append([line, tools.line("fine")])
    panel.view.selectRow(0)
    assert panel.details.isVisible()
    assert "line 3" in panel.details.text.toPlainText()
    panel.copy()
    assert QGuiApplication.clipboard().text() == line_text(line)
    with qtbot.waitSignal(panel.chosen) as caught:
        panel.view.activated.emit(panel.model.index(0, 0))
    assert caught.args == ["s1"]
    panel.view.selectRow(1)
    assert not panel.details.isVisible()


def test_older_lines_come_above(panel: Any, tools: Any) -> None:
    panel.append([tools.line("new")])
    panel.show_older([tools.line("old")])
    assert [line.message for line in panel.lines_shown()] == ["old", "new"]


WORKERS = """plugin.py:42 in annotate
    boxes = model(image)[0].boxes

Traceback (most recent call last):
  File "plugin.py", line 42, in annotate
    boxes = model(image)[0].boxes
  File "/venv/lib/python3.11/site-packages/torch/nn.py", line 7, in call
    raise IndexError
IndexError
"""


def test_a_traceback_is_folded_with_the_scripts_own_line_first(panel: Any, tools: Any) -> None:
    panel.append([tools.line("it failed", Level.ERROR, details=WORKERS), tools.line("short", details="one\ntwo")])
    panel.view.selectRow(0)
    details = panel.details
    assert details.text.toPlainText() == "it failed\nplugin.py:42 in annotate\n    boxes = model(image)[0].boxes"
    assert details.height() <= panel.height() / 2
    details.unfold.click()
    assert details.text.toPlainText() == f"it failed\n{WORKERS}".strip()
    panel.view.selectRow(1)
    assert not details.unfold.isVisible()
    panel.view.selectRow(0)
    assert "site-packages" not in details.text.toPlainText(), "each line opens folded"
