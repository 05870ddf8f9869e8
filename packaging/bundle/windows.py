"""Windows: the icons and the NSIS installer."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bundle import slim, versions

HERE = Path(__file__).resolve().parent.parent
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICNS_SIZES = (16, 32, 64, 128, 256, 512, 1024)


def icons(python: Path) -> None:
    """Draws the icon files of Windows and macOS from the SVG."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for target, sizes in (
        (HERE / "windows" / "plugdeck.ico", ICO_SIZES),
        (HERE / "macos" / "plugdeck.icns", ICNS_SIZES),
    ):
        command = [str(python), str(HERE / "bundle" / "icon.py"), str(target), *map(str, sizes)]
        subprocess.run(command, check=True, env=environment)


def definitions(app: Path, out: Path) -> dict[str, str]:
    """What the installer's script asks for."""
    return {
        "VERSION": versions.VERSION,
        "VERSION_NUMBERS": ".".join(map(str, versions.numbers())),
        "BUNDLE": str(app),
        "OUT": str(out / f"plugdeck-{versions.VERSION}-setup.exe"),
        "SIZE_KB": str(slim.size(app) // 1024),
        "PUBLISHER": versions.PUBLISHER,
    }


def installer(app: Path, out: Path) -> None:
    """Compiles `plugdeck.nsi`; makensis runs on Linux too."""
    options = [f"-D{name}={value}" for name, value in definitions(app, out).items()]
    subprocess.run(["makensis", "-V2", "-WX", *options, str(HERE / "windows" / "plugdeck.nsi")], check=True)
