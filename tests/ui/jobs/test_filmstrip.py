from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.job import JobState
from desktop_app.ui.background import Background
from desktop_app.ui.jobs.filmstrip import KEPT, Filmstrip, FilmstripModel, outcome
from desktop_app.ui.jobs.thumbnails import SIDE, Thumbnails, read_thumbnail


@pytest.fixture
def thumbnails(qapp: Any) -> Any:
    background = Background()
    yield Thumbnails(background)
    background.close()


def test_model(qapp: Any, tools: Any, thumbnails: Any) -> None:
    model = FilmstripModel(thumbnails)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    profile = tools.profile()
    model.take([tools.job(profile, 3), tools.job(profile, 1)])
    model.take([tools.job(profile, 2), tools.job(profile, 4, JobState.RUNNING)])
    assert [record.id for record in model.rows] == ["job-0004", "job-0003", "job-0002", "job-0001"]
    model.take([tools.job(profile, 4)])
    assert model.rows[0].state is JobState.DELIVERED
    model.take([tools.job(profile, number) for number in range(10, KEPT + 50)])
    assert len(model.rows) == KEPT
    model.take([tools.job(profile, 5)])
    assert model.row_of("job-0005") == -1, "older than all that is kept"
    assert "Fasteners" in model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert tester.model() is model


def test_outcomes(tools: Any) -> None:
    profile = tools.profile()
    assert outcome(tools.job(profile)) == "65 ms"
    assert outcome(tools.job(profile, 1, JobState.FAILED)) == "failed"
    assert outcome(tools.job(profile, 1, JobState.QUEUED)) == "waiting"
    assert outcome(replace(tools.job(profile, 1, JobState.RUNNING), progress=(3, 10))) == "3 of 10"


def test_following(qtbot: Any, tools: Any, thumbnails: Any) -> None:
    strip = Filmstrip(thumbnails)
    qtbot.addWidget(strip)
    strip.resize(800, 160)
    strip.show()
    seen: list[str] = []
    strip.chosen.connect(lambda record: seen.append(record.id))
    profile = tools.profile()
    strip.take([tools.job(profile, 1)])
    strip.take([tools.job(profile, 2)])
    strip.take([tools.job(profile, 3, JobState.RUNNING)])
    assert strip.current().id == "job-0002", "the newest that has ended"
    strip.take([tools.job(profile, 3)])
    assert strip.current().id == "job-0003"
    strip.view.setCurrentIndex(strip.model.index(2))
    assert not strip.follow.isChecked()
    strip.take([tools.job(profile, 4)])
    assert strip.current().id == "job-0001", "what a person looks at stays"
    strip.follow.click()
    assert strip.current().id == "job-0004"
    assert strip.select("job-0002")
    assert not strip.select("unknown")
    assert seen[-1] == "job-0002"


def test_thumbnails(qtbot: Any, tools: Any, thumbnails: Any, tmp_path: Path) -> None:
    path = str(tools.picture(tmp_path / "a.jpg", 4000, 1000))
    with qtbot.waitSignal(thumbnails.ready) as caught:
        assert thumbnails.get(path) is None
        assert thumbnails.get(path) is None
    assert caught.args == [path]
    image = thumbnails.get(path)
    assert image is not None
    assert (image.width(), image.height()) == (SIDE.width(), 48)
    assert read_thumbnail(str(tmp_path / "missing")).isNull()
    broken = tmp_path / "x.png"
    broken.write_bytes(b"nothing")
    assert read_thumbnail(str(broken)).isNull()
    strip = Filmstrip(thumbnails)
    qtbot.addWidget(strip)
    strip.show()
    profile = tools.profile()
    strip.take([tools.job(profile, 1, asset_path=path), tools.job(profile, 2, JobState.FAILED, error="no")])
    assert not strip.grab().isNull()


def test_without_following_the_chosen_tile_stays_in_place(qtbot: Any, tools: Any, thumbnails: Any) -> None:
    strip = Filmstrip(thumbnails)
    qtbot.addWidget(strip)
    strip.resize(600, 160)
    strip.show()
    profile = tools.profile()
    strip.take([tools.job(profile, number) for number in range(1, 31)])
    strip.select("job-0028")
    before = strip.view.visualRect(strip.view.currentIndex())
    strip.take([tools.job(profile, 40)])
    strip.take([tools.job(profile, 42), tools.job(profile, 41)])
    assert strip.current().id == "job-0028"
    assert strip.view.visualRect(strip.view.currentIndex()) == before
    strip.view.horizontalScrollBar().setValue(1800)
    first = strip.view.indexAt(QPoint(4, 40)).data()
    strip.take([tools.job(profile, 50)])
    assert strip.view.indexAt(QPoint(4, 40)).data() == first, "scrolled away from the chosen one"
    strip.follow.setChecked(True)
    strip.take([tools.job(profile, 60)])
    assert strip.view.horizontalScrollBar().value() == 0
