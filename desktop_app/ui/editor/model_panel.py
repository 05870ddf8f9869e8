"""A model that we decode, in a file or on a server: what was detected, and what the person changes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QWidget

from desktop_app.core.errors import KnownError, ModelLoadError
from desktop_app.ui.editor.fields import Field
from desktop_app.ui.editor.model_input import ModelInput
from desktop_app.ui.editor.onnx_words import part_lines, summary_words, sure_words
from desktop_app.ui.editor.source_panel import SourcePanel
from desktop_app.ui.formats import tr


class ModelPanel(SourcePanel):
    """What the panels of such models share.

    Attributes:
        found: what inspection said; empty while nothing is known.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input = ModelInput()
        self.input.edited.connect(self.edited)
        self.input.family_changed.connect(self.look)
        self.found: Mapping[str, Any] = {}

    def look(self) -> None:
        """Asks for another inspection, where there is enough to inspect."""
        raise NotImplementedError

    def hold(self, preview: QWidget) -> None:
        """Takes the preview, of which there is one for all panels."""
        self.column.insertWidget(self.column.count() - 1, preview)

    def all_fields(self) -> dict[str, Field]:
        return self.fields | self.input.fields

    def forget(self) -> None:
        """Nothing is known of the model (yet)."""
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
        """Says why the model cannot be used."""
        self.found = {}
        self.input.setVisible(bool(self.input.family.value))
        self.findings.fail(error)

    def show_inspection(self, found: Mapping[str, Any]) -> None:
        """Shows what inspection says."""
        if found.get("task") == "unsupported":
            reasons = [str(text) for text in found.get("why") or ()]
            remedies = [str(text) for text in found.get("warnings") or ()]
            what = tr("This model gives no annotations: {why}").format(why=reasons[0] if reasons else "")
            self.fail(ModelLoadError(what.rstrip(": "), remedy=" ".join(remedies[:2])))
            return
        self.found = found
        names = tuple(str(name) for name in found.get("classes") or ())
        self.findings.tell(
            summary_words(found, names),
            (*self.own_reasons(found), *(str(text) for text in found.get("why") or ()))[:8],
            tuple(str(text) for text in found.get("warnings") or ()),
            names,
            sure_words(str(found.get("confidence")), server="server" in found),
            part_lines(found.get("sure")),
        )
        self.input.show_found(found)

    def own_reasons(self, found: Mapping[str, Any]) -> tuple[str, ...]:
        """What this kind of model says before the reasons."""
        return ()
