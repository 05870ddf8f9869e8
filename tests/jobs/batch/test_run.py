"""Runs over the demo hub's project, with a runner that the test holds in its hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from desktop_app.core import aio
from desktop_app.core.errors import HubRefused, HubUnreachable, ModelError
from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.job import Job
from desktop_app.hub import protocol
from desktop_app.hub.demo.sample import make_id
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import Outcome, Session
from desktop_app.jobs.batch import listing, patience, run
from desktop_app.jobs.batch.plan import plan_of
from desktop_app.store.batches import BatchRow


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three assets, and no long waits."""
    monkeypatch.setattr(listing, "CHUNK", 3)
    monkeypatch.setattr(patience, "FIRST_WAIT_S", 0.05)
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0.2)
    monkeypatch.setattr(run, "OUTAGE_WAITS", (0.05, 0.05))


def imports(hub: DemoHub) -> list[list[str]]:
    """The external ids of each accepted import, in order."""
    calls = [event.data for event in hub.http_calls if event.data["path"] == "/v2/import/labels"]
    return [[row["externalId"] for row in call["body"]["jsonContent"]] for call in calls if call["status"] == 200]


async def batch(hub: DemoHub, **options: Any) -> Session:
    return await hub.run_plugin("p1", asset=None, **options)


async def test_every_asset_gets_its_labels_and_the_hub_the_words(hub, line):
    session = await batch(hub)
    await session.wait(60)
    assert session.outcome is Outcome.ANSWERED
    assert session.response == "4 of 4 assets imported, with 4 annotations."
    [bolt] = hub.tasks[next(iter(hub.tasks))].answer["tools"]
    assert bolt["schemaId"] == hub.project.schema_id("Bolt")
    assert all(task.pre_labeled for task in hub.tasks.values())
    assert imports(hub) == [[asset.external_id for asset in hub.assets[:3]], [hub.assets[3].external_id]]
    assert session.logs[0].message == f"A run over the project {hub.project.id} begins"
    assert any(log.message.startswith("[") and "imported" in log.message for log in session.logs)
    record = await line.terminal(session.id)
    assert (record.state.value, record.objects) == ("delivered", 4)
    assert hub.protocol_errors == []
    assert line.runner.most_at_once <= line.profile.jobs_in_worker
    assert all("apiKey" not in job.data for job in line.runner.seen)


async def test_a_run_is_limited_to_its_batches(hub, line):
    morning = hub.project.batches[0]["_id"]
    session = await batch(hub, extra={"batches": [morning]})
    await session.wait(60)
    assert session.response == "2 of 2 assets imported, with 2 annotations."
    assert imports(hub) == [[asset.external_id for asset in hub.assets if morning in asset.batches]]


async def test_failed_assets_are_named_and_can_be_tried_alone(hub, line):
    bad = {hub.assets[1].id, hub.assets[2].id}

    def answer(job: Job) -> Any:
        if job.asset_id in bad:
            raise ModelError("the picture cannot be read", where=job.asset_id or "")
        return good(job)

    good, line.runner.answer = line.runner.answer, answer
    session = await batch(hub)
    await session.wait(60)
    assert session.response.startswith("2 of 4 assets imported, with 2 annotations. 2 failed; to try these alone")
    job_id = (await line.terminal(session.id)).id
    failures = await line.batches.failures(job_id, 10)
    assert {failure.asset_id for failure in failures} == bad
    assert all("the picture cannot be read" in failure.reason for failure in failures)
    notes = (await line.history.detail(job_id)).notes
    assert len([note for note in notes if note.startswith(("b.png: ", "c.png: "))]) == 2
    told = [log.message for log in session.logs if log.level == "WARNING"]
    assert len([text for text in told if "the picture cannot be read" in text]) == 2

    line.runner.answer = good
    line.runner.seen.clear()
    again = await batch(hub, config='{"retry_failed": true}')
    await again.wait(60)
    assert again.response == "2 of 2 assets imported, with 2 annotations."
    assert {job.asset_id for job in line.runner.seen} == bad
    assert all(job.config_json is None for job in line.runner.seen)
    assert all(task.pre_labeled for task in hub.tasks.values())
    third = await batch(hub, config='{"retry_failed": true}')
    await third.wait(60)
    assert third.response == "0 of 0 assets imported, with 0 annotations."


async def test_a_worker_that_runs_no_more_ends_it_with_what_was_done_on_disk(hub, line, until, monkeypatch):
    bugs: list[BaseException] = []
    monkeypatch.setattr(aio, "_on_bug", lambda error, where: bugs.append(error))
    good = line.runner.answer
    first, bad = hub.assets[0], hub.assets[1]

    async def crash() -> Any:
        [running] = line.service._batches._running.values()
        await until(lambda: running._done == 2)
        line.service._failed = ProfileStatus(
            line.profile.id, ProfileState.CRASHED, "The worker crashes again and again"
        )
        raise ModelError("The worker ended")

    def answer(job: Job) -> Any:
        if job.asset_id == bad.id:
            raise ModelError("the picture cannot be read")
        return good(job) if job.asset_id == first.id else crash()

    line.runner.answer = answer
    session = await batch(hub)
    await session.wait(60)
    assert session.outcome is Outcome.FAILED
    assert any("again and again" in log.message for log in session.logs)
    assert imports(hub) == [[first.external_id]]
    job_id = (await line.terminal(session.id)).id
    assert [failure.asset_id for failure in await line.batches.failures(job_id, 10)] == [bad.id]
    assert bugs == []

    line.service._failed = None
    line.runner.answer = good
    line.runner.seen.clear()
    again = await batch(hub)
    await again.wait(60)
    assert again.response.startswith("3 of 4 assets imported, with 3 annotations. 1 failed")
    assert {job.asset_id for job in line.runner.seen} == {asset.id for asset in hub.assets[2:]}


async def test_a_key_that_is_refused_in_the_middle_is_not_booked_on_the_assets(hub, line, monkeypatch):
    async def task(key: str, task_id: str) -> Any:
        raise HubRefused("no", status=401)

    monkeypatch.setattr(line.service._client, "task", task)
    session = await batch(hub, overwrite=False)
    await session.wait(60)
    assert session.outcome is Outcome.FAILED
    job_id = (await line.terminal(session.id)).id
    assert await line.batches.failures(job_id, 10) == []
    row = await line.batches.get(job_id)
    assert (row.page, row.state) == (1, "open")


async def test_a_person_holds_a_run_and_lets_it_go_on(hub, line, until, monkeypatch):
    monkeypatch.setattr(run, "AHEAD", 0)
    line.runner.gate = asyncio.Event()
    session = await batch(hub)
    await until(lambda: len(line.runner.seen) == 2)
    job_id = next(iter(line.service._tasks))
    assert line.service.pause(job_id, True)
    line.runner.gate.set()
    await until(lambda: line.last(session.id).batch.done == 2)
    assert line.last(session.id).batch.paused
    # A person's job is done meanwhile.
    await (await hub.run_plugin("p1", asset=0)).wait(60)
    assert len(line.runner.seen) == 2 + 1
    assert not session.done
    assert line.service.pause(job_id, False)
    await session.wait(60)
    assert session.response == "4 of 4 assets imported, with 4 annotations."
    assert not line.service.pause(job_id, True)
    shown = [record.batch for record in line.records if record.batch is not None]
    assert [told.done for told in shown] == sorted(told.done for told in shown)
    assert shown[-1].done == shown[-1].total == 4


async def test_a_cancelled_run_ends_and_the_next_one_begins_anew(hub, line, until):
    line.runner.gate = asyncio.Event()
    session = await batch(hub)
    await until(lambda: line.runner.seen)
    assert line.service.cancel(next(iter(line.service._tasks)))
    await session.wait(60)
    assert session.outcome is Outcome.FAILED
    assert line.last(session.id).state == "cancelled"
    line.runner.gate.set()
    again = await batch(hub)
    await again.wait(60)
    assert again.response == "4 of 4 assets imported, with 4 annotations."
    assert not any("Goes on" in log.message for log in again.logs)


async def test_a_hub_that_goes_away_is_waited_for(hub, line, until):
    line.runner.gate = asyncio.Event()
    session = await batch(hub)
    await until(lambda: line.runner.seen)
    await hub.pause()
    line.runner.gate.set()
    await until(lambda: line.last(session.id).batch and line.last(session.id).batch.waiting)
    await hub.resume()
    await session.wait(60)
    assert session.response == "4 of 4 assets imported, with 4 annotations."
    assert sorted(name for chunk in imports(hub) for name in chunk) == sorted(a.external_id for a in hub.assets)


async def test_an_import_that_nobody_confirmed_is_looked_up_and_not_repeated(hub, line, monkeypatch):
    client = line.service._client
    whole, lost = client.import_labels, 0

    async def import_labels(*args: Any) -> None:
        nonlocal lost
        await whole(*args)
        if not lost:
            lost += 1
            raise HubUnreachable("The connection to the hub failed")

    monkeypatch.setattr(client, "import_labels", import_labels)
    session = await batch(hub)
    await session.wait(60)
    assert session.response == "4 of 4 assets imported, with 4 annotations."
    names = [name for chunk in imports(hub) for name in chunk]
    assert sorted(names) == sorted(asset.external_id for asset in hub.assets)


async def leave_in_the_middle(hub: DemoHub, line: Any, until: Callable[..., Any]) -> Session:
    """A run of which the first chunk is imported when the app ends."""
    gate = asyncio.Event()
    good = line.runner.answer

    async def answer(job: Job) -> Any:
        if job.asset_id == hub.assets[3].id:
            await gate.wait()
        return good(job)

    line.runner.answer = answer
    session = await batch(hub)
    await until(lambda: len(imports(hub)) == 1)
    await line.service.stop(0.0)
    return session


async def test_after_a_restart_a_run_goes_on_with_the_profiles_own_key(hub, line, until):
    line.api_key = hub.api_key
    session = await leave_in_the_middle(hub, line, until)
    assert not session.done
    line.renew()
    line.service.start()
    await session.wait(60)
    assert session.response == "4 of 4 assets imported, with 4 annotations."
    names = [name for chunk in imports(hub) for name in chunk]
    assert sorted(names) == sorted(asset.external_id for asset in hub.assets)
    assert hub.api_key not in " ".join(log.message for log in session.logs)


async def test_without_a_key_of_its_own_the_next_run_goes_on_where_it_stopped(hub, line, until):
    session = await leave_in_the_middle(hub, line, until)
    line.renew()
    line.service.start()
    await session.wait(60)
    assert session.outcome is Outcome.FAILED
    assert any("API key" in log.message for log in session.logs)
    before = len([name for chunk in imports(hub) for name in chunk])
    assert before >= 3
    await hub.wait_online("p1", 60)
    again = await batch(hub)
    await again.wait(60)
    assert any(log.message.startswith("Goes on where it stopped") for log in again.logs)
    assert again.response == "4 of 4 assets imported, with 4 annotations."
    names = [name for chunk in imports(hub) for name in chunk]
    assert sorted(names) == sorted(asset.external_id for asset in hub.assets)


async def test_what_was_on_its_way_is_read_back_before_it_is_sent_again(hub, line):
    """A crash between the import and the note that it arrived: one asset is there, one is not."""
    line.api_key = hub.api_key
    there, missing, later = hub.assets[0], hub.assets[1], hub.assets[2:]
    # A name that is an address is cut on its way to the disk.
    task = hub.project.task_of(missing)
    object.__setattr__(missing, "external_id", "https://cdn.example/picture?id=17")
    hub.tasks[make_id("task", missing.external_id)] = task
    labels = {"objects": [{"title": "x", "point": [1, 2]}], "classifications": [], "relations": []}
    session = await batch(hub, send=False)
    await line.service.stop(0.0)
    line.renew()
    job = protocol.parse_job(session.job, line.profile.id)
    line.service._pipeline.arrived(job)
    plan = plan_of(job, line.profile)
    await line.batches.begin(BatchRow(job.id, line.profile.id, hub.project.id, plan.fingerprint))
    rows = [[asset.id, asset.external_id, False, labels] for asset in (there, missing)]
    await line.batches.sending(job.id, {"page": 1, "rows": rows, "failed": []})
    hub.project.pre_label(there, {"tools": labels["objects"], "classifications": [], "relations": []})
    line.service.start()
    await session.wait(60)
    assert session.response == "4 of 4 assets imported, with 4 annotations."
    assert imports(hub)[0] == [missing.external_id]
    assert {asset.id for asset in later} == {job.asset_id for job in line.runner.seen}
    for asset in (there, missing):
        assert hub.project.task_of(asset).answer["tools"] == labels["objects"]


async def test_a_stop_imports_what_is_in_the_model_and_leaves_the_rest(hub, line, until, monkeypatch):
    monkeypatch.setattr(run, "AHEAD", 0)
    line.api_key = hub.api_key
    line.runner.gate = asyncio.Event()
    session = await batch(hub)
    await until(lambda: len(line.runner.seen) == 2)
    stopping = aio.spawn(line.service.stop(60.0), name="stop")
    await until(lambda: line.service._batches._leaving)
    line.runner.gate.set()
    await asyncio.wait_for(stopping, 60)
    assert len(line.runner.seen) == 2
    assert len(imports(hub)) == 1
    assert len(imports(hub)[0]) == 2
    assert not session.done
    line.renew()
    line.service.start()
    await session.wait(60)
    assert session.response == "4 of 4 assets imported, with 4 annotations."
    names = [name for chunk in imports(hub) for name in chunk]
    assert sorted(names) == sorted(asset.external_id for asset in hub.assets)
