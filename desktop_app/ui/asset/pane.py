"""The middle of the window: one job's asset in the view that suits it, with layers and zoom above."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from desktop_app.core.job import JobRecord, JobState
from desktop_app.ui.asset.items import Annotations, Layer
from desktop_app.ui.asset.text_view import LONGEST, TextView
from desktop_app.ui.asset.view import STEP, AssetView
from desktop_app.ui.background import Background
from desktop_app.ui.formats import plain
from desktop_app.ui.icons import set_icon
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedLabel, EmptyState, clear_layout, label, tool_button

if TYPE_CHECKING:
    from desktop_app.ui.asset.scene import Picture, Scene

ON_ITS_WAY_S = 30.0
"""A script's asset is fetched for the screen beside its run, or after it: until then it counts as on its way."""

NARROW = 560

TEXT_TYPES = ("text/", "application/json", "application/xml")


class AssetPane(QFrame):
    """Shows the asset of a job.

    Signals:
        selected: index of the annotation chosen here, or -1.
        hovered: index of the annotation under the pointer, or -1.
        sized: (id of the job, width, height) of its picture, upright, in pixels, once it was read.
        details: whether the job's details are to be shown beside it.
    """

    selected = Signal(int)
    hovered = Signal(int)
    sized = Signal(str, int, int)
    details = Signal(bool)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._background = background
        self._record: JobRecord | None = None
        self._annotations = Annotations()
        self._layers = frozenset({Layer.SENT})
        self._hidden: frozenset[str] = frozenset()
        self._min_score = 0.0
        self._fill = True
        self._labels = True
        self._path: str | None = None
        self._overdue = QTimer(self)
        self._overdue.setSingleShot(True)
        self._overdue.timeout.connect(self._give_up)
        self.view = AssetView(background)
        self.text = TextView()
        self.message = EmptyState("live", self.tr("Waiting for the first job"))
        self.stack = QStackedWidget()
        for page in (self.message, self.view, self.text):
            self.stack.addWidget(page)
        self.view.selected.connect(self.selected)
        self.view.hovered.connect(self.hovered)
        self.text.selected.connect(self.selected)
        self.view.scale_changed.connect(self._show_scale)
        self._chips = QHBoxLayout()
        self._chips.setContentsMargins(SPACE + 4, SPACE - 2, SPACE, SPACE - 2)
        self._chips.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self._chip_row = QWidget()
        self._chip_row.setLayout(self._chips)
        self._chip_row.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._make_bar())
        column.addWidget(self._chip_row)
        column.addWidget(self.stack, 1)

    def _make_bar(self) -> QWidget:
        self.title = ElidedLabel()
        self.layer_button = QToolButton()
        set_icon(self.layer_button, "layers")
        self.layer_button.setIconSize(QSize(18, 18))
        self.layer_button.setText(self.tr("Layers"))
        self.layer_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.layer_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.layer_button.setAccessibleName(self.tr("Layers"))
        self.layer_button.setToolTip(self.tr("Choose what is drawn"))
        menu = QMenu(self.layer_button)
        self.layer_actions: dict[Layer, QAction] = {}
        for layer, text in (
            (Layer.SENT, self.tr("Sent answer")),
            (Layer.PREDICTIONS, self.tr("Raw predictions (dashed)")),
            (Layer.EXISTING, self.tr("Existing annotations (dotted)")),
        ):
            entry = menu.addAction(text)
            entry.setCheckable(True)
            entry.setChecked(layer in self._layers)
            entry.toggled.connect(partial(self._toggle_layer, layer))
            self.layer_actions[layer] = entry
        self.layer_button.setMenu(menu)
        self.fill_button = tool_button("fill", self.tr("Fill shapes"), checkable=True)
        self.fill_button.setChecked(True)
        self.fill_button.toggled.connect(self._set_fill)
        self.label_button = tool_button("tag", self.tr("Show labels"), checkable=True)
        self.label_button.setChecked(True)
        self.label_button.toggled.connect(self._set_labels)
        self.scale_label = label("", "muted")
        self.scale_label.setMinimumWidth(48)
        self.scale_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.scale_label.setAccessibleName(self.tr("Zoom"))
        self.details_button = tool_button("panel", self.tr("Show the job's details"), checkable=True)
        self.details_button.setChecked(True)
        self.details_button.toggled.connect(self.details)
        bar = QFrame()
        bar.setObjectName("panelHeader")
        bar.setFixedHeight(36)
        row = QHBoxLayout(bar)
        row.setContentsMargins(SPACE + 4, 0, SPACE, 0)
        row.setSpacing(SPACE // 2)
        row.addWidget(self.title, 1)
        for widget in (
            self.layer_button,
            self.fill_button,
            self.label_button,
            self.scale_label,
            tool_button("zoom-out", self.tr("Zoom out"), lambda: self.view.zoom_by(1 / STEP), shortcut="-"),
            tool_button("zoom-in", self.tr("Zoom in"), lambda: self.view.zoom_by(STEP), shortcut="+"),
            tool_button("fit", self.tr("Fit"), self.view.fit, shortcut="F"),
            tool_button("actual", self.tr("Actual size"), self.view.actual_size, shortcut="1"),
            self.details_button,
        ):
            row.addWidget(widget)
        return bar

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        style = Qt.ToolButtonStyle
        self.layer_button.setToolButtonStyle(
            style.ToolButtonIconOnly if self.width() < NARROW else style.ToolButtonTextBesideIcon
        )

    # ---- what is shown ----

    def show_message(self, icon: str, title: str, text: str = "") -> None:
        """Shows a sentence in place of an asset."""
        self.message.say(icon, title, text)
        self.stack.setCurrentWidget(self.message)

    def show_job(self, record: JobRecord, annotations: Annotations) -> None:
        """Shows a job: its asset as soon as it is decoded, and what was answered on it."""
        known = self._record
        same = known is not None and known.id == record.id
        if known is not None and known.state is not record.state and record.asset_path is None:
            same = False  # why there is no asset is told by the state
        self._record = record
        self._annotations = annotations
        self.title.say(asset_name(record), record.url or record.external_id)
        self._show_chips()
        if not same or record.asset_path != self._path:
            self._path = record.asset_path
            self._load(record)
        self._show_scene()

    def clear(self) -> None:
        """Shows nothing, as before the first job."""
        self._record = None
        self._path = None
        self._overdue.stop()
        self._annotations = Annotations()
        self.title.say("")
        self._show_chips()
        self.view.show_picture(None)
        self.view.show_scene(None)
        self.show_message("live", self.tr("Waiting for the first job"), self.tr("Jobs show up here as they arrive."))

    def set_hidden(self, names: frozenset[str]) -> None:
        """Leaves out classes."""
        self._hidden = names
        self._show_look()

    def set_min_score(self, score: float) -> None:
        """Leaves out raw predictions below a confidence."""
        self._min_score = score
        self._show_look()

    def set_layer(self, layer: Layer, shown: bool) -> None:
        """Shows or hides a layer, as its menu entry does."""
        self.layer_actions[layer].setChecked(shown)

    def select(self, index: int) -> None:
        """Highlights an annotation chosen elsewhere."""
        self.view.select(index, reveal=True)
        self.text.select(index)

    def hover(self, index: int) -> None:
        """Highlights an annotation pointed at elsewhere."""
        self.view.hover(index)

    def _load(self, record: JobRecord) -> None:
        self.view.show_picture(None)
        self._overdue.stop()
        if record.asset_path is None:
            if record.state is JobState.FAILED:
                text = plain(record.error) or self.tr("The log below says why.")
                self.show_message("warn", self.tr("The asset is not here"), text)
            elif (left := _on_its_way(record)) > 0:
                self.show_message("import", self.tr("Fetching the asset…"))
                self._overdue.start(round(left * 1000))
            elif record.state.terminal:
                self.show_message(
                    "info",
                    self.tr("The asset is not here"),
                    self.tr("It could not be fetched, or has left the cache. Its annotations are listed."),
                )
            else:
                self.show_message("import", self.tr("Fetching the asset…"))
            return
        path = Path(record.asset_path)
        if record.asset_type.startswith(TEXT_TYPES):
            self._background.run(
                partial(_read_text, path),
                partial(self._take_text, record.id),
                partial(self._cannot_show, record.id),
            )
            return
        self.show_message("import", self.tr("Opening the picture…"))
        # Two readings side by side: the small one is on the screen while the large one is still being decoded.
        self._background.run(partial(_preview, path), partial(self._take_preview, record.id), _ignore)
        self._background.run(
            partial(_read, path), partial(self._take_picture, record.id), partial(self._cannot_show, record.id)
        )

    def _give_up(self) -> None:
        if self._record is not None and self._record.asset_path is None:
            self._load(self._record)

    def _is_current(self, job_id: str) -> bool:
        return self._record is not None and self._record.id == job_id

    def _take_preview(self, job_id: str, picture: Picture | None) -> None:
        if picture is not None and self._is_current(job_id) and self.stack.currentWidget() is self.message:
            self.view.show_picture(picture)
            self.stack.setCurrentWidget(self.view)
            self.sized.emit(job_id, picture.size.width(), picture.size.height())

    def _take_picture(self, job_id: str, picture: Picture) -> None:
        if self._is_current(job_id):
            self.view.show_picture(picture, keep_view=self.stack.currentWidget() is self.view)
            self.stack.setCurrentWidget(self.view)
            self.sized.emit(job_id, picture.size.width(), picture.size.height())

    def _take_text(self, job_id: str, text: str) -> None:
        if self._is_current(job_id):
            self.text.show_text(text)
            self.stack.setCurrentWidget(self.text)

    def _cannot_show(self, job_id: str, error: Exception) -> None:
        if not self._is_current(job_id) or self._record is None:
            return
        what = getattr(error, "what", self.tr("The asset cannot be opened"))
        remedy = getattr(error, "remedy", "")
        if self._record.width and self._record.height:
            # Annotations still have their places, so draw them on an empty sheet.
            self.view.show_picture(None, QSize(self._record.width, self._record.height))
            self.stack.setCurrentWidget(self.view)
            return
        kind = self._record.asset_type or self.tr("unknown type")
        self.show_message("info", what, f"{remedy} ({kind})".strip())

    def _show_scene(self) -> None:
        annotations = self._annotations
        if not annotations.items:
            self.view.show_scene(None)
            self._show_look()
            return
        self._background.run(partial(_scene, annotations), self._take_scene)

    def _take_scene(self, scene: Scene) -> None:
        if scene.annotations is self._annotations:
            self.view.show_scene(scene)
            self._show_look()

    def _show_look(self) -> None:
        from desktop_app.ui.asset.render import Look
        from desktop_app.ui.asset.scene import Filter

        wanted = Filter(self._layers, self._hidden, self._min_score)
        self.view.set_look(Look(wanted, self._fill, self._labels))
        items = self._annotations.items
        self.text.show_annotations(self._annotations, frozenset(item.index for item in items if wanted.shows(item)))

    def _show_chips(self) -> None:
        clear_layout(self._chips)
        for chip in self._annotations.chips[:12]:
            widget = label(f"{plain(chip.title, 40)}: {plain(chip.answer, 60)}")
            widget.setStyleSheet(
                f"border: 1px solid {chip.colour}; border-left: 4px solid {chip.colour};"
                "border-radius: 4px; padding: 1px 6px;"
            )
            self._chips.addWidget(widget)
        self._chip_row.setVisible(bool(self._annotations.chips))

    def _show_scale(self, scale: float) -> None:
        self.scale_label.setText(f"{scale * self.devicePixelRatioF() * 100:.0f} %")

    def _toggle_layer(self, layer: Layer, shown: bool) -> None:
        self._layers = self._layers | {layer} if shown else self._layers - {layer}
        self._show_look()

    def _set_fill(self, on: bool) -> None:
        self._fill = on
        self._show_look()

    def _set_labels(self, on: bool) -> None:
        self._labels = on
        self._show_look()


def _on_its_way(record: JobRecord) -> float:
    """For how many seconds more the asset of a delivered job may still come."""
    if record.state is not JobState.DELIVERED or record.timings.fetch is not None:
        return 0.0
    return record.updated_at + ON_ITS_WAY_S - time.time()


def asset_name(record: JobRecord) -> str:
    """What people call the asset: its external id, the last part of its address, or its id."""
    name = record.external_id or record.url.rstrip("/").rpartition("/")[2] or record.asset_id or record.session
    return plain(name, 120)


def _preview(path: Path) -> Picture | None:
    from desktop_app.ui.asset.scene import read_preview

    return read_preview(path)


def _read(path: Path) -> Picture:
    from desktop_app.ui.asset.scene import read_picture

    return read_picture(path)


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(4 * LONGEST + 4).decode("utf-8", errors="replace").removeprefix("\ufeff")


def _scene(annotations: Annotations) -> Scene:
    from desktop_app.ui.asset.scene import Scene

    return Scene.of(annotations)


def _ignore(_: Exception) -> None:
    """The full reading says what is wrong."""
