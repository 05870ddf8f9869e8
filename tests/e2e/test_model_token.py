"""The token of a model server: given once, used by every process that needs it, and written nowhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.resources import resource
from desktop_app.hub.demo.server import DemoHub
from tests.worker.remote.conftest import ModelServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PICTURE = str(resource("demo", "assets", "tray-01.jpg"))
TOKEN = "tok-en-0123456789"
LIMIT_S = 60.0


def holding(folder: Path, text: str) -> list[str]:
    """The files below a folder that hold a text."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_it_is_used_and_kept_in_no_file(
    plugdeck: Any, run: Any, hub: DemoHub, data_dir: Path, tmp_path: Path
) -> None:
    server = ModelServer()
    server.token = TOKEN
    await server.start()
    try:
        with_token = ["--remote", server.url, "--model", "fasteners", "--token-env", "MY_TOKEN"]
        code, out, err = await run("test", *with_token, PICTURE, "--json", MY_TOKEN=TOKEN)
        assert code == 0, err
        assert [item["title"] for item in json.loads(out)[0]["answer"]["objects"]] == ["nut"]

        add = ["profiles", "add", "Far", "--host", hub.url, "--id", "far", "--secret-env", "PLUGDECK_SECRET_FAR"]
        code, _, err = await run(*add, *with_token, MY_TOKEN=TOKEN, PLUGDECK_SECRET_FAR="s")
        assert code == 0, err
        assert "PLUGDECK_TOKEN_FAR" in err  # there is no keychain: the variable to set is named
        hub.add_plugin("far", "s", class_names=("bolt", "nut", "washer"))
        serving = await plugdeck("run", "--json", PLUGDECK_SECRET_FAR="s", PLUGDECK_TOKEN_FAR=TOKEN)
        await serving.until(lambda: bool(serving.events("ready")), LIMIT_S)
        session = await hub.run_plugin("far")
        await session.wait(LIMIT_S)
        assert [item["title"] for item in session.response["objects"]] == ["nut"]
        assert await serving.stop() == 0
        said = "\n".join(serving.lines) + serving.errors.decode()
        assert TOKEN not in said + err + out
        assert await asyncio.to_thread(holding, data_dir, TOKEN) == []
    finally:
        await server.stop()
