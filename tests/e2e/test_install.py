"""The checkout, installed as a package into an empty environment, works from anywhere."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app import __version__

pytestmark = [pytest.mark.e2e, pytest.mark.peers, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).resolve().parents[2]
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "desktop_app", "resources", "packaging")


def install(folder: Path) -> Path:
    """Installs a copy of the checkout; the folder that the commands are in."""
    copy = folder / "checkout"
    copy.mkdir()
    for name in NEEDED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy / name)
    home = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True, timeout=120)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    constraints = copy / "packaging" / "constraints.txt"
    command = [scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", constraints]
    subprocess.run([*command, copy], check=True, timeout=600)
    shutil.rmtree(copy)
    return scripts


async def test_an_installed_plugdeck_delivers(tmp_path: Path) -> None:
    scripts = await asyncio.to_thread(install, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("PLUGDECK_")
    }

    def plugdeck(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [scripts / "plugdeck", *arguments],
            cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip

    version = await asyncio.to_thread(plugdeck, "--version")
    assert (version.returncode, version.stdout) == (0, f"plugdeck {__version__}\n"), version.stderr
    demo = await asyncio.to_thread(plugdeck, "demo", "--headless", "--jobs", "5")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "5 of 5 jobs delivered, 0 failed; the hub has 5 answers." in demo.stdout
    assert list(elsewhere.iterdir()) == []
