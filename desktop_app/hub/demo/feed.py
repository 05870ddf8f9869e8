"""Jobs that keep coming, as in a team at work: what `plugdeck demo` shows."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence

from desktop_app.core.errors import HubError
from desktop_app.hub.demo.connections import PluginOffline
from desktop_app.hub.demo.job_event import ClassMapping
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import Session

OPEN_LIMIT = 4
"""A plugin with that many open sessions is passed over, so that a slow one is not buried."""

LOST_AFTER = 60.0
"""Seconds after which an open session no longer counts: its plugin may have died with it."""

_LOOK_AGAIN = 5.0


async def feed(hub: DemoHub, plugin_ids: Sequence[str], *, interval: float, jobs: int | None = None) -> list[Session]:
    """Sends jobs on the sample pictures, round robin, to whichever of the plugins are online.

    Waits while none of them is online or all have enough to do.

    Args:
        plugin_ids: looked at again for every job, so that more may be added.
        interval: seconds between two jobs.
        jobs: how many to send; None: until cancelled.

    Returns:
        The sessions it started, in order; some may still be open.

    Raises:
        HubError: there is no plugin or no picture.
    """
    pictures = hub.project.pictures
    if not plugin_ids or not pictures:
        missing = "plugin" if not plugin_ids else "picture"
        raise HubError(f"the demo hub has no {missing} to send jobs with")
    sessions: list[Session] = []
    sent = 0
    turn = 0

    def ready() -> str | None:
        order = (plugin_ids[(turn + step) % len(plugin_ids)] for step in range(len(plugin_ids)))
        return next((plugin_id for plugin_id in order if hub.online(plugin_id) and _open(hub, plugin_id)), None)

    while jobs is None or sent < jobs:
        plugin_id = ready()
        if plugin_id is None:
            # Not for ever: that a session counts as lost is no event.
            with contextlib.suppress(TimeoutError):
                await hub.wait_until(lambda: ready() is not None, _LOOK_AGAIN)
            continue
        picture = pictures[sent % len(pictures)]
        # Of a plugin whose classes nobody knows, none can be mapped.
        mapping: ClassMapping = "by name" if hub.plugins[plugin_id].class_names else None
        try:
            session = await hub.run_plugin(plugin_id, asset=picture.id, class_mapping=mapping)
        except PluginOffline:
            continue
        if jobs is not None:
            sessions.append(session)
        sent += 1
        turn = plugin_ids.index(plugin_id) + 1
        if sent != jobs:
            await asyncio.sleep(interval)
    return sessions


def _open(hub: DemoHub, plugin_id: str) -> bool:
    oldest = time.monotonic() - LOST_AFTER
    # Newest first, so that a long history is not searched for every job.
    recent = itertools.takewhile(lambda session: session.sent_at > oldest, reversed(hub.sessions.values()))
    return sum(session.plugin_id == plugin_id and not session.done for session in recent) < OPEN_LIMIT
