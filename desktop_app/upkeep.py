"""What a serving host does beside its jobs: follow what other commands change, and keep the history within bounds."""

from __future__ import annotations

import asyncio
import logging

from desktop_app.core.errors import StoreError
from desktop_app.jobs.supervisor import Supervisor
from desktop_app.store.history import History
from desktop_app.store.profiles import ProfileStore
from desktop_app.store.settings import SettingsStore

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""Between two looks at the profiles, which `plugdeck profiles …` may have changed beside us."""

FIRST_PRUNE_S = 300.0
PRUNE_S = 3600.0


async def follow_profiles(profiles: ProfileStore, supervisor: Supervisor, *, every_s: float = LOOK_S) -> None:
    """Takes over what another process changed: the window lists it, and what is served is served as it is now."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await take_over(profiles, supervisor)
        except StoreError as error:
            log.warning("the profiles cannot be read: %s", error)


async def take_over(profiles: ProfileStore, supervisor: Supervisor) -> None:
    """One look at the profiles on disk.

    Raises:
        StoreError: they cannot be read.
    """
    before = {profile.id: profile for profile in profiles.all()}
    await profiles.load()
    after = {profile.id: profile for profile in profiles.all()}
    for profile_id in supervisor.running:
        old, new = before.get(profile_id), after.get(profile_id)
        if old is None or old == new:
            continue
        await supervisor.stop(profile_id, for_good=new is None)
        if new is not None:
            supervisor.start(new)


async def keep_within_bounds(
    history: History, settings: SettingsStore, *, first_s: float = FIRST_PRUNE_S, every_s: float = PRUNE_S
) -> None:
    """Deletes what the settings say is too old or too much, now and then."""
    await asyncio.sleep(first_s)
    while True:
        bounds = settings.current
        try:
            await history.prune(
                days=bounds.history_days, most_jobs=bounds.history_jobs, most_lines=bounds.history_lines
            )
        except StoreError as error:
            log.warning("the history cannot be pruned: %s", error)
        await asyncio.sleep(every_s)
