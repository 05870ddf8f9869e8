"""The window without a mouse: Tab reaches every control of every page, comes back, and one sees where one is."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QSplitterHandle,
    QTabBar,
    QWidget,
)

from desktop_app.core.events import ProfileState
from desktop_app.core.job import JobState
from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.theme import apply_theme

CONTROLS = (
    *(QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox),
    *(QComboBox, QLineEdit, QPlainTextEdit, QTabBar),
)
MOST = 200
"""Steps within which Tab is back where it began."""


def inner(widget: QWidget) -> bool:
    """Whether Qt made it for a control, which has the focus in its place."""
    parent = widget.parentWidget()
    return isinstance(widget, QHeaderView | QScrollBar | QSplitterHandle) or (
        isinstance(parent, QComboBox | QAbstractSpinBox | QLineEdit | QTabBar)
        or widget.objectName().startswith("qt_")
        or type(widget).__name__ == "QTableCornerButton"
    )


def usable(window: QWidget) -> list[QWidget]:
    """The controls that one sees and can use."""
    return [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and widget.isVisibleTo(window)
        and widget.isEnabled()
        and widget.window() is window
        and not inner(widget)
        and widget.focusProxy() is None
    ]


def beside(widget: QWidget) -> list[QAbstractButton]:
    """The others of its group, from which the arrow keys lead to it."""
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    return group.buttons() if group is not None and group.exclusive() else []


def told(widget: QWidget) -> str:
    return f"{type(widget).__name__}({widget.accessibleName()}) in {type(widget.parentWidget()).__name__}"


def walk(window: MainWindow, page: str) -> list[QWidget]:
    """Presses Tab until it is back; what had the focus, in order."""
    first = QApplication.focusWidget()
    assert first is not None, f"{page}: one is nowhere"
    visited = [first]
    for _ in range(MOST):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        widget = QApplication.focusWidget()
        assert widget is not None, f"{page}: the focus is gone after {told(visited[-1])}"
        assert widget is not visited[-1], f"{page}: {told(widget)} keeps the focus"
        if widget is first:
            return visited
        visited.append(widget)
    raise AssertionError(f"{page}: no way back to {told(first)}; at last {[told(one) for one in visited[-6:]]}")


def parts(window: MainWindow) -> tuple[QWidget, ...]:
    """The parts of the window, as one reads them."""
    return (window.toolbar, window.plugins, window.middle, window.inspector, window.logs)


def test_tab_reaches_everything_on_every_page(
    run: Any, host: Any, tools: Any, qapp: QApplication, tmp_path: Path
) -> None:
    apply_theme(qapp, "light", "comfortable")
    asset = tools.picture(tmp_path / "a.png")
    unseen: dict[str, None] = {}

    def check(window: MainWindow, page: str) -> None:
        order = walk(window, page)
        left_out = [told(widget) for widget in usable(window) if not {widget, *beside(widget)} & set(order)]
        assert not left_out, f"{page}: Tab passes {left_out}"
        # Each part as a whole, in the order in which one reads: never back and forth.
        places = [
            next(number for number, part in enumerate(parts(window)) if part.isAncestorOf(widget))
            for widget in order
            if any(part.isAncestorOf(widget) for part in parts(window))
        ]
        turns = sum(1 for one, other in itertools.pairwise(places) if other < one)
        assert turns <= 1, f"{page}: {[told(widget) for widget in order]}"
        for widget in order:
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            with_focus = widget.grab().toImage()
            (window.toolbar.gear if widget is not window.toolbar.gear else window.toolbar.text).setFocus()
            if widget.grab().toImage() == with_focus:
                unseen[f"{page}: {told(widget)}"] = None

    async def scenario() -> None:
        window = MainWindow(host)
        window.begin()
        window.resize(1440, 900)
        window.show()
        window.activateWindow()
        await tools.until(window.isActiveWindow, 60)

        async def settled() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
                QApplication.sendPostedEvents()

        try:
            await settled()
            assert QApplication.focusWidget() is window.welcome.demo_door
            check(window, "welcome")
            profile = tools.profile()
            host.put(profile)
            host.set_state(profile.id, ProfileState.ONLINE)
            host.put_job(tools.job(profile, 2, asset_path=str(asset)), tools.detail())
            host.put_job(tools.job(profile, 1, JobState.FAILED, error="It failed."), tools.detail())
            host.log(tools.line("a line"))
            await tools.until(lambda: len(window.filmstrip.model.rows) == 2 and bool(window.logs.model.rows), 60)
            window.show_page("live")
            await tools.until(lambda: window.asset.stack.currentWidget() is window.asset.view, 60)
            await settled()
            check(window, "live")
            window.show_page("history")
            await tools.until(lambda: bool(window.history.model.rows), 60)
            await settled()
            check(window, "history")
            window.desk.compare(*(record for record in window.history.model.rows[:2]))
            await tools.until(lambda: window.desk.page.stack.currentIndex() == 1, 60)
            await settled()
            check(window, "compare")
            window.desk.show_shadows()
            await settled()
            check(window, "shadows")
            window.side.show_settings()
            await settled()
            check(window, "settings")
            window.open_editor()
            await settled()
            check(window, "editor")
        finally:
            await window.end()
            window.close_now()
            window.deleteLater()

    run(scenario())
    assert not unseen, "the focus is not to be seen:\n" + "\n".join(unseen)
