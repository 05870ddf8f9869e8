"""A model tried on a picture before it is saved: its predictions on the picture, filtered by a slider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.core.errors import KnownError
from desktop_app.core.job import JobDetail
from desktop_app.core.profile import Profile, Shape
from desktop_app.core.resources import resource
from desktop_app.ui.asset.items import Annotations, Item, Layer, annotations_of
from desktop_app.ui.asset.view import AssetView
from desktop_app.ui.background import Background
from desktop_app.ui.dialogs import choose_files
from desktop_app.ui.editor.findings import Findings
from desktop_app.ui.editor.preview_worker import PreviewWorker
from desktop_app.ui.formats import decimal, duration, plain, tr
from desktop_app.ui.hosting import Host
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import EmptyState, label, name_choice, push_button

if TYPE_CHECKING:
    from desktop_app.ui.asset.pictures import Picture

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
WAIT_MS = 400
"""After the last change, before the model is run again."""
HEIGHT = 320

Start = Callable[[Coroutine[Any, Any, Any], str], None]


def sample_pictures() -> tuple[Path, ...]:
    """The pictures that ship with the app."""
    return tuple(sorted(resource("demo", "assets").glob("*.jpg")))


class _View(AssetView):
    """In a form that scrolls: the wheel zooms only once the picture has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus() or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event)
        else:
            event.ignore()


class Preview(QFrame):
    """Runs a profile on one picture as soon as it can, and again when the profile changes.

    The model stays loaded while the preview is on the screen, so that only the first picture waits for it.

    Args:
        start: runs a coroutine and shows its errors.

    Signals:
        score_changed: the person moved the slider; 0 to 1.
    """

    score_changed = Signal(float)

    def __init__(self, host: Host, start: Start, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAcceptDrops(True)
        self._start = start
        self._worker = PreviewWorker(host, start)
        self._background = background
        self._profile: Profile | None = None
        self._shown: tuple[Profile, Path] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._items: tuple[Item, ...] = ()
        self._scored = False
        self._score = 0.25
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._run)
        self._lay_out()

    def _lay_out(self) -> None:
        self.pictures = QComboBox()
        name_choice(self.pictures, tr("Picture to try the model on"))
        for path in sample_pictures():
            self.pictures.addItem(tr("Sample: {name}").format(name=path.name), path)
        self.pictures.activated.connect(lambda _: self._picture_chosen())
        self.choose_button = push_button(tr("Choose a picture…"), self._choose, icon="folder")
        top = QHBoxLayout()
        top.setSpacing(SPACE)
        top.addWidget(label(tr("Try it on"), "subtitle"))
        top.addWidget(self.pictures, 1)
        top.addWidget(self.choose_button)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.view = _View(self._background)
        self.view.setAccessibleName(tr("Preview"))
        self.message = EmptyState("test", tr("The model is tried as soon as it is complete"))
        self.stack = QStackedWidget()
        self.stack.setFixedHeight(HEIGHT)
        self.stack.addWidget(self.message)
        self.stack.addWidget(self.view)
        self.trouble = Findings()
        self.status = label("", "muted", wrap=True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setAccessibleName(tr("Confidence"))
        self.slider.setToolTip(tr("Filters what the model found, without running it again"))
        self.slider.valueChanged.connect(self._moved)
        self.slider_label = label("", "muted")
        self.slider_label.setMinimumWidth(190)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self.slider, 1)
        row.addWidget(self.slider_label)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        column.setSpacing(SPACE // 2)
        column.addLayout(top)
        column.addWidget(self.progress)
        column.addWidget(self.stack)
        column.addWidget(self.trouble)
        column.addLayout(row)
        column.addWidget(self.status)

    # ---- what is tried ----

    def show_for(self, profile: Profile | None) -> None:
        """Tries another profile; None while there is nothing to try."""
        before, self._profile = self._profile, profile
        if profile is None:
            if before is not None:
                self._cancel()
                self._worker.close()
                self._clear()
        elif before is None or self._key(profile) != self._key(before) or self._is_idle:
            self._wait()

    def set_score(self, score: float) -> None:
        """Follows the form's confidence."""
        self._score = score
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(score * 100))
        self.slider.blockSignals(blocked)
        self._show_items()

    @property
    def picture(self) -> Path | None:
        """The picture that is shown."""
        path = self.pictures.currentData()
        return path if isinstance(path, Path) else None

    def use_picture(self, path: Path) -> None:
        """Tries the model on a picture of the person's own."""
        place = next((n for n in range(self.pictures.count()) if self.pictures.itemData(n) == path), -1)
        if place < 0:
            self.pictures.insertItem(0, plain(path.name, 80), path)
            place = 0
        self.pictures.setCurrentIndex(place)
        self._picture_chosen()

    def _key(self, profile: Profile) -> Profile:
        """Whatever needs another run: everything but the confidence, where there are scores to filter by."""
        if not self._scored:
            return profile
        return profile.changed(detection=profile.detection.model_copy(update={"confidence": 0.25}))

    @property
    def _is_idle(self) -> bool:
        """Whether nothing was tried, nor is about to be."""
        return self._shown is None and not self._soon.isActive()

    def _picture_chosen(self) -> None:
        self._wait(0)

    def _wait(self, pause_ms: int | None = None) -> None:
        self._cancel()
        if self._profile is not None and self.isVisible():
            self.progress.show()
            self._soon.start(WAIT_MS if pause_ms is None else pause_ms)

    def _run(self) -> None:
        profile, picture = self._profile, self.picture
        if profile is not None and picture is not None and self.isVisible():
            self._start(self._try(profile, picture), "try a model")

    async def _try(self, profile: Profile, picture: Path) -> None:
        self._cancel()
        self._task = asyncio.current_task()
        self._shown = (profile, picture)
        self.progress.show()
        loaded, config = worker_profile(profile)
        first = not self._worker.holds(loaded)
        if first:
            self.status.setText(tr("Loading the model…"))
        try:
            result = await self._worker.run(loaded, picture, config)
        except KnownError as error:
            self._clear()
            self.trouble.fail(error)
            self.message.say("warn", tr("The model could not be tried"))
            return
        finally:
            if self._task is asyncio.current_task():
                self._task = None
                self.progress.hide()
        self._take(result, picture, first)

    def _cancel(self) -> None:
        self._soon.stop()
        self.progress.hide()
        self._shown = None
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    # ---- what came out ----

    def _take(self, result: Any, picture: Path, first: bool) -> None:
        if result.error:
            self._clear()
            self.trouble.fail(KnownError(plain(result.error, 600), details=result.details))
            self.message.say("warn", tr("The model could not be tried"))
            return
        self.trouble.hide()
        predictions = [one for one in result.predictions or () if isinstance(one, dict)]
        self._scored = bool(predictions)
        found = annotations_of(JobDetail(answer=result.answer, predictions=predictions))
        wanted = Layer.PREDICTIONS if predictions else Layer.SENT
        self._items = tuple(replace(item, layer=Layer.SENT) for item in found.items if item.layer is wanted)
        said = tr("Ran in {time}. The first run after loading is slower.") if first else tr("Ran in {time}.")
        words = [said.format(time=duration(result.timings.run))]
        words += [f"{plain(chip.title, 40)}: {plain(chip.answer, 60)}" for chip in found.chips[:5]]
        words += [plain(str(text), 300) for text in result.warnings[:4]]
        self.status.setText("\n".join(words))
        self._show_items()
        self._background.run(partial(_read, picture), partial(self._take_picture, picture), self._no_picture)

    def _take_picture(self, path: Path, picture: Picture) -> None:
        if self._shown is not None and self._shown[1] == path:
            self.view.show_picture(picture, keep_view=False)
            self.stack.setCurrentWidget(self.view)

    def _no_picture(self, error: Exception) -> None:
        self.message.say("warn", str(getattr(error, "what", tr("The picture cannot be shown"))))
        self.stack.setCurrentWidget(self.message)

    def _show_items(self) -> None:
        from desktop_app.ui.asset.scene import Scene

        kept = [item for item in self._items if item.score is None or not self._scored or item.score >= self._score]
        items = tuple(replace(item, index=number) for number, item in enumerate(kept))
        self.view.show_scene(Scene.of(Annotations(items)))
        self.slider_label.setText(
            tr("From {score}: {kept} of {all}").format(
                score=decimal(self._score, 2), kept=len(items), all=len(self._items)
            )
        )

    def _clear(self) -> None:
        self._items = ()
        self._scored = False
        self.trouble.hide()
        self.status.setText("")
        self.message.say("test", tr("The model is tried as soon as it is complete"))
        self.stack.setCurrentWidget(self.message)
        self._show_items()

    # ---- what the person does ----

    def _moved(self, value: int) -> None:
        self._score = value / 100
        self._show_items()
        self.score_changed.emit(self._score)

    def _choose(self) -> None:
        self._start(self._choose_picture(), "choose a picture")

    async def _choose_picture(self) -> None:
        patterns = " ".join(f"*{ending}" for ending in PICTURES)
        files = await choose_files(self, tr("Choose a picture"), tr("Pictures ({patterns})").format(patterns=patterns))
        if files:
            self.use_picture(files[0])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_pictures(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        found = dropped_pictures(event)
        if found:
            event.acceptProposedAction()
            self.use_picture(found[0])

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._profile is not None and self._shown is None:
            self._wait()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._cancel()
        self._worker.close()


def worker_profile(profile: Profile) -> tuple[Profile, str]:
    """What a worker has to load, and the Config JSON of a run: what differs in the latter needs no other worker."""
    detection = profile.detection
    changes: dict[str, Any] = {"iou": detection.iou, "max": detection.max_instances, "shape": detection.shape.value}
    loaded: dict[str, Any] = {"iou": 0.45, "max_instances": 300, "shape": Shape.AUTO}
    if not detection.class_confidence:
        # Asked for in a run, it would be meant for every class.
        changes["confidence"] = detection.confidence
        loaded["confidence"] = 0.25
    return profile.changed(detection=detection.model_copy(update=loaded)), json.dumps(changes)


def dropped_pictures(event: QDropEvent) -> list[Path]:
    """The pictures among what is dropped."""
    files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [file for file in files if file.suffix.casefold() in PICTURES]


def _read(path: Path) -> Picture:
    from desktop_app.ui.asset.pictures import read_picture

    return read_picture(path)
