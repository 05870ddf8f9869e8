"""A published client's batch plugin and ours, over the same project: the hub holds the same labels afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.paths import DataDir

pytestmark = [pytest.mark.peers, pytest.mark.timeout(900)]

CURRENT = "ango==1.4.10"
CLASSES = ("bolt", "nut", "washer")
LIMIT_S = 240

# As the platform's samples do it: page through the assets, run a model, import all. Its model is a file of answers.
SCRIPT = """
    import json
    from imerit_ango.plugins import BatchModelPlugin, run
    from imerit_ango.sdk import SDK

    HOST, ANSWERS = {host!r}, {answers!r}

    def label_all(data):
        sdk = SDK(api_key=data["apiKey"], host=HOST)
        with open(ANSWERS, encoding="utf-8") as file:
            answers = json.load(file)
        rows, page = [], 1
        while True:
            assets = sdk.get_assets(data["projectId"], page=page, limit=5)["data"]["assets"]
            if not assets:
                break
            rows += [
                {{"externalId": asset["externalId"], **answers[asset["externalId"]]}}
                for asset in assets
                if asset["externalId"] in answers
            ]
            page += 1
        sdk.import_labels(data["projectId"], rows)
        return "All annotations are imported!"

    if __name__ == "__main__":
        run(BatchModelPlugin(id="p1", secret="s1", callback=label_all), host=HOST)
"""


@pytest.fixture
async def hub() -> AsyncIterator[DemoHub]:
    """The hub with its own sample project."""
    async with DemoHub() as running:
        running.add_plugin("p1", "s1", kind="batch", class_names=CLASSES)
        yield running


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setenv("PLUGDECK_SECRET_BATCH", "s1")
    made = Host(DataDir(tmp_path / "data"))
    await made.start()
    yield made
    await made.stop(0.0)


def labels(hub: DemoHub) -> dict[str, Any]:
    """What every asset is labeled with, and then nothing is any more."""
    found = {}
    for asset in hub.assets:
        task = hub.project.task_of(asset)
        if task.pre_labeled:
            found[asset.external_id] = json.loads(json.dumps(task.answer))
        task.answer, task.pre_labeled = {"tools": [], "classifications": [], "relations": []}, False
    return found


async def ours(host: Host, hub: DemoHub, source: Any) -> tuple[dict[str, Any], str]:
    profile = Profile(name="Batch", host=hub.url, plugin_id="p1", source=source)
    await host.profiles.save(profile)
    await host.start_profile(profile.id)
    await hub.wait_online("p1", LIMIT_S)
    session = await hub.run_plugin("p1", asset=None)
    await session.wait(LIMIT_S)
    await host.stop_profile(profile.id)
    await host.profiles.remove(profile.id)
    return labels(hub), str(session.response)


async def test_a_published_client_and_ours_leave_the_same_labels(
    host: Host, hub: DemoHub, published_client: Any, tmp_path: Path
) -> None:
    model = OnnxSource(path=resource("demo", "fasteners.onnx"))
    without_code, words = await ours(host, hub, model)
    pictures = {asset.external_id: asset.path for asset in hub.project.pictures}
    assert set(without_code) == set(pictures)
    assert words.startswith(f"{len(pictures)} of {len(hub.assets)} assets imported, with ")
    assert any(answer["tools"] for answer in without_code.values())

    mapping = {name: hub.project.schema_id(name) or "" for name in CLASSES}
    profile = Profile(name="Test", host=hub.url, plugin_id="p1", source=model)
    results = await host.test(profile, list(pictures.values()), mapping=mapping)
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({result.file.name: result.answer for result in results}), encoding="utf-8")
    script = tmp_path / "batch.py"
    script.write_text(textwrap.dedent(SCRIPT).format(host=hub.url, answers=str(answers)), encoding="utf-8")
    python = await asyncio.to_thread(published_client, CURRENT)
    left_out = {"CONNECTOR", "PORT", "LOGLEVEL", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    process = await asyncio.create_subprocess_exec(
        python, script, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    try:
        await hub.wait_online("p1", LIMIT_S)
        session = await hub.run_plugin("p1", asset=None)
        await session.wait(LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert session.response == "All annotations are imported!"
    published = labels(hub)
    assert published == without_code

    # The same script, unchanged, hosted here.
    hosted, words = await ours(host, hub, CallbackSource(script=script))
    assert words == "All annotations are imported!"
    assert hosted == published
    assert hub.protocol_errors == []
