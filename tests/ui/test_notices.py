from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QPlainTextEdit

from desktop_app.core.aio import running_tasks
from desktop_app.core.errors import HubUnreachable
from desktop_app.ui.notices import MOST, Notices


@pytest.fixture
def notices(qtbot: Any) -> Any:
    notices = Notices()
    qtbot.addWidget(notices)
    return notices


def test_cards(notices: Any) -> None:
    assert not notices.isVisible()
    for number in range(MOST + 2):
        notices.say(f"What {number}", "Do this.", "details")
    assert notices.texts == ("What 3", "What 2")
    notices.say("What 2")
    assert notices.texts == ("What 2", "What 3")
    for card in list(notices._cards):
        card.closed.emit()
    assert notices.texts == ()
    assert not notices.isVisible()


def test_errors_of_actions_become_cards(notices: Any, run: Any, tools: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def known() -> None:
        raise HubUnreachable(
            "The hub does not answer", where="hub.example", remedy="Check the network.", details="long"
        )

    async def bug() -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        notices.watch(known(), "known")
        await tools.until(lambda: notices.texts == ("The hub does not answer (hub.example).",))
        assert notices._cards[0].findChild(QPlainTextEdit).toPlainText() == "long"
        notices.watch(bug(), "bug")
        await tools.until(lambda: "wrong in the app" in notices.texts[0] and not running_tasks())

    run(scenario())
    assert "bug ended with an error" in caplog.text


def test_a_card_goes_when_its_action_succeeds(notices: Any, run: Any, tools: Any) -> None:
    async def act(fails: bool) -> None:
        if fails:
            raise HubUnreachable("The hub does not answer")

    async def scenario() -> None:
        notices.watch(act(True), "start a profile", "a")
        await tools.until(lambda: len(notices.texts) == 1)
        notices.watch(act(False), "start a profile", "b")
        notices.watch(act(False), "stop a profile", "a")
        await tools.until(lambda: not running_tasks())
        assert len(notices.texts) == 1, "of something else"
        notices.watch(act(False), "start a profile", "a")
        await tools.until(lambda: notices.texts == ())

    run(scenario())
