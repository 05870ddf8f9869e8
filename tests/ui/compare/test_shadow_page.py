from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtTest import QAbstractItemModelTester

from desktop_app.core.job import JobDetail, JobState, StepTimings
from desktop_app.ui.compare.shadow_page import ShadowPage
from desktop_app.ui.compare.shadow_report import report
from desktop_app.ui.tasks import Tasks

LIMIT_S = 60.0


def detail(*boxes: float) -> JobDetail:
    objects = [{"title": "bolt", "bounding-box": {"x": x, "y": 0, "width": 10, "height": 10}} for x in boxes]
    return JobDetail(payload={}, answer={"objects": objects, "classifications": [], "relations": []})


def test_the_report_sums_up(tools: Any) -> None:
    live, shadow = tools.profile("Live"), tools.profile("Shadow")

    def pair(number: int, one: JobDetail, two: JobDetail, state: JobState = JobState.DELIVERED) -> Any:
        job = tools.job(live, number, timings=StepTimings(run=40.0))
        other = tools.job(shadow, 100 + number, state, replay_of=job.id, timings=StepTimings(run=10.0))
        return job, one, other, two

    made = report([
        pair(1, detail(0, 50), detail(0, 50)),
        pair(2, detail(0, 50), detail(0)),
        pair(3, detail(0), JobDetail(), JobState.FAILED),
    ])  # fmt: skip
    assert [round(job.agreement, 2) for job in made.jobs] == [0.67, 1.0], "the least agreement first"
    assert made.failed == 1
    assert made.agreement == pytest.approx(5 / 6)
    assert (made.classes["bolt"].before, made.classes["bolt"].after, made.classes["bolt"].lost) == (4, 3, 1)
    assert (made.live_ms, made.shadow_ms) == (40, 10)
    assert report([]).agreement is None


def test_the_page_tells_how_a_shadow_does_and_sets_one(run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    live, other = tools.profile("Live"), tools.profile("Other")
    shadow = other.changed(shadow_of=live.id)
    for number in range(3):
        job = tools.job(live, number)
        host.put_job(job, detail(0, 50))
        host.put_job(tools.job(other, 50 + number, replay_of=job.id, session=f"shadow-{number}"), detail(0))
    host.put_job(tools.job(other, 90, replay_of="job-0001", session="replay-1"), detail())

    async def scenario() -> None:
        tasks = Tasks()
        page = ShadowPage(host, tasks)
        qtbot.addWidget(page)
        page.resize(900, 500)
        page.show()
        heard: list[Any] = []
        page.shadow_changed.connect(lambda profile, of: heard.append((profile.id, of)))
        page.compare.connect(lambda one, two: heard.append((one.id, two.id)))
        page.show_profiles([live, other])
        assert page.empty.title.text() == "No shadow yet"
        page.shadow.setCurrentIndex(1)
        page.switch.click()
        assert heard.pop() == ("other", "live")
        page.shadow.setCurrentIndex(0)
        page.live.setCurrentIndex(0)
        assert not page.switch.isEnabled(), "no plugin is its own shadow"
        page.show_profiles([live, shadow], shadow.id)
        await tools.until(lambda: page.stack.currentIndex() == 1, LIMIT_S)
        assert page.agreement.text() == "67 % agreement"
        assert "over 3 jobs" in page.summary.text()
        assert page.rows.rowCount() == 3
        QAbstractItemModelTester(page.rows, QAbstractItemModelTester.FailureReportingMode.Fatal)
        page._open(page.rows.index(0, 0))
        assert heard.pop() == ("job-0002", "job-0052")
        page.switch.click()
        assert heard.pop() == ("other", "")
        await tasks.end()

    run(scenario())
