"""The sample project as an export: what export plugins are given."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from desktop_app.hub.demo.files import Files
from desktop_app.hub.demo.sample import SampleProject
from desktop_app.hub.demo.state import JsonObject


def export_rows(project: SampleProject, files: Files, stages: Any, batches: Any) -> list[JsonObject]:
    """One row per asset whose task is in one of the stages and which is in one of the batches.

    Args:
        stages: a list of stage names, or None for all.
        batches: a list of batch ids; empty for all.
    """
    rows: list[JsonObject] = []
    for asset in project.assets:
        task = project.task_of(asset)
        if isinstance(stages, list) and task.stage not in stages:
            continue
        if isinstance(batches, list) and batches and not any(batch in asset.batches for batch in batches):
            continue
        rows.append(
            {
                "asset": files.signed_url(files.stored[f"assets/{asset.external_id}"]),
                "externalId": asset.external_id,
                "assetId": asset.id,
                "batches": [batch["name"] for batch in project.batches if batch["_id"] in asset.batches],
                "tasks": [
                    {
                        "taskId": task.id,
                        "stage": task.stage,
                        "objects": task.answer.get("tools", []),
                        "classifications": task.answer.get("classifications", []),
                        "relations": task.answer.get("relations", []),
                        "brushDataUrl": task.brush_data_url,
                        "medicalBrushDataUrl": task.medical_brush_data_url,
                    }
                ],
            }
        )
    return rows


def pack(rows: list[JsonObject], as_lines: bool) -> bytes:
    """A zip with one file: the rows one a line (NDJSON), or as one JSON list."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if as_lines:
            archive.writestr("export.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
        else:
            archive.writestr("export.json", json.dumps(rows))
    return buffer.getvalue()
