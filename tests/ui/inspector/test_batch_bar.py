from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from desktop_app.core.job import BatchProgress, JobState
from desktop_app.ui.asset.items import Annotations
from desktop_app.ui.inspector.batch_bar import STEPS, how_far_words, how_fast_words
from desktop_app.ui.inspector.panel import Inspector


@pytest.fixture
def inspector(qtbot: Any) -> Inspector:
    made = Inspector()
    qtbot.addWidget(made)
    made.resize(340, 800)
    made.show()
    return made


def test_a_run_over_a_project_has_a_bar_and_can_be_held(qtbot: Any, inspector: Inspector, tools: Any) -> None:
    running = tools.job(tools.profile(), state=JobState.RUNNING)
    inspector.show_job(running, None, Annotations())
    assert not inspector.batch.isVisible()
    told = BatchProgress(done=200, total=800, failed=12, per_second=34.0)
    inspector.show_progress(replace(running, progress=(200, 800), batch=told))
    assert inspector.batch.isVisible()
    assert inspector.batch.bar.value() == STEPS // 4
    assert inspector.batch.how_far.text() == "200 of 800 assets, 12 failed"
    assert inspector.batch.how_fast.text() == "34 a second, 18 s left"
    assert inspector.state.whole() == "200 of 800"
    with qtbot.waitSignal(inspector.batch.pause, timeout=10_000) as asked:
        qtbot.mouseClick(inspector.batch.button, Qt.MouseButton.LeftButton)
    assert asked.args == [running.id, True]
    inspector.show_progress(replace(running, batch=replace(told, paused=True)))
    assert inspector.batch.button.toolTip() == "Go on with this run"
    with qtbot.waitSignal(inspector.batch.pause, timeout=10_000) as asked:
        qtbot.mouseClick(inspector.batch.button, Qt.MouseButton.LeftButton)
    assert asked.args == [running.id, False]
    inspector.show_progress(replace(running, state=JobState.DELIVERED))
    assert not inspector.batch.isVisible()


def test_the_words_for_every_moment_of_a_run() -> None:
    assert how_far_words(BatchProgress()) == "Reading the project…"
    assert how_far_words(BatchProgress(1, 2)) == "1 of 2 assets"
    assert how_fast_words(BatchProgress(1, 2)) == ""
    assert how_fast_words(BatchProgress(1, 200, per_second=2.54)) == "2.5 a second, 78 s left"
    assert how_fast_words(BatchProgress(0, 72_000, per_second=10.0)) == "10 a second, 2.0 h left"
    assert how_fast_words(BatchProgress(1, 2, paused=True)) == "Held; what is in the model is finished"
    waiting = BatchProgress(1, 2, per_second=1.0, waiting="The connection to the hub failed")
    assert how_fast_words(waiting) == "Waiting: The connection to the hub failed"
