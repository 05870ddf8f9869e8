"""Closing the window while there is work left: asks once, waits if that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from PySide6.QtWidgets import QWidget

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.ui.dialogs import ask
from desktop_app.ui.formats import tr

LOOK_EVERY_S = 0.2


class Busy(Protocol):
    """What the host says of work that is left."""

    def pending(self) -> tuple[int, int]:
        """How many jobs are not answered yet, and how many answers wait for the hub."""
        ...


class Quitting:
    """Decides what closing the window means.

    Args:
        say: shows a sentence and what to do in the window.
        quit_app: ends the app.
    """

    def __init__(
        self, host: Busy, window: QWidget, say: Callable[[str, str], None], quit_app: Callable[[], None]
    ) -> None:
        self._host = host
        self._window = window
        self._say = say
        self._quit = quit_app
        self._asking: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None

    def close_requested(self) -> None:
        """The person closed the window. Ends at once where nothing is left to do."""
        if self._asking is not None and not self._asking.done():
            return
        running, waiting = self._host.pending()
        if not running and not waiting:
            self._quit()
        else:
            self._asking = spawn(self._ask(running, waiting), name="ask before quitting")

    async def end(self) -> None:
        """Takes the question away."""
        await cancel_and_wait(self._asking, self._waiting)

    async def _ask(self, running: int, waiting: int) -> None:
        wait = await ask(
            self._window,
            tr("Quit Plugdeck?"),
            f"{left_to_do(running, waiting)}\n{what_becomes(running)}",
            yes=tr("Wait"),
            no=tr("Quit now"),
        )
        if not wait:
            self._quit()
        elif self._waiting is None or self._waiting.done():
            self._say(tr("Plugdeck quits as soon as its jobs are done."), tr("Close the window again to quit now."))
            self._waiting = spawn(self._wait(), name="wait before quitting")

    async def _wait(self) -> None:
        while any(self._host.pending()):  # noqa: ASYNC110 - answers that wait have no event of their own
            await asyncio.sleep(LOOK_EVERY_S)
        self._quit()


def left_to_do(running: int, waiting: int) -> str:
    """`3 jobs are running, 2 answers are waiting for the hub.`"""
    parts = []
    if running:
        parts.append(tr("1 job is running") if running == 1 else tr("{n} jobs are running").format(n=running))
    if waiting:
        one = waiting == 1
        words = tr("1 answer is waiting for the hub") if one else tr("{n} answers are waiting for the hub")
        parts.append(words.format(n=waiting))
    return ", ".join(parts) + "."


def what_becomes(running: int) -> str:
    """What quitting now means for what is left, no more than is true."""
    words = tr("If you quit now, they continue on the next start.")
    if running:
        # See jobs.resume: keys and signatures are never on disk.
        words += " " + tr("Only a job that needs its API key or a signed address cannot: it ends with an error.")
    return words
