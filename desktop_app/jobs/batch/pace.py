"""How fast a run over a project is, and the words for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from desktop_app.core.job import BatchProgress

WINDOW_S = 60.0
SAMPLES = 240
RETRY_CONFIG = '{"retry_failed": true}'
FIRST_S = 1.0
"""A rate over less than this says nothing."""


class Pace:
    """The rate of the last minute; it forgets what was before a pause."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, done: int) -> None:
        """So many are done now."""
        now = self._clock()
        if self._samples and now - self._samples[-1][0] < WINDOW_S / SAMPLES:
            return
        self._samples.append((now, done))
        while now - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()

    def forget(self) -> None:
        """Begins anew."""
        self._samples.clear()

    def per_second(self, done: int) -> float | None:
        """The rate up to now, or None while it cannot be told."""
        if not self._samples:
            return None
        at, before = self._samples[0]
        took = self._clock() - at
        return (done - before) / took if took >= FIRST_S and done > before else None


def progress_line(progress: BatchProgress, imported: int) -> str:
    """How far it is, as a line of the session's log; its first part is the form that hosts show as a bar."""
    words = f"[{progress.done}/{progress.total}] {imported:,} imported"
    if progress.failed:
        words += f", {progress.failed:,} failed"
    if progress.per_second is not None and progress.seconds_left is not None:
        rate = progress.per_second
        words += f"; {rate:.0f} a second" if rate >= 10 else f"; {rate:.1f} a second"
        words += f", about {span(progress.seconds_left)} left"
    return words


def span(seconds: float) -> str:
    """A length of time in the roughest words that serve."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def closing_words(total: int, imported: int, failed: int, objects: int) -> str:
    """What people at the hub read when the run is over."""
    words = (
        f"{imported:,} of {total:,} asset{'' if total == 1 else 's'} imported, "
        f"with {objects:,} annotation{'' if objects == 1 else 's'}."
    )
    if failed:
        words += f" {failed:,} failed; to try these alone, run the plugin again with the config {RETRY_CONFIG}."
    missing = total - imported - failed
    return f"{words} {missing:,} came or moved while it ran; run the plugin again for these." if missing > 0 else words
