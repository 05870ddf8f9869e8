"""The panels of the three model sources: what they need, and what was found out about it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError, ModelLoadError
from desktop_app.core.profile import CallbackSource, OnnxSource, RemoteSource
from desktop_app.ui.editor.fields import ChoiceField, Field, FileField, NumberField, SwitchField, TextField
from desktop_app.ui.editor.findings import Findings
from desktop_app.ui.editor.model_input import ModelInput
from desktop_app.ui.tokens import SPACE

PROVIDERS = (
    ("CPU", "cpu"),
    ("CUDA (NVIDIA)", "cuda"),
    ("TensorRT (NVIDIA)", "tensorrt"),
    ("CoreML (Apple)", "coreml"),
    ("DirectML (Windows)", "directml"),
    ("OpenVINO (Intel)", "openvino"),
)


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
        self.unload = NumberField(
            self.tr("Unload when idle for"),
            0,
            1_000_000,
            decimals=1,
            suffix=" s",
            hint=self.tr("Frees the model's memory; the next job loads it again and waits for that."),
        )
        self.unload.box.setSpecialValueText(self.tr("Never"))
        self._add("path", self.path)
        self._add("provider", self.provider)
        self._add("unload_after_s", self.unload)
        self.input = ModelInput()
        self.input.edited.connect(self.edited)
        self.input.family_changed.connect(self._look)
        self.found: Mapping[str, Any] = {}
        self.path.edit.editingFinished.connect(self._look)
        self.path.edited.connect(self.forget)

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
            self.tr("Choose a model file."),
            self.tr("There is no file here."),
            self.tr("The name must end in .onnx; export your model to ONNX first."),
        )
        return ({"path": problem} if problem else {}) | self.input.problems()

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
            what = self.tr("This model gives no annotations: {why}").format(why=reasons[0] if reasons else "")
            self.fail(ModelLoadError(what.rstrip(": "), remedy=" ".join(remedies[:2])))
            return
        self.found = found
        self._offer_providers(found.get("providers"))
        given = found.get("input")
        size = given if isinstance(given, Mapping) else {}
        names = tuple(str(name) for name in found.get("classes") or ())
        sure = {
            "certain": self.tr("Certain: the file itself settles it."),
            "likely": self.tr("Likely: several signs agree. Try it on a picture of yours."),
            "guess": self.tr("A guess: try it on a picture of yours before you rely on it."),
        }.get(str(found.get("confidence")), "")
        parts = [str(found.get("family", "")), self._task(str(found.get("task", "")))]
        if size.get("width"):
            parts.append(f"{size.get('width')} × {size.get('height')} px")
        if names:
            shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
            words = self.tr("{count} classes: {names}") if len(names) > 1 else self.tr("1 class: {names}")
            parts.append(words.format(count=len(names), names=shown))
        self.findings.tell(
            " · ".join(part for part in parts if part),
            tuple(str(text) for text in found.get("why") or ())[:6],
            tuple(str(text) for text in found.get("warnings") or ()),
            names,
            sure,
            self._details(found.get("sure")),
        )
        self.input.show_found(found)

    def _details(self, sure: Any) -> tuple[str, ...]:
        """A line per part: what, how sure, why."""
        parts = {
            "family": self.tr("Family"),
            "task": self.tr("Task"),
            "size": self.tr("Size"),
            "layout": self.tr("Layout"),
            "dtype": self.tr("Numbers"),
            "color": self.tr("Colour order"),
            "scale": self.tr("Scaling"),
            "mean_std": self.tr("Mean and deviation"),
            "resize": self.tr("Resizing"),
            "output": self.tr("Output"),
            "classes": self.tr("Class names"),
            "keypoints": self.tr("Key-point names"),
        }
        words = {
            "certain": self.tr("certain"),
            "likely": self.tr("likely"),
            "guess": self.tr("a guess"),
        }
        given = sure if isinstance(sure, Mapping) else {}
        told = [(name, given[part]) for part, name in parts.items() if isinstance(given.get(part), Mapping)]
        return tuple(
            self.tr("{part}: {sure} – {why}").format(
                part=name,
                sure=words.get(str(one.get("confidence")), str(one.get("confidence"))),
                why=one.get("why", ""),
            )
            for name, one in told
        )

    def _task(self, task: str) -> str:
        words = {
            "detect": self.tr("finds objects, a box for each"),
            "obb": self.tr("finds objects, a rotated box for each"),
            "segment": self.tr("finds objects, an outline for each"),
            "semantic": self.tr("divides the picture into areas"),
            "mask": self.tr("separates the foreground"),
            "pose": self.tr("finds poses, a box and key points for each"),
            "classify": self.tr("classifies the whole picture"),
        }
        return words.get(task, task)

    def _look(self) -> None:
        if self.path.value and "path" not in self.problems():
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
