from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from desktop_app.core.events import JobChanged, ProfileState, ProfileStatus, StatusChanged
from desktop_app.core.job import BatchProgress, JobRecord, JobState, StepTimings
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.host import Host
from desktop_app.metrics.collector import Metrics
from desktop_app.store.outbox import OutboxRow
from desktop_app.store.paths import DataDir

TIMINGS = StepTimings(fetch=8.0, queue=0.2, run=40.0, build=1.0, deliver=2.0, total=51.2)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    made = Host(DataDir(tmp_path / "data"))
    await made.start(serve=False)
    source = OnnxSource(path=Path("none.onnx"))
    for number, name in enumerate(("Cars", 'Odd "name"\\')):
        await made.profiles.save(Profile(id=f"p{number}", name=name, host="https://h", plugin_id="i", source=source))
    yield made
    await made.stop(0.0)


@pytest.fixture
async def metrics(host: Host) -> AsyncIterator[Metrics]:
    made = Metrics(host, ["p0", "p1"])
    yield made
    made.close()


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Name and labels' values to the value, as Prometheus' own parser reads the text."""
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def record(number: int, **fields: Any) -> JobRecord:
    values = {"state": JobState.DELIVERED, "timings": TIMINGS, **fields}
    return JobRecord(f"j{number}", f"s{number}", "p0", "Cars", received_at=1.0, updated_at=2.0, **values)


async def test_jobs_are_counted_once_by_how_they_ended(host: Host, metrics: Metrics) -> None:
    before = samples(metrics)
    assert before["plugdeck_jobs_total", "Cars", "failed"] == 0
    assert before["plugdeck_jobs_total", 'Odd "name"\\', "delivered"] == 0
    for number in range(3):
        host.events.emit(JobChanged(record(number, state=JobState.RUNNING)))
        host.events.emit(JobChanged(record(number)))
        host.events.emit(JobChanged(record(number)))  # told again, for its asset came late
    host.events.emit(JobChanged(record(9, state=JobState.FAILED)))
    host.events.emit(JobChanged(record(10, replay_of="j1")))
    found = samples(metrics)
    assert found["plugdeck_jobs_total", "Cars", "delivered"] == 3
    assert found["plugdeck_jobs_total", "Cars", "failed"] == 1
    assert found["plugdeck_step_seconds_count", "Cars", "run"] == 3
    assert math.isclose(found["plugdeck_step_seconds_sum", "Cars", "run"], 0.12)
    assert found["plugdeck_step_seconds_bucket", "0.025", "Cars", "run"] == 0
    assert found["plugdeck_step_seconds_bucket", "0.05", "Cars", "run"] == 3
    metrics.close()
    host.events.emit(JobChanged(record(11)))
    assert samples(metrics)["plugdeck_jobs_total", "Cars", "delivered"] == 3


async def test_what_profiles_are_doing_is_read_when_asked(host: Host, metrics: Metrics, monkeypatch: Any) -> None:
    assert metrics.ready() == {"Cars": "stopped", 'Odd "name"\\': "stopped"}
    assert not metrics.is_ready
    states = {"p0": ProfileStatus("p0", ProfileState.BUSY, running=1, queued=7), "p1": ProfileStatus("p1")}
    monkeypatch.setattr(host, "status", states.__getitem__)
    found = samples(metrics)
    assert found["plugdeck_jobs_running", "Cars"] == 1
    assert found["plugdeck_queue_depth", "Cars"] == 7
    assert found["plugdeck_connected", "Cars"] == 1
    assert found["plugdeck_connected", 'Odd "name"\\'] == 0
    assert found["plugdeck_profile_state", "Cars", "busy"] == 1
    assert sum(value for key, value in found.items() if key[:2] == ("plugdeck_profile_state", "Cars")) == 1
    assert not metrics.is_ready
    states["p1"] = ProfileStatus("p1", ProfileState.ONLINE)
    assert metrics.is_ready


async def test_deaths_of_workers_add_up_though_their_count_begins_anew(host: Host, metrics: Metrics) -> None:
    for crashes in (0, 1, 2, 2, 0, 1):
        host.events.emit(StatusChanged(ProfileStatus("p0", ProfileState.ONLINE, crashes=crashes)))
    assert samples(metrics)["plugdeck_worker_restarts_total", "Cars"] == 3


async def test_the_outbox_tells_how_much_waits_and_how_long(host: Host, metrics: Metrics) -> None:
    assert samples(metrics)["plugdeck_outbox_age_seconds", "Cars"] == 0
    for number, age in enumerate((100.0, 20.0)):
        row = OutboxRow(f"j{number}", "p0", f"s{number}", "socket", "{}", time.time() - age)
        await host.outbox.put(row)
    await metrics.look()
    found = samples(metrics)
    assert found["plugdeck_outbox_answers", "Cars"] == 2
    assert 100 <= found["plugdeck_outbox_age_seconds", "Cars"] < 700
    for number in range(2):
        await host.outbox.done(f"j{number}")
    await metrics.look()
    assert samples(metrics)["plugdeck_outbox_answers", "Cars"] == 0


async def test_a_run_over_a_project_tells_its_assets_and_not_its_hours(host: Host, metrics: Metrics) -> None:
    running = record(1, state=JobState.RUNNING, batch=BatchProgress(done=30, total=100, failed=2))
    host.events.emit(JobChanged(running))
    found = samples(metrics)
    assert [found["plugdeck_project_run_assets", "Cars", name] for name in ("done", "failed", "total")] == [30, 2, 100]
    host.events.emit(JobChanged(replace(running, state=JobState.DELIVERED, batch=None)))
    found = samples(metrics)
    assert ("plugdeck_project_run_assets", "Cars", "done") not in found
    assert found["plugdeck_jobs_total", "Cars", "delivered"] == 1
    assert ("plugdeck_step_seconds_count", "Cars", "run") not in found


async def test_nothing_of_a_job_is_a_label(host: Host, metrics: Metrics) -> None:
    host.events.emit(JobChanged(record(1, error="no picture", external_id="secret-tray.jpg", state=JobState.FAILED)))
    text = generate_latest(metrics.registry).decode()
    for value in ("secret-tray", "s1", "no picture"):
        assert f'"{value}' not in text
