from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QWidget

from desktop_app.core.job import JobDetail, JobState, StepTimings
from desktop_app.jobs.answer import Built
from desktop_app.ui.asset.items import Annotations, annotations_of
from desktop_app.ui.inspector.panel import Inspector
from desktop_app.ui.inspector.waterfall import Waterfall


@pytest.fixture
def inspector(qtbot: Any) -> Any:
    inspector = Inspector()
    qtbot.addWidget(inspector)
    inspector.resize(340, 800)
    inspector.show()
    return inspector


def test_a_delivered_job(inspector: Any, tools: Any) -> None:
    detail = tools.detail()
    counted = Built(detail.answer, None).objects
    inspector.show_job(tools.job(tools.profile(), objects=counted, dropped=3), detail, annotations_of(detail))
    assert inspector.state.whole().startswith("delivered in ")
    assert not inspector.error.isVisible()
    assert inspector._facts["answered"][1].whole() == "8 annotations, 3 dropped"
    assert inspector.tabs.names[0] == "Annotations 8", "the facts and the list count the same"
    assert inspector.tabs.names[1] == "Notes 2"
    inspector.tabs.setCurrentWidget(inspector.received)
    assert inspector.received.edit.toPlainText().startswith("{")
    assert "should never show" not in inspector.received.edit.toPlainText()
    inspector.tabs.setCurrentWidget(inspector.sent)
    assert '"response"' in inspector.sent.edit.toPlainText()
    inspector.copy_button.click()
    assert QGuiApplication.clipboard().text() == "s0001a1b2c3d4"


def test_every_tab_keeps_its_place_in_a_narrow_window(inspector: Any, tools: Any) -> None:
    detail = tools.detail()
    inspector.show_job(tools.job(tools.profile()), detail, annotations_of(detail))
    tabs, bar = inspector.tabs, inspector.tabs.tabBar()
    tabs.rename(0, "Annotationen 12")
    for width in (248, 900):
        inspector.resize(width, 700)
        for place in range(tabs.count()):
            tabs.setCurrentIndex(place)
            right = max(bar.tabRect(one).right() for one in range(tabs.count()))
            assert right < inspector.width(), f"tab {place} at {width}"
            assert tabs.tabText(place) == tabs.names[place], "the one that is shown says its name"
            wanted = bar.fontMetrics().horizontalAdvance(tabs.tabText(place))
            assert bar.tabRect(place).width() > wanted
            for one in range(tabs.count()):
                assert tabs.tabText(one) or (not tabs.tabIcon(one).isNull() and tabs.tabToolTip(one))
    assert [tabs.tabText(one) for one in range(tabs.count())] == list(tabs.names), "there is room for all"


def test_a_classification_of_the_asset_is_listed(inspector: Any, tools: Any) -> None:
    detail = tools.detail([])
    inspector.show_job(tools.job(tools.profile(), objects=1), detail, annotations_of(detail))
    assert inspector.tabs.names[0] == "Annotations 1"
    model = inspector.tree_model
    (group,) = (model.index(row, 0) for row in range(model.rowCount()))
    assert group.data() == "Lighting  1"
    heard: list[int] = []
    inspector.selected.connect(heard.append)
    inspector.tree.setCurrentIndex(model.index(0, 0, group))
    assert inspector.tree.currentIndex().data() == "warm"
    assert heard[-1] == -1, "it lies nowhere on the asset"
    assert model.order() == (), "and is left out where one steps through what does"


def test_a_failed_job_says_why_and_folds_its_traceback(inspector: Any, tools: Any) -> None:
    record = tools.job(tools.profile(), 2, JobState.FAILED, error="The script raised.", details="Traceback\n  x")
    inspector.show_job(record, JobDetail(), Annotations())
    assert inspector.error.text() == "The script raised."
    assert not inspector.details.isVisible()
    inspector.details_button.click()
    assert inspector.details.isVisible()
    assert "Traceback" in inspector.details.toPlainText()


def test_a_running_job_can_be_cancelled(inspector: Any, tools: Any, qtbot: Any) -> None:
    inspector.show_job(tools.job(tools.profile(), 3, JobState.RUNNING), None, Annotations())
    assert inspector.no_annotations.title.text() == "Reading the history…"
    with qtbot.waitSignal(inspector.cancel) as caught:
        inspector.cancel_button.click()
    assert caught.args == ["job-0003"]


def test_what_has_no_answer_yet_is_not_said_to_have_no_annotations(inspector: Any, tools: Any) -> None:
    detail = replace(tools.detail(), answer=None, response=None, predictions=None)
    inspector.show_job(tools.job(tools.profile(), 3, JobState.RUNNING), detail, Annotations())
    assert inspector.no_annotations.title.text() == "No answer yet"
    inspector.show_job(tools.job(tools.profile()), detail, Annotations())
    assert inspector.no_annotations.title.text() == "No annotations"


def test_how_far_a_script_is(inspector: Any, tools: Any) -> None:
    running = tools.job(tools.profile(), 3, JobState.RUNNING)
    inspector.show_job(running, None, Annotations())
    inspector.show_progress(replace(running, id="another", progress=(1, 10)))
    assert inspector.state.whole() == "running"
    inspector.show_progress(replace(running, progress=(3, 10)))
    assert inspector.state.whole() == "3 of 10"
    over = tools.job(tools.profile(), 4)
    inspector.show_job(over, None, Annotations())
    said = inspector.state.whole()
    inspector.show_progress(over)
    assert inspector.state.whole() == said, "a job that is looked at again keeps its time"


def test_a_tested_file_claims_no_delivery(inspector: Any, tools: Any) -> None:
    inspector.show_job(tools.job(tools.profile(), replay_of="job-0001"), JobDetail(), Annotations())
    assert "nothing was sent" in inspector.state.whole()


def test_selection_both_ways(inspector: Any, tools: Any) -> None:
    detail = tools.detail()
    inspector.show_job(tools.job(tools.profile()), detail, annotations_of(detail))
    heard: list[int] = []
    inspector.selected.connect(heard.append)
    inspector.select(3)
    assert inspector.tree_model.item(inspector.tree.currentIndex()).index == 3
    assert heard == [], "a selection from the asset is not sent back to it"
    inspector.tree.setCurrentIndex(inspector.tree_model.index_of(1))
    assert heard == [1]


def test_the_slider_filters_raw_predictions(inspector: Any, tools: Any) -> None:
    detail = tools.detail()
    inspector.show_job(tools.job(tools.profile()), detail, annotations_of(detail))
    heard: list[float] = []
    inspector.min_score_changed.connect(heard.append)
    inspector.slider.setValue(50)
    assert heard == [0.5]
    assert inspector.slider_label.text() == "Raw predictions from 0.50: 1 of 2"
    inspector.show_job(tools.job(tools.profile(), 2), JobDetail(), Annotations())
    assert not inspector.slider_box.isVisible()


def test_waterfall(qtbot: Any) -> None:
    waterfall = Waterfall()
    qtbot.addWidget(waterfall)
    waterfall.show_timings(StepTimings(12, 1.5, 38, 2, 9, 64))
    assert "run 38 ms" in waterfall.accessibleName()
    assert waterfall.sizeHint().height() == 100
    assert waterfall._spans(waterfall._steps())[-1] == (53.5, 62.5)
    waterfall.show_timings(StepTimings(12, 1.5, 38, total=40))
    assert waterfall._spans(waterfall._steps())[1:] == [(1.5, 13.5), (1.5, 39.5)], "a script fetches beside its run"
    assert not waterfall.grab().isNull()
    waterfall.show_timings(StepTimings())
    assert not waterfall.grab().isNull()


def test_the_size_of_a_scripts_picture_is_what_was_seen(inspector: Any, tools: Any) -> None:
    record = tools.job(tools.profile())
    inspector.show_job(record, tools.detail(), annotations_of(tools.detail()))
    facts = {key: value for key, (_, value) in inspector._facts.items()}
    assert facts["size"].isHidden(), "nobody has seen it yet"
    assert facts["type"].whole() == "image/jpeg"
    inspector.show_size(record.id, 1200, 900)
    assert facts["size"].whole() == "1200 × 900 px"
    inspector.show_job(tools.job(tools.profile(), 2), None, annotations_of(tools.detail()))
    assert facts["size"].isHidden(), "another job's"
    known = tools.job(tools.profile(), 3, width=640, height=480)
    inspector.show_job(known, None, annotations_of(tools.detail()))
    assert facts["size"].whole() == "640 × 480 px"


def test_replay_and_curl(inspector: Any, tools: Any) -> None:
    record, detail = tools.job(tools.profile()), tools.detail()
    heard: list[Any] = []
    inspector.replay.connect(lambda job, other: heard.append((job, other)))
    inspector.show_job(record, None, Annotations())
    assert not inspector.curl_button.isEnabled()
    inspector.show_job(record, detail, annotations_of(detail))
    inspector.replay_button.click()
    assert heard == [(record, "")]
    inspector.curl_button.click()
    assert '"$API_KEY"' in QGuiApplication.clipboard().text()
    assert "should never show" not in QGuiApplication.clipboard().text()
    tested = tools.job(tools.profile(), 5, replay_of="job-0005")
    inspector.show_job(tested, detail, annotations_of(detail))
    assert not inspector.replay_button.isEnabled(), "a tested file is in no history"


def test_hostile_text_of_a_job_is_shown_as_text(inspector: Any, tools: Any) -> None:
    """Neither HTML nor a format string nor a path: what a job says stands there letter by letter."""
    hostile = "<b>x</b><img src='file:///etc/passwd'> %s%n {0.__class__} ../../etc/passwd"
    record = tools.job(tools.profile(), 2, JobState.FAILED, session=hostile, error=hostile, details=hostile)
    detail = replace(tools.detail(), answer={"objects": [], "classifications": [{"title": hostile, "answer": hostile}]})
    inspector.show_job(record, detail, annotations_of(detail))
    assert inspector.error.text() == hostile
    assert inspector.details.toPlainText() == hostile
    shown = [widget for widget in inspector.findChildren(QLabel) if "<img" in widget.text()]
    assert shown
    assert {widget.textFormat() for widget in shown} == {Qt.TextFormat.PlainText}
    tips = [widget.toolTip() for widget in inspector.findChildren(QWidget) if "img" in widget.toolTip()]
    assert tips
    assert not any("<img" in tip or "<b>" in tip for tip in tips), "a tooltip takes what looks like HTML for HTML"
    inspector.copy_button.click()
    assert QGuiApplication.clipboard().text() == hostile
