"""An ONNX file: where it is, how it runs, what was detected in it and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from desktop_app.core.errors import KnownError, ModelLoadError
from desktop_app.core.profile import OnnxSource
from desktop_app.ui.editor.fields import ChoiceField, Field, FileField, NumberField
from desktop_app.ui.editor.model_input import ModelInput
from desktop_app.ui.editor.onnx_words import part_lines, summary_words, sure_words
from desktop_app.ui.editor.source_panel import SourcePanel, file_problem
from desktop_app.ui.formats import tr

PROVIDERS = (
    ("CPU", "cpu"),
    ("CUDA (NVIDIA)", "cuda"),
    ("TensorRT (NVIDIA)", "tensorrt"),
    ("CoreML (Apple)", "coreml"),
    ("DirectML (Windows)", "directml"),
    ("OpenVINO (Intel)", "openvino"),
)


class OnnxPanel(SourcePanel):
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
        self.input = ModelInput()
        self.input.edited.connect(self.edited)
        self.input.family_changed.connect(self._look)
        self.found: Mapping[str, Any] = {}
        self.path.edit.editingFinished.connect(self._look)
        self.path.edited.connect(self.forget)
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

    def all_fields(self) -> dict[str, Field]:
        return self.fields | self.input.fields

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
        self._look()

    def take(self, path: Path) -> None:
        """Another file: what was changed for the former one is of no use."""
        self.forget()
        self.path.value = str(path)
        self.input.start({})
        self._look()

    def forget(self) -> None:
        """Nothing is known of the file (yet)."""
        self.found = {}
        self.findings.hide()
        self.input.forget()

    @property
    def class_count(self) -> int:
        """How many classes the model has; 0 where it does not say."""
        output = self.found.get("output")
        count = output.get("class_count") if isinstance(output, Mapping) else 0
        return count if isinstance(count, int) else 0

    def fail(self, error: KnownError) -> None:
        """Says why the file cannot be used."""
        self.found = {}
        self.input.setVisible(bool(self.input.family.value))
        self.findings.fail(error)

    def _offer_providers(self, present: Any) -> None:
        """Only what this machine's onnxruntime has, and what the profile asks for."""
        if isinstance(present, list) and present:
            wanted = self.provider.value
            self.provider.offer([choice for choice in PROVIDERS if choice[1] in present or choice[1] == wanted])

    def show_inspection(self, found: Mapping[str, Any]) -> None:
        """Shows what `inspect` says."""
        if found.get("task") == "unsupported":
            reasons = [str(text) for text in found.get("why") or ()]
            remedies = [str(text) for text in found.get("warnings") or ()]
            what = tr("This model gives no annotations: {why}").format(why=reasons[0] if reasons else "")
            self.fail(ModelLoadError(what.rstrip(": "), remedy=" ".join(remedies[:2])))
            return
        self.found = found
        self._offer_providers(found.get("providers"))
        names = tuple(str(name) for name in found.get("classes") or ())
        self.findings.tell(
            summary_words(found, names),
            tuple(str(text) for text in found.get("why") or ())[:6],
            tuple(str(text) for text in found.get("warnings") or ()),
            names,
            sure_words(str(found.get("confidence"))),
            part_lines(found.get("sure")),
        )
        self.input.show_found(found)

    def _look(self) -> None:
        if self.path.value and "path" not in self.problems():
            self.file_chosen.emit(self.path.value)
