"""A small model server (Open Inference Protocol) with faults, on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

from desktop_app.core.profile import Detection, RemoteSource
from desktop_app.worker.remote.model import RemoteModel

SIDE = 64
ANCHORS = 84
LENGTH = "Inference-Header-Content-Length"
Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


class ModelServer:
    """Serves one detector of YOLO's shape: it sees one nut, as wide as the picture is red.

    Attributes:
        binary: whether it takes and gives tensors as bytes.
        faults: what the next infer calls meet instead, or before; a fault that answers None lets the call through.
        answers: instead of what the model says: outputs as JSON, with `bytes` for those that go as bytes.
        gate: infer calls wait for it.
    """

    def __init__(self) -> None:
        self.binary = True
        self.extensions: list[str] = []
        self.token = ""
        self.ready = True
        self.models = ["fasteners"]
        self.classes = ["bolt", "nut", "washer"]
        self.faults: list[Fault] = []
        self.answers: list[tuple[dict[str, Any], bytes]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = self.most_running = 0
        self.calls: list[str] = []
        self.tensors: list[np.ndarray[Any, Any]] = []
        self.heads: list[dict[str, str]] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, ssl: Any = None) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/v2", self._about)
        app.router.add_get("/v2/health/ready", self._ready)
        app.router.add_get("/v2/models/{name}/ready", self._model_ready)
        app.router.add_get("/v2/models/{name}", self._metadata)
        app.router.add_post("/v2/models/{name}/infer", self._infer)
        app.router.add_post("/v2/repository/index", self._index)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=ssl)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _refused(self, request: web.Request) -> web.Response | None:
        self.calls.append(f"{request.method} {request.path}")
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"error": f"bad token {request.headers.get('Authorization')}"}, status=401)
        return None

    async def _about(self, request: web.Request) -> web.Response:
        about = {"name": "toy", "version": "1.0", "extensions": self.extensions}
        return self._refused(request) or web.json_response(about)

    async def _ready(self, request: web.Request) -> web.Response:
        return self._refused(request) or web.Response()

    async def _model_ready(self, request: web.Request) -> web.Response:
        return self._refused(request) or self._missing(request) or web.Response(status=200 if self.ready else 400)

    def _missing(self, request: web.Request) -> web.Response | None:
        name = request.match_info["name"]
        return None if name in self.models else web.json_response({"error": f"unknown model {name}"}, status=404)

    async def _metadata(self, request: web.Request) -> web.Response:
        count = 4 + len(self.classes)
        told = {
            "name": request.match_info["name"],
            "versions": ["1"],
            "platform": "toy_onnx",
            "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 3, SIDE, SIDE]}],
            "outputs": [{"name": "output0", "datatype": "FP32", "shape": [-1, count, ANCHORS]}],
            "parameters": {"names": {str(index): name for index, name in enumerate(self.classes)}},
        }
        return self._refused(request) or self._missing(request) or web.json_response(told)

    async def _index(self, request: web.Request) -> web.Response:
        listed = [{"name": name, "state": "READY"} for name in self.models]
        return self._refused(request) or web.json_response(listed)

    async def _infer(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request) or self._missing(request)
        if refused is not None:
            return refused
        self.heads.append(dict(request.headers))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            body = await request.read()
            if self.faults:
                instead = await self.faults.pop(0)(request)
                if instead is not None:
                    return instead
            await self.gate.wait()
            return self._answer(request, body)
        finally:
            self.running -= 1

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        length = int(request.headers.get(LENGTH, len(body)))
        if LENGTH in request.headers and not self.binary:
            return web.json_response({"error": "not JSON"}, status=400)
        head = json.loads(body[:length])
        given = head["inputs"][0]
        flat = np.frombuffer(body[length:], "<f4") if LENGTH in request.headers else np.array(given["data"], np.float32)
        tensor = flat.reshape(given["shape"])
        self.tensors.append(tensor)
        if self.answers:
            told, blob = self.answers.pop(0)
        else:
            values = self.run(tensor)
            told = {"name": "output0", "datatype": "FP32", "shape": list(values.shape)}
            blob = values.astype("<f4").tobytes() if self.binary else b""
            told |= (
                {"parameters": {"binary_data_size": len(blob)}} if self.binary else {"data": values.ravel().tolist()}
            )
        header = json.dumps({"model_name": "fasteners", "outputs": [told]}).encode()
        if not self.binary:
            return web.Response(body=header, content_type="application/json")
        headers = {LENGTH: str(len(header)), "Content-Type": "application/octet-stream"}
        return web.Response(body=header + blob, headers=headers)

    def run(self, tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        values = np.zeros((1, 4 + len(self.classes), ANCHORS), np.float32)
        values[0, :5, 7] = [32, 32, 10 + 40 * tensor[0, 0].mean(), 20, 0]
        values[0, 5, 7] = 0.9
        return values


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    """A running server of the model “fasteners”."""
    running = ModelServer()
    await running.start()
    yield running
    running.gate.set()
    await running.stop()


Open = Callable[..., Awaitable[RemoteModel]]


@pytest.fixture
async def open_model(server: ModelServer) -> AsyncIterator[Open]:
    """Opens the server's model as a profile would; closed at the end."""
    opened: list[RemoteModel] = []

    async def make(*, token: str = "", model: str = "fasteners", url: str = "", **options: Any) -> RemoteModel:
        source = RemoteSource(url=url or server.url, model=model)
        made = await asyncio.to_thread(lambda: RemoteModel(source, Detection(), token, **options))
        opened.append(made)
        return made

    yield make
    for model in opened:
        await asyncio.to_thread(model.close)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture of 320 × 320 whose red grows from left to right, so that its values are many."""
    ramp = np.zeros((320, 320, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, 320).astype(np.uint8)
    ramp[..., 1] = np.arange(320, dtype=np.uint8)[:, None]
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp).save(path)
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key."""
    from ipaddress import ip_address

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + made.public_bytes(pem)
    )
    return path
