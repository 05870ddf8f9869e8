from __future__ import annotations

import logging

import pytest

from desktop_app.core.events import Level, LogLine, ProfileState, ProfileStatus, Signal


def test_slots_hear_in_order_of_connection() -> None:
    signal = Signal[int]()
    heard: list[tuple[str, int]] = []
    signal.connect(lambda value: heard.append(("first", value)))
    signal.connect(lambda value: heard.append(("second", value)))
    signal.emit(3)
    assert heard == [("first", 3), ("second", 3)]


def test_a_disconnected_slot_hears_nothing() -> None:
    signal = Signal[int]()
    heard: list[int] = []
    disconnect = signal.connect(heard.append)
    disconnect()
    disconnect()
    signal.emit(1)
    assert heard == []


def test_a_slot_that_raises_is_logged_and_the_others_hear(caplog: pytest.LogCaptureFixture) -> None:
    signal = Signal[str]()
    heard: list[str] = []

    def broken(value: str) -> None:
        raise RuntimeError("broken view")

    signal.connect(broken)
    signal.connect(heard.append)
    with caplog.at_level(logging.ERROR):
        signal.emit("x")
    assert heard == ["x"]
    assert "a listener failed on str" in caplog.text
    assert "broken view" in caplog.text


def test_a_slot_may_disconnect_itself_and_connect_others_meanwhile() -> None:
    signal = Signal[int]()
    heard: list[str] = []

    def once(value: int) -> None:
        heard.append(f"once {value}")
        disconnect()
        signal.connect(lambda later: heard.append(f"new {later}"))

    disconnect = signal.connect(once)
    signal.connect(lambda value: heard.append(f"always {value}"))
    signal.emit(1)
    signal.emit(2)
    assert heard == ["once 1", "always 1", "always 2", "new 2"]


def test_levels_are_pythons() -> None:
    assert {level.name: int(level) for level in Level} == {
        name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    }


def test_states_and_lines_have_honest_defaults() -> None:
    assert ProfileStatus("p").state is ProfileState.STOPPED
    assert str(ProfileState.LOGIN_REFUSED) == "login refused"
    assert LogLine(1.0, Level.INFO, "m").source == "app"
