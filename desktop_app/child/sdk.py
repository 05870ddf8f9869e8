"""The hub's HTTP API as scripts call it: names, arguments and answers of the published client's SDK.

Written for interpreters that do not have the published package; where they have it, scripts get that one.
"""

from __future__ import annotations

import io
import json
import logging
import os
import uuid
import zipfile
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

from .http_calls import HttpError, call_json, query, request
from .masks import picture, volume, write_nrrd, write_png
from .merge import merged
from .models.annotate import AnnotationPayload, Answer
from .models.enums import ExportFormats, StorageFileTypes
from .models.export_options import ExportOptions
from .sdk_admin import Administration

DEFAULT_HOST = "https://imeritapi.ango.ai"


class SDK(Administration):
    """The API with one person's key.

    Args:
        api_key: of the person; a job brings the one of whoever runs it.
        host: the hub's address.
    """

    def __init__(self, api_key: str, host: str = DEFAULT_HOST) -> None:
        self.api_key = api_key
        self.host = (host or DEFAULT_HOST).rstrip("/")
        self.logger = logging.getLogger("SDK")

    @property
    def session(self) -> Any:
        """A `requests` session for scripts that use it; ImportError where the interpreter has no requests."""
        import requests

        return requests.Session()

    def make_request(self, method: str, endpoint: str, payload: Any = None) -> Any:
        """One call of the API.

        Raises:
            HttpError: it was answered with an error, whose text is the message, or not at all.
        """
        return call_json(method, self.host + endpoint, api_key=self.api_key, payload=payload)

    # Projects, assets, tasks

    def list_projects(self, page: int = 1, limit: int = 10) -> Any:
        """A page of the projects the key can see."""
        return self.make_request("GET", "/v2/listProjects?%s" % query(page=page, limit=limit))

    def get_project(self, project_id: str) -> Any:
        """A project with its category schema."""
        return self.make_request("GET", "/v2/project/%s" % project_id)

    def get_assets(
        self, project_id: str, page: int = 1, limit: int = 10, filters: Optional[Dict[str, Any]] = None
    ) -> Any:
        """A page of a project's assets: `data.assets`, `data.total`."""
        fields = query(page=page, limit=limit, filters=filters or {})
        return self.make_request("GET", "/v2/project/%s/assets?%s" % (project_id, fields))

    def get_tasks(
        self,
        project_id: str,
        page: int = 1,
        limit: int = 10,
        status: Optional[str] = None,
        stage: Optional[str] = None,
        batches: Optional[List[str]] = None,
        include_answer: bool = False,
        task_filter: Any = None,
        sort: Optional[str] = None,
        fields: Optional[str] = None,
    ) -> Any:
        """A page of a project's tasks."""
        asked: Dict[str, Any] = {"page": page, "limit": limit, "includeAnswer": str(include_answer).lower()}
        if fields:
            asked.update(fields=",".join({*fields.split(","), "_id", "project", "asset"}), includeAnswer="true")
        if task_filter is not None and not task_filter.is_empty():
            asked["filter"] = task_filter.to_json()
        asked.update({"status[eq]": status, "batches": batches, "stage": stage, "sort": sort})
        return self.make_request("GET", "/v2/project/%s/tasks?%s" % (project_id, query(**asked)))

    def get_task(self, task_id: str, include_answer: bool = False) -> Any:
        """A task; `data.task.answer` holds its annotations."""
        return self.make_request("GET", "/v2/task/%s?%s" % (task_id, query(includeAnswer=include_answer)))

    def get_task_history(self, task_history_id: Optional[str] = None, task_id: Optional[str] = None) -> Any:
        """What happened to a task."""
        if task_history_id:
            return self.make_request("GET", "/v2/taskHistory/%s" % task_history_id)
        if task_id:
            return self.make_request("GET", "/v2/task/%s/history" % task_id)
        self.logger.error("get_task_history needs task_history_id or task_id")
        return {}

    # Annotations

    def import_labels(self, project_id: str, labels: Sequence[Dict[str, Any]]) -> Any:
        """Pre-labels for many assets."""
        return self.make_request("POST", "/v2/import/labels", {"project": project_id, "jsonContent": list(labels)})

    def annotate_task(
        self, task_id: str, payload: AnnotationPayload, overwrite: bool = False, send_to_next_stage: bool = False
    ) -> bool:
        """Annotates a task; with `overwrite=False` what it has is kept."""
        return self._annotate_task(task_id, payload, overwrite, send_to_next_stage)

    def _annotate_task(
        self,
        task_id: str,
        payload: AnnotationPayload,
        overwrite: bool = False,
        send_to_next_stage: bool = False,
        is_plugin: bool = False,
    ) -> bool:
        # Unlike the published client: a mask that cannot be uploaded is an error, not an annotation without it.
        self._upload_masks(task_id, payload)
        if not overwrite:
            existing = self.get_task(task_id)["data"]["task"].get("answer") or {}
            answer = payload.answer if payload.answer is not None else Answer()
            payload.answer = Answer(**merged(existing, answer.toDict()))
        flags = query(nextStage=str(send_to_next_stage).lower(), isPlugin=str(is_plugin).lower())
        return self.make_request("POST", "/v2/annotate/%s?%s" % (task_id, flags), payload.toDict()) is not None

    def _annotate(self, task_id: str, answer: Any) -> bool:
        body = {"answer": answer, "duration": 0}
        return self.make_request("POST", "/v2/annotate/%s?nextStage=true" % task_id, body) is not None

    def _upload_masks(self, task_id: str, payload: AnnotationPayload) -> None:
        if payload.brush_data is None and payload.medical_brush_data is None:
            return
        project = getattr(payload, "project_id", None) or self.get_task(task_id)["data"]["task"]["project"]
        if payload.brush_data is not None and payload.brush_data_url is None:
            payload.brush_data_url = self.upload_brush_array(project, payload.brush_data)
        if payload.medical_brush_data is not None and payload.medical_brush_data_url is None:
            payload.medical_brush_data_url = self.upload_brush_array(project, payload.medical_brush_data, medical=True)

    def upload_brush_array(self, project_id: str, arr: Any, medical: bool = False) -> str:
        """Uploads a mask and returns its stored address.

        Args:
            arr: (H, W), (H, W, 3) or (H, W, 4); a volume (Z, Y, X) when `medical`.
        """
        shape = getattr(arr, "shape", None)
        if medical and (shape is None or len(shape) == 3 and shape[-1] not in (3, 4)):
            data, ending = write_nrrd(*volume(arr)), ".seg.nrrd"
        else:
            data, ending = write_png(picture(arr)), ".png"
        kind = StorageFileTypes.MEDICAL_BRUSH if medical else StorageFileTypes.BRUSH
        return self._put(uuid.uuid4().hex + ending, project_id, kind, data)

    # Files

    def _get_upload_url(
        self,
        file_name: str,
        project: Optional[str] = None,
        file_type: Optional[StorageFileTypes] = None,
        storage_id: Optional[str] = None,
    ) -> str:
        url = self._storage_call("getUploadUrl", file_name, project, file_type, storage_id)["uploadUrl"]
        return str(url)

    def _get_signed_url(
        self,
        asset_url: str,
        project: Optional[str] = None,
        file_type: Optional[StorageFileTypes] = None,
        storage_id: Optional[str] = None,
    ) -> str:
        return str(self._storage_call("getSignedUrl", asset_url, project, file_type, storage_id)["signedUrl"])

    def _storage_call(
        self,
        call: str,
        name: str,
        project: Optional[str],
        file_type: Optional[StorageFileTypes],
        storage_id: Optional[str],
    ) -> Dict[str, Any]:
        kind = None if file_type is None else file_type.value
        url = "%s/v2/%s?%s" % (self.host, call, query(name=name, project=project, type=kind, storageId=storage_id))
        data: Dict[str, Any] = call_json("GET", url, api_key=self.api_key, content_type=False)["data"]
        return data

    def _put(
        self, name: str, project_id: str, kind: StorageFileTypes, data: bytes, storage_id: Optional[str] = None
    ) -> str:
        url = self._get_upload_url(name, project_id, kind, storage_id)
        request("PUT", url, body=data)
        return url.split("?")[0]

    def upload_files(
        self,
        project_id: str,
        file_paths: Sequence[Union[str, Dict[str, Any]]],
        storage_id: Optional[str] = None,
        batches: Optional[List[str]] = None,
        priority: int = 0,
    ) -> Any:
        """Uploads local files as assets: paths, or dicts with `data`, `externalId`, `contextData`, `metadata`.

        Raises:
            ValueError: the project takes no local files.
        """
        if self.get_project(project_id).get("data", {}).get("project", {}).get("type") == "pct":
            raise ValueError("projects of point clouds take files from a cloud storage only")
        assets = []
        for item in file_paths:
            asset = {"data": item} if isinstance(item, str) else dict(item)
            path = str(asset["data"])
            base = os.path.basename(path)
            ending = ".nii.gz" if base.lower().endswith(".nii.gz") else os.path.splitext(base)[1]
            with open(path, "rb") as file:
                stored = self._put(
                    uuid.uuid4().hex + ending, project_id, StorageFileTypes.ASSET, file.read(), storage_id
                )
            assets.append(
                {
                    "data": stored,
                    "externalId": asset.get("externalId") or path,
                    "contextData": asset.get("contextData"),
                    "metadata": asset.get("metadata"),
                }
            )
        return self.upload_files_cloud(project_id, assets, storage_id, batches, priority, upload_local="true")

    def upload_files_cloud(
        self,
        project_id: str,
        assets: Sequence[Dict[str, Any]],
        storage_id: Optional[str] = None,
        batches: Optional[List[str]] = None,
        priority: int = 0,
        upload_local: Optional[str] = None,
    ) -> Any:
        """Makes files that are already stored somewhere assets of a project."""
        for asset in assets:
            if storage_id:
                asset["storage"] = storage_id
            if "batches" in asset:
                asset["batches"] = self._batch_ids(project_id, asset["batches"])
        endpoint = "/v2/project/%s/cloud" % project_id
        if batches:
            endpoint += "?%s" % query(batches=self._batch_ids(project_id, batches))
        body = {"assets": list(assets), "uploadLocal": upload_local, "priority": priority}
        return self.make_request("POST", endpoint, body)

    # Export

    def export(
        self, project_id: str, options: Optional[ExportOptions] = None, zip_file_path: Optional[str] = None, **old: Any
    ) -> Any:
        """A project's export: parsed JSON, or for NDJSON an iterator over its lines and their number."""
        return self.exportV3(project_id, options, zip_file_path, **old)

    def exportV3(  # noqa: N802
        self, project_id: str, options: Any = None, zip_file_path: Optional[str] = None, **old: Any
    ) -> Any:
        """See export; also with the keyword arguments of clients before 1.3.43 (batches, stage, export_format)."""
        if not isinstance(options, ExportOptions) and not hasattr(options, "toDict"):
            options = _old_options(options, old)
        fields = dict(options.toDict(), project=project_id)
        content = self._exported(query(**fields), zip_file_path)
        if content is None:
            return None
        if getattr(options.export_format, "value", None) == ExportFormats.NDJSON.value:
            lines = [line for line in content.splitlines() if line.strip()]
            return _parsed(lines), len(lines)
        return json.loads(content)

    def _exported(self, fields: str, zip_file_path: Optional[str] = None) -> Optional[bytes]:
        url = "%s/v2/export?%s" % (self.host, fields)
        link = call_json("GET", url, api_key=self.api_key, content_type=False)["data"]["exportPath"]
        packed = request("GET", link)
        if zip_file_path:
            with open(zip_file_path, "wb") as file:
                file.write(packed)
            return None
        try:
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                return archive.read(archive.namelist()[0])
        except (zipfile.BadZipFile, IndexError) as error:
            raise HttpError("the export is no zip file: %s" % error) from None

    # Plugins

    def _plugin_log(self, log: Dict[str, Any]) -> Any:
        return self.make_request("POST", "/v2/pluginLog", log)

    def _plugin_response(self, response: Dict[str, Any]) -> Any:
        return self.make_request("POST", "/v2/pluginResponse", response)

    def file_explorer(self, bucket: str, storage_id: str, options: Optional[Dict[str, Any]] = None) -> Any:
        """Lists, or with `upload` imports, files of a storage."""
        body = dict(options or {}, bucket=bucket, storageId=storage_id)
        return self.make_request("POST", "/v2/file-explorer", body)


def _old_options(batches: Any, old: Dict[str, Any]) -> ExportOptions:
    form = old.get("export_format", "json")
    return ExportOptions(
        stage=old.get("stage"),
        batches=old.get("batches", batches),
        export_format=form if isinstance(form, ExportFormats) else ExportFormats(form),
        include_key_frames_only=bool(old.get("include_key_frames_only")),
    )


def _parsed(lines: List[bytes]) -> Iterator[Any]:
    for line in lines:
        yield json.loads(line)
