"""Every page of the window, at the sizes of common laptops: named controls, and no text that is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QRadioButton,
    QSplitterHandle,
    QToolButton,
    QWidget,
)

from desktop_app.core.events import Level, ProfileState
from desktop_app.core.job import JobState
from desktop_app.core.profile import Profile
from desktop_app.doctor.finding import Check, Finding, Outcome
from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.theme import apply_theme
from desktop_app.ui.widgets import ElidedLabel

SIZES = (QSize(1280, 800), QSize(1024, 700))


class Care:
    """A doctor who has found something of every kind."""

    async def examine(self, _profiles: Sequence[Profile], tell: Callable[[Finding], None]) -> list[Finding]:
        found = [
            Finding(check, "https://api.ango.ai", outcome, "What was seen, in a sentence.", "What to do about it.")
            for check in Check
            for outcome in Outcome
        ]
        for finding in found:
            tell(finding)
        return found


def inner(widget: QWidget) -> bool:
    """Whether Qt made it for a control of ours (a field's button, a list's corner)."""
    if widget.objectName().startswith("qt_") or isinstance(widget, QSplitterHandle | QMenu):
        return True
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QComboBox | QAbstractSpinBox | QLineEdit):
            return True
        if type(parent).__name__ in ("QTabBar", "QHeaderView"):
            return True
        parent = parent.parentWidget()
    return type(widget).__name__ in ("QTableCornerButton", "QTabBar", "QStackedWidget")


def named(widget: QWidget) -> bool:
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface is not None and bool(interface.text(QAccessible.Text.Name).strip())


def role(widget: QWidget) -> QAccessible.Role:
    interface = QAccessible.queryAccessibleInterface(widget)
    assert interface is not None
    return interface.role()


def described(widget: QWidget) -> str:
    path = []
    node: QWidget | None = widget
    while node is not None and len(path) < 5:
        path.append(f"{type(node).__name__}({node.accessibleName() or node.objectName()})")
        node = node.parentWidget()
    return " < ".join(path)


def cut_label(label: QLabel) -> str:
    text, metrics, room = label.text(), label.fontMetrics(), label.contentsRect()
    if label.wordWrap():
        box = metrics.boundingRect(0, 0, room.width(), 10_000, int(Qt.TextFlag.TextWordWrap), text)
        wide, high = max(metrics.horizontalAdvance(word) for word in text.split() or [""]), box.height()
    else:
        wide = max(metrics.horizontalAdvance(line) for line in text.split("\n"))
        high = metrics.height() * (text.count("\n") + 1)
    fits = wide <= room.width() + 1 and high <= room.height() + 2
    return "" if fits else f"{text!r} needs {wide} × {high}, has {room.width()} × {room.height()}"


def cut(widget: QWidget) -> str:
    """Why a text is not wholly to be read, or ""."""
    text = ""
    if isinstance(widget, QLabel):
        return "" if isinstance(widget, ElidedLabel) or not widget.text() else cut_label(widget)
    if isinstance(widget, QPushButton | QCheckBox | QRadioButton) and widget.text():
        if widget.width() < widget.minimumSizeHint().width() or widget.height() < widget.fontMetrics().height():
            text = widget.text()
    elif isinstance(widget, QToolButton) and widget.text():
        if widget.toolButtonStyle() is not Qt.ToolButtonStyle.ToolButtonIconOnly and (
            widget.width() < widget.sizeHint().width()
        ):
            text = widget.text()
    elif isinstance(widget, QLineEdit) and not inner(widget):
        wide = widget.fontMetrics().horizontalAdvance(widget.placeholderText())
        # What is typed scrolls; what says what to type must fit.
        if widget.placeholderText() and not widget.text() and wide > widget.width() - 8:
            text = widget.placeholderText()
    return f"{text!r} has {widget.width()} × {widget.height()}" if text else ""


def shown(root: QWidget) -> Iterator[QWidget]:
    for widget in root.findChildren(QWidget):
        if widget.isVisibleTo(root) and widget.window() is root.window() and not widget.visibleRegion().isEmpty():
            yield widget


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_page(
    language: str, speaking: Any, run: Any, host: Any, tools: Any, qapp: QApplication, tmp_path: Path
) -> None:
    speaking(language)
    apply_theme(qapp, "light", "comfortable")
    picture = tools.picture(tmp_path / "a.png")
    nameless: set[str] = set()
    clipped: set[str] = set()

    def check(page: str, size: QSize, window: MainWindow) -> None:
        for widget in shown(window):
            where = f"{page} at {size.width()} × {size.height()}: {described(widget)}"
            focusable = widget.focusPolicy() is not Qt.FocusPolicy.NoFocus and widget.isEnabled()
            viewport = isinstance(widget.parentWidget(), QAbstractScrollArea)
            control = (focusable or isinstance(widget, QAbstractButton)) and not inner(widget) and not viewport
            if control and (not named(widget) or role(widget) is QAccessible.Role.NoRole):
                nameless.add(where)
            if not inner(widget) and (why := cut(widget)):
                clipped.add(f"{where}: {why}")

    async def scenario() -> None:
        window = MainWindow(host)
        window.side.care = Care()
        window.setMinimumSize(100, 100)
        window.begin()
        window.show()

        async def look(page: str) -> None:
            for size in SIZES:
                window.resize(size)
                await tools.until(lambda size=size: window.size() == size, 60)
                for _ in range(5):
                    await asyncio.sleep(0)
                    QApplication.sendPostedEvents()
                check(page, size, window)

        try:
            await look("welcome")
            profile, other = tools.profile(), tools.profile("Defects")
            host.put(profile)
            host.put(other)
            host.set_state(profile.id, ProfileState.ONLINE)
            host.set_state(other.id, ProfileState.LOGIN_REFUSED)
            host.put_job(tools.job(profile, 2, JobState.FAILED, error="The script raised an error."), tools.detail())
            host.put_job(tools.job(profile, 1, asset_path=str(picture)), tools.detail())
            host.log(tools.line("it failed", Level.ERROR, details="a\nb\nc\nd\ne\nf"))
            await tools.until(lambda: len(window.filmstrip.model.rows) == 2, 60)
            await tools.until(lambda: bool(window.logs.model.rows), 60)
            window.logs.view.selectRow(0)
            await look("live")
            window.notices.say("What happened.", "What to do.", "details", actions=window.notices.offer_help())
            await look("live with a notice")
            window.show_page("history")
            await tools.until(lambda: bool(window.history.model.rows), 60)
            await look("history")
            window.side.show_settings()
            await look("settings")
            window.side.show_doctor()
            await tools.until(lambda: len(window.side.doctor.findings) > 10, 60)
            await look("doctor")
            await host.settings.change(runners=("http://127.0.0.1:9",))
            window.side.show_runners()
            await tools.until(lambda: bool(window.side.runners.seen), 60)
            await look("runners")
            window.side.show_about()
            await look("about")
            window.side.show_shortcuts()
            await look("shortcuts")
            window.open_editor()
            await look("editor")
        finally:
            await window.end()
            window.close_now()
            window.deleteLater()

    run(scenario())
    assert not nameless, "\n".join(sorted(nameless))
    assert not clipped, "\n".join(sorted(clipped))
