"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Nor do the tests report to anybody; onnxruntime looks when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

PublishedClient = Callable[..., Path]

_INSTALL_LIMIT = 540

# A slow machine is no fault of a test's.
settings.register_profile("slow machines", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("slow machines")

# Benchmarks, run by `make bench`.
collect_ignore = ["bench"]


@pytest.fixture(scope="session")
def published_client(request: pytest.FixtureRequest) -> PublishedClient:
    """Gives the interpreter of a virtual environment with published packages in it.

    Call it with requirements such as "ango==1.1.6"; tests that do are marked `peers`. It blocks while it installs
    (call it in a thread). Environments are kept in `PLUGDECK_PEERS_DIR`, or else in pytest's cache.
    """
    kept = os.environ.get("PLUGDECK_PEERS_DIR")
    cache = request.config.cache
    assert cache is not None
    home = Path(kept) if kept else cache.mkdir("peers")
    home.mkdir(parents=True, exist_ok=True)

    def python(*requirements: str) -> Path:
        place = published_python(home, requirements)
        if not place.exists():
            install_published(home, requirements)
        return place

    return python


def published_python(home: Path, requirements: tuple[str, ...]) -> Path:
    """Where the interpreter of an environment with these requirements is, or will be, within `home`."""
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    place = home / "-".join([*(requirement.replace("==", "-") for requirement in requirements), version])
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install_published(home: Path, requirements: tuple[str, ...]) -> None:
    """Makes such an environment."""
    place = published_python(home, requirements).parents[1]
    # Made aside and then renamed: a broken install is never taken for a whole one, and two runs at once do no harm.
    aside = Path(tempfile.mkdtemp(dir=home))
    try:
        subprocess.run([sys.executable, "-m", "venv", str(aside)], check=True, timeout=_INSTALL_LIMIT)
        python = aside / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        # The published clients need pkg_resources, which later setuptools no longer have.
        wanted = ["setuptools<81", *requirements]
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
            check=True,
            timeout=_INSTALL_LIMIT,
        )
        try:
            aside.rename(place)
        except OSError:
            if not place.exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
