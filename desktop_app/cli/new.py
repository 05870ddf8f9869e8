"""`plugdeck new script`: a starting point for a plugin script."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop_app.cli.output import clean, say
from desktop_app.core.errors import ProfileError, UsageError
from desktop_app.core.resources import resource


def run(options: argparse.Namespace) -> int:
    """Writes the template of the chosen style; a file that is there is never replaced.

    Raises:
        UsageError: the file exists, or is no .py.
        ProfileError: it cannot be written.
    """
    file: Path = options.file.expanduser()
    if file.suffix != ".py":
        raise UsageError("A script's name ends in .py", where=str(file), remedy=f"Try {file.name}.py.")
    text = resource("templates", f"{options.style}.py").read_text(encoding="utf-8")
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
    say(f"Wrote {clean(str(file))}. Put your model into predict(), then try it:")
    say(f"  plugdeck test --script {clean(str(file))} PICTURE")
    return 0
