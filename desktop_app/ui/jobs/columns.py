"""What the history's table says of a job."""

from __future__ import annotations

import time
from functools import lru_cache

from PySide6.QtGui import QPixmap

from desktop_app.core.job import JobRecord, JobState
from desktop_app.ui.asset.pane import asset_name
from desktop_app.ui.formats import day_clock, duration, exact, plain, tr
from desktop_app.ui.models.table import Column
from desktop_app.ui.states import job_shape, job_tone, job_words, shape_pixmap
from desktop_app.ui.theme import tokens

ASSET = 3
"""Place of the column that has the thumbnails."""


@lru_cache(maxsize=64)
def _shape(shape: str, tone: str, theme: str) -> QPixmap:
    """Drawn once for each theme: a page of the table asks for hundreds."""
    del theme
    return shape_pixmap(shape, tone)


def outcome_words(job: JobRecord) -> str:
    """A job's state; of a replay or a shadow, which nobody was sent, that it is one."""
    if job.replay_of is None or job.state is not JobState.DELIVERED:
        return job_words(job.state)
    return tr("in the shadow") if job.session.startswith("shadow-") else tr("replayed")


def job_columns() -> tuple[Column[JobRecord], ...]:
    """Columns of the history."""
    yesterday = tr("yesterday {time}").format(time="00:00")
    return (
        Column(
            tr("State"),
            outcome_words,
            lambda job: plain(job.error, 400) or outcome_words(job),
            lambda job: getattr(tokens(), job_tone(job.state)),
            lambda job: _shape(job_shape(job.state), job_tone(job.state), tokens().name),
            sample=max((tr("in the shadow"), *map(job_words, JobState)), key=len),
        ),
        Column(
            tr("Arrived"),
            lambda job: day_clock(job.received_at, time.time()),
            lambda job: exact(job.received_at),
            sample=yesterday,
        ),
        Column(tr("Plugin"), lambda job: plain(job.profile_name, 60), sample=yesterday),
        Column(
            tr("Asset"),
            asset_name,
            lambda job: plain(job.url, 400) or asset_name(job),
            sample="an-asset-name-0001.jpg",
        ),
        Column(
            tr("Annotations"),
            lambda job: str(job.objects) if job.state is JobState.DELIVERED else "–",
            right=True,
            sample="1234",
        ),
        Column(tr("Dropped"), lambda job: str(job.dropped) if job.dropped else "–", right=True, sample="1234"),
        Column(tr("Took"), lambda job: duration(job.timings.total), right=True, sample="1 min 30 s"),
        Column(
            tr("Session"),
            lambda job: plain(job.session, 80)[:12],
            lambda job: plain(job.session, 80),
            sample="s0123456789a",
        ),
        Column(tr("Reason"), lambda job: plain(job.error, 300), lambda job: plain(job.error, 600), sample="x" * 50),
    )
