"""MLServer as published, with a runtime class of its own, and a small balancer in front of several."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from desktop_app.core.resources import resource

REQUIREMENTS = ("mlserver==1.7.1", "onnxruntime")
START_LIMIT_S = 120.0
SLEEP_S = 0.1

RUNTIME = """
import os
import time

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Detector(MLModel):
    '''An ONNX file, run by onnxruntime.'''

    async def load(self):
        import onnxruntime

        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri)
        return True

    async def predict(self, payload):
        given = payload.inputs[0]
        pixels = NumpyCodec.decode_input(given).astype(np.float32)
        (found,) = self._session.run(None, {given.name: pixels})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output0", found)])


class Slow(MLModel):
    '''Takes its time over every picture, one after the other, and says when; small, so that nothing else counts.'''

    async def load(self):
        return True

    async def predict(self, payload):
        started = time.monotonic()
        time.sleep(float(os.environ["SLEEP_S"]))
        found = np.zeros((1, 5, 21), np.float32)
        found[0, :, 7] = 16, 16, 12, 12, 0.9
        with open(os.environ["BUSY"], "a") as file:
            file.write(f"{started} {time.monotonic()}\\n")
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output0", found)])
"""


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _model(name: str, runtime: str, side: int, rows: int, anchors: int, classes: Sequence[str]) -> dict[str, object]:
    return {
        "name": name,
        "implementation": f"plugdeck_runtime.{runtime}",
        "platform": "onnxruntime",
        "parameters": {"uri": str(resource("demo", "fasteners.onnx"))},
        "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 3, side, side]}],
        "outputs": [
            {
                "name": "output0",
                "datatype": "FP32",
                "shape": [-1, rows, anchors],
                "parameters": {"names": list(classes)},
            }
        ],
    }


class MLServer:
    """One server with the models “fasteners” (the demo's detector) and “slow”.

    Args:
        python: of an environment with MLServer in it.
        folder: for its settings, its log and what the slow model says.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self._python = python
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.port = free_port()
        folder.mkdir(parents=True)
        (folder / "plugdeck_runtime.py").write_text(RUNTIME)
        settings = {"host": "127.0.0.1", "http_port": self.port, "grpc_port": free_port(), "metrics_port": free_port()}
        (folder / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0, "debug": False}))
        models = (
            _model("fasteners", "Detector", 320, 7, 2100, ["bolt", "nut", "washer"]),
            _model("slow", "Slow", 32, 5, 21, ["bolt"]),
        )
        for model in models:
            place = folder / str(model["name"])
            place.mkdir()
            (place / "model-settings.json").write_text(json.dumps(model))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; `wait` until it is ready."""
        self._log = (self._folder / "server.log").open("ab")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PLUGDECK_")}
        self._process = subprocess.Popen(
            [self._python, "-m", "mlserver.cli.main", "start", "."],
            cwd=self._folder,
            env={
                **environment,
                "PYTHONPATH": str(self._folder),
                "BUSY": str(self._folder / "busy.txt"),
                "SLEEP_S": str(SLEEP_S),
            },
            stdout=self._log,
            stderr=self._log,
        )

    def wait(self) -> None:
        """Waits until its models are ready; blocks."""
        end = time.monotonic() + START_LIMIT_S
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for name in ("fasteners", "slow"):
            while True:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"MLServer did not start: {self.said()[-3000:]}")
                with suppress(urllib.error.URLError, OSError), opener.open(f"{self.url}/v2/models/{name}/ready"):
                    break
                time.sleep(0.1)

    def kill(self) -> None:
        """Ends it without a word, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._log is not None:
            self._log.close()
        self._process = self._log = None

    def said(self) -> str:
        """Its log."""
        return (self._folder / "server.log").read_text(errors="replace")

    def busy(self) -> list[tuple[float, float]]:
        """When the slow model was at work, as `time.monotonic()` of this machine."""
        path = self._folder / "busy.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(float(line.split()[0]), float(line.split()[1])) for line in lines]


class Balancer:
    """Takes connections and hands each to the next of its servers; where one is gone, to the one after it."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = tuple(ports)
        self._next = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Ends all connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in tuple(self._open):
            _end(one)
        for thread in self._threads:
            thread.join()

    def _spawn(self, run: object, *given: object) -> None:
        thread = threading.Thread(target=run, args=given, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = self._server()
            if server is None:
                client.close()
                continue
            self._open |= {client, server}
            self._spawn(self._pass_on, client, server)
            self._spawn(self._pass_on, server, client)

    def _server(self) -> socket.socket | None:
        for _ in self._ports:
            port = self._ports[self._next % len(self._ports)]
            self._next += 1
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), timeout=None)
        return None

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            _end(one)
            self._open.discard(one)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        one.close()
