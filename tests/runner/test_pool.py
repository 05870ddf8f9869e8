"""Runners with well-behaved scripts: concurrency, time-outs, cancelling, late assets, restarts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core import aio
from desktop_app.core.errors import AnswerError, CallbackError, ModelError, ModelLoadError, ModelTimeout, WorkerDied
from desktop_app.core.events import Level
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.runner import life
from desktop_app.runner.pool import Runner, RunnerPhase

SEED_SAMPLE = Path(__file__).parent.parent / "data" / "seed_sample.py"
WAITS = """
gates = {}
def callback(**data):
    name = data.get("name")
    print("started", name)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "open-" + str(name))
    while data.get("wait") and not os.path.exists(path):
        time.sleep(0.01)
    return dict(GOOD, data=name)
"""


def _open(bench: Any, name: str) -> None:
    (bench.profile.source.script.parent / f"open-{name}").touch()


def _started(bench: Any, name: str) -> int:
    return bench.printed().count(f"started {name}")


async def test_the_seeds_sample_answers_as_documented(make_bench: Any, tmp_path: Path) -> None:
    text = SEED_SAMPLE.read_text(encoding="utf-8")
    for placeholder, value in (("HOST", "http://localhost:1"), ("PLUGIN ID", "p"), ("PLUGIN SECRET", "s")):
        text = text.replace(f"<YOUR {placeholder}>", value)
    script = tmp_path / "sample.py"
    script.write_text(text, encoding="utf-8")
    bench = make_bench(script)
    info = await bench.runner.start()
    assert (info["kind"], info["call"], info["callback"], info["plugin_id"]) == ("model", "keywords", "run_model", "p")
    event = {"projectId": "P", "dataURL": "https://x/y.jpg?sig=1", "apiKey": "k", "orgId": "o", "runBy": "r"}
    plain = await bench.run(**event, categorySchema=None, configJSON=None)
    box = {"x": 20, "y": 30, "width": 50, "height": 60}
    assert plain.returned == {
        "data": "https://x/y.jpg?sig=1",
        "answer": {"objects": [{"bounding-box": box}], "classifications": [], "relations": []},
    }
    assert (plain.generation, plain.kind, plain.notes) == ("documented", "model", ())
    mapped = await bench.run(**event, categorySchema=[{"schemaId": "797", "modelClass": "Vehicle"}], configJSON="{}")
    assert mapped.returned["answer"]["objects"] == [{"schemaId": "797", "bounding-box": box}]
    assert list(mapped.returned["answer"]["objects"][0]) == ["schemaId", "bounding-box"]
    started, ended = (Level.INFO, "Plugin session is started!", {}), (Level.INFO, "Plugin session is ended!", {})
    assert bench.session == [started, ended, started, ended]


async def test_no_more_jobs_at_once_than_the_profile_says(make_bench: Any) -> None:
    bench = make_bench(WAITS, concurrency=2)
    await bench.runner.start()
    jobs = [aio.spawn(bench.run(name=name, wait=True), name=name) for name in "abc"]
    await bench.until(lambda: _started(bench, "a") and _started(bench, "b"))
    assert not _started(bench, "c")
    _open(bench, "a")
    await bench.until(lambda: _started(bench, "c"))
    for name in "bc":
        _open(bench, name)
    assert [prediction.returned["data"] for prediction in await asyncio.gather(*jobs)] == ["a", "b", "c"]


async def test_jobs_one_after_the_other_share_a_thread(make_bench: Any) -> None:
    bench = make_bench("def callback(**data):\n    return dict(GOOD, data=threading.get_ident())\n")
    await bench.runner.start()
    assert len({(await bench.run()).returned["data"] for _ in range(20)}) == 1


async def test_a_time_out_runs_its_neighbours_once_more(make_bench: Any) -> None:
    bench = make_bench(WAITS, concurrency=2, timeout_s=2.0)
    await bench.runner.start()
    slow = aio.spawn(bench.run(name="slow", wait=True), name="slow")
    await bench.until(lambda: _started(bench, "slow"))
    await asyncio.sleep(1.0)  # so that the neighbour's own time is not up as well
    neighbour = aio.spawn(bench.run(name="neighbour", wait=True), name="neighbour")
    await bench.until(lambda: _started(bench, "neighbour"))
    with pytest.raises(ModelTimeout):
        await slow
    await bench.until(lambda: _started(bench, "neighbour") == 2)
    _open(bench, "neighbour")
    assert (await neighbour).returned["data"] == "neighbour"
    assert [text for _, text, _ in bench.session] == [
        "the worker was killed because of another job; this one is run once more"
    ]


async def test_a_cancelled_job_gives_way_and_keeps_the_worker(make_bench: Any) -> None:
    bench = make_bench(WAITS)
    await bench.runner.start()
    pid = bench.runner.pid
    job = aio.spawn(bench.run(name="a", wait=True), name="a")
    await bench.until(lambda: _started(bench, "a"))
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert (await bench.run(name="b")).returned["data"] == "b"
    assert bench.runner.pid == pid


async def test_a_cancelled_job_that_does_not_give_way_costs_the_worker(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            print("started", data.get("name"))
            if data.get("wait"):
                time.sleep(600)
            return GOOD
        """
    )
    await bench.runner.start()
    pid = bench.runner.pid
    job = aio.spawn(bench.run(name="a", wait=True), name="a")
    await bench.until(lambda: _started(bench, "a"))
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert (await bench.run(name="b")).returned["data"] == "u"
    assert bench.runner.pid != pid
    assert bench.runner.crashes == 0


async def test_cancelling_while_waiting_for_a_place(make_bench: Any) -> None:
    bench = make_bench(WAITS)
    await bench.runner.start()
    first = aio.spawn(bench.run(name="a", wait=True), name="a")
    await bench.until(lambda: _started(bench, "a"))
    second = aio.spawn(bench.run(name="b"), name="b")
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    _open(bench, "a")
    await first
    assert (await bench.run(name="c")).returned["data"] == "c"
    assert not _started(bench, "b")


async def test_a_late_asset_reaches_the_running_callback(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(
        """
        def callback(data):
            print("started", data.get("assetPath"))
            while "assetPath" not in data:
                time.sleep(0.01)
            return dict(GOOD, data=data["assetPath"])
        """
    )
    await bench.runner.start()
    asset = tmp_path / "asset.jpg"
    job = bench.job()
    running = aio.spawn(bench.runner.run(job, None, log=lambda *_: None), name="job")
    await bench.until(lambda: _started(bench, "None"))
    bench.runner.provide_asset("unknown", asset)
    bench.runner.provide_asset(job.id, asset)
    assert (await running).returned["data"] == str(asset)
    early = await bench.runner.run(bench.job(), asset, log=lambda *_: None)
    assert early.returned["data"] == str(asset)
    bench.runner.provide_asset(job.id, asset)  # over: nobody to tell


async def test_unknown_fields_and_invalid_config_reach_the_callback(make_bench: Any) -> None:
    bench = make_bench("def callback(**data):\n    del data['logger']\n    return {'objects': [], 'seen': data}\n")
    await bench.runner.start()
    event = {
        "configJSON": "{not json",
        "extra": {"deep": [1, 2.0, None, "ü\ud800"]},
        "overwrite": False,
        "big": "x" * 10**6,
    }
    seen = (await bench.run(**event)).returned["seen"]
    assert seen == {"session": "S", **event, "batches": []}
    assert (await bench.run(tags=["t"])).returned["seen"]["batches"] == ["t"]
    assert (await bench.run(batches=None)).returned["seen"]["batches"] is None


async def test_what_cannot_be_an_answer_names_the_field(make_bench: Any) -> None:
    bench = make_bench(
        """
        def callback(**data):
            return {"objects": [{"bounding-box": {"x": object()}}]} if data.get("bad") else None
        """
    )
    await bench.runner.start()
    with pytest.raises(AnswerError) as raised:
        await bench.run(bad=True)
    assert raised.value.where == "objects[0].bounding-box.x"
    with pytest.raises(AnswerError, match="returned nothing"):
        await bench.run()
    assert bench.runner.crashes == 0


async def test_restart_loads_the_changed_script_after_what_runs(make_bench: Any) -> None:
    bench = make_bench(WAITS)
    await bench.runner.start()
    pid = bench.runner.pid
    running = aio.spawn(bench.run(name="a", wait=True), name="a")
    await bench.until(lambda: _started(bench, "a"))
    script = bench.profile.source.script
    script.write_text(script.read_text().replace("data=name", "data='changed'"))
    restart = aio.spawn(bench.runner.restart(), name="restart")
    await asyncio.sleep(0)
    assert bench.runner.pid == pid
    _open(bench, "a")
    assert (await running).returned["data"] == "a"
    await restart
    assert (await bench.run(name="b")).returned["data"] == "changed"
    assert bench.runner.pid != pid
    assert bench.runner.crashes == 0


async def test_a_reload_that_fails_says_so_and_is_tried_again(make_bench: Any) -> None:
    bench = make_bench(WAITS)
    await bench.runner.start()
    script = bench.profile.source.script
    good = script.read_text()
    script.write_text("import nothing_like_it\n")
    with pytest.raises(ModelLoadError):
        await asyncio.wait_for(bench.runner.restart(), 20)
    script.write_text(good)
    await bench.runner.restart()
    assert (await bench.run(name="b")).returned["data"] == "b"


async def test_stopping_ends_what_runs(make_bench: Any) -> None:
    bench = make_bench(WAITS)
    await bench.runner.start()
    job = aio.spawn(bench.run(name="a", wait=True), name="a")
    await bench.until(lambda: _started(bench, "a"))
    await bench.runner.stop(grace_s=1)
    with pytest.raises(WorkerDied, match="stopped"):
        await job
    assert bench.runner.state.phase is RunnerPhase.STOPPED
    assert bench.runner.pid is None
    await bench.runner.start()
    assert (await bench.run(name="b")).returned["data"] == "b"


async def test_stopping_while_loading(make_bench: Any) -> None:
    bench = make_bench("print('started loading')\ntime.sleep(600)\ndef callback(**data): pass\n")
    start = aio.spawn(bench.runner.start(), name="start")
    await bench.until(lambda: bench.printed() == ["started loading"])
    await asyncio.wait_for(bench.runner.stop(grace_s=0.2), 10)
    with pytest.raises(ModelLoadError):
        await start


async def test_loading_has_a_limit(make_bench: Any) -> None:
    bench = make_bench("time.sleep(600)\ndef callback(**data): pass\n")
    bench.runner._life._load_limit_s = 1.0
    with pytest.raises(ModelLoadError, match="loading took longer than 1 s"):
        await bench.runner.start()


async def test_a_worker_killed_from_outside_comes_back(make_bench: Any) -> None:
    bench = make_bench(WAITS)
    await bench.runner.start()
    pid = bench.runner.pid
    os.kill(pid, 9)
    await bench.until(lambda: bench.runner.pid not in (None, pid) and bench.runner.state.phase is RunnerPhase.READY)
    assert (await bench.run(name="b")).returned["data"] == "b"
    assert RunnerPhase.RESTARTING in [state.phase for state in bench.states]


@pytest.mark.skipif(os.name != "posix", reason="Windows has job objects and priority classes instead")
async def test_a_worker_is_by_itself_and_gives_way_to_the_window(make_bench: Any, tmp_path: Path) -> None:
    """Its own process group and session, its own working directory, and a lower priority also where jobs run."""
    bench = make_bench(
        """
        def callback(**data):
            own = {"group": os.getpgrp(), "session": os.getsid(0), "pid": os.getpid(), "nice": os.nice(0)}
            return {"objects": [], "own": own, "cwd": os.getcwd()}
        """
    )
    await bench.runner.start()
    returned = (await bench.run()).returned
    own = returned["own"]
    assert own["group"] == own["session"] == own["pid"] != os.getpid()
    assert own["nice"] >= min(os.nice(0) + 5, 19)
    assert Path(returned["cwd"]).is_relative_to(tmp_path)
    assert Path(returned["cwd"]) != Path.cwd()


async def test_secrets_stay_out_of_environment_and_log(make_bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUGDECK_SECRET_X", "whatever")
    monkeypatch.setenv("SOMEWHERE", "prefix-top-secret-value")
    monkeypatch.setenv("LOOKED_UP", "top-secret-value")
    monkeypatch.setenv("HARMLESS", "yes")
    bench = make_bench(
        """
        SECRET = os.environ["LOOKED_UP"]
        def callback(**data):
            print("the key is " + data["apiKey"])
            data["logger"].error("top-secret-value")
            if data.get("bad"):
                raise ValueError("no access with " + data["apiKey"])
            return {"objects": [], "env": dict(os.environ), "argv": sys.argv, "looked_up": SECRET}
        """,
        source={"arguments": ("--fast", "a b"), "environment": {"EXTRA": "1"}},
    )
    await bench.runner.start()
    returned = (await bench.run(apiKey="key-of-somebody")).returned
    environment = returned["env"]
    assert not [name for name in environment if name.startswith("PLUGDECK_")]
    assert "SOMEWHERE" not in environment
    assert "top-secret-value" not in str(environment)
    assert returned["looked_up"] == "held-by-plugdeck"
    assert (environment["HARMLESS"], environment["EXTRA"]) == ("yes", "1")
    assert returned["argv"][1:] == ["--fast", "a b"]
    with pytest.raises(CallbackError) as raised:
        await bench.run(apiKey="key-of-somebody", bad=True)
    told = str(bench.lines) + str(bench.session) + str(raised.value) + raised.value.details
    assert "key-of-somebody" not in told.replace("apiKey='key-of-somebody'", "")
    assert "top-secret-value" not in told
    assert "the key is •••" in bench.printed()


async def test_a_runner_that_is_not_started(make_bench: Any) -> None:
    bench = make_bench(WAITS)
    with pytest.raises(ModelError, match="not running"):
        await bench.run(name="a")


async def test_an_interpreter_that_is_none(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench("def callback(**data): pass\n", source={"python": tmp_path / "no-python"})
    with pytest.raises(ModelLoadError, match="cannot be started") as raised:
        await bench.runner.start()
    assert "no-python" in raised.value.where
    stranger = tmp_path / "stranger"
    stranger.write_text("#!/bin/sh\necho 'what is this' >&2\nexit 5\n")
    stranger.chmod(0o755)
    bench = make_bench("def callback(**data): pass\n", source={"python": stranger})
    with pytest.raises(ModelLoadError, match="exit with code 5: what is this"):
        await bench.runner.start()
    talker = tmp_path / "talker"
    talker.write_text("#!/bin/sh\nyes 'not a frame'\n")
    talker.chmod(0o755)
    bench = make_bench("def callback(**data): pass\n", source={"python": talker})
    with pytest.raises(ModelLoadError):
        await bench.runner.start()


async def test_an_onnx_profile_starts_the_bundled_worker(tmp_path: Path) -> None:
    profile = Profile(
        name="onnx", host="http://localhost:1", plugin_id="p", source=OnnxSource(path=tmp_path / "missing.onnx")
    )
    lines: list[Any] = []
    runner = Runner(profile, scratch=tmp_path, on_log=lines.append)
    with pytest.raises(ModelLoadError) as raised:
        await runner.start()
    assert "missing.onnx" in str(raised.value)
    await runner.stop()


async def test_a_bug_while_starting_is_reported_and_the_start_made_again(
    make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, bugs, heard = life.make_worker, [SystemError("once"), SystemError("twice")], []

    async def make_worker(*arguments: Any) -> Any:
        if bugs:
            raise bugs.pop()
        return await real(*arguments)

    monkeypatch.setattr(life, "make_worker", make_worker)
    monkeypatch.setattr(aio, "_on_bug", lambda error, where: heard.append((str(error), where)))
    bench = make_bench("def callback(**data):\n    return GOOD\n")
    await bench.runner.start()
    assert (await bench.run()).returned["answer"] is not None
    assert [error for error, _ in heard] == ["twice", "once"]
    assert "starting the worker of" in heard[0][1]


async def test_a_bug_that_stays_ends_the_start_with_an_error(make_bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def make_worker(*arguments: Any) -> Any:
        raise SystemError("always")

    monkeypatch.setattr(life, "make_worker", make_worker)
    monkeypatch.setattr(life, "backoff", lambda **_: iter(lambda: 0.001, None))
    monkeypatch.setattr(aio, "_on_bug", lambda error, where: None)
    bench = make_bench("def callback(**data):\n    return GOOD\n")
    with pytest.raises(ModelLoadError, match="always"):
        await bench.runner.start()
    assert bench.runner.state.phase is RunnerPhase.FAILED
