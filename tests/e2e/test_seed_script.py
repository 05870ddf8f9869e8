"""The documentation's sample script, only its placeholders filled in, answers as it does with the published client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import Session

pytestmark = [pytest.mark.e2e, pytest.mark.peers, pytest.mark.timeout(600)]

SEED = Path(__file__).parent.parent / "data" / "seed_sample.py"


def filled_in(folder: Path, host: str, plugin_id: str, secret: str) -> Path:
    text = SEED.read_text(encoding="utf-8")
    for placeholder, value in (
        ("<YOUR HOST>", host),
        ("<YOUR PLUGIN ID>", plugin_id),
        ("<YOUR PLUGIN SECRET>", secret),
    ):
        text = text.replace(placeholder, value)
    script = folder / f"{plugin_id}.py"
    script.write_text(text, encoding="utf-8")
    return script


def as_sent(hub: DemoHub, session: Session) -> str:
    """The response as JSON text, with what belongs to the session alone taken out."""
    (response,) = session.responses
    url = session.job["dataURL"]
    return json.dumps(response).replace(session.id, "SESSION").replace(url, "URL")


async def test_answers_byte_for_byte_as_the_published_client(
    plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path, published_client: Any
) -> None:
    python = await asyncio.to_thread(published_client, "ango==1.1.6")
    for plugin_id in ("theirs", "ours"):
        hub.add_plugin(plugin_id, f"{plugin_id}-secret", class_names=("Bolt",))
    script = filled_in(tmp_path, hub.url, "ours", "ours-secret")
    code, _, err = await run("profiles", "add", "Sample", "--script", str(script), "--from-script")
    assert code == 0, err
    assert "PLUGDECK_SECRET_SAMPLE" in err
    serving = await plugdeck("run", "--json", PLUGDECK_SECRET_SAMPLE="ours-secret")
    theirs = await asyncio.create_subprocess_exec(
        python, str(filled_in(tmp_path, hub.url, "theirs", "theirs-secret")), cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await hub.wait_online("ours", 60)
        await hub.wait_online("theirs", 60)
        answers: dict[str, list[str]] = {}
        for plugin_id in ("theirs", "ours"):
            for class_mapping in ("by name", None):
                session = await hub.run_plugin(plugin_id, asset=0, class_mapping=class_mapping)
                await session.wait(30)
                assert not session.error
                answers.setdefault(plugin_id, []).append(as_sent(hub, session))
                assert [line.message for line in session.logs] == [
                    "Plugin session is started!",
                    "Plugin session is ended!",
                ]
        assert answers["ours"] == answers["theirs"]
        assert "schemaId" in answers["ours"][0]
        assert "schemaId" not in answers["ours"][1]
    finally:
        theirs.kill()
        await theirs.wait()
    assert await serving.stop() == 0
