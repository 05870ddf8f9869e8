"""The middle of the window: one job's asset in the view that suits it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QStackedWidget, QVBoxLayout, QWidget

from desktop_app.core.job import JobRecord, JobState
from desktop_app.ui.asset.audio_view import AudioView
from desktop_app.ui.asset.bar import AssetBar
from desktop_app.ui.asset.chips import ChipRow
from desktop_app.ui.asset.items import Annotations, Layer
from desktop_app.ui.asset.loading import Loading, Opened
from desktop_app.ui.asset.look import Filter, Look
from desktop_app.ui.asset.pager import Pager, WindowBar
from desktop_app.ui.asset.text_view import TextView
from desktop_app.ui.asset.video import Video, why_not
from desktop_app.ui.asset.view import AssetView
from desktop_app.ui.background import Background
from desktop_app.ui.formats import plain, tr
from desktop_app.ui.widgets import EmptyState

if TYPE_CHECKING:
    from desktop_app.ui.asset.masks import Masks
    from desktop_app.ui.asset.pictures import Picture
    from desktop_app.ui.asset.scene import Scene
    from desktop_app.ui.asset.sound_decoder import SoundDecoder

ON_ITS_WAY_S = 30.0
"""A script's asset is fetched for the screen beside its run, or after it: until then it counts as on its way."""

NARROW = 560


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
        self._masks: Masks | None = None
        self._hidden: frozenset[str] = frozenset()
        self._min_score = 0.0
        self._path: str | None = None
        self._size = QSize()
        self._notes: tuple[str, ...] = ()
        self._media: Video | SoundDecoder | None = None
        self._overdue = QTimer(self)
        self._overdue.setSingleShot(True)
        self._overdue.timeout.connect(self._give_up)
        self._loading = Loading(background, self)
        self._loading.preview.connect(self._take_preview)
        self._loading.opened.connect(self._take)
        self._loading.failed.connect(self._cannot_show)
        self.view = AssetView(background)
        self.text = TextView()
        self.sound = AudioView()
        self.message = EmptyState("live", tr("Waiting for the first job"))
        self.stack = QStackedWidget()
        for page in (self.message, self.view, self.text, self.sound):
            self.stack.addWidget(page)
        self.pager = Pager()
        self.window_bar = WindowBar()
        self.chips = ChipRow()
        self.bar = AssetBar(self.view)
        self.title, self.layer_actions = self.bar.title, self.bar.layer_actions
        self.fill_button, self.label_button = self.bar.fill_button, self.bar.label_button
        self.details_button = self.bar.details_button
        self._connect()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.chips)
        column.addWidget(self.stack, 1)
        column.addWidget(self.window_bar)
        column.addWidget(self.pager)

    def _connect(self) -> None:
        for view in (self.view, self.sound):
            view.selected.connect(self._choose)
            view.hovered.connect(self.hovered)
        self.text.selected.connect(self.selected)
        self.view.scale_changed.connect(self.bar.show_scale)
        self.view.turned.connect(self.pager.step)
        self.bar.looked.connect(self._show_look)
        self.bar.details.connect(self.details)
        self.pager.turned.connect(self._turn)
        self.window_bar.changed.connect(lambda *window: self._loading.turn(self.pager.page, window))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._suit()

    def _suit(self) -> None:
        picture = self.stack.currentWidget() in (self.view, self.message)
        self.bar.suit(narrow=self.width() < NARROW, picture=picture)

    # ---- what is shown ----

    def show_message(self, icon: str, title: str, text: str = "") -> None:
        """Shows a sentence in place of an asset."""
        self.message.say(icon, title, text)
        self._bring(self.message)

    def _bring(self, widget: QWidget) -> None:
        self.stack.setCurrentWidget(widget)
        self._suit()

    def show_job(self, record: JobRecord, annotations: Annotations) -> None:
        """Shows a job: its asset as soon as it is decoded, and what was answered on it."""
        known = self._record
        same = known is not None and known.id == record.id
        if known is not None and known.state is not record.state and record.asset_path is None:
            same = False  # why there is no asset is told by the state
        self._record = record
        self.title.say(asset_name(record), record.url or record.external_id)
        if annotations is not self._annotations:
            self._annotations = annotations
            self._masks = None
            self.bar.show_counts(annotations)
            if annotations.masks:
                from desktop_app.ui.asset.masks import read_masks

                self._background.run(partial(read_masks, annotations.masks), partial(self._take_masks, annotations))
        if not same or record.asset_path != self._path:
            self._path = record.asset_path
            self._load(record)
        self._show_chips()
        self._show_scene()

    def clear(self) -> None:
        """Shows nothing, as before the first job."""
        self._record = None
        self._path = None
        self._annotations = Annotations()
        self._masks = None
        self._forget()
        self.title.say("")
        self._show_chips()
        self.view.show_scene(None)
        self.show_message("live", tr("Waiting for the first job"), tr("Jobs show up here as they arrive."))

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
        """Highlights an annotation chosen elsewhere, and turns to its page."""
        self._turn_to(index)
        self.view.select(index, reveal=True)
        self.text.select(index)
        self.sound.select(index)

    def hover(self, index: int) -> None:
        """Highlights an annotation pointed at elsewhere."""
        self.view.hover(index)
        self.sound.hover(index)

    def _choose(self, index: int) -> None:
        self._turn_to(index)
        self.selected.emit(index)

    # ---- reading it ----

    def _forget(self) -> None:
        self._loading.stop()
        self._overdue.stop()
        if self._media is not None:
            self._media.close()
            self._media = None
        self._notes = ()
        self._size = QSize()
        self.view.show_picture(None)
        self.pager.show_pages(0, 1)
        self.window_bar.hide()

    def _load(self, record: JobRecord) -> None:
        self._forget()
        if record.asset_path is None:
            self._say_why_not(record)
            return
        path = Path(record.asset_path)
        if record.asset_type.startswith("video/"):
            self._open_video(path)
            return
        self.show_message("import", tr("Opening the asset…"))
        self._loading.open(path, record.asset_type)

    def _say_why_not(self, record: JobRecord) -> None:
        gone = tr("The asset is not here")
        if record.state is JobState.FAILED:
            self.show_message("warn", gone, plain(record.error) or tr("The log below says why."))
        elif (left := _on_its_way(record)) > 0:
            self.show_message("import", tr("Fetching the asset…"))
            self._overdue.start(round(left * 1000))
        elif record.state.terminal:
            text = tr("It could not be fetched, or has left the cache. Its annotations are listed.")
            self.show_message("info", gone, text)
        else:
            self.show_message("import", tr("Fetching the asset…"))

    def _give_up(self) -> None:
        if self._record is not None and self._record.asset_path is None:
            self._load(self._record)

    def _open_video(self, path: Path) -> None:
        self.show_message("import", tr("Opening the video…"))
        if (reason := why_not()) is not None:
            self._cannot_show(reason)
            return
        self._media = video = Video(path, self._background, self)
        video.frame.connect(self._take_frame)
        video.failed.connect(self._cannot_show)

    def _decode_sound(self, path: Path) -> None:
        from desktop_app.ui.asset.sound_decoder import SoundDecoder

        self._media = decoder = SoundDecoder(path, self)
        decoder.decoded.connect(lambda sound: self._take(Opened(sound=sound)))
        decoder.failed.connect(self._cannot_show)

    def _turn(self, page: int) -> None:
        if isinstance(self._media, Video):
            self._media.turn(page)
        else:
            # The window stays as it was set: slices of one volume are compared.
            window = self.window_bar.window_of_values if self.window_bar.isVisible() else None
            self._loading.turn(page, window)
        self._show_look()

    def _turn_to(self, index: int) -> None:
        items = self._annotations.items
        page = items[index].page if 0 <= index < len(items) else None
        if page is not None and not self.pager.isHidden() and page != self.pager.page:
            self.pager.slider.setValue(page)

    def _take_preview(self, picture: Picture) -> None:
        if self.stack.currentWidget() is self.message:
            self._show_picture(picture)

    def _take(self, opened: Opened) -> None:
        if opened.text is not None:
            self.text.show_text(opened.text)
            self._bring(self.text)
        elif opened.sound is not None:
            self.sound.show_sound(opened.sound)
            self._bring(self.sound)
        elif opened.picture is not None:
            page = opened.page
            if page is not None:
                if self.pager.isHidden():
                    self.pager.show_pages(page.page, page.pages)
                if page.window and page.range and self.window_bar.isHidden():
                    self.window_bar.show_window(page.window, page.range)
                self._notes = page.notes
                self._show_chips()
            self._show_picture(opened.picture)
        self._show_look()

    def _take_frame(self, picture: Picture, number: int, frames: int) -> None:
        if self.pager.isHidden():
            self.pager.show_pages(number, frames, frames=True)
        self._show_picture(picture)

    def _show_picture(self, picture: Picture) -> None:
        self.view.show_picture(picture, keep_view=self.stack.currentWidget() is self.view)
        self._bring(self.view)
        if self._record is not None and picture.size != self._size:
            self._size = picture.size
            self.sized.emit(self._record.id, picture.size.width(), picture.size.height())
            self._show_scene()

    def _cannot_show(self, error: Exception) -> None:
        record = self._record
        if record is None:
            return
        if getattr(error, "decodable", False) and self._media is None and self._path and why_not() is None:
            self._decode_sound(Path(self._path))
            return
        what = str(getattr(error, "what", tr("The asset cannot be opened")))
        if self.stack.currentWidget() is self.view:
            self._notes = (what,)  # one page of several; the others may be fine
            self._show_chips()
            return
        if record.width and record.height:
            # Annotations still have their places, so draw them on an empty sheet.
            self._notes = (what,)
            self._show_chips()
            self._size = QSize(record.width, record.height)
            self.view.show_picture(None, self._size)
            self._bring(self.view)
            return
        remedy = str(getattr(error, "remedy", ""))
        listed = tr("Its annotations are listed all the same.")
        kind = record.asset_type or tr("unknown type")
        text = remedy if "annotations" in remedy else f"{remedy} {listed}".strip()
        self.show_message("info", what, f"{text} ({kind})")

    # ---- annotations ----

    def _show_scene(self) -> None:
        annotations = self._annotations
        if not annotations.items:
            self.view.show_scene(None)
            self._show_look()
            return
        self._background.run(partial(_scene, annotations, self._size), partial(self._take_scene, annotations))

    def _take_scene(self, annotations: Annotations, scene: Scene) -> None:
        if annotations is self._annotations:
            self.view.show_scene(scene)
            self._show_look()

    def _take_masks(self, annotations: Annotations, masks: Masks) -> None:
        if annotations is self._annotations:
            self._masks = masks
            self._show_chips()
            self._show_look()

    def _show_look(self) -> None:
        page = None if self.pager.isHidden() else self.pager.page
        wanted = Filter(self.bar.layers, self._hidden, self._min_score, page)
        fill, labels = self.fill_button.isChecked(), self.label_button.isChecked()
        self.view.set_look(Look(wanted, fill, labels, self.bar.opacity.value() / 100))
        self.view.show_masks(self._masks.shown(self.bar.layers) if self._masks else ())
        shown = frozenset(item.index for item in self._annotations.items if item.span and wanted.shows(item))
        self.text.show_annotations(self._annotations, shown)
        self.sound.show_annotations(self._annotations, shown)
        self._show_chips()

    def _show_chips(self) -> None:
        wanted = [chip for chip in self._annotations.chips if chip.layer in self.bar.layers]
        chips = [chip for chip in wanted if chip.title not in self._hidden]
        self.chips.show_chips(chips, (*self._notes, *(self._masks.notes if self._masks else ())))


def _on_its_way(record: JobRecord) -> float:
    """For how many seconds more the asset of a delivered job may still come."""
    if record.state is not JobState.DELIVERED or record.timings.fetch is not None:
        return 0.0
    return record.updated_at + ON_ITS_WAY_S - time.time()


def asset_name(record: JobRecord) -> str:
    """What people call the asset: its external id, the last part of its address, or its id."""
    name = record.external_id or record.url.rstrip("/").rpartition("/")[2] or record.asset_id or record.session
    return plain(name, 120)


def _scene(annotations: Annotations, size: QSize) -> Scene:
    from desktop_app.ui.asset.scene import Scene

    return Scene.of(annotations if size.isEmpty() else annotations.fitted(size.width(), size.height()))
