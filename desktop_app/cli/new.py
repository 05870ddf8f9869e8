"""`plugdeck new script`: a starting point for a plugin script."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop_app.cli.output import clean, say
from desktop_app.runner.templates import write_template


def run(options: argparse.Namespace) -> int:
    """Writes the template of the chosen style; a file that is there is never replaced.

    Raises:
        UsageError: the file exists, or is no .py.
        ProfileError: it cannot be written.
    """
    file: Path = options.file.expanduser()
    write_template(options.style, file)
    say(f"Wrote {clean(str(file))}. Put your model into predict(), then try it:")
    say(f"  plugdeck test --script {clean(str(file))} PICTURE")
    return 0
