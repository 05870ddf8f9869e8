"""Where the files that ship with the app are found."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def resource(*parts: str) -> Path:
    """The path of a shipped file or folder, such as `resource("demo", "fasteners.onnx")`.

    Installed wheels carry `resources/` inside the package (`desktop_app/_resources`); a checkout has it at its top.
    """
    inside = _PACKAGE / "_resources"
    root = inside if inside.is_dir() else _PACKAGE.parent / "resources"
    return root.joinpath(*parts)
