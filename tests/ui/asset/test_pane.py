from __future__ import annotations

import base64
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QPoint, Qt
from PySide6.QtGui import QColor, QImage

from desktop_app.core.job import JobDetail, JobState, StepTimings
from desktop_app.runner.preview import PreviewChild
from desktop_app.ui.asset.items import Annotations, Layer, annotations_of
from desktop_app.ui.asset.pane import AssetPane, asset_name
from desktop_app.ui.asset.video import why_not
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
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=60_000)
    assert pane.title.whole() == "tray-001.jpg"
    assert sizes == [(record.id, 400, 350)]
    assert pane.chips.texts() == ["Lighting: warm"]
    pane.set_hidden(frozenset({"Lighting"}))
    assert pane.chips.texts() == []
    pane.set_hidden(frozenset())
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
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=60_000)
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
    qtbot.waitUntil(lambda: "damaged" in pane.message.title.text(), timeout=60_000)
    assert "listed" in pane.message.text.text()
    sized = tools.replace(record, id="other", width=400, height=300)
    pane.show_job(sized, annotations_of(tools.detail()))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=60_000)
    assert pane.chips.texts()[-1] == "The volume is damaged or cut short"


def test_a_late_picture_of_another_job_is_not_shown(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    first = tools.job(tools.profile(), 1, asset_path=str(tools.picture(tmp_path / "a.png", 3000, 2000)))
    second = tools.job(tools.profile(), 2)
    pane.show_job(first, Annotations())
    pane.show_job(second, Annotations())
    qtbot.waitUntil(lambda: pane._background.pending == 0)
    assert pane.stack.currentWidget() is pane.message
    pane.clear()
    assert "Waiting" in pane.message.title.text()


def test_pages_and_their_annotations(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "letter"
    pages = [Image.new("RGB", (200, 100), colour) for colour in ("white", "red", "blue")]
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:], resolution=72)
    areas = [
        {"title": "a", "pdf": {"x1": 10, "y1": 10, "x2": 90, "y2": 40, "width": 400, "height": 200, "pageNumber": n}}
        for n in (1, 3)
    ]
    record = tools.job(tools.profile(), asset_path=str(path), asset_type="application/pdf")
    pane.show_job(record, annotations_of(JobDetail(answer={"objects": areas})))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=60_000)
    assert pane.pager.text.text() == "Page 1 of 3"
    qtbot.waitUntil(lambda: pane.view.is_sharp and pane.view._scene is not None, timeout=60_000)
    assert pane.view._scene.annotations.items[0].bounds == (5, 5, 45, 20), "in the size of this page"
    chosen: list[int] = []
    pane.selected.connect(chosen.append)
    pane.select(1)
    assert pane.pager.page == 2, "a selected annotation brings its page"
    qtbot.waitUntil(lambda: not pane._loading.is_reading and pane.view.is_sharp, timeout=60_000)
    assert pane.view._look.filter.page == 2
    middle = pane.view.grab().toImage().pixelColor(pane.view.width() // 2, pane.view.height() // 2)
    assert middle.blue() > 200 > 60 > middle.red()
    qtbot.keyClick(pane.view, Qt.Key.Key_PageUp)
    assert pane.pager.text.text() == "Page 2 of 3"


def test_grey_values_through_a_window(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    values = np.arange(64 * 64, dtype="<u2").reshape(64, 64)
    path = tmp_path / "volume"
    path.write_bytes(b"NRRD0004\ntype: uint16\ndimension: 2\nsizes: 64 64\nencoding: raw\n\n" + values.tobytes())
    pane.show_job(tools.job(tools.profile(), asset_path=str(path), asset_type="application/x-nrrd"), Annotations())
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=60_000)
    assert pane.window_bar.isVisible()
    assert not pane.pager.isVisible()
    before = pane.view._picture.levels[0].pixelColor(32, 32).red()
    pane.window_bar.level.setValue(900)
    qtbot.waitUntil(lambda: not pane._loading.is_reading, timeout=60_000)
    assert pane.view._picture.levels[0].pixelColor(32, 32).red() < before - 50
    pane.window_bar.reset()
    qtbot.waitUntil(lambda: not pane._loading.is_reading, timeout=60_000)
    assert pane.view._picture.levels[0].pixelColor(32, 32).red() == before


def test_sound_with_spans(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    path = tmp_path / "sound"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 16000, "NONE", ""))
        sound.writeframes((np.sin(np.arange(16000) / 5) * 20000).astype("<i2").tobytes())
    spans = [{"title": "hum", "ner": {"start": 0.5, "end": 1.0}}, {"title": "late", "ner": {"start": 0.9, "end": 1.9}}]
    record = tools.job(tools.profile(), asset_path=str(path), asset_type="audio/wav")
    pane.show_job(record, annotations_of(JobDetail(answer={"objects": spans})))
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.sound, timeout=60_000)
    chosen: list[int] = []
    pane.selected.connect(chosen.append)
    for second in (0.6, 1.5, 0.1):
        at = QPoint(round(pane.sound._x(second)), pane.sound.height() - 20)
        qtbot.mouseClick(pane.sound, Qt.MouseButton.LeftButton, pos=at)
    assert chosen == [0, 1, -1]
    pane.set_hidden(frozenset({"hum"}))
    assert [item.name for item, _ in pane.sound._items] == ["late"]


@pytest.mark.parametrize(("kind", "words"), [("audio/mpeg", "sound"), ("video/mp4", "Videos")])
def test_what_needs_the_extra_says_so(
    pane: Any, qtbot: Any, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    monkeypatch.setitem(sys.modules, "PySide6.QtMultimedia", None)  # as if it were not installed
    why_not.cache_clear()
    # After a picture too: what was seen there does not stand for it.
    picture = tools.picture(tmp_path / "a.png")
    pane.show_job(tools.job(tools.profile(), asset_path=str(picture)), Annotations())
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=60_000)
    path = tmp_path / "x"
    path.write_bytes(b"ID3 nothing of use")
    pane.show_job(tools.job(tools.profile(), 2, asset_path=str(path), asset_type=kind), Annotations())
    qtbot.waitUntil(lambda: words in pane.message.title.text(), timeout=60_000)
    assert "plugdeck[video]" in pane.message.text.text()
    why_not.cache_clear()


def test_brush_masks(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    mask = QImage(400, 350, QImage.Format.Format_ARGB32)
    mask.fill(0)
    for x in range(150, 250):
        for y in range(150, 200):
            mask.setPixelColor(x, y, QColor("#00ff00"))
    memory = QBuffer()
    memory.open(QBuffer.OpenModeFlag.WriteOnly)
    mask.save(memory, "PNG")  # type: ignore[call-overload]
    url = "data:image/png;base64," + base64.b64encode(memory.data().data()).decode()
    record = tools.job(tools.profile(), asset_path=str(tools.picture(tmp_path / "a.png")))
    answer = {"objects": [], "brushDataUrl": url, "medicalBrushDataUrl": "https://store.example/a.seg.nrrd"}
    pane.show_job(record, annotations_of(JobDetail(answer=answer)))
    qtbot.waitUntil(lambda: bool(pane.view._masks), timeout=60_000)
    qtbot.waitUntil(lambda: pane.view.is_sharp, timeout=60_000)
    assert pane.chips.texts() == ["Volume mask: stored on the hub, not shown here"]
    image = pane.view.grab().toImage()
    inside = image.pixelColor(pane.view.width() // 2, pane.view.height() // 2)
    assert inside.green() > inside.red() + 40
    pane.set_layer(Layer.SENT, False)
    assert pane.view._masks == ()


def test_another_job_ends_what_is_being_read(pane: Any, qtbot: Any, tools: Any, tmp_path: Path) -> None:
    pane._loading._child = PreviewChild([sys.executable, "-c", "import time; time.sleep(600)"])
    scan = tmp_path / "scan"
    scan.write_bytes(b"NRRD0004 never read")
    pane.show_job(tools.job(tools.profile(), 1, asset_path=str(scan)), Annotations())
    qtbot.waitUntil(lambda: pane._loading._child.pid is not None, timeout=60_000)
    picture = tools.job(tools.profile(), 2, asset_path=str(tools.picture(tmp_path / "a.png")))
    pane.show_job(picture, Annotations())
    qtbot.waitUntil(lambda: pane.stack.currentWidget() is pane.view, timeout=60_000)
    qtbot.waitUntil(lambda: pane._background.pending == 0, timeout=60_000)
    assert pane._loading._child.pid is None


def test_names(tools: Any) -> None:
    job = tools.job(tools.profile())
    assert asset_name(job) == "tray-001.jpg"
    assert asset_name(tools.replace(job, external_id="")) == "tray-001.jpg"
    assert asset_name(tools.replace(job, external_id="", url="", asset_id="a7")) == "a7"
    assert asset_name(tools.replace(job, external_id="", url="")) == job.session


def test_the_window_opens_without_heavy_libraries() -> None:
    code = "import sys, desktop_app.ui.main_window as _; print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    heavy = {"numpy", "PIL", "pypdfium2", "pydicom", "onnxruntime", "PySide6.QtMultimedia"}
    assert not heavy & set(found.stdout.split())


OPENS_A_PICTURE = """
import sys, threading
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print("numpy in", threading.current_thread().name.partition("_")[0])

app = QApplication(["test"])
from desktop_app.core.job import JobRecord, JobState
from desktop_app.ui.asset.items import Annotations
from desktop_app.ui.asset.pane import AssetPane
from desktop_app.ui.background import Background

sys.meta_path.insert(0, Watch())
background = Background()
pane = AssetPane(background)
pane.show()
loop = QEventLoop()
pane.view.sharp.connect(loop.quit)
QTimer.singleShot(60_000, loop.quit)
record = JobRecord(id="j", session="s", profile_id="p", profile_name="P", state=JobState.DELIVERED,
                   received_at=1.0, updated_at=2.0, asset_path=sys.argv[1], asset_type="image/png")
pane.show_job(record, Annotations())
loop.exec()
print("shown", pane.stack.currentWidget() is pane.view)
background.close()
"""


def test_the_gui_thread_never_waits_for_the_import_of_numpy(tools: Any, tmp_path: Path) -> None:
    path = tools.picture(tmp_path / "a.png")
    command = [sys.executable, "-c", OPENS_A_PICTURE, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert found.stdout.splitlines() == ["numpy in ui", "shown True"]
