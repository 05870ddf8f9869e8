"""Plain data: sessions, tasks and the record of events."""

from __future__ import annotations

import asyncio

import pytest

from desktop_app.hub.demo.state import Annotation, EventKind, HubEvent, Outcome, Recorder, Session, Task, of_kind


def session() -> Session:
    return Session(id="s", plugin_id="p", job={}, api_key="k")


async def test_only_the_first_outcome_of_a_session_counts():
    one = session()
    assert not one.done
    assert one.elapsed_ms is None
    one.finish(Outcome.FAILED)
    finished_at = one.finished_at
    one.finish(Outcome.ANSWERED)
    assert one.error
    assert one.finished_at == finished_at
    assert await one.wait(1) is one


async def test_a_wait_that_ends_in_vain_names_the_session():
    with pytest.raises(TimeoutError, match=r"session s of plugin p got no answer in 0\.01 s"):
        await session().wait(0.01)


def test_a_task_moves_through_the_stages_and_stays_in_the_last():
    task = Task("t", "a")
    stages = []
    for _ in range(4):
        stages.append(task.stage)
        task.advance()
    assert stages == ["Label", "Review", "Complete", "Complete"]


def test_two_tasks_do_not_share_an_answer():
    one, other = Task("1", "a"), Task("2", "a")
    one.answer["tools"].append({})
    assert other.answer["tools"] == []


@pytest.mark.parametrize(
    ("query", "next_stage", "is_plugin"),
    [
        ({"nextStage": "true"}, True, False),
        ({"nextStage": "false", "isPlugin": "true"}, False, True),
        ({}, False, False),
    ],
)
def test_an_annotation_reads_its_query(query, next_stage, is_plugin):
    annotation = Annotation("s", query, {})
    assert (annotation.next_stage, annotation.is_plugin) == (next_stage, is_plugin)


def test_the_recorder_keeps_the_last_events_and_tells_its_listener_of_all():
    heard: list[HubEvent] = []
    recorder = Recorder(3, heard.append)
    for number in range(10):
        recorder.add(EventKind.LOG if number % 2 else EventKind.HTTP, text=str(number))
    assert [event.text for event in recorder.events] == ["7", "8", "9"]
    assert [event.number for event in recorder.events] == [8, 9, 10]
    assert len(heard) == 10
    assert [event.text for event in of_kind(recorder.events, EventKind.LOG)] == ["7", "9"]


async def test_waiting_looks_at_once_after_every_event_and_gives_up_in_time():
    recorder = Recorder(10, lambda event: None)
    await recorder.wait_until(lambda: True, 0.01)
    looked = 0

    def third_event() -> bool:
        nonlocal looked
        looked += 1
        return len(recorder.events) == 3

    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.wait_until(third_event, 5))
        for _ in range(3):
            await asyncio.sleep(0)
            recorder.add(EventKind.LOG)
    assert looked <= 4
    with pytest.raises(TimeoutError):
        await recorder.wait_until(lambda: False, 0.01)
