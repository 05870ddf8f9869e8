"""What becomes of a profile's jobs when it is stopped: they are left to the next start, or end now.

A job that another run of the app could not do either ends now, so that the hub hears it at once.
"""

from __future__ import annotations

import asyncio

from desktop_app.core.errors import KnownError
from desktop_app.core.job import Job, JobRecord
from desktop_app.core.profile import Profile
from desktop_app.jobs.pipeline import Pipeline
from desktop_app.jobs.queue import Waiting
from desktop_app.jobs.resume import interrupted, is_cached, stopped, why_not


class Leaving:
    """Decides for each job of a profile that is being stopped.

    Attributes:
        for_good: there may be no next start: all end, and no more are taken.
    """

    def __init__(self, profile: Profile, pipeline: Pipeline) -> None:
        self._profile = profile
        self._pipeline = pipeline
        self._undecided: dict[str, tuple[Waiting, JobRecord]] | None = None
        self.for_good = False

    def begin(self, *, for_good: bool) -> None:
        """The profile is being stopped."""
        self.for_good = for_good
        self._undecided = {}

    async def decide(self, limit_s: float) -> None:
        """Waits until the disk has told what it has of the jobs that are left, at most so long."""
        writing = [waiting.written for waiting, _ in (self._undecided or {}).values() if waiting.written is not None]
        if writing:
            await asyncio.wait(writing, timeout=limit_s)

    def hold_tongue(self) -> None:
        """There is no time left to tell the hub anything: the next start does."""
        self._undecided = None

    def leave(self, waiting: Waiting, record: JobRecord) -> None:
        """A job that waited, or has come meanwhile."""
        if self.for_good:
            self._pipeline.end(waiting.stub(self._profile.id), record, stopped())
        elif not self._put_off(waiting, record):
            self._decide(waiting, record)

    def stored(self, waiting: Waiting) -> None:
        """A job's event is on disk, as far as it can be."""
        _, record = self._undecided.pop(waiting.id, (None, None)) if self._undecided else (None, None)
        if record is not None:
            self._decide(waiting, record)

    def left_over(self, job: Job, waiting: Waiting, record: JobRecord) -> KnownError | None:
        """What a job in hand ends with, or None where it goes on at the next start."""
        if self.for_good:
            return stopped()
        if job.resumed:
            return None  # it has come so far with what is on disk
        if self._put_off(waiting, record):
            return None
        why = self._why_not(waiting, record)
        return interrupted(why) if why else None

    def _put_off(self, waiting: Waiting, record: JobRecord) -> bool:
        """Whether it is not known yet if a job can go on; what the disk has of it tells, now or at the next start."""
        if waiting.written is None:
            return True
        if waiting.written.done():
            return False
        if self._undecided is not None:
            self._undecided[waiting.id] = (waiting, record)
        return True

    def _decide(self, waiting: Waiting, record: JobRecord) -> None:
        why = self._why_not(waiting, record)
        if why:
            self._pipeline.end(waiting.stub(self._profile.id), record, interrupted(why))

    def _why_not(self, waiting: Waiting, record: JobRecord) -> str:
        batches = self._pipeline.batches
        has_key = waiting.over_project and batches is not None and bool(batches.key)
        needs_key = waiting.needs_key and not has_key
        return why_not(self._profile, needs_key=needs_key, withheld=waiting.withheld, cached=is_cached(record))
