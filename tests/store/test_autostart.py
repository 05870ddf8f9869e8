from __future__ import annotations

import plistlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.store.autostart import RUN_KEY, DesktopFile, LaunchAgent, RunKey, start_command

COMMAND = ["/opt/my apps/plugdeck", "--in-tray", "--data-dir", '/home/a "b" $c\\d 100%']


@pytest.mark.skipif(sys.platform == "win32", reason="asks a shell")
def test_a_desktop_file_on_linux(tmp_path: Path) -> None:
    entry = DesktopFile(tmp_path / "config")
    assert not entry.is_set
    entry.set(None)
    entry.set(COMMAND)
    assert entry.is_set
    text = (tmp_path / "config" / "autostart" / "plugdeck.desktop").read_text()
    assert text.startswith("[Desktop Entry]\n")
    line = next(row for row in text.splitlines() if row.startswith("Exec=")).removeprefix("Exec=")
    # First the rules of the file's strings, then those of Exec, whose quotes are a shell's.
    line = line.replace("\\\\", "\\").replace("%%", "%")
    said = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == COMMAND
    entry.set(None)
    assert not entry.is_set


def test_a_launch_agent_on_macos(tmp_path: Path) -> None:
    agent = LaunchAgent(tmp_path)
    agent.set(COMMAND)
    (path,) = (tmp_path / "Library" / "LaunchAgents").iterdir()
    facts = plistlib.loads(path.read_bytes())
    assert facts["ProgramArguments"] == COMMAND
    assert facts["RunAtLoad"] is True
    assert agent.is_set
    agent.set(None)
    assert not agent.is_set


class Key:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class Registry:
    """What is used of winreg."""

    HKEY_CURRENT_USER, KEY_SET_VALUE, REG_SZ = "user", "set", "text"

    def __init__(self, *, refuses: bool = False) -> None:
        self.values: dict[str, str] = {}
        self.refuses = refuses

    def OpenKey(self, root: str, path: str) -> Key:
        assert (root, path) == ("user", RUN_KEY)
        return Key()

    def CreateKeyEx(self, root: str, path: str, _reserved: int, _access: str) -> Key:
        if self.refuses:
            raise PermissionError(5, "Access is denied")
        return self.OpenKey(root, path)

    def QueryValueEx(self, _key: Key, name: str) -> tuple[str, str]:
        if name not in self.values:
            raise FileNotFoundError
        return self.values[name], "text"

    def SetValueEx(self, _key: Key, name: str, _reserved: int, _kind: str, value: str) -> None:
        self.values[name] = value

    def DeleteValue(self, _key: Key, name: str) -> None:
        if name not in self.values:
            raise FileNotFoundError
        del self.values[name]


def test_the_run_key_on_windows() -> None:
    registry: Any = Registry()
    key = RunKey(registry)
    assert not key.is_set
    key.set(None)
    key.set(["C:\\Program Files\\Plugdeck\\plugdeck.exe", "--in-tray"])
    assert registry.values == {"Plugdeck": '"C:\\Program Files\\Plugdeck\\plugdeck.exe" --in-tray'}
    assert key.is_set
    key.set(None)
    assert registry.values == {}


def test_what_cannot_be_changed_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Access is denied"):
        RunKey(Registry(refuses=True)).set(COMMAND)
    (tmp_path / "autostart").write_text("a file")
    with pytest.raises(StoreError):
        DesktopFile(tmp_path).set(COMMAND)


def test_the_command_starts_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPIMAGE", raising=False)
    assert start_command("--in-tray")[1:] == ["-m", "desktop_app", "--in-tray"]
    monkeypatch.setenv("APPIMAGE", "/apps/Plugdeck.AppImage")
    assert start_command("--in-tray") == ["/apps/Plugdeck.AppImage", "--in-tray"]
