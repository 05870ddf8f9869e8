"""The logger that a callback finds in its data: lines go to the session's log in the hub, in the order written."""

from __future__ import annotations

import logging
import traceback
from typing import Any, Callable, Dict, Optional

Sink = Callable[[str, str, Dict[str, Any], str], None]
"""Takes level, message, extra data and a traceback ("" for none)."""

_OF_LOGGING = ("exc_info", "stack_info", "stacklevel", "extra")


class PluginLogger(logging.Logger):
    """A logger with the hub's levels; extra keyword arguments travel with the line.

    Messages are always formatted with %, as `logging` does (facts: hub-protocol, Logs).
    """

    def __init__(self, name: str = "logger", *_: Any, sink: Optional[Sink] = None, **__: Any) -> None:
        super().__init__(name)
        self._sink = sink

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._line(logging.DEBUG, msg, args, kwargs)

    def info(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._line(logging.INFO, msg, args, kwargs)

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._line(logging.WARNING, msg, args, kwargs)

    def warn(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._line(logging.WARNING, msg, args, kwargs)

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._line(logging.ERROR, msg, args, kwargs)

    def exception(self, msg: Any, *args: Any, exc_info: Any = True, **kwargs: Any) -> None:
        self._line(logging.ERROR, msg, args, dict(kwargs, exc_info=exc_info))

    def critical(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._line(logging.CRITICAL, msg, args, kwargs)

    def fatal(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._line(logging.CRITICAL, msg, args, kwargs)

    def log(self, level: int, msg: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(level, int):
            raise TypeError("level must be an integer")
        self._line(level, msg, args, kwargs)

    def _line(self, level: int, msg: Any, args: Any, kwargs: Dict[str, Any]) -> None:
        if not super().isEnabledFor(level) or self._sink is None:
            return
        for_logging = {key: kwargs[key] for key in _OF_LOGGING if key in kwargs}
        extra = {key: value for key, value in kwargs.items() if key not in _OF_LOGGING}
        if isinstance(for_logging.get("extra"), dict):
            extra.update(for_logging["extra"])
        self._sink(_level_name(level), format_message(msg, args), extra, _trace(for_logging.get("exc_info")))
        if self.handlers:  # the script's own, such as a file
            super().log(level, msg, *args, **for_logging)


def format_message(msg: Any, args: Any) -> str:
    """The message as `logging` would write it; with arguments that do not fit, all of them side by side."""
    text = str(msg)
    if not args:
        return text
    values = args[0] if len(args) == 1 and isinstance(args[0], dict) and args[0] else args
    try:
        return text % values
    except (TypeError, ValueError, KeyError):
        return " ".join([text, *(str(arg) for arg in args)])


def _level_name(level: int) -> str:
    for number, name in ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (20, "INFO")):
        if level >= number:
            return name
    return "DEBUG"


def _trace(exc_info: Any) -> str:
    if not exc_info:
        return ""
    if isinstance(exc_info, BaseException):
        return "".join(traceback.format_exception(type(exc_info), exc_info, exc_info.__traceback__))
    if isinstance(exc_info, tuple):
        return "".join(traceback.format_exception(*exc_info))
    return traceback.format_exc()
