from __future__ import annotations

from typing import Any

from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStyledItemDelegate

from desktop_app.ui.models.steady_list import SteadyList


class Counting(QStyledItemDelegate):
    painted: list[int]

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        self.painted.append(index.row())
        super().paint(painter, option, index)


def test_a_changed_row_alone_is_painted_anew(qtbot: Any) -> None:
    view = SteadyList()
    qtbot.addWidget(view)
    model = QStandardItemModel(view)
    for number in range(8):
        model.appendRow(QStandardItem(f"row {number}"))
    delegate = Counting(view)
    delegate.painted = []
    view.setModel(model)
    view.setItemDelegate(delegate)
    view.resize(200, 400)
    view.show()
    qtbot.waitUntil(lambda: set(delegate.painted) == set(range(8)), timeout=60_000)
    view.repaint()
    delegate.painted.clear()
    model.item(3).setText("changed")
    qtbot.waitUntil(lambda: 3 in delegate.painted, timeout=60_000)
    assert set(delegate.painted) == {3}
