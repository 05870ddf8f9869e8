"""What went wrong in the user's code, in words, with the user's own line first."""

from __future__ import annotations

import os
import sys
import traceback
from typing import List, Optional, Tuple

from .packages import install_command
from .serve import Failure

_HERE = os.path.dirname(os.path.abspath(__file__))
_ENTRIES_SHOWN = 40


class Places:
    """Tells the user's own files from libraries.

    Args:
        script: the script's path; everything in its folder that is no environment is the user's own.
    """

    def __init__(self, script: str) -> None:
        self.folder = os.path.dirname(os.path.abspath(script))
        libraries = {sys.prefix, sys.base_prefix, os.path.dirname(os.__file__)}
        self._libraries = tuple(
            os.path.join(os.path.abspath(path), "") for path in libraries if not self._contains(path)
        )

    def own(self, filename: str) -> bool:
        """Whether a file is the user's own code."""
        if filename.startswith("<"):
            return False
        path = os.path.abspath(filename)
        if "site-packages" in path or "dist-packages" in path or path.startswith(_HERE + os.sep):
            return False
        if path.startswith(os.path.join(self.folder, "")):
            return True
        return not path.startswith(self._libraries)

    def shown(self, filename: str) -> str:
        """The file's name as its author knows it: relative to the script's folder where it lies there."""
        path = os.path.abspath(filename)
        if path.startswith(os.path.join(self.folder, "")):
            return os.path.relpath(path, self.folder)
        return filename

    def _contains(self, path: str) -> bool:
        # A system Python in /usr must not make a script in /usr/home a library; nor a venv beside the script.
        return os.path.join(self.folder, "").startswith(os.path.join(os.path.abspath(path), ""))


def script_failure(error: BaseException, places: Places, doing: str = "the script") -> Failure:
    """The failure that an exception of the user's code is told as."""
    entries = _entries(error)
    where, line = _innermost(error, entries, places)
    return Failure(
        in_words(error, doing),
        where,
        _remedy(error),
        _details(error, entries, places, line),
    )


def in_words(error: BaseException, doing: str = "the script") -> str:
    """What happened, in one sentence."""
    message = _message(error)
    if isinstance(error, SystemExit):
        code = error.code
        return "%s called sys.exit(%s)" % (doing, "" if code is None else repr(code))
    if isinstance(error, RecursionError):
        return "%s called itself too often (RecursionError: %s)" % (doing, message)
    if isinstance(error, MemoryError):
        return "%s ran out of memory (MemoryError%s)" % (doing, ": " + message if message else "")
    if isinstance(error, ModuleNotFoundError) and error.name:
        return "%s needs the module %s, which its Python does not have" % (doing, error.name)
    if isinstance(error, SyntaxError):
        return "%s is no valid Python %d.%d: %s" % (doing, sys.version_info[0], sys.version_info[1], error.msg)
    name = type(error).__name__
    return "%s raised %s: %s" % (doing, name, message) if message else "%s raised %s" % (doing, name)


def _message(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:
        return ""


def _remedy(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return "Install it with: %s" % install_command(sys.executable, [error.name])
    return ""


def _entries(error: BaseException) -> List[traceback.FrameSummary]:
    """The frames of the exception, outermost first, without ours at the start."""
    entries = list(traceback.extract_tb(error.__traceback__))
    while entries and os.path.abspath(entries[0].filename).startswith(_HERE + os.sep):
        entries.pop(0)
    return entries


def _innermost(
    error: BaseException, entries: List[traceback.FrameSummary], places: Places
) -> Tuple[str, Optional[traceback.FrameSummary]]:
    if isinstance(error, SyntaxError) and error.filename:
        return "%s:%s" % (places.shown(error.filename), error.lineno), None
    for entry in reversed(entries):
        if places.own(entry.filename):
            return "%s:%s" % (places.shown(entry.filename), entry.lineno), entry
    if entries:
        return "%s:%s" % (entries[-1].filename, entries[-1].lineno), None
    return "", None


def _details(
    error: BaseException,
    entries: List[traceback.FrameSummary],
    places: Places,
    line: Optional[traceback.FrameSummary],
) -> str:
    parts = []
    if line is not None:
        parts.append("%s:%s in %s\n    %s\n\n" % (places.shown(line.filename), line.lineno, line.name, line.line))
    if len(entries) > _ENTRIES_SHOWN:
        half = _ENTRIES_SHOWN // 2
        left_out = len(entries) - 2 * half
        shown = traceback.format_list(entries[:half])
        shown.append("  ... %d more calls ...\n" % left_out)
        shown += traceback.format_list(entries[-half:])
    else:
        shown = traceback.format_list(entries)
    parts.append("Traceback (most recent call last):\n")
    parts += shown
    try:
        parts += traceback.format_exception_only(type(error), error)
    except Exception:
        parts.append(type(error).__name__)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        parts.append("\ncaused by %s: %s" % (type(cause).__name__, _message(cause)))
    return "".join(parts).rstrip()
