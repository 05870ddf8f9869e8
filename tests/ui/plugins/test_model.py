from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.job import JobState
from desktop_app.ui.plugins.model import PluginModel


def test_a_job_told_twice_counts_once(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    profile = tools.profile("V")
    model.put(profile, ProfileStatus(profile.id))
    record = tools.job(profile)
    model.take_job(record)
    model.take_job(record)  # its picture came after its answer
    row = model.find(profile.id)
    assert row is not None
    assert (row.jobs, len(row.bars)) == (1, 1)


def test_what_a_model_runs_on_is_in_the_figures(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    profile = tools.profile("V")
    model.put(profile, ProfileStatus(profile.id))
    row = model.find(profile.id)
    assert row is not None
    assert "runs on" not in row.figures
    row.runs_on = "cuda"
    assert "runs on CUDA" in row.figures


def test_how_far_a_script_is_stands_beside_its_state(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    profile = tools.profile("V")
    model.put(profile, ProfileStatus(profile.id, ProfileState.BUSY, running=1))
    running = tools.job(profile, 1, JobState.RUNNING)
    row = model.find(profile.id)
    assert row is not None
    model.take_job(running)
    assert row.words == "busy 1"
    changed: list[int] = []
    model.dataChanged.connect(lambda first, _: changed.append(first.row()))
    model.take_job(replace(running, progress=(3, 10)))
    assert row.words == "busy 1 · 3 of 10"
    assert changed == [0]
    model.take_job(replace(running, state=JobState.BUILDING))
    assert row.words == "busy 1"


def test_a_plugin_with_a_new_name_moves_and_keeps_all_it_shows(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for name in ("b", "d", "f"):
        model.put(tools.profile(name), ProfileStatus(name))
    removed: list[Any] = []
    model.rowsRemoved.connect(lambda *place: removed.append(place))
    row = model.find("b")
    assert row is not None
    row.runs_on, row.working = "cuda", tools.job(row.profile)
    held = QPersistentModelIndex(model.index(0))
    for name, order in (("c", "cdf"), ("e", "def"), ("g", "dfg"), ("e", "def"), ("a", "adf"), ("d", "ddf")):
        model.put(row.profile.changed(name=name), ProfileStatus("b"))
        assert "".join(one.profile.name for one in model.rows) == order
        assert held.data(Qt.ItemDataRole.DisplayRole) == name
    assert model.find("b") is row
    assert removed == []
    assert tester.model() is model


def test_a_shadow_says_whose_it_is(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    live = tools.profile("Live")
    shadow = tools.profile("Newer", shadow_of=live.id)
    model.put(shadow, ProfileStatus(shadow.id))
    model.put(live, ProfileStatus(live.id))
    assert model.find(shadow.id).short_figures == "shadow of Live"
    model.put(live.changed(name="Renamed"), ProfileStatus(live.id))
    assert "shadow of Renamed: answers along, nothing is sent" in model.index(0).data(
        Qt.ItemDataRole.AccessibleTextRole
    )
    model.remove(live.id)
    assert model.find(shadow.id).short_figures == "shadow of a removed plugin"
    assert tester.model() is model
