"""What Qt itself has to say, in the app's own log instead of on a terminal nobody looks at."""

from __future__ import annotations

import logging

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

log = logging.getLogger("desktop_app.qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.DEBUG,
    # Qt's warnings are for those who build the app, not for who uses it.
    QtMsgType.QtWarningMsg: logging.INFO,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def install() -> None:
    """Takes Qt's messages from now on."""
    qInstallMessageHandler(_heard)


def uninstall() -> None:
    """Gives them back to Qt."""
    qInstallMessageHandler(None)


def _heard(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    try:
        category = context.category or "default"
        log.log(_LEVELS.get(kind, logging.INFO), "Qt (%s): %s", category, message)
    except Exception:  # noqa: BLE001, S110 - called from anywhere in Qt, which no exception may cross
        pass
