"""Starting with the person's login, in the way each system has for it. Everything it touches is the person's own."""

from __future__ import annotations

import os
import plistlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from desktop_app.core.errors import StoreError

NAME = "Plugdeck"
LABEL = "app.plugdeck.Plugdeck"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"


class Autostart(Protocol):
    """One system's list of what starts with the login."""

    @property
    def is_set(self) -> bool:
        """Whether Plugdeck is on it."""
        ...

    def set(self, command: Sequence[str] | None) -> None:
        """Puts a command on it, or takes Plugdeck off for None.

        Raises:
            StoreError: it cannot be changed.
        """
        ...


class DesktopFile:
    """Linux and BSD: a file in the autostart folder (freedesktop.org)."""

    def __init__(self, config: Path) -> None:
        self._path = config / "autostart" / "plugdeck.desktop"

    @property
    def is_set(self) -> bool:
        """See Autostart."""
        return self._path.exists()

    def set(self, command: Sequence[str] | None) -> None:
        """See Autostart."""
        lines = [
            "[Desktop Entry]",
            "Type=Application",
            f"Name={NAME}",
            "Comment=Hosts your models as Ango Hub plugins",
            f"Exec={' '.join(_exec_word(word) for word in command or ())}",
            "Icon=plugdeck",
            "Terminal=false",
            "X-GNOME-Autostart-enabled=true",
        ]
        _write(self._path, "\n".join(lines).encode() + b"\n" if command else None)


class LaunchAgent:
    """macOS: a property list that launchd reads."""

    def __init__(self, home: Path) -> None:
        self._path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    @property
    def is_set(self) -> bool:
        """See Autostart."""
        return self._path.exists()

    def set(self, command: Sequence[str] | None) -> None:
        """See Autostart."""
        facts = {
            "Label": LABEL,
            "ProgramArguments": list(command or ()),
            "RunAtLoad": True,
            "ProcessType": "Interactive",
            "LimitLoadToSessionType": "Aqua",
        }
        _write(self._path, plistlib.dumps(facts) if command else None)


class RunKey:
    """Windows: a value below the person's own Run key.

    Args:
        registry: the module winreg, or what stands in for it.
    """

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    @property
    def is_set(self) -> bool:
        """See Autostart."""
        reg = self._registry
        try:
            with reg.OpenKey(reg.HKEY_CURRENT_USER, RUN_KEY) as key:
                reg.QueryValueEx(key, NAME)
        except OSError:
            return False
        return True

    def set(self, command: Sequence[str] | None) -> None:
        """See Autostart."""
        reg = self._registry
        try:
            with reg.CreateKeyEx(reg.HKEY_CURRENT_USER, RUN_KEY, 0, reg.KEY_SET_VALUE) as key:
                if command:
                    reg.SetValueEx(key, NAME, 0, reg.REG_SZ, subprocess.list2cmdline(command))
                else:
                    try:
                        reg.DeleteValue(key, NAME)
                    except FileNotFoundError:
                        pass
        except OSError as error:
            raise _refused(RUN_KEY, error) from error


def autostart() -> Autostart:
    """That of this machine."""
    if sys.platform == "win32":
        import winreg

        return RunKey(winreg)
    if sys.platform == "darwin":
        return LaunchAgent(Path.home())
    return DesktopFile(Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"))


def start_command(*options: str) -> list[str]:
    """How this very program is started, with options."""
    image = os.environ.get("APPIMAGE")
    if image:
        return [image, *options]
    if getattr(sys, "frozen", False):
        return [sys.executable, *options]
    return [sys.executable, "-m", "desktop_app", *options]


def _exec_word(word: str) -> str:
    """A word of a desktop file's Exec line: quoted by its rules, with % for what is no field code."""
    for char in ("\\", '"', "`", "$"):
        word = word.replace(char, f"\\{char}")
    # The value is a string of the file format first, where a backslash is written as two.
    return '"' + word.replace("%", "%%").replace("\\", "\\\\") + '"'


def _write(path: Path, data: bytes | None) -> None:
    try:
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise _refused(str(path), error) from error


def _refused(where: str, error: OSError) -> StoreError:
    return StoreError(
        f"What starts at login cannot be changed: {error.strerror or error}",
        where=where,
        remedy="Check its permissions, or add Plugdeck in the desktop's own settings.",
    )
