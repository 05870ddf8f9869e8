"""A model on a server that speaks the Open Inference Protocol: where it is, and what was detected of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_app.core.profile import LOOPBACK_HOSTS, RemoteSource, web_address
from desktop_app.ui.editor.fields import Field, SecretField, SwitchField, TextField
from desktop_app.ui.editor.model_panel import ModelPanel
from desktop_app.ui.formats import tr
from desktop_app.ui.widgets import push_button


class RemotePanel(ModelPanel):
    """A model on a server: what the server says of it, what was detected and why.

    Signals:
        look_wanted: the server is to be asked.
    """

    look_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.url = TextField(
            tr("Server"),
            tr("Triton, KServe, MLServer or OpenVINO Model Server, over HTTP."),
            "https://models.example.com",
        )
        self.model = TextField(tr("Model name"), tr("The name that the server knows it by."))
        self.version = TextField(tr("Version"), placeholder=tr("The server's choice"))
        self.token = SecretField(tr("Token"), "")
        self.insecure = SwitchField("", tr("Allow a server without encryption (http)"))
        for key, field in (("url", self.url), ("model", self.model), ("version", self.version)):
            self._add(key, field)
            field.edited.connect(self.forget)
        self._add("token", self.token)
        self._add("allow_insecure", self.insecure)
        self.token.edited.connect(self.forget)
        self._filled: RemoteSource | None = None
        self.url.edited.connect(self._follow_address)
        self.button = push_button(tr("Look at the server"), self.look, icon="remote")
        self._look_field = Field("", self.button)
        self._look_field.row.setStretchFactor(self.button, 0)
        self._look_field.row.addStretch(1)
        self.fields["look"] = self._look_field
        self.lay_out(self.input)
        self.tell_token(known=False)

    def values(self) -> dict[str, Any]:
        return {
            "kind": "remote",
            "url": self.url.value,
            "model": self.model.value,
            "version": self.version.value,
            "overrides": self.input.overrides(),
            "allow_insecure": self.insecure.value,
        }

    def source(self) -> RemoteSource | None:
        """The source that the fields name, or None while they name none."""
        if {"url", "model"} & set(self.problems()):
            return None
        try:
            return RemoteSource.model_validate(self.values())
        except ValidationError:
            return None

    def problems(self) -> dict[str, str]:
        found = {}
        address = web_address(self.url.value)
        if address is None:
            found["url"] = tr("Must be an address such as https://models.example.com.")
        elif address.scheme == "http" and address.hostname not in LOOPBACK_HOSTS and not self.insecure.value:
            found["url"] = tr("Use https, or allow a server without encryption below.")
        if not self.model.value:
            found["model"] = tr("Enter the name the server knows the model by.")
        return found | self.input.problems()

    def clear(self) -> None:
        """An empty panel."""
        self.forget()
        self.input.start({})
        for field in (self.url, self.model, self.version, self.token):
            field.value = ""
        self.insecure.value = False
        self._filled = None
        self.tell_token(known=False)

    def fill(self, source: RemoteSource) -> None:
        """Shows a source."""
        self.clear()
        self.url.value = source.url
        self.model.value = source.model
        self.version.value = source.version
        self.insecure.value = source.allow_insecure
        self.input.start(source.overrides)
        self._filled = source
        self.tell_token(known=True)

    def tell_token(self, *, known: bool) -> None:
        """Says where the token is kept; `known` where an empty field leaves one as it is."""
        kept = tr("Kept in this computer's keychain, never in a file. Leave it empty where the server wants none.")
        self.token.set_hint(tr("Leave empty to keep the present one.") if known else kept)

    def _follow_address(self) -> None:
        # A token goes to the server that it was given for, and to no other.
        there = web_address(self.url.value)
        same = self._filled is not None and there is not None
        if same and self._filled is not None:
            same = self._filled.same_server(self._filled.model_copy(update={"url": self.url.value.strip()}))
        self.tell_token(known=same)

    def look(self) -> None:
        if self.source() is not None:
            self.look_wanted.emit()

    def offer(self) -> None:
        """Lets the button be pressed where there is enough to look at."""
        self.button.setEnabled(self.source() is not None)

    def own_reasons(self, found: Mapping[str, Any]) -> tuple[str, ...]:
        told = found.get("server")
        server = told if isinstance(told, Mapping) else {}
        versions = ", ".join(str(item) for item in server.get("versions") or ())
        lines = (
            (tr("server: {text}"), server.get("server")),
            (tr("runs on: {text}"), server.get("platform")),
            (tr("versions: {text}"), versions),
            (tr("takes: {text}"), ", ".join(str(item) for item in server.get("inputs") or ())),
            (tr("gives: {text}"), ", ".join(str(item) for item in server.get("outputs") or ())),
        )
        way = () if server.get("binary") else (tr("it takes tensors as JSON only, which is slower than bytes"),)
        return (*(words.format(text=text) for words, text in lines if text), *way)
