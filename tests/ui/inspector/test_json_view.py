from __future__ import annotations

import json
from typing import Any

from PySide6.QtGui import QGuiApplication

from desktop_app.ui.inspector.json_view import LONGEST, MASK, JsonView, masked, to_text


def test_secrets_are_masked_wherever_they_are() -> None:
    value = {"apiKey": "k", "nested": [{"Secret": "s", "apikey": None}], "session": "x"}
    assert masked(value) == {"apiKey": MASK, "nested": [{"Secret": MASK, "apikey": None}], "session": "x"}
    assert "k" not in json.loads(to_text(value))["apiKey"]


def test_points_stay_on_one_line_and_the_text_stays_json() -> None:
    value = {"polygon": [[1, 2.5], [-3, 4e-3]], "text": "[1,\n 2]", "empty": []}
    text = to_text(value)
    assert "[1, 2.5]" in text
    assert json.loads(text) == value


def test_view(qtbot: Any) -> None:
    view = JsonView("Sent", "Nothing yet.")
    qtbot.addWidget(view)
    view.show()
    assert view.edit.toPlainText() == "Nothing yet."
    assert not view.copy_button.isEnabled()
    view.show_value({"a": "é" * 10, "apiKey": "hidden"})
    view.copy_button.click()
    assert "hidden" not in QGuiApplication.clipboard().text()
    assert json.loads(QGuiApplication.clipboard().text())["a"] == "é" * 10
    view.show_value(["x" * 100] * 10_000)
    assert len(view.edit.toPlainText()) < LONGEST + 200
    view.copy()
    assert len(json.loads(QGuiApplication.clipboard().text())) == 10_000


def test_what_is_behind_another_tab_is_laid_out_when_it_is_looked_at(qtbot: Any) -> None:
    view = JsonView("Sent", "Nothing yet.")
    qtbot.addWidget(view)
    view.show_value({"first": 1})
    view.show_value({"second": 2})
    assert view.edit.toPlainText() == "Nothing yet.", "a hidden text costs the window nothing"
    view.copy()
    assert "second" in QGuiApplication.clipboard().text(), "copying needs no look"
    view.show_value({"third": 3})
    view.show()
    assert "third" in view.edit.toPlainText()
    assert view.copy_button.isEnabled()
