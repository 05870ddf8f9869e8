"""Masks of workflow jobs: stored before the task is annotated, or the job fails."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from desktop_app.child.brushes import Brushes
from desktop_app.child.serve import Failure
from desktop_app.hub.demo.server import DemoHub

RED = np.zeros((4, 6, 4), np.uint8)
RED[:, :3] = (255, 0, 0, 255)
BLUE = np.zeros((4, 6, 4), np.uint8)
BLUE[:, 3:] = (0, 0, 255, 255)


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoHub]:
    """A hub with one task, and no waiting between tries."""
    monkeypatch.setattr("desktop_app.child.http_calls.time.sleep", lambda _: None)
    folder = tmp_path / "assets"
    folder.mkdir()
    Image.new("RGB", (6, 4)).save(folder / "a.png")
    async with DemoHub(assets_dir=folder) as running:
        yield running


def _event(hub: DemoHub, **more: Any) -> dict[str, Any]:
    task = hub.project.task_of(hub.assets[0])
    return {"workflow": True, "apiKey": hub.api_key, "projectId": hub.project.id, "taskId": task.id, **more}


async def _upload(hub: DemoHub, brush: Any, medical: Any = None, **more: Any) -> tuple[dict[str, Any], list[str]]:
    value: dict[str, Any] = {"answer": {}, "brushDataUrl": None, "medicalBrushDataUrl": None}
    notes = await asyncio.to_thread(Brushes(brush, medical).upload, _event(hub, **more), hub.url, value)
    return value, notes


def _pixels(hub: DemoHub, url: str) -> Any:
    data = hub.stored_bytes(url)
    assert data is not None
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA"))


async def test_a_mask_is_stored_and_named(hub: DemoHub) -> None:
    value, notes = await _upload(hub, RED)
    assert notes == []
    assert "?" not in value["brushDataUrl"]
    assert (_pixels(hub, value["brushDataUrl"]) == RED).all()
    assert value["medicalBrushDataUrl"] is None


async def test_a_mask_is_painted_over_the_tasks_own_when_that_is_kept(hub: DemoHub) -> None:
    task = hub.project.task_of(hub.assets[0])
    task.brush_data_url = (await _upload(hub, RED))[0]["brushDataUrl"]
    value, _ = await _upload(hub, BLUE, overwrite=False)
    assert (_pixels(hub, value["brushDataUrl"]) == RED + BLUE).all()
    for overwrite in (True, None):
        value, _ = await _upload(hub, BLUE, overwrite=overwrite)
        assert (_pixels(hub, value["brushDataUrl"]) == BLUE).all()


async def test_a_mask_of_another_size_does_not_replace_the_tasks_own(hub: DemoHub) -> None:
    task = hub.project.task_of(hub.assets[0])
    task.brush_data_url = (await _upload(hub, RED))[0]["brushDataUrl"]
    with pytest.raises(Failure, match="6 x 4 pixels and the new one 3 x 4") as raised:
        await _upload(hub, BLUE[:, 3:], overwrite=False)
    assert raised.value.kind == "answer"


async def test_volumes_are_stored_and_merged(hub: DemoHub) -> None:
    task = hub.project.task_of(hub.assets[0])
    first, second = np.zeros((2, 3, 5), np.uint8), np.zeros((2, 3, 5), np.uint8)
    first[0], second[1] = 5, 7
    task.medical_brush_data_url = (await _upload(hub, None, first))[0]["medicalBrushDataUrl"]
    assert task.medical_brush_data_url.endswith(".seg.nrrd")
    value, _ = await _upload(hub, None, second, overwrite=False)
    import gzip

    data = hub.stored_bytes(value["medicalBrushDataUrl"]) or b""
    assert gzip.decompress(data.partition(b"\n\n")[2]) == (first + second).tobytes()


async def test_the_project_is_asked_for_where_the_job_does_not_say(hub: DemoHub) -> None:
    value, _ = await _upload(hub, RED, projectId=None)
    assert value["brushDataUrl"]


@pytest.mark.parametrize("path", ["/v2/getUploadUrl", "/files/"])
async def test_a_mask_that_cannot_be_stored_fails_the_job(hub: DemoHub, path: str) -> None:
    hub.faults.fail_http(path, status=502)
    with pytest.raises(Failure, match="could not be uploaded, so the task was not annotated"):
        await _upload(hub, RED)
    hub.faults.clear()
    hub.faults.fail_http("/files/", status=503, times=2)
    assert (await _upload(hub, RED))[0]["brushDataUrl"], "what passes is tried again"


async def test_what_is_no_mask(hub: DemoHub) -> None:
    with pytest.raises(Failure, match="the mask cannot be stored"):
        await _upload(hub, np.zeros((2, 2, 7)))


async def test_masks_belong_to_workflow_jobs(hub: DemoHub) -> None:
    value, [note] = await _upload(hub, RED, workflow=False)
    assert value["brushDataUrl"] is None
    assert "only in workflow jobs" in note
    value, [note] = await _upload(hub, RED, apiKey="")
    assert "no API key" in note
    assert value["brushDataUrl"] is None
