"""A tree of two levels: groups, and the rows in each."""

from __future__ import annotations

from typing import Generic, TypeVar

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject

from desktop_app.ui.models.table import NO_INDEX, Index

Row = TypeVar("Row")

TOP = 0xFFFFFFFF
"""The internal id of a group's index; a row's is the number of its group."""


class GroupedModel(QAbstractItemModel, Generic[Row]):
    """Where a group or row stands; what it shows is the subclass's. One column."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._groups: list[tuple[str, list[Row]]] = []

    def index(self, row: int, column: int, parent: Index = NO_INDEX) -> QModelIndex:
        if column != 0 or row < 0:
            return QModelIndex()
        if not parent.isValid():
            return self.createIndex(row, 0, TOP) if row < len(self._groups) else QModelIndex()
        if parent.internalId() != TOP or row >= len(self._groups[parent.row()][1]):
            return QModelIndex()
        return self.createIndex(row, 0, parent.row())

    def parent(self, index: Index = NO_INDEX) -> QModelIndex:  # type: ignore[override]  # two overloads in one
        if not index.isValid() or index.internalId() == TOP:
            return QModelIndex()
        return self.createIndex(index.internalId(), 0, TOP)

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        if not parent.isValid():
            return len(self._groups)
        if parent.internalId() != TOP or parent.column() != 0:
            return 0
        return len(self._groups[parent.row()][1])

    def columnCount(self, parent: Index = NO_INDEX) -> int:
        return 1
