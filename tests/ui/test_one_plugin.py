from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtTest import QTest

from desktop_app.ui.main_window import MainWindow


@pytest.fixture
def opened(opened: Any, host: Any, tools: Any) -> Any:
    """Runs a scenario with a window that shows three jobs of each of two plugins, which took turns."""
    profiles = [tools.profile(name) for name in ("Bolts", "Nuts")]
    for profile in profiles:
        host.put(profile)
    for number in range(6):
        host.put_job(tools.job(profiles[number % 2], number + 1))

    def call(scenario: Any) -> None:
        async def shown(window: MainWindow) -> None:
            await tools.until(lambda: len(window.filmstrip.model.rows) == 6)
            await scenario(window, profiles)

        opened(shown)

    return call


def shown(window: MainWindow) -> list[str]:
    return [record.id for record in window.filmstrip.model.rows]


def test_the_selected_plugin_is_what_the_window_shows(opened: Any, host: Any, tools: Any) -> None:
    async def scenario(window: MainWindow, profiles: list[Any]) -> None:
        bolts, nuts = profiles
        every = shown(window)
        host.log(tools.line("of bolts", profile_id=bolts.id), tools.line("of nuts", profile_id=nuts.id))
        window.plugins.select(bolts.id)
        await tools.until(lambda: shown(window) == ["job-0005", "job-0003", "job-0001"])
        assert window.filmstrip.only.text() == "Bolts"
        assert window.filmstrip.only.isVisible()
        assert window.filmstrip.follow.isChecked(), "it goes on following"
        assert window.viewing._looked_at.id == "job-0005"
        await tools.until(lambda: [line.message for line in window.logs.lines_shown()] == ["of bolts"])
        host.put_job(tools.job(nuts, 7))
        host.put_job(tools.job(bolts, 8))
        await tools.until(lambda: "job-0008" in shown(window))
        assert "job-0007" not in shown(window)
        assert window.filmstrip.current().id == "job-0008"
        # Escape in the list brings back what came in meanwhile, too.
        QTest.keyClick(window.plugins.view, Qt.Key.Key_Escape)
        await tools.until(lambda: shown(window) == ["job-0008", "job-0007", *every])
        assert not window.filmstrip.only.isVisible()
        assert window.logs.plugin.currentData() == ""
        window.plugins.select(nuts.id)
        await tools.until(lambda: window.filmstrip.only.text() == "Nuts")
        window.filmstrip.only.click()
        await tools.until(lambda: len(shown(window)) == 8)
        assert window.plugins.view.selectedIndexes() == []

    opened(scenario)


def test_the_job_that_is_looked_at_stays_if_it_is_of_the_plugin(opened: Any, host: Any, tools: Any) -> None:
    async def scenario(window: MainWindow, profiles: list[Any]) -> None:
        bolts, nuts = profiles
        window.filmstrip.select("job-0003")
        window.plugins.select(bolts.id)
        await tools.until(lambda: len(shown(window)) == 3)
        assert window.viewing._looked_at.id == "job-0003"
        assert window.filmstrip.current().id == "job-0003"
        window.plugins.select(nuts.id)
        await tools.until(lambda: shown(window) == ["job-0006", "job-0004", "job-0002"])
        assert window.viewing._looked_at.id == "job-0006", "the newest of the other plugin"
        # A plugin without jobs shows none of somebody else's.
        washers = tools.profile("Washers")
        host.put(washers)
        await tools.until(lambda: window.plugins.model.find(washers.id) is not None)
        window.plugins.select(washers.id)
        await tools.until(lambda: window.viewing._looked_at is None)
        assert window.filmstrip.empty.title.text() == "No jobs of Washers yet"
        assert window.inspector.stack.currentWidget() is window.inspector.empty
        # Removing it shows all again.
        await host.remove_profile(washers.id)
        await tools.until(lambda: len(shown(window)) == 6)

    opened(scenario)


def test_a_new_name_of_the_selected_plugin_is_said_everywhere(opened: Any, host: Any, tools: Any) -> None:
    async def scenario(window: MainWindow, profiles: list[Any]) -> None:
        bolts = profiles[0]
        window.plugins.select(bolts.id)
        await tools.until(lambda: len(shown(window)) == 3)
        heard: list[str] = []
        window.plugins.chosen.connect(heard.append)
        host.put(bolts.changed(name="Screws"))  # it goes behind the nuts
        await tools.until(lambda: window.filmstrip.only.text() == "Screws")
        assert window.filmstrip.empty.title.text() == "No jobs of Screws yet"
        assert window.plugins.selected().name == "Screws"
        assert window.logs.plugin.currentText() == "Screws"
        assert len(shown(window)) == 3
        assert heard == []
        host.put(profiles[1].changed(name="Rivets"))
        await tools.until(lambda: window.plugins.model.rows[0].profile.name == "Rivets")
        assert window.filmstrip.only.text() == "Screws"

    opened(scenario)


def test_only_a_selection_chooses(opened: Any, tools: Any) -> None:
    async def scenario(window: MainWindow, profiles: list[Any]) -> None:
        heard: list[str] = []
        window.plugins.chosen.connect(heard.append)
        view = window.plugins.view
        # What the focus alone does to a list.
        view.selectionModel().setCurrentIndex(view.model().index(0, 0), QItemSelectionModel.SelectionFlag.NoUpdate)
        assert heard == []
        window.plugins.select(profiles[1].id)
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, view.viewport().height() - 4))
        assert heard == [profiles[1].id, ""]

    opened(scenario)


def test_the_history_is_not_left_for_what_comes_in(opened: Any, host: Any, tools: Any) -> None:
    async def scenario(window: MainWindow, profiles: list[Any]) -> None:
        window.show_page("history")
        await tools.until(lambda: len(window.history.model.rows) == 6)
        window.history.chosen.emit(host.history.records["job-0002"])
        host.put_job(tools.job(profiles[0], 9))
        await tools.until(lambda: "job-0009" in shown(window))
        assert window.viewing._looked_at.id == "job-0002"
        window.show_page("live")
        assert window.viewing._looked_at.id == "job-0009"

    opened(scenario)
