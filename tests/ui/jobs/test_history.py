from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.errors import StoreError
from desktop_app.core.job import JobState
from desktop_app.ui.background import Background
from desktop_app.ui.jobs.history import PAGE, HistoryModel, HistoryPage
from desktop_app.ui.jobs.thumbnails import Thumbnails
from desktop_app.ui.tasks import Tasks
from desktop_app.ui.widgets import ElidedCombo


def test_pages(run: Any, host: Any, tools: Any) -> None:
    profile = tools.profile()
    for number in range(2 * PAGE + 10):
        host.put_job(tools.job(profile, number))

    async def scenario() -> None:
        model = HistoryModel(host.history, Tasks())
        model.set_wanted(model.wanted)
        await tools.until(lambda: model.rowCount() == PAGE)
        assert model.canFetchMore()
        model.fetchMore()
        await tools.until(lambda: model.rowCount() == 2 * PAGE)
        model.fetchMore()
        await tools.until(lambda: model.rowCount() == 2 * PAGE + 10)
        assert not model.canFetchMore()
        ids = [record.id for record in model.rows]
        assert len(set(ids)) == len(ids)
        assert host.history.pages[1] == (model.rows[PAGE - 1].received_at, model.rows[PAGE - 1].id)
        tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
        newest = tools.job(profile, 9000, JobState.RUNNING)
        model.update_jobs([newest, tools.replace(model.rows[5], objects=77)])
        assert model.rows[0] is newest
        assert model.rows[6].objects == 77
        assert tester.model() is model

    run(scenario())


def test_what_the_filters_say_can_be_read_in_a_small_window(host: Any, qtbot: Any) -> None:
    page = HistoryPage(host.history, Tasks())
    qtbot.addWidget(page)
    page.resize(560, 400)
    page.show()
    combos = page.findChildren(ElidedCombo)
    assert len(combos) == 4
    assert page.filters.width() <= 560
    for combo in combos:
        assert combo.width() - 48 >= combo.fontMetrics().horizontalAdvance(combo.currentText()), combo.currentText()


def test_filters_and_choice(run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    first, second = tools.profile("A"), tools.profile("B")
    host.put_job(tools.job(first, 1))
    host.put_job(tools.job(second, 2, JobState.FAILED, error="The script raised"))

    async def scenario() -> None:
        page = HistoryPage(host.history, Tasks())
        qtbot.addWidget(page)
        page.resize(900, 400)
        page.show()
        page.show_plugins([first, second])
        page.reload()
        await tools.until(lambda: page.model.rowCount() == 2 and page.number.text() == "2 jobs")
        chosen: list[str] = []
        page.chosen.connect(lambda record: chosen.append(record.id))
        page.view.selectRow(1)
        assert chosen == ["job-0001"]
        page.plugin.setCurrentIndex(2)
        await tools.until(lambda: [r.id for r in page.model.rows] == ["job-0002"])
        page.state.setCurrentIndex(page.state.findData("delivered"))
        await tools.until(lambda: page.empty.title.text() == "No job fits")
        page.plugin.setCurrentIndex(0)
        page.state.setCurrentIndex(0)
        page.search("raised")
        await tools.until(lambda: [r.id for r in page.model.rows] == ["job-0002"])
        read = len(host.history.pages)
        page.when.setCurrentIndex(2)  # not today: what came in a while ago may be of yesterday
        await tools.until(lambda: len(host.history.pages) > read and page.model.rowCount() == 1)
        await tools.until(lambda: page.number.text() == "1 job")
        page.view.selectAll()
        assert [record.id for record in page.selected()] == ["job-0002"]

    run(scenario())


def test_a_history_that_cannot_be_read_says_so(run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    host.history.error = StoreError("The history cannot be read", remedy="Free some disk space.")

    async def scenario() -> None:
        page = HistoryPage(host.history, Tasks())
        qtbot.addWidget(page)
        page.reload()
        await tools.until(lambda: page.empty.title.text() == "The history cannot be read")
        assert page.empty.text.text() == "Free some disk space."
        await tools.until(lambda: page._counting is not None and page._counting.done())

    run(scenario())


def test_what_can_be_done_with_jobs(run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    mine, other = tools.profile("A"), tools.profile("B")
    host.put_job(tools.job(mine, 1))
    host.put_job(tools.job(other, 2, external_id="tray-001.jpg"))
    host.put_job(tools.job(mine, 3))
    host.put_job(tools.job(mine, 4, replay_of="job-0003", session="replay-1"))

    async def scenario() -> None:
        tasks = Tasks()
        page = HistoryPage(host.history, tasks)
        qtbot.addWidget(page)
        page.resize(900, 400)
        page.show()
        page.show_plugins([mine, other])
        page.reload()
        await tools.until(lambda: page.model.rowCount() == 4, 60)
        assert page.model.index(0, 0).data() == "replayed"
        heard: list[Any] = []
        page.compare.connect(lambda one, two: heard.append(("compare", one.id, two.id)))
        page.replay.connect(lambda job, profile: heard.append(("replay", job.id, profile)))
        page.export.connect(lambda jobs: heard.append(("export", [job.id for job in jobs])))
        select = page.view.selectionModel().SelectionFlag.Select | page.view.selectionModel().SelectionFlag.Rows
        page.view.selectRow(3)
        assert not page.compare_button.isEnabled()
        page.view.selectionModel().select(page.model.index(1, 0), select)
        assert not page.compare_button.isEnabled(), "two assets"
        page.view.selectRow(3)
        page.view.selectionModel().select(page.model.index(2, 0), select)
        page.compare_button.click()
        page.export_button.click()
        page.view.selectRow(1)
        page.export_button.click()
        menu = page._make_menu(page.model.rows[1])
        entries = {entry.text(): entry for entry in menu.actions()}
        entries["Replay"].trigger()
        entries["Replay with"].menu().actions()[1].trigger()
        assert heard == [
            ("compare", "job-0002", "job-0001"), ("export", ["job-0002", "job-0001"]), ("export", []),
            ("replay", "job-0003", ""), ("replay", "job-0003", "b"),
        ]  # fmt: skip
        menu.close()
        page.filters.kind.setCurrentIndex(2)
        await tools.until(lambda: [job.id for job in page.model.rows] == ["job-0004"], 60)
        page.filters.kind.setCurrentIndex(1)
        await tools.until(lambda: page.model.rowCount() == 3, 60)
        page.when.setCurrentIndex(4)
        assert page.filters.days.isVisible()
        wanted = page.filters.wanted()
        assert wanted.since is not None
        assert wanted.until is not None
        assert wanted.until - wanted.since > 7 * 86_000
        page.filters.class_name.setText("bolt")
        await tools.until(lambda: page.model.wanted.class_name == "bolt", 60)
        await tasks.end()

    run(scenario())


def test_thumbnails_stand_beside_the_names(run: Any, host: Any, tools: Any, qtbot: Any, tmp_path: Any) -> None:
    background = Background()
    picture = str(tools.picture(tmp_path / "p.png"))
    host.put_job(tools.job(tools.profile(), 1, asset_path=picture))
    host.put_job(tools.job(tools.profile(), 2))

    async def scenario() -> None:
        tasks = Tasks()
        page = HistoryPage(host.history, tasks, Thumbnails(background))
        qtbot.addWidget(page)
        page.resize(900, 400)
        page.show()
        page.reload()
        await tools.until(lambda: page.model.rowCount() == 2, 60)
        place = [column.title for column in page.model.columns].index("Asset")

        def shown(row: int) -> bool:
            image = page.model.index(row, place).data(Qt.ItemDataRole.DecorationRole).toImage()
            return image.pixelColor(image.width() // 2, image.height() // 2).alpha() > 0

        await tools.until(lambda: shown(1), 60)
        assert not shown(0), "no asset, no picture, but the same room"
        await tasks.end()

    run(scenario())
    background.close()
