"""One window for one data directory: a second start raises the first window and ends.

The lock of the data directory (store.lock) decides who may serve; this is how the others ask its holder to show
itself. The socket is open to nobody but the same user.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

SHOW, SHOWN = b"show", b"shown"
ASK_LIMIT_MS = 4000
_MOST_BYTES = 65_536
_LONGEST_PATH = 100  # a Unix socket's address holds 104 bytes on macOS, 108 on Linux
_TOKEN = "XDG_ACTIVATION_TOKEN"  # noqa: S105 - Wayland's word for "the person asked for this window"


def server_name(root: Path) -> str:
    """Where the window of a data directory listens: in the directory itself where its path is short enough."""
    root = Path(os.path.realpath(root))
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:20]
    if os.name == "nt":
        return f"plugdeck-{digest}"
    inside = root / "plugdeck.socket"
    if len(os.fsencode(inside)) <= _LONGEST_PATH:
        return str(inside)
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return str(folder / f"plugdeck-{digest}")


def raise_first(root: Path, files: Sequence[Path] = (), *, limit_ms: int = ASK_LIMIT_MS) -> bool:
    """Asks the window that has this data directory to show itself and open the files; False where none answers."""
    socket = QLocalSocket()
    try:
        socket.connectToServer(server_name(root))
        if not socket.waitForConnected(limit_ms):
            return False
        if sys.platform == "win32":
            import ctypes

            ctypes.windll.user32.AllowSetForegroundWindow(-1)  # else the first window may only blink
        token = os.environ.get(_TOKEN, "").encode("ascii", "ignore").replace(b" ", b"")
        wanted = json.dumps([str(file.absolute()) for file in files]).encode()
        socket.write(SHOW + b" " + token + b" " + wanted + b"\n")
        answer = b""
        while b"\n" not in answer and socket.waitForReadyRead(limit_ms):
            answer += bytes(socket.readAll().data())
        return answer.strip() == SHOWN
    finally:
        socket.abort()


class FirstInstance(QObject):
    """Listens for later starts. Only who holds the data directory's lock may make one.

    Signals:
        asked: another start wants the window; carries the desktop's activation token, or "".
        opened: it brought files (a list of Path).
    """

    asked = Signal(str)
    opened = Signal(list)

    def __init__(self, root: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        name = server_name(root)
        if not self._server.listen(name):
            # Left by a process that was killed: the lock says that nobody listens there.
            QLocalServer.removeServer(name)
            self._server.listen(name)

    @property
    def listening(self) -> bool:
        """Whether later starts can reach this one."""
        return self._server.isListening()

    def close(self) -> None:
        """Listens no more."""
        self._server.close()

    def _connected(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(socket.deleteLater)
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            # Nobody may keep a connection for nothing.
            QTimer.singleShot(ASK_LIMIT_MS, socket, socket.abort)
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() > _MOST_BYTES:
                socket.abort()
            return
        word, _, rest = bytes(socket.readLine(_MOST_BYTES).data()).strip().partition(b" ")
        if word != SHOW:
            socket.abort()
            return
        token, _, wanted = rest.partition(b" ")
        self.asked.emit(token.decode("ascii", "ignore"))
        if files := _paths(wanted):
            self.opened.emit(files)
        socket.write(SHOWN + b"\n")
        socket.flush()
        socket.disconnectFromServer()


def _paths(text: bytes) -> list[Path]:
    try:
        named = json.loads(text or b"[]")
    except ValueError:
        return []
    return [Path(name) for name in named if isinstance(name, str)] if isinstance(named, list) else []
