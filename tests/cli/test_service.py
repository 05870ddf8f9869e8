from __future__ import annotations

import json
import os
import plistlib
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli import service
from desktop_app.core.errors import UsageError

COMMAND = ["/opt/my apps/plugdeck", "run", "50% off", 'the "best"', "$HOME", "--data-dir", "/d"]


@pytest.fixture
def manager_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in for systemctl, launchctl or schtasks that notes its calls and does what it is told."""
    calls = tmp_path / "calls.txt"

    def make(name: str, answers: str = "") -> Path:
        folder = tmp_path / "programs"
        folder.mkdir(exist_ok=True)
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\n{answers}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return calls

    return make


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path / "config" / "systemd" / "user" / "plugdeck.service"


def test_a_systemd_unit_keeps_every_word_as_it_is() -> None:
    unit = service.systemd_unit(COMMAND, Path("/etc/100%/env"))
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    assert line == ('ExecStart="/opt/my apps/plugdeck" "run" "50%% off" "the \\"best\\"" "$$HOME" "--data-dir" "/d"')
    assert "EnvironmentFile=/etc/100%%/env\n" in unit
    assert "TimeoutStopSec=20\n" in unit  # longer than the drain


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_itself_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "plugdeck.service"
    unit.write_text(service.systemd_unit([sys.executable, "-m", "desktop_app", "run"], None))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "plugdeck.service" not in done.stderr


def test_a_launch_agent_is_a_property_list_that_starts_the_command() -> None:
    agent = plistlib.loads(service.launch_agent(COMMAND))
    assert agent["ProgramArguments"] == COMMAND
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["ExitTimeOut"] > 10


def test_install_status_remove(cli: Any, config: Path, manager_program: Any) -> None:
    calls = manager_program("systemctl")
    outcome = cli("service", "install", "Cars", "--data-dir", config.parent / "data")
    assert (outcome.code, outcome.err) == (0, "")
    assert str(config) in outcome.out
    assert "enable-linger" in outcome.out
    assert f'"run" "Cars" "--data-dir" "{config.parent / "data"}"' in config.read_text()
    assert calls.read_text().splitlines()[1:4] == [
        "--user daemon-reload",
        "--user enable plugdeck.service",
        "--user restart plugdeck.service",
    ]
    status = cli("service", "status", "--json")
    assert (status.code, json.loads(status.out)) == (0, {"installed": True, "running": True, "place": str(config)})
    assert cli("service", "remove").out == "Removed; profiles and history stay.\n"
    assert not config.exists()
    assert cli("service", "remove").out == "There is no such service.\n"
    assert cli("service", "status").code == 1


def test_one_that_is_installed_and_stopped_says_so(cli: Any, config: Path, manager_program: Any) -> None:
    manager_program("systemctl", 'case "$*" in *is-active*) exit 3;; esac')
    cli("service", "install")
    status = cli("service", "status")
    assert (status.code, status.out) == (1, f"Installed, not running: {config}\n")


def test_without_systemd_nothing_is_written(cli: Any, config: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = cli("service", "install")
    assert outcome.code == 1
    assert "systemctl is not there" in outcome.err
    assert "plugdeck run" in outcome.err
    assert not config.exists()


def test_what_the_manager_refuses_is_said(cli: Any, config: Path, manager_program: Any) -> None:
    manager_program("systemctl", 'case "$*" in *reload*) echo "Failed to connect to bus" >&2; exit 1;; esac')
    outcome = cli("service", "install")
    assert outcome.code == 1
    assert "Failed to connect to bus" in outcome.err


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_file_of_secrets_that_others_can_read_is_refused(
    cli: Any, config: Path, tmp_path: Path, manager_program: Any
) -> None:
    manager_program("systemctl")
    secrets = tmp_path / "secrets.env"
    secrets.write_text("PLUGDECK_SECRET_CARS=s3cret\n")
    secrets.chmod(0o644)
    outcome = cli("service", "install", "--env-file", secrets)
    assert outcome.code == 2
    assert f"chmod 600 {secrets}" in outcome.err
    secrets.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert cli("service", "install", "--env-file", secrets).code == 0
    assert f"EnvironmentFile={secrets}\n" in config.read_text()


def test_windows_makes_a_task_at_logon(manager_program: Any) -> None:
    calls = manager_program("schtasks", 'case "$1" in /Query) echo \'"Plugdeck","N/A","Running"\';; esac')
    task = service.ScheduledTask()
    task.install([r"C:\Program Files\Plugdeck\plugdeck.exe", "run"], None)
    assert calls.read_text().splitlines() == [
        r'/Create /TN Plugdeck /SC ONLOGON /RL LIMITED /F /TR "C:\Program Files\Plugdeck\plugdeck.exe" run',
        "/Run /TN Plugdeck",
    ]
    assert task.status() == service.Status(True, True, "scheduled task Plugdeck")
    assert task.remove()
    with pytest.raises(UsageError, match="systemd"):
        task.install(["plugdeck"], Path("secrets.env"))


def test_macos_loads_an_agent(tmp_path: Path, manager_program: Any) -> None:
    calls = manager_program("launchctl")
    agent = service.LaunchAgent(tmp_path / "LaunchAgents")
    agent.install(["/Applications/Plugdeck.app/Contents/MacOS/plugdeck", "run"], None)
    file = tmp_path / "LaunchAgents" / "io.plugdeck.Plugdeck.plist"
    assert f"bootstrap gui/{os.getuid()} {file}" in calls.read_text()
    assert agent.status() == service.Status(True, True, str(file))
    assert agent.remove()
    assert not file.exists()
    assert not agent.remove()


def test_the_frozen_app_starts_its_own_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/usr/lib/plugdeck/plugdeck-window")
    assert service.own_command() == ["/usr/lib/plugdeck/plugdeck"]
