from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.annotation import Answer
from desktop_app.core.compare import compare
from desktop_app.core.job import JobDetail
from desktop_app.ui.background import Background
from desktop_app.ui.compare.marks import Fate, mark
from desktop_app.ui.compare.page import ComparePage
from desktop_app.ui.compare.tree import FateTree
from desktop_app.ui.tasks import Tasks

LIMIT_S = 60.0


def box(x: float, name: str = "bolt") -> dict[str, Any]:
    return {"title": name, "bounding-box": {"x": x, "y": 40, "width": 60, "height": 60}}


BEFORE = [box(10), box(100), box(200), box(300, "nut")]
AFTER = [
    box(100),
    box(215),
    box(300, "washer"),
    box(10, "bolt") | {"bounding-box": {"x": 1, "y": 250, "width": 9, "height": 9}},
]
LIGHT = {"title": "Light", "answer": "warm"}


def detail(objects: list[dict[str, Any]], *classifications: dict[str, Any]) -> JobDetail:
    answer = {"objects": objects, "classifications": list(classifications), "relations": []}
    return JobDetail(payload={}, answer=answer)


def test_each_object_is_marked_with_what_became_of_it() -> None:
    first, second = detail(BEFORE), detail(AFTER)
    marked = mark(first, second, compare(Answer.parse(first.answer), Answer.parse(second.answer)))
    assert [(entry.fate, entry.before, entry.after) for entry in marked.entries] == [
        (Fate.LOST, 0, -1), (Fate.GAINED, -1, 3), (Fate.MOVED, 2, 1), (Fate.RENAMED, 3, 2), (Fate.SAME, 1, 0),
    ]  # fmt: skip
    assert [item.name for item in marked.before.items] == ["lost: bolt", "bolt", "moved: bolt", "another class: nut"]
    assert marked.entries[3].name == "nut → washer"
    assert [item.index for item in marked.both.items] == list(range(8))
    assert len({item.colour for item in marked.both.items}) == 5


def test_the_tree_is_a_sound_model(qapp: Any) -> None:
    first, second = detail(BEFORE, LIGHT), detail(AFTER)
    found = compare(Answer.parse(first.answer), Answer.parse(second.answer))
    tree = FateTree()
    tester = QAbstractItemModelTester(tree, QAbstractItemModelTester.FailureReportingMode.Fatal)
    tree.show_entries(mark(first, second, found).entries, found.questions)
    groups = [tree.index(row, 0).data() for row in range(tree.rowCount())]
    assert groups == ["Lost  1", "Gained  1", "Moved  1", "Another class  1", "The same  1", "Classifications  1"]
    assert tree.index(0, 0, tree.index(2, 0)).data() == "bolt  0.60"
    assert tree.index(0, 0, tree.index(5, 0)).data() == "Light: warm → –"
    heard: list[frozenset[Fate]] = []
    tree.hidden_changed.connect(heard.append)
    assert tree.setData(tree.index(4, 0), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert not tree.setData(tree.index(5, 0), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert heard == [frozenset({Fate.SAME})]
    tree.show_entries(())
    assert tester.model() is tree


@pytest.fixture
def page(host: Any, qtbot: Any) -> Any:
    background, tasks = Background(), Tasks()
    made = ComparePage(host.history, tasks, background)
    made.tasks = tasks
    qtbot.addWidget(made)
    made.resize(1000, 640)
    made.show()
    yield made
    background.close()


def test_two_jobs_side_by_side_and_over_each_other(run: Any, host: Any, tools: Any, page: Any, tmp_path: Path) -> None:
    picture = str(tools.picture(tmp_path / "p.png"))
    old = tools.job(tools.profile(), 1, asset_path=picture)
    new = tools.job(tools.profile("Other"), 2, asset_path=picture, replay_of=old.id)
    host.put_job(old, detail(BEFORE, LIGHT))
    host.put_job(new, detail(AFTER))

    async def scenario() -> None:
        page.show_jobs(new, old)
        await tools.until(lambda: page.stack.currentIndex() == 1, LIMIT_S)
        assert page.titles[0].whole().startswith("Fasteners"), "the replayed job comes first"
        assert page.agreement.text() == "44 % agreement"
        await tools.until(
            lambda: page.before.view.scale > 0 and page.after.stack.currentWidget() is page.after.view, LIMIT_S
        )
        page.tree.setCurrentIndex(page.tree_model.index_of(2, -1))
        assert page.before.view.selection == 2
        assert page.after.view.selection == 1
        page.ways.setCurrentIndex(1)
        assert page.pictures.currentWidget() is page.over
        await tools.until(lambda: page.over.stack.currentWidget() is page.over.view, LIMIT_S)
        page.over.selected.emit(4 + 2)
        assert page.tree_model.entry(page.tree.currentIndex()).fate is Fate.RENAMED
        page.tree_model.setData(page.tree_model.index(0, 0), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
        assert page.over._annotations.items[0].bounds is None, "lost ones are put out of sight"
        assert page.counts.rows.rows[0].name == "bolt"
        await page.tasks.end()

    run(scenario())


def test_what_cannot_be_compared_says_so(run: Any, host: Any, tools: Any, page: Any) -> None:
    old, new = tools.job(tools.profile(), 1), tools.job(tools.profile(), 2)
    host.put_job(old, detail(BEFORE))
    host.put_job(new, JobDetail())

    async def scenario() -> None:
        page.show_jobs(old, new)
        await tools.until(lambda: "no answer" in page.empty.title.text(), LIMIT_S)
        await page.tasks.end()

    run(scenario())
