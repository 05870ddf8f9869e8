"""Whatever escapes everything else, in any thread, callback or signal, becomes one kind of crash report."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from desktop_app.core.errors import KnownError
from desktop_app.store.paths import FILE_MODE

log = logging.getLogger(__name__)

Report = Callable[[BaseException, str], None]


class Reporting:
    """While it is entered, brings uncaught failures to `report`, and those that kill the process into `dump`.

    Args:
        report: takes an error and where it was; called in the loop's thread.
        where: what Python's main line is called, such as "the window".
        dump: the file for what faulthandler says; removed at the end if nothing was said. None: no such file.
    """

    def __init__(self, report: Report, where: str, dump: Callable[[], Path] | None = None) -> None:
        self._report = report
        self._where = where
        self._dump = dump
        self._loop = asyncio.get_running_loop()
        self._file: IO[str] | None = None
        self._path: Path | None = None
        self._reporting = False

    def __enter__(self) -> Self:
        self._excepthook, sys.excepthook = sys.excepthook, self._python
        self._threadhook, threading.excepthook = threading.excepthook, self._thread
        self._unraisablehook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        self._loop.set_exception_handler(self._asyncio)
        return self

    def __exit__(self, *_: object) -> None:
        sys.excepthook = self._excepthook
        threading.excepthook = self._threadhook
        sys.unraisablehook = self._unraisablehook
        self._loop.set_exception_handler(None)
        self._end_dump()

    def watch_signals(self) -> None:
        """From now on a fatal signal leaves every thread's place in the dump. The data directory must be ours."""
        if self._dump is None or self._file is not None:
            return
        path = self._dump()
        try:
            self._file = path.open("w", encoding="utf-8")
            path.chmod(FILE_MODE)
            faulthandler.enable(self._file, all_threads=True)
        except OSError as error:
            log.warning("crashes will leave no trace: %s", error)
            return
        self._path = path

    def _end_dump(self) -> None:
        if self._file is None:
            return
        faulthandler.disable()
        if sys.__stderr__ is not None:
            faulthandler.enable(sys.__stderr__)
        self._file.close()
        self._file = None
        if self._path is not None and self._path.exists() and not self._path.stat().st_size:
            self._path.unlink()

    def _python(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._tell(error, self._where)
        self._excepthook(kind, error, trace)

    def _thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
            name = arguments.thread.name if arguments.thread else ""
            self._elsewhere(arguments.exc_value, f"the thread {name}".rstrip())

    def _unraisable(self, arguments: sys.UnraisableHookArgs) -> None:
        if isinstance(arguments.exc_value, Exception):
            self._elsewhere(arguments.exc_value, arguments.err_msg or "a callback that nobody waits for")
        else:
            self._unraisablehook(arguments)

    def _asyncio(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self._tell(error, str(context.get("message", "the event loop")))
        else:
            log.error("event loop: %s", context.get("message"))

    def _elsewhere(self, error: BaseException, where: str) -> None:
        if threading.get_ident() == threading.main_thread().ident:
            self._tell(error, where)
            return
        try:
            self._loop.call_soon_threadsafe(self._tell, error, where)
        except RuntimeError:
            pass  # the loop is closed: the app is ending

    def _tell(self, error: BaseException, where: str) -> None:
        # A reporter that fails must not call itself.
        if self._reporting or isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            return
        self._reporting = True
        try:
            self._report(error, where)
        except (KnownError, OSError, RuntimeError):
            log.exception("no crash report could be made of an error in %s", where, exc_info=error)
        finally:
            self._reporting = False
