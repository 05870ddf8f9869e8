"""The button that logs in at the hub once, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar

from desktop_app.core.errors import KnownError
from desktop_app.core.profile import Profile
from desktop_app.ui.editor.fields import Field
from desktop_app.ui.formats import tr
from desktop_app.ui.hosting import Host
from desktop_app.ui.widgets import push_button

Start = Callable[[Coroutine[Any, Any, Any], str], None]


class ConnectionField(Field):
    """Tests what the form says of the hub; cancellable while it waits.

    Args:
        start: runs a coroutine and shows its errors.

    Signals:
        wanted: the button was pressed; whoever knows the form answers with `test`.
    """

    wanted = Signal()

    def __init__(self, host: Host, start: Start) -> None:
        self.button = push_button("", None, icon="live")
        super().__init__("", self.button)
        self.button.setText(tr("Test connection"))
        self.button.setAccessibleName(self.button.text())
        self.button.clicked.connect(self._pressed)
        self._host = host
        self._start = start
        self._task: asyncio.Task[Any] | None = None
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(160)
        self.progress.hide()
        self.row.setStretchFactor(self.button, 0)
        self.row.addWidget(self.progress)
        self.row.addStretch(1)

    @property
    def running(self) -> bool:
        """Whether a test is under way."""
        return self._task is not None

    def test(self, profile: Profile, secret: str | None) -> None:
        """Begins to test; `secret` None takes the one that is kept."""
        self._start(self._test(profile, secret), "test a connection")

    def cancel(self) -> None:
        """Ends a test that is under way."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def clear(self) -> None:
        """Says nothing: the form has changed, or is another one."""
        self.cancel()
        self._say("", "muted")

    def offer(self, usable: bool) -> None:
        """Whether there is enough to test."""
        self.button.setEnabled(usable or self.running)

    async def _test(self, profile: Profile, secret: str | None) -> None:
        self.cancel()
        self._task = task = asyncio.current_task()
        self._show(tr("Cancel"), tr("Logging in at {host}…").format(host=profile.host), "muted")
        self.progress.show()
        said, kind = "", "muted"
        try:
            said, kind = "✓ " + await self._host.test_connection(profile, secret), "ok"
        except KnownError as error:
            said, kind = str(error), "error"
        finally:
            if self._task is task or self._task is None:
                self._task = None
                self.progress.hide()
                self._show(tr("Test connection"), said, kind)

    def _show(self, button: str, text: str, kind: str) -> None:
        self.button.setText(button)
        self.button.setAccessibleName(button)
        self._say(text, kind)

    def _pressed(self) -> None:
        if self.running:
            self.cancel()
        else:
            self.wanted.emit()
