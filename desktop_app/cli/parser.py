"""Names and options of the commands. Scripts outside depend on them: nothing here is renamed or taken away."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from desktop_app import __version__
from desktop_app.core.profile import AnswerFormat, Shape

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

SHAPES = {
    "box": Shape.BOX,
    "bounding-box": Shape.BOX,
    "rotated": Shape.ROTATED,
    "rotated-bounding-box": Shape.ROTATED,
    "polygon": Shape.POLYGON,
    "segmentation": Shape.SEGMENTATION,
    "point": Shape.POINT,
    "auto": Shape.AUTO,
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; exit code 2. Options are never abbreviated: a new one must not break a script."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"plugdeck: {message}. See: {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line. The global options stand before or after the command."""
    common = _common(argparse.SUPPRESS)
    parser = _Parser(
        prog="plugdeck",
        description="Host your own models as Ango Hub plugins. Without a command the window opens.",
        parents=[_common(None)],
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, text: str, owner: Any = commands) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = owner.add_parser(name, help=text, description=text, parents=[common])
        return made

    demo = command(
        "demo", "Try Plugdeck: a local demo hub, sample profiles and assets, in a throw-away data directory."
    )
    demo.add_argument("--headless", action="store_true", help="no window: one line per job and a summary")
    demo.add_argument("--jobs", type=_positive, metavar="N", help="stop after N jobs; exit 1 if any failed")

    hub = command("hub", "Run the demo hub alone, to try plugins without an account.")
    hub.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port on the loopback interface (default: a free one)"
    )
    hub.add_argument(
        "--interval", type=_seconds, default=3.0, metavar="SECONDS", help="time between two jobs (default 3)"
    )

    run = command("run", "Serve profiles without a window until SIGINT or SIGTERM, then drain.")
    run.add_argument("profiles", nargs="*", metavar="PROFILE", help="names (default: all enabled ones)")
    run.add_argument("--json", action="store_true", help="one JSON object per line on stdout")

    _profiles(command)
    _inspect(command)
    _test(command)
    _jobs(command)
    return parser


def _common(default: Any) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        default=default,
        help="where everything is kept (default: PLUGDECK_DATA_DIR, else the platform's place)",
    )
    common.add_argument("--log-level", choices=LOG_LEVELS, default=default, metavar="LEVEL", help=", ".join(LOG_LEVELS))
    common.add_argument(
        "--version", action="version", version=f"plugdeck {__version__}", help="say which version this is"
    )
    return common


def _profiles(command: Any) -> None:
    profiles = command("profiles", "List, add, show, remove, export and import profiles.")
    actions = profiles.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)

    listed = command("list", "List all profiles.", actions)
    listed.add_argument("--json", action="store_true", help="a JSON array on stdout")
    command("show", "Show one profile.", actions).add_argument("name", metavar="NAME")
    command("remove", "Remove a profile and its secret.", actions).add_argument("name", metavar="NAME")
    export = command("export", "Write a profile, without its secret, to FILE or stdout.", actions)
    export.add_argument("name", metavar="NAME")
    export.add_argument("file", metavar="FILE", nargs="?", type=Path)
    command("import", "Add the profile that FILE holds.", actions).add_argument("file", metavar="FILE", type=Path)

    add = command("add", "Add a profile.", actions)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--host", metavar="URL", help="the hub, such as https://api.ango.ai")
    add.add_argument("--id", dest="plugin_id", metavar="ID", help="the plugin's id")
    secret = add.add_mutually_exclusive_group()
    secret.add_argument("--secret-stdin", action="store_true", help="read the plugin's secret from stdin")
    secret.add_argument("--secret-env", metavar="VAR", help="read the plugin's secret from this variable")
    add.add_argument("--from-script", action="store_true", help="take host, id and secret from the script itself")
    _model(add, required=True)
    _options(add)


def _model(parser: argparse.ArgumentParser, *, required: bool) -> None:
    model = parser.add_mutually_exclusive_group(required=required)
    model.add_argument("--onnx", type=Path, metavar="FILE", help="an ONNX file")
    model.add_argument("--script", type=Path, metavar="FILE", help="a plugin script")
    model.add_argument("--remote", metavar="URL", help="an Open Inference Protocol (KServe v2) server")
    parser.add_argument("--model", metavar="NAME", help="the model's name on the remote server")
    parser.add_argument(
        "--python", type=Path, metavar="INTERPRETER", help="interpreter for the script (default: bundled)"
    )


def _options(parser: argparse.ArgumentParser) -> None:
    options = parser.add_argument_group("options of the profile")
    options.add_argument("--confidence", type=_fraction, help="least confidence of an instance (default 0.25)")
    options.add_argument(
        "--iou", type=_fraction, help="overlap above which the weaker of two instances goes (default 0.45)"
    )
    options.add_argument("--classes", metavar="FILE|a,b,c", help="class names in the model's order")
    options.add_argument("--shape", choices=sorted(SHAPES), metavar="SHAPE", help=", ".join(sorted(SHAPES)))
    options.add_argument("--concurrency", type=_positive, metavar="N", help="jobs at once in the model (default 1)")
    options.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="bound on the run of the model (default 120)"
    )
    options.add_argument("--provider", metavar="NAME", help="execution provider: cpu, cuda, … (default cpu)")
    options.add_argument("--answer-format", choices=[f.value for f in AnswerFormat], help="shape of the response event")
    options.add_argument("--allow-private-assets", action="store_true", help="fetch assets from private addresses too")


def _inspect(command: Any) -> None:
    inspect = command("inspect", "Say what an ONNX file is, how sure that is, and why.")
    inspect.add_argument("file", type=Path, metavar="MODEL.onnx")
    inspect.add_argument("--json", action="store_true", help="one JSON object on stdout")


def _test(command: Any) -> None:
    test = command("test", "Run local files through a profile or model as a job would; nothing is sent.")
    test.add_argument(
        "arguments", nargs="*", metavar="PROFILE|FILE", help="PROFILE FILE…, or FILE… with --onnx or --script"
    )
    test.add_argument("--json", action="store_true", help="one JSON array on stdout")
    test.add_argument("--config", metavar="JSON", help="the Config JSON of the run")
    test.add_argument(
        "--map",
        action="append",
        default=[],
        type=_mapping,
        metavar="CLASS=SCHEMAID",
        help="map a class; with any --map, only mapped classes are answered (may be given many times)",
    )
    test.add_argument("--overlay", type=Path, metavar="OUT.png", help="draw the answer of the first file on it")
    _model(test, required=False)
    _options(test)


def _jobs(command: Any) -> None:
    jobs = command("jobs", "Look into the history.")
    actions = jobs.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    listed = command("list", "List jobs, the latest first.", actions)
    listed.add_argument("--profile", metavar="NAME")
    listed.add_argument("--state", metavar="STATE")
    listed.add_argument("--limit", type=_positive, default=100, metavar="N", help="at most N jobs (default 100)")
    listed.add_argument("--json", action="store_true", help="one JSON array on stdout")
    show = command("show", "Show everything that is known of a session's job.", actions)
    show.add_argument("session", metavar="SESSION")


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return value


def _port(text: str) -> int:
    value = int(text) if text.isdigit() else -1
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return value


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _mapping(text: str) -> tuple[str, str]:
    name, equals, schema_id = text.rpartition("=")
    if not equals or not name or not schema_id:
        raise argparse.ArgumentTypeError(f"{text!r} is not CLASS=SCHEMAID")
    return name, schema_id
