"""Which Python a script runs in: those that were found here, what each lacks, and the command that installs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QProgressBar, QSizePolicy, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.runner.interpreters import Interpreter
from desktop_app.ui.dialogs import choose_files
from desktop_app.ui.editor.fields import Field
from desktop_app.ui.formats import plain, tip, tr
from desktop_app.ui.hosting import Host
from desktop_app.ui.icons import icon
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedCombo, label, push_button, set_kind, tool_button

Start = Callable[[Coroutine[Any, Any, Any], str], None]

BUNDLED = ""
LISTED = 4
"""Modules that are named of those that a Python lacks."""


class PythonField(Field):
    """A choice of interpreters, looked for as soon as the script is known; nothing of the script's is run.

    Args:
        start: runs a coroutine and shows its errors.
    """

    def __init__(self, host: Host, start: Start) -> None:
        self.box = ElidedCombo(least=12)
        super().__init__(tr("Python"), self.box, tr("Choose the environment that has the script's packages."))
        self._host = host
        self._start = start
        self._script: Path | None = None
        self._known: dict[str, Interpreter] = {}
        self._failed: dict[str, str] = {}
        self._turn = 0
        self._task: asyncio.Task[Any] | None = None
        self._searching = False
        self._suggests = False
        self._plain_hint = self._hint
        self.again_button = tool_button("restart", tr("Look for Pythons again"), self.look_again)
        self.other_button = push_button(tr("Other…"), lambda: start(self._choose_other(), "choose a Python"))
        self.other_button.setToolTip(tr("Choose a Python that is not in the list"))
        self.row.addWidget(self.again_button)
        self.row.addWidget(self.other_button)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.state = label("", "muted", wrap=True, selectable=True)
        self.state.hide()
        self.command = QLineEdit()
        self.command.setReadOnly(True)
        self.command.setFont(mono_font())
        self.command.setAccessibleName(tr("Command that installs what is missing"))
        self.copy_button = push_button(tr("Copy"), self._copy, icon="copy")
        self.copy_button.setAccessibleName(tr("Copy the command"))
        self.install = QWidget()
        row = QHBoxLayout(self.install)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE)
        row.addWidget(self.command, 1)
        row.addWidget(self.copy_button)
        self.install.hide()
        column = self.layout()
        if column is not None:
            for part in (self.progress, self.state, self.install):
                column.addWidget(part)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._list()
        self.box.currentIndexChanged.connect(lambda _: self._say_state())
        self.box.activated.connect(lambda _: self.touch())

    # ---- its value ----

    @property
    def value(self) -> str:
        """The program's path, "" for the bundled one."""
        return str(self.box.currentData() or BUNDLED)

    @value.setter
    def value(self, path: str) -> None:
        if self.box.findData(path) < 0:
            self.box.addItem(_short(path), path)
        self.box.setCurrentIndex(self.box.findData(path))
        self._say_state()

    @property
    def problem(self) -> str:
        """Why the chosen Python cannot be used, or ""."""
        path = self.value
        if not path:
            return ""
        if not _is_there(path):
            return tr("This Python is not there any more. Choose another one.")
        return self._failed.get(path, "")

    @property
    def looking(self) -> bool:
        """Whether it is still being found out what there is."""
        return self._searching

    # ---- looking ----

    def look_for(self, script: Path | None, *, suggest: bool = False) -> None:
        """Looks for Pythons that a script could run in.

        Args:
            suggest: takes the best one where the bundled one lacks something and nobody has chosen.
        """
        self._script = script
        self._suggests = suggest
        self.look_again()

    def look_again(self) -> None:
        """Looks anew: something was installed, say."""
        self.cancel()
        self._searching = True
        self.progress.show()
        self._say_state()
        self._start(self._look(self._turn), "look for Pythons")

    def cancel(self) -> None:
        """Ends a search that is under way."""
        self._turn += 1
        self._searching = False
        self.progress.hide()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def clear(self) -> None:
        """Forgets what was found for another script."""
        self.cancel()
        self._known, self._failed, self._script = {}, {}, None
        self._list()
        self.value = BUNDLED

    async def _look(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._task = asyncio.current_task()
        self._failed = {}
        script, chosen = self._script, self.value
        try:
            if chosen and _is_there(chosen):
                await self._look_at(Path(chosen), script)
            for found in await self._host.find_pythons(script):
                self._known[_key(found)] = found
        except KnownError as error:
            self._failed[chosen] = str(error)
        finally:
            if turn == self._turn:
                self._task = None
                self._searching = False
                self.progress.hide()
        if turn == self._turn:
            self._list()
            self._suggest()
            self._say_state()
            self.edited.emit()

    async def _look_at(self, path: Path, script: Path | None) -> None:
        try:
            self._known[str(path)] = await self._host.look_at_python(path, script)
            self._failed.pop(str(path), None)
        except KnownError as error:
            self._known.pop(str(path), None)
            self._failed[str(path)] = str(error)

    async def _choose_other(self) -> None:
        files = await choose_files(self, tr("Choose a Python"), tr("All files (*)"))
        if files:
            await self.take(files[0])

    async def take(self, path: Path) -> None:
        """A Python that the person picked: looked at, then chosen."""
        self.cancel()
        self.touched = True
        self.progress.show()
        try:
            await self._look_at(path, self._script)
        finally:
            self.progress.hide()
        self._list()
        self.value = str(path)
        self.touch()

    def _suggest(self) -> None:
        bundled = self._known.get(BUNDLED)
        if not self._suggests or self.touched or self.value or bundled is None or not bundled.missing:
            return
        complete = [path for path, found in self._known.items() if path and not found.missing]
        if complete:
            self.value = complete[0]

    # ---- what is shown ----

    def _list(self) -> None:
        chosen = self.value
        blocked = self.box.blockSignals(True)
        self.box.clear()
        if BUNDLED not in self._known:
            self.box.addItem(tr("Bundled with Plugdeck"), BUNDLED)
        for path, found in self._known.items():
            self.box.addItem(icon("warn" if found.missing else "check"), _words(found), path)
        if chosen and self.box.findData(chosen) < 0:
            gone = not _is_there(chosen)
            text = tr("{path} (not there any more)") if gone else "{path}"
            self.box.addItem(icon("warn"), text.format(path=_short(chosen)), chosen)
        self.box.setCurrentIndex(max(0, self.box.findData(chosen)))
        self.box.blockSignals(blocked)

    def _say_state(self) -> None:
        found = self._known.get(self.value)
        self.install.hide()
        text = ""
        if self.looking and found is None:
            text = tr("Looking for Pythons and what they have…")
            self._say_as(text, "muted")
        elif found is not None and found.missing and self._script is not None:
            self._say_missing(found)
        elif found is not None and self._script is not None:
            self._say_as(tr("Has every module that the script imports."), "ok")
        else:
            self._say_as("", "muted")
        self.set_hint("" if self.state.text() else self._plain_hint)
        self.box.setToolTip(tip(self.value or self.box.currentText()))
        problem = self.problem
        if problem or self.has_error:
            self.show_error(problem)

    def _say_missing(self, found: Interpreter) -> None:
        names = ", ".join(plain(name, 40) for name in found.missing[:LISTED])
        more = len(found.missing) - LISTED
        if more > 0:
            names = tr("{names} and {count} more").format(names=names, count=more)
        if found.path is None:
            said = tr("Lacks {names}, and nothing can be installed into it. Choose a Python that has them.")
            self._say_as(said.format(names=names), "warn")
            return
        self._say_as(tr("Lacks {names}. This installs what is missing:").format(names=names), "warn")
        self.command.setText(found.remedy)
        self.command.setCursorPosition(0)
        self.command.setToolTip(tip(found.remedy))
        self.install.show()

    def _say_as(self, text: str, kind: str) -> None:
        set_kind(self.state, kind)
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.command.text())
        self.copy_button.setText(tr("Copied"))


def _is_there(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _key(found: Interpreter) -> str:
    return BUNDLED if found.path is None else str(found.path)


def _words(found: Interpreter) -> str:
    if found.path is None:
        text = tr("Python {version} · bundled with Plugdeck").format(version=found.version)
    else:
        kind = {"venv": tr("environment"), "conda": tr("conda")}.get(found.kind, tr("system"))
        if found.kind == "system" and ".pyenv" in found.path.parts:
            kind = "pyenv"
        where = found.prefix if found.kind in ("venv", "conda") else str(found.path)
        text = tr("Python {version} · {kind} · {where}").format(version=found.version, kind=kind, where=_short(where))
    if found.missing:
        names = ", ".join(found.missing[:2]) + (" …" if len(found.missing) > 2 else "")
        text = tr("{python} – lacks {names}").format(python=text, names=names)
    return plain(text, 200)


def _short(path: str) -> str:
    """A path below the person's home with ~, as they would write it."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith((home + "/", home + "\\")) else path
