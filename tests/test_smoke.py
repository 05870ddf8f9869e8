from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app import smoke


async def test_what_is_broken_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def check(folder: Path) -> None:
        raise RuntimeError("script: the job failed: no such module")

    monkeypatch.setattr(smoke, "_check", check)
    assert await smoke._main() == 1
    assert (
        capsys.readouterr().err
        == "plugdeck: the smoke test failed: RuntimeError: script: the job failed: no such module\n"
    )
