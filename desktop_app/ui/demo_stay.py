"""The demo's part of the window, while the demo runs: its menu, a word of welcome, and the way out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject

from desktop_app.core.profile import Profile
from desktop_app.ui.dialogs import ask
from desktop_app.ui.formats import plain, tr

if TYPE_CHECKING:
    from desktop_app.hub.demo.server import DemoHub
    from desktop_app.ui.demo_menu import DemoButton
    from desktop_app.ui.main_window import MainWindow

ABOUT = "the demo"


class Demo(Protocol):
    """What the window needs of a demo that runs."""

    hub: DemoHub

    async def add_failing(self, how: str) -> None: ...
    def welcome(self, profile: Profile) -> None: ...
    def changed(self) -> tuple[Profile, ...]: ...
    def guests(self) -> tuple[Profile, ...]: ...
    async def leave(self) -> frozenset[str]: ...


class DemoStay(QObject):
    """Shows that there is a demo, and takes what it left out of the views.

    Attributes:
        button: its menu in the toolbar, None while no demo runs.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.button: DemoButton | None = None
        self._demo: Demo | None = None

    @property
    def url(self) -> str:
        """The address of the demo's hub, "" while no demo runs."""
        return self._demo.hub.url if self._demo is not None else ""

    def welcome(self, profile: Profile) -> bool:
        """Makes a person's own profile known to the demo hub; False where it belongs to another hub."""
        if self._demo is None or profile.host != self.url:
            return False
        self._demo.welcome(profile)
        return True

    def begin(self, demo: Demo, leave: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Offers what only the demo has.

        Args:
            leave: ends the demo and not the app; None where both end together.
        """
        from desktop_app.ui.demo_menu import DemoButton

        window, self._demo = self._window, demo

        def names() -> dict[str, str]:
            return {row.profile.plugin_id: row.profile.name for row in window.plugins.model.rows}

        def go() -> None:
            if leave is not None:
                window.notices.watch(leave(), "leave the demo")

        self.button = DemoButton(demo.hub, window.notices.watch, names, demo.add_failing, None if leave is None else go)
        window.toolbar.add(self.button)
        window.toolbar.demo_entry.setEnabled(False)
        if leave is not None:
            window.notices.say(
                tr("This is the demo: a hub, three plugins and pictures on this machine. Nothing leaves it."),
                tr("Its menu above runs a plugin as the hub's users do, and lets you see how failures look."),
                tone="busy",
                about=ABOUT,
                actions=((tr("Leave the demo"), go),),
            )

    async def sure(self, demo: Demo) -> bool:
        """Asks whether to leave, if something of the person's goes with the demo."""
        changed, guests = demo.changed(), demo.guests()
        lost = []
        if changed:
            lost.append(tr("Your changes to {names} go with it.").format(names=_names(changed)))
        if guests:
            lost.append(
                tr("{names} stays and is stopped: give it another hub, or remove it.").format(names=_names(guests))
                if len(guests) == 1
                else tr("{names} stay and are stopped: give them another hub, or remove them.").format(
                    names=_names(guests)
                )
            )
        if not lost:
            return True
        return await ask(
            self._window,
            tr("Leave the demo?"),
            " ".join(lost),
            yes=tr("Leave the demo"),
            no=tr("Stay"),
            danger=bool(changed),
        )

    def leaving(self) -> None:
        """Says that it takes a moment."""
        if self.button is not None:
            self.button.setEnabled(False)
        self._window.notices.say(tr("Leaving the demo…"), tone="busy", about=ABOUT)

    def end(self, gone: frozenset[str]) -> None:
        """Takes everything of the demo and of the profiles that went with it out of the window."""
        window = self._window
        window.bridge.flush()
        if self.button is not None:
            window.toolbar.take(self.button)
            window.toolbar.demo_entry.setEnabled(True)
            self.button = None
        self._demo = None
        window.notices.clear(ABOUT)
        window.hearing.forget(gone)
        window.filmstrip.forget(gone)
        window.logs.model.forget(gone)
        window.history.reload()
        if window.viewing.profile_id in gone:
            window.viewing.look_away()
            window.viewing.come_back()
        if window.pages.currentWidget() is window.work:
            window.show_home()


def _names(profiles: tuple[Profile, ...]) -> str:
    return ", ".join(plain(profile.name, 40) for profile in profiles)
