from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli.models import class_names, existing_file, profile_of, source_of
from desktop_app.cli.parser import parse
from desktop_app.core.errors import ModelLoadError, UsageError
from desktop_app.core.profile import AnswerFormat, CallbackSource, OnnxSource, RemoteSource, Shape


def options(*line: object) -> Any:
    return parse(["test", *(str(item) for item in line)])


def test_one_source_for_each_kind_of_model(model: Path, script: Path, tmp_path: Path) -> None:
    assert source_of(options("--onnx", model)) == OnnxSource(path=model, provider="cpu")
    assert source_of(options("--onnx", model, "--provider", "cuda")) == OnnxSource(path=model, provider="cuda")
    assert source_of(options("--onnx", model, "--unload-after", "90")) == OnnxSource(path=model, unload_after_s=90)
    remote = options(
        "--remote", "http://gpu-box:8000/v2/", "--model", "m", "--model-version", 3, "--allow-insecure-remote"
    )
    assert source_of(remote) == RemoteSource(url="http://gpu-box:8000", model="m", version="3", allow_insecure=True)
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    # The link itself: it is what makes the interpreter belong to its environment.
    assert source_of(options("--script", script, "--python", link)) == CallbackSource(script=script, python=link)


def test_paths_are_made_absolute(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(script.parent)
    assert source_of(options("--script", script.name)) == CallbackSource(script=script.resolve())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["--onnx", "none.onnx"], "no such file"),
        (["--onnx", "."], "folder"),
        (["--script", "none.py"], "no such file"),
        (["--script", "SCRIPT", "--python", "/none/python"], "/none/python"),
        (["--onnx", "SCRIPT", "--python", sys.executable], "--python"),
        (["--onnx", "SCRIPT", "--model", "m"], "--model"),
        (["--script", "SCRIPT", "--provider", "cuda"], "--provider"),
        (["--script", "SCRIPT", "--unload-after", "60"], "--unload-after"),
        (["--remote", "http://127.0.0.1", "--model", "m", "--unload-after", "60"], "--unload-after"),
        (["--remote", "http://127.0.0.1"], "--model NAME"),
        (["--remote", "http://gpu-box:8000", "--model", "m"], "--allow-insecure-remote"),
        (["--remote", "https://me:key@gpu-box", "--model", "m"], "--remote: must be a plain address"),
        (["--onnx", "SCRIPT", "--token-env", "TOKEN"], "--token-env"),
        (["--remote", "http://127.0.0.1", "--model", "m", "--provider", "cuda"], "--provider"),
    ],
)
def test_what_does_not_fit_is_named(line: list[str], says: str, script: Path) -> None:
    with pytest.raises(UsageError) as error:
        source_of(options(*(script if item == "SCRIPT" else item for item in line)))
    assert says in str(error.value)


async def test_every_option_reaches_the_profile(model: Path) -> None:
    profile = await profile_of(
        "Cars",
        "https://hub.example/",
        " id ",
        options(
            "--onnx", model, "--confidence", "0.4", "--iou", "0.6", "--classes", "a, b,c",
            "--shape", "rotated-bounding-box",
            "--concurrency", "3", "--timeout", "7.5", "--answer-format", "flat", "--allow-private-assets",
            "--allow-insecure-host",
        ),
    )  # fmt: skip
    assert (profile.name, profile.host, profile.plugin_id) == ("Cars", "https://hub.example", "id")
    assert profile.detection.confidence == 0.4
    assert profile.detection.iou == 0.6
    assert profile.detection.classes == ("a", "b", "c")
    assert profile.detection.shape is Shape.ROTATED
    assert (profile.concurrency, profile.timeout_s) == (3, 7.5)
    assert profile.answer_format is AnswerFormat.FLAT
    assert profile.allow_private_assets
    assert profile.allow_insecure_host


async def test_defaults_are_those_of_the_contract(model: Path) -> None:
    profile = await profile_of("Cars", "https://hub.example", "id", options("--onnx", model))
    assert (profile.detection.confidence, profile.detection.iou) == (0.25, 0.45)
    assert profile.detection.shape is Shape.AUTO
    assert profile.answer_format is AnswerFormat.AUTO
    assert not profile.allow_private_assets
    assert not profile.allow_insecure_host


@pytest.mark.parametrize(
    ("name", "host", "more", "says"),
    [
        (" ", "https://hub.example", [], "name"),
        ("x", "hub.example", [], "--host: must be an address"),
        ("x", "https://user:pass@hub.example", [], "plain address"),
        ("x", "https://hub.example", ["--concurrency", "65"], "--concurrency"),
    ],
)
async def test_values_that_do_not_fit_are_named(name: str, host: str, more: list[str], says: str, model: Path) -> None:
    with pytest.raises(UsageError) as error:
        await profile_of(name, host, "id", options("--onnx", model, *more))
    assert says in str(error.value)
    assert "pass" not in str(error.value)


async def test_class_names_come_from_a_list_or_a_file(tmp_path: Path) -> None:
    assert await class_names(" car , truck,, ") == ("car", "truck")
    listed = tmp_path / "classes.txt"
    listed.write_text("car\n\ntraffic light\n")
    assert await class_names(str(listed)) == ("car", "traffic light")
    yaml = tmp_path / "data.yaml"
    yaml.write_text("train: images\nnc: 2\nnames:\n  0: car\n  1: truck\n")
    assert await class_names(str(yaml)) == ("car", "truck")


async def test_a_file_name_is_never_taken_for_a_class(tmp_path: Path) -> None:
    for text in (tmp_path / "none.txt", tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UsageError):
            await class_names(str(text))
    with pytest.raises(UsageError):
        await class_names(" , ")
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    with pytest.raises(ModelLoadError):
        await class_names(str(empty))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        existing_file(tmp_path / "x")
