from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.job import JobDetail, JobState, StepTimings
from desktop_app.ui.asset.items import Annotations, Layer, annotations_of
from desktop_app.ui.asset.pane import AssetPane, asset_name
from desktop_app.ui.background import Background


@pytest.fixture
def pane(qtbot: Any) -> Any:
    background = Background()
    pane = AssetPane(background)
    qtbot.addWidget(pane)
    pane.resize(700, 500)
    pane.show()
    yield pane
    background.close()


def test_a_picture(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    path = tools.picture(tmp_path / "a.png")
    record = tools.job(tools.profile(), asset_path=str(path))
    sizes: list[tuple[str, int, int]] = []
    pane.sized.connect(lambda *size: sizes.append(size))
    pane.show_job(record, annotations_of(tools.detail()))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view)
    assert pane.title.whole() == "tray-001.jpg"
    assert sizes == [(record.id, 400, 350)]
    assert pane._chip_row.isVisible()
    pane.set_layer(Layer.PREDICTIONS, True)
    pane.set_hidden(frozenset({"bolt"}))
    qtbot.waitUntil(lambda: pane.view.is_sharp)
    assert pane.view._look.filter.layers == {Layer.SENT, Layer.PREDICTIONS}
    assert pane.view._look.filter.hidden == {"bolt"}
    pane.fill_button.click()
    pane.label_button.click()
    assert (pane.view._look.fill, pane.view._look.labels) == (False, False)


def test_text_with_spans(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_text("\U0001f600 Alice <b>lives</b> in Paris", encoding="utf-8")
    record = tools.job(tools.profile(), asset_path=str(path), asset_type="text/plain")
    detail = JobDetail(answer={"objects": [{"title": "name", "ner": {"start": 2, "end": 7}}]})
    pane.show_job(record, annotations_of(detail))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.text)
    assert "<b>lives</b>" in pane.text.toPlainText()
    (mark,) = pane.text.extraSelections()
    assert mark.cursor.selectedText() == "Alice", "spans count characters, also behind an emoji"
    pane.select(0)
    assert pane.text.textCursor().position() == 3


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        (JobState.FETCHING, "", "Fetching the asset…"),
        (JobState.FAILED, "No such host", "The asset is not here"),
        (JobState.DELIVERED, "", "The asset is not here"),
    ],
)
def test_without_an_asset(pane: Any, tools: Any, state: JobState, error: str, words: str) -> None:
    pane.show_job(tools.job(tools.profile(), 1, state, error=error), Annotations())
    assert pane.stack.currentWidget() is pane.message
    assert pane.message.title.text() == words


def test_a_scripts_asset_may_come_after_its_answer(
    pane: Any, qtbot: Any, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tools.job(tools.profile(), updated_at=time.time(), timings=StepTimings(queue=1.0, run=40.0, total=43.0))
    pane.show_job(job, Annotations())
    assert pane.message.title.text() == "Fetching the asset…"
    there = tools.replace(job, asset_path=str(tools.picture(tmp_path / "late.png")), asset_type="image/png")
    pane.show_job(there, Annotations())
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view)
    monkeypatch.setattr("desktop_app.ui.asset.pane.ON_ITS_WAY_S", 0.2)
    pane.show_job(tools.replace(job, id="never", updated_at=time.time()), Annotations())
    assert pane.message.title.text() == "Fetching the asset…"
    qtbot.waitUntil(lambda: pane.message.title.text() == "The asset is not here")


def test_a_job_that_fails_while_its_asset_is_fetched_says_why(pane: Any, tools: Any) -> None:
    job = tools.job(tools.profile(), 1, JobState.FETCHING)
    pane.show_job(job, Annotations())
    pane.show_job(tools.replace(job, state=JobState.FAILED, error="No such host"), Annotations())
    assert pane.message.text.text() == "No such host"


def test_what_cannot_be_shown_says_so(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    path = tmp_path / "volume"
    path.write_bytes(b"NRRD0004")
    record = tools.job(tools.profile(), asset_path=str(path), asset_type="application/x-nrrd")
    pane.show_job(record, Annotations())
    qtbot.waitUntil(lambda: "cannot be shown" in pane.message.title.text())
    assert "listed" in pane.message.text.text()
    sized = tools.replace(record, id="other", width=400, height=300)
    pane.show_job(sized, annotations_of(tools.detail()))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view)


def test_a_late_picture_of_another_job_is_not_shown(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    first = tools.job(tools.profile(), 1, asset_path=str(tools.picture(tmp_path / "a.png", 3000, 2000)))
    second = tools.job(tools.profile(), 2)
    pane.show_job(first, Annotations())
    pane.show_job(second, Annotations())
    qtbot.waitUntil(lambda: pane._background.pending == 0)
    assert pane.stack.currentWidget() is pane.message
    pane.clear()
    assert "Waiting" in pane.message.title.text()


def test_names(tools: Any) -> None:
    job = tools.job(tools.profile())
    assert asset_name(job) == "tray-001.jpg"
    assert asset_name(tools.replace(job, external_id="")) == "tray-001.jpg"
    assert asset_name(tools.replace(job, external_id="", url="", asset_id="a7")) == "a7"
    assert asset_name(tools.replace(job, external_id="", url="")) == job.session
