"""The job that is looked at: reads its large parts and shows them in the middle and in the inspector."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication

from desktop_app.core.job import JobDetail, JobRecord
from desktop_app.core.profile import Profile
from desktop_app.ui.asset.items import Annotations, Layer, annotations_of
from desktop_app.ui.testing import tested_job

if TYPE_CHECKING:
    from desktop_app.ui.main_window import MainWindow

MANY = 200
"""Annotations from which on reading them is left to a thread."""

SLOW_MS = 80
"""What takes no longer to read is shown when it is whole, in place of the job before."""


class Viewing(QObject):
    """Chooses what the middle of the window shows."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._looked_at: JobRecord | None = None
        self._reading: asyncio.Task[None] | None = None
        self._tested: dict[str, JobDetail] = {}
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(SLOW_MS)
        self._slow.timeout.connect(self._say_reading)

    @property
    def profile_id(self) -> str:
        """Whose job is looked at, "" for none."""
        return self._looked_at.profile_id if self._looked_at else ""

    @property
    def looked_at(self) -> str:
        """The id of the job that is looked at, "" for none."""
        return self._looked_at.id if self._looked_at else ""

    def look_at(self, record: JobRecord) -> None:
        """Shows a job in the middle and in the inspector."""
        window, known = self._window, self._looked_at
        self._looked_at = record
        window.logs.show_job(record)
        if known is not None and replace(known, progress=record.progress, batch=record.batch) == record:
            window.inspector.show_progress(record)
            return
        if known is None:
            self._say_reading()
        elif known.id != record.id:
            self._slow.start()
        if self._reading is not None:
            self._reading.cancel()
        self._reading = window.tasks.start(self._read_detail(record), "read a job")

    def follow(self, record: JobRecord) -> None:
        """Shows the filmstrip's job; one that comes in takes nobody away from the one looked at in the history."""
        if self._window.is_live:
            self.look_at(record)

    def come_back(self) -> None:
        """Shows the filmstrip's job again, after the history."""
        current = self._window.filmstrip.current()
        if current is not None:
            self.look_at(current)

    def look_away(self) -> None:
        """Shows no job: there is none of what is wanted."""
        self._slow.stop()
        if self._reading is not None:
            self._reading.cancel()
        self._looked_at = None
        self._window.logs.show_job(None)
        self._window.inspector.clear()
        self._window.asset.clear()

    def refresh(self, records: Sequence[JobRecord]) -> None:
        """Shows the job that is looked at anew if it is among those that changed."""
        for record in records:
            if self._looked_at is not None and record.id == self._looked_at.id:
                self.look_at(record)

    def show_test(self, profile: Profile, results: Sequence[Any]) -> None:
        """Shows files that were tested like jobs, marked as such; they are in no history."""
        records = []
        for result in results:
            record, detail = tested_job(profile, result)
            self._tested[record.id] = detail
            records.append(record)
        if records:
            self._window.filmstrip.take(records)
            self.open_job(records[0])

    def open_job(self, record: JobRecord) -> None:
        """Goes to the live page with a job, whether or not the filmstrip has it."""
        window = self._window
        if not window.filmstrip.select(record.id):
            window.filmstrip.leave()
        window.show_page("live")
        self.look_at(record)

    async def open_session(self, session: str) -> None:
        """Goes to the job of a session, if the history has it."""
        found = await self._window.host.history.find_session(session)
        if found:
            self.open_job(found[0])

    def history_command(self, name: str, record: JobRecord) -> None:
        """A command of the history's table."""
        if name == "open":
            self.open_job(record)
        elif name == "copy":
            QGuiApplication.clipboard().setText(record.session)
        elif name == "cancel":
            self._window.host.cancel(record.id)

    def set_min_score(self, score: float) -> None:
        """Shows the raw predictions from a score on."""
        self._window.asset.set_layer(Layer.PREDICTIONS, True)
        self._window.asset.set_min_score(score)

    def layers_changed(self) -> None:
        """Tells the inspector which layers are on."""
        entries = self._window.asset.layer_actions.items()
        self._window.inspector.set_layers(frozenset(layer for layer, entry in entries if entry.isChecked()))

    async def _read_detail(self, record: JobRecord) -> None:
        detail = self._tested.get(record.id)
        if detail is None:
            detail = await self._window.host.history.detail(record.id)
        if not self._is_shown(record):
            return
        annotations = await _read_annotations(detail)
        if self._is_shown(record):
            self._slow.stop()
            self._window.inspector.show_job(record, detail, annotations)
            self._window.asset.show_job(record, annotations)

    def _say_reading(self) -> None:
        if self._looked_at is not None:
            self._window.inspector.show_job(self._looked_at, None, Annotations())
            self._window.asset.show_job(self._looked_at, Annotations())

    def _is_shown(self, record: JobRecord) -> bool:
        return self._looked_at is not None and self._looked_at.id == record.id


async def _read_annotations(detail: JobDetail) -> Annotations:
    objects = (detail.answer or {}).get("objects")
    number = (len(objects) if isinstance(objects, list) else 0) + len(detail.predictions or ())
    # A thousand masks take a while to read; the window must not wait for them.
    return annotations_of(detail) if number < MANY else await asyncio.to_thread(annotations_of, detail)
