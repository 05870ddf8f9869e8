from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from desktop_app.ui.welcome import Welcome


def test_three_doors_and_a_starting_point(qtbot: Any) -> None:
    welcome = Welcome()
    qtbot.addWidget(welcome)
    welcome.show()
    heard: list[str] = []
    welcome.demo.connect(lambda: heard.append("demo"))
    welcome.wanted.connect(heard.append)
    doors = (welcome.demo_door, welcome.model_door, welcome.script_door)
    for door in doors:
        assert door.accessibleName()
        assert door.accessibleDescription()
        qtbot.keyClick(door, Qt.Key.Key_Space)
    welcome.template_button.click()
    assert heard == ["demo", "model", "script", "template"]
    order = [welcome.demo_door]
    while order[-1] is not welcome.template_button:
        order.append(order[-1].nextInFocusChain())
        assert len(order) < 40
    assert [one for one in order if one in (*doors, welcome.template_button)] == [*doors, welcome.template_button]
