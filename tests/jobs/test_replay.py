from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.core.errors import AssetError, JobError
from desktop_app.core.events import Event, JobChanged, Signal
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.jobs.recorder import Recorder
from desktop_app.jobs.replay import KEPT_NOT, Replayer
from desktop_app.jobs.trial import trial
from desktop_app.runner.pool import Runner
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.search import JobFilter

PICTURE = resource("demo", "assets", "tray-01.jpg")
BOX = {"title": "thing", "bounding-box": {"x": 1, "y": 2, "width": 30, "height": 40}}

SCRIPT = """
import urllib.request
from ango.plugins import ModelPlugin, run

def work(**data):
    size = len(urllib.request.urlopen(data["dataURL"]).read())
    words = [str(size), repr(data["apiKey"]), data["configJSON"], data["session"][:7]]
    told = {"title": "told", "answer": "|".join(words)}
    box = {"title": "thing", "bounding-box": {"x": 3, "y": 2, "width": 30, "height": 40}}
    return {"data": data["dataURL"], "answer": {"objects": [box], "classifications": [told], "relations": []}}

run(ModelPlugin(id="i", secret="s", callback=work), host="https://hub.example")
"""


class Past:
    """A history with one delivered job, and who heard of what is recorded later."""

    def __init__(self, db: Database) -> None:
        self.history = History(db)
        events: Signal[Event] = Signal()
        self.heard: list[JobRecord] = []
        events.connect(lambda event: self.heard.append(event.record) if isinstance(event, JobChanged) else None)
        self.replayer = Replayer(self.history, Recorder(self.history, events))

    async def add(self, profile: Profile, payload: dict[str, Any] | None = None, **fields: Any) -> JobRecord:
        now = time.time()
        values: dict[str, Any] = {
            "id": "j1", "session": "s1", "profile_id": profile.id, "profile_name": profile.name,
            "state": JobState.DELIVERED, "received_at": now, "updated_at": now, "url": "https://a.example/t.jpg",
            "external_id": "t.jpg", "asset_path": str(PICTURE), "asset_type": "image/jpeg",
        }  # fmt: skip
        record = JobRecord(**{**values, **fields})
        await self.history.record(record)
        sent = {"session": "s1", "apiKey": "k-e-y-1234", "dataURL": "https://a.example/t.jpg?sig=1", "configJSON": "c"}
        await self.history.store_payload("j1", sent if payload is None else payload)
        answer = {"objects": [BOX], "classifications": [], "relations": []}
        await self.history.store_answer("j1", answer, {"response": answer, "session": "s1"})
        return record


@pytest.fixture
async def past(db: Database) -> AsyncIterator[Past]:
    yield Past(db)
    assert not psutil.Process().children()


@pytest.fixture
def script(tmp_path: Path) -> Profile:
    path = tmp_path / "plugin.py"
    path.write_text(SCRIPT)
    return Profile(name="Script", host="https://hub.example", plugin_id="i", source=CallbackSource(script=path))


async def test_a_script_answers_its_job_again_from_the_cached_asset(
    past: Past, script: Profile, tmp_path: Path
) -> None:
    job = await past.add(script)
    done = await past.replayer.replay(job, script, Runner(script, scratch=tmp_path / "scratch"))
    assert done.result.error == ""
    assert done.result.answer is not None
    told = done.result.answer["classifications"][0]["answer"]
    assert told == f"{PICTURE.stat().st_size}|''|c|replay-", "the same asset and fields, but no key"
    assert done.comparison is not None
    assert [(pair.before, pair.after) for pair in done.comparison.moved] == [(0, 0)]
    assert done.result.response is not None
    assert done.result.response["response"]["data"] == "https://a.example/t.jpg", "no address of ours"
    kept = await past.history.get(done.record.id)
    assert kept == done.record
    assert (kept.replay_of, kept.state, kept.asset_path) == ("j1", JobState.DELIVERED, str(PICTURE))
    assert (await past.history.detail(kept.id)).answer == done.result.answer
    assert past.heard == [kept]
    assert [job.id for job in await past.history.list(JobFilter(replays=True))] == [kept.id]
    assert [job.id for job in await past.history.list(JobFilter(replay_of="j1"))] == [kept.id]
    assert [job.id for job in await past.history.list(JobFilter(replays=False))] == ["j1"]
    assert (await past.history.stats(script.id)).jobs == 1, "a replay is no job of the hub"
    assert (await past.replayer.find(kept.session)).id == "j1"
    json.dumps(done.as_json())
    assert set(done.as_json()) >= {"file", "answer", "response", "timings_ms", "warnings", "comparison"}


async def test_another_profile_answers_with_the_job_s_mapping(past: Past, script: Profile, tmp_path: Path) -> None:
    schema = [{"schemaId": "B1", "modelClass": "bolt"}]
    job = await past.add(script, {"session": "s1", "categorySchema": schema, "overwrite": False})
    other = script.changed(id="other", name="Other", source=OnnxSource(path=resource("demo", "fasteners.onnx")))
    async with trial(other, Runner(other, scratch=tmp_path / "scratch")) as loaded:
        done = await past.replayer.again(job, other, loaded, kind="shadow", tell=False)
    assert done.result.answer is not None
    assert {item["schemaId"] for item in done.result.answer["objects"]} == {"B1"}
    assert done.record.dropped > 0
    assert KEPT_NOT in done.result.warnings
    assert done.record.profile_name == "Other"
    assert done.record.session.startswith("shadow-")
    assert past.heard == []


async def test_what_is_gone_is_said(past: Past, script: Profile, tmp_path: Path) -> None:
    runner = Runner(script, scratch=tmp_path / "scratch")
    job = await past.add(script, asset_path=str(tmp_path / "gone.jpg"))
    with pytest.raises(AssetError, match="not in the cache"):
        await past.replayer.replay(job, script, runner)
    with pytest.raises(JobError, match="no job of that session"):
        await past.replayer.find("never")


async def test_a_failure_is_kept_as_one(past: Past, script: Profile, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(SCRIPT.replace("    size =", "    raise ValueError('as asked')\n    size ="))
    profile = script.changed(source=CallbackSource(script=broken))
    job = await past.add(profile)
    done = await past.replayer.replay(job, profile, Runner(profile, scratch=tmp_path / "scratch"))
    assert "as asked" in done.result.error
    assert done.comparison is None
    assert done.record.state is JobState.FAILED
    assert "broken.py" in done.record.details
    assert (await past.history.stats(profile.id)).failed == 0
