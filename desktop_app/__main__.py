"""Decides which face to show: the window, the command line or a worker."""

from __future__ import annotations

import sys
from argparse import Namespace
from importlib import import_module
from typing import Any

NOTHING_ASKED: dict[str, Any] = {
    "command": None,
    "data_dir": None,
    "log_level": None,
    "smoke": False,
    "in_tray": False,
    "files": [],
}
"""What the parser makes of no arguments: building it takes a tenth of the window's start."""

SERVING = (None, "open", "demo", "hub", "run")
"""These run until they are told to end, and tell when they can be told. The others are simply ended."""


def main(arguments: list[str] | None = None) -> int:
    """Runs Plugdeck; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Children of ours; nothing else may be imported or read from their pipes before.
    if arguments[:1] == ["--worker"]:
        from desktop_app.worker.main import main as worker

        worker()
        return 0
    if arguments[:1] == ["--child"]:
        from desktop_app.child.boot import main as child

        child()
        return 0

    from desktop_app.core import signals

    # What serves hears of its end even while it is being loaded.
    signals.hold()
    try:
        return _show(arguments)
    finally:
        signals.release()


def _show(arguments: list[str]) -> int:
    from desktop_app.core import signals

    if not arguments:
        return _window(Namespace(**NOTHING_ASKED))

    from desktop_app.cli.parser import parse

    options = parse(arguments)
    if options.smoke or options.command not in SERVING:
        signals.release()
    if options.smoke:
        from desktop_app.smoke import run as smoke

        return smoke(options)
    if options.command in (None, "open") or (options.command == "demo" and not options.headless):
        return _window(options)
    from desktop_app.cli.main import run

    return run(options)


def _window(options: Namespace) -> int:
    # First and not with Qt: once Qt is there, its bindings look into the source of every module that is imported.
    import_module("desktop_app.host")
    from desktop_app.app import run

    return run(options)


if __name__ == "__main__":
    sys.exit(main())
