"""Host, Qt's event loop and the window, put together; and how they end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import qasync
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop_app import __version__
from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import KnownError
from desktop_app.host import Host
from desktop_app.store.paths import DataDir, default_root

if TYPE_CHECKING:
    from desktop_app.demo import Demo

if TYPE_CHECKING:
    from desktop_app.ui.main_window import MainWindow

log = logging.getLogger(__name__)

DRAIN_S = 2.5
"""How long running jobs may finish when the window is closed; all in all it takes at most 5 s."""


def run(options: argparse.Namespace) -> int:
    """Opens the window and returns the exit code once it was closed."""
    logging.basicConfig(level=(options.log_level or "warning").upper(), stream=sys.stderr)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Plugdeck")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("plugdeck")
    # The last window closing is not the end: answers still go out.
    application.setQuitOnLastWindowClosed(False)
    loop = qasync.QEventLoop(application)
    asyncio.set_event_loop(loop)
    with loop:
        code: int = loop.run_until_complete(_main(application, options))
    return code


async def _main(application: QApplication, options: argparse.Namespace) -> int:
    if options.command == "demo":
        with tempfile.TemporaryDirectory(prefix="plugdeck-demo-", ignore_cleanup_errors=True) as folder:
            data_dir = DataDir(options.data_dir or Path(folder))
            return await _window(application, data_dir, demo=True, jobs=options.jobs)
    return await _window(application, DataDir(options.data_dir or default_root()), demo=False, jobs=None)


async def _window(application: QApplication, data_dir: DataDir, *, demo: bool, jobs: int | None) -> int:
    from desktop_app.ui.main_window import MainWindow
    from desktop_app.ui.quitting import Quitting
    from desktop_app.ui.theme import apply_theme

    stop = asyncio.Event()
    host = Host(data_dir)
    with _Reporting(host), _Signals(stop.set):
        apply_theme(application, "system")
        try:
            await host.start(who="the window")
        except KnownError as error:
            await host.stop(0.0)
            await _explain(error)
            return 1
        apply_theme(application, host.settings.current.theme)
        window = MainWindow(host)
        demos = _Demos(host, window, jobs)
        quitting = Quitting(host, window, lambda what, how: window.notices.say(what, how, tone="busy"), stop.set)
        window.close_requested.connect(quitting.close_requested)
        window.demo_requested.connect(demos.begin)
        window.show()
        window.begin()
        try:
            if demo:
                demos.begin()
            else:
                await host.start_enabled()
            await stop.wait()
        finally:
            window.hide()
            await quitting.end()
            await window.end()
            await demos.end(host, DRAIN_S)
            window.close_now()
            window.deleteLater()
    return 0


async def _explain(error: KnownError) -> None:
    """Says why there is no window: on the screen for who double-clicked, on stderr for who typed."""
    sys.stderr.write(f"plugdeck: {error}\n")
    box = QMessageBox(QMessageBox.Icon.Critical, "Plugdeck", error.what)
    box.setInformativeText("\n".join(text for text in (error.where, error.remedy) if text))
    closed = asyncio.Event()
    box.finished.connect(closed.set)
    with _Signals(closed.set):
        box.open()
        await closed.wait()


class _Demos:
    """The demo, begun from the command line or from the window's first door."""

    def __init__(self, host: Host, window: MainWindow, jobs: int | None) -> None:
        self._host = host
        self._window = window
        self._jobs = jobs
        self._demo: Demo | None = None
        self._starting: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Starts the demo unless it runs."""
        if self._demo is None:
            from desktop_app.demo import Demo  # a web server, which most starts have no use for

            self._demo = Demo(self._host, jobs=self._jobs)
            self._starting = spawn(self._start(self._demo), name="demo")

    async def _start(self, demo: Demo) -> None:
        await demo.start()
        self._window.show_demo(demo.hub)

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

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._undo: list[Callable[[], object]] = []

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._loop.add_signal_handler(number, self._heard)
                self._undo.append(partial(self._loop.remove_signal_handler, number))
            except NotImplementedError:  # Windows
                old = signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(self._heard))
                self._undo.append(partial(signal.signal, number, old))

    def __exit__(self, *_: object) -> None:
        for undo in self._undo:
            undo()


class _Reporting:
    """Brings what escapes everything else, in any thread or callback, into a crash report."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        self._excepthook, sys.excepthook = sys.excepthook, self._python
        self._threadhook, threading.excepthook = threading.excepthook, self._thread
        self._loop.set_exception_handler(self._asyncio)

    def __exit__(self, *_: object) -> None:
        sys.excepthook = self._excepthook
        threading.excepthook = self._threadhook
        self._loop.set_exception_handler(None)

    def _python(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._report(error, "the window")
        self._excepthook(kind, error, trace)

    def _thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            error, name = arguments.exc_value, arguments.thread.name if arguments.thread else "a thread"
            self._loop.call_soon_threadsafe(self._report, error, name)

    def _asyncio(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self._report(error, str(context.get("message", "the event loop")))
        else:
            log.error("event loop: %s", context.get("message"))

    def _report(self, error: BaseException, where: str) -> None:
        self._host.bug(error, where)
