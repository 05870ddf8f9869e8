from __future__ import annotations

import asyncio
import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.core.events import Level
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.doctor.diagnostics import save_diagnostics
from desktop_app.doctor.finding import Check, Finding, Outcome
from desktop_app.host import Host
from desktop_app.store.logfile import NAME
from desktop_app.store.paths import DataDir

SECRET, API_KEY, SIGNATURE = "planted-secret-9912", "planted-api-key-4471", "5f5ignature77aa00bb"
SIGNED = f"https://bucket.example/a.png?X-Amz-Signature={SIGNATURE}&X-Amz-Expires=900"


async def test_everything_is_in_it_and_nothing_secret(tmp_path: Path) -> None:
    host = Host(DataDir(tmp_path / "data"))
    await host.start()
    profile = Profile(
        name="Cars",
        host="https://hub.example",
        plugin_id="x",
        source=OnnxSource(path=resource("demo", "fasteners.onnx")),
    )
    await host.add_profile(profile, None)
    host.secrets.hold(profile, SECRET)
    host.history.hide(API_KEY)
    said = f"secret {SECRET}, key {API_KEY}, Authorization: Bearer {SIGNATURE}, from {SIGNED}"
    host.recorder.log(Level.ERROR, said, profile=profile, details=f"apiKey={API_KEY}")
    host.recorder.flush()
    try:
        raise RuntimeError(said)
    except RuntimeError as error:
        host.bug(error, "a test")
    finding = Finding(Check.TLS, "https://hub.example", Outcome.FAILED, said, "Do something.")
    host._log_file.close()  # what was logged is on disk
    path = await save_diagnostics(host, tmp_path / "out.zip", [finding])
    assert SECRET not in (log := await asyncio.to_thread((tmp_path / "data" / "logs" / NAME).read_text))
    assert "from https://bucket.example/a.png" in log
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as made:
        texts = {name.partition("/")[2]: made.read(name).decode() for name in made.namelist()}
    whole = "\n".join(texts.values()) + path.read_bytes().decode("latin-1")
    for planted in (SECRET, API_KEY, SIGNATURE):
        assert planted not in whole
    assert {"README.txt", "versions.txt", "settings.json", "plugins.json", "doctor.json", "log.txt"} <= set(texts)
    assert "PySide6" in texts["versions.txt"]
    assert json.loads(texts["plugins.json"])["plugins"][0]["profile"]["name"] == "Cars"
    assert json.loads(texts["doctor.json"])["outcome"] == "failed"
    assert "window_state" not in texts["settings.json"]
    assert "https://bucket.example/a.png" in texts["log.txt"]
    (crash,) = [text for name, text in texts.items() if name.startswith("crashes/")]
    assert "RuntimeError" in crash
    with pytest.raises(StoreError):
        await save_diagnostics(host, tmp_path / "no" / "folder.zip", [])
    await host.stop(0.0)
