from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtNetwork import QLocalSocket

from desktop_app.ui.single_instance import FirstInstance, _paths, raise_first, server_name

ASK = "import sys; from pathlib import Path; from desktop_app.ui.single_instance import raise_first as f; "


def ask(root: Path, qtbot: Any) -> bool:
    """Asks from another process, while the first one's loop goes on."""
    code = ASK + "sys.exit(0 if f(Path(sys.argv[1]), limit_ms=30_000) else 1)"
    with subprocess.Popen([sys.executable, "-c", code, str(root)]) as process:
        qtbot.waitUntil(lambda: process.poll() is not None, timeout=60_000)
        return process.returncode == 0


def test_a_later_start_is_heard_and_answered(tmp_path: Path, qtbot: Any) -> None:
    assert not raise_first(tmp_path), "nobody is there yet"
    first = FirstInstance(tmp_path)
    heard: list[str] = []
    first.asked.connect(heard.append)
    assert ask(tmp_path, qtbot)
    assert heard == [""]
    assert server_name(tmp_path / "x" / "..") == server_name(tmp_path)
    assert server_name(tmp_path.parent) != server_name(tmp_path)
    first.close()
    assert not raise_first(tmp_path)


def test_a_later_start_brings_its_files(tmp_path: Path, qtbot: Any) -> None:
    first = FirstInstance(tmp_path)
    heard: list[Path] = []
    first.opened.connect(heard.extend)
    code = ASK + "f(Path(sys.argv[1]), [Path('my model.onnx'), Path('/é/%s.plugdeck')], limit_ms=30_000)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=tmp_path) as process:
        qtbot.waitUntil(lambda: process.poll() is not None, timeout=60_000)
    assert heard == [tmp_path / "my model.onnx", Path("/é/%s.plugdeck")]
    first.close()


@pytest.mark.parametrize("wanted", [b"", b"{", b"7", b"[7, null]", b'{"a": 1}', b"\xff"])
def test_what_is_no_list_of_files_opens_nothing(wanted: bytes) -> None:
    assert _paths(wanted) == []


def test_what_a_killed_process_left_is_replaced(tmp_path: Path, qtbot: Any) -> None:
    Path(server_name(tmp_path)).write_bytes(b"")
    first = FirstInstance(tmp_path)
    assert first.listening
    assert ask(tmp_path, qtbot)
    first.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe has no mode")
def test_only_the_same_user_reaches_it(tmp_path: Path) -> None:
    first = FirstInstance(tmp_path)
    mode = Path(server_name(tmp_path)).stat().st_mode
    assert stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO) == 0
    first.close()


def test_a_long_path_has_a_short_name(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90) / ("y" * 90)
    assert len(os.fsencode(server_name(deep))) < 104
    assert server_name(deep) != server_name(deep.parent)


def test_nonsense_raises_nothing(tmp_path: Path, qtbot: Any) -> None:
    first = FirstInstance(tmp_path)
    heard: list[str] = []
    first.asked.connect(heard.append)
    for nonsense in (b"GET / HTTP/1.1\r\n", b"x" * 10_000):
        socket = QLocalSocket()
        socket.connectToServer(server_name(tmp_path))
        assert socket.waitForConnected(30_000)
        socket.write(nonsense)
        qtbot.waitUntil(
            lambda socket=socket: socket.state() is QLocalSocket.LocalSocketState.UnconnectedState, timeout=60_000
        )
    assert heard == []
    first.close()
