"""Ctrl-C and SIGTERM while a start is so young that nobody can hear them: the system keeps them until somebody can."""

from __future__ import annotations

import signal
import sys

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""What asks a program to end."""


def hold() -> None:
    """Keeps them back in this thread, and in threads and processes that it starts; without effect on Windows."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)


def release() -> None:
    """Lets them through again; one that came meanwhile comes now. Call it before anything is started."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
