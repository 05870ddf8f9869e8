"""How pictures are prepared for an ONNX model: what was found, and what the person changes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.editor.fields import ChoiceField, Field, Grid, NumberField, TextField
from desktop_app.ui.formats import tr
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import push_button

BYTE = 1 / 255
CLOSE = 1e-6


class ModelInput(QWidget):
    """The settings of a model's input, folded away until they matter.

    Signals:
        edited: a value changed.
        family_changed: the person chose another family, so the file is to be read again.
    """

    edited = Signal()
    family_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: dict[str, Any] = {}
        self._kept: dict[str, Any] = {}
        self._make_fields()
        self.fold = push_button(tr("Change how pictures are prepared"), self._fold)
        self.reset_button = push_button(tr("Back to what was found"), self.reset, icon="restart")
        self.rows = Grid()
        self.rows.add(*self.fields.values())
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        buttons.addWidget(self.fold)
        buttons.addWidget(self.reset_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addLayout(buttons)
        column.addWidget(self.rows)
        self.forget()

    def _make_fields(self) -> None:
        self.family = ChoiceField(
            tr("Family"), ((tr("Found automatically"), ""),), tr("The file can be read in several ways.")
        )
        self.width_field = NumberField(tr("Input width"), 1, 8192, suffix=" px")
        self.height_field = NumberField(tr("Input height"), 1, 8192, suffix=" px")
        self.resize_field = ChoiceField(
            tr("Fitting"),
            (
                (tr("Ratio kept, padded around (letterbox)"), "letterbox"),
                (tr("Ratio kept, padded right and below"), "topleft"),
                (tr("Stretched to the input's size"), "stretch"),
                (tr("Centre cut out"), "crop"),
                (tr("Shrunk to fit, ratio kept"), "fit"),
                (tr("Shorter side to the input's, ratio kept"), "shortest"),
            ),
        )
        self.layout_field = ChoiceField(
            tr("Layout"),
            (
                (tr("Channels first (NCHW)"), "nchw"),
                (tr("Channels last (NHWC)"), "nhwc"),
                (tr("Channels first, no batch (CHW)"), "chw"),
                (tr("Channels last, no batch (HWC)"), "hwc"),
            ),
        )
        self.color = ChoiceField(tr("Colour order"), (("RGB", "rgb"), ("BGR", "bgr"), (tr("Grey"), "gray")))
        self.scale = ChoiceField(
            tr("Pixel scale"),
            ((tr("0 to 1 (times 1/255)"), "1/255"), (tr("0 to 255 (as they are)"), "1")),
            tr("Each pixel is multiplied by it; then the mean is taken off and divided by the deviation."),
            editable=True,
        )
        self.mean = TextField(tr("Mean"), placeholder="0.485, 0.456, 0.406")
        self.std = TextField(tr("Deviation"), placeholder="0.229, 0.224, 0.225")
        self.fields: dict[str, Field] = {
            "family": self.family,
            "input.width": self.width_field,
            "input.height": self.height_field,
            "input.resize": self.resize_field,
            "input.layout": self.layout_field,
            "input.color": self.color,
            "input.scale": self.scale,
            "input.mean": self.mean,
            "input.std": self.std,
        }
        for key, field in self.fields.items():
            field.edited.connect(self._family_chosen if key == "family" else self._edited)

    # ---- what is shown ----

    def forget(self) -> None:
        """There is no file yet, or none that can be used."""
        self._found = {}
        self.hide()

    def start(self, overrides: Mapping[str, Any]) -> None:
        """Takes over what a profile has changed already; shown once the file was looked into."""
        self._kept = dict(overrides)
        self._found = {}
        chosen = overrides.get("family")
        self._offer_families([chosen] if isinstance(chosen, str) and chosen else [])
        self.family.value = chosen if isinstance(chosen, str) else ""
        self.hide()

    def show_found(self, found: Mapping[str, Any]) -> None:
        """Shows what was found, with what the profile or the person had changed already on top."""
        given = found.get("input")
        before = self.overrides()
        self._found = dict(given) if isinstance(given, Mapping) else {}
        self._kept = before
        others = [str(name) for name in found.get("alternatives") or ()]
        if others:
            self._offer_families([str(found.get("family", "")), *others])
        shown = bool(others or self.family.value)
        self.family.setVisible(shown)
        self.family.title.setVisible(shown)
        changed = before.get("input")
        self._fill({**self._found, **(changed if isinstance(changed, Mapping) else {})})
        hint = "" if self._found.get("dynamic") else tr("The file fixes its size; another one works seldom.")
        self.height_field.set_hint(hint)
        self._unfold(found.get("confidence") == "guess" or bool(changed))
        self.setVisible(bool(self._found))
        self._show_reset()

    def reset(self) -> None:
        """Forgets all changes."""
        family = bool(self.family.value)
        self._kept = {key: value for key, value in self._kept.items() if key not in ("input", "family")}
        self.family.value = ""
        self._fill(self._found)
        for field in self.fields.values():
            field.touched = False
        self._show_reset()
        (self.family_changed if family else self.edited).emit()

    def overrides(self) -> dict[str, Any]:
        """What differs from what was found, as the worker understands it; as it was while nothing was found."""
        kept = {key: value for key, value in self._kept.items() if key != "family"}
        if self.family.value:
            kept["family"] = self.family.value
        if not self._found:
            return kept
        hidden = kept.pop("input", None)
        shown = {key.removeprefix("input.") for key in self.fields}
        changed = {key: value for key, value in hidden.items() if key not in shown} if isinstance(hidden, dict) else {}
        values = self._values().items()
        changed |= {key: value for key, value in values if key in self._found and not _same(value, self._found[key])}
        return {**kept, "input": changed} if changed else kept

    def problems(self) -> dict[str, str]:
        """What cannot be read, by field."""
        found = {}
        if "scale" in self._found and _number(self.scale.value) is None:
            found["input.scale"] = tr("Enter a number above 0, such as 1/255.")
        for key, field in (("mean", self.mean), ("std", self.std)):
            if key not in self._found:
                continue
            numbers = _numbers(field.value)
            if numbers is None or len(numbers) not in (1, int(self._found.get("channels") or 3)):
                found[f"input.{key}"] = tr("Enter one number for each channel, with commas between.")
            elif key == "std" and 0.0 in numbers:
                found[f"input.{key}"] = tr("Must not hold a zero.")
        return found

    # ---- inside ----

    def _values(self) -> dict[str, Any]:
        return {
            "width": int(self.width_field.value),
            "height": int(self.height_field.value),
            "resize": self.resize_field.value,
            "layout": self.layout_field.value,
            "color": self.color.value,
            "scale": _number(self.scale.value),
            "mean": _numbers(self.mean.value),
            "std": _numbers(self.std.value),
        }

    def _fill(self, values: Mapping[str, Any]) -> None:
        self.width_field.value = int(values.get("width") or 1)
        self.height_field.value = int(values.get("height") or 1)
        for field, key in ((self.resize_field, "resize"), (self.layout_field, "layout"), (self.color, "color")):
            field.value = str(values.get(key, ""))
        scale = values.get("scale")
        self.scale.value = _scale_text(float(scale)) if isinstance(scale, (int, float)) else "1/255"
        for text, key in ((self.mean, "mean"), (self.std, "std")):
            numbers = values.get(key)
            text.value = ", ".join(f"{n:g}" for n in numbers) if isinstance(numbers, (list, tuple)) else ""

    def _offer_families(self, names: list[Any]) -> None:
        unique = dict.fromkeys(str(name) for name in names if name)
        self.family.offer([(tr("Found automatically"), ""), *((name, name) for name in unique)])

    def _family_chosen(self) -> None:
        # Another family prepares pictures in its own way: what was changed for the former one means nothing to it.
        self._kept.pop("input", None)
        self._found = {}
        self.family_changed.emit()

    def _edited(self) -> None:
        self._show_reset()
        self.edited.emit()

    def _show_reset(self) -> None:
        changes = self.overrides()
        self.reset_button.setVisible("input" in changes or "family" in changes)

    def _fold(self) -> None:
        self._unfold(self.rows.isHidden())

    def _unfold(self, shown: bool) -> None:
        self.rows.setVisible(shown)
        words = tr("Hide how pictures are prepared") if shown else tr("Change how pictures are prepared")
        self.fold.setText(words)
        self.fold.setAccessibleName(words)


def _number(text: str) -> float | None:
    """A number above 0, also as a fraction: `1/255`."""
    over, _, under = text.partition("/")
    try:
        value = float(over) / (float(under) if under else 1.0)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) and value > 0 else None


def _numbers(text: str) -> list[float] | None:
    try:
        values = [float(part) for part in text.replace(";", ",").split(",")]
    except ValueError:
        return None
    return values if all(math.isfinite(value) for value in values) else None


def _scale_text(scale: float) -> str:
    if abs(scale - BYTE) < CLOSE:
        return "1/255"
    return f"{scale:g}"


def _same(value: Any, found: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, float) and isinstance(found, (int, float)):
        return abs(value - found) < CLOSE
    if isinstance(value, list) and isinstance(found, (list, tuple)):
        # Shown with six digits.
        return len(value) == len(found) and all(abs(a - b) < 1e-5 for a, b in zip(value, found, strict=True))
    return bool(value == found)
