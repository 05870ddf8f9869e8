"""Every page of the window, at the sizes of common laptops: named controls, and no text that is cut off."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
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
    QDialog,
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
from desktop_app.hub.demo.server import DemoHub
from desktop_app.ui.dialogs import Question
from desktop_app.ui.formats import tr
from desktop_app.ui.jobs.export_dialog import ExportDialog
from desktop_app.ui.main_window import MainWindow
from desktop_app.ui.quitting import left_to_do
from desktop_app.ui.run_dialog import RunDialog
from desktop_app.ui.theme import apply_theme
from desktop_app.ui.widgets import ElidedLabel

DIRECT = Qt.FindChildOption.FindDirectChildrenOnly
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


def misheard(widget: QWidget) -> str:
    """Why who hears it knows less of it than who sees it, or ""."""
    if isinstance(widget, QLabel) and not isinstance(widget, ElidedLabel) and widget.text():
        interface = QAccessible.queryAccessibleInterface(widget)
        heard = "" if interface is None else interface.text(QAccessible.Text.Name)
        if not all(line.strip(" →•·").casefold() in heard.casefold() for line in widget.text().splitlines()):
            return f"{widget.text()!r} is heard as {heard!r}"
    # On Linux, the name of a choice is what is chosen; there its description has to say what it is for.
    if isinstance(widget, QComboBox) and not widget.accessibleDescription().startswith(widget.accessibleName()):
        return f"the description {widget.accessibleDescription()!r} does not begin with the name"
    if isinstance(widget, QAbstractButton) and widget.parentWidget() is not None:
        for other in widget.parentWidget().findChildren(QAbstractButton, options=DIRECT):
            same = other is not widget and other.isVisible() and type(other) is type(widget)
            if same and other.accessibleName() == widget.accessibleName() and other.text() == widget.text():
                return "another one beside it is heard the same"
    return ""


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
        QApplication.sendPostedEvents()


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

    unclear: set[str] = set()

    def check(page: str, size: QSize, window: QWidget) -> None:
        for widget in shown(window):
            where = f"{page} at {size.width()} × {size.height()}: {described(widget)}"
            focusable = widget.focusPolicy() is not Qt.FocusPolicy.NoFocus and widget.isEnabled()
            viewport = isinstance(widget.parentWidget(), QAbstractScrollArea)
            control = (focusable or isinstance(widget, QAbstractButton)) and not inner(widget) and not viewport
            if control and (not named(widget) or role(widget) is QAccessible.Role.NoRole):
                nameless.add(where)
            if not inner(widget) and (why := cut(widget)):
                clipped.add(f"{where}: {why}")
            if not inner(widget) and (why := misheard(widget)):
                unclear.add(f"{where}: {why}")

    async def look_at(page: str, dialog: QDialog) -> None:
        dialog.show()
        await settled()
        check(page, dialog.size(), dialog)
        dialog.close()
        dialog.deleteLater()

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
                await settled()
                check(page, size, window)

        try:
            await look("welcome")
            profile, other = tools.profile(), tools.profile("Defects")
            host.put(profile)
            host.put(other)
            host.set_state(profile.id, ProfileState.ONLINE)
            host.set_state(other.id, ProfileState.LOGIN_REFUSED)
            failed = {"error": "The script raised an error.", "asset_path": str(picture)}
            host.put_job(tools.job(profile, 2, JobState.FAILED, **failed), tools.detail())
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
            window.desk.compare(*window.history.model.rows[:2])
            await tools.until(lambda: window.desk.page.stack.currentIndex() == 1, 60)
            await look("compare")
            window.desk.page.ways.setCurrentIndex(1)
            await look("compare, one over the other")
            host.put(other.changed(shadow_of=profile.id))
            again = {"replay_of": "job-0001", "session": "shadow-1", "asset_path": str(picture)}
            host.put_job(tools.job(other, 3, **again), tools.detail())
            window.desk.show_shadows()
            await tools.until(lambda: window.desk.shadows.stack.currentIndex() == 1, 60)
            await look("shadows")
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
            async with DemoHub() as hub:
                hub.add_plugin("plugin-fasteners", "s", class_names=("bolt", "nut", "washer"))
                await look_at("run", RunDialog(hub, {"plugin-fasteners": "Fasteners"}, window))
            await look_at(
                "export", ExportDialog(tr("Export the answers of all delivered jobs that the filters pick"), window)
            )
            words = (left_to_do(3, 2), tr("Wait"), tr("Quit now"))
            await look_at("question", Question(window, tr("Quit Plugdeck?"), *words))
        finally:
            await window.end()
            window.close_now()
            window.deleteLater()

    run(scenario())
    assert not unclear, "\n".join(sorted(unclear))
    assert not nameless, "\n".join(sorted(nameless))
    assert not clipped, "\n".join(sorted(clipped))


@pytest.mark.timeout(600)
def test_every_page_at_200_percent() -> None:
    """The same walk on a screen with twice as many pixels, in a process of its own: Qt takes the scale as it begins."""
    # German words are the longest.
    walk = f"{__file__}::{test_every_page.__name__}[de]"
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist", walk]
    done = subprocess.run(
        command, env={**os.environ, "QT_SCALE_FACTOR": "2"}, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, (
        "\n".join(line for line in done.stdout.splitlines() if line.startswith("E ")) or done.stdout
    )
