from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget

from desktop_app.core.errors import HubUnreachable
from desktop_app.core.events import Level, ProfileState
from desktop_app.core.job import JobState
from desktop_app.ui.asset.items import Layer
from desktop_app.ui.dialogs import Question
from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.theme import apply_theme, tokens


def test_the_first_start_shows_three_doors(opened: Any, host: Any, tools: Any) -> None:
    async def scenario(window: MainWindow) -> None:
        assert window.pages.currentWidget() is window.welcome
        assert not window.plugins.isVisible()
        asked: list[bool] = []
        window.demo_requested.connect(lambda: asked.append(True))
        window.welcome.demo_door.click()
        assert asked == [True]
        host.put(tools.profile())
        await tools.until(lambda: window.pages.currentWidget() is window.work)
        assert window.plugins.isVisible()
        await host.remove_profile("fasteners")
        await tools.until(lambda: window.pages.currentWidget() is window.welcome)

    opened(scenario)


def test_jobs_are_followed_live(opened: Any, host: Any, tools: Any, tmp_path: Path) -> None:
    profile = tools.profile()
    picture = tools.picture(tmp_path / "a.png")

    async def scenario(window: MainWindow) -> None:
        host.put(profile)
        host.set_state(profile.id, ProfileState.ONLINE)
        host.put_job(tools.job(profile, 1, asset_path=str(picture)), tools.detail())
        await tools.until(lambda: window.inspector.tabs.names[0] == "Annotations 8")
        await tools.until(lambda: window.asset.stack.currentWidget() is window.asset.view)
        assert window.inspector.state.whole().startswith("delivered in")
        await tools.until(lambda: [row.jobs for row in window.plugins.model.rows] == [1])
        host.put_job(tools.job(profile, 2, JobState.FAILED, error="The script raised."))
        await tools.until(lambda: window.inspector.error.text() == "The script raised.")
        running = tools.job(profile, 3, JobState.RUNNING)
        host.put_job(running)
        await tools.until(lambda: len(window.filmstrip.model.rows) == 3)
        window.filmstrip.select(running.id)
        await tools.until(window.inspector.cancel_button.isEnabled)
        window.inspector.cancel_button.click()
        assert host.calls[-1] == ("cancel", "job-0003")

    opened(scenario)


def test_a_flood_of_jobs_is_shown_at_a_pace_and_to_its_end(opened: Any, host: Any, tools: Any) -> None:
    profile = tools.profile()

    async def scenario(window: MainWindow) -> None:
        looked: list[str] = []
        show, pace = window.inspector.show_job, window.hearing._pace
        window.inspector.show_job = lambda record, *rest: (looked.append(record.id), show(record, *rest))[1]
        window.hearing._pace.start = lambda ms: QTimer.start(pace, 1_000_000)
        await tools.until(lambda: bool(host.history.pages))
        host.put(profile)
        for number in range(1, 41):
            host.put_job(tools.job(profile, number), tools.detail())
            window.bridge.flush()
            if number == 2:
                await tools.until(lambda: looked[-1:] == ["job-0002"])
        assert window.plugins.model.rows[0].jobs == 40, "every one is counted at once"
        assert window.filmstrip.current().id == "job-0002"
        assert set(looked) <= {"job-0001", "job-0002"}
        assert pace.isActive()
        QTimer.start(pace, 0)
        await tools.until(lambda: looked[-1] == "job-0040")
        assert set(looked) <= {"job-0001", "job-0002", "job-0040"}
        assert [record.id for record in window.filmstrip.model.rows][:2] == ["job-0040", "job-0039"]

    opened(scenario)


def test_jobs_of_plugins_that_are_gone_come_no_more(opened: Any, host: Any, tools: Any) -> None:
    """What waits for its turn to be shown, or is still on its way, must not bring back what was taken away."""
    profile = tools.profile()

    async def scenario(window: MainWindow) -> None:
        pace = window.hearing._pace
        window.hearing._pace.start = lambda ms: QTimer.start(pace, 1_000_000)
        await tools.until(lambda: bool(host.history.pages))
        host.put(profile)
        for number in range(1, 5):
            host.put_job(tools.job(profile, number), tools.detail())
            window.bridge.flush()
        assert pace.isActive()
        window.hearing.forget(frozenset({profile.id}))
        window.filmstrip.forget(frozenset({profile.id}))
        host.put_job(tools.job(profile, 5), tools.detail())
        window.bridge.flush()
        window.hearing._show_jobs()
        assert window.filmstrip.model.rows == []

    opened(scenario)


def test_list_and_asset_share_their_selection(opened: Any, host: Any, tools: Any, tmp_path: Path) -> None:
    profile = tools.profile()

    async def scenario(window: MainWindow) -> None:
        host.put(profile)
        host.put_job(tools.job(profile, 1, asset_path=str(tools.picture(tmp_path / "a.png"))), tools.detail())
        await tools.until(lambda: window.asset.view.is_sharp and window.asset.view._scene is not None)
        window.asset.view.step(1)
        assert window.inspector.tree_model.item(window.inspector.tree.currentIndex()).index == 0
        window.inspector.tree.setCurrentIndex(window.inspector.tree_model.index_of(4))
        assert window.asset.view.selection == 4
        group = window.inspector.tree_model.index(0, 0)
        window.inspector.tree_model.setData(group, Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
        assert window.asset.view._look is not None
        assert window.asset.view._look.filter.hidden == {"bolt"}
        window.inspector.slider.setValue(40)
        assert window.asset.layer_actions[Layer.PREDICTIONS].isChecked()
        assert window.asset.view._look.filter.min_score == 0.4

    opened(scenario)


def test_the_assets_keys_work_from_the_lists(opened: Any, host: Any, tools: Any, tmp_path: Path, qtbot: Any) -> None:
    profile = tools.profile()

    async def scenario(window: MainWindow) -> None:
        window.activateWindow()
        host.put(profile)
        host.put_job(tools.job(profile, 1, asset_path=str(tools.picture(tmp_path / "a.png"))), tools.detail())
        view, strip = window.asset.view, window.filmstrip.view
        await tools.until(lambda: view.is_sharp and view._scene is not None and window.isActiveWindow())
        strip.setFocus()
        scale = view.scale
        qtbot.keyClick(strip, Qt.Key.Key_1)
        assert view.scale != scale
        qtbot.keyClick(strip, Qt.Key.Key_F)
        assert view.scale == scale
        order = window.inspector.tree_model.order()
        assert list(order) != sorted(order)
        seen = []
        for _ in order:
            qtbot.keyClick(strip, Qt.Key.Key_BracketRight)
            seen.append(view.selection)
        assert tuple(seen) == order, "as listed"
        qtbot.keyClick(strip, Qt.Key.Key_BracketLeft)
        assert view.selection == order[-2]
        qtbot.keyPress(strip, Qt.Key.Key_Space)
        assert view._held
        qtbot.keyRelease(strip, Qt.Key.Key_Space)
        assert not view._held
        window.toolbar.text.setFocus()
        qtbot.keyClicks(window.toolbar.text, "f1] [")
        assert window.toolbar.text.text() == "f1] ["
        assert view.selection == order[-2]

    opened(scenario)


def test_what_was_there_before_is_shown(opened: Any, host: Any, tools: Any) -> None:
    profile = tools.profile()
    host.put(profile)
    # Of today, however shortly after midnight that is.
    host.put_job(tools.job(profile, 1, received_at=time.time() + 3600), tools.detail())
    host.log(tools.line("from yesterday"))

    async def scenario(window: MainWindow) -> None:
        assert window.pages.currentWidget() is window.work
        await tools.until(lambda: len(window.filmstrip.model.rows) == 1)
        await tools.until(lambda: [line.message for line in window.logs.lines_shown()] == ["from yesterday"])
        await tools.until(lambda: window.plugins.model.rows[0].jobs == 1)

    opened(scenario)


def test_plugins_are_started_stopped_and_removed(opened: Any, host: Any, tools: Any) -> None:
    async def scenario(window: MainWindow) -> None:
        host.put(tools.profile("A"))
        host.put(tools.profile("B"))
        await tools.until(lambda: len(window.plugins.model.rows) == 2)
        window.toolbar.start_button.click()
        await tools.until(lambda: window.toolbar.start_button.text() == "Stop all")
        assert host.calls == [("start", "a"), ("start", "b")]
        window.commands.run("restart", "a")
        window.commands.run("stop", "b")
        await tools.until(lambda: host.calls[-2:] == [("restart", "a"), ("stop", "b")])
        host.fail_next = HubUnreachable("The hub does not answer", remedy="Check the network.")
        window.commands.run("start", "b")
        await tools.until(lambda: window.notices.texts == ("The hub does not answer.",))
        for button, left in (("no", 2), ("yes", 1)):
            window.commands.run("remove", "b")
            await tools.until(lambda: _question(window) is not None)
            question = _question(window)
            assert question is not None
            getattr(question, button).click()
            await tools.until(lambda left=left: len(window.plugins.model.rows) == left and _question(window) is None)
        window.commands.run("classes", "a")
        assert QGuiApplication.clipboard().text() == "bolt, nut, washer"

    opened(scenario)


def _question(window: MainWindow) -> Question | None:
    return next((question for question in window.findChildren(Question) if question.isVisible()), None)


def test_a_dropped_model_becomes_a_plugin(opened: Any, host: Any, tools: Any, tmp_path: Path) -> None:
    model = tmp_path / "screws.onnx"
    model.write_bytes(b"x")

    async def scenario(window: MainWindow) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(model))])
        event = QDropEvent(
            QPointF(50, 50),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        window.dropEvent(event)
        assert window.pages.currentWidget() is window.editor
        window.editor.plugin_id.value = "p1"
        window.editor.secret.value = "hush"
        window.editor.check()
        window.editor.start_button.click()
        await tools.until(lambda: [call[0] for call in host.calls] == ["inspect", "add", "start"])
        await tools.until(lambda: window.pages.currentWidget() is window.work)
        profile = host.profiles.all()[0]
        assert host.secrets.kept == {profile.id: "hush"}
        assert window.plugins.selected().id == profile.id
        window.commands.run("edit", profile.id)
        window.editor.name.value = "Renamed"
        window.editor.check()
        window.editor.save_button.click()
        await tools.until(lambda: window.plugins.model.rows[0].profile.name == "Renamed")
        assert host.calls[-1][0] == "update"

    opened(scenario)


def test_an_exported_profile_is_added_and_asks_for_its_secret(
    opened: Any, host: Any, tools: Any, tmp_path: Path
) -> None:
    file = tmp_path / "screws.plugdeck"
    file.write_text(tools.profile("Screws").model_dump_json(), encoding="utf-8")

    async def scenario(window: MainWindow) -> None:
        window.take_files([file])
        await tools.until(lambda: "editor" in vars(window) and window.pages.currentWidget() is window.editor)
        assert window.editor.name.value == "Screws"
        assert window.editor.secret.value == ""
        assert ("import", "screws.plugdeck") in host.calls

    opened(scenario)


def test_dropped_assets_are_tested(opened: Any, host: Any, tools: Any, tmp_path: Path) -> None:
    picture = tools.picture(tmp_path / "a.png")
    detail = tools.detail()
    host.tests = [
        {
            "file": str(picture),
            "answer": detail.answer,
            "response": detail.response,
            "timings_ms": {"total": 41.0},
            "warnings": ["one"],
        }
    ]

    async def scenario(window: MainWindow) -> None:
        window.take_files([picture])
        assert "Add a plugin first." in window.notices.texts
        host.put(tools.profile())
        await tools.until(lambda: len(window.plugins.model.rows) == 1)
        window.take_files([picture])
        await tools.until(lambda: "nothing was sent" in window.inspector.state.whole())
        await tools.until(lambda: window.inspector.tabs.names[1] == "Notes 1")

    opened(scenario)


def test_history_page_and_search(opened: Any, host: Any, tools: Any) -> None:
    profile = tools.profile()
    host.put(profile)
    for number in range(1, 6):
        host.put_job(tools.job(profile, number), tools.detail())

    async def scenario(window: MainWindow) -> None:
        window.toolbar.text.setText("tray-003")
        window.toolbar.text.returnPressed.emit()
        await tools.until(lambda: [r.id for r in window.history.model.rows] == ["job-0003"])
        assert window.toolbar.history.isChecked()
        window.history.view.selectRow(0)
        await tools.until(lambda: window.inspector._facts["asset"][1].whole() == "tray-003.jpg")
        window.history.opened.emit(window.history.model.rows[0])
        assert window.middle.currentWidget() is window.live
        assert not window.filmstrip.follow.isChecked()
        host.log(tools.line("x", Level.INFO, session="s0005a1b2c3d4"))
        window.logs.chosen.emit("s0005a1b2c3d4")
        await tools.until(lambda: window.inspector._facts["asset"][1].whole() == "tray-005.jpg")

    opened(scenario)


def test_both_search_fields_keep_in_step(opened: Any, host: Any, tools: Any, qtbot: Any) -> None:
    profile = tools.profile()
    host.put(profile)
    for number in range(1, 4):
        host.put_job(tools.job(profile, number))

    async def scenario(window: MainWindow) -> None:
        top, own = window.toolbar.text, window.history.text
        qtbot.keyClicks(top, "tray-003")
        await tools.until(lambda: [r.id for r in window.history.model.rows] == ["job-0003"])
        assert window.middle.currentWidget() is window.history
        assert own.text() == "tray-003"
        host.put_job(tools.job(profile, 7))
        host.put_job(tools.job(profile, 8, external_id="tray-0031.jpg"))
        await tools.until(lambda: [r.id for r in window.history.model.rows] == ["job-0008", "job-0003"])
        window._focus_search()
        assert own.selectedText() == "tray-003"
        own.clear()
        assert top.text() == ""
        await tools.until(lambda: len(window.history.model.rows) == 5)
        window.open_editor()
        qtbot.keyClicks(top, "tray")
        await tools.until(lambda: not window.toolbar._typed.isActive())
        assert window.pages.currentWidget() is window.editor, "typing does not take the form away"
        qtbot.keyClick(top, Qt.Key.Key_Return)
        assert window.pages.currentWidget() is window.work
        assert own.text() == "tray"

    opened(scenario)


def test_closing_is_the_apps_business(opened: Any) -> None:
    async def scenario(window: MainWindow) -> None:
        heard: list[bool] = []
        window.close_requested.connect(lambda: heard.append(True))
        window.close()
        assert heard == [True]
        assert window.isVisible()

    opened(scenario)


def test_the_layout_is_remembered(opened: Any) -> None:
    async def scenario(window: MainWindow) -> None:
        window.show_page("live")
        window.resize(790, 600)
        window.top.setSizes([333, 1000])
        text = window.fitting.layout_state()
        sizes = window.top.sizes()
        window.top.setSizes([220, 1000])
        window.fitting.restore_layout(text)
        assert window.top.sizes() == pytest.approx(sizes, abs=2)
        window.fitting.restore_layout("nonsense")
        window.fitting.restore_layout("")

    opened(scenario)


def _in_line(bar: QWidget, width: int) -> bool:
    """Whether a row's widgets neither overlap nor reach beyond its end."""
    shown = [w.geometry() for w in bar.children() if isinstance(w, QWidget) and w.isVisible()]
    shown.sort(key=lambda box: box.left())
    return all(one.right() < two.left() for one, two in pairwise(shown)) and shown[-1].right() <= width


def test_a_small_window_puts_away_what_has_no_room(opened: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())
    host.put_job(tools.job(tools.profile(), 1), tools.detail())

    async def scenario(window: MainWindow) -> None:
        available = window.screen().availableSize()
        assert window.width() <= 0.9 * available.width()
        assert window.height() <= 0.9 * available.height()
        window.setMinimumSize(300, 300)
        window.resize(1440, 900)
        await tools.until(lambda: window.width() == 1440 and window.logs.stack.isVisible())
        assert window.inspector.isVisible()
        assert window.toolbar.brand.isVisible()
        for width, height in ((860, 560), (648, 405)):
            window.resize(width, height)
            await tools.until(lambda width=width, height=height: (window.width(), window.height()) == (width, height))
            await tools.until(lambda: window.logs.stack.isHidden() and window.logs.height() <= 40)
            await tools.until(lambda width=width: _in_line(window.toolbar, width))
        assert not window.inspector.isVisible()
        assert not window.filmstrip.stack.isVisible()
        window.asset.details_button.click()
        assert window.inspector.isVisible(), "it can be drawn out again"
        window.resize(1440, 900)
        await tools.until(lambda: window.logs.stack.isVisible() and window.logs.height() >= 150)

    opened(scenario)


def test_both_themes_and_every_page_can_be_painted(opened: Any, host: Any, tools: Any, qapp: QApplication) -> None:
    host.put(tools.profile())

    async def scenario(window: MainWindow) -> None:
        for theme in ("dark", "light"):
            apply_theme(qapp, theme)  # type: ignore[arg-type]
            for page in ("live", "history", "editor"):
                window.open_editor() if page == "editor" else window.show_page(page)
                assert not window.grab().isNull()
        await tools.until(lambda: not window.history.model.rows)

    opened(scenario)


def test_settings_and_shortcuts(opened: Any, host: Any, tools: Any, qtbot: Any) -> None:
    host.put(tools.profile())

    async def scenario(window: MainWindow) -> None:
        window.toolbar.gear.click()
        assert window.pages.currentWidget() is window.side.settings
        theme: Any = window.side.settings.fields["theme"]
        theme.value = "dark"
        theme.touch()
        await tools.until(lambda: tokens().name == "dark")
        theme.value = "light"
        theme.touch()
        await tools.until(lambda: tokens().name == "light")
        window.toolbar.help.emit()
        assert window.pages.currentWidget() is window.side.shortcuts
        qtbot.keyClick(window.side.shortcuts, Qt.Key.Key_Escape)
        assert window.pages.currentWidget() is window.work
        window.toolbar.runners.emit()
        assert window.pages.currentWidget() is window.side.runners
        qtbot.keyClick(window.side.runners, Qt.Key.Key_Escape)
        assert window.pages.currentWidget() is window.work

    opened(scenario)
    assert host.settings.current.window_state, "the layout was kept at the end"


def test_every_control_has_a_name(opened: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())

    async def scenario(window: MainWindow) -> None:
        nameless = [
            widget
            for kind in (QAbstractButton, QComboBox, QLineEdit)
            for widget in window.findChildren(kind)
            if not widget.accessibleName()
            and not (isinstance(widget, QAbstractButton) and widget.text())
            and not widget.objectName().startswith("qt_")
            and not isinstance(widget.parent(), (QComboBox, QLineEdit))
            and "QAbstractSpinBox" not in [base.__name__ for base in type(widget.parent()).__mro__]
            and type(widget.parent()).__name__ not in ("QTabBar", "QTableView")
        ]
        assert nameless == []

    opened(scenario)


def test_the_window_does_not_import_numpy_before_an_asset() -> None:
    code = "import sys; import desktop_app.ui.main_window; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
