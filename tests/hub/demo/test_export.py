"""The export's rows and its two packings; the calls around it are tested with the API."""

from __future__ import annotations

import io
import json
import zipfile

from desktop_app.hub.demo.export import export_rows, pack


async def test_a_row_shows_the_task_as_an_export_does(hub):
    task = hub.project.task_of(hub.assets[0])
    task.answer = {"tools": [{"objectId": "1"}], "classifications": [{"schemaId": "c"}], "relations": []}
    task.brush_data_url = "mask"
    row = export_rows(hub.project, hub._files, None, [])[0]
    assert row["asset"].startswith(hub.url)
    assert row["assetId"] == hub.assets[0].id
    assert row["tasks"] == [
        {
            "taskId": task.id,
            "stage": "Label",
            "objects": [{"objectId": "1"}],
            "classifications": [{"schemaId": "c"}],
            "relations": [],
            "brushDataUrl": "mask",
            "medicalBrushDataUrl": None,
        }
    ]


async def test_odd_filters_select_nothing_or_everything_but_never_fail(hub):
    def count(stages: object, batches: object) -> int:
        return len(export_rows(hub.project, hub._files, stages, batches))

    assert count("Label", "x") == count(None, None) == count(["Label", {}], []) == 4
    assert count([], []) == count(None, [{}, None]) == 0


def test_an_empty_export_is_still_a_zip():
    for as_lines, content in ((True, b""), (False, b"[]")):
        archive = zipfile.ZipFile(io.BytesIO(pack([], as_lines)))
        assert archive.read(archive.namelist()[0]) == content
    archive = zipfile.ZipFile(io.BytesIO(pack([{"a": "é\n"}, {"b": 2}], True)))
    assert [json.loads(line) for line in archive.read("export.ndjson").splitlines()] == [{"a": "é\n"}, {"b": 2}]
