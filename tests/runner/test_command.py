from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.job import Job
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile, RemoteSource
from desktop_app.runner.command import BOOT, load_frame, overrides, run_frame, worker_command


def _profile(source: Any) -> Profile:
    return Profile(name="x", host="https://h", plugin_id="p", source=source)


def test_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    script = _profile(CallbackSource(script=Path("s.py"), arguments=("--token", "x"), environment={"A": "secret"}))
    other = _profile(CallbackSource(script=Path("s.py"), python=Path("/venv/bin/python")))
    onnx, remote = _profile(OnnxSource(path=Path("m.onnx"))), _profile(RemoteSource(url="http://t", model="m"))
    assert worker_command(script) == [sys.executable, "-u", str(BOOT)]
    assert worker_command(other) == ["/venv/bin/python", "-u", str(BOOT)]
    assert worker_command(onnx) == worker_command(remote) == [sys.executable, "-m", "desktop_app", "--worker"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    # Also in the window's process: on Windows its executable has no standard streams.
    monkeypatch.setattr(sys, "executable", str(Path("/app/plugdeck-window.exe")))
    app = str(Path("/app/plugdeck.exe"))
    assert worker_command(script) == [app, "--child"]
    assert worker_command(other) == ["/venv/bin/python", "-u", str(BOOT)]
    assert worker_command(onnx) == [app, "--worker"]


def test_relative_addresses_are_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    source = CallbackSource(script=Path("s.py"), python=Path("env/python"), working_directory=Path("work"))
    frame = load_frame(_profile(source))
    assert frame["source"]["script"] == str(tmp_path / "s.py")
    assert frame["source"]["working_directory"] == str(tmp_path / "work")
    assert worker_command(_profile(source))[0] == str(tmp_path / "env" / "python")
    assert load_frame(_profile(OnnxSource(path=Path("m.onnx"))))["source"]["path"] == str(tmp_path / "m.onnx")
    assert worker_command(_profile(CallbackSource(script=Path("s.py"), python=Path("python3"))))[0] == "python3"


def test_the_boot_file_is_there() -> None:
    assert BOOT.is_file()


def test_what_a_worker_is_told_to_load() -> None:
    frame = load_frame(_profile(CallbackSource(script=Path("/s.py"), arguments=("a",), environment={"A": "secret"})))
    assert frame["source"]["script"] == str(Path("/s.py"))
    assert frame["source"]["arguments"] == ["a"]
    assert "secret" not in str(frame), "the environment is inherited, not told"
    assert frame["detection"]["confidence"] == 0.25


def test_only_a_script_is_given_the_api_key() -> None:
    job = Job(session="S", profile_id="x", data={"session": "S", "apiKey": "k", "page": 3}, api_key="k")
    script = run_frame(_profile(CallbackSource(script=Path("s.py"))), job, 7, Path("/cache/a.jpg"))
    onnx = run_frame(_profile(OnnxSource(path=Path("m.onnx"))), job, 7, None)
    assert script["data"] == {"session": "S", "apiKey": "k", "page": 3}
    assert (script["id"], script["assetPath"], script["page"]) == (7, str(Path("/cache/a.jpg")), 3)
    assert onnx["data"] == {"session": "S", "page": 3}
    assert onnx["assetPath"] is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, {}),
        ("", {}),
        ("{oops", {}),
        ("[1]", {}),
        ("[" * 100_000, {}),
        ('{"confidence": 0.5, "mine": 1}', {"confidence": 0.5, "mine": 1}),
        ({"iou": 0.3, "classes": ["a"]}, {"iou": 0.3, "classes": ["a"]}),
    ],
)
def test_overrides_of_the_config(config: Any, expected: Any) -> None:
    assert overrides(Job(session="S", profile_id="x", data={}, config_json=config)) == expected
