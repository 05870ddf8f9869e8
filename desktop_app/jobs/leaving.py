"""What becomes of a profile's jobs when it is stopped: they are left to the next start, or end now.

A job that another run of the app could not do either ends now, so that the hub hears it at once.
"""

from __future__ import annotations

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
        self._undecided: dict[str, JobRecord] | None = None
        self.for_good = False

    def begin(self, *, for_good: bool) -> None:
        """The profile is being stopped."""
        self.for_good = for_good
        self._undecided = {}

    def hold_tongue(self) -> None:
        """There is no time left to tell the hub anything: the next start does."""
        self._undecided = None

    def leave(self, waiting: Waiting, record: JobRecord) -> None:
        """A job that waited, or has come meanwhile."""
        if self.for_good:
            self._pipeline.end(waiting.stub(self._profile.id), record, stopped())
        elif waiting.withheld is None:
            # What the disk has of it is not known yet, so neither is whether it can go on.
            if self._undecided is not None:
                self._undecided[waiting.id] = record
        else:
            self._decide(waiting, record)

    def stored(self, waiting: Waiting) -> None:
        """A job's event is on disk, as far as it can be."""
        record = self._undecided.pop(waiting.id, None) if self._undecided else None
        if record is not None:
            self._decide(waiting, record)

    def left_over(self, job: Job, waiting: Waiting, record: JobRecord) -> KnownError | None:
        """What a job in hand ends with, or None where it goes on at the next start."""
        if self.for_good:
            return stopped()
        if job.resumed:
            return None  # it has come so far with what is on disk
        why = self._why_not(waiting, record)
        return interrupted(why) if why else None

    def _decide(self, waiting: Waiting, record: JobRecord) -> None:
        why = self._why_not(waiting, record)
        if why:
            self._pipeline.end(waiting.stub(self._profile.id), record, interrupted(why))

    def _why_not(self, waiting: Waiting, record: JobRecord) -> str:
        cached = is_cached(record)
        return why_not(self._profile, needs_key=waiting.needs_key, withheld=waiting.withheld, cached=cached)
