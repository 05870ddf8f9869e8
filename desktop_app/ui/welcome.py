"""The first start: three doors, nothing else."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.ui.formats import tr
from desktop_app.ui.icons import app_icon, pixmap
from desktop_app.ui.shortcuts import Place, note_keys
from desktop_app.ui.theme import notifier, tokens
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button


class Door(QPushButton):
    """A large button with a picture, a name and a sentence."""

    def __init__(self, icon: str, title: str, text: str, keys: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self.setProperty("kind", "door")
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.setShortcut(keys)
        note_keys(self, Place.START, title, keys)
        self.setFixedSize(232, 176)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._picture = QLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * SPACE + 4, 2 * SPACE + 4, 2 * SPACE, 2 * SPACE)
        column.setSpacing(SPACE)
        column.addWidget(self._picture)
        column.addSpacing(SPACE // 2)
        column.addWidget(label(title, "subtitle", wrap=True))
        column.addWidget(label(text, "muted", wrap=True))
        column.addStretch(1)
        for part in self.findChildren(QLabel):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._draw()
        notifier().changed.connect(self._draw)

    def _draw(self) -> None:
        self._picture.setPixmap(pixmap(self._icon, 32, tokens().accent_text, self.devicePixelRatioF()))

    def sizeHint(self) -> QSize:
        return QSize(232, 176)


class Welcome(QWidget):
    """Shown while there is no plugin.

    Signals:
        demo: the first door was chosen.
        wanted: something to add: a "model" or a "script" to pick, or a script from a "template".
    """

    demo = Signal()
    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        mark = QLabel()
        mark.setPixmap(app_icon().pixmap(QSize(72, 72), self.devicePixelRatioF()))
        mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = label(tr("Give your annotators your model"), "title")
        text = label(tr("Plugdeck hosts your models as Ango Hub plugins and loses no job."), "muted")
        hint = label(tr("You can also drop a file anywhere on this window."), "muted")
        for part in (title, text, hint):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.demo_door = Door(
            "demo", tr("Try the demo"), tr("A hub, models and pictures on this machine. No account."), "Alt+1"
        )
        self.model_door = Door(
            "model", tr("Drop a model (.onnx)"), tr("Detectors, masks, poses, classifiers and more."), "Alt+2"
        )
        self.script_door = Door(
            "script",
            tr("Import a plugin script (.py)"),
            tr("Runs unchanged, in the Python you choose."),
            "Alt+3",
        )
        doors = QHBoxLayout()
        doors.setSpacing(2 * SPACE)
        doors.addStretch(1)
        self.demo_door.clicked.connect(self.demo)
        self.model_door.clicked.connect(lambda: self.wanted.emit("model"))
        self.script_door.clicked.connect(lambda: self.wanted.emit("script"))
        for door in (self.demo_door, self.model_door, self.script_door):
            door.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            doors.addWidget(door)
        doors.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 3 * SPACE)
        column.setSpacing(SPACE)
        column.addStretch(2)
        column.addWidget(mark)
        column.addSpacing(SPACE)
        column.addWidget(title)
        column.addWidget(text)
        column.addSpacing(3 * SPACE)
        column.addLayout(doors)
        column.addSpacing(2 * SPACE)
        column.addWidget(hint)
        self.template_button = push_button(
            tr("No script yet? Start from a template…"), lambda: self.wanted.emit("template"), kind="link"
        )
        column.addWidget(self.template_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
