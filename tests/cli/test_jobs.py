from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.job import JobRecord, JobState, StepTimings
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.host import Host
from desktop_app.store.batches import BatchRow, Outcome
from desktop_app.store.paths import DataDir

STARTED = time.time() - 1000


def record(number: int, profile: Profile, state: JobState, **fields: Any) -> JobRecord:
    return JobRecord(
        id=f"job-{number}", session=f"session-{number}", profile_id=profile.id, profile_name=profile.name, state=state,
        received_at=STARTED + number, updated_at=STARTED + number, **fields,
    )  # fmt: skip


@pytest.fixture
def history(data_dir: Path, model: Path) -> None:
    """Two profiles with three jobs."""

    async def fill() -> None:
        host = Host(DataDir(data_dir))
        await host.start(serve=False)
        try:
            cars, masks = (
                Profile(name=name, host="https://h.example", plugin_id="i", source=OnnxSource(path=model))
                for name in ("Cars", "Masks")
            )
            for profile in (cars, masks):
                await host.profiles.save(profile)
            timings = StepTimings(fetch=1.0, queue=0.5, run=20.0, build=2.0, deliver=3.0, total=26.5)
            await host.history.record(record(1, cars, JobState.DELIVERED, timings=timings, objects=3))
            await host.history.store_payload("job-1", {"session": "session-1", "apiKey": "api-key-value"})
            answer = {"objects": [], "classifications": [], "relations": []}
            await host.history.store_answer("job-1", answer, {"response": answer}, ["a note"])
            await host.history.record(record(2, cars, JobState.FAILED, error="no picture\x1b[2J (x)"))
            await host.history.record(record(3, masks, JobState.DELIVERED, objects=1))
        finally:
            await host.stop(0)

    asyncio.run(fill())


KEYS = {"session", "profile", "state", "error", "timings_ms", "received_at", "updated_at"}


@pytest.mark.usefixtures("history")
def test_the_list_is_one_json_array_latest_first(cli: Any) -> None:
    outcome = cli("jobs", "list", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    jobs = json.loads(outcome.out)
    assert [job["session"] for job in jobs] == ["session-3", "session-2", "session-1"]
    assert all(set(job) >= KEYS for job in jobs)
    last = jobs[-1]
    assert (last["profile"], last["state"], last["error"]) == ("Cars", "delivered", None)
    assert last["timings_ms"] == {"fetch": 1, "queue": 0.5, "run": 20, "build": 2, "deliver": 3, "total": 26.5}


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("line", "sessions"),
    [
        (["--profile", "cars"], ["session-2", "session-1"]),
        (["--state", "delivered"], ["session-3", "session-1"]),
        (["--state", "FAILED", "--profile", "Cars"], ["session-2"]),
        (["--state", "cancelled"], []),
        (["--limit", "1"], ["session-3"]),
    ],
)
def test_the_list_is_filtered(cli: Any, line: list[str], sessions: list[str]) -> None:
    outcome = cli("jobs", "list", "--json", *line)
    assert [job["session"] for job in json.loads(outcome.out)] == sessions


@pytest.mark.usefixtures("history")
def test_people_get_a_table(cli: Any) -> None:
    outcome = cli("jobs", "list")
    head, *rows = outcome.out.splitlines()
    assert head.split() == ["ARRIVED", "PROFILE", "SESSION", "STATE", "MS", "ANNOTATIONS", "ERROR"]
    assert len(rows) == 3
    assert rows[2].split()[-2:] == ["26", "3"] or rows[2].split()[-2:] == ["27", "3"]
    assert "no picture" in rows[1]
    assert "\x1b" not in outcome.out


def test_no_jobs_is_said(cli: Any) -> None:
    assert cli("jobs", "list").out == "No jobs yet.\n"
    assert json.loads(cli("jobs", "list", "--json").out) == []


@pytest.mark.usefixtures("history")
def test_a_filter_that_fits_none_is_not_called_an_empty_history(cli: Any) -> None:
    assert cli("jobs", "list", "--state", "cancelled").out == "No jobs fit.\n"


@pytest.mark.usefixtures("history")
def test_unknown_names_are_told(cli: Any) -> None:
    outcome = cli("jobs", "list", "--profile", "Masts")
    assert outcome.code == 1
    assert "“Masks”" in outcome.err
    outcome = cli("jobs", "list", "--state", "sleeping")
    assert outcome.code == 2
    assert "queued, fetching" in outcome.err
    outcome = cli("jobs", "show", "session-9")
    assert outcome.code == 1
    assert "session-9" in outcome.err


@pytest.mark.usefixtures("history")
def test_a_job_is_shown_with_all_that_is_known(cli: Any) -> None:
    outcome = cli("jobs", "show", "session-1")
    shown = json.loads(outcome.out)
    assert set(shown) >= KEYS | {"payload", "answer", "response", "notes"}
    assert shown["notes"] == ["a note"]
    assert shown["payload"]["session"] == "session-1"
    assert "api-key-value" not in outcome.out


@pytest.mark.usefixtures("history")
def test_a_job_is_replayed_and_compared(cli: Any, data_dir: Path, picture: Path, script: Path) -> None:
    async def fill() -> None:
        host = Host(DataDir(data_dir))
        await host.start(serve=False)
        try:
            cars = host.profiles.get("Cars")
            await host.history.record(record(7, cars, JobState.DELIVERED, asset_path=str(picture)))
            await host.history.store_payload("job-7", {"session": "session-7", "apiKey": "api-key-value"})
            answer: dict[str, Any] = {"objects": [], "classifications": [], "relations": []}
            await host.history.store_answer("job-7", answer, {"response": answer})
            scripted = Profile(name="Script", host=cars.host, plugin_id="i", source=CallbackSource(script=script))
            await host.profiles.save(scripted)
        finally:
            await host.stop(0)

    asyncio.run(fill())
    outcome = cli("jobs", "replay", "session-7", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    told = json.loads(outcome.out)
    assert set(told) >= {"file", "answer", "response", "timings_ms", "warnings", "comparison"}
    assert told["comparison"]["gained"] == list(range(len(told["answer"]["objects"])))
    assert told["replay_of"] == "session-7"
    other = cli("jobs", "replay", told["session"], "--profile", "script")
    assert (other.code, other.err) == (0, "")
    assert "Against the job's own answer: 1 gained, 1 answered differently" in other.out
    assert "nothing was sent" in other.out
    shown = json.loads(cli("jobs", "show", "session-7").out)
    assert shown["state"] == "delivered", "one object still: replays have sessions of their own"
    listed = json.loads(cli("jobs", "list", "--json", "--limit", "2").out)
    assert [job["replay_of"] for job in listed] == ["job-7", "job-7"]
    outcome = cli("jobs", "replay", "session-1")
    assert outcome.code == 1
    assert "not in the cache" in outcome.err


@pytest.mark.usefixtures("history")
def test_the_assets_that_failed_are_listed_with_their_reasons(cli: Any, data_dir: Path) -> None:
    async def fill() -> None:
        host = Host(DataDir(data_dir))
        await host.start(serve=False)
        try:
            await host.batches.begin(BatchRow("job-1", "p", "project", "plan"))
            outcomes = [Outcome("a1"), Outcome("a2", "b.png", "it is no picture")]
            await host.batches.settle("job-1", outcomes, page=2, total=2)
        finally:
            await host.stop(0)

    asyncio.run(fill())
    outcome = cli("jobs", "failed", "session-1", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out) == [{"asset_id": "a2", "external_id": "b.png", "reason": "it is no picture"}]
    assert "it is no picture" in cli("jobs", "failed", "session-1").out
    assert cli("jobs", "failed", "session-2").out.strip() == "No asset of that session failed."
    assert cli("jobs", "failed", "session-9").code == 1
