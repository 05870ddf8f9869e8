"""The doctor as a page: what was looked at, what was seen, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Protocol

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QProgressBar, QWidget

from desktop_app.core.profile import Profile
from desktop_app.doctor.finding import Check, Finding, Outcome, worst
from desktop_app.ui.formats import count, duration, tr
from desktop_app.ui.side_page import SidePage
from desktop_app.ui.states import shape_pixmap
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedCombo, clear_layout, label, name_choice, push_button

Examine = Callable[[Sequence[Profile], Callable[[Finding], None]], Awaitable[list[Finding]]]

TONES = {Outcome.OK: "ok", Outcome.WARNING: "warn", Outcome.FAILED: "error", Outcome.SKIPPED: "idle"}
SHAPES = {Outcome.OK: "disc", Outcome.WARNING: "triangle", Outcome.FAILED: "cross", Outcome.SKIPPED: "ring"}


def check_words(check: Check) -> str:
    """What a check is called."""
    return {
        Check.PROXY: tr("Proxy"),
        Check.RESOLUTION: tr("Name resolution"),
        Check.TCP: tr("Connection (TCP)"),
        Check.TLS: tr("Encryption (TLS)"),
        Check.HANDSHAKE: tr("Handshake"),
        Check.CLOCK: tr("Clock"),
        Check.SECRET: tr("Secret"),
        Check.LOGIN: tr("Login"),
        Check.JOBS: tr("Jobs"),
        Check.MODEL: tr("Model"),
        Check.INTERPRETER: tr("Interpreter"),
        Check.KEYCHAIN: tr("Keychain"),
        Check.DISK: tr("Disk space"),
        Check.PROVIDERS: tr("Execution providers"),
    }[check]


def outcome_words(outcome: Outcome) -> str:
    """An outcome as people read it."""
    return {
        Outcome.OK: tr("ok"),
        Outcome.WARNING: tr("to look at"),
        Outcome.FAILED: tr("failed"),
        Outcome.SKIPPED: tr("skipped"),
    }[outcome]


class Profiles(Protocol):
    """Where the profiles come from."""

    def all(self) -> tuple[Profile, ...]: ...


class DoctorPage(SidePage):
    """Runs the checks and lists their findings as they come.

    Args:
        examine: does the checks.
        copy_diagnostics: makes the zip, given the findings so far.
    """

    def __init__(
        self,
        profiles: Profiles,
        examine: Examine,
        copy_diagnostics: Callable[[Sequence[Finding]], object],
        tasks: Tasks,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Doctor"), parent)
        self._profiles = profiles
        self._examine = examine
        self._tasks = tasks
        self._running: asyncio.Task[None] | None = None
        self.findings: list[Finding] = []
        self.plugin = ElidedCombo(10)
        name_choice(self.plugin, tr("Plugin to look at"))
        self.plugin.setMaximumWidth(220)
        self.plugin.activated.connect(lambda _: self.start())
        self.run_button = push_button(tr("Check again"), self._toggle, kind="primary", icon="restart")
        self.copy_button = push_button(tr("Copy"), self.copy, icon="copy")
        self.zip_button = push_button(
            tr("Copy diagnostics"), lambda: copy_diagnostics(tuple(self.findings)), icon="export"
        )
        self.zip_button.setToolTip(tr("Makes a zip for who helps you; it holds no secret"))
        for control in (self.plugin, self.copy_button, self.zip_button, self.run_button):
            self.head.addWidget(control)
        column = self.card_column(900)
        self.summary = label("", "subtitle", wrap=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("The doctor is looking"))
        column.addWidget(self.summary)
        column.addWidget(self.progress)
        self._cards = column
        self._list = QWidget()
        self._grid = QGridLayout(self._list)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2 * SPACE)
        column.addWidget(self._list)
        column.addStretch(1)
        self._show()

    def open(self, profile_id: str = "") -> None:
        """Offers the plugins there are and begins to look, at one of them or at all."""
        self.plugin.clear()
        self.plugin.addItem(tr("All plugins"), "")
        for profile in self._profiles.all():
            self.plugin.addItem(profile.name, profile.id)
        self.plugin.setCurrentIndex(max(0, self.plugin.findData(profile_id)))
        self.start()

    def start(self) -> None:
        """Looks at everything anew."""
        self.stop()
        self.findings = []
        wanted = self.plugin.currentData()
        profiles = [profile for profile in self._profiles.all() if wanted in ("", profile.id)]
        self._running = self._tasks.start(self._look(profiles), "doctor")
        self._show()

    def stop(self) -> None:
        """Ends the checks that run; what was found stays."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def copy(self) -> None:
        """Puts all findings on the clipboard as text."""
        lines = []
        for finding in self.findings:
            about = finding.about or tr("This computer")
            head = f"{outcome_words(finding.outcome).upper()}  {about}  {check_words(finding.check)}: {finding.saw}"
            lines.append(head + (f"\n    {finding.remedy}" if finding.remedy else ""))
        QGuiApplication.clipboard().setText("\n".join(lines))

    async def _look(self, profiles: Sequence[Profile]) -> None:
        me = asyncio.current_task()

        def found(finding: Finding) -> None:
            if self._running is me:
                self.findings.append(finding)
                self._show()

        try:
            findings = await self._examine(profiles, found)
            if self._running is me:
                self.findings = findings
        finally:
            if self._running is me:
                self._running = None
                self._show()

    def _toggle(self) -> None:
        if self._running is None:
            self.start()
        else:
            self.stop()
            self._show()

    def _show(self) -> None:
        busy = self._running is not None
        self.progress.setVisible(busy)
        self.run_button.setText(tr("Cancel") if busy else tr("Check again"))
        self.run_button.setAccessibleName(self.run_button.text())
        for button in (self.copy_button, self.zip_button):
            button.setEnabled(bool(self.findings))
        self.summary.setText(self._summary(busy))
        clear_layout(self._grid)
        places = list(dict.fromkeys(finding.about for finding in self.findings))
        ordered = sorted(
            self.findings, key=lambda f: (f.about == "", places.index(f.about), list(Check).index(f.check))
        )
        for row, (about, findings) in enumerate(groupby(ordered, key=lambda finding: finding.about)):
            self._grid.addWidget(_card(about, list(findings)), row, 0)

    def _summary(self, busy: bool) -> str:
        if busy:
            return tr("Looking at network, hub, models and this computer…")
        if not self.findings:
            return tr("Nothing was looked at yet.")
        failed = [f for f in self.findings if f.outcome is Outcome.FAILED]
        if failed:
            return tr("{problems} found. What to do is said below each.").format(
                problems=count(len(failed), tr("problem"), tr("problems"))
            )
        if worst(self.findings) is Outcome.WARNING:
            return tr("Everything works; some things deserve a look.")
        return tr("Everything is in order.")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_grid"):
            self._show()  # the shapes are in the theme's colours


def _card(about: str, findings: Sequence[Finding]) -> QFrame:
    card = QFrame()
    card.setObjectName("card")
    grid = QGridLayout(card)
    grid.setContentsMargins(3 * SPACE, 2 * SPACE, 3 * SPACE, 2 * SPACE)
    grid.setHorizontalSpacing(SPACE + 4)
    grid.setVerticalSpacing(SPACE)
    grid.setColumnMinimumWidth(1, 150)
    grid.setColumnMinimumWidth(2, 76)
    grid.setColumnStretch(3, 1)
    grid.addWidget(label(about or tr("This computer"), "subtitle", wrap=True), 0, 0, 1, 4)
    top = Qt.AlignmentFlag.AlignTop
    for row, finding in enumerate(findings, 1):
        shape = QLabel()
        shape.setPixmap(shape_pixmap(SHAPES[finding.outcome], TONES[finding.outcome], 14))
        shape.setContentsMargins(0, 2, 0, 0)
        shape.setAccessibleName(outcome_words(finding.outcome))
        grid.addWidget(shape, row, 0, top)
        name = label(check_words(finding.check))
        name.setToolTip(duration(finding.ms))
        grid.addWidget(name, row, 1, top)
        kind = {"idle": "muted"}.get(TONES[finding.outcome], TONES[finding.outcome])
        grid.addWidget(label(outcome_words(finding.outcome), kind), row, 2, top)
        text = label(finding.saw, wrap=True, selectable=True)
        if finding.remedy:
            text.setText(f"{finding.saw}\n→ {finding.remedy}")
        text.setAccessibleName(f"{name.text()}: {outcome_words(finding.outcome)}. {finding.saw} {finding.remedy}")
        grid.addWidget(text, row, 3, top)
    return card
