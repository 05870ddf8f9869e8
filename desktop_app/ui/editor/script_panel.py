"""A plugin script: where it is, its interpreter, its callback, and how it is started."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from desktop_app.core.profile import CallbackSource
from desktop_app.runner.script_facts import ScriptFacts
from desktop_app.ui.editor.fields import ChoiceField, Field, FileField, SwitchField
from desktop_app.ui.editor.python_field import PythonField
from desktop_app.ui.editor.source_panel import SourcePanel, file_problem
from desktop_app.ui.editor.start_options import StartOptions
from desktop_app.ui.formats import plain, tr
from desktop_app.ui.hosting import Host

Start = Callable[[Coroutine[Any, Any, Any], str], None]


class ScriptPanel(SourcePanel):
    """What a CallbackSource says.

    Args:
        start: runs a coroutine and shows its errors.
    """

    def __init__(self, host: Host, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = FileField(tr("Script"), placeholder=tr("Drop a .py file or choose one"))
        self.python = PythonField(host, start)
        self.callback = ChoiceField(tr("Callback"), ((tr("The one the script hands to run()"), ""),), editable=True)
        self.reload = SwitchField("", tr("Reload when the file changes"))
        for key, field in (
            ("script", self.path),
            ("python", self.python),
            ("callback", self.callback),
            ("reload_on_change", self.reload),
        ):
            self._add(key, field)
        self.options = StartOptions()
        self.options.edited.connect(self.edited)
        self._new = True
        self.path.edit.editingFinished.connect(self._look)
        self.lay_out(self.options)

    def values(self) -> dict[str, Any]:
        path = str(Path(self.path.value).expanduser()) if self.path.value else ""
        return {
            **self.options.values(),
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
            tr("Choose a script."),
            tr("There is no file here."),
            tr("The name must end in .py."),
        )
        if problem:
            found["script"] = problem
        if self.python.problem:
            found["python"] = self.python.problem
        if self.callback.value and not self.callback.value.isidentifier():
            found["callback"] = tr("Must be the name of a function.")
        return found | self.options.problems()

    def all_fields(self) -> dict[str, Field]:
        return self.fields | self.options.fields

    def clear(self) -> None:
        """An empty panel."""
        self._new = True
        self.path.value = ""
        self.callback.offer([(tr("The one the script hands to run()"), "")])
        self.callback.value = ""
        self.reload.value = False
        self.options.fill(None)
        self.python.clear()

    def fill(self, source: CallbackSource) -> None:
        """Shows a source."""
        self._new = False
        self.path.value = str(source.script)
        self.python.value = str(source.python) if source.python else ""
        self.python.touched = bool(self.python.problem)
        self.callback.value = source.callback or ""
        self.reload.value = source.reload_on_change
        self.options.fill(source)
        self._look()

    def take(self, path: Path) -> None:
        """Another script."""
        self.path.value = str(path)
        self._look()

    def show_facts(self, facts: ScriptFacts, taken: list[str]) -> None:
        """Says what the script is; `taken` names what the form took over from it."""
        run = (tr("The one the script hands to run()"), "")
        named = [facts.callback] if facts.callback and facts.callback.isidentifier() else []
        # A script that hands nothing over needs to be told which function answers.
        choices = [(name, name) for name in named]
        self.callback.offer([run, *choices] if facts.hands_over or not named else [*choices, run])
        if not facts.hands_over and named and not self.callback.touched and not self.callback.value:
            self.callback.value = named[0]
        answers = f"{plain(facts.callback, 60)}()" if facts.callback else tr("its callback")
        kind = {
            "model": tr("A model plugin; {name} answers."),
            "batch": tr("A batch model plugin; {name} answers."),
            "input": tr("An input plugin; {name} answers."),
            "markdown": tr("A markdown plugin; {name} answers."),
            "export": tr("An export plugin; {name} answers."),
            "file-explorer": tr("A file explorer plugin; {name} answers."),
        }.get(facts.kind, tr("A plugin script; {name} answers."))
        reasons = [tr("Taken from the script: {what}.").format(what=", ".join(taken))] if taken else []
        warnings = []
        if facts.placeholders:
            words = {"host": tr("host"), "plugin id": tr("plugin id"), "secret": tr("secret")}
            what = ", ".join(words.get(one, one) for one in facts.placeholders)
            warnings.append(tr("The script leaves open: {what}. Fill it in above.").format(what=what))
        if len(set(facts.plugin_ids)) > 1:
            warnings.append(
                tr("It builds {count} plugins. Add one of yours for each.").format(count=len(set(facts.plugin_ids)))
            )
        self.findings.tell(kind.format(name=answers), tuple(reasons), tuple(warnings))

    def _look(self) -> None:
        if self.path.value and "script" not in self.problems():
            self.python.look_for(Path(self.path.value).expanduser(), suggest=self._new)
            self.file_chosen.emit(self.path.value)
