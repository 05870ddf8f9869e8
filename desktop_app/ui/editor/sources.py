"""The panels of the three model sources: what they need, and what was found out about it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.core.profile import CallbackSource, OnnxSource, RemoteSource
from desktop_app.ui.editor.fields import ChoiceField, Field, FileField, SwitchField, TextField
from desktop_app.ui.formats import plain
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, set_kind, tool_button

PROVIDERS = (
    ("CPU", "cpu"),
    ("CUDA (NVIDIA)", "cuda"),
    ("TensorRT (NVIDIA)", "tensorrt"),
    ("CoreML (Apple)", "coreml"),
    ("DirectML (Windows)", "directml"),
    ("OpenVINO (Intel)", "openvino"),
)


class Findings(QFrame):
    """What was found out about a file: reading, a summary with reasons, or why it cannot be used."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.classes: tuple[str, ...] = ()
        self.summary = label("", wrap=True, selectable=True)
        self.reasons = label("", "muted", wrap=True, selectable=True)
        self.warnings = label("", "warn", wrap=True, selectable=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.copy_button = tool_button("copy", self.tr("Copy class names"), self.copy_classes, text=True)
        self.copy_button.setToolTip(self.tr("Ready to paste into the hub's Class Names field"))
        row = QHBoxLayout()
        row.addWidget(self.copy_button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        column.setSpacing(SPACE // 2)
        for part in (self.progress, self.summary, self.reasons, self.warnings):
            column.addWidget(part)
        column.addLayout(row)
        self.hide()

    def read(self, text: str) -> None:
        """Says that the file is being looked at."""
        self._show(text, "muted", (), (), ())
        self.progress.show()

    def fail(self, error: KnownError) -> None:
        """Says why the file cannot be used."""
        self._show(str(error), "error", (), (), ())

    def tell(
        self, summary: str, reasons: tuple[str, ...], warnings: tuple[str, ...], classes: tuple[str, ...] = ()
    ) -> None:
        """Says what the file is and why."""
        self._show(summary, "", reasons, warnings, classes)

    def copy_classes(self) -> None:
        """Puts the class names on the clipboard, as the hub's field takes them."""
        QGuiApplication.clipboard().setText(", ".join(self.classes))

    def _show(
        self, summary: str, kind: str, reasons: tuple[str, ...], warnings: tuple[str, ...], classes: tuple[str, ...]
    ) -> None:
        self.classes = classes
        self.progress.hide()
        self.summary.setText(summary)
        set_kind(self.summary, kind)
        self.reasons.setText("\n".join(f"· {plain(text, 300)}" for text in reasons))
        self.reasons.setVisible(bool(reasons))
        self.warnings.setText("\n".join(plain(text, 300) for text in warnings))
        self.warnings.setVisible(bool(warnings))
        self.copy_button.setVisible(bool(classes))
        self.show()


class SourcePanel(QWidget):
    """What the panels share.

    Signals:
        edited: a value changed.
        file_chosen: a path to look at.
        browse: the person wants to pick a file with these name patterns; the panel's field takes it.
    """

    edited = Signal()
    file_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(SPACE + 4)
        self.findings = Findings()
        self.fields: dict[str, Field] = {}

    def values(self) -> dict[str, Any]:
        """The model source as a dict for validation."""
        raise NotImplementedError

    def problems(self) -> dict[str, str]:
        """What is wrong that validation does not see, by field."""
        return {}

    def _add(self, key: str, field: Field) -> None:
        self.fields[key] = field
        field.edited.connect(self.edited)


def file_problem(text: str, ending: str, missing: str, absent: str, wrong: str) -> str:
    """What is wrong with a path, or ""."""
    if not text:
        return missing
    path = Path(text).expanduser()
    try:
        if not path.is_file():
            return absent
    except OSError:
        return absent
    return "" if path.suffix.casefold() == ending else wrong


class OnnxPanel(SourcePanel):
    """An ONNX file: what was detected in it and why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = FileField(self.tr("Model file"), placeholder=self.tr("Drop an .onnx file or choose one"))
        self.provider = ChoiceField(
            self.tr("Runs on"), PROVIDERS, self.tr("Falls back to the CPU and says so where this is not available.")
        )
        self._add("path", self.path)
        self._add("provider", self.provider)
        self._overrides: dict[str, Any] = {}
        self.path.edit.editingFinished.connect(self._look)

    def values(self) -> dict[str, Any]:
        path = str(Path(self.path.value).expanduser()) if self.path.value else ""
        return {"kind": "onnx", "path": path, "provider": self.provider.value, "overrides": self._overrides}

    def problems(self) -> dict[str, str]:
        problem = file_problem(
            self.path.value,
            ".onnx",
            self.tr("Choose a model file."),
            self.tr("There is no file here."),
            self.tr("The name must end in .onnx; export your model to ONNX first."),
        )
        return {"path": problem} if problem else {}

    def fill(self, source: OnnxSource) -> None:
        """Shows a source."""
        self.path.value = str(source.path)
        self.provider.value = source.provider
        self._overrides = dict(source.overrides)
        self._look()

    def show_inspection(self, found: Mapping[str, Any]) -> None:
        """Shows what `inspect` says."""
        given = found.get("input")
        size = given if isinstance(given, Mapping) else {}
        names = tuple(str(name) for name in found.get("classes") or ())
        sure = {
            "certain": self.tr("certain"),
            "likely": self.tr("likely"),
            "guess": self.tr("a guess, please check"),
        }.get(str(found.get("confidence")), "")
        parts = [str(found.get("family", "")), str(found.get("task", ""))]
        if size.get("width"):
            parts.append(f"{size.get('width')} × {size.get('height')}")
        if names:
            shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
            parts.append(self.tr("{count} classes: {names}").format(count=len(names), names=shown))
        if sure:
            parts.append(sure)
        self.findings.tell(
            " · ".join(part for part in parts if part),
            tuple(str(text) for text in found.get("why") or ())[:6],
            tuple(str(text) for text in found.get("warnings") or ()),
            names,
        )

    def _look(self) -> None:
        if self.path.value and not self.problems():
            self.file_chosen.emit(self.path.value)


class ScriptPanel(SourcePanel):
    """A plugin script: its interpreter and its callback."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = FileField(self.tr("Script"), placeholder=self.tr("Drop a .py file or choose one"))
        self.python = ChoiceField(
            self.tr("Python"),
            ((self.tr("Bundled with Plugdeck"), ""),),
            self.tr("Choose the environment that has the script's packages."),
            editable=True,
        )
        self.callback = ChoiceField(
            self.tr("Callback"),
            ((self.tr("The one the script hands to run()"), ""),),
            editable=True,
        )
        self.reload = SwitchField("", self.tr("Reload when the file changes"))
        for key, field in (
            ("script", self.path),
            ("python", self.python),
            ("callback", self.callback),
            ("reload_on_change", self.reload),
        ):
            self._add(key, field)
        self._kept: dict[str, Any] = {}
        self.path.edit.editingFinished.connect(self._look)

    def values(self) -> dict[str, Any]:
        path = str(Path(self.path.value).expanduser()) if self.path.value else ""
        return {
            **self._kept,
            "kind": "callback",
            "script": path,
            "python": self.python.value or None,
            "callback": self.callback.value or None,
            "reload_on_change": self.reload.value,
        }

    def problems(self) -> dict[str, str]:
        found = {}
        problem = file_problem(
            self.path.value,
            ".py",
            self.tr("Choose a script."),
            self.tr("There is no file here."),
            self.tr("The name must end in .py."),
        )
        if problem:
            found["script"] = problem
        if self.python.value and not Path(self.python.value).expanduser().is_file():
            found["python"] = self.tr("There is no interpreter here.")
        if self.callback.value and not self.callback.value.isidentifier():
            found["callback"] = self.tr("Must be the name of a function.")
        return found

    def fill(self, source: CallbackSource) -> None:
        """Shows a source."""
        self.path.value = str(source.script)
        self.offer_interpreters(source.script)
        self.python.value = str(source.python) if source.python else ""
        self.callback.value = source.callback or ""
        self.reload.value = source.reload_on_change
        self._kept = source.model_dump(include={"arguments", "environment", "working_directory"})
        self._look()

    def offer_interpreters(self, script: Path) -> None:
        """Offers the environments that lie beside the script or above it."""
        choices = [(self.tr("Bundled with Plugdeck"), "")]
        inside = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
        for folder in (script.parent, *list(script.parents)[1:3]):
            for name in (".venv", "venv", "env"):
                found = folder.joinpath(name, *inside)
                if found.is_file():
                    choices.append((str(found), str(found)))
        self.python.offer(choices)

    def offer_callbacks(self, names: tuple[str, ...]) -> None:
        """Offers the script's functions."""
        self.callback.offer([(self.tr("The one the script hands to run()"), ""), *((name, name) for name in names)])

    def _look(self) -> None:
        if self.path.value and "script" not in self.problems():
            self.offer_interpreters(Path(self.path.value).expanduser())
            self.file_chosen.emit(self.path.value)


class RemotePanel(SourcePanel):
    """A model on a server that speaks the Open Inference Protocol."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.url = TextField(
            self.tr("Server"),
            self.tr("Triton, KServe, MLServer or OpenVINO Model Server, over HTTP."),
            "http://gpu-box:8000",
        )
        self.model = TextField(self.tr("Model name"))
        self._add("url", self.url)
        self._add("model", self.model)
        self._overrides: dict[str, Any] = {}

    def values(self) -> dict[str, Any]:
        return {"kind": "remote", "url": self.url.value, "model": self.model.value, "overrides": self._overrides}

    def problems(self) -> dict[str, str]:
        found = {}
        if not self.url.value.startswith(("http://", "https://")):
            found["url"] = self.tr("Must be an address such as http://gpu-box:8000.")
        if not self.model.value:
            found["model"] = self.tr("Enter the name the server knows the model by.")
        return found

    def fill(self, source: RemoteSource) -> None:
        """Shows a source."""
        self.url.value = source.url
        self.model.value = source.model
        self._overrides = dict(source.overrides)
