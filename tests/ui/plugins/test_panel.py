from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.job import JobState
from desktop_app.ui.plugins.delegate import PluginDelegate
from desktop_app.ui.plugins.model import BARS, PluginModel
from desktop_app.ui.plugins.panel import PluginPanel


def test_model(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for name in ("Zebra", "apple", "Mango"):
        model.put(tools.profile(name), ProfileStatus(name.casefold()))
    assert [row.profile.name for row in model.rows] == ["apple", "Mango", "Zebra"]
    model.set_status(ProfileStatus("mango", ProfileState.ONLINE))
    model.set_stats("mango", 213, 2, 38.0)
    model.take_job(tools.job(tools.profile("Mango"), 1))
    row = model.find("mango")
    assert row is not None
    assert row.jobs == 214
    assert row.short_figures == "214 today · 65 ms"
    model.take_job(tools.job(tools.profile("Mango"), 2, JobState.FAILED))
    model.take_job(tools.job(tools.profile("Mango"), 3, JobState.RUNNING))
    assert (row.jobs, row.failed, len(row.bars)) == (215, 3, 2)
    assert model.index(1).data(Qt.ItemDataRole.AccessibleTextRole) == "Mango, online, 215 jobs today · 65 ms"
    renamed = tools.profile("Mango").changed(name="Aardvark")
    model.put(renamed, ProfileStatus("mango"))
    assert model.row_of("mango") == 0
    assert model.rows[0].jobs == 215
    model.remove("mango")
    model.remove("unknown")
    assert len(model.rows) == 2
    assert tester.model() is model


@pytest.fixture
def panel(qtbot: Any, tools: Any) -> Any:
    panel = PluginPanel()
    qtbot.addWidget(panel)
    panel.resize(240, 400)
    panel.show()
    return panel


def test_empty_then_filled(panel: Any, tools: Any, qtbot: Any) -> None:
    assert panel.stack.currentWidget() is panel.empty
    panel.model.put(tools.profile(), ProfileStatus("fasteners"))
    assert panel.stack.currentWidget() is panel.view
    for state in ProfileState:
        panel.model.set_status(ProfileStatus("fasteners", state, crashes=2, retry_at=1))
        assert not panel.grab().isNull()
    panel.model.remove("fasteners")
    assert panel.stack.currentWidget() is panel.empty


def test_commands(panel: Any, tools: Any, qtbot: Any) -> None:
    panel.model.put(tools.profile(), ProfileStatus("fasteners"))
    heard: list[tuple[str, str]] = []
    panel.command.connect(lambda name, profile: heard.append((name, profile)))
    panel.select("fasteners")
    assert panel.selected().name == "Fasteners"
    qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    qtbot.keyClick(panel.view, Qt.Key.Key_Delete)
    panel.view.doubleClicked.emit(panel.model.index(0))
    menu = panel.menu_for(panel.model.rows[0])
    entries = {entry.data(): entry for entry in menu.actions() if entry.data()}
    assert entries["start"].isEnabled()
    assert not entries["stop"].isEnabled()
    for entry in entries.values():
        entry.trigger()
    names = ["edit", "remove", "edit", "start", "test", "classes", "edit", "duplicate", "export", "remove"]
    assert heard == [(name, "fasteners") for name in names]
    panel.model.set_status(ProfileStatus("fasteners", ProfileState.ONLINE))
    menu = panel.menu_for(panel.model.rows[0])
    assert {entry.data(): entry.isEnabled() for entry in menu.actions() if entry.data()}["restart"]


def test_a_plugin_that_goes_hands_its_selection_to_none(panel: Any, tools: Any, qtbot: Any) -> None:
    for name in ("a", "b", "c"):
        panel.model.put(tools.profile(name), ProfileStatus(name))
    heard: list[str] = []
    panel.chosen.connect(heard.append)
    panel.command.connect(lambda name, profile: panel.model.remove(profile))
    # What the focus alone does to a list.
    panel.view.selectionModel().setCurrentIndex(panel.model.index(1), QItemSelectionModel.SelectionFlag.NoUpdate)
    qtbot.keyClick(panel.view, Qt.Key.Key_Delete)
    assert [row.profile.name for row in panel.model.rows] == ["a", "c"]
    assert panel.view.selectedIndexes() == []
    assert heard == []
    panel.select("a")
    qtbot.keyClick(panel.view, Qt.Key.Key_Delete)
    assert heard == ["a", ""]


def test_the_words_come_before_the_bars(qapp: Any) -> None:
    delegate = PluginDelegate()
    font = QFont()
    words = "reconnecting in 12 s"
    need = QFontMetrics(font).horizontalAdvance(words)
    assert delegate._room_for_bars(need + 8, (words, font)) == 0
    assert delegate._room_for_bars(need + 12, (words, font)) == 0, "no single bar"
    some = delegate._room_for_bars(need + 40, (words, font))
    assert 0 < some <= 32
    assert delegate._room_for_bars(1000, (words, font)) == BARS * 4


def test_whatever_can_be_added_is_in_one_menu(panel: Any) -> None:
    heard: list[str] = []
    panel.wanted.connect(heard.append)
    panel.add.connect(lambda: heard.append("form"))
    panel.bring_in.connect(lambda: heard.append("import"))
    for entry in panel.add_menu.actions():
        if not entry.isSeparator():
            entry.trigger()
    assert heard == ["model", "script", "template", "form", "import"]
