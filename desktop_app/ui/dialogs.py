"""Dialogs one can await: they open without a loop of their own, which would stop every coroutine (qasync)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop_app.ui.icons import pixmap
from desktop_app.ui.theme import tokens
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button


async def finished(dialog: QDialog) -> int:
    """Opens a dialog over its window and waits until the person has answered it."""
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def settle(code: int) -> None:
        if not answered.done():
            answered.set_result(code)

    dialog.finished.connect(settle)
    dialog.setWindowModality(Qt.WindowModality.WindowModal)
    dialog.open()
    try:
        return await answered
    finally:
        dialog.close()
        dialog.deleteLater()


class Question(QDialog):
    """A sentence, what it means, and two buttons named after what they do."""

    def __init__(
        self, parent: QWidget, title: str, text: str, yes: str, no: str, *, danger: bool = False, icon: str = "help"
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        picture = QLabel()
        picture.setPixmap(
            pixmap(icon, 32, tokens().error if danger else tokens().accent_text, self.devicePixelRatioF())
        )
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(SPACE)
        words.addWidget(label(title, "subtitle", wrap=True))
        body = label(text, "muted", wrap=True)
        body.setMinimumWidth(340)
        words.addWidget(body)
        top = QHBoxLayout()
        top.setSpacing(2 * SPACE)
        top.addWidget(picture)
        top.addLayout(words, 1)
        self.yes = push_button(yes, self.accept, kind="danger" if danger else "primary")
        self.no = push_button(no, self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        buttons.addStretch(1)
        buttons.addWidget(self.no)
        buttons.addWidget(self.yes)
        # The harmless answer is the one that Enter gives.
        safe = self.no if danger else self.yes
        safe.setDefault(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        column.setSpacing(3 * SPACE)
        column.addLayout(top)
        column.addLayout(buttons)
        safe.setFocus()


async def ask(
    parent: QWidget, title: str, text: str, *, yes: str, no: str, danger: bool = False, icon: str = "help"
) -> bool:
    """Asks a question; True for the first button."""
    question = Question(parent, title, text, yes, no, danger=danger, icon="warn" if danger else icon)
    return await finished(question) == QDialog.DialogCode.Accepted


async def choose_files(parent: QWidget, title: str, patterns: str, *, many: bool = False) -> list[Path]:
    """Lets a person pick files; empty when they change their mind."""
    dialog = QFileDialog(parent, title)
    dialog.setNameFilter(patterns)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles if many else QFileDialog.FileMode.ExistingFile)
    if await finished(dialog) != QDialog.DialogCode.Accepted:
        return []
    return [Path(name) for name in dialog.selectedFiles()]


async def choose_target(parent: QWidget, title: str, name: str, patterns: str) -> Path | None:
    """Lets a person say where a file goes."""
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilter(patterns)
    # Not where the app happens to run.
    dialog.setDirectory(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    dialog.selectFile(name)
    if await finished(dialog) != QDialog.DialogCode.Accepted or not dialog.selectedFiles():
        return None
    return Path(dialog.selectedFiles()[0])


async def choose_folder(parent: QWidget, title: str) -> Path | None:
    """Lets a person pick a folder."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    if await finished(dialog) != QDialog.DialogCode.Accepted or not dialog.selectedFiles():
        return None
    return Path(dialog.selectedFiles()[0])
