from __future__ import annotations

import dataclasses
import itertools
import time

import pytest

from desktop_app.core.job import (
    IllegalTransition,
    Job,
    JobDetail,
    JobRecord,
    JobState,
    StepTimings,
    check_transition,
)

S = JobState
LEGAL = {
    (S.QUEUED, S.FETCHING),
    (S.QUEUED, S.RUNNING),
    (S.FETCHING, S.RUNNING),
    (S.FETCHING, S.QUEUED),
    (S.RUNNING, S.BUILDING),
    (S.RUNNING, S.QUEUED),
    (S.BUILDING, S.DELIVERING),
    (S.BUILDING, S.QUEUED),
    (S.DELIVERING, S.DELIVERED),
    (S.DELIVERING, S.QUEUED),
    *(
        (state, end)
        for state in (S.QUEUED, S.FETCHING, S.RUNNING, S.BUILDING, S.DELIVERING)
        for end in (S.FAILED, S.CANCELLED)
    ),
}


def record(state: JobState = S.QUEUED) -> JobRecord:
    return JobRecord("j", "s", "p", "Vehicles", state, received_at=1.0, updated_at=1.0)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(JobState, JobState)))
def test_every_pair_of_states(old: JobState, new: JobState) -> None:
    if (old, new) in LEGAL:
        check_transition(old, new)
        assert record(old).moved(new).state is new
    else:
        with pytest.raises(IllegalTransition, match=f"from {old} to {new}"):
            check_transition(old, new)
        with pytest.raises(IllegalTransition):
            record(old).moved(new)


def test_terminal_states_lead_nowhere_and_all_others_can_end() -> None:
    terminal = {state for state in JobState if state.terminal}
    assert terminal == {S.DELIVERED, S.FAILED, S.CANCELLED}
    assert not any(old in terminal for old, _ in LEGAL)
    for state in set(JobState) - terminal:
        assert {(state, S.FAILED), (state, S.CANCELLED)} <= LEGAL


def test_a_moved_record_is_a_new_one() -> None:
    before = record()
    after = before.moved(S.RUNNING, asset_type="image/jpeg")
    assert before.state is S.QUEUED
    assert after.asset_type == "image/jpeg"
    assert time.time() - 60 < after.updated_at <= time.time()
    assert after.received_at == before.received_at
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.state = S.FAILED  # type: ignore[misc]


def test_timings_for_the_command_line() -> None:
    timings = StepTimings(run=12.34567, total=20)
    expected = {"fetch": None, "queue": None, "run": 12.346, "build": None, "deliver": None, "total": 20}
    assert timings.as_dict() == expected
    assert list(timings.as_dict()) == [item.name for item in dataclasses.fields(StepTimings)]


def test_a_job_shows_no_secret() -> None:
    url = "https://cloud/a.jpg?signature=SIGNED"
    job = Job("s", "p", data={"apiKey": "KEY", "dataURL": url}, api_key="KEY", data_url=url)
    assert "KEY" not in repr(job)
    assert "SIGNED" not in repr(job)
    assert "session='s'" in repr(job)


def test_jobs_of_one_session_are_different_jobs() -> None:
    first, second = Job("s", "p", data={}), Job("s", "p", data={})
    assert first.id != second.id
    assert time.time() - 60 < first.received_at <= time.time()
    assert JobDetail() == JobDetail(None, None, None, (), None)
