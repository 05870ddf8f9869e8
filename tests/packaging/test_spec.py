"""The spec, run as PyInstaller runs it, with PyInstaller's part played by recorders: what each platform is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

COLLECTED = ("PySide6/Qt/plugins/platforms/libqxcb.so", "PySide6/Qt/lib/libQt6Quick.so.6", "numpy/_core/x.so")


class Told:
    """The calls by name, each with its positional and named arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def part(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append((name, arguments, named))
            entries = [(path, f"/somewhere/{path}", "BINARY") for path in COLLECTED]
            return SimpleNamespace(name=named.get("name"), pure=[], scripts=[], binaries=entries, datas=[])

        return call

    def named(self, name: str) -> list[dict[str, Any]]:
        return [named for called, _, named in self.calls if called == name]


@pytest.fixture
def run_on(packaging: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Told]:
    def run(platform: str) -> Told:
        told = Told()
        hooks = ModuleType("PyInstaller.utils.hooks")
        found = ("desktop_app.cli", "desktop_app.child.compat.ango", "PIL.ImageTk", "PIL.WebPImagePlugin")

        def collect(package: str, **rule: Callable[[str], bool]) -> list[str]:
            return [name for name in found if name.startswith(package) and rule.get("filter", bool)(name)]

        hooks.__dict__["collect_submodules"] = collect
        hooks.__dict__["copy_metadata"] = lambda name, recursive: [(f"/site/{name}.dist-info", f"{name}.dist-info")]
        for name in ("PyInstaller", "PyInstaller.utils"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
        monkeypatch.setattr(sys, "path", list(sys.path))
        names = ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE")
        spec = packaging / "plugdeck.spec"
        code = compile(spec.read_text(encoding="utf-8"), str(spec), "exec")
        scope: dict[str, Any] = {"SPECPATH": str(packaging), **{name: told.part(name) for name in names}}
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", platform)
            exec(code, scope)
        return told

    return run


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_two_executables_share_one_folder(run_on: Any, platform: str) -> None:
    told = run_on(platform)
    assert [(part["name"], part["console"]) for part in told.named("EXE")] == [
        ("plugdeck-window", False),
        ("plugdeck", True),
    ]
    assert all(part["upx"] is False and part["exclude_binaries"] for part in told.named("EXE"))
    (folder,) = told.named("COLLECT")
    assert (folder["name"], folder["upx"]) == ("plugdeck", False)


def test_what_goes_in_and_what_stays_out(run_on: Any) -> None:
    told = run_on("linux")
    (analysis,) = told.named("Analysis")
    assert {"cv2", "PySide6.QtQuick", "tkinter", "pip"} <= set(analysis["excludes"])
    assert {"desktop_app.cli", "PIL.WebPImagePlugin", "sqlite3", "onnxruntime"} <= set(analysis["hiddenimports"])
    assert not {"desktop_app.child.compat.ango", "PIL.ImageTk"} & set(analysis["hiddenimports"])
    places = {(Path(source).name, place) for source, place in analysis["datas"]}
    assert ("boot.py", "desktop_app/child") in places
    assert ("fasteners.onnx", "desktop_app/_resources/demo") in places
    assert ("plugdeck.dist-info", "plugdeck.dist-info") in places
    assert not any("screenshots" in place or "__pycache__" in place for _, place in places)
    collected = next(arguments for name, arguments, _ in told.calls if name == "COLLECT")
    assert [path for path, *_ in collected[2]] == [COLLECTED[0], COLLECTED[2]]


def test_only_windows_gets_version_resources(run_on: Any) -> None:
    texts = [Path(part["version"]).read_text(encoding="utf-8") for part in run_on("win32").named("EXE")]
    assert "'plugdeck-window.exe'" in texts[0]
    assert "'plugdeck.exe'" in texts[1]
    assert [part["version"] for part in run_on("linux").named("EXE")] == [None, None]


def test_only_macos_gets_an_app(run_on: Any) -> None:
    (app,) = run_on("darwin").named("BUNDLE")
    assert app["name"] == "Plugdeck.app"
    assert app["bundle_identifier"] == "io.plugdeck.Plugdeck"
    assert app["info_plist"]["CFBundleExecutable"] == "plugdeck-window"
    assert run_on("linux").named("BUNDLE") == run_on("win32").named("BUNDLE") == []
