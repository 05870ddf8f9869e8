"""Jobs with anything in any place, through the whole app: each one that can be answered is."""

from __future__ import annotations

import asyncio
import json
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import EventKind, HubEvent
from desktop_app.jobs import assets
from desktop_app.store.paths import DataDir
from tests.fuzz.inputs import ANYTHING, TEXT, Loop, changed, fuzz

SCRIPT = """
from imerit_ango.plugins import ModelPlugin, run


def annotate(data):
    data["logger"].info("%r", sorted(map(str, data)))
    tool = {"title": "Echo", "answer": str(data.get("configJSON")), "metadata": data.get("metadata")}
    return {"objects": [], "classifications": [tool], "relations": []}


run(ModelPlugin(id="x", secret="y", callback=annotate, concurrency=2), host="http://127.0.0.1")
"""
ADDRESSES = [
    "file:///etc/passwd",
    "http://[::1",
    "http://127.0.0.1:1/x",
    "http://169.254.169.254/",
    "//x",
    "\x08",
    "http://",
]
ODD = st.one_of(ANYTHING, TEXT, st.sampled_from(ADDRESSES))
LIMIT_S = 60.0


def png() -> bytes:
    """A picture of eight by eight pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(8) for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class App:
    """A hub and the app on it, with a script and a detector; hears what the hub hears."""

    def __init__(self, folder: Path) -> None:
        pictures = folder / "pictures"
        pictures.mkdir()
        (pictures / "a.png").write_bytes(png())
        script = folder / "echo.py"
        script.write_text(SCRIPT)
        self.hub = DemoHub(assets_dir=pictures)
        self.host = Host(DataDir(folder / "data"))
        self._sources = {
            "echo": CallbackSource(script=script),
            "boxes": OnnxSource(path=resource("demo", "fasteners.onnx")),
        }
        self.answers: dict[str, list[str]] = {}
        self._handed_in: set[str] = set()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        await self.hub.start()
        await self.host.start()
        self.hub.happened.connect(self._heard)
        for name, source in self._sources.items():
            self.hub.add_plugin(name, "s", class_names=("bolt", "nut"))
            profile = Profile(name=name, host=self.hub.url, plugin_id=name, source=source, concurrency=2)
            await self.host.add_profile(profile, None)
            await self.host.start_profile(profile.id)
        for name in self._sources:
            await self.hub.wait_online(name, LIMIT_S)

    async def stop(self) -> None:
        await self.host.stop(0.0)
        await self.hub.stop()

    def _heard(self, event: HubEvent) -> None:
        data = event.data
        if event.kind is EventKind.HTTP and data["path"].startswith("/v2/annotate/") and data["status"] == 200:
            self._handed_in.add(event.session)
            self._note(event.session, data["body"])
        # A session that is a number is none for the demo hub, which makes texts; the answer came all the same.
        elif event.kind not in (EventKind.RESPONSE, EventKind.PROTOCOL_ERROR) or not isinstance(data, dict):
            return
        elif "session" in data and ("response" in data or "error" in data):
            self._note(str(data["session"]), {key: value for key, value in data.items() if key != "session"})

    def _note(self, session: str, answer: Any) -> None:
        self.answers.setdefault(session, []).append(json.dumps(answer, sort_keys=True))
        self._changed.set()

    async def job(self, plugin: str, payload: Any) -> None:
        """Sends a payload and waits for what must come back."""
        session = payload.get("session") if isinstance(payload, dict) else None
        usable = isinstance(session, str | int) and not isinstance(session, bool) and session != ""
        self.answers.pop(str(session), None)
        await self.hub.send_raw(plugin, payload)
        if not usable or session in self._handed_in:
            return  # what was handed in over HTTP is not said again to a hub that asks again
        async with asyncio.timeout(LIMIT_S):
            while str(session) not in self.answers:
                self._changed.clear()
                await self._changed.wait()
        assert len(set(self.answers[str(session)])) == 1

    def good(self) -> dict[str, Any]:
        """A job as the hub sends it."""
        asset = self.hub.assets[0]
        return {
            "session": "S",
            "projectId": self.hub.project.id,
            "orgId": self.hub.project.organization_id,
            "runBy": "u",
            "apiKey": "key-of-this-job-0123456789",
            "dataURL": self.hub.asset_url(asset),
            "assetId": asset.id,
            "taskId": self.hub.project.task_of(asset).id,
            "categorySchema": self.hub.project.map_by_name(("bolt", "nut")),
            "configJSON": '{"confidence": 0.5}',
            "batches": list(asset.batches),
            "workflow": False,
        }


@pytest.fixture
def app(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    for name in ("ECHO", "BOXES"):
        monkeypatch.setenv(f"PLUGDECK_SECRET_{name}", "s")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setattr(assets, "RETRY_FOR_S", 0.1)

    async def no_names(host: str, port: int) -> list[str]:
        raise OSError("there is no network here")

    real = assets.addresses.resolve

    async def resolve(host: str, port: int) -> list[str]:
        digits = host.replace(".", "").isdigit() or ":" in host
        return await (real(host, port) if digits else no_names(host, port))

    monkeypatch.setattr(assets.addresses, "resolve", resolve)

    async def make() -> App:
        made = App(tmp_path)
        await made.start()
        return made

    made = loop.run(make(), 120)
    made.host._assets._resolver = resolve
    yield made
    loop.run(made.stop())
    reports = list(DataDir(tmp_path / "data").crashes.glob("*"))
    assert not reports, reports[0].read_text()


def test_every_job_with_a_session_is_answered(loop: Loop, app: App) -> None:
    good = app.good()
    numbered = iter(range(10**9))

    def check(value: tuple[Any, int]) -> None:
        payload, which = value
        if isinstance(payload, dict) and payload.get("session") == "S":
            payload = {**payload, "session": f"{secrets.token_hex(4)}-{next(numbered)}"}
        if isinstance(payload, dict) and payload.get("apiKey") == good["apiKey"]:
            payload = {**payload, "apiKey": secrets.token_hex(16)}
        try:
            json.dumps(payload)
        except (ValueError, RecursionError):
            return  # a hub could not have sent it
        loop.run(app.job("boxes" if which % 5 == 0 else "echo", payload), LIMIT_S + 10)

    flows = [good, {**good, "workflow": True}, {**good, "overwrite": False}, {"session": "S"}]
    try:
        fuzz("jobs through the whole app", 0.1, st.tuples(changed(flows, ODD), st.integers(0, 9)), check)
    finally:
        loop.run(app.job("echo", {**good, "session": "the last one"}), LIMIT_S + 10)
