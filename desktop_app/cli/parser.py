"""Names and options of the commands. Scripts outside depend on them: nothing here is renamed or taken away."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from desktop_app import __version__
from desktop_app.cli import help_texts
from desktop_app.core.job import JobState
from desktop_app.core.profile import AnswerFormat, Shape
from desktop_app.runner.templates import STYLES

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
        super().__init__(
            *args, **{"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter, **kwargs}
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"plugdeck: {message[:1].upper()}{message[1:]}. See: {self.prog} --help\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of a command line; wrong ones end the process with exit code 2 and a line that says why.

    Names may stand on both sides of an option (`test PROFILE --json FILE`), which argparse alone does not take.
    """
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    names = {"test": "arguments", "run": "profiles"}.get(options.command or "")
    if rest and names and not any(item.startswith("-") for item in rest):
        setattr(options, names, [*getattr(options, names), *rest])
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def build_parser() -> argparse.ArgumentParser:
    """The whole command line. The global options stand before or after the command."""
    parser = _Parser(
        prog="plugdeck",
        description="Host your own models as Ango Hub plugins. Without a command the window opens.",
        epilog=help_texts.GENERAL,
        parents=[_common(None)],
    )
    parser.add_argument(
        "--smoke", action="store_true", help="check this installation: window, demo hub, workers; exit 0 if all is well"
    )
    parser.add_argument("--in-tray", action="store_true", help="open the window in the tray, as at login")
    parser.set_defaults(files=[])
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", parser_class=_Parser)
    add = _Adder(commands)

    demo = add("demo", "Try Plugdeck: a local demo hub, sample plugins and assets, in a throw-away data directory.")
    demo.add_argument("--headless", action="store_true", help="no window: one line per job and a summary")
    demo.add_argument("--jobs", type=_positive, metavar="N", help="stop after N jobs; exit 1 if any failed")

    opened = add(
        "open", "Open the window with files, as if they were dropped on it: models, scripts, profiles, assets."
    )
    opened.add_argument("files", nargs="*", type=Path, metavar="FILE")

    hub = add("hub", "Run the demo hub alone, to try plugins without an account.", help_texts.HUB)
    hub.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port on the loopback interface (default: a free one)"
    )
    hub.add_argument(
        "--interval", type=_seconds, default=3.0, metavar="SECONDS", help="time between two jobs (default 3)"
    )

    run = add("run", "Serve profiles without a window until SIGINT or SIGTERM, then drain.", help_texts.RUN)
    run.add_argument("profiles", nargs="*", metavar="PROFILE", help="names (default: all enabled ones)")
    run.add_argument("--json", action="store_true", help="one JSON object per line on stdout")
    run.add_argument(
        "--metrics",
        metavar="ADDRESS:PORT",
        help="offer /metrics (Prometheus), /healthz and /readyz there, such as 127.0.0.1:9464 (port 0: a free one)",
    )
    run.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="json: the log as one JSON object per line on stderr, from level info on (see --log-level)",
    )
    rest = run.add_argument_group("REST connector (the hub calls the plugin, instead of the plugin calling the hub)")
    rest.add_argument("--rest", action="store_true", help="answer POST /plugin and GET /heartbeat; for one PROFILE")
    rest.add_argument("--bind", metavar="ADDRESS", help="where to listen (default 127.0.0.1: this machine only)")
    rest.add_argument("--port", type=_port, metavar="N", help="port to listen on (default 8080; 0: a free one)")

    _profiles(add)
    inspect = add("inspect", "Say what an ONNX file or a model on a server is, how sure that is, and why.")
    inspect.add_argument("file", type=Path, nargs="?", metavar="MODEL.onnx")
    inspect.add_argument("--remote", metavar="URL", help="a model server (Open Inference Protocol), with --model")
    _server(inspect)
    inspect.add_argument("--json", action="store_true", help="one JSON object on stdout")
    _test(add)
    script = add.group("new", "Write a starting point.")("script", "Write a plugin script to start from.")
    script.add_argument("file", metavar="FILE", type=Path, help="the .py file to make; never one that exists")
    script.add_argument(
        "--style", choices=STYLES, default=STYLES[0], metavar="STYLE", help=f"{', '.join(STYLES)} (default {STYLES[0]})"
    )
    _jobs(add)
    doctor = add(
        "doctor", "Find out why a plugin gets no jobs: network, hub, login, model, keychain, disk.", help_texts.DOCTOR
    )
    doctor.add_argument("profile", nargs="?", metavar="PROFILE", help="its name (default: all)")
    doctor.add_argument("--json", action="store_true", help="one JSON object on stdout")
    _service(add)
    return parser


def _service(add: _Adder) -> None:
    action = add.group(
        "service", "Have the system keep `plugdeck run` running, from login on (systemd, launchd, Windows)."
    )
    install = action("install", "Make `plugdeck run` a service of yours and start it; one that is there is replaced.")
    install.add_argument("profiles", nargs="*", metavar="PROFILE", help="names (default: all enabled ones)")
    install.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="systemd: a file of PLUGDECK_SECRET_…=… lines that only you can read",
    )
    action("remove", "Stop the service and take it away; profiles and history stay.")
    status = action("status", "Say whether it is installed and runs; exit 1 if it does not run.")
    status.add_argument("--json", action="store_true", help="one JSON object on stdout")


class _Adder:
    """Adds commands that all take the global options."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def __call__(self, name: str, text: str, more: str | None = None) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = self._owner.add_parser(
            name, help=text, description=text, epilog=more, parents=[_common(argparse.SUPPRESS)]
        )
        return made

    def group(self, name: str, text: str) -> _Adder:
        """A command that has commands of its own."""
        actions = self(name, text).add_subparsers(
            title="actions", dest="action", metavar="ACTION", required=True, parser_class=_Parser
        )
        return _Adder(actions)


def _common(default: Any) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group("global options")
    group.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        default=default,
        help="where everything is kept (default: PLUGDECK_DATA_DIR, else the platform's place)",
    )
    group.add_argument(
        "--log-level",
        choices=LOG_LEVELS,
        default=default,
        metavar="LEVEL",
        help=f"what is told on stderr: {', '.join(LOG_LEVELS)} (default warning)",
    )
    group.add_argument(
        "--version", action="version", version=f"plugdeck {__version__}", help="say which version this is"
    )
    return common


def _profiles(add: _Adder) -> None:
    action = add.group("profiles", "List, add, show, remove, export and import profiles.")

    listed = action("list", "List all profiles.")
    listed.add_argument("--json", action="store_true", help="one JSON array on stdout")
    action("show", "Show one profile as JSON.").add_argument("name", metavar="NAME")
    action("remove", "Remove a profile and its secret; its history stays.").add_argument("name", metavar="NAME")
    export = action("export", "Write a profile, without its secret, to FILE or stdout.")
    export.add_argument("name", metavar="NAME")
    export.add_argument("file", metavar="FILE", nargs="?", type=Path)
    export.add_argument("-o", "--output", metavar="FILE", type=Path, help="the same as FILE")
    imported = action("import", "Add the profile that FILE holds; it carries no secret.")
    imported.add_argument("file", metavar="FILE", type=Path)

    key = action("api-key", "Keep an API key of yours with a profile; its runs over projects survive a restart then.")
    key.add_argument("name", metavar="NAME")
    source = key.add_mutually_exclusive_group(required=True)
    source.add_argument("--key-stdin", action="store_true", help="read the key from stdin")
    source.add_argument("--key-env", metavar="VAR", help="read the key from this variable")
    source.add_argument("--forget", action="store_true", help="remove the key that is kept")

    new = action("add", "Add a profile.", help_texts.ADD)
    new.add_argument("name", metavar="NAME")
    new.add_argument("--host", metavar="URL", help="the hub, such as https://api.ango.ai")
    new.add_argument("--id", dest="plugin_id", metavar="ID", help="the plugin's id")
    secret = new.add_mutually_exclusive_group()
    secret.add_argument("--secret-stdin", action="store_true", help="read the plugin's secret from stdin")
    secret.add_argument("--secret-env", metavar="VAR", help="read the plugin's secret from this variable")
    new.add_argument(
        "--from-script", action="store_true", help="take host, id and secret from the script itself (with --script)"
    )
    new.add_argument(
        "--shadow-of",
        metavar="NAME",
        help="answer the jobs of this profile too, sending nothing, to compare the two (no host, id or secret needed)",
    )
    _model(new, required=True)
    _options(new)


def _model(parser: argparse.ArgumentParser, *, required: bool) -> None:
    group = parser.add_argument_group("model")
    model = group.add_mutually_exclusive_group(required=required)
    model.add_argument("--onnx", type=Path, metavar="FILE", help="an ONNX file")
    model.add_argument("--script", type=Path, metavar="FILE", help="a plugin script")
    model.add_argument("--remote", metavar="URL", help="a model server (Open Inference Protocol over HTTP)")
    _server(group)
    group.add_argument(
        "--python", type=Path, metavar="INTERPRETER", help="interpreter for the script (default: the bundled one)"
    )


def _server(group: argparse._ActionsContainer) -> None:
    group.add_argument("--model", metavar="NAME", help="the model's name on the remote server")
    group.add_argument("--model-version", metavar="V", help="its version there (default: the server's choice)")
    group.add_argument("--token-env", metavar="VAR", help="read the remote server's bearer token from this variable")
    group.add_argument(
        "--allow-insecure-remote",
        action="store_true",
        help="allow a remote server without encryption (http) that is not on this machine",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    options = parser.add_argument_group("options of the profile")
    options.add_argument(
        "--confidence", type=_fraction, metavar="0…1", help="least confidence of an instance (default 0.25)"
    )
    options.add_argument(
        "--iou",
        type=_fraction,
        metavar="0…1",
        help="overlap above which the weaker of two instances goes (default 0.45)",
    )
    options.add_argument(
        "--classes", metavar="FILE|a,b,c", help="class names in the model's order; a list, data.yaml or config.json"
    )
    options.add_argument(
        "--shape",
        choices=sorted(SHAPES),
        metavar="SHAPE",
        help=f"{', '.join(sorted(SHAPES))} (default: what fits the model's task)",
    )
    options.add_argument(
        "--concurrency", type=_positive, metavar="N", help="jobs at once in the model (default 1; with --remote 4)"
    )
    options.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="bound on the run of the model (default 120)"
    )
    options.add_argument(
        "--memory-limit",
        type=_positive,
        metavar="MB",
        help="memory of the worker and what it starts, beyond which it is ended (default none)",
    )
    options.add_argument("--provider", metavar="NAME", help="execution provider: cpu, cuda, … (default cpu)")
    options.add_argument(
        "--unload-after",
        type=_seconds,
        metavar="SECONDS",
        help="idle time after which an ONNX model leaves memory (default never)",
    )
    formats = [f.value for f in AnswerFormat]
    options.add_argument(
        "--answer-format",
        choices=formats,
        metavar="FORMAT",
        help=f"shape of the response: {', '.join(formats)} (default auto)",
    )
    options.add_argument("--allow-private-assets", action="store_true", help="fetch assets from private addresses too")
    options.add_argument("--allow-insecure-host", action="store_true", help="take a plain http hub on another machine")


def _test(add: _Adder) -> None:
    test = add("test", "Run local files through a profile or model as a job would; nothing is sent.", help_texts.TRY)
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


def _jobs(add: _Adder) -> None:
    action = add.group("jobs", "Look into the history.")
    listed = action("list", "List jobs, the latest first.")
    listed.add_argument("--profile", metavar="NAME", help="only those of this profile")
    states = ", ".join(state.value for state in JobState)
    listed.add_argument("--state", metavar="STATE", help=f"only those in this state: {states}")
    listed.add_argument("--limit", type=_positive, default=100, metavar="N", help="at most N jobs (default 100)")
    listed.add_argument("--json", action="store_true", help="one JSON array on stdout")
    show = action("show", "Show everything that is known of a session's job, as JSON.")
    show.add_argument("session", metavar="SESSION")
    failed = action("failed", "List the assets that failed in a run over a project, and why.")
    failed.add_argument("session", metavar="SESSION")
    failed.add_argument("--json", action="store_true", help="one JSON array on stdout")
    replay = action("replay", "Answer a job once more, from the cached asset; nothing is sent.", help_texts.REPLAY)
    replay.add_argument("session", metavar="SESSION")
    replay.add_argument("--profile", metavar="OTHER", help="the profile that answers (default: the job's own)")
    replay.add_argument("--json", action="store_true", help="one JSON object on stdout")
    export = action("export", "Write the answers of all delivered jobs for training code.")
    export.add_argument("--format", choices=("coco", "yolo", "ango"), required=True, help="yolo writes a zip")
    export.add_argument("--profile", metavar="NAME", help="only those of this profile")
    export.add_argument("file", type=Path, metavar="FILE")


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
