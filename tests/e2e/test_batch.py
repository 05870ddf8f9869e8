"""The real program runs a model over a whole project and is killed in the middle: no asset is lost, none is changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper
from PIL import Image

from desktop_app.hub.demo.generated import GeneratedProject
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import Outcome
from desktop_app.jobs.batch.listing import CHUNK

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

LIMIT_S = 240.0
NAME = "whole"
SETTLED = 0.2
"""Share of the last life after which its memory is looked at: the known addresses of assets have filled by then."""


def classifier(path: Path) -> Path:
    """A tiny model: its three classes are the shares of red, green and blue."""
    floats = TensorProto.FLOAT
    picture = helper.make_tensor_value_info("images", floats, [1, 3, 32, 32])
    scores = helper.make_tensor_value_info("scores", floats, [1, 3])
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Mul", ["flat", "eight"], ["sharp"]),
        helper.make_node("Softmax", ["sharp"], ["scores"], axis=1),
    ]
    eight = helper.make_tensor("eight", floats, [1], [8.0])
    graph = helper.make_graph(nodes, "colours", [picture], [scores], [eight])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, str(path))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Seven small pictures, each of its own colour."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(7):
        colour = [(number * 37) % 256, (number * 101) % 256, (number * 59) % 256]
        Image.fromarray(np.full((32, 32, 3), colour, dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def count() -> int:
    """How many assets the project has."""
    return 500


@pytest.fixture
async def hub(pictures: Path, count: int) -> AsyncIterator[DemoHub]:
    async with DemoHub(assets_dir=pictures, generated=count, history_limit=200) as demo:
        demo.add_plugin("batch", "s", kind="batch")
        yield demo


async def add(run: Any, hub: DemoHub, tmp_path: Path) -> None:
    model = await asyncio.to_thread(classifier, tmp_path / "colours.onnx")
    arguments = ["--host", hub.url, "--id", "batch", "--secret-stdin", "--onnx", str(model), "--classes", "r,g,b"]
    code, _, err = await run("profiles", "add", NAME, *arguments, stdin="s\n")
    assert code == 0, err


async def serve(plugdeck: Any, hub: DemoHub) -> Any:
    keys = {f"PLUGDECK_SECRET_{NAME.upper()}": "s", f"PLUGDECK_API_KEY_{NAME.upper()}": hub.api_key}
    serving = await plugdeck("run", "--json", **keys)
    await serving.until(lambda: bool(serving.events("ready")), LIMIT_S)
    return serving


async def kill(serving: Any) -> None:
    for process in (psutil.Process(serving.pid), *serving.children()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    await serving.ended()


def judge(project: GeneratedProject, count: int, kills: int) -> int:
    """Every asset has its labels; returns how many got them twice: the same, and no more than were on their way."""
    assert len(project.imported) == count
    assert all(made.same and made.objects == 1 for made in project.imported.values())
    twice = sum(made.times - 1 for made in project.imported.values())
    assert twice <= kills * CHUNK
    return twice


async def test_a_run_that_is_killed_twice_labels_every_asset_and_none_differently(
    plugdeck: Any, run: Any, hub: DemoHub, count: int, tmp_path: Path, data_dir: Path
) -> None:
    project = hub.project
    assert isinstance(project, GeneratedProject)
    await add(run, hub, tmp_path)
    serving = await serve(plugdeck, hub)
    session = await hub.run_plugin("batch", asset=None)
    for share in (0.25, 0.6):
        await hub.wait_until(lambda share=share: len(project.imported) >= share * count, LIMIT_S)
        await kill(serving)
        assert not session.done
        serving = await serve(plugdeck, hub)
    await session.wait(LIMIT_S)
    assert session.outcome is Outcome.ANSWERED
    assert session.response == f"{count} of {count} assets imported, with {count} annotations."
    assert any(line.message.startswith("Goes on where it stopped") for line in session.logs)
    judge(project, count, kills=2)
    assert hub.protocol_errors == []
    assert await serve_ended(serving)
    with contextlib.closing(sqlite3.connect(data_dir / "plugdeck.db")) as connection:
        assert connection.execute("SELECT count(*) FROM batch_asset").fetchone()[0] == 0
        assert connection.execute("SELECT state, imported FROM batch").fetchall() == [("done", count)]
    code, out, _ = await run("jobs", "failed", session.id, "--json")
    assert (code, json.loads(out)) == (0, [])
    files = await asyncio.to_thread(lambda: [p.read_bytes() for p in data_dir.rglob("*") if p.is_file()])
    for value in (hub.api_key, session.api_key):
        assert not any(value.encode() in content for content in files)


async def serve_ended(serving: Any) -> bool:
    return bool(await serving.stop(timeout=60) == 0)


# ---- the long one: make soak ----


@pytest.mark.soak
@pytest.mark.timeout(0)
class TestALongRun:
    """100,000 assets (BATCH_ASSETS changes that), three kills, memory all the while."""

    @pytest.fixture
    def count(self) -> int:
        return int(os.environ.get("BATCH_ASSETS", "100000"))

    async def test_memory_stays_flat_and_every_asset_is_labeled(
        self, plugdeck: Any, run: Any, hub: DemoHub, count: int, tmp_path: Path
    ) -> None:
        project = hub.project
        assert isinstance(project, GeneratedProject)
        await add(run, hub, tmp_path)
        serving = await serve(plugdeck, hub)
        began = time.monotonic()
        session = await hub.run_plugin("batch", asset=None)
        slopes = []
        for share in (0.05, 0.1, 0.15, 1.0):
            samples = await watch(hub, serving, session, project, share * count)
            if share == 1.0:
                break
            await kill(serving)
            serving = await serve(plugdeck, hub)
        await session.wait(LIMIT_S)
        took = time.monotonic() - began
        assert session.response == f"{count:,} of {count:,} assets imported, with {count:,} annotations."
        twice = judge(project, count, kills=3)
        first, last = samples[0][0], samples[-1][0]
        settled = [sample for sample in samples if sample[0] >= first + SETTLED * (last - first)]
        for place, name in ((1, "app"), (2, "worker")):
            assets, megabytes = [s[0] for s in settled], [s[place] for s in settled]
            slope = float(np.polyfit(assets, megabytes, 1)[0]) * 10_000
            slopes.append(slope)
            print(f"{name}: {megabytes[0]:.0f} to {megabytes[-1]:.0f} MB, {slope:+.2f} MB in 10,000 assets")
        print(f"{count:,} assets in {took:.0f} s ({count / took:.0f}/s), three kills, {twice} imported twice, the same")
        assert max(slopes) < 2.0 or count < 50_000, "a short run says little of a slope"
        assert await serve_ended(serving)


async def watch(
    hub: DemoHub, serving: Any, session: Any, project: GeneratedProject, until: float
) -> list[tuple[int, float, float]]:
    """Assets done, the app's and its children's memory in MB, a second apart, until so many are imported."""
    samples = []
    process = psutil.Process(serving.pid)
    while len(project.imported) < until and not session.done:
        assert serving.process.returncode is None, serving.errors[-2000:]
        children = sum(child.memory_info().rss for child in process.children(recursive=True))
        samples.append((len(project.imported), process.memory_info().rss / 1e6, children / 1e6))
        with contextlib.suppress(TimeoutError):
            await hub.wait_until(lambda: len(project.imported) >= until or session.done, 1.0)
    return samples
