"""Where the peers come from: published packages, each in an environment of its own, installed once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.conftest import install_published, published_python

ROOT = Path(__file__).parents[2]
CLIENT = "ango==1.4.10"
SOCKET_IO = "socket.io@4.8.1"


def home() -> Path:
    """The folder of the environments, the same as that of the tests marked `peers`."""
    folder = Path(os.environ.get("PLUGDECK_PEERS_DIR") or ROOT / ".pytest_cache" / "d" / "peers")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def client(*more: str) -> Path:
    """The interpreter of an environment with the published client, and with `more` requirements."""
    return interpreter((CLIENT, *more))


def interpreter(requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment with these requirements and nothing else."""
    python = published_python(home(), requirements)
    if not python.exists():
        print(f"Installing {' '.join(requirements)} for the comparison …", flush=True)
        install_published(home(), requirements)
    return python


def node_modules() -> Path:
    """A folder with the official Socket.IO server in it.

    Raises:
        FileNotFoundError: there is no npm.
    """
    place = home() / SOCKET_IO.replace("@", "-")
    if not place.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError("npm is needed for the official Socket.IO server: install Node.js")
        print(f"Installing {SOCKET_IO} for the comparison …", flush=True)
        aside = Path(tempfile.mkdtemp(dir=home()))
        (aside / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = [npm, "install", "--no-audit", "--no-fund", "--silent", SOCKET_IO]
        subprocess.run(command, cwd=aside, check=True, timeout=300)
        aside.rename(place)
    return place
