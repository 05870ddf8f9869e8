"""Host, Qt's event loop and the window, put together; and how they end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QMessageBox

from desktop_app import __version__
from desktop_app.core import signals
from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import DataDirInUse, KnownError
from desktop_app.host import Host
from desktop_app.reporting import Reporting
from desktop_app.store.autostart import autostart, start_command
from desktop_app.store.paths import DataDir, default_root
from desktop_app.ui import bindings, qt_messages
from desktop_app.ui.loop import Loop

if TYPE_CHECKING:
    from desktop_app.demo import Demo
    from desktop_app.ui.main_window import MainWindow
    from desktop_app.ui.single_instance import FirstInstance

log = logging.getLogger(__name__)

WHO = "the window"
"""What others are told who serves the data directory."""

LATE_S = 10.0
PAINT_LIMIT_S = 2.0

DRAIN_S = 2.5
"""How long running jobs may finish when the window is closed; all in all it takes at most 5 s."""


def run(options: argparse.Namespace) -> int:
    """Opens the window and returns the exit code once it was closed."""
    logging.basicConfig(level=(options.log_level or "warning").upper(), stream=sys.stderr)
    bindings.read_no_sources()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Plugdeck")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("plugdeck")
    # The last window closing is not the end: answers still go out.
    application.setQuitOnLastWindowClosed(False)
    loop = Loop(application)
    asyncio.set_event_loop(loop)
    qt_messages.install()
    try:
        with loop:
            code: int = loop.run_until_complete(_main(application, options))
    finally:
        qt_messages.uninstall()
    return code


async def _main(application: QApplication, options: argparse.Namespace) -> int:
    if options.command == "demo":
        with tempfile.TemporaryDirectory(prefix="plugdeck-demo-", ignore_cleanup_errors=True) as folder:
            return await _window(application, DataDir(options.data_dir or Path(folder)), options)
    return await _window(application, DataDir(options.data_dir or default_root()), options)


async def _window(application: QApplication, data_dir: DataDir, options: argparse.Namespace) -> int:
    from desktop_app.ui.single_instance import FirstInstance, raise_first
    from desktop_app.ui.theme import apply_theme

    if raise_first(data_dir.root, options.files):
        return 0
    host = Host(data_dir)
    with Reporting(host.bug, "the window", lambda: host.crashes.dump) as reporting, _Signals() as stop:
        try:
            await host.start(who=WHO)
        except KnownError as error:
            await host.stop(0.0)
            if isinstance(error, DataDirInUse) and await _raise_late(data_dir.root, host, options.files):
                return 0
            apply_theme(application, "system")
            await _explain(error)
            return 1
        reporting.watch_signals()
        first = FirstInstance(data_dir.root)
        try:
            await _show(application, host, options, first, stop)
        finally:
            first.close()
    return 0


async def _show(
    application: QApplication, host: Host, options: argparse.Namespace, first: FirstInstance, stop: asyncio.Event
) -> None:
    from desktop_app.ui.language import use_language
    from desktop_app.ui.main_window import MainWindow
    from desktop_app.ui.shell import Shell
    from desktop_app.ui.theme import apply_theme, style

    demo = options.command == "demo"
    use_language(application, host.settings.current.language)
    apply_theme(application, host.settings.current.theme, host.settings.current.density, styled=False)
    window = MainWindow(host)
    style(application)
    demos = _Demos(host, window, getattr(options, "jobs", None), alone=demo)
    where = ("--data-dir", str(options.data_dir.absolute())) if options.data_dir else ()
    shell = Shell(
        window,
        stop.set,
        autostart=None if demo else autostart(),
        command=start_command("--in-tray", *where),
    )
    first.asked.connect(shell.show_window)
    first.opened.connect(window.take_files)
    window.demo_requested.connect(demos.begin)
    shell.begin(in_tray=bool(options.in_tray))
    window.begin()
    try:
        if window.isVisible():
            await _painted(window)
        await host.warm_up()
        # Of the window and the libraries nothing becomes rubbish: collections need not look there any more.
        gc.freeze()
        if options.files:
            window.take_files(options.files)
        if demo:
            demos.begin()
        else:
            await demos.clear_away()
            await host.start_enabled()
        await stop.wait()
    finally:
        window.hide()
        await shell.end()
        await window.end()
        await demos.end(host, DRAIN_S)
        window.close_now()
        window.deleteLater()


async def _painted(window: MainWindow) -> None:
    """Until the window can be seen; one that is covered from the start holds nothing up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PAINT_LIMIT_S):
            await window.painted.wait()


async def _raise_late(root: Path, host: Host, files: list[Path]) -> bool:
    """The other window may be about to open: it holds the lock, but does not listen yet."""
    from desktop_app.ui.single_instance import raise_first

    end = time.monotonic() + LATE_S
    while time.monotonic() < end and host.served_by().startswith(WHO):
        if raise_first(root, files):
            return True
        await asyncio.sleep(0.2)
    return False


async def _explain(error: KnownError) -> None:
    """Says why there is no window: on the screen for who double-clicked, on stderr for who typed."""
    sys.stderr.write(f"plugdeck: {error}\n")
    box = QMessageBox(QMessageBox.Icon.Critical, "Plugdeck", error.what)
    box.setInformativeText("\n".join(text for text in (error.where, error.remedy) if text))
    closed = asyncio.Event()
    box.finished.connect(closed.set)
    with _Signals(closed):
        box.open()
        await closed.wait()


class _Demos:
    """The demo, begun from the command line or from the window's first door."""

    def __init__(self, host: Host, window: MainWindow, jobs: int | None, *, alone: bool) -> None:
        self._host = host
        self._window = window
        self._jobs = jobs
        self._alone = alone
        self._demo: Demo | None = None
        self._starting: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def begin(self) -> None:
        """Starts the demo unless it runs."""
        if self._demo is None:
            from desktop_app.demo import Demo  # a web server, which most starts have no use for

            self._demo = Demo(self._host, jobs=self._jobs)
            self._starting = spawn(self._start(self._demo), name="demo")

    async def clear_away(self) -> None:
        """Removes what a demo left that ended with a crash of the app."""
        if any(kept.is_loopback and kept.plugin_id.startswith("demo-") for kept in self._host.profiles.all()):
            from desktop_app.demo import clear_away

            await clear_away(self._host)

    async def _start(self, demo: Demo) -> None:
        try:
            await demo.start()
        except (KnownError, OSError) as error:
            self._window.notices.say_error(error if isinstance(error, KnownError) else self._reported(error))
            try:
                await demo.leave()
            finally:
                self._demo = None
            return
        # A demo that is the whole app ends with it, and leaves nothing behind either way.
        self._window.demo.begin(demo, None if self._alone else self.leave)

    def _reported(self, error: OSError) -> KnownError:
        from desktop_app.ui.formats import tr

        self._host.bug(error, "the demo")
        return KnownError(
            tr("Something went wrong in the app."),
            remedy=tr("A report was written, without secrets. Send the diagnostics to who maintains Plugdeck."),
            details=str(error),
        )

    async def leave(self) -> None:
        """Ends the demo, and not the app, once the person is sure."""
        demo = self._demo
        if demo is None or self._turn.locked() or not await self._window.demo.sure(demo):
            return
        async with self._turn:
            self._window.demo.leaving()
            gone = frozenset[str]()
            try:
                gone = await demo.leave()
            finally:
                # Its hub is no more, whatever could not be taken away.
                self._demo = None
                self._window.demo.end(gone)

    async def end(self, host: Host, drain_s: float) -> None:
        """Ends the demo and the host. The sample profiles go: they are of no use without their hub."""
        await cancel_and_wait(self._starting)
        if self._demo is not None:
            await self._demo.stop(remove=True)
        await host.stop(drain_s)
        if self._demo is not None:
            await self._demo.close()


class _Signals:
    """Ctrl-C and SIGTERM end the app in order, also while Qt waits for events."""

    def __init__(self, event: asyncio.Event | None = None) -> None:
        self._event = event or asyncio.Event()
        self._heard = self._event.set
        self._loop = asyncio.get_running_loop()
        self._undo: list[Callable[[], object]] = []

    def __enter__(self) -> asyncio.Event:
        for number in signals.STOPPING:
            try:
                self._loop.add_signal_handler(number, self._heard)
                self._undo.append(partial(self._loop.remove_signal_handler, number))
            except NotImplementedError:  # Windows
                old = signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(self._heard))
                self._undo.append(partial(signal.signal, number, old))
        signals.release()
        return self._event

    def __exit__(self, *_: object) -> None:
        for undo in self._undo:
            undo()
