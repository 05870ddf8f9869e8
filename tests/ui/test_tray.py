from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QSystemTrayIcon

from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.ui.notifications import WAITING_S, Notifications
from desktop_app.ui.plugins.model import PluginRow
from desktop_app.ui.tray import LISTED, Tray, state_icon, worst


def rows(tools: Any, *states: ProfileState) -> list[PluginRow]:
    profiles = [tools.profile(f"Plugin {number} & Co") for number in range(len(states))]
    return [PluginRow(p, ProfileStatus(p.id, state)) for p, state in zip(profiles, states, strict=True)]


@pytest.fixture
def tray(qapp: Any) -> Any:
    made = Tray(available=lambda: True)
    yield made
    made.end()
    made.deleteLater()


def test_the_worst_state_is_shown_by_shape_and_said_in_words(tray: Any, tools: Any) -> None:
    assert tray.words() == "Plugdeck: no plugin runs"
    tray.show_plugins(rows(tools, ProfileState.ONLINE, ProfileState.BUSY, ProfileState.STOPPED))
    assert tray.icon.toolTip() == "Plugdeck: 2 plugins online"
    trouble = rows(tools, ProfileState.ONLINE, ProfileState.RECONNECTING, ProfileState.LOGIN_REFUSED)
    assert worst(trouble) is trouble[2]
    tray.show_plugins(trouble)
    assert tray.icon.toolTip() == "Plugdeck: Plugin 2 & Co: login refused"

    def drawn(state: ProfileState | None) -> bytes:
        image = state_icon(state).pixmap(QSize(22, 22)).toImage().convertToFormat(image_format)
        return bytes(image.constBits())

    image_format = state_icon(None).pixmap(QSize(22, 22)).toImage().Format.Format_Grayscale8
    kinds = (None, ProfileState.ONLINE, ProfileState.RECONNECTING, ProfileState.LOGIN_REFUSED, ProfileState.CONNECTING)
    assert len({drawn(state) for state in kinds}) == len(kinds), "told apart without colour"


def test_the_menu(tray: Any, tools: Any) -> None:
    heard: list[str] = []
    for name in ("show_window", "start_all", "stop_all", "quit"):
        getattr(tray, name).connect(lambda name=name: heard.append(name))
    tray.show_plugins(rows(tools, *[ProfileState.ONLINE] * (LISTED + 2)))
    tray.menu.aboutToShow.emit()
    entries = {action.text(): action for action in tray.menu.actions()}
    assert "Plugin 0 && Co: online" in entries
    assert "2 more" in entries
    assert not entries["Start all"].isEnabled()
    for text in ("Open Plugdeck", "Stop all", "Quit Plugdeck"):
        entries[text].trigger()
    assert heard == ["show_window", "stop_all", "quit"]
    tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert heard[-1] == "show_window"


class Person:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.wants, self.looks, self.waiting, self.now = True, False, 0, 0.0
        self.notifications = Notifications(
            lambda title, text: self.told.append((title, text)),
            wanted=lambda: self.wants,
            in_front=lambda: self.looks,
            waiting=lambda: self.waiting,
            clock=lambda: self.now,
        )


def test_each_cause_is_told_once(qapp: Any, tools: Any) -> None:
    person = Person()
    take = person.notifications.take
    take(rows(tools, ProfileState.ONLINE, ProfileState.RECONNECTING, ProfileState.LOADING))
    assert person.told == [], "what passes by itself needs nobody"
    take(rows(tools, ProfileState.LOGIN_REFUSED))
    take(rows(tools, ProfileState.CONNECTING))
    take(rows(tools, ProfileState.LOGIN_REFUSED))
    assert [title for title, _ in person.told] == ["Plugin 0 & Co"]
    assert "plugin id and secret" in person.told[0][1]
    take(rows(tools, ProfileState.CRASHED))
    assert len(person.told) == 2, "another cause"
    take(rows(tools, ProfileState.ONLINE))
    take(rows(tools, ProfileState.LOGIN_REFUSED))
    assert len(person.told) == 3, "it was well in between"


def test_nothing_is_told_who_looks_or_does_not_want_it(qapp: Any, tools: Any) -> None:
    person = Person()
    person.looks = True
    person.notifications.take(rows(tools, ProfileState.CRASHED))
    person.looks = False
    person.notifications.take(rows(tools, ProfileState.CRASHED))
    assert person.told == [], "it was on the screen"
    person.wants = False
    person.notifications.take(rows(tools, ProfileState.LOGIN_REFUSED))
    assert person.told == []


def test_answers_that_wait_for_long(qapp: Any) -> None:
    person = Person()
    person.waiting = 2
    person.notifications.look()
    person.now = WAITING_S - 1
    person.notifications.look()
    assert person.told == []
    person.now = WAITING_S + 1
    for _ in range(3):
        person.notifications.look()
    assert len(person.told) == 1
    assert "2 answers are waiting" in person.told[0][1]
    person.waiting = 0
    person.notifications.look()
    person.waiting = 1
    person.notifications.look()
    person.now += WAITING_S + 1
    person.notifications.look()
    assert len(person.told) == 2
