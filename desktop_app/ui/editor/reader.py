"""What the form asks about files: what a model is, what a script says of itself, which names a list holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QWidget

from desktop_app.core.errors import KnownError
from desktop_app.core.profile import Profile
from desktop_app.runner.script_facts import ScriptFacts
from desktop_app.ui.dialogs import choose_files, choose_folder
from desktop_app.ui.editor.checking import PREVIEW_ID
from desktop_app.ui.editor.class_list import CLASS_FILES
from desktop_app.ui.editor.form import ProfileForm
from desktop_app.ui.formats import tr
from desktop_app.ui.hosting import Host


class Reader:
    """Asks the host and puts what it says into the form; an answer that comes late for another file is dropped.

    Args:
        owner: dialogs open over it.

    Attributes:
        facts: of the script that was read last, or None.
    """

    def __init__(self, owner: QWidget, host: Host, form: ProfileForm) -> None:
        self._owner = owner
        self._host = host
        self._form = form
        self._turn = 0
        self.facts: ScriptFacts | None = None

    def forget(self) -> None:
        """The form is another one now."""
        self._turn += 1
        self.facts = None

    async def inspect(self, path: Path, picture: Path | None, changed: Callable[[], None]) -> None:
        """Looks into a model.

        Args:
            picture: on which it may try things out.
            changed: called when the form is to be checked anew.
        """
        self._turn += 1
        turn, onnx, classes = self._turn, self._form.onnx, self._form.classes
        onnx.findings.read(tr("Looking into the model…"))
        onnx.found = {}
        classes.offer(())
        changed()
        try:
            found = await self._host.inspect(path, family=onnx.input.family.value, picture=picture)
        except KnownError as error:
            if turn == self._turn:
                onnx.fail(error)
                changed()
            return
        if turn == self._turn:
            onnx.show_inspection(found)
            classes.offer(onnx.findings.classes)
            changed()

    async def look_at_server(self, profile: Profile | None, picture: Path | None, changed: Callable[[], None]) -> None:
        """Asks a model server what its model is.

        Args:
            profile: the one that is edited, whose token is taken where none was typed and its server is asked.
            picture, changed: as for `inspect`.
        """
        self._turn += 1
        turn, remote, classes = self._turn, self._form.remote, self._form.classes
        source = remote.source()
        if source is None:
            return
        remote.findings.read(tr("Asking the server…"))
        remote.found = {}
        classes.offer(())
        changed()
        try:
            kept = profile is not None and source.same_server(profile.source)
            token = remote.token.value or (await self._host.secrets.token(profile) if profile and kept else None) or ""
            self._host.secrets.hold_token(PREVIEW_ID, token)
            family = remote.input.family.value
            found = await self._host.inspect_remote(source, token, family=family, picture=picture)
        except KnownError as error:
            if turn == self._turn:
                remote.fail(error)
                changed()
            return
        if turn == self._turn:
            remote.show_inspection(found)
            classes.offer(remote.findings.classes)
            changed()

    async def read_script(self, path: Path, *, new: bool) -> None:
        """Reads what a script says of itself.

        Args:
            new: whether the plugin is a new one, whose fields may be filled in.
        """
        self._turn += 1
        turn, findings = self._turn, self._form.script.findings
        findings.read(tr("Reading the script…"))
        try:
            facts = await self._host.import_script(path)
        except KnownError as error:
            if turn == self._turn:
                findings.fail(error)
            return
        if turn == self._turn:
            self._take_facts(facts, new)

    def _take_facts(self, facts: ScriptFacts, new: bool) -> None:
        """Fills in what the script says, but never over what the person typed."""
        form = self._form
        taken: list[str] = []
        self.facts = facts
        # In the demo, a hub alone says nothing: the script's own plugin id decides whether it belongs there.
        hub = None if form.at_demo and not facts.plugin_id else facts.host
        for field, value, text in (
            (form.host, hub, tr("hub")),
            (form.plugin_id, facts.plugin_id, tr("plugin id")),
            (form.secret, facts.secret, tr("secret")),
        ):
            if value and new and not field.touched:
                field.value = value
                taken.append(text)
        if new and facts.concurrency > 1 and not form.concurrency.touched:
            form.concurrency.value = facts.concurrency
            taken.append(tr("jobs at once"))
        form.script.show_facts(facts, taken)

    async def choose_classes(self) -> None:
        """Lets the person pick a class list."""
        patterns = " ".join(f"*{ending}" for ending in CLASS_FILES)
        title = tr("Class lists ({patterns})").format(patterns=patterns)
        files = await choose_files(self._owner, tr("Choose a class list"), title)
        if files:
            await self.read_classes(files[0])

    async def read_classes(self, source: Path | str) -> None:
        """Takes the names out of a file, or out of a pasted text."""
        try:
            names = await self._host.class_names(source)
        except KnownError as error:
            self._form.classes.show_error(str(error))
            return
        self._form.classes.take(names)

    async def choose_folder(self) -> None:
        """Lets the person pick the script's working directory."""
        folder = await choose_folder(self._owner, tr("Choose a working directory"))
        if folder is not None:
            field = self._form.script.options.folder
            field.value = str(folder)
            field.touch()
