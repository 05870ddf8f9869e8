from __future__ import annotations

from typing import Any

from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.errors import StoreError
from desktop_app.core.job import JobState
from desktop_app.ui.jobs.history import PAGE, HistoryModel, HistoryPage
from desktop_app.ui.tasks import Tasks


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
        page.when.setCurrentIndex(1)
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
