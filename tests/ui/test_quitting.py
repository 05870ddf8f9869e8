from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QWidget

from desktop_app.ui.dialogs import Question
from desktop_app.ui.quitting import Quitting, left_to_do, what_becomes


class Closing:
    """A window that is being closed, and what came of it."""

    def __init__(self, host: Any) -> None:
        self.window = QWidget()
        self.window.show()
        self.quits = 0
        self.said: list[str] = []
        self.quitting = Quitting(host, self.window, lambda what, _: self.said.append(what), self._quit)

    def _quit(self) -> None:
        self.quits += 1

    @property
    def questions(self) -> list[Question]:
        return [one for one in self.window.findChildren(Question) if one.isVisible()]


@pytest.fixture
def closing(qtbot: Any, host: Any, run: Any) -> Closing:
    closing = Closing(host)
    qtbot.addWidget(closing.window)
    return closing


def test_numbers_in_words() -> None:
    assert left_to_do(3, 2) == "3 jobs are running, 2 answers are waiting for the hub."
    assert left_to_do(1, 0) == "1 job is running."
    assert left_to_do(0, 1) == "1 answer is waiting for the hub."
    assert what_becomes(0) == "If you quit now, they continue on the next start."
    assert "ends with an error" in what_becomes(3)


def test_nothing_to_do_nothing_to_ask(closing: Closing, run: Any) -> None:
    async def scenario() -> None:
        closing.quitting.close_requested()
        assert closing.quits == 1
        await closing.quitting.end()

    run(scenario())


def test_quit_now(closing: Closing, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        host.unfinished = (3, 2)
        closing.quitting.close_requested()
        await tools.until(lambda: len(closing.questions) == 1)
        closing.quitting.close_requested()
        assert len(closing.questions) == 1, "asked once, however often the window is closed"
        assert closing.quits == 0
        closing.questions[0].no.click()
        await tools.until(lambda: closing.quits == 1)
        await closing.quitting.end()

    run(scenario())


def test_waiting_quits_when_all_is_done(closing: Closing, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        host.unfinished = (1, 0)
        closing.quitting.close_requested()
        await tools.until(lambda: len(closing.questions) == 1)
        closing.questions[0].yes.click()
        await tools.until(lambda: bool(closing.said))
        assert closing.quits == 0
        host.unfinished = (0, 0)
        await tools.until(lambda: closing.quits == 1)
        await closing.quitting.end()

    run(scenario())


def test_a_signal_takes_the_question_away(closing: Closing, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        host.unfinished = (1, 1)
        closing.quitting.close_requested()
        await tools.until(lambda: len(closing.questions) == 1)
        await closing.quitting.end()
        assert not closing.questions
        assert closing.quits == 0

    run(scenario())
