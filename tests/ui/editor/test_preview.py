from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QWheelEvent

from desktop_app.core.aio import spawn
from desktop_app.core.errors import ModelLoadError
from desktop_app.core.job import StepTimings
from desktop_app.jobs.trial import TrialResult
from desktop_app.ui.background import Background
from desktop_app.ui.editor import preview as preview_module
from desktop_app.ui.editor.preview import Preview, sample_pictures

SCORES = (0.93, 0.6, 0.31, 0.12)


def result(**changes: Any) -> TrialResult:
    predictions = [
        {"class": "bolt", "index": 0, "score": score, "bounding-box": {"x": 10, "y": 10, "width": 40, "height": 30}}
        for score in SCORES
    ]
    answer = {"objects": predictions[:3], "classifications": [], "relations": []}
    values = {
        "file": sample_pictures()[0],
        "answer": answer,
        "predictions": predictions,
        "timings": StepTimings(run=21.0),
        **changes,
    }
    return TrialResult(**values)


@pytest.fixture
def preview(qtbot: Any, host: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(preview_module, "WAIT_MS", 1)
    background = Background()
    preview = Preview(host, lambda work, name: spawn(work, name=name), background)
    qtbot.addWidget(preview)
    preview.resize(600, 480)
    preview.show()
    host.tests = [result()]
    yield preview
    background.close()


def count(preview: Preview) -> str:
    return preview.slider_label.text()


def test_the_slider_filters_without_another_run(preview: Preview, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        profile = tools.profile()
        preview.show_for(profile)
        assert not preview.progress.isHidden()
        await tools.until(lambda: preview.stack.currentWidget() is preview.view)
        assert count(preview) == "From 0.25: 3 of 4"
        assert preview.progress.isHidden()
        heard: list[float] = []
        preview.score_changed.connect(heard.append)
        preview.slider.setValue(50)
        assert count(preview) == "From 0.50: 2 of 4"
        assert heard == [0.5]
        preview.slider.setValue(5)
        assert count(preview) == "From 0.05: 4 of 4"
        # The form follows the slider, and its new confidence is no reason to run again.
        preview.show_for(profile.changed(detection={"confidence": 0.05}))
        await asyncio.sleep(0.02)
        assert len(host.tried) == 1
        preview.show_for(profile.changed(detection={"confidence": 0.05, "iou": 0.9}))
        await tools.until(lambda: len(host.tried) == 2)

    run(scenario())


def test_the_latest_change_wins(preview: Preview, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        gate, ended = asyncio.Event(), []

        async def slow(profile: Any, files: Any, *_: Any) -> Any:
            try:
                await gate.wait()
            except asyncio.CancelledError:
                ended.append(profile.detection.iou)
                raise
            return host.tests

        host.test = slow
        preview.show_for(tools.profile(detection={"iou": 0.1}))
        await tools.until(lambda: preview._task is not None)
        preview.show_for(tools.profile(detection={"iou": 0.2}))
        await tools.until(lambda: ended == [0.1])
        await tools.until(lambda: preview._task is not None)
        gate.set()
        await tools.until(lambda: preview.stack.currentWidget() is preview.view)
        preview.show_for(tools.profile(detection={"iou": 0.3}))
        gate.clear()
        await tools.until(lambda: preview._task is not None)
        preview.hide()
        await tools.until(lambda: ended == [0.1, 0.3])

    run(scenario())


def test_a_picture_of_ones_own_is_dropped(preview: Preview, run: Any, host: Any, tools: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        preview.show_for(tools.profile())
        await tools.until(lambda: len(host.tried) == 1)
        own = tools.picture(tmp_path / "own.png")
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(own))])
        drop = QDropEvent(
            QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        preview.dropEvent(drop)
        await tools.until(lambda: len(host.tried) == 2)
        assert host.tried[-1][1] == own
        assert preview.pictures.currentText() == "own.png"

    run(scenario())


@pytest.mark.parametrize("way", ["raised", "told"])
def test_what_goes_wrong_is_a_card(preview: Preview, run: Any, host: Any, tools: Any, way: str) -> None:
    async def scenario() -> None:
        if way == "raised":
            host.fail_next = ModelLoadError("The class list has 2 names", where="classes", remedy="Correct it.")
        else:
            host.tests = [result(error="The class list has 2 names (classes). Correct it.")]
        preview.show_for(tools.profile())
        await tools.until(lambda: not preview.trouble.isHidden())
        assert preview.trouble.summary.text().startswith("The class list has 2 names (classes).")
        host.tests = [result()]
        preview.show_for(tools.profile(detection={"iou": 0.9}))
        await tools.until(preview.trouble.isHidden)

    run(scenario())


def test_a_classifier_says_its_class(preview: Preview, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        answer = {"objects": [], "classifications": [{"title": "Light", "answer": "Dim"}], "relations": []}
        host.tests = [result(predictions=None, answer=answer)]
        preview.show_for(tools.profile())
        await tools.until(lambda: "Light: Dim" in preview.status.text())

    run(scenario())


def test_the_wheel_scrolls_the_form_until_the_picture_has_the_focus(preview: Preview, run: Any) -> None:
    async def scenario() -> None:
        at = QPointF(10, 10)
        event = QWheelEvent(
            at,
            preview.view.mapToGlobal(at),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        preview.view.wheelEvent(event)
        assert not event.isAccepted()

    run(scenario())
