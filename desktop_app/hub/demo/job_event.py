"""The `plugin` event's object, as hubs of several generations send it (facts: hub-protocol, A job)."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from typing import Literal

from desktop_app.hub.demo.sample import SampleProject
from desktop_app.hub.demo.state import Asset, JsonObject

Generation = Literal["current", "older", "asset-id"]
"""What a job looks like: of a current hub; of an older one (`tags` for `batches`, no ids, `labeltask` in workflow
jobs); of a newer one that sends `assetId` and no `dataURL`."""

ClassMapping = Mapping[str, str] | Literal["by name"] | None
"""Model class to schemaId; "by name" maps each class to the tool with the same title; None maps nothing."""


def job_object(
    project: SampleProject,
    class_names: tuple[str, ...],
    class_mapping: ClassMapping,
    *,
    config: str | None,
    workflow: bool,
    overwrite: bool | None,
) -> JsonObject:
    """The fields that every job has, with a session and an API key of its own."""
    job: JsonObject = {
        "session": secrets.token_hex(12),
        "projectId": project.id,
        "orgId": project.organization_id,
        "runBy": project.user_id,
        "apiKey": f"demo-{secrets.token_hex(16)}",
        "categorySchema": _category_schema(project, class_names, class_mapping),
        "configJSON": config,
        "workflow": workflow,
    }
    if overwrite is not None:
        job["overwrite"] = overwrite
    return job


def asset_fields(
    project: SampleProject, asset: Asset | None, url: str | None, *, workflow: bool, generation: Generation
) -> JsonObject:
    """The fields that say what the job is about; only the batches (none) for plugins that get no asset."""
    fields: JsonObject = {"tags" if generation == "older" else "batches": list(asset.batches) if asset else []}
    if asset is None:
        return fields
    task = project.task_of(asset)
    if generation != "asset-id":
        fields["dataURL"] = url
    if generation != "older":
        fields |= {"assetId": asset.id, "taskId": task.id}
    elif workflow:
        # A copy: the job is kept as sent, and the task goes on changing.
        fields["labeltask"] = {"_id": task.id, "answer": copy.deepcopy(task.answer)}
    return fields


def _category_schema(
    project: SampleProject, class_names: tuple[str, ...], class_mapping: ClassMapping
) -> list[JsonObject] | None:
    if class_mapping is None:
        return None
    if isinstance(class_mapping, str):
        return project.map_by_name(class_names)
    return [{"schemaId": schema_id, "modelClass": name} for name, schema_id in class_mapping.items()]
