"""The head of the inspector: what a job is, how it went, and how long each step took."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.core.job import JobRecord, JobState
from desktop_app.ui.asset.pane import asset_name
from desktop_app.ui.formats import clock, count, duration, exact, plain
from desktop_app.ui.inspector.waterfall import Waterfall
from desktop_app.ui.states import doing_words, job_shape, job_tone, shape_pixmap
from desktop_app.ui.theme import mono_font, notifier
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedLabel, label, push_button, set_kind


class JobFacts(QFrame):
    """State, reason, traceback, waterfall and a table of facts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._record: JobRecord | None = None
        self._unfolded = False
        self._seen_size = ("", 0, 0)
        self.name = ElidedLabel("", "subtitle")
        self.shape = QLabel()
        self.state = ElidedLabel()
        self.error = label("", "error", wrap=True, selectable=True)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setFont(mono_font(0.95))
        self.details.setProperty("kind", "json")
        self.details.setMaximumHeight(150)
        self.details.setAccessibleName(self.tr("Traceback"))
        self.details_button = push_button(self.tr("Show traceback"), self._fold_details)
        self.waterfall = Waterfall()
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(SPACE + 4)
        self.grid.setVerticalSpacing(2)
        self.grid.setColumnStretch(1, 1)
        self.values: dict[str, tuple[QLabel, ElidedLabel]] = {}
        for row, (key, text) in enumerate(
            (
                ("asset", self.tr("Asset")),
                ("size", self.tr("Size")),
                ("type", self.tr("Type")),
                ("arrived", self.tr("Arrived")),
                ("answered", self.tr("Answered")),
                ("mode", self.tr("Mode")),
                ("replay", self.tr("Replay of")),
                ("session", self.tr("Session")),
            )
        ):
            title, value = label(text, "muted"), ElidedLabel()
            self.grid.addWidget(title, row, 0)
            self.grid.addWidget(value, row, 1)
            self.values[key] = (title, value)
        state_row = QHBoxLayout()
        state_row.setSpacing(6)
        state_row.addWidget(self.shape)
        state_row.addWidget(self.state, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE + 4, SPACE + 2, SPACE + 4, SPACE)
        column.setSpacing(SPACE // 2 + 2)
        column.addWidget(self.name)
        column.addLayout(state_row)
        column.addWidget(self.error)
        column.addWidget(self.details_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.details)
        column.addWidget(self.waterfall)
        column.addLayout(self.grid)
        notifier().changed.connect(self._show)

    def show_job(self, record: JobRecord | None) -> None:
        """Shows a job, or none."""
        self._record = record
        self._show()

    def show_progress(self, record: JobRecord) -> None:
        """Takes over how far the job is; nothing else of it has changed."""
        self._record = record
        self.state.say(self._state_words(record))

    def show_size(self, job_id: str, width: int, height: int) -> None:
        """Takes over how large the picture turned out to be: for scripts nobody else knows."""
        self._seen_size = (job_id, width, height)
        if self._record is not None:
            self._show_fact("size", self._size_text(self._record))

    def _show(self) -> None:
        record = self._record
        if record is None:
            return
        state = record.state
        self.name.say(f"{plain(record.profile_name, 60)} · {clock(record.received_at)}", exact(record.received_at))
        self.shape.setPixmap(shape_pixmap(job_shape(state), job_tone(state), 13, 2 * self.devicePixelRatioF()))
        self.state.say(self._state_words(record))
        set_kind(self.state, {"ok": "ok", "error": "error"}.get(job_tone(state), "muted"))
        self.error.setText(plain(record.error, 1000))
        self.error.setVisible(bool(record.error))
        if self.details.toPlainText() != record.details[:50_000]:
            self.details.setPlainText(record.details[:50_000])
        self.details_button.setVisible(bool(record.details))
        self.details.setVisible(self._unfolded and bool(record.details))
        self.waterfall.show_timings(record.timings)
        facts = {
            "asset": (asset_name(record), plain(record.url, 500)),
            "size": (self._size_text(record), ""),
            "type": (plain(record.asset_type, 80), ""),
            "arrived": (clock(record.received_at), exact(record.received_at)),
            "answered": (self._answered(record), ""),
            "mode": (self.tr("workflow stage") if record.workflow else "", self.tr("The answer went over HTTP")),
            "replay": self._replayed(record),
            "session": (plain(record.session, 80), ""),
        }
        for key, (text, tooltip) in facts.items():
            self._show_fact(key, text, tooltip)

    def _show_fact(self, key: str, text: str, tooltip: str = "") -> None:
        title, value = self.values[key]
        value.say(text, tooltip)
        title.setVisible(bool(text))
        value.setVisible(bool(text))

    def _state_words(self, record: JobRecord) -> str:
        state, words = record.state, doing_words(record)
        if not state.terminal or record.timings.total is None:
            return words
        after = self.tr("{state} in {time}") if state is JobState.DELIVERED else self.tr("{state} after {time}")
        if record.replay_of is not None and state is JobState.DELIVERED:
            after = self._without_hub(record)
        return after.format(state=words, time=duration(record.timings.total))

    def _size_text(self, record: JobRecord) -> str:
        width, height = record.width, record.height
        if not (width and height) and self._seen_size[0] == record.id:
            _, width, height = self._seen_size
        return f"{width} × {height} px" if width and height else ""

    def _answered(self, record: JobRecord) -> str:
        if not record.state.terminal or record.state is JobState.FAILED:
            return ""
        words = count(record.objects, self.tr("annotation"), self.tr("annotations"))
        return f"{words}, {self.tr('{count} dropped').format(count=record.dropped)}" if record.dropped else words

    def _without_hub(self, record: JobRecord) -> str:
        if record.replay_of == record.id:
            return self.tr("tested in {time}, nothing was sent")
        if record.session.startswith("shadow-"):
            return self.tr("shadow: {time}, nothing was sent")
        return self.tr("replayed in {time}, nothing was sent")

    def _replayed(self, record: JobRecord) -> tuple[str, str]:
        if record.replay_of is None or record.replay_of == record.id:
            return "", ""
        return self.tr("an earlier job"), plain(record.replay_of, 80)

    def _fold_details(self) -> None:
        self._unfolded = shown = not self._unfolded
        self.details.setVisible(shown)
        self.details_button.setText(self.tr("Hide traceback") if shown else self.tr("Show traceback"))
