"""Annotations grouped by class, with a check box per class that shows or hides it."""

from __future__ import annotations

import logging
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPixmap

from desktop_app.ui.asset.items import Annotations, Item, Layer
from desktop_app.ui.formats import count, decimal, plain, tip, tr
from desktop_app.ui.models.grouped import TOP, GroupedModel
from desktop_app.ui.models.table import Index
from desktop_app.ui.theme import tokens

log = logging.getLogger(__name__)

ITEM_ROLE = Qt.ItemDataRole.UserRole + 1

CLASSIFICATION = "classification"
"""The kind of a row that is of the asset as a whole; its index is below -1."""


class AnnotationTree(GroupedModel[Item]):
    """Two levels: classes, and their annotations.

    Signals:
        hidden_changed: the names of the classes that are not shown, as a frozenset.
    """

    hidden_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._places: dict[int, tuple[int, int]] = {}
        self._pointed = -1
        self._hidden: frozenset[str] = frozenset()
        self._marks: dict[str, QPixmap] = {}
        self._kinds = {
            "bounding-box": self.tr("box"),
            "rotated-bounding-box": self.tr("rotated box"),
            "polygon": self.tr("polygon"),
            "polyline": self.tr("polyline"),
            "point": self.tr("point"),
            "segmentation": self.tr("mask"),
            "ner": self.tr("span"),
            "pdf": self.tr("area"),
            "none": self.tr("no shape"),
            CLASSIFICATION: self.tr("classification"),
        }

    @property
    def hidden(self) -> frozenset[str]:
        """Classes that are not shown; kept from job to job."""
        return self._hidden

    def show_annotations(self, annotations: Annotations, layers: frozenset[Layer], min_score: float = 0.0) -> None:
        """Lists what the layers hold."""
        groups: dict[str, list[Item]] = {}
        for item in annotations.items:
            if item.layer not in layers:
                continue
            if item.layer is Layer.PREDICTIONS and item.score is not None and item.score < min_score:
                continue
            groups.setdefault(item.name, []).append(item)
        for place, chip in enumerate(annotations.chips):
            if chip.layer in layers:
                row = Item(-2 - place, chip.layer, chip.title, None, CLASSIFICATION, chip.colour, text=chip.answer)
                groups.setdefault(chip.title, []).append(row)
        self.beginResetModel()
        self._groups = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0].casefold()))
        self._pointed = -1
        self._places = {
            item.index: (place, row) for place, (_, items) in enumerate(self._groups) for row, item in enumerate(items)
        }
        self.endResetModel()

    @property
    def number(self) -> int:
        """How many annotations are listed, the classifications of the asset among them."""
        return len(self._places)

    def index_of(self, number: int) -> QModelIndex:
        """Where an annotation stands."""
        found = self._places.get(number)
        return QModelIndex() if found is None else self.createIndex(found[1], 0, found[0])

    def point_at(self, number: int) -> QModelIndex:
        """Marks the annotation that the pointer is on in the asset (-1: none); where it stands."""
        before, self._pointed = self.index_of(self._pointed), number
        found = self.index_of(number)
        for index in (before, found):
            if index.isValid():
                self.dataChanged.emit(index, index, [Qt.ItemDataRole.BackgroundRole])
        return found

    def order(self) -> tuple[int, ...]:
        """Every annotation on the asset that is listed, from top to bottom."""
        return tuple(item.index for _, items in self._groups for item in items if item.index >= 0)

    def item(self, index: Index) -> Item | None:
        """The annotation of a row; None for a class."""
        if not index.isValid() or index.internalId() == TOP:
            return None
        place = index.internalId()
        items = self._groups[place][1] if place < len(self._groups) else []
        return items[index.row()] if index.row() < len(items) else None

    def set_all(self, shown: bool) -> None:
        """Shows or hides every class."""
        self._set_hidden(frozenset() if shown else frozenset(name for name, _ in self._groups))
        if self._groups:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._groups) - 1, 0))

    # ---- Qt ----

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.internalId() == TOP:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        try:
            item = self.item(index)
            return self._group_cell(index.row(), role) if item is None else self._item_cell(item, role)
        except Exception:
            log.exception("an annotation cannot be listed")
            return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid() or index.internalId() != TOP:
            return False
        name = self._groups[index.row()][0]
        shown = Qt.CheckState(value) == Qt.CheckState.Checked
        self._set_hidden(self._hidden - {name} if shown else self._hidden | {name})
        self.dataChanged.emit(index, index)
        return True

    def _set_hidden(self, names: frozenset[str]) -> None:
        if names != self._hidden:
            self._hidden = names
            self.hidden_changed.emit(names)

    def _group_cell(self, row: int, role: int) -> Any:
        name, items = self._groups[row]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return f"{plain(name, 60)}  {len(items)}"
            case Qt.ItemDataRole.AccessibleTextRole:
                number = count(len(items), tr("annotation"), tr("annotations"))
                return self.tr("class {name}, {count}").format(name=plain(name, 60), count=number)
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Unchecked if name in self._hidden else Qt.CheckState.Checked
            case Qt.ItemDataRole.DecorationRole:
                return self._mark(items[0].colour)
            case Qt.ItemDataRole.ToolTipRole:
                return self.tr("Show or hide this class on the asset")
        return None

    def _item_cell(self, item: Item, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._words(item)
            case Qt.ItemDataRole.BackgroundRole if item.index == self._pointed:
                return QColor(tokens().selected)
            case Qt.ItemDataRole.ToolTipRole:
                parts = [item.kind]
                if item.bounds:
                    left, top, right, bottom = item.bounds
                    x, y, wide, high = (decimal(one, 1) for one in (left, top, right - left, bottom - top))
                    parts.append(f"x {x}, y {y}, {wide} × {high} px")
                if item.object_id:
                    parts.append(f"objectId {plain(item.object_id, 60)}")
                if item.schema_id:
                    parts.append(f"schemaId {plain(item.schema_id, 60)}")
                return tip("\n".join((*parts, item.text) if item.text else parts))
            case _ if role == ITEM_ROLE:
                return item
        return None

    def _words(self, item: Item) -> str:
        whole = item.kind == CLASSIFICATION
        parts = [plain(item.text, 80)] if whole and item.text else [self._kinds.get(item.kind, item.kind)]
        if item.score is not None:
            parts.append(decimal(item.score, 2))
        if item.layer is not Layer.SENT:
            parts.append(self.tr("raw") if item.layer is Layer.PREDICTIONS else self.tr("existing"))
        if item.span is not None:
            parts.append(f"{item.span[0]:g}–{item.span[1]:g}")
        if item.page is not None:
            parts.append(self.tr("page {number}").format(number=item.page))
        if item.kind not in ("ner", "none", CLASSIFICATION) and item.bounds is None:
            parts.append(self.tr("cannot be drawn"))
        return "  ".join(parts)

    def _mark(self, colour: str) -> QPixmap:
        if colour not in self._marks:
            mark = QPixmap(24, 24)
            mark.setDevicePixelRatio(2)
            mark.fill(Qt.GlobalColor.transparent)
            painter = QPainter(mark)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(1, 1, 10, 10, 2, 2)
            painter.end()
            self._marks[colour] = mark
        return self._marks[colour]
