from __future__ import annotations

from typing import Any

import pytest

from desktop_app.ui.editor.model_input import ModelInput

INPUT = {
    "name": "images",
    "width": 320,
    "height": 320,
    "dynamic": True,
    "layout": "nchw",
    "channels": 3,
    "color": "rgb",
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "resize": "letterbox",
}


def found(**more: Any) -> dict[str, Any]:
    return {"family": "yolov5", "confidence": "likely", "input": INPUT, **more}


@pytest.fixture
def panel(qtbot: Any) -> ModelInput:
    panel = ModelInput()
    qtbot.addWidget(panel)
    return panel


def test_what_was_found_is_no_change(panel: ModelInput) -> None:
    panel.start({})
    panel.show_found(found())
    assert panel.overrides() == {}
    assert panel.problems() == {}
    assert not panel.isHidden()
    assert panel.rows.isHidden(), "folded away while nobody needs it"
    assert panel.reset_button.isHidden()


def test_only_what_was_changed_is_kept_and_taken_back(panel: ModelInput, qtbot: Any) -> None:
    panel.start({"output": {"tolerance": 2}})
    panel.show_found(found())
    panel.color.value = "bgr"
    panel.scale.value = "1"
    panel.mean.value = "0, 0, 0"
    panel.width_field.box.setValue(640)
    changes = panel.overrides()
    assert changes["output"] == {"tolerance": 2}, "what the form does not show stays"
    assert changes["input"] == {"width": 640, "color": "bgr", "scale": 1.0, "mean": [0.0, 0.0, 0.0]}
    assert not panel.reset_button.isHidden()
    with qtbot.waitSignal(panel.edited):
        panel.reset_button.click()
    assert panel.overrides() == {"output": {"tolerance": 2}}


def test_a_profiles_changes_come_back(panel: ModelInput) -> None:
    changes = {"family": "yolov7", "input": {"resize": "stretch", "pad": 0}}
    panel.start(changes)
    assert panel.overrides() == changes, "also before the file was looked into"
    panel.show_found(found(alternatives=["yolov7"]))
    assert panel.overrides() == changes
    assert panel.resize_field.value == "stretch"
    assert not panel.rows.isHidden()


def test_another_family_is_asked_for(panel: ModelInput, qtbot: Any) -> None:
    panel.start({})
    panel.show_found(found())
    assert panel.family.isHidden()
    panel.show_found(found(alternatives=["yolov7"]))
    assert not panel.family.isHidden()
    panel.family.value = "yolov7"
    with qtbot.waitSignal(panel.family_changed):
        panel.family.touch()
    assert panel.overrides() == {"family": "yolov7"}


def test_a_guess_is_unfolded(panel: ModelInput) -> None:
    panel.start({})
    panel.show_found(found(confidence="guess"))
    assert not panel.rows.isHidden()


@pytest.mark.parametrize(
    ("field", "text", "key"),
    [
        ("scale", "0", "input.scale"),
        ("scale", "1/0", "input.scale"),
        ("scale", "nan", "input.scale"),
        ("mean", "1, 2", "input.mean"),
        ("mean", "a", "input.mean"),
        ("mean", "", "input.mean"),
        ("std", "1, 0, 1", "input.std"),
        ("std", "inf, 1, 1", "input.std"),
    ],
)
def test_what_is_no_number_is_said(panel: ModelInput, field: str, text: str, key: str) -> None:
    panel.start({})
    panel.show_found(found())
    getattr(panel, field).value = text
    assert set(panel.problems()) == {key}
