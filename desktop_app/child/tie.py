"""What binds a worker to the host that started it, and keeps the host alive when the worker goes astray."""

from __future__ import annotations

import ctypes
import os
import sys

FIRST_TO_GO = "800"
"""How willingly Linux ends this process, and not the host, when memory runs out (-1000 to 1000)."""


def tie_to_host() -> None:
    """Lowers our priority and asks the system to end us should the host die while we cannot notice.

    The thread that reads frames notices a dead host at once and ends the whole group, but it needs the interpreter
    lock, which a C extension may hold for ever. Linux can send a signal when the parent dies; we let `alarm` itself be
    its handler: it takes the signal's number as seconds, so a stuck process is gone half a minute later.
    """
    if sys.platform == "win32":
        return  # the host starts us with a lower priority and in a job object
    try:
        os.nice(5)
    except OSError:
        pass
    if sys.platform != "linux":
        return
    _offer_to_go_first()
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        number = 34  # the first real-time signal that the C library leaves to programs
        libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
        libc.signal.restype = ctypes.c_void_p
        libc.signal(number, ctypes.cast(libc.alarm, ctypes.c_void_p))
        libc.prctl(1, number, 0, 0, 0)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError, ValueError):
        pass


def _offer_to_go_first() -> None:
    """What the script starts inherits it, so whoever hoards memory is what the system ends."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(FIRST_TO_GO)
    except OSError:
        pass
