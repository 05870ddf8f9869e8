"""Scripts as the platform's public samples are written, under our modules alone and beside the newest client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from desktop_app.core.events import JobChanged
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.paths import DataDir

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LIMIT_S = 60.0
SECRET = "s1-long-enough"

MODEL = """
import os
import urllib.request
from imerit_ango.plugins import ModelPlugin, run
from imerit_ango.sdk import SDK

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".env")) as file:
    for row in file:
        name, _, value = row.strip().partition("=")
        os.environ.setdefault(name, value)

HOST = os.environ["HOST"]
PLUGIN_ID = os.environ["PLUGIN_ID"]
PLUGIN_SECRET = os.environ["PLUGIN_SECRET"]


def run_model(data):
    logger = data.get("logger")
    sdk = SDK(api_key=data.get("apiKey"), host=HOST)
    response = sdk.get_assets(project_id=data.get("projectId"), filters={"_id": data.get("assetId")})
    asset = response["data"]["assets"][0]
    size = len(urllib.request.urlopen(asset["data"]).read())
    mapping = {row["modelClass"]: row["schemaId"] for row in data.get("categorySchema")}
    objects = []
    for step, name in enumerate(("bolt", "nut"), 1):
        logger.info(f"[{step}/2] {name} in {size > 0}")
        objects.append({"schemaId": mapping[name], "bounding-box": {"x": 2, "y": 3, "width": 10 * step, "height": 9}})
    return {"externalId": asset["externalId"], "objects": objects, "classifications": [], "relations": []}


if __name__ == "__main__":
    plugin = ModelPlugin(id=PLUGIN_ID, secret=PLUGIN_SECRET, callback=run_model, host=HOST)
    run(plugin, host=HOST)
"""
BATCH = """
import json
import os
import sys
from imerit_ango.plugins import BatchModelPlugin, run
from imerit_ango.sdk import SDK

HOST = os.environ.get("HUB", "https://imeritapi.ango.ai")


def callback(data):
    project_id, logger = data.get("projectId"), data.get("logger")
    config = json.loads(data.get("configJSON"))
    sdk = SDK(api_key=data.get("apiKey"), host=HOST)
    total = sdk.get_assets(project_id=project_id, page=1, limit=1)["data"]["total"]
    done, page = 0, 1
    while done < total:
        assets = sdk.get_assets(project_id=project_id, page=page, limit=config["batch_size"])["data"]["assets"]
        labels = []
        for asset in assets:
            labels.append({"externalId": asset["externalId"], "objects": [], "relations": [],
                           "classifications": [{"schemaId": config["schemaId"], "answer": config["answer"]}]})
        sdk.import_labels(project_id, labels)
        done, page = done + len(assets), page + 1
        logger.info("[%d/%d] imported" % (done, total))
    return "All annotations are imported!"


plugin = BatchModelPlugin(id="batch", secret="s", callback=callback)
run(plugin, host=HOST)
"""
MARKDOWN = """
import csv
import os
from imerit_ango.plugins import MarkdownPlugin, run

HERE = os.path.dirname(os.path.abspath(__file__))


def callback(data):
    with open(os.path.join(HERE, "numbers.csv"), newline="") as file:
        rows = list(csv.reader(file))
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
    lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    return "## %s\\n\\n" % data.get("projectId")[:0] + "\\n".join(lines)


run(MarkdownPlugin(id="markdown", secret="s", callback=callback), host="http://localhost:1")
"""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    folder = tmp_path / "assets"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / f"{number}.png")
    async with DemoHub(assets_dir=folder) as running:
        yield running


@pytest.mark.parametrize(
    "client", [pytest.param("", id="alone"), pytest.param("ango==1.4.10", id="published", marks=pytest.mark.peers)]
)
async def test_the_public_samples_run(
    hub: DemoHub, published_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    python = await asyncio.to_thread(published_client, client) if client else None
    for name, text in (("model", MODEL), ("batch", BATCH), ("markdown", MARKDOWN)):
        hub.add_plugin(name, SECRET, class_names=("bolt", "nut"))
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setenv(f"PLUGDECK_SECRET_{name.upper()}", SECRET)
    (tmp_path / ".env").write_text(f"HOST={hub.url}\nPLUGIN_ID=model\nPLUGIN_SECRET={SECRET}\n")
    (tmp_path / "numbers.csv").write_text('name,count\n"bolts, long",3\nnuts,4\n')
    monkeypatch.delenv("HOST", raising=False)
    host = Host(DataDir(tmp_path / "data"))
    steps: list[tuple[int, int]] = []
    host.events.connect(
        lambda event: (
            steps.append(event.record.progress) if isinstance(event, JobChanged) and event.record.progress else None
        )
    )
    try:
        await host.start()
        for name in hub.plugins:
            source = CallbackSource(script=tmp_path / f"{name}.py", python=python, environment={"HUB": hub.url})
            profile = Profile(name=name, host=hub.url, plugin_id=name, source=source)
            await host.add_profile(profile, None)
            await host.start_profile(profile.id)
        for name in hub.plugins:
            await hub.wait_online(name, LIMIT_S)
        model = await (await hub.run_plugin("model", asset=1)).wait(LIMIT_S)
        assert model.response == {
            "externalId": "1.png",
            "objects": [
                {
                    "schemaId": hub.project.schema_id(title),
                    "bounding-box": {"x": 2, "y": 3, "width": width, "height": 9},
                }
                for title, width in (("Bolt", 10), ("Nut", 20))
            ],
            "classifications": [],
            "relations": [],
        }
        assert [line.message for line in model.logs] == ["[1/2] bolt in True", "[2/2] nut in True"]
        config = '{"batch_size": 2, "schemaId": "light", "answer": "Dim"}'
        batch = await (await hub.run_plugin("batch", asset=None, config=config)).wait(LIMIT_S)
        assert batch.response == "All annotations are imported!"
        assert {tuple(item["answer"] for item in task.answer["classifications"]) for task in hub.tasks.values()} == {
            ("Dim",)
        }
        document = await (await hub.run_plugin("markdown", asset=None)).wait(LIMIT_S)
        assert document.response.endswith("| name | count |\n| --- | --- |\n| bolts, long | 3 |\n| nuts | 4 |")
        assert steps == [(1, 2), (2, 2), (2, 4), (4, 4)]
        assert hub.protocol_errors == []
    finally:
        await host.stop(1)
    assert os.environ.get("HOST") is None
