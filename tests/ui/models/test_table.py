from __future__ import annotations

import logging
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.ui.models.table import RECORD_ROLE, Column, TypedTableModel


def _broken(_: int) -> str:
    raise ZeroDivisionError


COLUMNS: tuple[Column[int], ...] = (
    Column("Number", str, lambda n: f"exactly {n}", lambda n: "#ff0000" if n < 0 else None, right=True),
    Column("Broken", _broken),
)


def test_cells(qapp: Any) -> None:
    model: TypedTableModel[int] = TypedTableModel(COLUMNS)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.replace([1, -2])
    index = model.index(1, 0)
    assert index.data() == "-2"
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "exactly -2"
    assert index.data(Qt.ItemDataRole.ForegroundRole).color().name() == "#ff0000"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Number: -2"
    assert index.data(RECORD_ROLE) == -2
    assert model.record(QModelIndex()) is None
    assert model.headerData(0, Qt.Orientation.Horizontal) == "Number"
    assert model.headerData(0, Qt.Orientation.Vertical) is None
    model.replace([])
    assert tester.model() is model


def test_a_cell_that_fails_is_empty_and_logged(qapp: Any, caplog: pytest.LogCaptureFixture) -> None:
    model: TypedTableModel[int] = TypedTableModel(COLUMNS)
    model.replace([1])
    with caplog.at_level(logging.ERROR):
        assert model.index(0, 1).data() is None
    assert "cell could not be shown" in caplog.text
