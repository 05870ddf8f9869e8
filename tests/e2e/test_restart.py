"""The real process ended in every way there is, and started again: each job is answered, once; no secret is kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.doctor.diagnostics import save_diagnostics
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.opening import copy_is_sound
from desktop_app.store.paths import DataDir

pytestmark = pytest.mark.e2e

GATED = """
import os, time
from imerit_ango.plugins import ModelPlugin, run

GATE = {gate!r}

def annotate(data):
    data["logger"].info("at work")
    while not os.path.exists(GATE):
        time.sleep(0.05)
    echo = {{"title": "Echo", "answer": str(data.get("configJSON"))}}
    return {{"objects": [], "classifications": [echo], "relations": []}}

run(ModelPlugin(id="x", secret="y", callback=annotate), host="http://127.0.0.1")
"""
LIMIT_S = 60


async def add(run: Any, hub: DemoHub, tmp_path: Path) -> Path:
    """A plugin "gated" that works on its first job until the file that is given back exists."""
    gate = tmp_path / "gate"
    script = tmp_path / "gated.py"
    script.write_text(GATED.format(gate=str(gate)))
    arguments = ["--host", hub.url, "--id", "gated", "--secret-stdin", "--script", str(script)]
    code, _, err = await run("profiles", "add", "gated", *arguments, stdin="s\n")
    assert code == 0, err
    hub.add_plugin("gated", "s")
    return gate


def on_disk(data_dir: Path) -> set[str]:
    """Sessions whose job and event are in the database."""
    with contextlib.closing(sqlite3.connect(data_dir / "plugdeck.db", timeout=LIMIT_S)) as connection:
        return {row[0] for row in connection.execute("SELECT session FROM job JOIN job_payload USING (n)")}


async def jobs(hub: DemoHub, data_dir: Path) -> dict[str, list[Any]]:
    """What an app may be hit with in the middle of: all of it is on disk when this returns."""
    open_url = {"dataURL": f"{hub.url}/pictures/a.png"}
    sessions = {
        "open": [await hub.run_plugin("gated", config=f"open {n}", extra=open_url) for n in range(12)],
        "signed": [await hub.run_plugin("gated", config=f"signed {n}") for n in range(4)],
        "workflow": [await hub.run_plugin("gated", workflow=True, extra=open_url) for _ in range(4)],
    }
    wanted = {session.id for kind in sessions.values() for session in kind}
    async with asyncio.timeout(LIMIT_S):
        while not wanted <= await asyncio.to_thread(on_disk, data_dir):  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.05)
    first = sessions["open"][0]
    await hub.wait_until(lambda: any(line.message == "at work" for line in first.logs), LIMIT_S)
    return sessions


async def serve(plugdeck: Any, **environment: str) -> Any:
    serving = await plugdeck("run", "--json", PLUGDECK_SECRET_GATED="s", **environment)
    await serving.until(lambda: bool(serving.events("ready")))
    return serving


def kill(serving: Any) -> None:
    for process in (psutil.Process(serving.pid), *serving.children()):
        process.kill()


@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "power loss"])
async def test_every_job_is_answered_once(
    end: str, plugdeck: Any, run: Any, hub: DemoHub, data_dir: Path, tmp_path: Path
) -> None:
    gate = await add(run, hub, tmp_path)
    serving = await serve(plugdeck)
    sessions = await jobs(hub, data_dir)
    environment: dict[str, str] = {}
    if end == "SIGTERM":
        assert await serving.stop(signal.SIGTERM, 30) == 0
        # Those that no later start could do are told at once.
        for session in (*sessions["signed"], *sessions["workflow"]):
            await session.wait(LIMIT_S)
    elif end == "SIGKILL":
        kill(serving)
        await serving.ended()
    else:
        copy = tmp_path / "copy"
        await asyncio.to_thread(shutil.copytree, data_dir, copy)  # while it is being written
        kill(serving)
        await serving.ended()
        environment["PLUGDECK_DATA_DIR"] = str(copy)
    assert [session.responses for session in sessions["open"]] == [[]] * 12
    gate.touch()
    again = await serve(plugdeck, **environment)
    for number, session in enumerate(sessions["open"]):
        await session.wait(LIMIT_S)
        assert session.response["classifications"] == [{"title": "Echo", "answer": f"open {number}"}], session.logs
    for kind, words in (("signed", "signatures are never on disk"), ("workflow", "API key, which is never on disk")):
        for session in sessions[kind]:
            await session.wait(LIMIT_S)
            assert session.responses == [{"error": True, "session": session.id}]
            assert words in session.logs[-1].message
    assert await again.stop(signal.SIGTERM, 30) == 0
    assert all(len(session.responses) == 1 for kind in sessions.values() for session in kind)
    assert hub.protocol_errors == []
    assert copy_is_sound(Path(environment.get("PLUGDECK_DATA_DIR", data_dir)) / "plugdeck.db")


async def test_a_damaged_database_is_set_aside_kept_and_said(
    plugdeck: Any, run: Any, hub: DemoHub, data_dir: Path, tmp_path: Path
) -> None:
    gate = await add(run, hub, tmp_path)
    gate.touch()
    serving = await serve(plugdeck)
    answered = await hub.run_plugin("gated", asset=0)
    await answered.wait(LIMIT_S)
    kill(serving)
    await serving.ended()
    database = data_dir / "plugdeck.db"
    await (await plugdeck("profiles", "list")).ended()  # moves the log into the file
    whole = database.read_bytes()
    broken = bytearray(whole)
    broken[len(whole) // 2 :] = b"\x5a" * (len(whole) - len(whole) // 2)
    database.write_bytes(broken)
    (data_dir / "plugdeck.db-wal").unlink(missing_ok=True)
    again = await plugdeck("run", "--json", PLUGDECK_SECRET_GATED="s")
    await again.until(lambda: b"set aside" in again.errors)
    [aside] = await asyncio.to_thread(lambda: list(data_dir.glob("plugdeck.damaged-*.db")))
    assert aside.read_bytes()[: len(whole) // 2] == whole[: len(whole) // 2]
    await again.until(lambda: b"The database was damaged. It was set aside as" in again.errors)
    await again.stop(signal.SIGTERM, 30)
    assert copy_is_sound(database)


async def test_nothing_that_is_written_shown_or_inherited_holds_a_secret(
    plugdeck: Any, run: Any, hub: DemoHub, data_dir: Path, tmp_path: Path
) -> None:
    """Secret, API keys and signatures: in jobs that work, fail, log and are ended, as far as the disk and ps see."""
    secret = "plugin-secret-8d1f0c7a"
    script = tmp_path / "talker.py"
    script.write_text(
        "import os, sys\n"
        "from imerit_ango.plugins import ModelPlugin, run\n\n"
        "def annotate(data):\n"
        "    data['logger'].info('working on %s with %s', data['dataURL'], data['apiKey'])\n"
        "    print('print', data['apiKey'], data['dataURL'])\n"
        "    print('{\"apiKey\": \"%s\"}' % data['apiKey'], file=sys.stderr)\n"
        "    if data.get('configJSON') == 'fail':\n"
        "        raise ValueError('cannot read ' + data['dataURL'] + ' as ' + data['apiKey'])\n"
        "    text = [{'title': 'T', 'answer': data['dataURL']}]\n"
        "    place = {'x': 1, 'y': 1, 'width': 5, 'height': 5}\n"
        "    shapes = [{'title': data['dataURL'], 'bounding-box': place}]\n"
        "    answer = {'objects': shapes, 'classifications': text, 'relations': []}\n"
        "    return {'data': data['dataURL'], 'answer': answer}\n\n"
        f"run(ModelPlugin(id='x', secret={secret!r}, callback=annotate), host='http://127.0.0.1')\n"
    )
    arguments = ["--host", hub.url, "--id", "talker", "--secret-stdin", "--script", str(script)]
    code, _, err = await run("profiles", "add", "talker", *arguments, stdin=f"{secret}\n")
    assert code == 0, err
    hub.add_plugin("talker", secret)
    serving = await plugdeck("run", "--json", PLUGDECK_SECRET_TALKER=secret, HARMLESS=f"--token={secret}")
    await serving.until(lambda: bool(serving.events("ready")))
    sessions = [
        await hub.run_plugin("talker", asset=0),
        await hub.run_plugin("talker", asset=1, config="fail"),
        await hub.run_plugin("talker", asset=0, workflow=True),
        await hub.run_plugin("talker", asset=0, extra={"nested": {"accessToken": "nested-token-77aa", "n": 1}}),
    ]
    seen = ""
    for process in serving.children():
        seen += " ".join(process.cmdline()) + str(process.environ())
    seen += " ".join(psutil.Process(serving.pid).cmdline())
    for session in sessions:
        await session.wait(LIMIT_S)
    signatures = {session.job["dataURL"].partition("?")[2] for session in sessions}
    assert all(signatures)
    hidden = {secret, "nested-token-77aa", *signatures, *(session.api_key for session in sessions)}
    await serving.until(lambda: len(serving.events("job")) == 4)
    for command in (
        ("jobs", "show", sessions[0].id),
        *(("jobs", "export", "--format", form, str(data_dir / f"export-{form}")) for form in ("ango", "coco", "yolo")),
        ("profiles", "export", "talker", str(data_dir / "profile.json")),
        ("doctor", "talker", "--json"),
    ):
        _, out, err = await run(*command)
        seen += out + err
    assert await serving.stop(signal.SIGTERM, 30) == 0
    seen += "\n".join(serving.lines) + serving.errors.decode()
    for value in hidden:
        assert value not in seen
    # It dies of a signal while it has the secret; what it leaves becomes a report, and all of it goes into the zip.
    dying = await plugdeck("run", "--json", PLUGDECK_SECRET_TALKER=secret)
    await dying.until(lambda: bool(dying.events("ready")))
    await dying.stop(signal.SIGSEGV, LIMIT_S)
    host = Host(DataDir(data_dir))
    await host.start()
    host.bug(RuntimeError(f"cannot read {sessions[0].job['dataURL']}"), "a test")
    packed = await save_diagnostics(host, tmp_path / "diagnostics.zip", [])
    await host.stop(0.0)
    with zipfile.ZipFile(packed) as made:
        parts = {name: made.read(name).decode() for name in made.namelist()}
    assert sum("/crashes/" in name for name in parts) == 2, list(parts)
    assert "Fatal Python error" in "".join(parts.values())
    for value in hidden:
        assert value not in "".join(parts.values())
    files = await asyncio.to_thread(lambda: [path for path in data_dir.rglob("*") if path.is_file()])
    exports = {"export-ango", "export-coco"}
    assert {"plugdeck.db", "profile.json", *exports} <= {path.name for path in files}
    assert sum(path.name.startswith("crash-") for path in files) == 2
    for path in files:
        content = path.read_bytes()
        for value in hidden:
            assert value.encode() not in content, (path, value)
    # The bodies in the database are packed: what is in them is looked at as it is read.
    for session in sessions[1:3]:
        _, out, _ = await run("jobs", "show", session.id)
        for value in hidden:
            assert value not in out
    modes = [oct(os.stat(path).st_mode & 0o777) for path in (data_dir, data_dir / "plugdeck.db")]  # noqa: PTH116
    assert modes == ["0o700", "0o600"]
