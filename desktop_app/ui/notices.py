"""What went wrong, said in the window and never in a dialog that interrupts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.ui.formats import tr
from desktop_app.ui.icons import pixmap
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.theme import mono_font, tokens
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button, tool_button

log = logging.getLogger(__name__)

MOST = 2

Action = tuple[str, Callable[[], object]]
"""A button's text and what it does."""


class Notice(QFrame):
    """One card: what, what to do, buttons that do it, and the details folded away.

    Signals:
        closed: the person has read it.
    """

    closed = Signal()

    def __init__(
        self,
        what: str,
        remedy: str,
        details: str,
        tone: str,
        actions: Sequence[Action] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAccessibleName(f"{what} {remedy}".strip())
        self.what = what
        self.about = ""
        picture = QLabel()
        icon = {"error": "warn", "ok": "check"}.get(tone, "info")
        picture.setPixmap(pixmap(icon, 20, getattr(tokens(), tone), self.devicePixelRatioF()))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(what, wrap=True, selectable=True))
        if remedy:
            words.addWidget(label(remedy, "muted", wrap=True, selectable=True))
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(picture)
        row.addLayout(words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE + 4, SPACE, SPACE, SPACE)
        column.addLayout(row)
        top = Qt.AlignmentFlag.AlignTop
        self.buttons = [push_button(text, slot) for text, slot in actions]
        for button in self.buttons:
            row.addWidget(button, 0, top)
        if details:
            box = QPlainTextEdit(details)
            box.setReadOnly(True)
            box.setProperty("kind", "json")
            box.setFont(mono_font())
            box.setMaximumHeight(160)
            box.setAccessibleName(tr("Details"))
            box.hide()
            row.addWidget(push_button(tr("Details"), lambda: box.setVisible(not box.isVisible())), 0, top)
            column.addWidget(box)
        if details or tone == "error":
            whole = "\n".join(part for part in (what, remedy, details) if part)
            copy = tool_button("copy", tr("Copy"), lambda: QGuiApplication.clipboard().setText(whole))
            row.addWidget(copy, 0, top)
        row.addWidget(tool_button("cross", tr("Dismiss"), self.closed.emit), 0, top)


class Notices(QWidget):
    """A column of cards, newest first.

    Attributes:
        offer: gives the buttons for an error of an action on something ("" for nothing in particular).
        offer_help: gives those for a failure of the app itself.
    """

    def __init__(self, tasks: Tasks | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        self._column.setSpacing(SPACE // 2)
        self._cards: list[Notice] = []
        self._tasks = tasks or Tasks()
        self.offer: Callable[[KnownError, str], Sequence[Action]] = lambda _error, _of: ()
        self.offer_help: Callable[[], Sequence[Action]] = lambda: ()
        self.hide()

    @property
    def texts(self) -> tuple[str, ...]:
        """What the cards say, newest first."""
        return tuple(card.what for card in self._cards)

    @property
    def abouts(self) -> tuple[str, ...]:
        """What the cards are of, newest first."""
        return tuple(card.about for card in self._cards)

    def say(
        self,
        what: str,
        remedy: str = "",
        details: str = "",
        *,
        tone: str = "error",
        about: str = "",
        actions: Sequence[Action] = (),
    ) -> Notice:
        """Shows a card in place of one that says the same or is of the same. `about` names what it is of."""
        for card in [card for card in self._cards if card.what == what or (about and card.about == about)]:
            self._drop(card)
        card = Notice(what, remedy, details, tone, actions)
        card.about = about
        card.closed.connect(lambda: self._drop(card))
        self._cards.insert(0, card)
        self._column.insertWidget(0, card)
        for old in self._cards[MOST:]:
            self._drop(old)
        self.show()
        return card

    def clear(self, about: str) -> None:
        """Takes away what was said of something that is in order now."""
        for card in [card for card in self._cards if about and card.about == about]:
            self._drop(card)

    def say_error(self, error: KnownError, about: str = "", of: str = "") -> None:
        """Shows a known error, with what can be done about it."""
        where = f" ({error.where})" if error.where else ""
        self.say(
            error.what.rstrip(".") + where + ".",
            error.remedy,
            error.details,
            about=about,
            actions=self.offer(error, of),
        )

    def watch(self, work: Coroutine[Any, Any, Any], name: str, of: str = "") -> None:
        """Runs an action of the person; a known error becomes a card, a bug a card that says so and a report.

        The card goes when the same action (`name`) on the same thing (`of`) succeeds later.
        """
        task = self._tasks.start(self._guard(work, f"{name} {of}", of), name)
        if task is None:
            work.close()
        else:
            # Cancelled before its first step, the guard never reaches the work, which would complain.
            task.add_done_callback(lambda _: work.close())

    async def _guard(self, work: Coroutine[Any, Any, Any], about: str, of: str) -> None:
        try:
            await work
        except KnownError as error:
            self.say_error(error, about, of)
        except Exception:
            self.say(
                tr("Something went wrong in the app."),
                tr("A report was written, without secrets. Send the diagnostics to who maintains Plugdeck."),
                about=about,
                actions=self.offer_help(),
            )
            raise
        else:
            self.clear(about)

    def _drop(self, card: Notice) -> None:
        if card in self._cards:
            self._cards.remove(card)
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.setVisible(bool(self._cards))
