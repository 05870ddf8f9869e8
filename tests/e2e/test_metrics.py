"""`plugdeck run` as a fleet runs it: metrics, health, JSON logs, and a drain that ends within its limit."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from desktop_app.core.resources import resource
from desktop_app.hub.demo.server import DemoHub

pytestmark = pytest.mark.e2e

SECRET = "fleet-secret-5d1c"
SLOW = """
import os, time
from imerit_ango.plugins import ModelPlugin, run

def annotate(data):
    data["logger"].info("at work")
    while not os.path.exists({gate!r}):
        time.sleep(0.05)
    return {{"objects": [], "classifications": [], "relations": []}}

run(ModelPlugin(id="x", secret="y", callback=annotate), host="http://127.0.0.1")
"""


async def test_a_runner_tells_its_numbers_its_health_and_its_log(
    plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    script = tmp_path / "slow.py"
    script.write_text(SLOW.format(gate=str(gate)))
    model = str(resource("demo", "fasteners.onnx"))
    for name, source in (("eye", ["--onnx", model]), ("slow", ["--script", str(script)])):
        hub.add_plugin(name, SECRET, class_names=("bolt",))
        arguments = ["--host", hub.url, "--id", name, "--secret-stdin", *source]
        code, _, err = await run("profiles", "add", name, *arguments, stdin=f"{SECRET}\n")
        assert code == 0, err
    secrets = {"PLUGDECK_SECRET_EYE": SECRET, "PLUGDECK_SECRET_SLOW": SECRET}
    options = ("--json", "--metrics", "127.0.0.1:0", "--log-format", "json")
    serving = await plugdeck("run", *options, **secrets)
    await serving.until(lambda: len(serving.events("ready")) == 2)
    [told] = serving.events("metrics")
    sessions = [await hub.run_plugin("eye", asset=number % 4) for number in range(6)]
    for session in sessions:
        await session.wait(60)
    await serving.until(lambda: len(serving.events("job")) == 6)
    async with httpx.AsyncClient(base_url=told["address"]) as http:
        assert (await http.get("/healthz")).status_code == 200
        ready = await http.get("/readyz")
        assert ready.status_code == 200, ready.text
        families = {family.name: family for family in text_string_to_metric_families((await http.get("/metrics")).text)}
        values = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families.values()
            for sample in family.samples
        }
        eye = ("profile", "eye")
        assert values["plugdeck_jobs_total", eye, ("state", "delivered")] == 6
        assert values["plugdeck_step_seconds_count", eye, ("step", "run")] == 6
        assert values["plugdeck_connected", eye] == values["plugdeck_connected", ("profile", "slow")] == 1
        assert families["plugdeck_step_seconds"].type == "histogram"
        assert "process_resident_memory_bytes" in families or "plugdeck" in families
        # A job in hand, and a SIGTERM: while it drains it lives and is not ready, and it ends by itself.
        slow = await hub.run_plugin("slow", asset=0)
        await hub.wait_until(lambda: any(line.message == "at work" for line in slow.logs), 60)
        serving.process.send_signal(signal.SIGTERM)
        gate.touch()
        with contextlib.suppress(httpx.TransportError):  # it may have ended before it was asked
            while (reply := await http.get("/readyz")).status_code == 200:  # noqa: ASYNC110 - the process tells nobody
                await asyncio.sleep(0.02)
            assert reply.json()["status"] == "draining"
    assert await serving.ended(60) == 0
    if not slow.done:
        # A machine so slow that the limit passed first: the job is on disk, for the next start.
        again = await plugdeck("run", "--json", **secrets)
        await slow.wait(60)
        assert await again.stop() == 0
    assert slow.response == {"objects": [], "classifications": [], "relations": []}
    log = [json.loads(line) for line in serving.errors.decode().splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in log)
    assert any(line["message"].startswith("Model loaded") and line.get("profile") == "eye" for line in log)
    everything = serving.errors.decode() + "\n".join(serving.lines) + (await asyncio.to_thread(str, values))
    for value in (SECRET, *(session.api_key for session in (*sessions, slow))):
        assert value not in everything


async def test_an_address_that_cannot_be_used_is_said_and_nothing_is_served(run: Any, hub: DemoHub) -> None:
    model = str(resource("demo", "fasteners.onnx"))
    arguments = ["--host", hub.url, "--id", "eye", "--secret-stdin", "--onnx", model]
    assert (await run("profiles", "add", "eye", *arguments, stdin="s\n"))[0] == 0
    code, _, err = await run("run", "--metrics", "nonsense", PLUGDECK_SECRET_EYE="s")
    assert (code, "127.0.0.1:9464" in err) == (2, True)
    taken = hub.url.removeprefix("http://")
    code, _, err = await run("run", "--metrics", taken, "--log-format", "json", PLUGDECK_SECRET_EYE="s")
    assert code == 1
    assert "cannot be offered" in json.loads(err.splitlines()[-1])["message"]
    assert hub.plugins.get("eye") is None or not hub.online("eye")
