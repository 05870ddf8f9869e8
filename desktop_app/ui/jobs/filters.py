"""What narrows the history down: a text, plugin, state, class, dates, and whether the hub asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QDate, QTimer, Signal
from PySide6.QtWidgets import QDateEdit, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_app.core.job import JobState
from desktop_app.core.profile import Profile
from desktop_app.store.search import JobFilter
from desktop_app.ui.formats import local
from desktop_app.ui.states import job_words
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedCombo, label, name_choice

NARROW = 1000
TYPED_MS = 250
DAY_S = 86_400
BETWEEN = -1
WHOLE = 112
"""Pixels of a choice's text that are never cut."""


class JobFilters(QWidget):
    """The row of filters; with little room the choices go into a second row.

    Signals:
        changed: they say something else now; text only once the person pauses.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plugin = self._combo(self.tr("Plugin"), [(self.tr("All plugins"), None)])
        states = [(job_words(state).capitalize(), state.value) for state in JobState]
        self.state = self._combo(self.tr("State"), [(self.tr("Any state"), None), *states])
        self.when = self._combo(
            self.tr("Date"),
            [
                (self.tr("Any time"), 0),
                (self.tr("Today"), 1),
                (self.tr("Last 7 days"), 7),
                (self.tr("Last 30 days"), 30),
                (self.tr("Between…"), BETWEEN),
            ],
        )
        self.kind = self._combo(
            self.tr("Who asked"),
            [
                (self.tr("All jobs"), None),
                (self.tr("Jobs of the hub"), False),
                (self.tr("Replays, shadows"), True),
            ],
        )
        self.text = self._field(self.tr("Search jobs"), self.tr("Search jobs"))
        self.text.setToolTip(self.tr("Name, session, class or error…"))
        self.class_name = self._field(self.tr("Class"), self.tr("Class…"))
        self.class_name.setToolTip(self.tr("The exact name of a class that was answered"))
        self.class_name.setMinimumWidth(72)
        self.class_name.setMaximumWidth(140)
        self.first, self.last = (QDateEdit() for _ in range(2))
        for edit, name, back in ((self.first, self.tr("From"), 7), (self.last, self.tr("Until"), 0)):
            edit.setCalendarPopup(True)
            edit.setAccessibleName(name)
            edit.setDate(QDate.currentDate().addDays(-back))
            edit.dateChanged.connect(self._type)
        self.number = label("", "muted")
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(TYPED_MS)
        self._typed.timeout.connect(self.changed)
        self._lay_out()

    def _combo(self, name: str, choices: Sequence[tuple[str, object]]) -> ElidedCombo:
        combo = ElidedCombo(whole=WHOLE)
        name_choice(combo, name)
        for text, value in choices:
            combo.addItem(text, value)
        combo.currentIndexChanged.connect(self._chosen)
        return combo

    def _field(self, name: str, hint: str) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(hint)
        field.setAccessibleName(name)
        field.setClearButtonEnabled(True)
        field.textChanged.connect(self._type)
        return field

    def _lay_out(self) -> None:
        self._row, self._second, between = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row in (self._row, self._second, between):
            row.setSpacing(SPACE)
        self._row.addWidget(self.text, 2)
        self._row.addStretch(1)
        self._row.addWidget(self.number)
        self.days = QWidget()
        between.setContentsMargins(0, 0, 0, 0)
        for part in (label(self.tr("From"), "muted"), self.first, label(self.tr("until"), "muted"), self.last):
            between.addWidget(part)
        between.addStretch(1)
        self.days.setLayout(between)
        self.days.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        column.setSpacing(SPACE)
        column.addLayout(self._row)
        column.addLayout(self._second)
        column.addWidget(self.days)
        self._narrow: bool | None = None
        self.fit(0)

    def fit(self, width: int) -> None:
        """Takes the rows that a width gives room for."""
        narrow = width < NARROW
        if narrow == self._narrow:
            return
        self._narrow = narrow
        # The class is typed, as the text is: with little room it stays beside it, and each choice can be read.
        choices = (self.plugin, self.state, self.when, self.kind)
        row = self._second if narrow else self._row
        for place, box in enumerate(choices):
            row.insertWidget(place if narrow else place + 1, box)
        self._row.insertWidget(1 if narrow else 3, self.class_name)
        self._row.setStretchFactor(self.text, 12 if narrow else 2)

    def wanted(self) -> JobFilter:
        """What the filters say."""
        state = self.state.currentData()
        since, until = self._bounds()
        return JobFilter(
            profile_id=self.plugin.currentData(),
            state=JobState(state) if state else None,
            text=self.text.text().strip(),
            since=since,
            until=until,
            class_name=self.class_name.text().strip(),
            replays=self.kind.currentData(),
        )

    def search(self, text: str) -> None:
        """Looks for a text at once."""
        if text != self.text.text().strip():
            self.text.setText(text)
        self._typed.stop()

    def show_plugins(self, profiles: Sequence[Profile]) -> None:
        """Offers these plugins."""
        chosen = self.plugin.currentData()
        blocked = self.plugin.blockSignals(True)
        self.plugin.clear()
        self.plugin.addItem(self.tr("All plugins"), None)
        for profile in profiles:
            self.plugin.addItem(profile.name, profile.id)
        self.plugin.setCurrentIndex(max(0, self.plugin.findData(chosen)))
        self.plugin.blockSignals(blocked)

    def _bounds(self) -> tuple[float | None, float | None]:
        days = int(self.when.currentData())
        if days == BETWEEN:
            first, last = sorted((_start(self.first.date()), _start(self.last.date())))
            return first, last + DAY_S - 0.001
        if not days:
            return None, None
        midnight = local(time.time()).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        return midnight - (days - 1) * DAY_S, None

    def _type(self) -> None:
        self._typed.start()

    def _chosen(self) -> None:
        self.days.setVisible(self.when.currentData() == BETWEEN)
        self.changed.emit()


def _start(day: QDate) -> float:
    return datetime(day.year(), day.month(), day.day()).astimezone().timestamp()
