"""A model on a server that speaks the Open Inference Protocol."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QWidget

from desktop_app.core.profile import RemoteSource
from desktop_app.ui.editor.fields import TextField
from desktop_app.ui.editor.source_panel import SourcePanel
from desktop_app.ui.formats import tr


class RemotePanel(SourcePanel):
    """A model on a server that speaks the Open Inference Protocol."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.url = TextField(
            tr("Server"),
            tr("Triton, KServe, MLServer or OpenVINO Model Server, over HTTP."),
            "http://gpu-box:8000",
        )
        self.model = TextField(tr("Model name"))
        self._add("url", self.url)
        self._add("model", self.model)
        self._overrides: dict[str, Any] = {}
        self.lay_out()

    def values(self) -> dict[str, Any]:
        return {"kind": "remote", "url": self.url.value, "model": self.model.value, "overrides": self._overrides}

    def problems(self) -> dict[str, str]:
        found = {}
        if not self.url.value.startswith(("http://", "https://")):
            found["url"] = tr("Must be an address such as http://gpu-box:8000.")
        if not self.model.value:
            found["model"] = tr("Enter the name the server knows the model by.")
        return found

    def fill(self, source: RemoteSource) -> None:
        """Shows a source."""
        self.url.value = source.url
        self.model.value = source.model
        self._overrides = dict(source.overrides)
