from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.core import resources


def test_a_checkout_has_them_at_its_top() -> None:
    root = Path(resources.__file__).resolve().parents[2]
    assert resources.resource("demo", "x.onnx") in (
        root / "resources" / "demo" / "x.onnx",
        root / "desktop_app" / "_resources" / "demo" / "x.onnx",
    )


def test_a_wheel_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "desktop_app"
    (package / "_resources").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert resources.resource() == package / "_resources"
    assert resources.resource("a", "b.txt") == package / "_resources" / "a" / "b.txt"
    (package / "_resources").rmdir()
    assert resources.resource("a") == tmp_path / "resources" / "a"
