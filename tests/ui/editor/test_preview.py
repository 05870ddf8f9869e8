from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QWheelEvent

from desktop_app.core.aio import running_tasks, spawn
from desktop_app.core.errors import ModelLoadError
from desktop_app.core.job import StepTimings
from desktop_app.jobs.trial import TrialResult
from desktop_app.ui.background import Background
from desktop_app.ui.editor import preview as preview_module
from desktop_app.ui.editor import preview_worker
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


async def closed(preview: Preview, host: Any, tools: Any) -> None:
    """Hides the preview and waits until no model is loaded any more."""
    preview.hide()
    await tools.until(lambda: len(host.loaded) == len(host.unloaded) and not running_tasks(), 60.0)


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
        assert not preview._soon.isActive()
        preview.show_for(profile.changed(detection={"confidence": 0.05, "iou": 0.9}))
        await tools.until(lambda: len(host.tried) == 2)
        assert host.configs[1] == {"iou": 0.9, "max": 300, "shape": "auto", "confidence": 0.05}
        assert len(host.loaded) == 1, "the model stays loaded"
        await closed(preview, host, tools)

    run(scenario())


def test_one_model_is_kept_and_only_while_it_is_looked_at(preview: Preview, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        preview.show_for(tools.profile())
        await tools.until(lambda: preview.stack.currentWidget() is preview.view)
        assert "first run" in preview.status.text()
        preview.pictures.setCurrentIndex(1)
        preview._picture_chosen()
        await tools.until(lambda: len(host.tried) == 2 and "first run" not in preview.status.text())
        assert len(host.loaded) == 1
        # What the model is loaded with needs another worker; the former one goes first.
        preview.show_for(tools.profile(detection={"classes": ("bolt", "nut", "washer")}))
        await tools.until(lambda: len(host.tried) == 3)
        assert len(host.loaded) == 2
        assert len(host.unloaded) == 1
        await closed(preview, host, tools)
        preview.show()
        await tools.until(lambda: len(host.tried) == 4)
        assert len(host.loaded) == 3
        await closed(preview, host, tools)

    run(scenario())


def test_an_idle_model_leaves_memory_and_comes_back(
    preview: Preview, run: Any, host: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_worker, "IDLE_S", 0.01)

    async def scenario() -> None:
        preview.show_for(tools.profile())
        await tools.until(lambda: len(host.unloaded) == 1)
        preview._picture_chosen()
        await tools.until(lambda: len(host.tried) == 2)
        await closed(preview, host, tools)

    run(scenario())


def test_the_latest_change_wins(preview: Preview, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        host.trial_gate.clear()
        preview.show_for(tools.profile(detection={"iou": 0.1}))
        await tools.until(lambda: len(host.tried) == 1)
        preview.show_for(tools.profile(detection={"iou": 0.2}))
        await tools.until(lambda: preview._task is not None)
        preview.show_for(tools.profile(detection={"iou": 0.3}))
        await tools.until(lambda: preview._task is not None)
        host.trial_gate.set()
        await tools.until(lambda: preview.stack.currentWidget() is preview.view)
        assert [config["iou"] for config in host.configs][-1] == 0.3
        assert preview._shown is not None
        assert preview._shown[0].detection.iou == 0.3
        host.trial_gate.clear()
        preview.show_for(tools.profile(detection={"iou": 0.4}))
        await tools.until(lambda: preview._task is not None)
        await closed(preview, host, tools)

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
        assert len(host.loaded) == 1
        await closed(preview, host, tools)

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
        await closed(preview, host, tools)

    run(scenario())


def test_a_classifier_says_its_class(preview: Preview, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        answer = {"objects": [], "classifications": [{"title": "Light", "answer": "Dim"}], "relations": []}
        host.tests = [result(predictions=None, answer=answer)]
        preview.show_for(tools.profile())
        await tools.until(lambda: "Light: Dim" in preview.status.text())
        await closed(preview, host, tools)

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
