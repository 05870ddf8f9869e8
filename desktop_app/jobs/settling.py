"""Workflow answers that were on their way when an earlier run of the app ended: did they get there?

What can be known (facts: hub-protocol, HTTP API): nothing is acknowledged but by the reply, which that run did not see,
and every call takes an API key, of which the job's is never on disk. A profile with a key of its own can read the task:

- the task holds the answer: the job is delivered, and nothing is said, as a workflow's success is silent;
- it does not: the session ends as an error that says so. It is not handed in under another person's name;
- no key, or the hub does not let it see the task: the session ends as an error that says that nobody can tell.

While the hub cannot be asked, nothing is said either: what is said first stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from desktop_app.core.aio import backoff
from desktop_app.core.errors import HubError, HubRefused
from desktop_app.hub.client import HubClient
from desktop_app.jobs.annotating import FINAL_STATUSES, is_in_task
from desktop_app.jobs.delivery import Delivery
from desktop_app.jobs.outgoing import Outgoing

log = logging.getLogger(__name__)

NOBODY_KNOWS = (
    "Plugdeck was closed while the workflow's answer was on its way to the task; without the job's API key, which is "
    "never on disk, nobody can tell whether it got there. Look at the task, and run the workflow stage again if not."
)
NOT_THERE = (
    "Plugdeck was closed while the workflow's answer was on its way, and the task does not hold it. "
    "Run the workflow stage again."
)

OwnKey = Callable[[], Awaitable[str | None]]
"""Gives the profile's own API key, or None where it has none."""


async def settle(answers: Iterable[Outgoing], delivery: Delivery, client: HubClient, own_key: OwnKey) -> None:
    """Decides for each of these, in order, and has the delivery say what is to be said."""
    key = await own_key()
    for item in answers:
        delivery.settled(item, await _why_error(item, client, key) if key else NOBODY_KNOWS)


async def _why_error(item: Outgoing, client: HubClient, key: str) -> str:
    """What the session's error says, or "" where the answer got there."""
    body, task_id = item.data.get("body"), item.data.get("task")
    answer = body.get("answer") if isinstance(body, dict) else None
    if not isinstance(answer, dict) or not isinstance(task_id, str):
        return NOBODY_KNOWS
    for wait in backoff(1.0, limit=30.0):
        try:
            there = await is_in_task(client, key, task_id, answer)
        except HubError as error:
            if isinstance(error, HubRefused) and error.status in FINAL_STATUSES:
                log.warning("whether the answer of an earlier run got there cannot be seen: %s", error)
                return NOBODY_KNOWS
            log.warning("whether the answer of an earlier run got there: %s; trying again in %.0f s", error, wait)
            await asyncio.sleep(wait)
        else:
            if there is None:
                return NOBODY_KNOWS
            return "" if there else NOT_THERE
    raise AssertionError("the waits have no end")
