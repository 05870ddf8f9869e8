from __future__ import annotations

import threading
from typing import Any

from desktop_app.core.events import (
    Event,
    JobChanged,
    Logged,
    ModelLoaded,
    ProfileChanged,
    ProfileState,
    ProfileStatus,
    Signal,
    StatusChanged,
)
from desktop_app.core.job import JobState
from desktop_app.ui.bridge import BACKLOG, Bridge


def test_a_flood_is_gathered(qtbot: Any, tools: Any) -> None:
    source: Signal[Event] = Signal()
    bridge = Bridge(source)
    jobs: list[tuple[Any, ...]] = []
    lines: list[Any] = []
    statuses: list[Any] = []
    bridge.jobs_changed.connect(jobs.append)
    bridge.logged.connect(lines.extend)
    bridge.statuses_changed.connect(statuses.extend)
    profile = tools.profile()
    for number in range(500):
        source.emit(JobChanged(tools.job(profile, number % 10, JobState.RUNNING)))
        source.emit(JobChanged(tools.job(profile, number % 10)))
        source.emit(Logged((tools.line(str(number)),)))
        source.emit(StatusChanged(ProfileStatus(profile.id, ProfileState.BUSY, running=number)))
    assert not jobs, "nothing may arrive inside the emitter's own call"
    qtbot.waitUntil(lambda: len(lines) == 500)
    assert len(jobs) == 1
    assert len(jobs[0]) == 10
    assert {record.state for record in jobs[0]} == {JobState.DELIVERED}
    assert [line.message for line in lines] == [str(number) for number in range(500)]
    assert [status.running for status in statuses] == [499]
    bridge.close()


def test_events_from_a_thread_arrive_in_the_gui_thread(qtbot: Any, tools: Any) -> None:
    source: Signal[Event] = Signal()
    bridge = Bridge(source)
    heard: list[threading.Thread] = []
    bridge.logged.connect(lambda _: heard.append(threading.current_thread()))
    worker = threading.Thread(target=lambda: source.emit(Logged((tools.line("x"),))))
    worker.start()
    worker.join()
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [threading.main_thread()]
    bridge.close()


def test_rare_events_keep_their_order_and_closing_ends_all(qtbot: Any, tools: Any) -> None:
    source: Signal[Event] = Signal()
    bridge = Bridge(source)
    heard: list[object] = []
    bridge.profile_changed.connect(heard.append)
    bridge.model_loaded.connect(heard.append)
    events: list[Event] = [
        ProfileChanged(tools.profile("A")),
        ModelLoaded("a", {}),
        ProfileChanged(tools.profile("A"), removed=True),
    ]
    for event in events:
        source.emit(event)
    bridge.flush()
    assert heard == events
    bridge.close()
    source.emit(events[0])
    bridge.flush()
    assert heard == events


def test_the_backlog_is_bounded(qtbot: Any, tools: Any) -> None:
    source: Signal[Event] = Signal()
    bridge = Bridge(source)
    lines: list[Any] = []
    bridge.logged.connect(lines.extend)
    line = tools.line("x")
    for _ in range(3):
        source.emit(Logged((line,) * BACKLOG))
    bridge.flush()
    assert len(lines) == BACKLOG
    bridge.close()
