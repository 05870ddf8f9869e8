from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from desktop_app.core.profile import (
    KNOWN_HOSTS,
    AnswerFormat,
    CallbackSource,
    Detection,
    OnnxSource,
    Profile,
    RemoteSource,
    Shape,
)


def profile(**changes: Any) -> Profile:
    values = {
        "name": "Vehicles",
        "host": "https://api.ango.ai",
        "plugin_id": "abc",
        "source": OnnxSource(path=Path("m.onnx")),
    }
    return Profile(**{**values, **changes})


@pytest.mark.parametrize(
    "source",
    [
        OnnxSource(path=Path("m.onnx"), provider="cuda", overrides={"input": {"scale": 1}}),
        CallbackSource(
            script=Path("s.py"), python=Path("/venv/bin/python"), arguments=("--x", "1"), environment={"A": "b"}
        ),
        RemoteSource(url="https://triton.local:8000", model="yolo"),
    ],
)
def test_profiles_survive_json(source: Any) -> None:
    before = profile(source=source, detection=Detection(classes=("a", "b"), shape=Shape.POLYGON))
    after = Profile.model_validate_json(before.model_dump_json())
    assert after == before
    assert type(after.source) is type(source)
    assert json.loads(before.model_dump_json())["source"]["kind"] == source.kind


def test_defaults() -> None:
    made = profile()
    assert (made.enabled, made.concurrency, made.timeout_s) == (True, 1, 120)
    assert made.answer_format is AnswerFormat.AUTO
    assert (made.detection.confidence, made.detection.iou) == (0.25, 0.45)
    assert made.id != profile().id
    assert all(profile(host=host).host == host for host in KNOWN_HOSTS)


def test_text_is_stripped() -> None:
    made = profile(name="  Vehicles ", plugin_id=" abc\n", host=" https://api.ango.ai/ ")
    assert (made.name, made.plugin_id, made.host) == ("Vehicles", "abc", "https://api.ango.ai")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "two\nlines"},
        {"name": "bell\x07"},
        {"name": "x" * 101},
        {"plugin_id": ""},
        {"plugin_id": "a\tb"},
        {"host": "api.ango.ai"},
        {"host": "ftp://api.ango.ai"},
        {"host": "http://["},
        {"host": "https://h:80O0"},
        {"host": "https://"},
        {"host": "https://user:pass@api.ango.ai"},
        {"host": "https://api.ango.ai?x=1"},
        {"host": "https://api.ango.ai#x"},
        {"source": {"kind": "onnx"}},
        {"source": {"kind": "magic", "path": "x"}},
        {"source": {"path": "x"}},
        {"concurrency": 0},
        {"concurrency": 65},
        {"timeout_s": 0},
        {"memory_limit_mb": 1},
        {"detection": {"confidence": 1.1}},
        {"detection": {"iou": -0.1}},
        {"detection": {"max_instances": 0}},
        {"detection": {"min_size": -1}},
        {"answer_format": "xml"},
        {"secret": "never here"},
    ],
)
def test_what_cannot_be_a_profile(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        profile(**changes)


def test_a_change_makes_a_validated_new_one() -> None:
    before = profile()
    after = before.changed(name="Plates", concurrency=4)
    assert (before.name, after.name, after.concurrency, after.id) == ("Vehicles", "Plates", 4, before.id)
    with pytest.raises(ValidationError):
        before.changed(concurrency=0)
    with pytest.raises(ValidationError):
        before.changed(unknown=1)
    with pytest.raises(ValidationError):
        before.name = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("https://api.ango.ai", False),
        ("http://127.0.0.1.evil.com", False),
        ("http://localhost.evil.com", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert profile(host=host).is_loopback is loopback


@pytest.mark.parametrize(
    ("name", "variable"),
    [("Vehicles", "VEHICLES"), ("My model 2", "MY_MODEL_2"), ("Zähler-é", "Z_HLER__"), ("a.b", "A_B")],
)
def test_the_variable_of_the_secret(name: str, variable: str) -> None:
    assert profile(name=name).secret_variable == f"PLUGDECK_SECRET_{variable}"


def test_an_onnx_file_has_one_more_job_in_its_worker_than_runs() -> None:
    fields = {"name": "x", "host": "https://h", "plugin_id": "p", "concurrency": 2}
    assert Profile(**fields, source=OnnxSource(path=Path("m.onnx"))).jobs_in_worker == 3
    assert Profile(**fields, source=CallbackSource(script=Path("s.py"))).jobs_in_worker == 2
