"""How a shadow's answers differ from those of its live profile, over the last jobs that both answered."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from desktop_app.core.annotation import Answer
from desktop_app.core.compare import ClassCount, compare
from desktop_app.core.job import JobDetail, JobRecord, JobState


@dataclass(frozen=True, slots=True)
class Answered:
    """A job and its shadow."""

    live: JobRecord
    shadow: JobRecord
    agreement: float


@dataclass(slots=True)
class Report:
    """Sums over the jobs.

    Attributes:
        jobs: those that both answered, the least agreement first.
        failed: jobs that the shadow had no answer for.
        classes: counts of live (before) and shadow (after).
        live_ms, shadow_ms: medians of the model's own run, or None.
    """

    jobs: list[Answered] = field(default_factory=list)
    failed: int = 0
    classes: dict[str, ClassCount] = field(default_factory=dict)
    live_ms: float | None = None
    shadow_ms: float | None = None

    @property
    def agreement(self) -> float | None:
        """Mean over the jobs, 0 to 1; None without any."""
        return statistics.fmean(job.agreement for job in self.jobs) if self.jobs else None


def report(pairs: Sequence[tuple[JobRecord, JobDetail, JobRecord, JobDetail]]) -> Report:
    """Compares each live job with its shadow; for many objects this takes a while, so leave it to a thread."""
    made = Report()
    for live, one, shadow, two in pairs:
        if shadow.state is not JobState.DELIVERED or two.answer is None:
            made.failed += 1
            continue
        if one.answer is None:
            continue
        found = compare(Answer.parse(one.answer), Answer.parse(two.answer))
        made.jobs.append(Answered(live, shadow, found.agreement))
        for name, count in found.classes.items():
            total = made.classes.setdefault(name, ClassCount())
            for part in fields(ClassCount):
                setattr(total, part.name, getattr(total, part.name) + getattr(count, part.name))
    made.jobs.sort(key=lambda job: (job.agreement, -job.live.received_at))
    made.classes = dict(sorted(made.classes.items(), key=lambda item: (-max(item[1].before, item[1].after), item[0])))
    made.live_ms = _median([job.live.timings.run for job in made.jobs])
    made.shadow_ms = _median([job.shadow.timings.run for job in made.jobs])
    return made


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
