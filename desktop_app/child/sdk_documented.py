"""The SDK as the `ango` module of the documented generation has it: tags for batches, errors as answers."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any, Dict, List, Optional, Sequence, Union

from .http_calls import call_json, query, request
from .sdk import SDK

DEFAULT_HOST = "https://api.ango.ai"

_EXPORT_FLAGS = (
    "labeledAt reviewedAt completion totalDuration skip reviewConf labelDuration assetStatus consensus batches "
    "updateInfo issues mask boxImage annotationMetadata benchmark labelStatus segmentationPoints doNotNotify"
)


class DocumentedSDK(SDK):
    """The API with one person's key; an error of the hub's is returned like any answer."""

    def __init__(self, api_key: str, host: str = DEFAULT_HOST) -> None:
        super().__init__(api_key, host or DEFAULT_HOST)

    def make_request(self, method: str, endpoint: str, payload: Any = None) -> Any:
        return call_json(method, self.host + endpoint, api_key=self.api_key, payload=payload, any_status=True)

    def get_task(self, task_id: str, include_answer: bool = False) -> Any:
        return self.make_request("GET", "/v2/task/%s" % task_id)

    def get_tasks(  # type: ignore[override]
        self,
        project_id: str,
        page: int = 1,
        limit: int = 10,
        status: Optional[str] = None,
        batches: Optional[List[str]] = None,
    ) -> Any:
        """A page of a project's tasks."""
        fields: Dict[str, Any] = {"page": page, "limit": limit, "status[eq]": status or None}
        if batches:
            fields["tag"] = self._batch_ids(project_id, batches)
        return self.make_request("GET", "/v2/project/%s/tasks?%s" % (project_id, query(**fields)))

    def set_task_status(self, task_id: str, status: Any) -> Any:
        """Moves a task to "TODO" or "Completed"."""
        return self.make_request("POST", "/v2/task/%s/status" % task_id, {"status": status.value})

    def assign_task(  # type: ignore[override]
        self, task: str, userid: Optional[str] = None, email: Optional[str] = None
    ) -> Any:
        """Assigns a task to a person, by id or e-mail."""
        if not userid and not email:
            raise ValueError("assign_task needs userid or email")
        person = {"user": userid} if userid else {"username": email}
        return self.make_request("POST", "/v2/task/assign", dict(person, task=task))

    def get_assets(  # type: ignore[override]
        self,
        project_id: str,
        asset_id: Optional[str] = None,
        external_id: Optional[str] = None,
        page: int = 1,
        limit: int = 10,
        filters: Optional[Dict[str, Any]] = None,
    ) -> Any:
        """A page of a project's assets, or one of them by id or external id."""
        fields = query(page=page, limit=limit, _id=asset_id, externalId=external_id, filters=filters)
        return self.make_request("GET", "/v2/project/%s/assets?%s" % (project_id, fields))

    def set_asset_priority(
        self, project_id: str, priority: int, external_id: Optional[str] = None, asset_id: Optional[str] = None
    ) -> Any:
        """Sets the order in which an asset is labeled."""
        body = {"priority": priority, "externalId": external_id, "assetId": asset_id}
        return self.make_request("POST", "/v2/priority/%s" % project_id, body)

    def create_issue(self, task_id: str, content: str, position: Any) -> Any:  # type: ignore[override]
        """Opens an issue on a task, at a place."""
        body = {"content": content, "labelTask": str(task_id), "position": str(position)}
        return self.make_request("POST", "/v2/issues", body)

    def create_project(self, name: str, description: str = "") -> Any:  # type: ignore[override]
        """Makes a project."""
        return self.make_request("POST", "/v2/project", {"name": name, "description": description})

    def create_webhook(self, webhook_url: str, project_id: str, secret: str, types: List[str]) -> Any:
        """Has the hub call an address."""
        body = {"url": webhook_url, "types": types, "secret": secret, "project": project_id}
        return self.make_request("POST", "/v2/webhook", body)

    def get_integrations(self, id: Optional[str] = None) -> Any:
        """All storages, or one of them."""
        answer = self.make_request("GET", "/v2/integrations")
        for integration in answer.get("data", {}).get("integrations", []) if id else ():
            if integration["_id"] == id:
                return integration
        return answer

    # Batches, which were tags then

    def get_batches(self, project_id: str) -> List[Dict[str, Any]]:
        project = self.get_project(project_id).get("data", {}).get("project", {})
        tags: List[Dict[str, Any]] = project.get("tags") or project.get("batches") or []
        return tags

    def create_batch(self, project_id: str, batch_name: str) -> Any:
        tags = [*self.get_batches(project_id), {"name": batch_name}]
        answer = self.make_request("POST", "/v2/batches/%s" % project_id, {"tags": tags})
        return answer.get("data", {}).get("project", {}).get("tags", [])

    def assign_batches(self, project_id: str, asset_ids: List[str], batches: List[str]) -> Any:
        body = {"assets": asset_ids, "tags": self._batch_ids(project_id, batches)}
        return self.make_request("POST", "/v2/assignBatches", body)

    # Files

    def _get_upload_url(self, file_name: str, *_: Any, **__: Any) -> str:
        url = "%s/v2/getUploadUrl?%s" % (self.host, query(name=file_name))
        return str(call_json("GET", url, api_key=self.api_key, content_type=False)["data"]["uploadUrl"])

    def upload_files(  # type: ignore[override]
        self,
        project_id: str,
        file_paths: Sequence[Union[str, Dict[str, Any]]],
        integration_id: Optional[str] = None,
        batches: Optional[List[str]] = None,
    ) -> Any:
        """Uploads local files as assets: paths, or dicts with `data` and `externalId`."""
        assets = []
        for item in file_paths:
            asset = {"data": item} if isinstance(item, str) else dict(item)
            new = uuid.uuid4().hex
            path = str(asset["data"])
            url = self._get_upload_url(new + os.path.splitext(path)[1])
            with open(path, "rb") as file:
                request("PUT", url, body=file.read())
            assets.append({"data": url.partition("?")[0], "externalId": asset.get("externalId") or new})
        return self.upload_files_cloud(project_id, assets, integration_id, batches)

    def upload_files_cloud(  # type: ignore[override]
        self,
        project_id: str,
        assets: Sequence[Dict[str, Any]],
        integration_id: Optional[str] = None,
        batches: Optional[List[str]] = None,
    ) -> Any:
        """Makes files that are already stored somewhere assets of a project."""
        for asset in assets:
            if integration_id:
                asset["storage"] = integration_id
            if "batches" in asset:
                asset["tags"] = self._batch_ids(project_id, asset["batches"])
        endpoint = "/v2/project/%s/cloud" % project_id
        if batches:
            endpoint += "?%s" % query(tags=self._batch_ids(project_id, batches))
        return self.make_request("POST", endpoint, {"assets": list(assets)})

    def export(  # type: ignore[override]
        self,
        project_id: str,
        assignees: Optional[List[str]] = None,
        completed_at: Any = None,
        updated_at: Any = None,
        batches: Optional[List[str]] = None,
    ) -> Any:
        """A project's export, parsed."""
        fields: Dict[str, Any] = {"project": project_id}
        fields.update(dict.fromkeys(_EXPORT_FLAGS.split(), "true"), format="json", sendEmail="false")
        if assignees:
            fields["assignee"] = list(assignees)
        if batches:
            fields["tag"] = list(batches)
        for name, span in (("completedAt", completed_at), ("updatedAt", updated_at)):
            for limit, date in zip(("gt", "lt"), span or ()):
                if date is not None:
                    fields["%s[%s]" % (name, limit)] = date.isoformat()
        content = self._exported(query(**fields))
        return None if content is None else json.loads(content)
