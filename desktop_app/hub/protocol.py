"""The hub's payloads and our own types, in both directions.

Facts: `facts/hub-protocol` (A job, The outcome, Logs, HTTP API). No field of a job but `session` is relied on; what has
another type than expected is left out here, while the callback still gets the event exactly as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_app.core.errors import JobError
from desktop_app.core.events import Level
from desktop_app.core.job import Job

NAMESPACE = "/plugin"
HEARTBEAT_S = 60.0

EVENT_JOB = "plugin"
EVENT_HEARTBEAT = "heartbeat"
EVENT_LOG = "log"
EVENT_RESPONSE = "response"


def parse_job(payload: Any, profile_id: str) -> Job:
    """The job that a `plugin` event describes.

    Raises:
        JobError: there is no session to answer to.
    """
    if not isinstance(payload, dict):
        raise JobError(
            f"The hub sent a job that is no JSON object but {_kind(payload)}",
            remedy="Nothing can be answered without a session; tell the hub's support.",
        )
    session = payload.get("session")
    if not isinstance(session, str | int) or isinstance(session, bool) or session == "":
        raise JobError(
            "The hub sent a job without a session",
            where=f"session is {_kind(session)}",
            remedy="Nothing can be answered without one; tell the hub's support.",
        )
    batches = payload.get("batches", payload.get("tags"))
    return Job(
        session=str(session),
        profile_id=profile_id,
        data=payload,
        api_key=_text(payload, "apiKey"),
        data_url=_text(payload, "dataURL"),
        project_id=_text(payload, "projectId"),
        org_id=_text(payload, "orgId"),
        run_by=_text(payload, "runBy"),
        asset_id=_text(payload, "assetId"),
        task_id=_text(payload, "taskId") or _labeltask_id(payload),
        category_schema=payload.get("categorySchema"),
        config_json=payload.get("configJSON"),
        batches=tuple(b for b in batches if isinstance(b, str)) if isinstance(batches, list) else (),
        workflow=payload.get("workflow") is True,
        overwrite=payload.get("overwrite") if isinstance(payload.get("overwrite"), bool) else None,
    )


def _labeltask_id(payload: dict[str, Any]) -> str | None:
    """The task as older hubs name it in workflow jobs."""
    task = payload.get("labeltask")
    return _text(task, "_id") if isinstance(task, dict) else None


def session_of(job: Job) -> Any:
    """The session exactly as the hub wrote it (a number stays a number)."""
    return job.data.get("session", job.session)


def heartbeat(plugin_id: str, secret: str) -> dict[str, str]:
    """Login and sign of life in one."""
    return {"id": plugin_id, "secret": secret}


def success(job: Job, response: Any, *, export: bool = False) -> dict[str, Any]:
    """The `response` event of an answered job; an export plugin's says that it is one."""
    event = {"response": response, "session": session_of(job)}
    return {"export": True, **event} if export else event


def failure(job: Job) -> dict[str, Any]:
    """The `response` event of a job that has no answer; its reason goes out as a log line."""
    return {"error": True, "session": session_of(job)}


def log_line(
    job: Job, plugin_id: str, level: Level, message: str, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The `log` event. Extra keys of the callback never replace the hub's own."""
    own = {
        "level": level.name,
        "organization": job.org_id,
        "pluginId": plugin_id,
        "runBy": job.run_by,
        "session": session_of(job),
        "msg": message,
    }
    return {**(extra or {}), **own}


def _text(payload: dict[str, Any], key: str) -> str | None:
    value = payload.get(key)
    return value if isinstance(value, str) and value else None


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "an object")
