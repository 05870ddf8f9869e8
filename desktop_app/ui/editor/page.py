"""Adding or editing a plugin: one page, checked as one types."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.core.errors import KnownError
from desktop_app.core.profile import (
    KNOWN_HOSTS,
    LOOPBACK_HOSTS,
    AnswerFormat,
    CallbackSource,
    Detection,
    OnnxSource,
    Profile,
    RemoteSource,
    Shape,
    secret_variable,
)
from desktop_app.ui.background import Background
from desktop_app.ui.dialogs import choose_files
from desktop_app.ui.editor.class_list import CLASS_FILES, ClassField
from desktop_app.ui.editor.connection import ConnectionField
from desktop_app.ui.editor.fields import (
    Card,
    ChoiceField,
    Field,
    NumberField,
    PercentField,
    SecretField,
    SwitchField,
    TextField,
)
from desktop_app.ui.editor.preview import PICTURES, Preview
from desktop_app.ui.editor.sources import OnnxPanel, RemotePanel, ScriptPanel, SourcePanel
from desktop_app.ui.hosting import Host
from desktop_app.ui.icons import set_icon
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedLabel, label, push_button, set_kind, tool_button

Start = Callable[[Coroutine[Any, Any, Any], str], None]


class EditorPage(QWidget):
    """The form of one profile.

    Args:
        host: asked about files.
        start: runs a coroutine and shows its errors.
        background: threads for decoding and drawing.

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
        self._looking = 0
        self._suggested = ""
        self._opening = False
        self._keychain: bool | None = None
        self.preview = Preview(host, start, background)
        self._make_fields()
        self.title = label("", "title")
        self.save_button = push_button(self.tr("Save"), lambda: self._save(False))
        self.start_button = push_button(self.tr("Save and start"), lambda: self._save(True), kind="primary")
        self.trouble = ElidedLabel("", "error")
        top = QFrame()
        top.setObjectName("toolbar")
        row = QHBoxLayout(top)
        row.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        row.addWidget(tool_button("back", self.tr("Back"), self.cancelled.emit, shortcut="Esc"))
        row.addWidget(self.title, 1)
        bottom = QFrame()
        bottom.setObjectName("toolbar")
        buttons = QHBoxLayout(bottom)
        buttons.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        buttons.setSpacing(SPACE)
        buttons.addWidget(self.trouble, 1)
        buttons.addWidget(push_button(self.tr("Cancel"), self.cancelled.emit))
        buttons.addWidget(self.save_button)
        buttons.addWidget(self.start_button)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(self._make_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(self.area, 1)
        column.addWidget(bottom)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.check)

    # ---- the form ----

    def _make_fields(self) -> None:
        self.name = TextField(self.tr("Name"), placeholder=self.tr("Vehicles"))
        self.host_field = ChoiceField(
            self.tr("Hub"),
            tuple((host, host) for host in KNOWN_HOSTS),
            self.tr("The address that your hub's API has."),
            editable=True,
        )
        self.plugin_id = TextField(self.tr("Plugin id"), self.tr("In the hub: Plugins, Development, your plugin."))
        self.secret = SecretField(self.tr("Plugin secret"), "")
        self.connection = ConnectionField(self._host, self._start)
        self.confidence = PercentField(self.tr("Confidence"), self.tr("Predictions below it are not answered."))
        self.iou = PercentField(self.tr("Overlap (IoU)"), self.tr("Of two that overlap more than this, one stays."))
        self.most = NumberField(self.tr("At most"), 1, 100_000, suffix=self.tr(" objects"))
        self.shape = ChoiceField(
            self.tr("Answer as"),
            (
                (self.tr("What the model gives"), Shape.AUTO.value),
                (self.tr("Boxes"), Shape.BOX.value),
                (self.tr("Rotated boxes"), Shape.ROTATED.value),
                (self.tr("Polygons"), Shape.POLYGON.value),
                (self.tr("Segmentation"), Shape.SEGMENTATION.value),
                (self.tr("Points"), Shape.POINT.value),
            ),
        )
        self.classes = ClassField(
            self.tr("Class names"), self.tr("In the model's order, one a line. Empty: what the file says.")
        )
        self.concurrency = NumberField(self.tr("Jobs at once"), 1, 64)
        self.timeout = NumberField(self.tr("Time limit"), 0.1, 86_400, decimals=1, suffix=" s")
        self.answer_format = ChoiceField(
            self.tr("Answer format"),
            tuple(self._formats("callback")),
        )
        self.private_assets = SwitchField("", self.tr("Fetch assets from private addresses"))
        self.insecure = SwitchField("", self.tr("Allow a hub without encryption (http)"))
        self.onnx, self.script, self.remote = OnnxPanel(), ScriptPanel(), RemotePanel()
        self.panels: dict[str, SourcePanel] = {"onnx": self.onnx, "callback": self.script, "remote": self.remote}
        self._fields: dict[str, Field] = {
            "name": self.name,
            "host": self.host_field,
            "plugin_id": self.plugin_id,
            "secret": self.secret,
            "detection.confidence": self.confidence,
            "detection.iou": self.iou,
            "detection.max_instances": self.most,
            "detection.classes": self.classes,
            "concurrency": self.concurrency,
            "timeout_s": self.timeout,
        }
        for field in (
            *self._fields.values(),
            self.shape,
            self.answer_format,
            self.private_assets,
            self.insecure,
        ):
            field.edited.connect(lambda: self._soon.start())
        for panel in self.panels.values():
            panel.edited.connect(lambda: self._soon.start())
        for panel in (self.onnx, self.script):
            panel.file_chosen.connect(self._suggest_name)
        self.onnx.file_chosen.connect(lambda path: self._start(self._inspect(Path(path)), "inspect a model"))
        self.script.file_chosen.connect(lambda path: self._start(self._read_script(Path(path)), "read a script"))
        self.connection.wanted.connect(self._test_connection)
        for field in (self.host_field, self.plugin_id, self.secret, self.insecure):
            field.edited.connect(self.connection.clear)
        self.preview.score_changed.connect(self._follow_slider)
        self.confidence.edited.connect(lambda: self.preview.set_score(self.confidence.value))
        self.classes.browse.connect(lambda: self._start(self._browse_classes(), "choose a class list"))
        self.classes.structured.connect(lambda text: self._start(self._read_classes(text), "read a class list"))
        self.onnx.path.browse.connect(
            lambda: self._start(self._browse(self.onnx, self.tr("ONNX models (*.onnx)")), "choose a model")
        )
        self.script.path.browse.connect(
            lambda: self._start(self._browse(self.script, self.tr("Python scripts (*.py)")), "choose a script")
        )

    def _make_page(self) -> QWidget:
        plugin = Card(self.tr("Plugin"), self.tr("As it was created in the hub."))
        plugin.add(self.name, self.host_field, self.plugin_id, self.secret, self.connection)
        source = Card(self.tr("What answers jobs"))
        source.column.insertLayout(1, self._make_segments())
        self.source_stack = QStackedWidget()
        for panel in self.panels.values():
            self.source_stack.addWidget(self._source_page(panel))
        source.column.addWidget(self.source_stack)
        self.predictions = Card(self.tr("Predictions"))
        self.predictions.add(self.confidence, self.iou, self.most, self.shape, self.classes)
        running = Card(self.tr("Running"))
        running.add(self.concurrency, self.timeout, self.answer_format, self.private_assets, self.insecure)
        page = QWidget()
        page.setObjectName("page")
        middle = QVBoxLayout()
        middle.setSpacing(2 * SPACE)
        for card in (plugin, source, self.predictions, running):
            card.setMaximumWidth(760)
            middle.addWidget(card)
        middle.addStretch(1)
        row = QHBoxLayout(page)
        row.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        row.addStretch(1)
        row.addLayout(middle, 20)
        row.addStretch(1)
        return page

    def _source_page(self, panel: SourcePanel) -> QWidget:
        grid = Card("")
        grid.setObjectName("")
        grid.column.setContentsMargins(0, 0, 0, 0)
        grid.add(*panel.fields.values())
        panel.column.addWidget(grid)
        panel.column.addWidget(panel.findings)
        if panel is self.onnx:
            panel.column.addWidget(self.onnx.input)
            panel.column.addWidget(self.preview)
        panel.column.addStretch(1)
        return panel

    def _make_segments(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self._segments = QButtonGroup(self)
        self.segment_buttons: dict[str, QToolButton] = {}
        for number, (kind, icon, text) in enumerate(
            (
                ("onnx", "model", self.tr("ONNX model")),
                ("callback", "script", self.tr("Python script")),
                ("remote", "remote", self.tr("Model server")),
            )
        ):
            button = QToolButton()
            set_icon(button, icon)
            button.setIconSize(QSize(18, 18))
            button.setText(text)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setCheckable(True)
            button.setProperty("kind", "segment")
            button.setAccessibleName(text)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setMinimumHeight(32)
            self._segments.addButton(button, number)
            self.segment_buttons[kind] = button
            row.addWidget(button)
        # Not before a worker can speak to one; a profile that somebody imported can be looked at all the same.
        self.segment_buttons["remote"].hide()
        row.addStretch(1)
        self._segments.idClicked.connect(lambda number: self._show_kind(tuple(self.panels)[number]))
        return row

    def _formats(self, kind: str) -> list[tuple[str, str]]:
        older = [
            (self.tr("Flat (clients 1.2.2 to 1.3.42)"), AnswerFormat.FLAT.value),
            (self.tr("Documented (clients up to 1.2.1)"), AnswerFormat.DOCUMENTED.value),
        ]
        auto, current = AnswerFormat.AUTO.value, AnswerFormat.CURRENT.value
        if kind == "callback":
            said = self.tr("What the script's generation answers")
            return [(said, auto), (self.tr("Current"), current), *older]
        # Without a script both say the same; a profile keeps the one it has.
        chosen = self.answer_format.value
        return [(self.tr("Current"), current if chosen == current else auto), *older]

    # ---- filling in ----

    def open_new(self, file: Path | None = None) -> None:
        """An empty form, or one for a file that was dropped."""
        self._profile = None
        self.title.setText(self.tr("Add a plugin"))
        self._fill(None)
        kind = "callback" if file is not None and file.suffix.casefold() == ".py" else "onnx"
        self._show_kind(kind)
        if file is not None:
            self._choose_file(file)
            self._suggest_name(str(file))
        self._set_secret_hint()
        self.check()
        self._to_top()

    def open_profile(self, profile: Profile, *, copy: bool = False) -> None:
        """The form of a profile; of a copy of it where asked."""
        self._profile = None if copy else profile
        self._fill(profile)
        if copy:
            self.title.setText(self.tr("Add a plugin"))
            self.name.value = self.tr("{name} copy").format(name=profile.name)
        else:
            self.title.setText(self.tr("Edit {name}").format(name=profile.name))
        self._set_secret_hint()
        self.check()
        self._to_top()

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

    def _fill(self, profile: Profile | None) -> None:
        detection = profile.detection if profile else Detection()
        self._base = profile
        self._suggested = ""
        self.connection.clear()
        for field in (*self._fields.values(), *(f for p in self.panels.values() for f in p.fields.values())):
            field.touched = False
        self.name.value = profile.name if profile else ""
        self.host_field.value = profile.host if profile else KNOWN_HOSTS[0]
        self.plugin_id.value = profile.plugin_id if profile else ""
        self.secret.value = ""
        self.secret.reveal.setChecked(False)
        self.confidence.value = detection.confidence
        self.iou.value = detection.iou
        self.most.value = detection.max_instances
        self.shape.value = detection.shape.value
        self.classes.value = detection.classes or ()
        self.classes.offer(())
        self.preview.show_for(None)
        self.preview.set_score(detection.confidence)
        self.concurrency.value = profile.concurrency if profile else 1
        self.timeout.value = profile.timeout_s if profile else 120.0
        self.answer_format.offer(self._formats("callback"))
        self.answer_format.value = (profile.answer_format if profile else AnswerFormat.AUTO).value
        self.private_assets.value = profile.allow_private_assets if profile else False
        self.insecure.value = profile.allow_insecure_host if profile else False
        for panel in self.panels.values():
            panel.findings.hide()
        self.onnx.forget()
        self.onnx.input.start({})
        self.onnx.path.value = self.script.path.value = ""
        self.onnx.unload.value = 0
        if profile is not None:
            self._show_kind(profile.source.kind)
            match profile.source:
                case OnnxSource() as source:
                    self.onnx.fill(source)
                case CallbackSource() as source:
                    self.script.fill(source)
                case RemoteSource() as source:
                    self.remote.fill(source)

    def _show_kind(self, kind: str) -> None:
        self.segment_buttons[kind].setChecked(True)
        self.source_stack.setCurrentWidget(self.panels[kind])
        # Only the panel that is seen decides how high the card is.
        for name, panel in self.panels.items():
            policy = panel.sizePolicy()
            policy.setVerticalPolicy(policy.Policy.Preferred if name == kind else policy.Policy.Ignored)
            panel.setSizePolicy(policy)
        self.source_stack.adjustSize()
        self.predictions.setVisible(kind != "callback")
        self.answer_format.offer(self._formats(kind))
        self.check()

    @property
    def kind(self) -> str:
        """The kind of model source that is shown."""
        return tuple(self.panels)[max(0, self._segments.checkedId())]

    # ---- checking ----

    def candidate(self) -> tuple[Profile | None, dict[str, str]]:
        """The profile as the form says it, or None with what is wrong, by field."""
        panel = self.panels[self.kind]
        problems = {f"source.{key}": text for key, text in panel.problems().items()}
        names = self.classes.value
        if self.kind == "onnx" and names and self.onnx.class_count not in (0, len(names)):
            problems["detection.classes"] = self.tr("These are {given} names; the model has {count} classes.").format(
                given=len(names), count=self.onnx.class_count
            )
        base = self._base.model_dump() if self._base else {}
        base.pop("id", None)
        if self._profile is not None:
            base["id"] = self._profile.id
        detection = base.get("detection", {})
        values = {
            **base,
            "name": self.name.value,
            "host": self.host_field.value,
            "plugin_id": self.plugin_id.value,
            "source": panel.values(),
            "detection": {
                **detection,
                "confidence": self.confidence.value,
                "iou": self.iou.value,
                "max_instances": int(self.most.value),
                "shape": self.shape.value,
                "classes": names or None,
            },
            "concurrency": int(self.concurrency.value),
            "timeout_s": self.timeout.value,
            "answer_format": self.answer_format.value,
            "allow_private_assets": self.private_assets.value,
            "allow_insecure_host": self.insecure.value,
        }
        profile = None
        try:
            profile = Profile.model_validate(values)
        except ValidationError as error:
            for part in error.errors():
                place = ".".join(str(step) for step in part["loc"] if step not in ("onnx", "callback", "remote"))
                problems.setdefault(place, self._words(place, part))
        same = self.name.value.casefold()
        own = self._profile.id if self._profile else ""
        if any(other.name.casefold() == same and other.id != own for other in self._host.profiles.all()):
            problems["name"] = self.tr("Another plugin has this name.")
        address = urlsplit(self.host_field.value)
        if address.scheme == "http" and address.hostname not in LOOPBACK_HOSTS and not self.insecure.value:
            problems.setdefault("host", self.tr("Use https, or allow a hub without encryption below."))
        return (profile if not problems else None), problems

    def check(self) -> None:
        """Shows what is wrong at the fields that were touched, and whether the whole can be saved."""
        profile, problems = self.candidate()
        panel = self.panels[self.kind]
        fields = {**self._fields, **{f"source.{key}": field for key, field in panel.fields.items()}}
        if panel is self.onnx:
            fields |= {f"source.{key}": field for key, field in self.onnx.input.fields.items()}
        self.preview.setVisible(bool(self.onnx.found))
        self.preview.show_for(self._to_try() if panel is self.onnx else None)
        for key, field in fields.items():
            field.show_error(problems.get(key, "") if field.touched else "")
        self.save_button.setEnabled(profile is not None)
        known = self._profile is not None or bool(self.secret.value)
        self.connection.offer(known and bool(self.plugin_id.value) and "host" not in problems)
        self.start_button.setEnabled(profile is not None)
        untouched = [key for key in problems if key not in fields or not fields[key].touched]
        told = untouched or list(problems)
        first = next((key for key in fields if key in told), next(iter(told), ""))
        words = problems.get(first, "")
        if first in fields and fields[first].title.text():
            words = f"{fields[first].title.text()}: {words}"
        # A form that nobody has begun to fill in is not wrong, only empty.
        set_kind(self.trouble, "error" if self._any_touched(fields) else "muted")
        self.trouble.say(words)
        for button in (self.save_button, self.start_button):
            button.setToolTip(words)
        self._set_secret_hint()

    def _to_try(self) -> Profile | None:
        """What can be tried of the form, whatever is still missing of the plugin; None while the model is not there."""
        if not self.onnx.found or self.onnx.problems():
            return None
        detection = (self._base.detection if self._base else Detection()).model_dump()
        detection |= {
            "confidence": self.confidence.value,
            "iou": self.iou.value,
            "max_instances": int(self.most.value),
            "shape": self.shape.value,
            "classes": self.classes.value or None,
        }
        try:
            return Profile.model_validate(
                {
                    "id": "preview",
                    "name": self.tr("Preview"),
                    "host": "http://localhost",
                    "plugin_id": "preview",
                    "source": self.onnx.values(),
                    "detection": detection,
                    "timeout_s": self.timeout.value,
                }
            )
        except ValidationError:
            return None

    def _any_touched(self, fields: dict[str, Field]) -> bool:
        return any(field.touched for field in fields.values())

    def _words(self, place: str, part: Any) -> str:
        if place == "name":
            if not self.name.value:
                return self.tr("Enter a name.")
            return self.tr("Enter a name of at most 100 characters on one line.")
        if place == "host":
            return self.tr("Must be an address such as https://api.ango.ai.")
        if place == "plugin_id":
            return self.tr("Enter the id that the hub shows for your plugin.")
        message = str(part.get("msg", "")).removeprefix("Value error, ").removeprefix("Input ").strip()
        return message[:1].upper() + message[1:] + "."

    def _set_secret_hint(self) -> None:
        words = self.tr("Leave empty to keep the present one.") if self._profile is not None else ""
        if self._keychain:
            words = words or self.tr("Kept in this computer's keychain, never in a file.")
        elif self._keychain is False:
            remedy = self.tr("This computer has no keychain: it is known until Plugdeck ends.")
            name = self.name.value
            if name:
                variable = secret_variable(name)
                remedy = self.tr(
                    "This computer has no keychain: it is known until Plugdeck ends. To keep it, set {variable}."
                ).format(variable=variable)
            words = f"{words} {remedy}".strip()
        self.secret.set_hint(words or self.tr("Never written to a file."))

    async def _look_for_keychain(self) -> None:
        self._keychain = await self._host.secrets.has_keychain()
        self._set_secret_hint()

    # ---- what the person does ----

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)

    def take_file(self, file: Path) -> None:
        """A file was dropped while the form is open: a model or a script, a class list, a picture to try it on."""
        ending = file.suffix.casefold()
        if self.kind != "callback" and ending in CLASS_FILES:
            self._start(self._read_classes(file), "read a class list")
        elif self.kind == "onnx" and ending in PICTURES:
            self.preview.use_picture(file)
        else:
            kind = "callback" if ending == ".py" else "onnx"
            self._show_kind(kind)
            (self.script if kind == "callback" else self.onnx).path.touched = True
            self._choose_file(file)
            self.check()

    def takes(self, file: Path) -> bool:
        """Whether a dropped file is for the form."""
        ending = file.suffix.casefold()
        if ending in (".onnx", ".py"):
            return True
        return (self.kind != "callback" and ending in CLASS_FILES) or (self.kind == "onnx" and ending in PICTURES)

    def _choose_file(self, file: Path) -> None:
        if file.suffix.casefold() == ".py":
            self.script.path.value = str(file)
            self.script.path.edit.editingFinished.emit()
        else:
            self.onnx.take(file)

    def _suggest_name(self, path: str) -> None:
        """Names a new plugin after its file, unless the person has named it."""
        if self._profile is None and self.name.value in ("", self._suggested):
            words = Path(path).stem.replace("_", " ").replace("-", " ").strip()
            self._suggested = self.name.value = words[:1].upper() + words[1:99]
            self.check()

    def _follow_slider(self, score: float) -> None:
        self.confidence.value = score
        self.confidence.touched = True
        self._soon.start()

    async def _browse_classes(self) -> None:
        patterns = " ".join(f"*{ending}" for ending in CLASS_FILES)
        files = await choose_files(
            self, self.tr("Choose a class list"), self.tr("Class lists ({patterns})").format(patterns=patterns)
        )
        if files:
            await self._read_classes(files[0])

    async def _read_classes(self, source: Path | str) -> None:
        try:
            names = await self._host.class_names(source)
        except KnownError as error:
            self.classes.show_error(str(error))
            return
        self.classes.take(names)

    def _test_connection(self) -> None:
        name = self._profile.name if self._profile is not None else self.name.value or self.tr("New plugin")
        values = {
            **({"id": self._profile.id} if self._profile is not None else {}),
            "name": name,
            "host": self.host_field.value,
            "plugin_id": self.plugin_id.value,
            "source": RemoteSource(url="http://localhost", model="none"),
            "allow_insecure_host": self.insecure.value,
        }
        try:
            profile = Profile.model_validate(values)
        except ValidationError as error:
            place = ".".join(str(step) for step in error.errors()[0]["loc"])
            self.connection.show_error(self._words(place, error.errors()[0]))
            return
        self.connection.test(profile, self.secret.value or None)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.connection.clear()

    def _save(self, start: bool) -> None:
        profile, _ = self.candidate()
        if profile is not None:
            self.saved.emit(profile, self.secret.value or None, start)

    async def _browse(self, panel: OnnxPanel | ScriptPanel, patterns: str) -> None:
        files = await choose_files(self, self.tr("Choose a file"), patterns)
        if files:
            self.take_file(files[0])

    async def _inspect(self, path: Path) -> None:
        self._looking += 1
        turn = self._looking
        self.onnx.findings.read(self.tr("Looking into the model…"))
        self.onnx.found = {}
        self.classes.offer(())
        self.check()
        family = self.onnx.input.family.value
        try:
            found = await self._host.inspect(path, family=family, picture=self.preview.picture)
        except KnownError as error:
            if turn == self._looking:
                self.onnx.fail(error)
                self.check()
            return
        if turn == self._looking:
            self.onnx.show_inspection(found)
            self.classes.offer(self.onnx.findings.classes)
            self.check()

    async def _read_script(self, path: Path) -> None:
        self._looking += 1
        turn = self._looking
        findings = self.script.findings
        findings.read(self.tr("Reading the script…"))
        try:
            facts = await self._host.import_script(path)
        except KnownError as error:
            if turn == self._looking:
                findings.fail(error)
            return
        if turn == self._looking:
            self._take_facts(facts)

    def _take_facts(self, facts: Any) -> None:
        """Fills in what the script says, but never over what the person typed."""
        taken = []
        places: tuple[tuple[TextField | ChoiceField, tuple[str, ...], str], ...] = (
            (self.host_field, ("host",), self.tr("hub")),
            (self.plugin_id, ("plugin_id", "id"), self.tr("plugin id")),
            (self.secret, ("secret",), self.tr("secret")),
        )
        for field, keys, text in places:
            value = next((v for n in keys if isinstance(v := getattr(facts, n, None), str) and v), "")
            usable = value and not value.startswith("<")
            if usable and self._profile is None and not field.touched:
                field.value = value
                taken.append(text)
        callback = getattr(facts, "callback", None)
        names = tuple(str(name) for name in getattr(facts, "callbacks", ()) or ())
        self.script.offer_callbacks(names or ((callback,) if isinstance(callback, str) and callback else ()))
        kind = getattr(facts, "kind", None)
        summary = self.tr("A plugin script.")
        if kind:
            summary = self.tr("A {kind} plugin; {name} answers.").format(
                kind=str(kind), name=f"{callback}()" if callback else self.tr("its callback")
            )
        reasons = (self.tr("Taken from the script: {what}.").format(what=", ".join(taken)),) if taken else ()
        warnings = tuple(
            str(text) for text in (getattr(facts, "warnings", None) or getattr(facts, "notes", None) or ())
        )
        self.script.findings.tell(summary, reasons, warnings)
        self.check()
