"""`plugdeck service`: `plugdeck run` as a service of the person who is logged in.

Linux: a systemd user unit. macOS: a LaunchAgent. Windows: a scheduled task at logon. Nothing here needs root.
"""

from __future__ import annotations

import argparse
import os
import plistlib
import stat
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop_app.cli.output import print_json, say
from desktop_app.core.errors import KnownError, UsageError

LABEL = "io.plugdeck.Plugdeck"
TASK = "Plugdeck"
UNIT = "plugdeck.service"
LIMIT_S = 30.0


class ServiceError(KnownError):
    """The system's service manager is missing, or refused."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether the service is there, and whether it runs."""

    installed: bool
    running: bool
    place: str


class Manager(ABC):
    """One platform's way to keep a command running."""

    @abstractmethod
    def install(self, command: Sequence[str], environment_file: Path | None) -> None:
        """Makes the command a service and starts it; one that is there is replaced.

        Raises:
            ServiceError: the service manager is missing or refused.
        """

    @abstractmethod
    def remove(self) -> bool:
        """Stops it and takes it away; False if there was none. Raises as install."""

    @abstractmethod
    def status(self) -> Status:
        """How it is."""


def run(options: argparse.Namespace) -> int:
    """Does `install`, `remove` or `status`; for `status`, 0 says that it runs and 1 that it does not."""
    manager = this_platform()
    if options.action == "install":
        command = [*own_command(), "run", *options.profiles]
        if options.data_dir:
            command += ["--data-dir", str(options.data_dir.expanduser().absolute())]
        manager.install(command, _private(options.env_file))
        say(f"Installed and started: {manager.status().place}")
        if isinstance(manager, Systemd):
            say("To keep it running while you are logged out, once: sudo loginctl enable-linger " + _user())
        return 0
    if options.action == "remove":
        say("Removed; profiles and history stay." if manager.remove() else "There is no such service.")
        return 0
    status = manager.status()
    if options.json:
        print_json({"installed": status.installed, "running": status.running, "place": status.place})
    elif status.installed:
        say(f"{'Running' if status.running else 'Installed, not running'}: {status.place}")
    else:
        say("Not installed. Install it with: plugdeck service install")
    return 0 if status.running else 1


def this_platform() -> Manager:
    """The manager of the system this runs on."""
    if sys.platform == "win32":
        return ScheduledTask()
    if sys.platform == "darwin":
        return LaunchAgent(Path.home() / "Library" / "LaunchAgents")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Systemd(config / "systemd" / "user")


def own_command() -> list[str]:
    """How this very Plugdeck is started again: the frozen executable, else this interpreter."""
    if getattr(sys, "frozen", False):
        program = Path(sys.executable)
        return [str(program.with_name("plugdeck" + program.suffix))]
    return [sys.executable, "-m", "desktop_app"]


class Systemd(Manager):
    """A user unit of systemd, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / UNIT

    def install(self, command: Sequence[str], environment_file: Path | None) -> None:
        _call("systemctl", "--user", "--version")  # nothing is written where there is no systemd
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(systemd_unit(command, environment_file), encoding="utf-8")
        _call("systemctl", "--user", "daemon-reload")
        _call("systemctl", "--user", "enable", UNIT)
        _call("systemctl", "--user", "restart", UNIT)

    def remove(self) -> bool:
        if not self._file.exists():
            return False
        _call("systemctl", "--user", "disable", "--now", UNIT)
        self._file.unlink()
        _call("systemctl", "--user", "daemon-reload")
        return True

    def status(self) -> Status:
        running = self._file.exists() and _succeeds("systemctl", "--user", "is-active", "--quiet", UNIT)
        return Status(self._file.exists(), running, str(self._file))


class LaunchAgent(Manager):
    """An agent of macOS' launchd, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"{LABEL}.plist"

    def install(self, command: Sequence[str], environment_file: Path | None) -> None:
        if environment_file is not None:
            raise UsageError(
                "--env-file is for systemd", where=str(environment_file), remedy="Keep the secrets in the keychain."
            )
        self.remove()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(launch_agent(command))
        _call("launchctl", "bootstrap", self._domain(), str(self._file))

    def remove(self) -> bool:
        if not self._file.exists():
            return False
        _succeeds("launchctl", "bootout", f"{self._domain()}/{LABEL}")  # it may have been stopped already
        self._file.unlink()
        return True

    def status(self) -> Status:
        running = self._file.exists() and _succeeds("launchctl", "print", f"{self._domain()}/{LABEL}")
        return Status(self._file.exists(), running, str(self._file))

    @staticmethod
    def _domain() -> str:
        return f"gui/{os.getuid()}" if hasattr(os, "getuid") else "gui"


class ScheduledTask(Manager):
    """A task of Windows that starts when the person logs on."""

    def install(self, command: Sequence[str], environment_file: Path | None) -> None:
        if environment_file is not None:
            raise UsageError(
                "--env-file is for systemd", where=str(environment_file), remedy="Keep the secrets in the keychain."
            )
        line = subprocess.list2cmdline(command)
        _call("schtasks", "/Create", "/TN", TASK, "/SC", "ONLOGON", "/RL", "LIMITED", "/F", "/TR", line)
        _call("schtasks", "/Run", "/TN", TASK)

    def remove(self) -> bool:
        if not self.status().installed:
            return False
        _succeeds("schtasks", "/End", "/TN", TASK)
        _call("schtasks", "/Delete", "/TN", TASK, "/F")
        return True

    def status(self) -> Status:
        done = _try("schtasks", "/Query", "/TN", TASK, "/FO", "CSV", "/NH")
        installed = done is not None and done.returncode == 0
        return Status(installed, installed and "Running" in (done.stdout if done else ""), f"scheduled task {TASK}")


def systemd_unit(command: Sequence[str], environment_file: Path | None) -> str:
    """The unit's text. TimeoutStopSec leaves `plugdeck run` its 10 s to drain."""
    lines = [
        "[Unit]",
        "Description=Plugdeck: models as Ango Hub plugins",
        "",
        "[Service]",
        "ExecStart=" + " ".join(_quoted(word) for word in command),
        *([f"EnvironmentFile={_escaped(str(environment_file))}"] if environment_file else []),
        "Restart=on-failure",
        "RestartSec=5",
        "TimeoutStopSec=20",
        "KillMode=mixed",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def launch_agent(command: Sequence[str]) -> bytes:
    """The agent's property list."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 5,
            "ExitTimeOut": 20,
            "ProcessType": "Background",
        }
    )


def _quoted(word: str) -> str:
    # systemd.syntax(7): quotes, with $ doubled against variables and % against specifiers.
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _private(file: Path | None) -> Path | None:
    if file is None:
        return None
    file = file.expanduser().absolute()
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise UsageError(f"The file cannot be read: {error.strerror}", where=str(file)) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError("Others can read this file of secrets", where=str(file), remedy=f"Run: chmod 600 {file}")
    return file


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "$USER"


def _try(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _succeeds(*command: str) -> bool:
    done = _try(*command)
    return done is not None and done.returncode == 0


def _call(*command: str) -> None:
    done = _try(*command)
    if done is None:
        raise ServiceError(
            f"{command[0]} is not there or does not answer",
            where=" ".join(command),
            remedy="Have your system's own service manager run: plugdeck run",
        )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise ServiceError(
            f"{command[0]} refused: {said.splitlines()[-1] if said else f'exit code {done.returncode}'}",
            where=" ".join(command),
            remedy="In a session without its own service manager (su, a container), run plugdeck run another way.",
        )
