"""How the objects of each class fared, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop_app.core.compare import ClassCount
from desktop_app.ui.formats import plain, tr
from desktop_app.ui.models.table import Column, TypedTableModel


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class."""

    name: str
    count: ClassCount


def count_columns(before: str, after: str) -> tuple[Column[ClassRow], ...]:
    """Columns of the table."""
    return (
        Column(tr("Class"), lambda row: plain(row.name, 60), lambda row: plain(row.name, 200), sample="washer x"),
        Column(before, lambda row: str(row.count.before), right=True, sample="123"),
        Column(after, lambda row: str(row.count.after), right=True, sample="123"),
        Column(tr("Moved"), lambda row: str(row.count.moved), right=True, sample="123"),
        Column(tr("Gained"), lambda row: str(row.count.gained), right=True, sample="123"),
        Column(tr("Lost"), lambda row: str(row.count.lost), right=True, sample="123"),
    )


class CountTable(QTableView):
    """The table; to be read, nothing in it does anything."""

    def __init__(self, before: str = "", after: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = TypedTableModel(count_columns(before or tr("Before"), after or tr("After")), self)
        self.setModel(self.rows)
        self.setAccessibleName(self.tr("Counts by class"))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.horizontalHeader().setHighlightSections(False)
        self._fit()

    def _fit(self) -> None:
        """Close together: six columns beside a picture."""
        header = QFontMetrics(self.horizontalHeader().font())
        for place, column in enumerate(self.rows.columns):
            title = header.horizontalAdvance(column.title)
            self.setColumnWidth(place, round(max(title * 1.12, header.horizontalAdvance(column.sample))) + 28)

    def show_counts(self, classes: Mapping[str, ClassCount]) -> None:
        """Shows other counts."""
        self.rows.replace([ClassRow(name, found) for name, found in classes.items()])
