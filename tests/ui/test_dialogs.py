from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.ui.dialogs import Question, ask


def _open_question(parent: QWidget) -> Question | None:
    return next((dialog for dialog in parent.findChildren(Question) if dialog.isVisible()), None)


def test_both_answers(run: Any, qtbot: Any, tools: Any) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()

    async def scenario() -> None:
        for button, answer in (("yes", True), ("no", False)):
            asked = spawn(ask(parent, "Remove?", "Really.", yes="Remove", no="Keep", danger=True), name="ask")
            await tools.until(lambda: _open_question(parent) is not None)
            question = _open_question(parent)
            assert question is not None
            assert question.no.isDefault(), "Enter gives the harmless answer"
            getattr(question, button).click()
            assert await asked is answer

    run(scenario())


def test_a_cancelled_question_goes_away(run: Any, qtbot: Any, tools: Any, qapp: QApplication) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()

    async def scenario() -> None:
        asked = spawn(ask(parent, "A", "B", yes="C", no="D"), name="ask")
        await tools.until(lambda: _open_question(parent) is not None)
        await cancel_and_wait(asked)
        assert _open_question(parent) is None

    run(scenario())
