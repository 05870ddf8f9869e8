"""What the frozen app holds and what it leaves out, each with its reason. Read by `plugdeck.spec`; plain functions."""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import PurePath

STANDARD_LIBRARY_LEFT_OUT = {
    "__main__": "the entry, no library",
    "antigravity": "opens a web browser when imported",
    "idlelib": "an editor",
    "lib2to3": "rewrites Python 2, deprecated",
    "test": "Python's own tests",
    "this": "prints a poem when imported",
    "tkinter": "another GUI toolkit with libraries of its own; scripts have no screen here",
    "turtle": "needs tkinter",
    "turtledemo": "needs tkinter",
    "_tkinter": "needs tkinter",
    "ensurepip": "installs pip; who wants more packages chooses an interpreter of their own",
    "venv": "the frozen executable is no base for an environment",
    "pydoc_data": "texts of the interactive help",
    "nis": "Sun's yellow pages, gone since Python 3.13; pulls Kerberos in",
    "msilib": "Windows Installer files, gone since Python 3.13",
}
"""Scripts run in the bundled interpreter: it carries the rest of the standard library."""

MODULES_LEFT_OUT = {
    "PIL.ImageTk": "needs tkinter",
    "PIL.AvifImagePlugin": "5 MB for a kind of picture that labeling hardly meets",
    "PIL._avif": "the same",
    "PIL.ImageQt": "would tie the worker to Qt",
    "PyInstaller": "builds the bundle",
    "setuptools": "builds packages",
    "pip": "the bundle is not changed by its users",
    "pkg_resources": "nothing here asks for it",
    "numpy.f2py": "compiles Fortran",
    "numpy.distutils": "builds packages",
    "numpy.testing._private.extbuild": "builds extensions",
    "onnx.backend.test": "test models, most of onnx's files",
    "onnxruntime.quantization": "makes models smaller; we only run them",
    "onnxruntime.tools": "converts models",
    "onnxruntime.transformers": "optimises models before shipping",
    "onnxruntime.datasets": "sample models",
    "PySide6.QtQml": "we draw with widgets",
    "PySide6.QtQuick": "we draw with widgets",
    "PySide6.QtOpenGL": "we draw without OpenGL",
    "PySide6.QtOpenGLWidgets": "we draw without OpenGL",
    "PySide6.QtMultimedia": "videos: FFmpeg, and QtQuick which its plugin asks for, are 36 MB; pip's extra has them",
    "PySide6.QtPrintSupport": "nothing is printed",
    "PySide6.QtSql": "SQLite is reached through Python",
    "PySide6.QtTest": "tests",
    "PySide6.QtXml": "nothing here reads XML through Qt",
    "PySide6.QtDesigner": "designs windows",
    "PySide6.QtHelp": "shows manuals",
    "PySide6.QtUiTools": "loads .ui files; our windows are code",
    "PySide6.QtConcurrent": "threads are Python's here",
    "cv2": "152 of 427 MB in a trial build; Pillow, numpy and contourpy do what is needed",
    "pydantic.v1": "an older pydantic inside the new one",
    "torch": "belongs into an interpreter of the user's own",
    "matplotlib": "nothing is plotted",
    "scipy": "nothing needs it",
    "pandas": "nothing needs it",
    "pytest": "tests",
    "hypothesis": "tests",
    "mypy": "checks types",
}

QT_PLUGINS_KEPT = {
    "linux": {
        "platforms": ("libqxcb*", "libqwayland*", "libqoffscreen*", "libqminimal.*"),
        "platformthemes": ("libqxdgdesktopportal*",),
        "platforminputcontexts": ("libcomposeplatforminputcontextplugin*", "libibusplatforminputcontextplugin*"),
        "wayland-shell-integration": ("*",),
        "wayland-decoration-client": ("*",),
        "wayland-graphics-integration-client": (),
        "imageformats": ("libqjpeg*", "libqgif*", "libqico*", "libqsvg*", "libqtiff*", "libqwebp*"),
        "iconengines": ("libqsvgicon*",),
        "tls": (),
    },
    "win32": {
        "platforms": ("qwindows*", "qoffscreen*", "qminimal*"),
        "styles": ("*",),
        "imageformats": ("qjpeg*", "qgif*", "qico*", "qsvg*", "qtiff*", "qwebp*"),
        "iconengines": ("qsvgicon*",),
        "tls": (),
    },
    "darwin": {
        "platforms": ("libqcocoa*", "libqoffscreen*", "libqminimal*"),
        "styles": ("*",),
        "imageformats": (
            "libqjpeg*",
            "libqgif*",
            "libqico*",
            "libqsvg*",
            "libqtiff*",
            "libqwebp*",
            "libqmacjp2*",
            "libqmacheif*",
        ),
        "iconengines": ("libqsvgicon*",),
        "tls": (),
    },
}
"""Qt plugins by folder: what a desktop needs and what tests and servers need (offscreen, minimal).

Left out: GTK's theme (pulls GTK in), the virtual keyboard (pulls QtQuick in), PDF pictures (pull QtPdf in), devices
without a window system (eglfs, linuxfb, vnc), TLS (the network is Python's here), network information, SQL drivers.
"""

QT_LIBRARIES_LEFT_OUT = (
    "*Qt6Quick*", "*Qt6Qml*", "*Qt6VirtualKeyboard*", "*Qt6Pdf*", "*Qt6OpenGLWidgets*", "*Qt6EglFS*", "*Qt6EglFs*",
    "*Qt6Designer*", "*Qt6Sql*", "*Qt6Test.*", "*Qt6LabsQml*", "*Qt6WaylandEglClientHwIntegration*",
    "*opengl32sw*", "libavif-*", "*Qt6Positioning*",
)  # fmt: skip
"""Libraries that only left-out plugins ask for; `opengl32sw` (20 MB) draws OpenGL in software on Windows,
`libavif` belongs to the picture plugin that is left out."""

METADATA = ("METADATA", "entry_points.txt")
"""Of what a package says about itself: its version and licence, and the keychains. The licences' words are in
THIRD-PARTY.txt; lists of files, of build tools and bills of materials are for installers."""

SYSTEM_LIBRARIES = (
    "libgtk-3*", "libgdk-3*", "libgdk_pixbuf*", "libcairo*", "libpango*", "libatk*", "libatspi*", "libgio*",
    "libsystemd*", "libdrm*", "libgbm*", "libEGL*", "libGL*", "libvulkan*", "libstdc++*", "libgcc_s*",
    "libfontconfig*", "libfreetype*", "libX11*", "libX11-xcb*", "libxcb.so*", "libdbus-1*", "libglib-2.0*",
    "libgobject*", "libgthread-2.0*", "libexpat*", "libmount*", "libselinux*", "libepoxy*", "libwayland-*",
    "libffi*-gtk", "libthai*", "libharfbuzz*", "libgraphite*", "libfribidi*",
)  # fmt: skip
"""On Linux the system's own: bound to its graphics driver, its fonts or its desktop (the packages depend on them)."""


def hidden_standard_library() -> list[str]:
    """Every top-level module of this platform's standard library that scripts may import, those left out excepted."""
    tests = ("_test", "_xx", "xx")  # modules that only Python's own tests import
    wanted = (name for name in sys.stdlib_module_names if not name.startswith(tests))
    wanted = (name for name in wanted if name not in STANDARD_LIBRARY_LEFT_OUT)
    return sorted(name for name in wanted if find_spec(name) is not None)


def excluded_modules() -> list[str]:
    """What PyInstaller shall not follow."""
    return sorted({*MODULES_LEFT_OUT, *STANDARD_LIBRARY_LEFT_OUT} - {"__main__"})


def keeps(destination: str, platform: str = sys.platform) -> bool:
    """Whether a collected file goes into the bundle.

    Args:
        destination: its path inside the bundle.
        platform: `sys.platform` of the bundle.
    """
    path = PurePath(destination.replace("\\", "/"))
    parts, name = path.parts, path.name
    if "PySide6" in parts or "Qt" in parts:
        if "translations" in parts:
            return name.startswith("qtbase_de")
        if "qml" in parts or "metatypes" in parts or "include" in parts or "typesystems" in parts:
            return False
        if "plugins" in parts:
            folder = parts[parts.index("plugins") + 1]
            kept = QT_PLUGINS_KEPT.get(_family(platform), QT_PLUGINS_KEPT["linux"])
            return any(fnmatch(name, pattern) for pattern in kept.get(folder, ()))
    if any(fnmatch(name, pattern) for pattern in QT_LIBRARIES_LEFT_OUT):
        return False
    if _family(platform) == "linux" and any(fnmatch(name, pattern) for pattern in SYSTEM_LIBRARIES):
        # Wheels bring renamed copies of their own (`libfreetype-1a2b3c.so`), in folders of their own.
        return any(part.endswith(".libs") for part in parts)
    if any(part.endswith(".dist-info") for part in parts) and name not in METADATA:
        return False
    if "onnx" in parts and ("backend" in parts and "test" in parts):
        return False
    if "numpy" in parts and (name.startswith("_simd.") or "_tests." in name):
        return False  # numpy's own tests import them
    return not (name.endswith((".pyi", ".c", ".h", ".pxd", ".pyx")) or ("tests" in parts and "numpy" in parts))


def _family(platform: str) -> str:
    return platform if platform in QT_PLUGINS_KEPT else "linux"
