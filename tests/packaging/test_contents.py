from __future__ import annotations

import pytest
from bundle import contents


@pytest.mark.parametrize(
    "kept",
    [
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/Qt/plugins/imageformats/libqjpeg.so",
        "PySide6/Qt/lib/libQt6Widgets.so.6",
        "PySide6/Qt/translations/qtbase_de.qm",
        "pillow.libs/libfreetype-57f805ba.so.6",
        "numpy/_core/_multiarray_umath.so",
        "libxcb-cursor.so.0",
        "desktop_app/child/boot.py",
        "pyside6_essentials-6.11.3.dist-info/METADATA",
        "keyring-25.7.0.dist-info/entry_points.txt",
    ],
)
def test_linux_keeps(kept: str) -> None:
    assert contents.keeps(kept, "linux")


@pytest.mark.parametrize(
    "left_out",
    [
        "PySide6/Qt/plugins/platforms/libqeglfs.so",
        "PySide6/Qt/plugins/multimedia/libffmpegmediaplugin.so",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboardplugin.so",
        "PySide6/Qt/plugins/sqldrivers/libqsqlite.so",
        "PySide6/Qt/lib/libQt6Quick.so.6",
        "PySide6/Qt/lib/libQt6Pdf.so.6",
        "PySide6/Qt/translations/qtbase_fr.qm",
        "PySide6/Qt/qml/QtQuick/x.qml",
        "libGL.so.1",
        "libstdc++.so.6",
        "libfontconfig.so.1",
        "numpy/_core/tests/data.txt",
        "onnx/backend/test/data/model.onnx",
        "plugdeck-0.1.0.dist-info/direct_url.json",
        "numpy-2.4.6.dist-info/RECORD",
        "numpy-2.4.6.dist-info/licenses/LICENSE.txt",
    ],
)
def test_linux_leaves_out(left_out: str) -> None:
    assert not contents.keeps(left_out, "linux")


def test_windows_and_macos_keep_their_own_platform_and_style() -> None:
    assert contents.keeps("PySide6\\plugins\\platforms\\qwindows.dll", "win32")
    assert contents.keeps("PySide6\\plugins\\styles\\qmodernwindowsstyle.dll", "win32")
    assert not contents.keeps("PySide6\\opengl32sw.dll", "win32")
    assert not contents.keeps("PySide6\\plugins\\platforms\\qdirect2d.dll", "win32")
    assert contents.keeps("PySide6/Qt/plugins/platforms/libqcocoa.dylib", "darwin")
    # The C++ runtime is the system's on Linux only.
    assert contents.keeps("libstdc++-6.dll", "win32")


def test_scripts_find_the_standard_library() -> None:
    hidden = contents.hidden_standard_library()
    assert {"sqlite3", "csv", "multiprocessing", "wave", "unittest", "zoneinfo", "decimal", "ctypes"} <= set(hidden)
    assert not {"tkinter", "idlelib", "test", "antigravity"} & set(hidden)
    assert not set(hidden) & set(contents.excluded_modules())


def test_every_exclusion_has_its_reason() -> None:
    for reasons in (contents.STANDARD_LIBRARY_LEFT_OUT, contents.MODULES_LEFT_OUT):
        assert all(len(reason) > 4 for reason in reasons.values())
