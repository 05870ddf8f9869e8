"""What went wrong, said in the window and never in a dialog that interrupts."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.ui.icons import pixmap
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.theme import mono_font, tokens
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button, tool_button

log = logging.getLogger(__name__)

MOST = 2


class Notice(QFrame):
    """One card: what, what to do, and the details folded away.

    Signals:
        closed: the person has read it.
    """

    closed = Signal()

    def __init__(self, what: str, remedy: str, details: str, tone: str, parent: QWidget | None = None) -> None:
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
        if details:
            text = QPlainTextEdit(details)
            text.setReadOnly(True)
            text.setProperty("kind", "json")
            text.setFont(mono_font())
            text.setMaximumHeight(160)
            text.setAccessibleName(self.tr("Details"))
            text.hide()
            fold = push_button(self.tr("Details"), lambda: text.setVisible(not text.isVisible()))
            copy = push_button(self.tr("Copy"), lambda: QGuiApplication.clipboard().setText(details))
            row.addWidget(fold, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)
            column.addWidget(text)
        row.addWidget(tool_button("cross", self.tr("Dismiss"), self.closed.emit), 0, Qt.AlignmentFlag.AlignTop)


class Notices(QWidget):
    """A column of cards, newest first."""

    def __init__(self, tasks: Tasks | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        self._column.setSpacing(SPACE // 2)
        self._cards: list[Notice] = []
        self._tasks = tasks or Tasks()
        self.hide()

    @property
    def texts(self) -> tuple[str, ...]:
        """What the cards say, newest first."""
        return tuple(card.what for card in self._cards)

    def say(self, what: str, remedy: str = "", details: str = "", *, tone: str = "error", about: str = "") -> None:
        """Shows a card; one that says the same is replaced. `about` names what it is of, for `clear`."""
        for card in [card for card in self._cards if card.what == what]:
            self._drop(card)
        card = Notice(what, remedy, details, tone)
        card.about = about
        card.closed.connect(lambda: self._drop(card))
        self._cards.insert(0, card)
        self._column.insertWidget(0, card)
        for old in self._cards[MOST:]:
            self._drop(old)
        self.show()

    def clear(self, about: str) -> None:
        """Takes away what was said of something that is in order now."""
        for card in [card for card in self._cards if about and card.about == about]:
            self._drop(card)

    def say_error(self, error: KnownError, about: str = "") -> None:
        """Shows a known error."""
        where = f" ({error.where})" if error.where else ""
        self.say(error.what.rstrip(".") + where + ".", error.remedy, error.details, about=about)

    def watch(self, work: Coroutine[Any, Any, Any], name: str, of: str = "") -> None:
        """Runs an action of the person; a known error becomes a card, a bug a card that says so and a report.

        The card goes when the same action (`name`) on the same thing (`of`) succeeds later.
        """
        task = self._tasks.start(self._guard(work, f"{name} {of}"), name)
        if task is None:
            work.close()
        else:
            # Cancelled before its first step, the guard never reaches the work, which would complain.
            task.add_done_callback(lambda _: work.close())

    async def _guard(self, work: Coroutine[Any, Any, Any], about: str) -> None:
        try:
            await work
        except KnownError as error:
            self.say_error(error, about)
        except Exception:
            self.say(self.tr("Something went wrong in the app."), self.tr("It was written to the log."), about=about)
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
