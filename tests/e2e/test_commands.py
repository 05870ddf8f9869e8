"""What only a process of its own can show: signals, keychains by name, two processes on one data directory."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from desktop_app.core.resources import resource
from desktop_app.hub.demo.server import DemoHub

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MODEL = resource("demo", "fasteners.onnx")
PICTURE = resource("demo", "assets", "tray-01.jpg")

SLEEPER = """
import time
from ango.plugins import ModelPlugin, run

def work(**data):
    data["logger"].info("begun")
    print("begun", flush=True)
    time.sleep(600)

run(ModelPlugin(id="sleeper", secret="s", callback=work), host="%s")
"""

KEYCHAIN = '''
"""A keychain in a file, for this test only."""
import json, os, pathlib
from keyring.backend import KeyringBackend

class Keychain(KeyringBackend):
    priority = 1
    path = pathlib.Path(os.environ["KEYCHAIN_FILE"])
    def _all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}
    def get_password(self, service, name):
        return self._all().get(name)
    def set_password(self, service, name, password):
        self.path.write_text(json.dumps({**self._all(), name: password}))
    def delete_password(self, service, name):
        self.path.write_text(json.dumps({k: v for k, v in self._all().items() if k != name}))

class Forgetting(Keychain):
    def set_password(self, service, name, password):
        pass
'''


async def test_a_keychain_keeps_the_secret_for_the_next_process(
    plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path
) -> None:
    (tmp_path / "fake_keychain.py").write_text(KEYCHAIN)
    kept = tmp_path / "kept.json"
    chosen = tmp_path / "python_keyring" / "keyringrc.cfg"
    chosen.parent.mkdir()
    # The frozen app reads no PYTHONPATH: it finds the keychain through keyring's own file.
    chosen.write_text(f"[backend]\ndefault-keyring=fake_keychain.Keychain\nkeyring-path={tmp_path}\n")
    environment = {
        "PYTHON_KEYRING_BACKEND": None,
        "XDG_CONFIG_HOME": str(tmp_path),
        "KEYCHAIN_FILE": str(kept),
    }
    add = ("profiles", "add", "Cars", "--host", hub.url, "--id", "cars", "--secret-stdin", "--onnx", str(MODEL))
    code, _, err = await run(*add, stdin="kept-secret\n", **environment)
    assert (code, err) == (0, "")
    assert list(json.loads(kept.read_text()).values()) == ["kept-secret"]
    hub.add_plugin("cars", "kept-secret")
    serving = await plugdeck("run", "--json", **environment)
    await serving.until(lambda: bool(serving.events("ready")))
    assert await serving.stop() == 0

    code, _, err = await run("profiles", "remove", "Cars", **environment)
    assert code == 0, err
    assert json.loads(kept.read_text()) == {}
    chosen.write_text(chosen.read_text().replace("Keychain", "Forgetting"))
    code, _, err = await run(*add, stdin="kept-secret\n", **environment)
    assert code == 0
    assert "did not keep" in err
    assert "PLUGDECK_SECRET_CARS" in err


async def test_the_hub_alone_gives_jobs_to_whoever_comes(plugdeck: Any, run: Any, tmp_path: Path) -> None:
    alone = await plugdeck("hub", "--interval", "0.1")
    await alone.until(lambda: any("demo-fasteners-secret" in line for line in alone.lines))
    url = next(word for word in alone.lines[0].split() if word.startswith("http")).rstrip(",")
    script = tmp_path / "plugin.py"
    text = resource("demo", "plugins", "documented_sample.py").read_text()
    for placeholder, value in (("<YOUR HOST>", url), ("<YOUR PLUGIN ID>", "mine"), ("<YOUR PLUGIN SECRET>", "any")):
        text = text.replace(placeholder, value)
    script.write_text(text)
    code, _, err = await run("profiles", "add", "Mine", "--script", str(script), "--from-script")
    assert code == 0, err
    line = ("profiles", "add", "Demo", "--host", url, "--id", "demo-fasteners", "--onnx", str(MODEL))
    code, _, err = await run(*line, PLUGDECK_SECRET_DEMO="demo-fasteners-secret")
    assert code == 0, err
    serving = await plugdeck("run", PLUGDECK_SECRET_DEMO="demo-fasteners-secret", PLUGDECK_SECRET_MINE="any")
    await alone.until(
        lambda: (
            any(" mine " in line and "answered with 1 object" in line for line in alone.lines)
            and any(" demo-fasteners " in line and "answered with" in line for line in alone.lines)
        )
    )
    told = "\n".join(alone.lines)
    assert " mine: online" in told
    assert "INFO Plugin session is started!" in told
    assert "started on tray-" in told
    assert await serving.stop() == 0
    await alone.until(lambda: any(" mine: offline" in line for line in alone.lines))
    assert await alone.stop(signal.SIGINT) == 0  # within its limit: open connections are not waited for
    assert alone.errors == b""
    with pytest.raises(httpx.ConnectError):
        await asyncio.to_thread(httpx.get, url)


async def test_the_hub_says_that_its_port_is_taken(plugdeck: Any, run: Any, hub: DemoHub) -> None:
    port = hub.url.rpartition(":")[2]
    code, out, err = await run("hub", "--port", port)
    assert code == 1
    assert port in err
    assert err.count("\n") == 1
    assert not out


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_drain(
    first: signal.Signals, plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path
) -> None:
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER % hub.url)
    code, _, err = await run("profiles", "add", "Sleeper", "--script", str(script), "--from-script")
    assert code == 0, err
    hub.add_plugin("sleeper", "s")
    serving = await plugdeck("run", PLUGDECK_SECRET_SLEEPER="s")
    await hub.wait_online("sleeper", 60)
    session = await hub.run_plugin("sleeper", asset=0)
    await hub.wait_until(lambda: bool(session.logs), 30)
    children = [child.pid for child in serving.children()]
    serving.process.send_signal(first)
    await serving.until(lambda: any("Stopping" in line for line in serving.lines))
    began = time.monotonic()
    assert await serving.stop(signal.SIGINT, timeout=15) == 0
    assert time.monotonic() - began < (2.4 if first is signal.SIGINT else 5)
    assert not [pid for pid in children if psutil.pid_exists(pid)]
    await session.wait(5)
    assert session.error  # the hub heard of it


async def test_ctrl_c_ends_a_test_and_its_worker(plugdeck: Any, tmp_path: Path) -> None:
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER % "http://127.0.0.1:1")
    testing = await plugdeck("test", "--script", str(script), str(PICTURE), "--log-level", "info")
    while not testing.children():  # noqa: ASYNC110 - the operating system has no event for it
        await asyncio.sleep(0.02)
    children = [child.pid for child in testing.children()]
    assert await testing.stop(signal.SIGINT, timeout=15) == 130
    assert b"Traceback" not in testing.errors, testing.errors.decode()
    assert not [pid for pid in children if psutil.pid_exists(pid)]


async def test_nothing_but_json_on_stdout_while_serving(plugdeck: Any, run: Any, hub: DemoHub, tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise RuntimeError('as it is')\n")
    line = ("profiles", "add", "Broken", "--host", hub.url, "--id", "b", "--script", str(script))
    code, _, err = await run(*line, PLUGDECK_SECRET_BROKEN="s")
    assert code == 0, err
    serving = await plugdeck("run", "--json", PLUGDECK_SECRET_BROKEN="s")
    await serving.until(lambda: any(event["state"] == "model failed" for event in serving.events("state")))
    await serving.until(lambda: b"as it is" in serving.errors)
    assert await serving.stop() == 0
    assert {event["event"] for event in serving.events()} == {"state"}
    for event in serving.events("state"):
        assert set(event) == {"event", "profile", "state", "detail"}
