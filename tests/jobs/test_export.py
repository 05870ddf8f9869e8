from __future__ import annotations

import json
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.errors import KnownError
from desktop_app.core.job import JobRecord, JobState
from desktop_app.jobs.export import ExportFormat, export_jobs
from desktop_app.store.database import Database
from desktop_app.store.history import History

BOX = {"title": "bolt", "bounding-box": {"x": 10, "y": 20, "width": 30, "height": 40}, "metadata": {"confidence": 0.9}}
HOLE = [[2, 2], [3, 2], [3, 3]]
AREA = {"title": "rust", "segmentation": {"zones": [{"region": [[0, 0], [10, 0], [10, 10], [0, 10]], "holes": [HOLE]}]}}
SPAN = {"title": "name", "ner": {"start": 1, "end": 4}}


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    db = Database(tmp_path / "h.db")
    await db.open()
    yield History(db)
    await db.close()


async def add(history: History, number: int, *objects: dict[str, Any], **fields: Any) -> None:
    now = time.time() + number
    values: dict[str, Any] = {
        "id": f"j{number}", "session": f"s{number}", "profile_id": "p", "profile_name": "P",
        "state": JobState.DELIVERED, "received_at": now, "updated_at": now,
        "external_id": f"tray-{number}.jpg", "width": 100, "height": 200,
    }  # fmt: skip
    await history.record(JobRecord(**{**values, **fields}))
    answer = {"objects": list(objects), "classifications": [], "relations": []}
    await history.store_answer(f"j{number}", answer, {"response": answer})


async def test_coco_has_boxes_outlines_and_classes(history: History, tmp_path: Path) -> None:
    await add(history, 1, BOX, AREA, SPAN)
    await add(history, 2, BOX, state=JobState.FAILED)
    done = await export_jobs(history, tmp_path / "c.json", ExportFormat.COCO)
    coco = json.loads((tmp_path / "c.json").read_text())
    assert [(image["file_name"], image["width"], image["height"]) for image in coco["images"]] == [
        ("tray-1.jpg", 100, 200)
    ]
    box, area = coco["annotations"]
    assert (box["bbox"], box["area"], box["segmentation"], box["score"]) == ([10, 20, 30, 40], 1200, [], 0.9)
    assert (area["bbox"], area["area"]) == ([0, 0, 10, 10], 100)
    assert area["segmentation"] == [[0, 0, 10, 0, 10, 10, 0, 10]]
    assert [category["name"] for category in coco["categories"]] == ["bolt", "rust"]
    assert (done.jobs, done.objects, done.left_out) == (1, 2, {"objects without a place in a picture": 1})


async def test_yolo_is_in_parts_of_the_picture(history: History, tmp_path: Path) -> None:
    await add(history, 1, BOX)
    await add(history, 2, BOX, width=None, height=None)
    done = await export_jobs(history, tmp_path / "y.zip", ExportFormat.YOLO)
    with zipfile.ZipFile(tmp_path / "y.zip") as archive:
        assert sorted(archive.namelist()) == ["classes.txt", "data.yaml", "labels/tray-1.txt"]
        assert archive.read("classes.txt").decode() == "bolt\n"
        assert archive.read("labels/tray-1.txt").decode() == "0 0.250000 0.200000 0.300000 0.200000\n"
    assert done.left_out == {"jobs whose picture size is not known": 1}


async def test_ango_is_keyed_as_the_hub_knows_the_asset(history: History, tmp_path: Path) -> None:
    await add(history, 1, BOX)
    await add(history, 2, BOX, external_id="", url="https://a.example/b/c.png")
    await export_jobs(history, tmp_path / "a.json", ExportFormat.ANGO)
    second, first = json.loads((tmp_path / "a.json").read_text())
    assert first == {"externalId": "tray-1.jpg", "objects": [BOX], "classifications": [], "relations": []}
    assert second["data"] == "https://a.example/b/c.png"


async def test_the_latest_answer_of_an_asset_counts_and_names_stay_names(history: History, tmp_path: Path) -> None:
    await add(history, 1, BOX, external_id="../../etc/passwd")
    await add(history, 2, BOX, AREA, external_id="../../etc/passwd")
    done = await export_jobs(history, tmp_path / "y.zip", ExportFormat.YOLO)
    assert (done.jobs, done.objects) == (1, 2)
    with zipfile.ZipFile(tmp_path / "y.zip") as archive:
        assert not [name for name in archive.namelist() if ".." in name or name.count("/") > 1]


async def test_more_jobs_than_a_page(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.jobs.export.PAGE", 3)
    for number in range(8):
        await add(history, number, BOX)
    assert (await export_jobs(history, tmp_path / "c.json", ExportFormat.COCO)).jobs == 8


async def test_what_cannot_be_written_is_said(history: History, tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="no delivered job"):
        await export_jobs(history, tmp_path / "c.json", ExportFormat.COCO)
    await add(history, 1, BOX)
    with pytest.raises(KnownError, match="cannot be written"):
        await export_jobs(history, tmp_path / "none" / "c.json", ExportFormat.COCO)


async def test_the_assets_come_along_and_replays_do_not(history: History, tmp_path: Path) -> None:
    picture = tmp_path / "0a.jpg"
    picture.write_bytes(b"picture")
    await add(history, 1, BOX, asset_path=str(picture), url="https://a.example/one/t.jpg", external_id="")
    await add(history, 2, BOX, asset_path=str(tmp_path / "gone"), url="https://a.example/two/t.jpg", external_id="")
    await add(history, 3, BOX, AREA, asset_path=str(picture), replay_of="j1", external_id="replayed.jpg")
    read: list[int] = []
    done = await export_jobs(history, tmp_path / "c.zip", ExportFormat.COCO, assets=True, progress=read.append)
    with zipfile.ZipFile(tmp_path / "c.zip") as archive:
        coco = json.loads(archive.read("annotations.json"))
        names = [image["file_name"] for image in coco["images"]]
        assert names == ["t.jpg", "t-j1.jpg"], "two assets of one name"
        assert archive.namelist() == ["annotations.json", "images/t-j1.jpg"]
        assert archive.read("images/t-j1.jpg") == b"picture"
    assert (done.jobs, done.left_out, read) == (2, {"assets that are not in the cache": 1}, [1, 2])
    chosen = [job for job in await history.list() if job.id == "j3"]
    done = await export_jobs(history, tmp_path / "a.zip", ExportFormat.ANGO, jobs=chosen, assets=True)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["import.json", "images/replayed.jpg"]
    assert (done.jobs, done.objects) == (1, 2)
    assert not (tmp_path / "c.zip.part").exists()
