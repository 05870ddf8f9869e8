from __future__ import annotations

import sys

import pytest

from desktop_app.ui.asset.extra import how_to_read_it


def test_who_installed_with_pip_is_told_of_the_extra() -> None:
    assert how_to_read_it().startswith("Install the extra")
    assert 'pip install "plugdeck[video]"' in how_to_read_it()


def test_nobody_is_told_to_install_into_the_packaged_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert how_to_read_it().startswith("The packaged app comes without")
    assert "Install the extra" not in how_to_read_it()
