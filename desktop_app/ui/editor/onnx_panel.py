"""An ONNX file: where it is, how it runs, what was detected in it and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from desktop_app.core.profile import OnnxSource
from desktop_app.ui.editor.fields import ChoiceField, FileField, NumberField
from desktop_app.ui.editor.model_panel import ModelPanel
from desktop_app.ui.editor.source_panel import file_problem
from desktop_app.ui.formats import tr

PROVIDERS = (
    ("CPU", "cpu"),
    ("CUDA (NVIDIA)", "cuda"),
    ("TensorRT (NVIDIA)", "tensorrt"),
    ("CoreML (Apple)", "coreml"),
    ("DirectML (Windows)", "directml"),
    ("OpenVINO (Intel)", "openvino"),
)


class OnnxPanel(ModelPanel):
    """An ONNX file: what was detected in it and why."""

    def __init__(self, preview: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = FileField(tr("Model file"), placeholder=tr("Drop an .onnx file or choose one"))
        self.provider = ChoiceField(
            tr("Runs on"), PROVIDERS, tr("Falls back to the CPU and says so where this is not available.")
        )
        self.unload = NumberField(
            tr("Unload when idle for"),
            0,
            1_000_000,
            decimals=1,
            suffix=" s",
            hint=tr("Frees the model's memory; the next job loads it again and waits for that."),
        )
        self.unload.box.setSpecialValueText(tr("Never"))
        self._add("path", self.path)
        self._add("provider", self.provider)
        self._add("unload_after_s", self.unload)
        self.path.edit.editingFinished.connect(self.look)
        self.path.edited.connect(self.forget)
        self.preview = preview
        self.lay_out(self.input, preview)

    def values(self) -> dict[str, Any]:
        path = str(Path(self.path.value).expanduser()) if self.path.value else ""
        return {
            "kind": "onnx",
            "path": path,
            "provider": self.provider.value,
            "unload_after_s": self.unload.value or None,
            "overrides": self.input.overrides(),
        }

    def problems(self) -> dict[str, str]:
        problem = file_problem(
            self.path.value,
            ".onnx",
            tr("Choose a model file."),
            tr("There is no file here."),
            tr("The name must end in .onnx; export your model to ONNX first."),
        )
        return ({"path": problem} if problem else {}) | self.input.problems()

    def clear(self) -> None:
        """An empty panel."""
        self.forget()
        self.input.start({})
        self.path.value = ""
        self.unload.value = 0

    def fill(self, source: OnnxSource) -> None:
        """Shows a source."""
        self.forget()
        self.path.value = str(source.path)
        self.provider.value = source.provider
        self.unload.value = source.unload_after_s or 0
        self.input.start(source.overrides)
        self.look()

    def take(self, path: Path) -> None:
        """Another file: what was changed for the former one is of no use."""
        self.forget()
        self.path.value = str(path)
        self.input.start({})
        self.look()

    def _offer_providers(self, present: Any) -> None:
        """Only what this machine's onnxruntime has, and what the profile asks for."""
        if isinstance(present, list) and present:
            wanted = self.provider.value
            self.provider.offer([choice for choice in PROVIDERS if choice[1] in present or choice[1] == wanted])

    def show_inspection(self, found: Mapping[str, Any]) -> None:
        super().show_inspection(found)
        if self.found:
            self._offer_providers(found.get("providers"))

    def look(self) -> None:
        if self.path.value and "path" not in self.problems():
            self.file_chosen.emit(self.path.value)
