"""Starting points for plugin scripts, and writing one."""

from __future__ import annotations

from pathlib import Path

from desktop_app.core.errors import ProfileError, UsageError
from desktop_app.core.resources import resource

STYLES = ("documented", "current", "ultralytics", "torchvision", "transformers")
"""Names of the templates that ship with the app."""


def write_template(style: str, file: Path) -> None:
    """Writes the template of a style; a file that is there is never replaced.

    Raises:
        UsageError: the file exists, or is no .py.
        ProfileError: it cannot be written.
    """
    if file.suffix != ".py":
        raise UsageError("A script's name ends in .py", where=str(file), remedy=f"Try {file.name}.py.")
    text = resource("templates", f"{style}.py").read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text.replace("--script FILE", f"--script {file.name}"))
    except FileExistsError:
        raise UsageError(
            "There is a file of that name already", where=str(file), remedy="Choose another name."
        ) from None
    except OSError as error:
        raise ProfileError(
            f"The script cannot be written: {error.strerror}", where=str(file), remedy="Choose another place."
        ) from error
