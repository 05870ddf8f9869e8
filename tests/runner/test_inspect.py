from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from desktop_app.core.errors import ModelLoadError
from desktop_app.core.resources import resource
from desktop_app.runner.inspect import ask_worker, inspect_model, read_class_list

MODEL = resource("demo", "fasteners.onnx")


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def test_a_worker_says_what_a_file_is_and_ends() -> None:
    found = await inspect_model(MODEL)
    assert (found["task"], found["classes"]) == ("detect", ["bolt", "nut", "washer"])
    assert not children()


async def test_a_relative_path_is_of_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(MODEL.parent)
    assert (await inspect_model(Path(MODEL.name)))["task"] == "detect"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelLoadError):
        await inspect_model(Path(MODEL.name))


async def test_a_refusal_has_where_and_remedy(tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_text("nonsense")
    with pytest.raises(ModelLoadError) as error:
        await inspect_model(bad)
    assert "bad.onnx" in error.value.where
    assert error.value.remedy
    assert not children()


async def test_a_worker_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ModelLoadError, match=r"longer than 0\.01 s"):
        await ask_worker({"type": "load", "inspect": str(MODEL)}, limit_s=0.01)
    assert not children()


async def test_a_cancelled_question_leaves_no_worker() -> None:
    asking = asyncio.create_task(inspect_model(MODEL))  # noqa: TID251
    while not children():  # noqa: ASYNC110 - the operating system has no event for it
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not children()


async def test_class_lists_are_read_in_the_worker(tmp_path: Path) -> None:
    listed = tmp_path / "config.json"
    listed.write_text('{"id2label": {"1": "truck", "0": "car"}}')
    assert await read_class_list(listed) == ("car", "truck")
    with pytest.raises(ModelLoadError):
        await read_class_list(tmp_path / "none.txt")
