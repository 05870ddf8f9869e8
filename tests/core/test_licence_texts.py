from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop_app.core import versions


def test_an_installation_with_pip_has_no_file_for_all_of_them() -> None:
    assert versions.licence_texts() is None


@pytest.mark.parametrize("place", ["THIRD-PARTY.txt", "../Resources/THIRD-PARTY.txt"])
def test_the_packaged_app_finds_its_file(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "MacOS"
    for folder in (programs, tmp_path / "Resources"):
        folder.mkdir()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(programs / "plugdeck"))
    assert versions.licence_texts() is None, "a file that is not there is not named"
    (programs / place).write_text("words")
    found = versions.licence_texts()
    assert found is not None
    assert found.read_text() == "words"


def test_every_dependency_is_listed_with_its_licence() -> None:
    found = {package.name.lower().replace("_", "-"): package.licence for package in versions.packages()}
    assert {"pyside6-essentials", "numpy", "onnxruntime", "aiohttp", "pydantic"} <= found.keys()
    assert found["onnxruntime"].startswith("MIT")
