"""An X server without a screen, that tells when a program's window is there and drawn."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import time
from ctypes.util import find_library
from typing import Self

SIZE = (1280, 1024)
_SUBSTRUCTURE_NOTIFY = 1 << 19
_MAP_NOTIFY = 19
_ALL_PLANES = ctypes.c_ulong(-1)
_Z_PIXMAP = 2
LOOK_AGAIN_S = 0.002


class _Mapped(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("event", ctypes.c_ulong),
        ("window", ctypes.c_ulong),
        ("rest", ctypes.c_long * 18),
    )


class Display:
    """Xvfb, and a client of it that watches its windows.

    Raises:
        RuntimeError: there is no Xvfb, or no libX11.
    """

    def __init__(self) -> None:
        name = find_library("X11")
        if name is None:
            raise RuntimeError("it needs libX11 (Debian: libx11-6)")
        self._x = ctypes.CDLL(name)
        for function in ("XOpenDisplay", "XGetImage"):
            getattr(self._x, function).restype = ctypes.c_void_p
        for function in ("XDefaultRootWindow", "XGetPixel"):
            getattr(self._x, function).restype = ctypes.c_ulong

    def __enter__(self) -> Self:
        ours, theirs = os.pipe()
        width, height = SIZE
        screen = ("-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset", "-br")
        try:
            self._server = subprocess.Popen(
                ["Xvfb", "-displayfd", str(theirs), *screen], pass_fds=(theirs,), stderr=subprocess.DEVNULL
            )
        except FileNotFoundError:
            raise RuntimeError("it needs Xvfb (Debian: xvfb)") from None
        finally:
            os.close(theirs)
        with os.fdopen(ours) as told:
            self.name = f":{told.readline().strip()}"
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(self.name.encode()))
        if not self._display:
            raise RuntimeError("Xvfb did not start")
        self._root = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))
        self._x.XSelectInput(self._display, self._root, ctypes.c_long(_SUBSTRUCTURE_NOTIFY))
        self._x.XSync(self._display, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._x.XCloseDisplay(self._display)
        self._server.terminate()
        self._server.wait()

    def wait_drawn(self, limit_s: float) -> None:
        """Returns when a window of a program's size has come up and its middle is drawn (the empty screen is black).

        Raises:
            RuntimeError: that did not happen in time.
        """
        end = time.monotonic() + limit_s
        while (middle := self._mapped(end)) is None:
            pass
        while self._pixel(*middle) & 0xFFFFFF == 0:
            if time.monotonic() > end:
                raise RuntimeError(f"the window was not drawn within {limit_s:g} s")
            time.sleep(LOOK_AGAIN_S)

    def wait_empty(self, limit_s: float) -> None:
        """Returns when the screen is black again."""
        end = time.monotonic() + limit_s
        width, height = SIZE
        while any(self._pixel(x, y) & 0xFFFFFF for x in range(0, width, 64) for y in range(0, height, 64)):
            if time.monotonic() > end:
                raise RuntimeError("a window stayed")
            time.sleep(0.05)
        self._x.XSync(self._display, 1)

    def _mapped(self, end: float) -> tuple[int, int] | None:
        """The middle of the next window that comes up; None if it is a small one."""
        event = _Mapped()
        while True:
            if not self._x.XPending(self._display):
                left = end - time.monotonic()
                if left <= 0 or not select.select([self._x.XConnectionNumber(self._display)], [], [], left)[0]:
                    raise RuntimeError("no window came up in time")
                continue
            self._x.XNextEvent(self._display, ctypes.byref(event))
            if event.type == _MAP_NOTIFY:
                break
        root = ctypes.c_ulong()
        x, y = ctypes.c_int(), ctypes.c_int()
        width, height, border, depth = (ctypes.c_uint() for _ in range(4))
        self._x.XGetGeometry(
            self._display, ctypes.c_ulong(event.window), ctypes.byref(root), ctypes.byref(x), ctypes.byref(y),
            ctypes.byref(width), ctypes.byref(height), ctypes.byref(border), ctypes.byref(depth),
        )  # fmt: skip
        if width.value < 300 or height.value < 200:
            return None
        middle_x, middle_y = x.value + width.value // 2, y.value + height.value // 2
        return min(max(middle_x, 0), SIZE[0] - 1), min(max(middle_y, 0), SIZE[1] - 1)

    def _pixel(self, x: int, y: int) -> int:
        image = ctypes.c_void_p(self._x.XGetImage(self._display, self._root, x, y, 1, 1, _ALL_PLANES, _Z_PIXMAP))
        value = int(self._x.XGetPixel(image, 0, 0))
        self._x.XDestroyImage(image)
        return value
