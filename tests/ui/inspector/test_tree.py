from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.ui.asset.items import Annotations, Layer, annotations_of
from desktop_app.ui.inspector.tree import AnnotationTree


def test_groups_and_visibility(qapp: Any, tools: Any) -> None:
    model = AnnotationTree()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show_annotations(annotations_of(tools.detail()), frozenset({Layer.SENT}))
    names = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert names[0] == "bolt  2"
    assert sorted(names[1:]) == ["Lighting  1", "centre  1", "edge  1", "nut  1", "screw  1", "washer  1"]
    group = model.index(0, 0)
    child = model.index(0, 0, group)
    assert child.data() == "box  0.93"
    assert model.parent(child) == group
    assert "x 40.0" in child.data(Qt.ItemDataRole.ToolTipRole)
    assert model.index_of(1) == model.index(1, 0, group)
    assert not model.index_of(99).isValid()
    heard: list[Any] = []
    model.hidden_changed.connect(heard.append)
    assert group.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    assert model.setData(group, Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
    assert heard == [frozenset({"bolt"})]
    assert not model.setData(child, Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
    model.set_all(True)
    assert model.hidden == frozenset()
    model.show_annotations(Annotations(), frozenset({Layer.SENT}))
    assert model.rowCount(QModelIndex()) == 0
    assert tester.model() is model


def test_layers_and_confidence(qapp: Any, tools: Any) -> None:
    model = AnnotationTree()
    found = annotations_of(tools.detail())
    model.show_annotations(found, frozenset({Layer.PREDICTIONS}))
    assert model.rowCount(model.index(0, 0)) == 2
    model.show_annotations(found, frozenset({Layer.PREDICTIONS}), 0.5)
    assert model.rowCount(model.index(0, 0)) == 1
    assert model.index(0, 0, model.index(0, 0)).data() == "box  0.93  raw"


def test_what_is_pointed_at_on_the_asset_is_marked(tools: Any, qapp: Any) -> None:
    model = AnnotationTree()
    model.show_annotations(annotations_of(tools.detail()), frozenset({Layer.SENT}))
    role = Qt.ItemDataRole.BackgroundRole
    found = model.point_at(3)
    assert model.item(found).index == 3
    assert model.data(found, role) is not None
    model.point_at(-1)
    assert model.data(found, role) is None
    assert not model.point_at(99).isValid()
