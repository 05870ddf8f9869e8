"""The command line in this process: exit code, stdout and stderr of one command, on a data directory of the test's."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeychain

from desktop_app.__main__ import main
from desktop_app.core.resources import resource


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


class Keychain(KeyringBackend):
    """A keychain in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.values.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.values[username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.values[username]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No keychain, and none of the person's variables."""
    for name in [name for name in os.environ if name.startswith("PLUGDECK_")]:
        monkeypatch.delenv(name)
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeychain())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def keychain() -> Keychain:
    """A keychain that works."""
    made = Keychain()
    keyring.set_keyring(made)
    return made


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def cli(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command: `cli("profiles", "list")`."""
    monkeypatch.setenv("PLUGDECK_DATA_DIR", str(data_dir))

    def run(*arguments: object, stdin: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def model() -> Path:
    """The demo detector."""
    return resource("demo", "fasteners.onnx")


@pytest.fixture
def picture() -> Path:
    """A picture of bolts, nuts and washers."""
    return resource("demo", "assets", "tray-01.jpg")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script in the documented style that needs no picture, its placeholders filled in."""
    path = tmp_path / "plugin.py"
    path.write_text(
        "from ango.plugins import ModelPlugin, run\n"
        "HOST = 'https://hub.example'\n"
        "def work(**data):\n"
        "    data['logger'].info('config %s', data.get('configJSON'))\n"
        "    if data.get('configJSON') == 'raise':\n"
        "        raise ValueError('as asked')\n"
        "    box = {'title': 'Thing', 'bounding-box': {'x': 1, 'y': 2, 'width': 3, 'height': 4}}\n"
        "    light = {'title': 'Light', 'answer': 'Dim'}\n"
        "    return {'data': data['dataURL'],\n"
        "            'answer': {'objects': [box], 'classifications': [light], 'relations': []}}\n"
        "run(ModelPlugin(id='script-id', secret='script-secret', callback=work), host=HOST)\n"
    )
    return path
