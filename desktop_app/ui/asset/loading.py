"""Reads the asset of one job off the GUI thread, by what it is, and stops when another job is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.runner.preview import Cancelled, Page, PreviewChild, Ticket
from desktop_app.ui.asset.text_view import LONGEST as LONGEST_TEXT
from desktop_app.ui.background import Background

if TYPE_CHECKING:
    from desktop_app.ui.asset.pictures import Picture
    from desktop_app.ui.asset.waveform import Waveform

TEXT_TYPES = ("text/", "application/json", "application/xml")

IDLE_MS = 60_000
"""After this time without a page to read the preview child is ended."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An asset that was read: one of `picture`, `text` and `sound`; `page` is set where the preview child read it."""

    picture: Picture | None = None
    text: str | None = None
    sound: Waveform | None = None
    page: Page | None = None


class Loading(QObject):
    """Opens assets.

    Signals:
        preview: a small version (Picture) of a large picture, before the whole.
        opened: an Opened.
        failed: the error that says why not.
    """

    preview = Signal(object)
    opened = Signal(object)
    failed = Signal(object)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._child = PreviewChild()
        self._ticket = Ticket()
        self._path: Path | None = None
        self._wish: tuple[int, tuple[float, float] | None] | None = None
        self._busy = False
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE_MS)
        self._idle.timeout.connect(self._rest)
        background.closing.connect(self._close)

    @property
    def is_reading(self) -> bool:
        """Whether a page is being read."""
        return self._busy

    def stop(self) -> None:
        """Gives up what is being read."""
        self._ticket.cancel()
        self._ticket = Ticket()
        self._wish = None
        self._busy = False
        self._path = None

    def open(self, path: Path, media_type: str) -> None:
        """Reads an asset in place of the one before."""
        self.stop()
        self._path = path
        ticket = self._ticket
        if media_type.startswith(TEXT_TYPES):
            self._run(ticket, partial(_read_text, path))
        elif media_type.startswith("audio/"):
            self._run(ticket, partial(_read_sound, path))
        else:
            # Two readings side by side: the small one is on the screen while the large one is still being decoded.
            self._background.run(partial(_preview, path, ticket), partial(self._take_preview, ticket), _ignore)
            self._run(ticket, partial(_read_picture, path, ticket, self._child))

    def turn(self, page: int, window: tuple[float, float] | None = None) -> None:
        """Reads another page, or the same through another window; of several wishes in a row the last counts."""
        self._wish = (page, window)
        if not self._busy and self._path is not None:
            self._next()

    def _next(self) -> None:
        wish, self._wish = self._wish, None
        if wish is not None and self._path is not None:
            page, window = wish
            work = partial(_read_page, self._path, self._ticket, self._child, page, window)
            self._run(self._ticket, work)

    def _run(self, ticket: Ticket, work: Callable[[], Opened]) -> None:
        self._busy = True
        self._idle.start()
        self._background.run(
            partial(_unless_cancelled, ticket, work), partial(self._take, ticket), partial(self._fail, ticket)
        )

    def _take(self, ticket: Ticket, opened: Opened) -> None:
        if ticket is self._ticket and not ticket.cancelled:
            self._busy = False
            self.opened.emit(opened)
            self._next()

    def _take_preview(self, ticket: Ticket, picture: Picture | None) -> None:
        if picture is not None and ticket is self._ticket and self._busy:
            self.preview.emit(picture)

    def _fail(self, ticket: Ticket, error: Exception) -> None:
        if ticket is self._ticket and not isinstance(error, Cancelled):
            self._busy = False
            self._wish = None
            self.failed.emit(error)

    def _rest(self) -> None:
        if self._busy:
            self._idle.start()
        else:
            self._background.run(self._child.end, _nothing)

    def _close(self) -> None:
        self._ticket.cancel()
        self._child.close()


def _unless_cancelled(ticket: Ticket, work: Callable[[], Opened]) -> Opened:
    ticket.check()
    return work()


def _read_text(path: Path) -> Opened:
    with path.open("rb") as file:
        data = file.read(4 * LONGEST_TEXT + 4)
    return Opened(text=data.decode("utf-8", errors="replace").removeprefix("\ufeff"))


def _read_sound(path: Path) -> Opened:
    from desktop_app.ui.asset.waveform import read_waveform

    return Opened(sound=read_waveform(path))


def _preview(path: Path, ticket: Ticket) -> Picture | None:
    from desktop_app.ui.asset.pictures import read_preview

    ticket.check()
    return read_preview(path)


def _read_picture(path: Path, ticket: Ticket, child: PreviewChild) -> Opened:
    from desktop_app.ui.asset import render  # noqa: F401 - needed next, and numpy with it: not on the GUI thread
    from desktop_app.ui.asset.pictures import NeedsChild, read_quickly

    try:
        return Opened(picture=read_quickly(path))
    except NeedsChild:
        return _read_page(path, ticket, child, 0, None)


def _read_page(
    path: Path, ticket: Ticket, child: PreviewChild, page: int, window: tuple[float, float] | None
) -> Opened:
    from desktop_app.ui.asset.pictures import picture_of

    found = child.read(path, ticket, page=page, longest=_longest(path), window=window)
    return Opened(picture=picture_of(found), page=found)


def _longest(path: Path) -> int:
    with path.open("rb") as file:
        # A page of print is drawn as large as one reads it; pictures have the pixels that they have.
        return 3000 if file.read(5) == b"%PDF-" else 8192


def _ignore(_: Exception) -> None:
    """The full reading says what is wrong."""


def _nothing(_: Any) -> None:
    """Nobody needs to know."""
