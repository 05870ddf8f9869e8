"""How far a job over a whole project is: a bar, the rate, the time left, and a button that holds it."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop_app.core.job import BatchProgress, JobRecord
from desktop_app.ui.formats import decimal, plain, tip, tr
from desktop_app.ui.icons import set_icon
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, tool_button

STEPS = 10_000
"""Steps of the bar: a project may have more assets than a bar has pixels, or than Qt counts."""


class BatchBar(QFrame):
    """Hidden for all other jobs.

    Signals:
        pause: id of the job, and whether it is to be held or let go on.
    """

    pause = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job_id = ""
        self._paused = False
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, STEPS)
        self.bar.setAccessibleName(tr("Assets done"))
        self.button = tool_button("pause", tr("Hold this run"), self._press)
        self.how_far = label("", wrap=True)
        self.how_fast = label("", "muted", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self.bar, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE + 4, 0, SPACE, SPACE)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.how_far)
        column.addWidget(self.how_fast)
        self.hide()

    def show_job(self, record: JobRecord) -> None:
        """Shows how far it is; hides for a job that is over, or not over a project."""
        progress = record.batch
        self.setVisible(progress is not None)
        if progress is None:
            return
        self._job_id, self._paused = record.id, progress.paused
        self.bar.setValue(progress.done * STEPS // progress.total if progress.total else 0)
        self.how_far.setText(how_far_words(progress))
        self.how_fast.setText(how_fast_words(progress))
        name = tr("Go on with this run") if progress.paused else tr("Hold this run")
        set_icon(self.button, "play" if progress.paused else "pause")
        self.button.setToolTip(tip(name))
        self.button.setAccessibleName(name)

    def _press(self) -> None:
        self.pause.emit(self._job_id, not self._paused)


def how_far_words(progress: BatchProgress) -> str:
    """`1,200 of 100,000 assets, 12 failed`."""
    number = QLocale().toString
    if not progress.total:
        return tr("Reading the project…")
    words = tr("{done} of {total} assets").format(done=number(progress.done), total=number(progress.total))
    if not progress.failed:
        return words
    return tr("{words}, {count} failed").format(words=words, count=number(progress.failed))


def how_fast_words(progress: BatchProgress) -> str:
    """`34 a second, 48 min left`, or why it does not go on."""
    if progress.waiting:
        return tr("Waiting: {reason}").format(reason=plain(progress.waiting, 120))
    if progress.paused:
        return tr("Held; what is in the model is finished")
    left = progress.seconds_left
    if progress.per_second is None or left is None:
        return ""
    rate = decimal(progress.per_second, 0 if progress.per_second >= 10 else 1)
    return tr("{rate} a second, {time} left").format(rate=rate, time=_span(left))


def _span(seconds: float) -> str:
    if seconds < 90:
        return tr("{count} s").format(count=max(1, round(seconds)))
    if seconds < 5400:
        return tr("{count} min").format(count=round(seconds / 60))
    return tr("{count} h").format(count=decimal(seconds / 3600, 1))
