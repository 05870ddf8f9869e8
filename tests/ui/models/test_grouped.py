from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.ui.models.grouped import GroupedModel


class Names(GroupedModel[str]):
    def __init__(self, groups: list[tuple[str, list[str]]]) -> None:
        super().__init__()
        self._groups = groups

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole or not index.isValid():
            return None
        group = index.parent()
        return self._groups[group.row()][1][index.row()] if group.isValid() else self._groups[index.row()][0]


def test_groups_and_their_rows(qtbot: Any) -> None:
    model = Names([("bolt", ["a", "b"]), ("nut", []), ("washer", ["c"])])
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert tester.model() is model
    groups = [model.index(row, 0) for row in range(model.rowCount())]
    rows = [[model.index(row, 0, group).data() for row in range(model.rowCount(group))] for group in groups]
    assert ([group.data() for group in groups], rows) == (["bolt", "nut", "washer"], [["a", "b"], [], ["c"]])
    row = model.index(0, 0, groups[2])
    assert model.parent(row) == groups[2]
    assert model.rowCount(row) == 0
    assert model.index(0, 0, row) == model.index(5, 0, groups[0]) == model.index(3, 0) == QModelIndex()
