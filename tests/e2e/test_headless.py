"""`plugdeck demo --headless`, `plugdeck run` and the other commands, as processes."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.core.resources import resource
from desktop_app.hub.demo.server import DemoHub

pytestmark = pytest.mark.e2e

MODEL = resource("demo", "fasteners.onnx")
PICTURE = resource("demo", "assets", "tray-01.jpg")
SEED = Path(__file__).parent.parent / "data" / "seed_sample.py"

ECHO = """
from imerit_ango.plugins import ModelPlugin, run

def annotate(data):
    data["logger"].info("seen %s", data["session"])
    echo = {"title": "Echo", "answer": str(data.get("configJSON"))}
    return {"objects": [], "classifications": [echo], "relations": []}

run(ModelPlugin(id="x", secret="y", callback=annotate), host="http://127.0.0.1")
"""


NEVER = """import os
import time

def annotate(data):
    data["logger"].info("pid %d", os.getpid())
    time.sleep(600)
"""


async def test_the_demo_delivers_every_job(run: Any) -> None:
    code, out, _ = await run("demo", "--headless", "--jobs", "20")
    assert code == 0, out
    assert "20 of 20 jobs delivered, 0 failed; the hub has 20 answers." in out
    assert all(f"{name}: online" in out for name in ("Fasteners", "Tray outline", "Docs sample"))


async def add(run: Any, name: str, hub: DemoHub, model: list[str], **kept: Any) -> None:
    code, _, err = await run(
        "profiles", "add", name, "--host", hub.url, "--id", name, "--secret-stdin", *model, stdin="s\n"
    )
    assert code == 0, err
    assert f"PLUGDECK_SECRET_{name.upper()}" in err  # there is no keychain: the variable to set is named
    hub.add_plugin(name, "s", **kept)


async def test_serves_scripts_and_models_side_by_side(plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path) -> None:
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    await add(run, "boxes", hub, ["--onnx", str(MODEL)], class_names=("bolt", "nut", "washer"))
    await add(run, "echo", hub, ["--script", str(script)])
    serving = await plugdeck("run", "--json", PLUGDECK_SECRET_BOXES="s", PLUGDECK_SECRET_ECHO="s")
    await serving.until(lambda: len(serving.events("ready")) == 2)

    boxes = await hub.run_plugin("boxes", asset=hub.project.pictures[0].id)
    echo = await hub.run_plugin("echo", asset=0, config="not json {", class_mapping=None)
    await boxes.wait(30)
    await echo.wait(30)
    assert len(boxes.response["objects"]) > 3
    assert {item["schemaId"] for item in boxes.response["objects"]} <= {
        hub.project.schema_id(name) for name in ("Bolt", "Nut", "Washer")
    }
    assert echo.response["classifications"] == [{"title": "Echo", "answer": "not json {"}]
    assert f"seen {echo.id}" in [line.message for line in echo.logs]

    await serving.until(lambda: len(serving.events("job")) == 2)
    job = next(event for event in serving.events("job") if event["session"] == boxes.id)
    assert job["state"] == "delivered"
    assert job["error"] is None
    assert set(job["timings_ms"]) == {"fetch", "queue", "run", "build", "deliver", "total"}

    # The other commands work beside it, on the same data directory.
    code, out, err = await run("jobs", "list", "--json")
    assert code == 0, err
    assert {record["session"] for record in json.loads(out)} == {boxes.id, echo.id}
    code, out, err = await run("jobs", "show", boxes.id)
    shown = json.loads(out)
    assert shown["state"] == "delivered"
    assert shown["response"]["session"] == boxes.id
    assert boxes.api_key not in out
    code, _, err = await run("run", "echo")
    assert code == 1
    assert "already in use" in err

    assert await serving.stop(signal.SIGTERM) == 0


async def test_a_killed_worker_costs_its_job_only(plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path) -> None:
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text(ECHO.replace("def annotate(data):", NEVER))
    await add(run, "echo", hub, ["--script", str(script)])
    await add(run, "sleeper", hub, ["--script", str(sleeper)])
    serving = await plugdeck("run", "--json", PLUGDECK_SECRET_SLEEPER="s", PLUGDECK_SECRET_ECHO="s")
    await serving.until(lambda: len(serving.events("ready")) == 2)
    before = {child.pid for child in serving.children()}
    victim = await hub.run_plugin("sleeper", asset=0)
    await serving.until(
        lambda: any(e["profile"] == "sleeper" and e["state"] == "busy" for e in serving.events("state"))
    )
    await hub.wait_until(lambda: any("pid" in line.message for line in victim.logs), 20)
    pid = int(victim.logs[0].message.removeprefix("pid "))
    assert pid in before
    psutil.Process(pid).kill()
    await victim.wait(30)
    assert victim.error
    assert any("ended" in line.message for line in victim.logs)
    neighbour = await hub.run_plugin("echo", asset=0)
    await neighbour.wait(30)
    assert not neighbour.error
    states = [event["state"] for event in serving.events("state") if event["profile"] == "echo"]
    assert states.index("online") == len(states) - 1 or set(states[states.index("online") :]) <= {"online", "busy"}
    assert await serving.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_everything_in_time(number: int, plugdeck: Any, run: Any, hub: DemoHub) -> None:
    await add(run, "boxes", hub, ["--onnx", str(MODEL)], class_names=("bolt",))
    serving = await plugdeck("run", "--json", PLUGDECK_SECRET_BOXES="s")
    await serving.until(lambda: bool(serving.events("ready")))
    pids = [child.pid for child in serving.children()]
    assert pids
    began = time.monotonic()
    assert await serving.stop(number, timeout=10) == 0
    assert time.monotonic() - began < 5
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


MALFORMED: list[dict[str, Any]] = [
    {"dataURL": 7},
    {"dataURL": None, "assetId": None},
    {"categorySchema": "wrong"},
    {"categorySchema": [{"schemaId": 1}, None, "x", {"modelClass": {}}]},
    {"configJSON": "{not json"},
    {"configJSON": 42},
    {"batches": 3, "workflow": "yes", "overwrite": "no"},
    {"apiKey": ["list"], "orgId": {}, "runBy": 1.5, "projectId": None, "taskId": False},
    {"padding": {str(number): "x" * 100 for number in range(9000)}},
]


@pytest.mark.parametrize("kind", ["boxes", "echo"])
async def test_malformed_jobs_are_each_answered(
    kind: str, plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path
) -> None:
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    model = ["--onnx", str(MODEL)] if kind == "boxes" else ["--script", str(script)]
    await add(run, kind, hub, model, class_names=("bolt", "nut", "washer"))
    serving = await plugdeck("run", "--json", **{f"PLUGDECK_SECRET_{kind.upper()}": "s"})
    await serving.until(lambda: bool(serving.events("ready")))
    picture = hub.project.pictures[0].id
    sessions = [await hub.run_plugin(kind, asset=picture, extra=extra) for extra in MALFORMED]
    await asyncio.gather(*(session.wait(60) for session in sessions))
    for session, extra in zip(sessions, MALFORMED, strict=True):
        # Without a URL the asset is found by its id; without either there is nothing for a model to look at.
        answered = "assetId" not in extra or kind == "echo"
        assert session.error is not answered, (extra, session.logs)
        if session.error:
            assert any(line.level == "ERROR" for line in session.logs)
    if kind == "echo":
        assert sessions[4].response["classifications"][0]["answer"] == "{not json"
    assert await serving.stop() == 0


async def test_bad_usage_has_its_exit_code_and_one_line(run: Any, tmp_path: Path) -> None:
    for arguments in (
        ("nonsense",),
        ("profiles", "add", "x"),
        ("profiles", "add", "x", "--host", "https://a.example", "--id", "i", "--onnx", str(tmp_path / "none.onnx")),
        ("profiles", "add", "x", "--id", "i", "--onnx", str(MODEL), "--secret-stdin"),
        ("run",),
        ("jobs", "list", "--state", "sleeping"),
    ):
        code, out, err = await run(*arguments, stdin="secret\n")
        assert code == 2, (arguments, err)
        assert err.count("\n") == 1, err
        assert not out
    code, _, err = await run("profiles", "show", "nobody")
    assert code == 1
    assert err.count("\n") == 1


async def test_files_are_tested_without_a_hub(run: Any, tmp_path: Path) -> None:
    code, out, err = await run("test", "--onnx", str(MODEL), str(PICTURE), "--json")
    assert code == 0, err
    (result,) = json.loads(out)
    assert set(result) == {"file", "answer", "response", "timings_ms", "warnings"}
    assert {item["title"] for item in result["answer"]["objects"]} == {"bolt", "nut", "washer"}
    code, out, err = await run("test", "--onnx", str(MODEL), str(PICTURE), "--json", "--map", "bolt=B1")
    (result,) = json.loads(out)
    assert {item["schemaId"] for item in result["answer"]["objects"]} == {"B1"}
    assert result["response"]["response"] == result["answer"]
    assert any("not mapped" in warning for warning in result["warnings"])

    code, out, err = await run("test", "--script", str(SEED), str(PICTURE), "--json")
    assert code == 0, err
    (result,) = json.loads(out)
    box = {"x": 20, "y": 30, "width": 50, "height": 60}
    assert result["answer"]["objects"] == [{"bounding-box": box}]
    assert result["response"]["response"]["answer"] == result["answer"]

    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    code, out, err = await run("test", "--onnx", str(MODEL), str(text), str(PICTURE), "--json")
    assert code == 1
    bad, good = json.loads(out)
    assert bad["answer"] is None
    assert bad["error"]
    assert good["answer"]["objects"]
