"""On Windows: a job object that ends every worker, and all that they started, when the app ends in any way.

Elsewhere a worker notices the end of its stdin and kills its process group (child/channel).
"""

from __future__ import annotations

import ctypes
import logging
import sys
from typing import Any

log = logging.getLogger(__name__)

_EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
_KILL_ON_CLOSE = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
_MAY_ASSIGN = 0x0101  # PROCESS_SET_QUOTA | PROCESS_TERMINATE

_job: int | None = None
"""Never closed: the system closes it with the app, and that is what ends the workers."""


class _Basic(ctypes.Structure):
    _fields_ = [
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    ]


class _Extended(ctypes.Structure):
    _fields_ = [
        ("BasicLimitInformation", _Basic),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    ]


def tie_to_app(pid: int) -> None:
    """Makes a process end with the app. Does nothing elsewhere, and only warns when Windows refuses."""
    if sys.platform == "win32":
        try:
            _assign(ctypes.WinDLL("kernel32", use_last_error=True), pid)
        except OSError as error:
            log.warning("worker %s may outlive the app: %s", pid, error)


def _assign(kernel: Any, pid: int) -> None:
    global _job  # noqa: PLW0603 - one per app
    kernel.CreateJobObjectW.restype = kernel.OpenProcess.restype = ctypes.c_void_p
    if _job is None:
        job = kernel.CreateJobObjectW(None, None)
        if not job:
            raise _last_error("CreateJobObject")
        limits = _Extended()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_CLOSE
        size = ctypes.sizeof(limits)
        if not kernel.SetInformationJobObject(ctypes.c_void_p(job), _EXTENDED_LIMITS, ctypes.byref(limits), size):
            raise _last_error("SetInformationJobObject")
        _job = job
    process = kernel.OpenProcess(_MAY_ASSIGN, False, pid)
    if not process:
        raise _last_error("OpenProcess")
    try:
        if not kernel.AssignProcessToJobObject(ctypes.c_void_p(_job), ctypes.c_void_p(process)):
            raise _last_error("AssignProcessToJobObject")
    finally:
        kernel.CloseHandle(ctypes.c_void_p(process))


def _last_error(call: str) -> OSError:
    number = getattr(ctypes, "get_last_error", int)()  # there on Windows only
    return OSError(f"{call} failed with error {number}")
