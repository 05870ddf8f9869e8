from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.core.errors import ModelLoadError
from desktop_app.core.profile import AnswerFormat, CallbackSource, OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.jobs.trial import run_files, trial
from desktop_app.runner.pool import Runner

MODEL = resource("demo", "fasteners.onnx")
PICTURE = resource("demo", "assets", "tray-01.jpg")

SCRIPT = """
import json, urllib.request
from ango.plugins import ModelPlugin, run

def work(**data):
    logger = data["logger"]
    size = len(urllib.request.urlopen(data["dataURL"]).read())
    logger.info("not a warning")
    logger.warning("%d bytes", size)
    config = data["configJSON"]
    if config == "raise":
        raise ValueError("as asked")
    if config == "nothing":
        return None
    box = {"bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4}, "title": json.dumps(data["categorySchema"])}
    return {"data": data["dataURL"], "answer": {"objects": [box], "classifications": [], "relations": []}}

run(ModelPlugin(id="i", secret="s", callback=work), host="https://hub.example")
"""


@pytest.fixture
def script(tmp_path: Path) -> Profile:
    path = tmp_path / "plugin.py"
    path.write_text(SCRIPT)
    return profile(CallbackSource(script=path))


def profile(source: Any, **fields: Any) -> Profile:
    return Profile(name="Tried", host="https://hub.example", plugin_id="i", source=source, **fields)


def runner(tried: Profile, tmp_path: Path) -> Runner:
    return Runner(tried, scratch=tmp_path / "scratch")


async def test_a_model_answers_as_for_a_job(tmp_path: Path) -> None:
    tried = profile(OnnxSource(path=MODEL))
    (result,) = await run_files(tried, runner(tried, tmp_path), [PICTURE])
    assert result.error == ""
    assert result.answer is not None
    assert {item["title"] for item in result.answer["objects"]} == {"bolt", "nut", "washer"}
    assert result.response is not None
    assert set(result.response) == {"response", "session"}
    assert result.response["response"] == result.answer
    assert result.predictions
    assert (result.width, result.height) == (1280, 960)
    assert set(result.timings_ms) == {"fetch", "queue", "run", "build", "deliver", "total"}
    assert result.timings.total == pytest.approx((result.timings.run or 0) + (result.timings.build or 0))
    assert "apiKey" not in result.payload
    assert set(result.as_json()) == {"file", "answer", "response", "timings_ms", "warnings"}
    json.dumps(result.as_json())


async def test_without_a_mapping_all_classes_are_kept_and_with_one_only_those(tmp_path: Path) -> None:
    tried = profile(OnnxSource(path=MODEL))
    async with trial(tried, runner(tried, tmp_path)) as loaded:
        free = await loaded.run(PICTURE, mapping={})
        some = await loaded.run(PICTURE, mapping={"Bolt": "B1"})
    assert free.answer is not None
    assert some.answer is not None
    assert all("schemaId" not in item for item in free.answer["objects"])
    bolts = [item for item in free.answer["objects"] if item["title"] == "bolt"]
    assert [item["schemaId"] for item in some.answer["objects"]] == ["B1"] * len(bolts)
    assert any("washer" in warning for warning in some.warnings)


async def test_a_script_gets_what_it_would_from_the_hub(script: Profile, tmp_path: Path) -> None:
    file = tmp_path / "größe & more.bin"
    file.write_bytes(b"x" * 1234)
    async with trial(script, runner(script, tmp_path)) as loaded:
        plain = await loaded.run(file)
        mapped = await loaded.run(file, "{}", {"car": "C1"})
    assert plain.answer is not None
    assert mapped.answer is not None
    assert plain.answer["objects"][0]["title"] == "null"
    assert json.loads(mapped.answer["objects"][0]["title"]) == [{"schemaId": "C1", "modelClass": "car"}]
    assert plain.warnings[0] == "1234 bytes"
    assert "not a warning" not in plain.warnings
    assert plain.response is not None
    assert plain.response["response"]["answer"] == plain.answer
    assert plain.payload["session"] != mapped.payload["session"]
    assert not psutil.Process().children()


async def test_the_profile_chooses_the_shape_of_the_response(script: Profile, tmp_path: Path) -> None:
    current = script.changed(answer_format=AnswerFormat.CURRENT)
    (result,) = await run_files(current, runner(current, tmp_path), [PICTURE])
    assert result.response is not None
    assert result.response["response"] == result.answer


async def test_one_failing_file_costs_no_other(script: Profile, tmp_path: Path) -> None:
    async with trial(script, runner(script, tmp_path)) as loaded:
        missing = await loaded.run(tmp_path / "none.jpg")
        raised = await loaded.run(PICTURE, "raise")
        nothing = await loaded.run(PICTURE, "nothing")
        good = await loaded.run(PICTURE)
    assert "no such file" in missing.error
    assert "as asked" in raised.error
    assert "plugin.py" in raised.details
    assert raised.answer is None
    assert raised.as_json()["error"] == raised.error
    assert raised.warnings  # what it said before is not lost
    assert raised.timings.total
    assert nothing.error
    assert good.error == ""


async def test_a_model_that_cannot_be_loaded_is_told_at_once(tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_text("nonsense")
    tried = profile(OnnxSource(path=bad))
    with pytest.raises(ModelLoadError):
        await run_files(tried, runner(tried, tmp_path), [PICTURE])
    assert not psutil.Process().children()


async def test_a_model_that_takes_too_long_is_ended(script: Profile, tmp_path: Path) -> None:
    path = tmp_path / "slow.py"
    path.write_text(SCRIPT.replace("    size =", "    import time; time.sleep(600)\n    size ="))
    slow = profile(CallbackSource(script=path), timeout_s=0.3)
    (result,) = await run_files(slow, runner(slow, tmp_path), [PICTURE])
    assert "0.3 s" in result.error
    assert not psutil.Process().children()
