"""A table over frozen records: columns are data, and no cell can bring the window down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics
from PySide6.QtWidgets import QTableView

from desktop_app.ui.formats import tip

T = TypeVar("T")

log = logging.getLogger(__name__)

Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()
RECORD_ROLE = Qt.ItemDataRole.UserRole + 1

NEVER = frozenset(
    int(role)
    for role in (
        Qt.ItemDataRole.FontRole,
        Qt.ItemDataRole.BackgroundRole,
        Qt.ItemDataRole.CheckStateRole,
        Qt.ItemDataRole.SizeHintRole,
    )
)
"""What a repaint asks of every cell and no cell has."""

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column.

    Attributes:
        title: shown in the header.
        text: what a cell says.
        tooltip: the exact value or the whole text, or None.
        colour: a `#rrggbb`, or None for the theme's.
        decoration: a QIcon or QPixmap.
        right: aligned to the right, as numbers are.
        sample: a text as long as the column should be wide; see `fit_columns`.
    """

    title: str
    text: Callable[[T], str]
    tooltip: Callable[[T], str] | None = None
    colour: Callable[[T], str | None] | None = None
    decoration: Callable[[T], Any] | None = None
    right: bool = False
    sample: str = ""


def fit_columns(view: QTableView, columns: Sequence[Column[T]]) -> None:
    """Makes columns as wide as their samples in the view's own font, whatever the scaling."""
    metrics, header = QFontMetrics(view.font()), QFontMetrics(view.horizontalHeader().font())
    for place, column in enumerate(columns):
        icon = 24 if column.decoration else 0
        room = max(metrics.horizontalAdvance(column.sample) + icon, header.horizontalAdvance(column.title) * 1.12)
        view.setColumnWidth(place, round(room) + 28)


class TypedTableModel(QAbstractTableModel, Generic[T]):
    """Rows of one type. Subclasses keep `self.rows` and announce changes with Qt's begin and end calls."""

    def __init__(self, columns: Sequence[Column[T]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.rows: list[T] = []

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def record(self, index: Index) -> T | None:
        """The record of a row, or None where the index is of no row."""
        row = index.row()
        return self.rows[row] if index.isValid() and 0 <= row < len(self.rows) else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.right else _LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in NEVER:
            return None
        record = self.record(index)
        if record is None or not 0 <= index.column() < len(self.columns):
            return None
        try:
            return self.cell(record, self.columns[index.column()], role)
        except Exception:
            # An exception in data() would unwind through Qt's C++ and end the process.
            log.exception("a table cell could not be shown")
            return None

    def cell(self, record: T, column: Column[T], role: int) -> Any:
        """What a cell answers for a role."""
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(record)
            case Qt.ItemDataRole.ToolTipRole:
                return tip(column.tooltip(record)) if column.tooltip else None
            case Qt.ItemDataRole.ForegroundRole:
                colour = column.colour(record) if column.colour else None
                return QBrush(QColor(colour)) if colour else None
            case Qt.ItemDataRole.DecorationRole:
                return column.decoration(record) if column.decoration else None
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.right else _LEFT
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{column.title}: {column.text(record)}"
            case _ if role == RECORD_ROLE:
                return record
        return None

    def replace(self, rows: Sequence[T]) -> None:
        """Shows other rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()
