"""After saving: the script still holds the secret in the clear, and this is what its line would become."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.runner.script_facts import ScriptFacts, read_script
from desktop_app.runner.script_secret import VARIABLE, SecretRemoval, plan_removal, remove_secret
from desktop_app.ui.editor.fields import Card
from desktop_app.ui.editor.findings import Findings
from desktop_app.ui.formats import tr
from desktop_app.ui.theme import mono_font
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button, tool_button

Start = Callable[[Coroutine[Any, Any, Any], str], None]

MASK = "••••••••"
WIDEST = 760


class SecretOffer(QWidget):
    """Shows the line before and after, and changes it only where the person says so.

    Args:
        start: runs a coroutine and shows its errors.

    Signals:
        done: the person has decided.
    """

    done = Signal()

    def __init__(self, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._start = start
        self._facts: ScriptFacts | None = None
        self._removal: SecretRemoval | None = None
        self.saved = label("", "ok", wrap=True)
        self.title = label(tr("Take the secret out of the script?"), "subtitle", wrap=True)
        self.text = label("", "", wrap=True)
        self.before_title, self.before = label("", "muted"), _code(tr("The line now"))
        self.after_title, self.after = label("", "muted"), _code(tr("The line afterwards"))
        self.reveal = tool_button("eye", tr("Show the secret"), checkable=True)
        self.reveal.toggled.connect(lambda _: self._show_lines())
        self.note = label("", "muted", wrap=True)
        self.others = label("", "warn", wrap=True)
        self.outcome = Findings()
        self.leave_button = push_button(tr("Leave it there"), self.done.emit)
        self.replace_button = push_button(tr("Replace it in the script"), self._replace, kind="primary")
        self._lay_out()

    def _lay_out(self) -> None:
        card = Card("")
        card.grid.hide()
        card.setMaximumWidth(WIDEST)
        self.lines = QWidget()
        lines = QGridLayout(self.lines)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setHorizontalSpacing(SPACE)
        lines.setVerticalSpacing(SPACE // 2)
        lines.setColumnStretch(0, 1)
        lines.addWidget(self.before_title, 0, 0)
        lines.addWidget(self.before, 1, 0)
        lines.addWidget(self.reveal, 1, 1)
        lines.setRowMinimumHeight(2, SPACE // 2)
        lines.addWidget(self.after_title, 3, 0)
        lines.addWidget(self.after, 4, 0)
        for part in (self.saved, self.title, self.text, self.lines, self.note, self.others, self.outcome):
            card.column.addWidget(part)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        buttons.addStretch(1)
        buttons.addWidget(self.leave_button)
        buttons.addWidget(self.replace_button)
        card.column.addLayout(buttons)
        middle = QVBoxLayout()
        middle.addWidget(card)
        middle.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        row.addStretch(1)
        row.addLayout(middle, 20)
        row.addStretch(1)

    async def offer(self, facts: ScriptFacts, name: str) -> bool:
        """Works the change out and shows it; False where there is nothing to take out of this file.

        Args:
            name: of the plugin that was saved.
        """
        try:
            removal = await asyncio.to_thread(plan_removal, facts)
        except KnownError:
            return False
        self.saved.setText(tr("✓ {name} is saved. Its secret is in this computer's keychain.").format(name=name))
        self._show(facts, removal)
        return True

    def _show(self, facts: ScriptFacts, removal: SecretRemoval) -> None:
        self._facts, self._removal = facts, removal
        file, line = removal.path.name, removal.number
        self.text.setText(
            tr(
                "It also still stands in {file}, where everybody who gets the file can read it. "
                "Plugdeck does not need it there."
            ).format(file=file)
        )
        self.before_title.setText(tr("Line {number} now").format(number=line))
        self.after_title.setText(tr("Line {number} afterwards").format(number=line))
        self.note.setText(
            tr(
                "Nothing else in the file changes. Started by hand, the script then takes its secret "
                "from the environment variable {variable}."
            ).format(variable=VARIABLE)
            if VARIABLE in removal.after
            else tr("Nothing else in the file changes.")
        )
        self.others.setText(
            tr("The secret also stands in line {numbers}. Look there yourself.").format(
                numbers=", ".join(str(number) for number in removal.others[:10])
            )
        )
        self.others.setVisible(bool(removal.others))
        self.reveal.setChecked(False)
        self.outcome.hide()
        self.leave_button.setText(tr("Leave it there"))
        self.leave_button.setAccessibleName(tr("Leave it there"))
        self._say_action(tr("Replace it in the script"))
        for part in (self.title, self.text, self.lines, self.note, self.replace_button):
            part.show()
        self._show_lines()
        self.replace_button.setFocus()

    def forget(self) -> None:
        """Drops what it knows of the secret."""
        self._facts = self._removal = None
        self.before.clear()
        self.after.clear()

    def _show_lines(self) -> None:
        if self._removal is None or self._facts is None:
            return
        secret = self._facts.secret or ""
        before = self._removal.before
        self.before.setText(before if self.reveal.isChecked() or not secret else before.replace(secret, MASK))
        self.after.setText(self._removal.after)
        for line in (self.before, self.after):
            line.setCursorPosition(0)

    def _say_action(self, text: str) -> None:
        self.replace_button.setText(text)
        self.replace_button.setAccessibleName(text)

    def _replace(self) -> None:
        if self._removal is None:
            self._start(self._look_again(), "look at a script again")
        else:
            self._start(self._make_change(self._removal), "take a secret out of a script")

    async def _make_change(self, removal: SecretRemoval) -> None:
        self.replace_button.setEnabled(False)
        try:
            await asyncio.to_thread(remove_secret, removal)
        except KnownError as error:
            # The file is as it was; what is shown may not be.
            self._removal = None
            self.outcome.fail(error)
            self._say_action(tr("Look at the script again"))
            return
        finally:
            self.replace_button.setEnabled(True)
        self.outcome.tell(tr("The secret is out of {file}.").format(file=removal.path.name), (), ())
        for part in (self.title, self.text, self.lines, self.note, self.replace_button):
            part.hide()
        self.leave_button.setText(tr("Done"))
        self.leave_button.setAccessibleName(tr("Done"))
        self.leave_button.setFocus()

    async def _look_again(self) -> None:
        if self._facts is None:
            return
        try:
            facts = await asyncio.to_thread(read_script, self._facts.path)
            removal = await asyncio.to_thread(plan_removal, facts)
        except KnownError as error:
            self.outcome.fail(error)
            return
        self._show(facts, removal)


def _code(name: str) -> QLineEdit:
    """One line of source; a long one scrolls."""
    text = QLineEdit()
    text.setReadOnly(True)
    text.setFont(mono_font())
    text.setAccessibleName(name)
    return text
