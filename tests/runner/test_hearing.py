from __future__ import annotations

from typing import Any

import pytest

from desktop_app.core.errors import CallbackError
from desktop_app.core.events import Level
from desktop_app.core.job import Job
from desktop_app.core.prediction import Prediction
from desktop_app.runner.hearing import Hearing, claimed_level, named_level, prediction_of
from desktop_app.runner.state import WorkerLine

JOB = Job(session="S", profile_id="p", data={})


@pytest.fixture
def lines() -> list[WorkerLine]:
    """What was passed on."""
    return []


@pytest.fixture
def hearing(lines: list[WorkerLine]) -> Hearing:
    """Masks one secret."""
    return Hearing(lambda: ("secret-value",), lines.append)


def test_prints_carry_their_job_and_claimed_level(hearing: Hearing, lines: list[WorkerLine]) -> None:
    hearing.printed({"text": "ERROR: secret-value"}, JOB)
    assert lines == [WorkerLine(Level.ERROR, "ERROR: •••", "worker", JOB)]


def test_logger_lines_go_to_the_session_and_their_traceback_stays(hearing: Hearing, lines: list[WorkerLine]) -> None:
    heard: list[Any] = []
    frame = {"level": "warning", "msg": "a secret-value", "extra": {"k": "secret-value", "n": 1}}
    hearing.logged(frame, JOB, lambda *line: heard.append(line))
    assert heard == [(Level.WARNING, "a •••", {"k": "•••", "n": 1})]
    assert lines == []
    hearing.logged({**frame, "details": "Traceback secret-value"}, JOB, lambda *line: heard.append(line))
    assert lines == [WorkerLine(Level.WARNING, "a •••", "script", JOB, "Traceback •••")]
    hearing.logged({"level": "odd", "extra": None}, None, None)
    assert lines[-1] == WorkerLine(Level.INFO, "", "script")


def test_the_hub_hears_only_of_what_its_own_log_lacks(hearing: Hearing, lines: list[WorkerLine]) -> None:
    heard: list[Any] = []
    hearing.left_out({"count": 3, "stream": "stdout"}, JOB, lambda *line: heard.append(line))
    assert heard == []
    hearing.left_out({"count": 4, "stream": "logger"}, JOB, lambda *line: heard.append(line))
    assert heard == [(Level.WARNING, "4 lines of logger were left out: too many at once", {})]
    assert len(lines) == 2


def test_errors_are_masked_and_never_empty(hearing: Hearing) -> None:
    error = hearing.error({"what": "no secret-value", "where": "f:1", "details": "secret-value"}, CallbackError)
    assert (error.what, error.where, error.remedy, error.details) == ("no •••", "f:1", "", "•••")
    assert hearing.error({"what": None}, CallbackError).what == "the worker failed without a reason"


def test_predictions_take_what_they_know() -> None:
    made = prediction_of({"notes": ["a"], "class_names": ["x"], "run_ms": 1.5, "from_the_future": 1})
    assert made == Prediction(notes=("a",), class_names=("x",), run_ms=1.5)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("WARNING:root:x", Level.WARNING),
        ("CRITICAL", Level.CRITICAL),
        ("DEBUG x", Level.DEBUG),
        ("ERRORS were found", Level.INFO),
        ("an ERROR", Level.INFO),
    ],
)
def test_levels_that_prints_claim(text: str, level: Level) -> None:
    assert claimed_level(text) is level
    assert named_level("error") is Level.ERROR
