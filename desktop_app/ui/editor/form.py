"""Every field of a profile, on cards below each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.core.profile import (
    KNOWN_HOSTS,
    REMOTE_CONCURRENCY,
    AnswerFormat,
    CallbackSource,
    Detection,
    OnnxSource,
    Profile,
    RemoteSource,
    Shape,
    secret_variable,
)
from desktop_app.ui.editor.class_list import ClassField
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
from desktop_app.ui.editor.model_panel import ModelPanel
from desktop_app.ui.editor.onnx_panel import OnnxPanel
from desktop_app.ui.editor.remote_panel import RemotePanel
from desktop_app.ui.editor.script_panel import ScriptPanel
from desktop_app.ui.editor.source_panel import SourcePanel
from desktop_app.ui.editor.source_switch import SourceSwitch
from desktop_app.ui.formats import tr
from desktop_app.ui.tokens import SPACE

WIDEST = 760


class ProfileForm(QWidget):
    """The form without its buttons: shows a profile, and says what the fields hold.

    Args:
        connection: the button that tests the login.
        onnx, script: panels of the model sources that need the host.

    Signals:
        edited: the person changed something.
    """

    edited = Signal()

    def __init__(
        self, connection: ConnectionField, onnx: OnnxPanel, script: ScriptPanel, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.connection, self.onnx, self.script, self.remote = connection, onnx, script, RemotePanel()
        self.panels: dict[str, SourcePanel] = {"onnx": onnx, "callback": script, "remote": self.remote}
        self._fresh = True
        self._make_plugin_fields()
        self._make_run_fields()
        self._plugin_fields: dict[str, Field] = {
            "name": self.name,
            "host": self.host,
            "plugin_id": self.plugin_id,
            "secret": self.secret,
        }
        self._run_fields: dict[str, Field] = {
            "detection.confidence": self.confidence,
            "detection.iou": self.iou,
            "detection.max_instances": self.most,
            "detection.classes": self.classes,
            "concurrency": self.concurrency,
            "timeout_s": self.timeout,
            "memory_limit_mb": self.memory,
        }
        self.own_fields = self._plugin_fields | self._run_fields
        others = (self.shadow_of, self.shape, self.answer_format, self.private_assets, self.insecure)
        for field in (*self.own_fields.values(), *others):
            field.edited.connect(self.edited)
        for panel in self.panels.values():
            panel.edited.connect(self.edited)
        self._lay_out()

    def _make_plugin_fields(self) -> None:
        self.name = TextField(tr("Name"), placeholder=tr("Vehicles"))
        self.host = ChoiceField(
            tr("Hub"),
            tuple((host, host) for host in KNOWN_HOSTS),
            tr("The address that your hub's API has."),
            editable=True,
        )
        self.plugin_id = TextField(tr("Plugin id"), tr("In the hub: Plugins, Development, your plugin."))
        self.secret = SecretField(tr("Plugin secret"), "")
        self._live: dict[str, Profile] = {}
        self._demo_hub = ""
        self.shadow_of = ChoiceField(
            tr("Answers"),
            (),
            tr("A shadow answers along with another plugin, to be compared: nothing of it is sent, it needs no login."),
        )

    def _make_run_fields(self) -> None:
        self.confidence = PercentField(tr("Confidence"), tr("Predictions below it are not answered."))
        self.iou = PercentField(tr("Overlap (IoU)"), tr("Of two that overlap more than this, one stays."))
        self.most = NumberField(tr("At most"), 1, 100_000, suffix=tr(" objects"))
        self.shape = ChoiceField(
            tr("Answer as"),
            (
                (tr("What the model gives"), Shape.AUTO.value),
                (tr("Boxes"), Shape.BOX.value),
                (tr("Rotated boxes"), Shape.ROTATED.value),
                (tr("Polygons"), Shape.POLYGON.value),
                (tr("Segmentation"), Shape.SEGMENTATION.value),
                (tr("Points"), Shape.POINT.value),
            ),
        )
        self.classes = ClassField(tr("Class names"), tr("In the model's order, one a line. Empty: what the file says."))
        self.concurrency = NumberField(tr("Jobs at once"), 1, 64)
        self.timeout = NumberField(tr("Time limit"), 0.1, 86_400, decimals=1, suffix=" s")
        self.memory = NumberField(
            tr("Memory limit"),
            0,
            4_000_000,
            suffix=" MB",
            hint=tr("A worker that takes more is ended, and started again."),
        )
        self.memory.box.setSpecialValueText(tr("none"))
        self.memory.box.setSingleStep(256)
        self.answer_format = ChoiceField(tr("Answer format"), tuple(self._formats("callback")))
        self.private_assets = SwitchField("", tr("Fetch assets from private addresses"))
        self.insecure = SwitchField("", tr("Allow a hub without encryption (http)"))

    def _lay_out(self) -> None:
        plugin = Card(tr("Plugin"), tr("As it was created in the hub."))
        plugin.add(self.name, self.host, self.plugin_id, self.secret, self.connection)
        source = Card(tr("What answers jobs"))
        self.switch = SourceSwitch()
        self.switch.chosen.connect(self.show_kind)
        source.column.insertWidget(1, self.switch)
        self.source_stack = QStackedWidget()
        for panel in self.panels.values():
            self.source_stack.addWidget(panel)
        source.column.addWidget(self.source_stack)
        source.grid.hide()
        self.predictions = Card(tr("Predictions"))
        self.predictions.add(self.confidence, self.iou, self.most, self.shape, self.classes)
        running = Card(tr("Running"))
        running.add(
            self.shadow_of,
            self.concurrency,
            self.timeout,
            self.memory,
            self.answer_format,
            self.private_assets,
            self.insecure,
        )
        middle = QVBoxLayout()
        middle.setSpacing(2 * SPACE)
        for card in (plugin, source, self.predictions, running):
            card.setMaximumWidth(WIDEST)
            middle.addWidget(card)
        middle.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        row.addStretch(1)
        row.addLayout(middle, 20)
        row.addStretch(1)

    def _formats(self, kind: str) -> list[tuple[str, str]]:
        older = [
            (tr("Flat (clients 1.2.2 to 1.3.42)"), AnswerFormat.FLAT.value),
            (tr("Documented (clients up to 1.2.1)"), AnswerFormat.DOCUMENTED.value),
        ]
        auto, current = AnswerFormat.AUTO.value, AnswerFormat.CURRENT.value
        if kind == "callback":
            said = tr("What the script's generation answers")
            return [(said, auto), (tr("Current"), current), *older]
        # Without a script both say the same; a profile keeps the one it has.
        chosen = self.answer_format.value
        return [(tr("Current"), current if chosen == current else auto), *older]

    # ---- what is shown ----

    @property
    def kind(self) -> str:
        """The kind of model source that is shown."""
        return self.switch.kind

    @property
    def panel(self) -> SourcePanel:
        """The panel of the model source that is shown."""
        return self.panels[self.kind]

    @property
    def model_panel(self) -> ModelPanel | None:
        """The same where it is that of a model that we decode; else None."""
        return self.panel if isinstance(self.panel, ModelPanel) else None

    def fields(self) -> dict[str, Field]:
        """The fields that can be wrong, in the order they are read, by the name that problems are told under."""
        shown = {f"source.{key}": field for key, field in self.panel.all_fields().items()}
        return self._plugin_fields | shown | self._run_fields

    def show_kind(self, kind: str) -> None:
        """Shows another model source's panel."""
        self.switch.kind = kind
        self.source_stack.setCurrentWidget(self.panels[kind])
        # Only the panel that is seen decides how high the card is.
        for name, panel in self.panels.items():
            policy = panel.sizePolicy()
            policy.setVerticalPolicy(policy.Policy.Preferred if name == kind else policy.Policy.Ignored)
            panel.setSizePolicy(policy)
        self.source_stack.adjustSize()
        if isinstance(panel := self.panels[kind], ModelPanel):
            panel.hold(self.onnx.preview)
        if not self.concurrency.touched and self._fresh:
            self.concurrency.value = REMOTE_CONCURRENCY if kind == "remote" else 1
        self.predictions.setVisible(kind != "callback")
        self.answer_format.offer(self._formats(kind))
        self.edited.emit()

    def offer_demo(self, url: str) -> None:
        """Offers the demo's hub, "" while there is none; call it before `fill`."""
        self._demo_hub = url
        known = [(host, host) for host in KNOWN_HOSTS]
        self.host.offer([*known, (tr("The demo hub on this machine"), url)] if url else known)

    @property
    def at_demo(self) -> bool:
        """Whether the plugin is one of the demo's hub."""
        return bool(self._demo_hub) and self.host.value == self._demo_hub

    def offer_live(self, profiles: Iterable[Profile]) -> None:
        """Offers the plugins that this one could be a shadow of; call it before `fill`."""
        self._live = {profile.id: profile for profile in profiles if profile.shadow_of is None}
        self.shadow_of.setVisible(bool(self._live))
        self.shadow_of.title.setVisible(bool(self._live))

    def _show_live(self, chosen: str) -> None:
        along = tr("along with {name}, without sending")
        choices = [(tr("its own jobs"), "")]
        choices += [(along.format(name=live.name), live.id) for live in self._live.values()]
        if chosen and chosen not in self._live:
            choices.append((tr("along with a plugin that was removed"), chosen))
        self.shadow_of.offer(choices)
        self.shadow_of.value = chosen

    def fill(self, profile: Profile | None) -> None:
        """Shows a profile, or nothing yet."""
        detection = profile.detection if profile else Detection()
        self._fresh = profile is None
        self.connection.clear()
        for field in (*self.own_fields.values(), *(f for p in self.panels.values() for f in p.all_fields().values())):
            field.touched = False
        self.name.value = profile.name if profile else ""
        self.host.value = profile.host if profile else KNOWN_HOSTS[0]
        self.plugin_id.value = profile.plugin_id if profile else ""
        self._show_live((profile.shadow_of or "") if profile else "")
        self.secret.value = ""
        self.secret.reveal.setChecked(False)
        self.confidence.value = detection.confidence
        self.iou.value = detection.iou
        self.most.value = detection.max_instances
        self.shape.value = detection.shape.value
        self.classes.value = detection.classes or ()
        self.classes.offer(())
        self.concurrency.value = profile.concurrency if profile else 1
        self.timeout.value = profile.timeout_s if profile else 120.0
        self.memory.value = (profile.memory_limit_mb or 0) if profile else 0
        self.answer_format.offer(self._formats("callback"))
        self.answer_format.value = (profile.answer_format if profile else AnswerFormat.AUTO).value
        self.private_assets.value = profile.allow_private_assets if profile else False
        self.insecure.value = profile.allow_insecure_host if profile else False
        for panel in self.panels.values():
            panel.findings.hide()
        self.onnx.clear()
        self.script.clear()
        self.remote.clear()
        if profile is not None:
            self.show_kind(profile.source.kind)
            match profile.source:
                case OnnxSource() as source:
                    self.onnx.fill(source)
                case CallbackSource() as source:
                    self.script.fill(source)
                case RemoteSource() as source:
                    self.remote.fill(source)

    def tell_secret(self, *, known: bool, keychain: bool | None) -> None:
        """Says where the secret is kept.

        Args:
            known: whether there is one already that an empty field leaves as it is.
            keychain: whether this computer has one; None while that is not known.
        """
        if self.at_demo:
            self.secret.set_hint(tr("Leave empty: the demo hub knows this plugin once it is saved, and sends it jobs."))
            return
        words = tr("Leave empty to keep the present one.") if known else ""
        if keychain:
            words = words or tr("Kept in this computer's keychain, never in a file.")
        elif keychain is False:
            remedy = tr("This computer has no keychain: it is known until Plugdeck ends.")
            if self.name.value:
                remedy = tr(
                    "This computer has no keychain: it is known until Plugdeck ends. To keep it, set {variable}."
                ).format(variable=secret_variable(self.name.value))
            words = f"{words} {remedy}".strip()
        self.secret.set_hint(words or tr("Never written to a file."))

    # ---- what it holds ----

    def detection_values(self) -> dict[str, Any]:
        """The part of a Detection that the form shows."""
        return {
            "confidence": self.confidence.value,
            "iou": self.iou.value,
            "max_instances": int(self.most.value),
            "shape": self.shape.value,
            "classes": self.classes.value or None,
        }

    def values(self) -> dict[str, Any]:
        """The part of a Profile that the form shows, for validation."""
        live = self._live.get(self.shadow_of.value)
        return {
            "name": self.name.value,
            "host": self.host.value,
            # A shadow never logs in: where nothing is filled in it has the id of the plugin it shadows.
            "plugin_id": self.plugin_id.value or (live.plugin_id if live else ""),
            "shadow_of": self.shadow_of.value or None,
            "source": self.panel.values(),
            "detection": self.detection_values(),
            "concurrency": int(self.concurrency.value),
            "timeout_s": self.timeout.value,
            "memory_limit_mb": int(self.memory.value) or None,
            "answer_format": self.answer_format.value,
            "allow_private_assets": self.private_assets.value,
            "allow_insecure_host": self.insecure.value,
        }
