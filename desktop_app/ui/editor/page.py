"""Adding or editing a plugin: one page, checked as one types."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.core.profile import Profile, RemoteSource
from desktop_app.runner.script_facts import ScriptFacts
from desktop_app.ui.background import Background
from desktop_app.ui.dialogs import choose_files
from desktop_app.ui.editor.checking import candidate, place_of, to_connect, to_try, words_of
from desktop_app.ui.editor.class_list import CLASS_FILES
from desktop_app.ui.editor.connection import ConnectionField
from desktop_app.ui.editor.fields import Field
from desktop_app.ui.editor.form import ProfileForm
from desktop_app.ui.editor.onnx_panel import OnnxPanel
from desktop_app.ui.editor.preview import PICTURES, Preview
from desktop_app.ui.editor.reader import Reader
from desktop_app.ui.editor.script_panel import ScriptPanel
from desktop_app.ui.editor.secret_offer import SecretOffer
from desktop_app.ui.formats import tip, tr
from desktop_app.ui.hosting import Host
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedLabel, label, push_button, set_kind, tool_button

Start = Callable[[Coroutine[Any, Any, Any], str], None]


class EditorPage(QWidget):
    """The form of one profile, its buttons, and what it asks the host.

    Args:
        host: asked about files.
        start: runs a coroutine and shows its errors.
        background: threads for decoding and drawing.

    Attributes:
        demo_hub: address of the demo's hub while it runs, for what is opened from then on; else "".

    Signals:
        saved: (profile, secret or None, whether to start it).
        cancelled: nothing is to change.
    """

    saved = Signal(object, object, bool)
    cancelled = Signal()

    def __init__(self, host: Host, start: Start, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._host = host
        self._start = start
        self._profile: Profile | None = None
        self._base: Profile | None = None
        self._saved: tuple[ScriptFacts, str] | None = None
        self._suggested = ""
        self._opening = False
        self._keychain: bool | None = None
        self.demo_hub = ""
        self.connection = ConnectionField(host, start)
        self.preview = Preview(host, start, background)
        self.onnx = OnnxPanel(self.preview)
        self.script = ScriptPanel(host, start)
        self.form = ProfileForm(self.connection, self.onnx, self.script)
        self.name, self.plugin_id, self.secret = self.form.name, self.form.plugin_id, self.form.secret
        self.reader = Reader(self, host, self.form)
        self.offer = SecretOffer(start)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.check)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.title = label("", "title")
        self.save_button = push_button(tr("Save"), lambda: self._save(False))
        self.start_button = push_button(tr("Save and start"), lambda: self._save(True), kind="primary")
        self.trouble = ElidedLabel("", "error")
        top = QFrame()
        top.setObjectName("toolbar")
        row = QHBoxLayout(top)
        row.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        row.setSpacing(SPACE)
        row.addWidget(tool_button("back", tr("Back"), self.cancelled.emit, shortcut="Esc"))
        row.addWidget(self.title, 1)
        self.buttons = QFrame()
        self.buttons.setObjectName("toolbar")
        buttons = QHBoxLayout(self.buttons)
        buttons.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        buttons.setSpacing(SPACE)
        buttons.addWidget(self.trouble, 1)
        buttons.addWidget(push_button(tr("Cancel"), self.cancelled.emit))
        buttons.addWidget(self.save_button)
        buttons.addWidget(self.start_button)
        self.area, self.offer_area = _scrolling(self.form), _scrolling(self.offer)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.area)
        self.stack.addWidget(self.offer_area)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(self.stack, 1)
        column.addWidget(self.buttons)

    def _connect(self) -> None:
        form, start = self.form, self._start
        form.edited.connect(lambda: self._soon.start())
        for panel in (self.onnx, self.script):
            panel.file_chosen.connect(self._suggest_name)
        reader = self.reader
        self.onnx.file_chosen.connect(lambda path: start(self._inspect(Path(path)), "inspect a model"))
        self.script.file_chosen.connect(lambda path: start(self._read_script(Path(path)), "read a script"))
        self.onnx.path.browse.connect(lambda: start(self._browse(tr("ONNX models (*.onnx)")), "choose a model"))
        self.script.path.browse.connect(lambda: start(self._browse(tr("Python scripts (*.py)")), "choose a script"))
        self.script.options.browse.connect(lambda: start(reader.choose_folder(), "choose a folder"))
        form.remote.look_wanted.connect(lambda: start(self._look_at_server(), "look at a model server"))
        self.connection.wanted.connect(self._test_connection)
        for field in (form.host, form.plugin_id, form.secret, form.insecure):
            field.edited.connect(self.connection.clear)
        self.preview.score_changed.connect(self._follow_slider)
        form.confidence.edited.connect(lambda: self.preview.set_score(form.confidence.value))
        form.classes.browse.connect(lambda: start(reader.choose_classes(), "choose a class list"))
        form.classes.structured.connect(lambda text: start(reader.read_classes(text), "read a class list"))
        self.offer.done.connect(self.cancelled)

    # ---- opening ----

    def open_new(self, file: Path | None = None) -> None:
        """An empty form, or one for a file that was dropped."""
        self._fill(None, None, tr("Add a plugin"))
        if self.demo_hub:
            # Who looks around in the demo wants to see their own model answer there, and needs no account for it.
            self.form.host.value = self.demo_hub
            taken = {other.plugin_id for other in self._host.profiles.all()}
            self.plugin_id.value = next(one for n in count(1) if (one := f"my-plugin-{n}") not in taken)
        self.form.show_kind("callback" if file is not None and file.suffix.casefold() == ".py" else "onnx")
        if file is not None:
            self._choose_file(file)
            self._suggest_name(str(file))
        self.check()
        self._to_top()

    def open_profile(self, profile: Profile, *, copy: bool = False) -> None:
        """The form of a profile; of a copy of it where asked."""
        title = tr("Add a plugin") if copy else tr("Edit {name}").format(name=profile.name)
        self._fill(profile, None if copy else profile, title)
        if copy:
            self.name.value = tr("{name} copy").format(name=profile.name)
        self.check()
        self._to_top()

    def _fill(self, shown: Profile | None, edited: Profile | None, title: str) -> None:
        self._base, self._profile = shown, edited
        self._saved = None
        self._suggested = ""
        self.reader.forget()
        self.title.setText(title)
        self.stack.setCurrentWidget(self.area)
        self.buttons.show()
        self.preview.show_for(None)
        own = edited.id if edited else ""
        self.form.offer_demo(self.demo_hub)
        self.form.offer_live(other for other in self._host.profiles.all() if other.id != own)
        self.form.fill(shown)
        self.preview.set_score(self.form.confidence.value)

    def _to_top(self) -> None:
        self._start(self._look_for_keychain(), "look for a keychain")
        self.name.edit.setFocus()
        self.area.verticalScrollBar().setValue(0)
        self._opening = True

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._opening:
            # Only now there is a layout to scroll, and a focus to take.
            self._opening = False
            self.name.edit.setFocus()
            QTimer.singleShot(0, self, lambda: self.area.verticalScrollBar().setValue(0))

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.connection.clear()
        self.script.python.cancel()
        self.offer.forget()

    # ---- checking ----

    def candidate(self) -> tuple[Profile | None, dict[str, str]]:
        """The profile as the form says it, or None with what is wrong, by field."""
        own = self._profile.id if self._profile else ""
        taken = {other.name.casefold() for other in self._host.profiles.all() if other.id != own}
        return candidate(self.form, self._base, own, taken)

    def check(self) -> None:
        """Shows what is wrong at the fields that were touched, and whether the whole can be saved."""
        profile, problems = self.candidate()
        fields = self.form.fields()
        model = self.form.model_panel
        self.preview.setVisible(model is not None and bool(model.found))
        self.form.remote.offer()
        self.preview.show_for(to_try(self.form, self._base))
        for key, field in fields.items():
            field.show_error(problems.get(key, "") if field.touched else "")
        known = self._profile is not None or bool(self.secret.value)
        self.connection.offer(known and bool(self.plugin_id.value) and "host" not in problems)
        words = self._first_problem(problems, fields)
        # A form that nobody has begun to fill in is not wrong, only empty.
        set_kind(self.trouble, "error" if any(field.touched for field in fields.values()) else "muted")
        self.trouble.say(words)
        for button in (self.save_button, self.start_button):
            button.setEnabled(profile is not None)
            button.setToolTip(tip(words))
        self.form.tell_secret(known=self._profile is not None, keychain=self._keychain)

    def _first_problem(self, problems: dict[str, str], fields: dict[str, Field]) -> str:
        """What stands beside the buttons: what no field says yet, and else the first that one does."""
        untouched = [key for key in problems if key not in fields or not fields[key].touched]
        told = untouched or list(problems)
        first = next((key for key in fields if key in told), next(iter(told), ""))
        words = problems.get(first, "")
        if first in fields and fields[first].title.text():
            return tr("{field}: {problem}").format(field=fields[first].title.text(), problem=words)
        return words

    async def _look_for_keychain(self) -> None:
        self._keychain = await self._host.secrets.has_keychain()
        self.form.tell_secret(known=self._profile is not None, keychain=self._keychain)

    # ---- files ----

    def take_file(self, file: Path) -> None:
        """A file was dropped while the form is open: a model or a script, a class list, a picture to try it on."""
        ending = file.suffix.casefold()
        if self.form.kind != "callback" and ending in CLASS_FILES:
            self._start(self.reader.read_classes(file), "read a class list")
        elif self.form.kind != "callback" and ending in PICTURES:
            self.preview.use_picture(file)
        else:
            kind = "callback" if ending == ".py" else "onnx"
            self.form.show_kind(kind)
            (self.script if kind == "callback" else self.onnx).path.touched = True
            self._choose_file(file)
            self.check()

    def takes(self, file: Path) -> bool:
        """Whether a dropped file is for the form."""
        if self.stack.currentWidget() is not self.area:
            return False
        ending, kind = file.suffix.casefold(), self.form.kind
        if ending in (".onnx", ".py"):
            return True
        return (kind != "callback" and ending in CLASS_FILES) or (kind != "callback" and ending in PICTURES)

    def _choose_file(self, file: Path) -> None:
        if file.suffix.casefold() == ".py":
            self.script.take(file)
        else:
            self.onnx.take(file)

    def _suggest_name(self, path: str) -> None:
        """Names a new plugin after its file, unless the person has named it."""
        if self._profile is None and self.name.value in ("", self._suggested):
            words = Path(path).stem.replace("_", " ").replace("-", " ").strip()
            self._suggested = self.name.value = words[:1].upper() + words[1:99]
            self.check()

    async def _browse(self, patterns: str) -> None:
        files = await choose_files(self, tr("Choose a file"), patterns)
        if files:
            self.take_file(files[0])

    async def _inspect(self, path: Path) -> None:
        await self.reader.inspect(path, self.preview.picture, self.check)

    async def _look_at_server(self) -> None:
        await self.reader.look_at_server(self._profile, self.preview.picture, self.check)

    async def _read_script(self, path: Path) -> None:
        await self.reader.read_script(path, new=self._profile is None)
        self.check()

    # ---- what the person does ----

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)

    def _follow_slider(self, score: float) -> None:
        self.form.confidence.value = score
        self.form.confidence.touched = True
        self._soon.start()

    def _test_connection(self) -> None:
        try:
            profile = to_connect(self.form, self._profile)
        except ValidationError as error:
            part = error.errors()[0]
            self.connection.show_error(words_of(self.form, place_of(part), part))
            return
        self.connection.test(profile, self.secret.value or None)

    def token_for(self, profile: Profile) -> str | None:
        """The token that was typed for this profile's model server; None keeps the one there is."""
        return (self.form.remote.token.value or None) if isinstance(profile.source, RemoteSource) else None

    def _save(self, start: bool) -> None:
        profile, _ = self.candidate()
        if profile is None:
            return
        secret, facts = self.secret.value or None, self.reader.facts
        holds = self.form.kind == "callback" and facts is not None and secret is not None and facts.secret == secret
        self._saved = (facts, profile.name) if holds and facts is not None else None
        self.saved.emit(profile, secret, start)

    async def offer_removal(self) -> bool:
        """After saving: offers to take the secret out of the script; False where there is nothing to offer.

        Only where a keychain holds it: what is known until the app ends must stay in the file.
        """
        saved, self._saved = self._saved, None
        if saved is None or not await self._host.secrets.has_keychain():
            return False
        facts, name = saved
        if not await self.offer.offer(facts, name):
            return False
        self.title.setText(name)
        self.stack.setCurrentWidget(self.offer_area)
        self.buttons.hide()
        return True


def _scrolling(inner: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have the focus, and scroll it
    area.setWidget(inner)
    return area
