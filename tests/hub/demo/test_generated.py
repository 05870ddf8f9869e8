"""A project of 100,000 assets that are made when they are asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from desktop_app.core.resources import resource
from desktop_app.hub.demo.generated import GeneratedProject
from desktop_app.hub.demo.server import DemoHub


async def get(hub: DemoHub, **query: Any) -> Any:
    async with httpx.AsyncClient(base_url=hub.url, headers={"apikey": hub.api_key}) as http:
        return (await http.get(f"/v2/project/{hub.project.id}/assets", params=query)).json()["data"]


@pytest.fixture
async def hub() -> Any:
    """Such a hub."""
    async with DemoHub(assets_dir=resource("demo", "assets"), generated=100_000) as running:
        yield running


async def test_pages_of_it_hold_every_asset_once(hub: DemoHub) -> None:
    first, last = await get(hub, page=1, limit=1000), await get(hub, page=100, limit=1000)
    assert first["total"] == last["total"] == 100_000
    names = [asset["externalId"] for asset in (*first["assets"], *last["assets"])]
    assert len(set(names)) == 2000
    assert names[0] == "generated-0000000.jpg"
    assert names[-1].startswith("generated-0099999.")
    assert (await get(hub, page=101, limit=1000))["assets"] == []
    evening = hub.project.batches[1]["_id"]
    half = await get(hub, page=50, limit=1000, filters=json.dumps({"batches": [evening]}))
    assert half["total"] == 50_000
    assert half["assets"][-1]["externalId"].startswith("generated-0099999.")
    assert all(asset["batches"] == [evening] for asset in half["assets"])


async def test_its_files_can_be_fetched_and_what_is_imported_is_known(hub: DemoHub) -> None:
    project = hub.project
    assert isinstance(project, GeneratedProject)
    asset = (await get(hub, page=70_001, limit=1))["assets"][0]
    by_id = (await get(hub, filters=json.dumps({"_id": asset["_id"]})))["assets"]
    assert [found["externalId"] for found in by_id] == [asset["externalId"]]
    async with httpx.AsyncClient(headers={"apikey": hub.api_key}) as http:
        content = (await http.get(asset["data"])).content
        assert content == project.made(70_000).path.read_bytes()
        row = {"objects": [{"point": [1, 2]}], "classifications": [], "relations": []}
        for rows in ([{"externalId": asset["externalId"], **row}], [{"data": asset["data"], **row}]):
            body = {"project": project.id, "jsonContent": rows}
            reply = await http.post(f"{hub.url}/v2/import/labels", json=body)
            assert reply.json()["data"]["project"] == "1 / 1 tasks are labeled."
    assert {number: (made.times, made.same, made.objects) for number, made in project.imported.items()} == {
        70_000: (2, True, 1)
    }
    assert (await get(hub, page=70_001, limit=1))["assets"][0]["isPreLabeled"] is True


def test_a_different_second_import_shows(tmp_path: Path) -> None:
    project = GeneratedProject(3)
    project.use([tmp_path / "a.png"])
    one = {"tools": [1], "classifications": [], "relations": []}
    project.pre_label(project.made(1), one)
    project.pre_label(project.made(1), {**one, "tools": [2]})
    assert not project.imported[1].same
    assert project.named("generated-0000009.png") is None
    assert project.named("generated-x.png") is None
