"""Going on with a job whose event is on disk: one of this run that waits, or one that an earlier run was taken from.

What a job needs and the disk may not have: its apiKey, and the queries of signed addresses (facts: hub-protocol).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.core.errors import JobError, KnownError, StoreError
from desktop_app.core.job import Job, JobRecord
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.hub import protocol
from desktop_app.jobs.batch.plan import is_batch
from desktop_app.jobs.queue import Waiting
from desktop_app.store.history import History
from desktop_app.store.payloads import StoredPayload

log = logging.getLogger(__name__)

INTERRUPTED = "Plugdeck was closed while this job was in work"
RUN_AGAIN = "Run the plugin on the asset again."
TRIES = 5
TRY_AGAIN_S = 1.0

_HARMLESS = {"apiKey"}
_OUR_OWN_NEEDS = frozenset({"categorySchema", "configJSON", "session", "overwrite", "workflow"})


def interrupted(why: str = "") -> KnownError:
    """What a job ends with that cannot go on after the app was closed."""
    return KnownError(INTERRUPTED, where=why, remedy=RUN_AGAIN)


def stopped() -> KnownError:
    """What a job ends with whose plugin is served no more."""
    return KnownError("The plugin was stopped in Plugdeck while this job was in work", remedy=RUN_AGAIN)


def why_not(profile: Profile, *, needs_key: bool, withheld: Collection[str] | None, cached: bool) -> str:
    """Why a job cannot go on in another run of the app, "" if it can.

    Args:
        needs_key: it cannot be answered, or its asset not be found, without its apiKey.
        withheld: the fields of its event that are not on disk as they were; None: not known.
        cached: its asset is in the cache.
    """
    if withheld is None:
        return "what it needs is not on disk"
    if needs_key:
        return "it needs the job's API key, which is never on disk"
    changed = set(withheld) - _HARMLESS
    if isinstance(profile.source, CallbackSource):
        if "dataURL" in changed:
            return "the address of its asset was signed, and signatures are never on disk"
        return "a part of it was secret, and secrets are never on disk" if changed else ""
    if changed & _OUR_OWN_NEEDS:
        return "a part of it was secret, and secrets are never on disk"
    if "dataURL" in changed and not cached:
        return "the address of its asset was signed, signatures are never on disk, and the asset is not in the cache"
    return ""


def is_cached(record: JobRecord | None) -> bool:
    """Whether the asset of a job is still where it was put."""
    return record is not None and record.asset_path is not None and Path(record.asset_path).is_file()


async def _no_key() -> str | None:
    return None


class Reading:
    """Reads the waiting jobs of a profile back from the disk.

    Args:
        records: what is known of the jobs that wait, by id.
        own_key: gives the profile's own API key, for jobs over whole projects that have lost theirs.
    """

    def __init__(
        self,
        profile: Profile,
        history: History,
        records: dict[str, JobRecord],
        own_key: Callable[[], Awaitable[str | None]] = _no_key,
    ) -> None:
        self._profile = profile
        self._history = history
        self._records = records
        self._own_key = own_key

    async def __call__(self, batch: list[Waiting]) -> None:
        """Gives each of these its `job` or its `problem`."""
        try:
            found = await self._payloads([waiting.id for waiting in batch])
        except StoreError as error:
            for waiting in batch:
                waiting.problem = JobError(f"The job cannot be read back: {error.what}", remedy=error.remedy)
            return
        for waiting in batch:
            stored = found.get(waiting.id)
            if waiting.job is not None:
                continue  # the hub has sent it again meanwhile
            if stored is None:
                waiting.problem = interrupted("its event cannot be read any more")
            elif waiting.withheld is not None:
                waiting.job = self._job(waiting, stored.completed(waiting.withheld))
            else:
                await self._resume(waiting, stored)

    async def _payloads(self, ids: list[str]) -> dict[str, StoredPayload]:
        for _ in range(TRIES - 1):
            try:
                return await self._history.payloads(ids)
            except StoreError as error:
                log.warning("waiting jobs cannot be read back: %s; trying again", error)
                await asyncio.sleep(TRY_AGAIN_S)
        return await self._history.payloads(ids)

    def _job(self, waiting: Waiting, data: dict[str, Any], **known: Any) -> Job:
        job = protocol.parse_job(data, self._profile.id)
        record = self._records.get(waiting.id)
        received_at = record.received_at if record else job.received_at
        return replace(job, id=waiting.id, received_at=received_at, **known)

    async def _resume(self, waiting: Waiting, stored: StoredPayload) -> None:
        record = self._records.get(waiting.id)
        cached = is_cached(record)
        data = dict(stored.data)
        if "apiKey" in (stored.withheld or ()):
            data["apiKey"] = None
        try:
            job = self._job(waiting, data, resumed=True)
        except JobError:
            waiting.problem = interrupted("its event cannot be read any more")
            return
        if is_batch(job, self._profile):
            job = replace(job, api_key=await self._own_key())
        needs_key = job.needs_key and not job.api_key
        why = why_not(self._profile, needs_key=needs_key, withheld=stored.withheld, cached=cached)
        if why:
            waiting.problem = interrupted(why)
        elif cached and record is not None:
            waiting.job = replace(job, asset_path=record.asset_path, asset_type=record.asset_type)
        else:
            waiting.job = job
