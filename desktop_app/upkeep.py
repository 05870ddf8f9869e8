"""What a serving host does beside its jobs: follow what other commands change, and keep the history within bounds."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop_app.core.errors import StoreError
from desktop_app.core.job import JobState

if TYPE_CHECKING:
    from desktop_app.jobs.recorder import Recorder
    from desktop_app.jobs.supervisor import Supervisor
    from desktop_app.store.history import History
    from desktop_app.store.profiles import ProfileStore
    from desktop_app.store.settings import SettingsStore

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""Between two looks at the profiles, which `plugdeck profiles …` may have changed beside us."""

LISTEN_S = 5.0
"""Between two looks at the clocks and at the own address."""
SLEPT_S = 15.0
"""The clock on the wall is that far ahead of the one that stops in sleep: the computer slept."""

FIRST_PRUNE_S = 300.0
PRUNE_S = 3600.0


def own_address() -> str:
    """This machine's address towards the internet, "" without a network; sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is nobody's: only the route is looked up
            return str(probe.getsockname()[0])
        except OSError:
            return ""


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


async def end_orphans(history: History, recorder: Recorder, profiles: ProfileStore) -> None:
    """Ends, in the history, unfinished jobs of plugins that are gone: nobody can log in any more to tell the hub."""
    present = {profile.id for profile in profiles.all()}
    for record in await history.unfinished():
        if record.profile_id not in present:
            error = f"The plugin {record.profile_name} was removed before this job was done; the hub cannot be told"
            recorder.record(replace(record, state=JobState.FAILED, error=error, updated_at=time.time()))


async def notice_changes(
    renew: Callable[[str], object],
    *,
    every_s: float = LISTEN_S,
    wall: Callable[[], float] = time.time,
    running: Callable[[], float] = time.monotonic,
    address: Callable[[], str] = own_address,
) -> None:
    """Has all connections renewed after sleep and after a change of network: they may be dead without knowing.

    Args:
        renew: told why.
        wall, running: a clock that goes on in sleep, and one that does not.
        address: this machine's address towards the internet, "" without a network.
    """
    ahead, here = wall() - running(), address()
    while True:
        await asyncio.sleep(every_s)
        now_ahead, now_here = wall() - running(), address()
        if now_ahead - ahead > SLEPT_S:
            renew("the computer slept")
        elif now_here and here and now_here != here:
            renew("the network changed")
        elif now_here and not here:
            renew("the network is back")
        ahead, here = now_ahead, now_here


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
