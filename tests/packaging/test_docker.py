from __future__ import annotations

import tomllib
from pathlib import Path


def test_the_server_image_has_everything_but_the_window(packaging: Path) -> None:
    project = tomllib.loads((packaging.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [line for line in project["dependencies"] if not line.startswith(("PySide6", "qasync"))]
    text = (packaging / "docker" / "requirements.txt").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == wanted
