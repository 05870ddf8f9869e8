"""The part of the SDK that administers projects, batches, issues, storages and organisations."""

from __future__ import annotations

import datetime
from typing import Any, Dict, List, Optional, Sequence

from .http_calls import query

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Administration:
    """Calls that a plugin seldom makes; `make_request` comes from the SDK."""

    def make_request(self, method: str, endpoint: str, payload: Any = None) -> Any:
        """One call of the API."""
        raise NotImplementedError

    def get_project(self, project_id: str) -> Any:
        """A project with its category schema."""
        raise NotImplementedError

    # Projects

    def create_project(self, name: str, description: Optional[str] = None, project_type: Any = None) -> Any:
        """Makes a project."""
        body = _given(name=name, description=description or "", type=getattr(project_type, "value", project_type))
        return self.make_request("POST", "/v2/project", body)

    def clone_project(self, project_id: str, **copied: bool) -> Any:
        """Copies a project's settings; each flag (`category_schema`, `batches`, …) copies one section."""
        names = ("category_schema", "assigned_to", "batches", "workflow", "plugin_presets", "project_general_settings")
        body = {_camel(name): copied.get(name, True) for name in names}
        return self.make_request("POST", "/v2/project/%s/clone" % project_id, body)

    def delete_project(self, project_id: str) -> Any:
        """Deletes a project."""
        return self.make_request("DELETE", "/v2/project/%s" % project_id)

    def create_label_set(
        self,
        project_id: str,
        tools: Optional[Sequence[Any]] = None,
        classifications: Optional[Sequence[Any]] = None,
        relations: Optional[Sequence[Any]] = None,
        raw_category_schema: Optional[Dict[str, Any]] = None,
    ) -> Any:
        """Sets a project's category schema."""
        schema = raw_category_schema or {
            "tools": [item.toDict() for item in tools or ()],
            "classifications": [item.toDict() for item in classifications or ()],
            "relations": [item.toDict() for item in relations or ()],
        }
        return self.make_request("POST", "/v2/project/%s" % project_id, {"categorySchema": schema})

    def add_members_to_project(self, project_id: str, members: List[str], role: Any) -> Any:
        """Adds people to a project."""
        body = {"assignees": members, "role": role.value}
        return self.make_request("POST", "/v2/project/%s/assigned" % project_id, body)

    def update_workflow_stages(self, project_id: str, stages: List[Dict[str, Any]]) -> Any:
        """Sets a project's workflow."""
        return self.make_request("POST", "/v2/project/%s" % project_id, {"stages": stages})

    def get_metrics(self, project_id: str, metric: Any) -> Any:
        """One metric of a project."""
        return self.make_request("GET", "/v2/%s/overview/%s" % (project_id, metric.value))

    def get_project_performance(
        self,
        project_id: str,
        interval: Optional[Sequence[datetime.datetime]] = None,
        batches: Optional[List[str]] = None,
    ) -> Any:
        """How fast a project's people work."""
        body = _given(
            interval=[date.strftime(_TIME) for date in interval] if interval else None,
            batches=self._batch_ids(project_id, batches) if batches else None,
        )
        return self.make_request("POST", "/v2/performance/%s" % project_id, body)

    def rerun_webhook(self, project_id: str, webhook_stage_id: str) -> Any:
        """Runs a workflow's webhook again."""
        return self.make_request("POST", "/v2/project/%s/rerun-webhook" % project_id, {"stageId": webhook_stage_id})

    # Assets, tasks and batches

    def delete_assets(self, project_id: str, asset_ids: List[str]) -> Any:
        """Deletes assets."""
        return self.make_request(
            "DELETE", "/v2/project/%s/assets" % project_id, {"project": project_id, "assets": asset_ids}
        )

    def assign_task(self, project_id: str, task_ids: List[str], stage_filter: str, email: str) -> Any:
        """Assigns tasks to a person."""
        body = {"project": project_id, "tasks": task_ids, "user": email, "stage": stage_filter}
        return self.make_request("POST", "/v2/task/assign", body)

    def requeue_tasks(
        self,
        project_id: str,
        to_stage_id: str,
        filters: Optional[Dict[str, Any]] = None,
        options: Optional[Dict[str, Any]] = None,
    ) -> Any:
        """Sends tasks back to a stage."""
        body = {"toStageId": to_stage_id, "filters": filters or {}, "options": options or {}}
        return self.make_request("POST", "/v2/project/%s/requeueTasks" % project_id, body)

    def update_tasks_priority(self, project_id: str, priority: int, filters: Optional[Dict[str, Any]] = None) -> Any:
        """Sets the priority of tasks."""
        body = {"filters": filters or {}, "priority": priority}
        return self.make_request("POST", "/v2/project/%s/updatePriority" % project_id, body)

    def review_task(self, task_id: str, review_status: Any, pct_details: Optional[Dict[str, Any]] = None) -> Any:
        """Accepts or rejects a task."""
        body = _given(reviewStatus=review_status.value, pctDetails=pct_details)
        return self.make_request("POST", "/v2/review/%s" % task_id, body)

    def get_batches(self, project_id: str) -> List[Dict[str, Any]]:
        """A project's batches."""
        batches: List[Dict[str, Any]] = (
            self.get_project(project_id).get("data", {}).get("project", {}).get("batches", [])
        )
        return batches

    def create_batch(self, project_id: str, batch_name: str) -> Any:
        """Makes a batch."""
        return self.make_request("POST", "/v2/batches/%s" % project_id, {"name": batch_name})

    def create_batches(self, project_id: str, batch_names: List[str]) -> Any:
        """Makes those of the batches that a project does not have yet."""
        existing = self.get_batches(project_id)
        names = {batch["name"] for batch in existing}
        new = [{"name": name} for name in batch_names if name not in names]
        if not new:
            return []
        return self.make_request("POST", "/v2/batches/%s" % project_id, {"batches": existing + new})

    def assign_batches(self, project_id: str, asset_ids: List[str], batches: List[str]) -> Any:
        """Puts assets into batches."""
        body = {"assets": asset_ids, "batches": batches, "projectId": project_id}
        return self.make_request("POST", "/v2/assignBatches", body)

    def create_attachment(self, project_id: str, attachments: List[Dict[str, Any]]) -> Any:
        """Attaches material to assets."""
        return self.make_request("POST", "/v2/attachments", {"project": project_id, "attachments": attachments})

    def _batch_ids(self, project_id: str, batches: List[str]) -> List[str]:
        known = self.get_batches(project_id)
        ids = []
        for wanted in batches:
            found = [batch["_id"] for batch in known if wanted in (batch["_id"], batch["name"])]
            if not found:
                raise ValueError("the project has no batch %s" % wanted)
            ids += found
        return ids

    # Issues

    def create_issue(
        self,
        task_id: str,
        content: str,
        content_mentions: Optional[List[str]] = None,
        object_id: Optional[str] = None,
        position: Any = None,
        error_codes: Optional[List[Dict[str, Any]]] = None,
        pct_details: Optional[Dict[str, Any]] = None,
        page: Optional[int] = None,
        page_end: Optional[int] = None,
        data_index: Optional[int] = None,
        plane: Any = None,
    ) -> Any:
        """Opens an issue on a task, at a place or about an object."""
        place = (position, page, page_end, data_index, plane)
        if object_id is not None and any(part is not None for part in place):
            raise ValueError("an issue is about an object or about a place, not both")
        if page_end is not None and page is None:
            raise ValueError("page_end needs page")
        body = _given(
            content=content,
            labelTask=str(task_id),
            position=None if position is None else str(position),
            contentMentions=content_mentions,
            pctDetails=pct_details,
            objectId=object_id,
            errorCodes=error_codes,
            page=page,
            pageEnd=page_end,
            dataIndex=data_index,
            plane=getattr(plane, "value", plane),
        )
        return self.make_request("POST", "/v2/issues", body)

    def update_issue(self, issue_id: str, **changes: Any) -> Any:
        """Changes `content`, `content_mentions`, `status`, `pct_details` or `error_codes` of an issue."""
        body = _given(**{_camel(name): value for name, value in changes.items()})
        return self.make_request("POST", "/v2/issues/%s" % issue_id, body)

    def add_comment_to_issue(self, issue_id: str, content: str, content_mentions: Optional[List[str]] = None) -> Any:
        """Comments on an issue."""
        body = _given(content=content, contentMentions=content_mentions)
        return self.make_request("POST", "/v2/issues/%s/comment" % issue_id, body)

    def delete_issue(self, project_id: str, issue_id: str) -> Any:
        """Deletes an issue."""
        return self.make_request("DELETE", "/v2/issues/%s?%s" % (issue_id, query(project=project_id)))

    def get_issues(
        self,
        project_id: str,
        asset_id: Optional[str] = None,
        task_id: Optional[str] = None,
        stage_id: Optional[str] = None,
        created_by: Optional[str] = None,
    ) -> Any:
        """A project's issues."""
        fields = query(project=project_id, asset=asset_id, labelTask=task_id, stage=stage_id, createdBy=created_by)
        return self.make_request("GET", "/v2/issues?%s" % fields)

    # Storages and organisations

    def get_storages(self, storage_id: Optional[str] = None) -> Any:
        """All storages, or one of them."""
        answer = self.make_request("GET", "/v2/storages" + ("?%s" % query(_id=storage_id) if storage_id else ""))
        for storage in answer.get("data", {}).get("storages", []) if storage_id else ():
            if storage["_id"] == storage_id:
                return storage
        return answer

    def create_storage(self, storage_data: Any) -> Any:
        """Adds a storage."""
        body = storage_data if isinstance(storage_data, dict) else storage_data.to_dict()
        return self.make_request("POST", "/v2/storages/", body)

    def delete_storage(self, storage_id: str) -> Any:
        """Removes a storage."""
        return self.make_request("DELETE", "/v2/storages/%s" % storage_id)

    def list_storage_files(
        self,
        storage_id: str,
        bucket_name: str,
        path: str = "",
        get_signed_urls: bool = True,
        retry_on_slow_down: bool = True,
    ) -> Any:
        """Files of a storage."""
        fields = query(
            bucketName=bucket_name,
            path=path,
            getSignedUrls=str(get_signed_urls).lower(),
            retryOnSlowDown=str(retry_on_slow_down).lower(),
        )
        return self.make_request("GET", "/v2/storages/%s/files?%s" % (storage_id, fields))

    def get_organization_members(self, organization_id: str) -> Any:
        """People of an organisation."""
        return self.make_request("GET", "/v2/organization/%s/users" % organization_id)

    def update_organization_members_role(self, organization_id: str, role_updates: Sequence[Any]) -> Any:
        """Changes roles of people."""
        body = {"users": [update.toDict() for update in role_updates]}
        return self.make_request("POST", "/v2/organization/%s/users" % organization_id, body)

    def delete_organization_members(self, organization_id: str, member_emails: List[str]) -> Any:
        """Removes people."""
        return self.make_request("DELETE", "/v2/organization/%s/users" % organization_id, {"users": member_emails})

    def get_organization_invites(self, organization_id: str) -> Any:
        """Invitations that wait for an answer."""
        return self.make_request("GET", "/v2/organization/%s/invites?status=pending" % organization_id)

    def invite_members_to_org(self, organization_id: str, invite_data: Any) -> Any:
        """Invites people."""
        return self.make_request("POST", "/v2/organization/%s/invites" % organization_id, invite_data.toDict())

    def delete_organization_invites(self, organization_id: str, invite_emails: List[str]) -> Any:
        """Takes invitations back."""
        body = {"invites": invite_emails}
        return self.make_request("DELETE", "/v2/organization/%s/invites" % organization_id, body)

    def send_notification(
        self,
        receivers: List[str],
        message: str,
        title: Optional[str] = None,
        clickable_link: Optional[str] = None,
    ) -> Any:
        """Tells people something."""
        body = _given(receivers=receivers, message=message, title=title, clickableLink=clickable_link)
        return self.make_request("POST", "/v2/notifications", body)


def _given(**fields: Any) -> Dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
