"""Core events as Qt signals, gathered so that a flood of them costs the window one repaint per frame."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop_app.core import events
from desktop_app.core.events import Event, JobChanged, Logged, LogLine, ModelLoaded, ProfileChanged, StatusChanged
from desktop_app.core.job import JobRecord

FRAME_MS = 34
"""At most 30 deliveries a second."""

BACKLOG = 20_000
"""Log lines kept between two deliveries; older ones are on disk all the same."""


class Bridge(QObject):
    """Listens to a host and speaks Qt.

    Signals:
        profile_changed: a ProfileChanged, in order.
        statuses_changed: the latest ProfileStatus of every profile that changed, as a tuple.
        jobs_changed: the latest JobRecord of every job that changed, oldest change first, as a tuple.
        logged: LogLines in order, as a tuple.
        model_loaded: a ModelLoaded.
    """

    profile_changed = Signal(object)
    statuses_changed = Signal(object)
    jobs_changed = Signal(object)
    logged = Signal(object)
    model_loaded = Signal(object)
    _wake = Signal()

    def __init__(self, source: events.Signal[Event], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rare: deque[ProfileChanged | ModelLoaded] = deque()
        self._statuses: dict[str, events.ProfileStatus] = {}
        self._jobs: dict[str, JobRecord] = {}
        self._lines: deque[LogLine] = deque(maxlen=BACKLOG)
        self._waking = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.flush)
        # Queued: a slot never runs inside the coroutine that emitted the event, whatever thread that was in.
        self._wake.connect(self._begin, Qt.ConnectionType.QueuedConnection)
        self._disconnect = source.connect(self._take)

    def close(self) -> None:
        """Stops listening; nothing is emitted any more."""
        self._disconnect()
        self._timer.stop()

    def flush(self) -> None:
        """Hands over all that has come in."""
        self._waking = False
        while self._rare:
            event = self._rare.popleft()
            (self.profile_changed if isinstance(event, ProfileChanged) else self.model_loaded).emit(event)
        if self._statuses:
            statuses, self._statuses = self._statuses, {}
            self.statuses_changed.emit(tuple(statuses.values()))
        if self._jobs:
            jobs, self._jobs = self._jobs, {}
            self.jobs_changed.emit(tuple(jobs.values()))
        if self._lines:
            lines = tuple(self._lines)
            self._lines.clear()
            self.logged.emit(lines)

    def _take(self, event: Event) -> None:
        match event:
            case StatusChanged(status):
                self._statuses[status.profile_id] = status
            case JobChanged(record):
                # Moved to the end, so that the order is that of the latest change.
                self._jobs.pop(record.id, None)
                self._jobs[record.id] = record
            case Logged(lines):
                self._lines.extend(lines)
            case ProfileChanged() | ModelLoaded():
                self._rare.append(event)
        if not self._waking:
            self._waking = True
            self._wake.emit()

    def _begin(self) -> None:
        if not self._timer.isActive():
            self._timer.start()
