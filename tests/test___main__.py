from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app import __version__
from desktop_app.__main__ import NOTHING_ASKED, main
from desktop_app.cli.parser import parse


def loaded_by(*arguments: str) -> set[str]:
    """The modules in a fresh process after a command."""
    code = (
        "import sys\nfrom desktop_app.__main__ import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("line", [["--help"], ["profiles", "add", "--help"], ["--version"]])
def test_help_is_quick(line: list[str]) -> None:
    heavy = {"PySide6", "onnxruntime", "numpy", "PIL", "socketio", "aiohttp", "httpx", "sqlite3", "keyring"}
    assert not loaded_by(*line) & heavy


def test_commands_need_no_window_and_no_model_library(tmp_path: Any) -> None:
    loaded = loaded_by("--data-dir", str(tmp_path / "data"), "profiles", "list")
    assert "sqlite3" in loaded
    assert not loaded & {"PySide6", "qasync", "onnxruntime", "numpy", "PIL"}


def test_the_window_opens_before_the_network_libraries_are_loaded() -> None:
    code = "import sys, desktop_app.app, desktop_app.ui.main_window, desktop_app.ui.shell\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    late = {"httpx", "aiohttp", "socketio", "engineio", "numpy", "onnxruntime", "onnx", "PIL", "pydicom", "pypdfium2"}
    assert not set(done.stdout.split()) & (late | {"keyring", "psutil", "desktop_app.jobs.service"})


def test_no_arguments_mean_what_the_parser_makes_of_them() -> None:
    assert vars(parse([])) == NOTHING_ASKED


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop_app", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"plugdeck {__version__}\n"


@pytest.mark.parametrize("kind", ["--worker", "--child"])
def test_children_end_with_their_host(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop_app", kind], input=b"", capture_output=True, timeout=60, check=False
    )
    # Nothing but frames may be on this pipe, and none is due.
    assert b"Traceback" not in done.stderr
    assert b"usage" not in done.stdout


@pytest.mark.parametrize(
    ("line", "window"),
    [([], True), (["demo"], True), (["demo", "--jobs", "3"], True), (["demo", "--headless"], False), (["run"], False)],
)
def test_the_right_face_is_shown(line: list[str], window: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[bool] = []

    def face(is_window: bool) -> Any:
        def run(_options: object) -> int:
            shown.append(is_window)
            return 0

        return run

    monkeypatch.setattr("desktop_app.app.run", face(True))
    monkeypatch.setattr("desktop_app.cli.main.run", face(False))
    assert main(line) == 0
    assert shown == [window]


EARLY = """
import os, signal, sys
from desktop_app.core import signals
from desktop_app.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
signals.hold()
os.kill(os.getpid(), int(sys.argv[1]))  # as if it had come with the first line of main
sys.exit(main(sys.argv[2:]))
"""

SCRIPT = """
from ango.plugins import ModelPlugin, run
run(ModelPlugin(id="x", secret="y", callback=print), host="http://127.0.0.1:9")
"""


@pytest.mark.skipif(os.name != "posix", reason="there are no signals to hold")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("line", "ends_in_order"), [(["run", "--json"], True), ([], True), (["profiles", "list"], False)]
)
def test_a_signal_in_the_first_moments_of_a_start_ends_it_in_order(
    line: list[str], ends_in_order: bool, number: int, tmp_path: Path
) -> None:
    script = tmp_path / "plugin.py"
    script.write_text(SCRIPT)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PLUGDECK_")}
    environment = kept | {
        "PLUGDECK_DATA_DIR": str(tmp_path / "data"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "QT_QPA_PLATFORM": "offscreen",
    }

    def plugdeck(*start: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *start], capture_output=True, text=True, timeout=110, check=False, env=environment
        )

    added = plugdeck("-m", "desktop_app", "profiles", "add", "x", "--script", str(script), "--from-script")
    assert added.returncode == 0, added.stderr
    done = plugdeck("-c", EARLY, str(int(number)), *line)
    if ends_in_order:
        assert done.returncode == 0, done.stderr
        assert '"event"' not in done.stdout  # nothing was begun
    else:
        assert done.returncode == -number
        assert done.stdout == ""
    assert "Traceback" not in done.stderr or not ends_in_order
    assert plugdeck("-m", "desktop_app", "profiles", "list").stdout.count("x") >= 1
