"""Handing in the answer of a workflow job over HTTP: until the hub has decided, and never twice."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from desktop_app.core.aio import backoff
from desktop_app.core.errors import DeliveryError, HubError, HubRefused
from desktop_app.core.job import Job
from desktop_app.hub.client import NOTHING_DONE, HubClient
from desktop_app.jobs.answer import Built
from desktop_app.store import redact

log = logging.getLogger(__name__)

FINAL_STATUSES = frozenset(range(400, 500)) - {408, 425, 429}


def need(job: Job) -> None:
    """Raises DeliveryError where the job lacks what the call needs."""
    if not job.task_id or not job.api_key:
        missing = "taskId" if not job.task_id else "apiKey"
        raise DeliveryError(
            "The workflow's answer cannot be handed in",
            where=f"the job has no {missing}",
            remedy="Run the workflow stage again.",
        )


async def hand_in(client: HubClient, job: Job, built: Built, on_try: Callable[[], object] = lambda: None) -> None:
    """Hands in a workflow job's answer, trying until the hub has decided.

    Where a call ended so that nobody knows whether it was carried out, the task is read before it is repeated.

    Args:
        on_try: called before each try.

    Raises:
        DeliveryError: the hub refused it, or the job lacks what the call needs.
    """
    need(job)
    api_key, task_id = job.api_key or "", job.task_id or ""
    unsettled = False
    for wait in backoff(1.0, limit=30.0):
        try:
            # An empty answer looks like none, and does no harm a second time.
            if unsettled and await is_in_task(client, api_key, task_id, built.answer or {}):
                return
            unsettled = False
            on_try()
            await client.annotate(api_key, task_id, built.body, is_plugin=built.is_plugin)
            return
        except HubError as error:
            asked = 0.0
            if isinstance(error, HubRefused):
                # 3xx and pages that are no JSON: something stands between us and the hub.
                if error.status in FINAL_STATUSES:
                    raise DeliveryError(error.what, where=error.where, remedy=error.remedy) from error
                asked = error.retry_after
            unsettled = unsettled or not (isinstance(error, HubRefused) and error.status in NOTHING_DONE)
            pause = max(wait, asked)
            log.warning("the answer of a workflow: %s; trying again in %.0f s", error, pause)
        await asyncio.sleep(pause)


async def is_in_task(client: HubClient, api_key: str, task_id: str, answer: dict[str, Any]) -> bool | None:
    """Whether the task holds an answer, although the hub's reply was lost; None: an empty one, which nobody can see.

    Args:
        answer: of this run, or as the outbox kept it: its objects may stand under their older name.

    Raises:
        HubError: the task cannot be read (now).
    """
    ours = [
        item
        for part in ("objects", "tools", "classifications")
        if isinstance(found := answer.get(part), list)
        for item in found
        if isinstance(item, dict)
    ]
    if not ours:
        return None
    task = await client.task(api_key, task_id)
    present = task.get("answer")
    tools = present.get("tools") if isinstance(present, dict) else None
    more = present.get("classifications") if isinstance(present, dict) else None
    known = {
        _shape_key(item)
        for found in (tools, more)
        if isinstance(found, list)
        for item in found
        if isinstance(item, dict)
    }
    return all(_shape_key(item) in known for item in ours)


def _shape_key(item: dict[str, Any]) -> str:
    changing = ("objectId", "metadata", "title")
    text = json.dumps({key: value for key, value in item.items() if key not in changing}, sort_keys=True)
    # What the disk kept has no queries in its addresses.
    return redact.body(text)
