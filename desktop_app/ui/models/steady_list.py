"""A list whose rows keep their size and place when what they say changes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QListView


class SteadyList(QListView):
    """Paints a changed row anew and no other.

    Qt's own list lays all its rows out again with every change of one, for that one might have grown: with some
    hundred rows that takes longer than a frame lasts.
    """

    def dataChanged(
        self,
        first: QModelIndex | QPersistentModelIndex,
        last: QModelIndex | QPersistentModelIndex,
        roles: Sequence[int] = (),
    ) -> None:
        if QAccessible.isActive():
            super().dataChanged(first, last, list(roles))
            return
        for row in range(first.row(), last.row() + 1):
            self.update(self.model().index(row, first.column(), first.parent()))
