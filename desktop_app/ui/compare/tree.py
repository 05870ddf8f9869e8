"""What became of each object, by fate, with a check box per fate that shows or hides it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPixmap

from desktop_app.core.compare import Question
from desktop_app.ui.compare.marks import FATE_COLOURS, Entry, Fate, fate_words
from desktop_app.ui.formats import decimal, plain, tip
from desktop_app.ui.models.grouped import TOP, GroupedModel
from desktop_app.ui.models.table import Index

log = logging.getLogger(__name__)

_QUESTIONS = "questions"


class FateTree(GroupedModel[Any]):
    """Two levels: fates, and the objects that met them; at the end the classifications that differ.

    Signals:
        hidden_changed: the fates that are not shown, as a frozenset.
    """

    hidden_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hidden: frozenset[Fate] = frozenset()

    @property
    def hidden(self) -> frozenset[Fate]:
        """Fates that are not drawn."""
        return self._hidden

    def show_entries(self, entries: Sequence[Entry], questions: Sequence[Question] = ()) -> None:
        """Lists other ones."""
        self.beginResetModel()
        groups: dict[str, list[Any]] = {fate: [] for fate in Fate}
        for entry in entries:
            groups[entry.fate].append(entry)
        if questions:
            groups[_QUESTIONS] = list(questions)
        self._groups = [(name, rows) for name, rows in groups.items() if rows]
        self.endResetModel()

    def entry(self, index: Index) -> Entry | None:
        """The object of a row; None for a fate or a classification."""
        row = self._row(index)
        return row if isinstance(row, Entry) else None

    def index_of(self, before: int, after: int) -> QModelIndex:
        """Where the object stands that is at this place of the first, or else of the second answer."""
        for place, (_, rows) in enumerate(self._groups):
            for number, row in enumerate(rows):
                if isinstance(row, Entry) and (
                    (before >= 0 and row.before == before) or (after >= 0 and row.after == after)
                ):
                    return self.createIndex(number, 0, place)
        return QModelIndex()

    def _row(self, index: Index) -> Any:
        if not index.isValid() or index.internalId() == TOP or index.internalId() >= len(self._groups):
            return None
        rows = self._groups[index.internalId()][1]
        return rows[index.row()] if index.row() < len(rows) else None

    # ---- Qt ----

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.internalId() == TOP and self._groups[index.row()][0] != _QUESTIONS:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        try:
            row = self._row(index)
            return self._group_cell(index.row(), role) if row is None else self._row_cell(row, role)
        except Exception:
            log.exception("a comparison cannot be listed")
            return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid() or index.internalId() != TOP:
            return False
        name = self._groups[index.row()][0]
        if name == _QUESTIONS:
            return False
        fate = Fate(name)
        checked = Qt.CheckState(value) == Qt.CheckState.Checked
        hidden = self._hidden - {fate} if checked else self._hidden | {fate}
        if hidden != self._hidden:
            self._hidden = hidden
            self.hidden_changed.emit(hidden)
        self.dataChanged.emit(index, index)
        return True

    def _group_cell(self, place: int, role: int) -> Any:
        name, rows = self._groups[place]
        if name == _QUESTIONS:
            return f"{self.tr('Classifications')}  {len(rows)}" if role == Qt.ItemDataRole.DisplayRole else None
        fate = Fate(name)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return f"{fate_words(fate)}  {len(rows)}"
            case Qt.ItemDataRole.AccessibleTextRole:
                return self.tr("{fate}, {count} objects").format(fate=fate_words(fate), count=len(rows))
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Unchecked if fate in self._hidden else Qt.CheckState.Checked
            case Qt.ItemDataRole.DecorationRole:
                return _swatch(FATE_COLOURS[fate])
            case Qt.ItemDataRole.ToolTipRole:
                return self.tr("Show or hide these on the asset")
        return None

    def _row_cell(self, row: Entry | Question, role: int) -> Any:
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        if isinstance(row, Question):
            before, after = (plain(side, 80) if side is not None else "–" for side in (row.before, row.after))
            words = f"{plain(row.title, 60)}: {before} → {after}"
            return tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        overlap = "" if row.overlap is None else f"  {decimal(row.overlap, 2)}"
        if role == Qt.ItemDataRole.ToolTipRole and row.overlap is not None:
            words = self.tr("{name}: in the same place by {overlap}")
            return tip(words.format(name=plain(row.name, 80), overlap=decimal(row.overlap, 3)))
        words = f"{plain(row.name, 80)}{overlap}"
        return tip(words) if role == Qt.ItemDataRole.ToolTipRole else words


def _swatch(colour: str) -> QPixmap:
    picture = QPixmap(24, 24)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(1, 1, 10, 10, 2, 2)
    painter.end()
    return picture
