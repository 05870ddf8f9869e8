from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from desktop_app.core.job import JobDetail
from desktop_app.jobs.export import Exported
from desktop_app.ui.main_window import MainWindow

LIMIT_S = 60.0


def detail(x: float) -> JobDetail:
    box = {"title": "bolt", "bounding-box": {"x": x, "y": 0, "width": 40, "height": 40}}
    return JobDetail(payload={}, answer={"objects": [box], "classifications": [], "relations": []})


def test_replay_compare_shadow_and_export_in_the_window(run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    mine, other = tools.profile("A"), tools.profile("B")
    host.put(mine)
    host.put(other)
    old, new = tools.job(mine, 1), tools.job(other, 2, replay_of="job-0001", session="replay-1")
    host.put_job(old, detail(0))
    host.put_job(new, detail(2))
    host.replayed = SimpleNamespace(original=old, record=new, result=SimpleNamespace(error=""))
    host.exported = Exported(2, 5, {"assets that are not in the cache": 1})

    async def scenario() -> None:
        window = MainWindow(host)
        qtbot.addWidget(window)
        window.show()
        window.begin()
        desk = window.desk
        window.inspector.replay.emit(old, "")
        await tools.until(lambda: window.pages.currentWidget() is desk.__dict__.get("page"), LIMIT_S)
        await tools.until(lambda: desk.page.stack.currentIndex() == 1, LIMIT_S)
        assert ("replay", "job-0001") in host.calls
        assert window.notices.texts == (), "what it was doing is no longer said"
        desk.page.closed.emit()
        assert window.middle.currentWidget() is window.history
        host.replayed.result.error = "The script raised"
        window.history.replay.emit(old, other.id)
        await tools.until(lambda: "The script raised" in window.notices.texts, LIMIT_S)
        assert ("replay", "job-0001 b") in host.calls
        window.history.shadows.emit()
        assert window.pages.currentWidget() is desk.shadows
        desk.shadows.shadow_changed.emit(other, mine.id)
        await tools.until(lambda: host.profiles.kept["b"].shadow_of == "a", LIMIT_S)
        await tools.until(lambda: ("start", "b") in host.calls, LIMIT_S)
        await desk.write(Path("/tmp/out.zip"), "coco", [old, new], assets=True)
        assert ("export", "out.zip coco 2 True") in host.calls
        assert "Exported 2 jobs with 5 objects." in window.notices.texts
        await window.end()
        window.close_now()

    run(scenario())
