from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton

from desktop_app.core.profile import Profile
from desktop_app.doctor.finding import Check, Finding, Outcome
from desktop_app.ui.about import AboutPage
from desktop_app.ui.doctor_page import DoctorPage, check_words, outcome_words
from desktop_app.ui.tasks import Tasks

GOOD = Finding(Check.DISK, "", Outcome.OK, "66 GB are free.")
BAD = Finding(Check.TLS, "https://hub.example", Outcome.FAILED, "It has <b>expired</b>.", "Set the clock.")


class Doctor:
    """Finds what it is told to, when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.go_on = asyncio.Event()
        self.cancelled = 0

    async def examine(self, profiles: Sequence[Profile], tell: Callable[[Finding], None]) -> list[Finding]:
        self.asked.append(tuple(profile.name for profile in profiles))
        tell(GOOD)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        tell(BAD)
        return [BAD, GOOD]


@pytest.fixture
def scene(run: Any, host: Any, tools: Any, qtbot: Any) -> Any:
    host.put(tools.profile("One"))
    host.put(tools.profile("Two"))

    def call(scenario: Any) -> None:
        async def whole() -> None:
            doctor, tasks, copied = Doctor(), Tasks(), []
            page = DoctorPage(host.profiles, doctor.examine, copied.append, tasks)
            qtbot.addWidget(page)
            page.show()
            await scenario(page, doctor, copied)
            await tasks.end()

        run(whole())

    return call


def texts(page: DoctorPage) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if not label.isHidden())


def test_findings_come_one_by_one(scene: Any, tools: Any) -> None:
    async def scenario(page: DoctorPage, doctor: Doctor, copied: list[Any]) -> None:
        page.open()
        await tools.until(lambda: page.findings == [GOOD], 60)
        assert "66 GB" in texts(page)
        assert not page.progress.isHidden()
        doctor.go_on.set()
        await tools.until(page.progress.isHidden, 60)
        assert page.findings == [BAD, GOOD]
        assert "1 problem found" in page.summary.text()
        assert "It has <b>expired</b>.\n→ Set the clock." in texts(page), "text is text"
        page.copy_button.click()
        assert "FAILED  https://hub.example  Encryption (TLS)" in QGuiApplication.clipboard().text()
        page.zip_button.click()
        assert copied == [(BAD, GOOD)]

    scene(scenario)


def test_one_plugin_and_cancelling(scene: Any, tools: Any) -> None:
    async def scenario(page: DoctorPage, doctor: Doctor, copied: list[Any]) -> None:
        page.open("two")
        await tools.until(lambda: doctor.asked == [("Two",)], 60)
        page.run_button.click()
        await tools.until(lambda: doctor.cancelled == 1, 60)
        assert page.run_button.text() == "Check again"
        assert page.findings == [GOOD], "what was found stays"
        page.run_button.click()
        await tools.until(lambda: len(doctor.asked) == 2, 60)
        doctor.go_on.set()
        await tools.until(page.progress.isHidden, 60)

    scene(scenario)


def test_every_check_and_outcome_has_words() -> None:
    assert len({check_words(check) for check in Check}) == len(Check)
    assert len({outcome_words(outcome) for outcome in Outcome}) == len(Outcome)


def test_about_names_what_is_bundled_with_its_licence(qtbot: Any) -> None:
    page = AboutPage(Path("/data"))
    qtbot.addWidget(page)
    shown = [label.text() for label in page.parts.findChildren(QLabel)]
    for name in ("PySide6_Essentials", "onnxruntime", "numpy", "pydantic", "Python"):
        assert name in shown
        assert shown[shown.index(name) + 2] not in ("", "see its package")
    assert "pytest" not in shown, "what only the tests need is not bundled"


def test_the_packaged_app_leads_to_the_words_of_the_licences(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = AboutPage(None)
    qtbot.addWidget(page)
    assert page.parts.findChildren(QPushButton) == []
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "plugdeck"))
    (tmp_path / "THIRD-PARTY.txt").write_text("words")
    page = AboutPage(None)
    qtbot.addWidget(page)
    (button,) = page.parts.findChildren(QPushButton)
    assert button.text() == "Read the licences"
    assert any(str(tmp_path / "THIRD-PARTY.txt") in label.text() for label in page.parts.findChildren(QLabel))
