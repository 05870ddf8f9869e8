from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.app import _Demos
from desktop_app.core.aio import running_tasks
from desktop_app.core.errors import StoreError
from desktop_app.core.job import JobState
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.paths import DataDir
from desktop_app.ui.dialogs import Question
from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.theme import apply_theme


@pytest.fixture
def opened(run: Any, qapp: QApplication, tmp_path: Path) -> Any:
    """Runs a scenario with the real services, the window, and the demo that its first door begins."""
    apply_theme(qapp, "light")

    def call(scenario: Any) -> None:
        async def whole() -> None:
            host = Host(DataDir(tmp_path / "data"))
            await host.start()
            window = MainWindow(host)
            demos = _Demos(host, window, None, alone=False)
            window.demo_requested.connect(demos.begin)
            window.begin()
            window.show()
            try:
                await scenario(window, host)
            finally:
                await window.end()
                await demos.end(host, 0.0)
                window.close_now()
                window.deleteLater()

        run(whole())

    return call


def test_ones_own_model_answers_the_demos_jobs(opened: Any, tools: Any, tmp_path: Path) -> None:
    model = tmp_path / "my_fasteners.onnx"
    model.write_bytes(resource("demo", "fasteners.onnx").read_bytes())

    async def scenario(window: MainWindow, host: Host) -> None:
        window.welcome.demo_door.click()
        await tools.until(lambda: window.demo.button is not None)
        window.take_files([model])
        form = window.editor.form
        assert form.host.box.currentText() == "The demo hub on this machine"
        assert "Leave empty" in form.secret.message.text()
        # A file is all that is asked of a person here.
        await tools.until(window.editor.start_button.isEnabled)
        window.editor.start_button.click()

        def answered() -> bool:
            rows = window.filmstrip.model.rows
            return any(row.profile_name == "My fasteners" and row.state is JobState.DELIVERED for row in rows)

        await tools.until(answered)
        (own,) = (one for one in host.profiles.all() if one.name == "My fasteners")
        assert own.host == window.demo.url
        record = next(row for row in window.filmstrip.model.rows if row.profile_id == own.id)
        assert record.objects > 0

    opened(scenario)


def test_the_demo_begun_at_the_door_can_be_left(opened: Any, tools: Any) -> None:
    async def scenario(window: MainWindow, host: Host) -> None:
        assert window.pages.currentWidget() is window.welcome
        window.welcome.demo_door.click()
        await tools.until(lambda: window.demo.button is not None)
        assert any("This is the demo" in text for text in window.notices.texts)
        assert not window.toolbar.demo_entry.isEnabled()
        await tools.until(lambda: any(record.state.terminal for record in window.filmstrip.model.rows))
        window.demo.button.leave.trigger()
        await tools.until(lambda: window.demo.button is None)
        # Nothing of it stays: not in the stores, not on the screen.
        assert host.profiles.all() == ()
        assert await host.history.list() == []
        assert window.plugins.model.rows == []
        assert window.filmstrip.model.rows == []
        assert not any("demo" in text for text in window.notices.texts)
        assert window.pages.currentWidget() is window.welcome
        # And it can be had again, from the help menu too.
        assert window.toolbar.demo_entry.isEnabled()
        window.toolbar.demo_entry.trigger()
        await tools.until(lambda: len(window.plugins.model.rows) == 3 and window.demo.button is not None)
        # What a person has changed is asked about.
        (first, *_) = host.profiles.all()
        await host.update_profile(first.changed(name="Mine now"))
        window.demo.button.leave.trigger()
        await tools.until(lambda: any(one.isVisible() for one in window.findChildren(Question)))
        (question,) = (one for one in window.findChildren(Question) if one.isVisible())
        question.no.click()
        await tools.until(lambda: not any(one.isVisible() for one in window.findChildren(Question)))
        assert window.demo.button is not None

    opened(scenario)


def test_a_demo_that_cannot_take_everything_away_ends_all_the_same(
    opened: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(window: MainWindow, host: Host) -> None:
        window.welcome.demo_door.click()
        await tools.until(lambda: window.demo.button is not None)
        url = window.demo.url

        async def full(_: str) -> None:
            raise StoreError("The disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(host.history, "forget", full)
            window.demo.button.leave.trigger()
            await tools.until(lambda: any("The disk is full" in text for text in window.notices.texts))
        assert window.demo.button is None
        assert not any("demo" in text for text in window.notices.texts)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        # It can be had again.
        window.toolbar.demo_entry.trigger()
        await tools.until(lambda: window.demo.button is not None)

    opened(scenario)


def test_a_demo_without_a_port_says_so_and_can_be_tried_again(
    opened: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(window: MainWindow, host: Host) -> None:
        async def none_free(_: DemoHub) -> None:
            raise OSError("no port is free")

        with monkeypatch.context() as patch:
            patch.setattr(DemoHub, "start", none_free)
            window.welcome.demo_door.click()
            await tools.until(lambda: any("Something went wrong" in text for text in window.notices.texts))
            assert len(host.crashes.since(0)) == 1
            await tools.until(lambda: not any(task.get_name() == "demo" for task in running_tasks()))
        window.welcome.demo_door.click()
        await tools.until(lambda: window.demo.button is not None)

    opened(scenario)
