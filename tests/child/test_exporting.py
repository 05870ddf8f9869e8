"""Export plugins in a child with nothing installed, against the demo hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.hub.demo.server import DemoHub

CURRENT = """
from io import BytesIO
import json
from imerit_ango.plugins import ExportPlugin, ExportResponse, run
def callback(data):
    rows = list(data["jsonExport"])
    names = [row["externalId"] for row in rows]
    return ExportResponse(BytesIO(json.dumps([names, data["numTasks"]]).encode()), "names.json")
run(ExportPlugin(id="p", secret="s", callback=callback))
"""
DOCUMENTED = """
from io import BytesIO
import json
from ango.plugins import ExportPlugin, run
def callback(**data):
    return "names.json", BytesIO(json.dumps([row["externalId"] for row in data["jsonExport"]]).encode())
run(ExportPlugin(id="p", secret="s", callback=callback))
"""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    """A hub with one asset of its own."""
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "a.txt").write_text("text")
    async with DemoHub(assets_dir=folder) as running:
        yield running


def _event(hub: DemoHub, **more: Any) -> dict[str, Any]:
    return {"projectId": hub.project.id, "apiKey": hub.api_key, "stage": ["Label"], "configJSON": None, **more}


@pytest.mark.parametrize("text", [CURRENT, DOCUMENTED], ids=["current", "documented"])
async def test_the_export_is_fetched_and_the_file_stored(hub: DemoHub, make_child: Any, text: str) -> None:
    def work() -> dict[str, Any]:
        child = make_child(text, host=hub.url)
        assert child.loaded()["kind"] == "export"
        answer: dict[str, Any] = child.answer(**_event(hub))
        return answer

    prediction = (await asyncio.to_thread(work))["prediction"]
    assert prediction["kind"] == "export"
    names = json.loads(hub.stored_bytes(prediction["returned"]) or b"")
    assert "a.txt" in (names[0] if text is CURRENT else names)
    assert hub.protocol_errors == []


async def test_what_the_hub_refuses_is_said(hub: DemoHub, make_child: Any) -> None:
    def work(**more: Any) -> dict[str, Any]:
        child = make_child(CURRENT, host=hub.url)
        child.loaded()
        answer: dict[str, Any] = child.answer(**_event(hub, **more))
        return answer

    error = await asyncio.to_thread(work, apiKey="wrong")
    assert error["what"].startswith("the project's export could not be fetched: ")
    assert "Invalid API key" in error["what"]
    hub.faults.fail_http("/files/exports/", status=404)
    error = await asyncio.to_thread(work)
    assert "could not be" in error["what"]


async def test_a_trial_stores_nothing(hub: DemoHub, make_child: Any) -> None:
    def work() -> Any:
        child = make_child(CURRENT, host=hub.url)
        child.loaded()
        child.send({"type": "run", "id": 1, "data": _event(hub), "dry": True})
        return child.until("result", "error")["prediction"]["returned"]

    assert await asyncio.to_thread(work) == "names.json"
