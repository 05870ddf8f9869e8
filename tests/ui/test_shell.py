from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.core.errors import LoginRefused, StoreError
from desktop_app.core.events import ProfileState
from desktop_app.store.crashes import CrashReport
from desktop_app.ui.dialogs import Question
from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.shell import Shell
from desktop_app.ui.theme import apply_theme, roomy
from desktop_app.ui.tray import Tray


class List:
    """What starts at login, in memory."""

    def __init__(self) -> None:
        self.command: list[str] | None = None
        self.refuses = False

    @property
    def is_set(self) -> bool:
        return self.command is not None

    def set(self, command: Sequence[str] | None) -> None:
        if self.refuses:
            raise StoreError("What starts at login cannot be changed", remedy="Check its permissions.")
        self.command = list(command) if command else None


class Stage:
    """A window with its surroundings."""

    def __init__(self, host: Any, *, tray: bool) -> None:
        self.window = MainWindow(host)
        self.quits = 0
        self.autostart = List()
        self.tray = Tray(available=lambda: tray)
        self.shell = Shell(
            self.window, self._quit, autostart=self.autostart, command=("plugdeck", "--in-tray"), tray=self.tray
        )
        self.told: list[str] = []

    def _quit(self) -> None:
        self.quits += 1

    @property
    def questions(self) -> list[Question]:
        return [one for one in self.window.findChildren(Question) if one.isVisible()]


@pytest.fixture
def staged(run: Any, host: Any, qapp: QApplication) -> Any:
    """Runs a scenario with a window and its surroundings; all must end in good order."""
    apply_theme(qapp, "light", "comfortable")

    def call(scenario: Any, *, tray: bool = True, in_tray: bool = False) -> None:
        async def whole() -> None:
            stage = Stage(host, tray=tray)
            stage.shell.begin(in_tray=in_tray)
            stage.window.begin()
            try:
                await scenario(stage)
            finally:
                await stage.shell.end()
                await stage.window.end()
                stage.window.close_now()
                stage.window.deleteLater()

        run(whole())

    return call


def test_closing_asks_once_and_then_goes_to_the_tray(staged: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())

    async def scenario(stage: Stage) -> None:
        stage.window.close()
        await tools.until(lambda: len(stage.questions) == 1, 60)
        stage.questions[0].yes.click()
        await tools.until(lambda: not stage.window.isVisible(), 60)
        assert host.settings.current.close_to_tray is True
        assert stage.quits == 0
        stage.tray.show_window.emit()
        assert stage.window.isVisible()
        stage.window.close()
        assert not stage.window.isVisible()
        assert not stage.questions, "asked once"
        stage.shell.show_window("token")
        assert stage.window.isVisible()
        stage.window.quit_requested.emit()
        assert stage.quits == 1

    staged(scenario)


def test_quit_as_the_answer(staged: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())

    async def scenario(stage: Stage) -> None:
        stage.window.close()
        await tools.until(lambda: len(stage.questions) == 1, 60)
        stage.questions[0].no.click()
        await tools.until(lambda: stage.quits == 1, 60)
        assert host.settings.current.close_to_tray is False

    staged(scenario)


def test_a_desktop_without_a_tray(staged: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())

    async def scenario(stage: Stage) -> None:
        stage.window.close()
        assert stage.quits == 1, "nothing is asked that could not be kept"
        await host.settings.change(close_to_tray=True)
        stage.window.close()
        assert stage.window.isMinimized()
        assert stage.quits == 1
        stage.shell.show_window()
        assert not stage.window.isMinimized()

    staged(scenario, tray=False)


def test_quitting_from_the_tray_with_work_left_shows_the_question(staged: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())

    async def scenario(stage: Stage) -> None:
        assert not stage.window.isVisible(), "it began in the tray"
        host.unfinished = (1, 1)
        stage.tray.quit.emit()
        await tools.until(lambda: len(stage.questions) == 1, 60)
        assert stage.window.isVisible()
        stage.questions[0].no.click()
        await tools.until(lambda: stage.quits == 1, 60)

    staged(scenario, in_tray=True)


def test_start_at_login_follows_its_switch(staged: Any, host: Any, tools: Any) -> None:
    async def scenario(stage: Stage) -> None:
        assert stage.autostart.command is None
        await host.settings.change(start_at_login=True)
        assert stage.autostart.command == ["plugdeck", "--in-tray"]
        stage.autostart.refuses = True
        await host.settings.change(start_at_login=False)
        assert "cannot be changed" in stage.window.notices.texts[0]

    staged(scenario)


def test_a_crash_of_last_time_is_shown_until_it_was_seen(staged: Any, host: Any, tools: Any) -> None:
    host.crashes.reports = [CrashReport(Path("/x/crash-1.txt"), "the whole report", 3, 1000.0, "ValueError: no colour")]

    async def scenario(stage: Stage) -> None:
        (text,) = stage.window.notices.texts
        assert text == "Plugdeck itself failed since you last saw it (3 times): ValueError: no colour"
        stage.window.notices._cards[0].closed.emit()
        await tools.until(lambda: host.settings.current.crashes_seen == 1000.0, 60)

    staged(scenario)

    async def again(stage: Stage) -> None:
        assert stage.window.notices.texts == ()

    staged(again)


def test_states_reach_the_tray_and_errors_bring_their_buttons(staged: Any, host: Any, tools: Any) -> None:
    profile = tools.profile()
    host.put(profile)

    async def scenario(stage: Stage) -> None:
        host.set_state(profile.id, ProfileState.LOGIN_REFUSED)
        await tools.until(lambda: "login refused" in stage.tray.icon.toolTip(), 60)
        host.fail_next = LoginRefused("The hub closes the connection", remedy="Check plugin id and secret.")
        stage.window.commands.run("start", profile.id)
        await tools.until(lambda: bool(stage.window.notices.texts), 60)
        card = stage.window.notices._cards[0]
        buttons = {button.text(): button for button in card.buttons}
        assert list(buttons) == ["Ask the doctor", "Edit the plugin"]
        buttons["Edit the plugin"].click()
        assert stage.window.pages.currentWidget() is stage.window.editor

    staged(scenario)


def test_the_density_is_applied_at_once(staged: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())

    async def scenario(stage: Stage) -> None:
        window = stage.window

        def sizes() -> tuple[int, ...]:
            rows = window.logs.view.verticalHeader().defaultSectionSize()
            return window.plugins.view.sizeHintForRow(0), rows, window.toolbar.start_button.sizeHint().height()

        before = sizes()
        await host.settings.change(density="compact")
        assert roomy(2, 1) == 1
        after = sizes()
        assert all(small < large for small, large in zip(after, before, strict=True)), (before, after)
        await host.settings.change(density="comfortable")

    staged(scenario)
