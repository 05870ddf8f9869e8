"""The right of the window: everything known of one job."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListWidget,
    QSlider,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from desktop_app.core.job import JobDetail, JobRecord
from desktop_app.ui.asset.items import Annotations, Layer
from desktop_app.ui.formats import decimal, plain, tr
from desktop_app.ui.inspector.batch_bar import BatchBar
from desktop_app.ui.inspector.curl import curl_of
from desktop_app.ui.inspector.facts import JobFacts
from desktop_app.ui.inspector.json_view import JsonView
from desktop_app.ui.inspector.tabs import FittedTabs
from desktop_app.ui.inspector.tree import AnnotationTree
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import EmptyState, FittedArea, Panel, follow_selection, label, tool_button


class Inspector(Panel):
    """Shows one job.

    Signals:
        selected: index of an annotation chosen in the list, or -1.
        hovered: index of the annotation pointed at in the list, or -1.
        hidden_changed: classes that are not shown.
        min_score_changed: raw predictions below it are left out; also shows that layer.
        cancel: id of the job that the person wants to stop.
        replay: (JobRecord, "") of the job that is to be answered again by its own plugin.
    """

    selected = Signal(int)
    hovered = Signal(int)
    hidden_changed = Signal(object)
    min_score_changed = Signal(float)
    cancel = Signal(str)
    replay = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Job"), parent)
        self._record: JobRecord | None = None
        self._detail: JobDetail | None = None
        self._annotations = Annotations()
        self._layers = frozenset({Layer.SENT})
        self._min_score = 0.0
        self.cancel_button = tool_button("stop", self.tr("Cancel this job"), self._cancel)
        self.copy_button = tool_button("copy", self.tr("Copy session id"), self._copy_session)
        self.replay_button = tool_button("replay", self.tr("Replay this job; nothing is sent"), self._replay)
        self.header.add(self.cancel_button, self.replay_button, self.copy_button)
        self.empty = EmptyState("info", self.tr("No job selected"), self.tr("Choose one in the filmstrip below."))
        self.body = QWidget()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.body)
        self.column.addWidget(self.stack, 1)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.job = JobFacts()
        self.state, self.error, self.details = self.job.state, self.job.error, self.job.details
        self.details_button, self._facts = self.job.details_button, self.job.values
        self.facts = FittedArea(self.job)
        self.batch = BatchBar()
        column.addWidget(self.facts)
        column.addWidget(self.batch)
        column.addWidget(self._make_tabs(), 1)
        self.tabs.setMinimumHeight(132)
        self.clear()

    def _make_tabs(self) -> QWidget:
        self.tree_model = AnnotationTree(self)
        self.tree_model.hidden_changed.connect(self.hidden_changed)
        self.tree = QTreeView()
        self.tree.setModel(self.tree_model)
        self.tree.setHeaderHidden(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setMouseTracking(True)
        self.tree.setIndentation(16)
        self.tree.setAccessibleName(self.tr("Annotations by class"))
        self.tree.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.selectionModel().currentChanged.connect(self._choose)
        follow_selection(self.tree)
        self.tree.entered.connect(self._point_at)
        self.tree.viewportEntered.connect(lambda: self.hovered.emit(-1))
        self.no_annotations = EmptyState("tag", self.tr("No annotations"))
        self.list_stack = QStackedWidget()
        self.list_stack.addWidget(self.no_annotations)
        self.list_stack.addWidget(self.tree)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setAccessibleName(self.tr("Confidence of raw predictions shown"))
        self.slider.setToolTip(
            self.tr("Filters the raw predictions again, without running the model. The answer that was sent stays.")
        )
        self.slider.valueChanged.connect(self._move_slider)
        self.slider_label = label("", "muted")
        self.slider_box = QFrame()
        slider_column = QVBoxLayout(self.slider_box)
        slider_column.setContentsMargins(SPACE + 4, SPACE // 2, SPACE + 4, SPACE)
        slider_column.setSpacing(SPACE // 2)
        slider_column.addWidget(self.slider_label)
        slider_column.addWidget(self.slider)
        annotations = QWidget()
        column = QVBoxLayout(annotations)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.list_stack, 1)
        column.addWidget(self.slider_box)
        self.notes = QListWidget()
        self.notes.setWordWrap(True)
        self.notes.setAccessibleName(self.tr("What was repaired, dropped or warned about"))
        self.notes.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.no_notes = EmptyState("check", self.tr("Nothing was dropped or repaired"))
        self.notes_stack = QStackedWidget()
        self.notes_stack.addWidget(self.no_notes)
        self.notes_stack.addWidget(self.notes)
        self.received = JsonView(self.tr("Received JSON"), self.tr("What the hub sent was not kept."))
        self.curl_button = tool_button("copy", self.tr("Copy as curl"), self._copy_curl, text=True)
        self.curl_button.setToolTip(
            self.tr("The call by which a hub gives this job to a plugin over REST; variables stand for secrets")
        )
        self.received.bar.addWidget(self.curl_button)
        self.sent = JsonView(self.tr("Sent JSON"), self.tr("Nothing has been sent yet."))
        self.tabs = FittedTabs()
        self.tabs.setAccessibleName(self.tr("Parts of the job"))
        self.tabs.add(annotations, "tag", self.tr("Annotations"))
        self.tabs.add(self.notes_stack, "info", self.tr("Notes"))
        self.tabs.add(self.received, "import", self.tr("Received"))
        self.tabs.add(self.sent, "export", self.tr("Sent"))
        return self.tabs

    # ---- what is shown ----

    def clear(self) -> None:
        """Shows that no job is selected."""
        self._record = None
        self.cancel_button.setEnabled(False)
        self.replay_button.setEnabled(False)
        self.copy_button.setEnabled(False)
        self.stack.setCurrentWidget(self.empty)

    def show_job(self, record: JobRecord, detail: JobDetail | None, annotations: Annotations) -> None:
        """Shows a job; `detail` is None while it is being read."""
        other = self._record is None or self._record.id != record.id
        self._record = record
        self.stack.setCurrentWidget(self.body)
        self._detail = detail if detail is not None or other else self._detail
        self.copy_button.setEnabled(True)
        self.cancel_button.setEnabled(not record.state.terminal)
        self.replay_button.setEnabled(record.state.terminal and record.replay_of != record.id)
        self.curl_button.setEnabled(self._detail is not None and isinstance(self._detail.payload, dict))
        self.job.show_job(record)
        self.batch.show_job(record)
        if detail is None:
            if other:
                self._annotations = Annotations()
                self._show_tree(self.tr("Reading the history…"))
                self._show_notes(())
                self.received.show_value(None)
                self.sent.show_value(None)
                self.slider_box.hide()
            return
        self._annotations = annotations
        self._show_tree("")
        self._show_notes(detail.notes)
        self.received.show_value(detail.payload)
        self.sent.show_value(detail.response)
        self.slider_box.setVisible(Layer.PREDICTIONS in annotations.layers)
        self._say_slider()

    def set_layers(self, layers: frozenset[Layer]) -> None:
        """Lists the annotations of these layers."""
        self._layers = layers
        if self._record is not None:
            self._show_tree("")

    def hover(self, index: int) -> None:
        """Marks the annotation pointed at on the asset, and moves it into sight where its class is unfolded."""
        found = self.tree_model.point_at(index)
        if found.isValid() and self.tree.isExpanded(found.parent()):
            self.tree.scrollTo(found)

    def select(self, index: int) -> None:
        """Marks an annotation chosen on the asset."""
        found = self.tree_model.index_of(index)
        model = self.tree.selectionModel()
        blocked = model.blockSignals(True)
        if found.isValid():
            self.tree.expand(found.parent())
            model.setCurrentIndex(found, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.tree.scrollTo(found)
        else:
            model.clear()
        model.blockSignals(blocked)
        self.tree.viewport().update()

    def show_progress(self, record: JobRecord) -> None:
        """Takes over how far the job is; nothing else of it has changed."""
        if self._record is not None and self._record.id == record.id:
            self._record = record
            self.job.show_progress(record)
            self.batch.show_job(record)

    def show_size(self, job_id: str, width: int, height: int) -> None:
        """Takes over how large the picture turned out to be: for scripts nobody else knows."""
        self.job.show_size(job_id, width, height)

    def _show_tree(self, reading: str) -> None:
        self.tree_model.show_annotations(self._annotations, self._layers, self._min_score)
        groups = self.tree_model.rowCount()
        if groups:
            self.list_stack.setCurrentWidget(self.tree)
            if len(self._annotations.items) <= 300:
                self.tree.expandAll()
        else:
            ended = self._record is None or self._record.state.terminal
            none = self.tr("No annotations") if ended else self.tr("No answer yet")
            self.no_annotations.say("tag", reading or none)
            self.list_stack.setCurrentWidget(self.no_annotations)
        number = self.tree_model.number
        self.tabs.rename(0, self.tr("Annotations {count}").format(count=number) if number else self.tr("Annotations"))

    def _show_notes(self, notes: tuple[str, ...]) -> None:
        self.notes.clear()
        self.notes.addItems([plain(note, 600) for note in notes])
        self.notes_stack.setCurrentWidget(self.notes if notes else self.no_notes)
        self.tabs.rename(1, self.tr("Notes {count}").format(count=len(notes)) if notes else self.tr("Notes"))

    # ---- what the person does ----

    def _choose(self, current: QModelIndex, _: QModelIndex) -> None:
        item = self.tree_model.item(current)
        self.selected.emit(-1 if item is None else max(-1, item.index))

    def _point_at(self, index: QModelIndex) -> None:
        item = self.tree_model.item(index)
        self.hovered.emit(-1 if item is None else max(-1, item.index))

    def _move_slider(self, value: int) -> None:
        self._min_score = value / 100
        self._say_slider()
        self.min_score_changed.emit(self._min_score)
        if Layer.PREDICTIONS in self._layers:
            self._show_tree("")

    def _say_slider(self) -> None:
        raw = [item for item in self._annotations.items if item.layer is Layer.PREDICTIONS]
        kept = sum(1 for item in raw if item.score is None or item.score >= self._min_score)
        self.slider_label.setText(
            self.tr("Raw predictions from {score}: {kept} of {all}").format(
                score=decimal(self._min_score, 2), kept=kept, all=len(raw)
            )
        )

    def _cancel(self) -> None:
        if self._record is not None:
            self.cancel.emit(self._record.id)

    def _replay(self) -> None:
        if self._record is not None:
            self.replay.emit(self._record, "")

    def _copy_curl(self) -> None:
        if self._record is not None and self._detail is not None:
            QGuiApplication.clipboard().setText(curl_of(self._record, self._detail))

    def _copy_session(self) -> None:
        if self._record is not None:
            QGuiApplication.clipboard().setText(self._record.session)
