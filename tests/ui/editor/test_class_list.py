from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QMimeData

from desktop_app.ui.editor.class_list import ClassField, split_names


@pytest.fixture
def field(qtbot: Any) -> ClassField:
    field = ClassField("Class names", "hint")
    qtbot.addWidget(field)
    return field


def paste(field: ClassField, text: str) -> None:
    data = QMimeData()
    data.setText(text)
    field.lines.insertFromMimeData(data)


def test_names_are_lines_or_parts_of_one_line(field: ClassField, qtbot: Any) -> None:
    assert split_names("car, bus ,, truck") == ("car", "bus", "truck")
    assert split_names("tench, Tinca tinca\ngoldfish\n\n") == ("tench, Tinca tinca", "goldfish")
    with qtbot.waitSignal(field.edited):
        paste(field, "car, bus")
    assert field.lines.toPlainText() == "car\nbus"
    assert field.value == ("car", "bus")


@pytest.mark.parametrize("text", ['["car", "bus"]', "{0: 'car'}", "nc: 2\nnames:\n  0: car\n"])
def test_structured_text_is_read_by_the_worker(field: ClassField, qtbot: Any, text: str) -> None:
    with qtbot.waitSignal(field.structured) as heard:
        paste(field, text)
    assert heard.args == [text]
    assert field.value == ()


def test_filling_the_form_is_no_edit(field: ClassField, qtbot: Any) -> None:
    with qtbot.assertNotEmitted(field.edited):
        field.value = ("car", "bus")
    assert not field.touched
    field.take(("car",))
    assert field.touched
