"""What plugins report, right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_app.hub.demo.sample import SampleProject
from desktop_app.hub.demo.sessions import Sessions, answer_of, same_json
from desktop_app.hub.demo.state import EventKind, Outcome, Recorder, Session

ANSWER = {"objects": [{"point": [1, 2]}], "classifications": [{"schemaId": "c"}], "relations": []}
TASK_ANSWER = {"tools": [{"point": [1, 2]}], "classifications": [{"schemaId": "c"}], "relations": []}


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(1000, lambda event: None)


@pytest.fixture
def project() -> SampleProject:
    project = SampleProject()
    project.add(Path("a.png"))
    return project


@pytest.fixture
def sessions(recorder: Recorder, project: SampleProject) -> Sessions:
    return Sessions(recorder, project, limit=3)


@pytest.fixture
def session(sessions: Sessions, project: SampleProject) -> Session:
    one = Session("s", "p", {}, "key", task_id=next(iter(project.tasks)))
    sessions.open(one)
    return one


def line(**changes: Any) -> dict[str, Any]:
    return {
        "level": "INFO", "organization": "o", "pluginId": "p", "runBy": "u", "session": "s", "msg": "hi",
    } | changes  # fmt: skip


def problems(recorder: Recorder) -> list[str]:
    return [event.text for event in recorder.events if event.kind is EventKind.PROTOCOL_ERROR]


@pytest.mark.parametrize("payload", [None, "x", 3, [], {}, {"session": None}, {"session": ["s"]}, {"session": "other"}])
def test_a_report_without_a_known_session_is_recorded_and_dropped(sessions, session, recorder, payload):
    assert not sessions.log(payload, "p")
    assert not sessions.response(payload, "p")
    assert len(problems(recorder)) == 2
    assert not session.done
    assert session.logs == []


def test_another_plugins_session_is_none_of_its_business(sessions, session, recorder):
    assert not sessions.log(line(), "q")
    assert not sessions.response({"response": ANSWER, "session": "s"}, "q")
    assert problems(recorder) == ["a log for another plugin's session", "a response for another plugin's session"]
    assert not session.done


@pytest.mark.parametrize(
    ("changes", "count"),
    [({}, 0), ({"extra": {"a": 1}}, 0), ({"level": "LOUD"}, 1), ({"level": ["INFO"]}, 1), ({"msg": 5}, 1)],
)
def test_a_log_line_is_kept_and_its_faults_are_named(sessions, session, recorder, changes, count):
    assert sessions.log(line(**changes), "p")
    assert len(session.logs) == 1
    assert session.logs[0].fields == line(**changes)
    assert len(problems(recorder)) == count


def test_a_log_line_must_say_who_it_is_from(sessions, session, recorder):
    assert sessions.log({"level": "INFO", "session": "s", "msg": "x"}, "p")
    assert len(problems(recorder)) == 3


@pytest.mark.parametrize("response", [ANSWER, {"data": "url", "answer": ANSWER}, {"externalId": "a", **ANSWER}])
def test_every_generation_of_answer_reaches_the_task(sessions, session, project, recorder, response):
    assert sessions.response({"response": response, "session": "s"}, "p")
    assert session.outcome is Outcome.ANSWERED
    assert session.response == response
    assert project.tasks[session.task_id].answer == TASK_ANSWER
    assert problems(recorder) == []


@pytest.mark.parametrize(
    "response", ["All annotations are imported!", {"folders": []}, {"objects": "many"}, {"answer": 3}]
)
def test_an_answer_that_is_none_leaves_the_task_alone(sessions, session, project, response):
    assert sessions.response({"response": response, "session": "s"}, "p")
    assert session.done
    assert project.tasks[session.task_id].answer["tools"] == []
    assert answer_of(response) is None


def test_an_error_response_fails_the_session(sessions, session, recorder):
    assert sessions.response({"error": True, "session": "s"}, "p")
    assert session.error
    assert session.response is None
    assert problems(recorder) == []


@pytest.mark.parametrize("payload", [{}, {"response": None}, {"error": False}, {"error": "yes"}])
def test_a_response_that_says_nothing_does_not_end_the_session(sessions, session, recorder, payload):
    assert not sessions.response(payload | {"session": "s"}, "p")
    assert not session.done
    assert problems(recorder) == ["a response has `response`, or `error`: true"]


def test_the_same_response_twice_is_fine_and_two_different_ones_are_not(sessions, session, recorder, project):
    sessions.response({"response": ANSWER, "session": "s"}, "p")
    sessions.response({"session": "s", "response": ANSWER}, "p")
    assert len(session.responses) == 2
    assert problems(recorder) == []
    sessions.response({"response": ANSWER | {"objects": []}, "session": "s"}, "p")
    sessions.response({"error": True, "session": "s"}, "p")
    assert problems(recorder) == ["two different responses for one session"] * 2
    assert len(session.responses) == 4
    assert session.outcome is Outcome.ANSWERED
    assert project.tasks[session.task_id].answer == TASK_ANSWER


def test_a_workflow_job_is_answered_over_http(sessions, session, project, recorder):
    session.workflow = True
    task = project.tasks[session.task_id]
    task.brush_data_url = "old.png"
    body = {"answer": ANSWER, "brushDataUrl": None, "medicalBrushDataUrl": "new.nrrd", "duration": 0}
    sessions.annotate(task, body, {"nextStage": "true", "isPlugin": "true"}, session)
    assert session.outcome is Outcome.ANNOTATED
    assert session.annotations == task.annotations
    assert task.answer == TASK_ANSWER
    assert (task.brush_data_url, task.medical_brush_data_url) == ("old.png", "new.nrrd")
    assert task.stage == "Review"
    sessions.annotate(task, body, {}, session)
    assert problems(recorder) == []
    sessions.annotate(task, {"answer": {"tools": [], "classifications": []}}, {}, session)
    assert problems(recorder) == ["two different annotations for one session"]
    assert task.answer == {"tools": [], "classifications": [], "relations": []}
    sessions.response({"response": ANSWER, "session": "s"}, "p")
    assert problems(recorder)[-1] == "a workflow job is answered over HTTP, not with a response"


def test_finished_sessions_go_first_when_there_are_too_many(sessions):
    def add(name: str, done: bool) -> None:
        sessions.open(session := Session(name, "p", {}, f"key {name}"))
        if done:
            session.finish(Outcome.ANSWERED)

    add("a", False)
    add("b", True)
    add("c", False)
    add("d", False)
    assert list(sessions.all) == ["a", "c", "d"]
    add("e", False)
    assert list(sessions.all) == ["c", "d", "e"]
    assert sessions.by_api_key("key d") is sessions.all["d"]
    assert sessions.by_api_key("key a") is None


def test_json_is_compared_strictly():
    assert same_json({"a": 1, "b": [1.5]}, {"b": [1.5], "a": 1})
    assert not same_json([1], [True])
    assert not same_json([1], [1.0])
    assert not same_json([1, 2], [2, 1])
