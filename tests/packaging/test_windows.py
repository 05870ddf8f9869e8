from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bundle import windows


@pytest.mark.skipif(shutil.which("makensis") is None, reason="needs makensis (Debian: nsis)")
def test_the_installer_compiles_against_a_bundles_layout(tmp_path: Path) -> None:
    app = tmp_path / "bundle"
    (app / "_internal").mkdir(parents=True)
    for name in ("plugdeck.exe", "plugdeck-window.exe", "THIRD-PARTY.txt", "_internal/base_library.zip"):
        (app / name).write_bytes(b"x" * 100)
    windows.installer(app, tmp_path)
    (setup,) = tmp_path.glob("plugdeck-*-setup.exe")
    assert setup.read_bytes()[:2] == b"MZ"
