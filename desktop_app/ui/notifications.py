"""Notifications: only for what needs a person, once for each cause, and never while the window is in front."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer

from desktop_app.core.events import ProfileState
from desktop_app.ui.formats import plain, tr
from desktop_app.ui.plugins.model import PluginRow
from desktop_app.ui.states import STANDING

WAITING_S = 60.0
"""Answers that wait for the hub so long need a person."""
LOOK_MS = 5_000
_WELL = (ProfileState.ONLINE, ProfileState.BUSY, ProfileState.STOPPED)


class Notifications(QObject):
    """Decides what is told.

    Args:
        tell: shows (title, text).
        wanted: whether the person wants any.
        in_front: whether the person is looking at the window.
        waiting: how many answers wait for the hub.
    """

    def __init__(
        self,
        tell: Callable[[str, str], object],
        *,
        wanted: Callable[[], bool],
        in_front: Callable[[], bool],
        waiting: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tell = tell
        self._wanted = wanted
        self._in_front = in_front
        self._waiting = waiting
        self._clock = clock
        self._known: dict[str, ProfileState] = {}
        self._waiting_since: float | None = None
        self._waiting_known = False
        self.about = ""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """Begins to look at what waits."""
        self._timer.start()

    def end(self) -> None:
        """Tells nothing any more."""
        self._timer.stop()

    def take(self, rows: Sequence[PluginRow]) -> None:
        """Takes what the plugins are doing."""
        for row in rows:
            state = row.status.state
            if state in _WELL:
                self._known.pop(row.profile.id, None)
            elif state in STANDING and self._known.get(row.profile.id) is not state:
                # Connecting again in between is no news; another trouble is.
                self._known[row.profile.id] = state
                self._say(plain(row.profile.name, 60), _sentence(state, row.status.detail), row.profile.id)

    def look(self) -> None:
        """Sees whether answers wait for the hub, and since when."""
        number = self._waiting()
        if not number:
            self._waiting_since, self._waiting_known = None, False
            return
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        elif not self._waiting_known and self._clock() - self._waiting_since >= WAITING_S:
            self._waiting_known = True
            words = (
                tr("1 answer is waiting for the hub.")
                if number == 1
                else tr("{number} answers are waiting for the hub.").format(number=number)
            )
            self._say(tr("Answers are waiting"), f"{words} {tr('They go out as soon as it can be reached.')}", "")

    def _say(self, title: str, text: str, about: str) -> None:
        # What the person has on the screen counts as told.
        if self._wanted() and not self._in_front():
            self.about = about
            self._tell(title, text)


def _sentence(state: ProfileState, detail: str) -> str:
    words = {
        ProfileState.LOGIN_REFUSED: tr("The hub refuses the login. Check plugin id and secret."),
        ProfileState.NO_SECRET: tr("Its secret is missing. Enter it in the plugin."),
        ProfileState.MODEL_FAILED: tr("Its model cannot be loaded."),
        ProfileState.CRASHED: tr("Its model crashes again and again; it was stopped."),
    }[state]
    return f"{words} {plain(detail, 160)}".strip() if state is ProfileState.MODEL_FAILED else words
