"""Other runners and how they do, as their metrics addresses tell; nothing is ever changed there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QLocale, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_app.core.errors import UsageError
from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.ui.formats import clock, count, duration, plain, tr
from desktop_app.ui.hosting import SettingsKeeper
from desktop_app.ui.side_page import SidePage
from desktop_app.ui.states import profile_words
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import EmptyState, clear_layout, label, push_button, set_kind, tool_button

if TYPE_CHECKING:
    from desktop_app.metrics.watch import RunnerHealth

LOOK_EVERY_S = 5.0
LATE_S = 60.0
"""Answers that wait for the hub's confirmation longer than that are worth a word."""


class Look(Protocol):
    """Asks a runner how it is."""

    def __call__(self, url: str) -> Awaitable[RunnerHealth]: ...


class RunnersPage(SidePage):
    """The list of runners; they are asked while it is in sight.

    Args:
        url_of: makes an address of what a person typed; raises UsageError.
    """

    def __init__(
        self,
        settings: SettingsKeeper,
        look: Look,
        url_of: Callable[[str], str],
        tasks: Tasks,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Runners"), parent)
        self._settings = settings
        self._look = look
        self._url_of = url_of
        self._tasks = tasks
        self._asking: asyncio.Task[None] | None = None
        self.seen: dict[str, RunnerHealth] = {}
        self.address = QLineEdit()
        self.address.setPlaceholderText("10.0.0.7:9464")
        self.address.setAccessibleName(tr("Metrics address of a runner"))
        self.address.setFixedWidth(240)
        self.address.returnPressed.connect(self.add)
        self.add_button = push_button(tr("Add"), self.add, icon="plus")
        self.head.addWidget(self.address)
        self.head.addWidget(self.add_button)
        column = self.card_column(900)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        self.nothing = EmptyState(
            "remote",
            tr("No runners yet"),
            tr("Start one with plugdeck run --metrics ADDRESS:PORT and add that address."),
        )
        self.cards: dict[str, RunnerCard] = {}
        self._column = QVBoxLayout()
        self._column.setSpacing(2 * SPACE)
        column.addWidget(self.error)
        column.addWidget(self.nothing)
        column.addLayout(self._column)
        column.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setInterval(int(LOOK_EVERY_S * 1000))
        self._timer.timeout.connect(self.ask)
        self._show()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The runners that are watched."""
        return self._settings.current.runners

    def add(self) -> None:
        """Watches the runner at the address that was typed."""
        try:
            url = self._url_of(self.address.text())
        except UsageError as error:
            self._complain(str(error))
            return
        self._complain("")
        self.address.clear()
        if url not in self.addresses:
            self._keep((*self.addresses, url))

    def remove(self, url: str) -> None:
        """Watches it no longer."""
        self._keep(tuple(one for one in self.addresses if one != url))

    def ask(self) -> None:
        """Asks all of them, unless that is under way."""
        if self._asking is None and self.addresses:
            self._asking = self._tasks.start(self._ask(), "look at runners")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _keep(self, addresses: tuple[str, ...]) -> None:
        async def keep() -> None:
            await self._settings.change(runners=addresses)
            self._show()
            self.ask()

        self._tasks.start(keep(), "keep runners")

    async def _ask(self) -> None:
        async def one(url: str) -> None:
            seen = await self._look(url)
            if url in self.addresses:
                # Each as it answers: one that is slow keeps no other waiting.
                self.seen[url] = seen
                self._show()

        try:
            await asyncio.gather(*(one(url) for url in self.addresses))
        finally:
            self._asking = None

    def _complain(self, text: str) -> None:
        self.error.setText(plain(text))
        self.error.setVisible(bool(text))

    def _show(self) -> None:
        self.nothing.setVisible(not self.addresses)
        for url in [one for one in self.cards if one not in self.addresses]:
            self.cards.pop(url).deleteLater()
            self.seen.pop(url, None)
        for url in self.addresses:
            if url not in self.cards:
                self.cards[url] = RunnerCard(url, partial(self.remove, url))
                self._column.addWidget(self.cards[url])
            self.cards[url].show_health(self.seen.get(url))


class RunnerCard(QFrame):
    """One runner. What has not changed stays, so that it can be read, and its button pressed, between two looks."""

    def __init__(self, url: str, remove: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._last_answer = 0.0
        self._shown: RunnerHealth | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        head = QHBoxLayout()
        head.addWidget(label(plain(url.partition("://")[2], 120), "subtitle"), 1)
        self.remove = tool_button("remove", tr("Watch {name} no longer").format(name=plain(url, 60)), remove)
        head.addWidget(self.remove)
        column.addLayout(head)
        self.state = label("", "muted", wrap=True)
        column.addWidget(self.state)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(3 * SPACE)
        self.grid.setColumnStretch(0, 1)
        column.addLayout(self.grid)
        self.late = label("", "error", wrap=True)
        self.seen_at = label("", "muted")
        column.addWidget(self.late)
        column.addWidget(self.seen_at)
        self.show_health(None)

    def show_health(self, seen: RunnerHealth | None) -> None:
        """Shows what was seen last, None being nothing yet."""
        words, kind = health_words(seen)
        self.state.setText(words)
        set_kind(self.state, kind)
        if seen is not None and seen.version:
            self._last_answer = seen.at
        self.seen_at.setText(self._about(seen))
        self.seen_at.setVisible(bool(self.seen_at.text()))
        if seen is None or self._shown is None or seen.profiles != self._shown.profiles:
            clear_layout(self.grid)
            if seen is not None and seen.profiles:
                _fill(self.grid, seen)
        self._shown = seen
        self.late.setText(late_words(seen) if seen is not None else "")
        self.late.setVisible(bool(self.late.text()))

    def _about(self, seen: RunnerHealth | None) -> str:
        if seen is not None and seen.version:
            at = clock(seen.at)
            return tr("Plugdeck {version}, seen at {time}").format(version=plain(seen.version, 40), time=at)
        return tr("Last answer at {time}").format(time=clock(self._last_answer)) if self._last_answer else ""


def health_words(seen: RunnerHealth | None) -> tuple[str, str]:
    """How a runner is, in words, and the kind of label that says it."""
    if seen is None:
        return tr("Looking…"), "muted"
    match seen.health.value:
        case "ready":
            return tr("Ready: every plugin is online"), "ok"
        case "not ready":
            return tr("Not ready: not every plugin is online"), "error"
        case "draining":
            return tr("Ending: it finishes its jobs and takes no more"), "muted"
        case "stranger":
            return tr("What answers there is no Plugdeck"), "error"
        case _:
            return tr("No answer: {reason}").format(reason=plain(seen.detail, 200)), "error"


def late_words(seen: RunnerHealth) -> str:
    """A warning where answers do not reach the hub."""
    late = [one for one in seen.profiles if one.waiting_s > LATE_S]
    if not late:
        return ""
    longest = duration(max(one.waiting_s for one in late) * 1000)
    return tr("{plugins} with answers that the hub has not confirmed, the oldest for {time}").format(
        plugins=count(len(late), tr("plugin"), tr("plugins")), time=longest
    )


def _fill(grid: QGridLayout, seen: RunnerHealth) -> None:
    """A row for each of the runner's profiles."""
    titles = (tr("Plugin"), tr("State"), tr("In work"), tr("Waiting"), tr("Delivered"), tr("Failed"))
    number = QLocale().toString
    rows: list[tuple[str, ...]] = [titles]
    for one in seen.profiles:
        numbers = (one.running, one.queued, one.delivered, one.failed)
        rows.append((plain(one.name, 80), state_words(one.state), *map(number, numbers)))
    for row, cells in enumerate(rows):
        for place, text in enumerate(cells):
            cell = label(text, "" if row else "muted")
            if place > 1:
                cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(cell, row, place)


def state_words(text: str) -> str:
    """A profile's state in the person's language; as it came where we do not know it."""
    try:
        state = ProfileState(text)
    except ValueError:
        return plain(text, 40)
    return tr("busy") if state is ProfileState.BUSY else profile_words(ProfileStatus("", state))
