from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli.parser import parse
from desktop_app.cli.serve import SIGINT_DRAIN_S, SIGTERM_DRAIN_S, Printer, Stop, _rest_server, job_event, job_line
from desktop_app.core.events import JobChanged, Level, Logged, LogLine, ProfileState, ProfileStatus, StatusChanged
from desktop_app.core.job import JobRecord, JobState, StepTimings
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.host import Host
from desktop_app.store.paths import DataDir

PROFILE = Profile(id="p1", name="Cars", host="https://h.example", plugin_id="i", source=OnnxSource(path=Path("m")))
RECORD = JobRecord(
    id="j", session="s1", profile_id="p1", profile_name="Cars", state=JobState.DELIVERED,
    received_at=1.0, updated_at=2.0,
    timings=StepTimings(fetch=1.5, queue=0.1, run=20.0, build=1.0, deliver=2.0, total=24.6), objects=3,
)  # fmt: skip


class Ears:
    """A printer and what it prints."""

    def __init__(self, host: Host, capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
        self._host = host
        self._capsys = capsys
        self.printer = Printer(host, as_json=as_json)

    def state(self, state: ProfileState, detail: str = "", profile_id: str = "p1") -> list[str]:
        return self.say(StatusChanged(ProfileStatus(profile_id, state, detail)))

    def say(self, event: Any) -> list[str]:
        self._host.events.emit(event)
        self.printer._tell()  # JSON lines are gathered for a moment
        captured = self._capsys.readouterr()
        return [*captured.out.splitlines(), *(f"stderr {line}" for line in captured.err.splitlines())]


@pytest.fixture
async def host(tmp_path: Path) -> Host:
    made = Host(DataDir(tmp_path / "none"))
    made.profiles._profiles[PROFILE.id] = PROFILE
    return made


async def test_json_lines_are_those_of_the_contract(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    ears = Ears(host, capsys, as_json=True)
    (loading,) = ears.state(ProfileState.LOADING)
    assert json.loads(loading) == {"event": "state", "profile": "Cars", "state": "loading model", "detail": ""}
    ready, online = ears.state(ProfileState.ONLINE)
    assert json.loads(ready) == {"event": "ready", "profile": "Cars"}
    assert json.loads(online)["state"] == "online"
    assert [json.loads(line)["state"] for line in ears.state(ProfileState.BUSY)] == ["busy"]
    assert ears.state(ProfileState.BUSY) == []
    (job,) = ears.say(JobChanged(RECORD))
    assert json.loads(job) == {
        "event": "job", "profile": "Cars", "session": "s1", "state": "delivered", "error": None,
        "timings_ms": {"fetch": 1.5, "queue": 0.1, "run": 20.0, "build": 1.0, "deliver": 2.0, "total": 24.6},
    }  # fmt: skip
    # Ready again after it was away, and only then.
    assert len(ears.state(ProfileState.ONLINE)) == 1
    ears.state(ProfileState.RECONNECTING, "gone")
    assert len(ears.state(ProfileState.ONLINE)) == 2
    ears.printer.disconnect()
    assert ears.state(ProfileState.STOPPED) == []


async def test_json_lines_are_told_without_being_asked_for(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(host, as_json=True)
    host.events.emit(StatusChanged(ProfileStatus("p1", ProfileState.LOADING)))
    told = ""
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0.005)
            told = capsys.readouterr().out
    assert json.loads(told)["state"] == "loading model"
    # And what is left at the end is not lost.
    host.events.emit(StatusChanged(ProfileStatus("p1", ProfileState.STOPPED)))
    printer.disconnect()
    assert json.loads(capsys.readouterr().out)["state"] == "stopped"


async def test_warnings_go_to_stderr_beside_json(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    ears = Ears(host, capsys, as_json=True)
    line = LogLine(1.0, Level.WARNING, "careful\nnow", profile_id="p1", profile_name="Cars")
    assert ears.say(Logged((line,))) == ["stderr plugdeck: Cars: warning: careful now"]
    assert ears.say(Logged((replace(line, level=Level.INFO), replace(line, job_id="j")))) == []


async def test_people_read_each_thing_once(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    ears = Ears(host, capsys, as_json=False)
    assert ears.state(ProfileState.ONLINE) == ["Cars: online"]
    assert ears.state(ProfileState.BUSY) == []
    assert ears.say(JobChanged(RECORD)) == ["Cars: s1 delivered in 25 ms, 3 annotations"]
    assert ears.say(JobChanged(RECORD)) == []  # told again when its asset came late
    assert ears.say(JobChanged(replace(RECORD, id="k", state=JobState.RUNNING))) == []
    assert ears.state(ProfileState.ONLINE) == []
    assert ears.state(ProfileState.RECONNECTING, "gone\x1b[2J") == ["Cars: reconnecting (gone�[2J)"]
    line = LogLine(1.0, Level.WARNING, "reconnecting: gone\x1b[2J", profile_id="p1", profile_name="Cars")
    assert ears.say(Logged((line,))) == []
    assert ears.say(Logged((replace(line, message="disk is full", profile_name=""),))) == [
        "plugdeck: warning: disk is full"
    ]


def test_a_failed_job_says_why() -> None:
    failed = replace(RECORD, state=JobState.FAILED, error="No picture (x).", objects=0)
    assert job_line(failed) == "Cars: s1 failed in 25 ms: No picture (x)."
    assert job_line(replace(failed, state=JobState.CANCELLED)) == "Cars: s1 cancelled in 25 ms"
    assert job_event(failed)["error"] == "No picture (x)."
    assert job_line(replace(RECORD, objects=1, dropped=2)).endswith("1 annotation, 2 dropped")


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")
@pytest.mark.parametrize(
    ("signals", "drain_s", "again"),
    [
        ([signal.SIGTERM], SIGTERM_DRAIN_S, 0),
        ([signal.SIGINT], SIGINT_DRAIN_S, 0),
        ([signal.SIGTERM, signal.SIGINT], 0.0, 1),
        ([signal.SIGINT, signal.SIGINT], 0.0, 1),
    ],
)
async def test_signals_say_how_long_to_drain(signals: list[int], drain_s: float, again: int) -> None:
    loop = asyncio.get_running_loop()
    heard: list[int] = []
    try:
        stop = Stop()
        stop.again = lambda: heard.append(1)
        for number in signals:
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), 5)
        while len(heard) < again:  # noqa: ASYNC110 - a signal comes when it comes
            await asyncio.sleep(0.005)
        assert stop.drain_s == drain_s
        assert len(heard) == again
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def test_there_must_be_something_to_serve(cli: Any, model: Path, keychain: Any) -> None:
    outcome = cli("run")
    assert outcome.code == 2
    assert "profiles add" in outcome.err
    assert outcome.out == ""
    assert cli("run", "nobody").code == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["one", "--port", "8081"], "--bind and --port go with --rest"),
        (["one", "--bind", "127.0.0.1"], "--bind and --port go with --rest"),
        (["--rest"], "--rest serves one profile, and 2 are meant"),
        (["one", "two", "--rest"], "--rest serves one profile, and 2 are meant"),
        (["one", "--rest", "--port", "70000"], "--port"),
        (["one", "--rest", "--bind", "203.0.113.7"], "--bind 127.0.0.1"),
    ],
)
def test_rest_options_that_do_not_go_together(cli: Any, script: Path, options: list[str], told: str) -> None:
    for name in ("one", "two"):
        assert cli("profiles", "add", name, "--script", script, "--from-script").code == 0
    outcome = cli("run", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


def test_the_rest_connector_is_for_this_machine_unless_told_otherwise() -> None:
    profile = Profile(name="Cars", host="https://hub.example", plugin_id="x", source=OnnxSource(path=Path("m.onnx")))
    server = _rest_server(parse(["run", "Cars", "--rest"]), [profile])
    assert server is not None
    assert server.url == "http://127.0.0.1:8080"
