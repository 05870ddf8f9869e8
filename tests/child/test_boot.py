"""The child under every Python at hand, with nothing installed there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from desktop_app.child import wire

BOOT = Path(wire.__file__).parent / "boot.py"
SEED_SAMPLE = Path(__file__).parent.parent / "data" / "seed_sample.py"

CURRENT = """
import json, logging
from imerit_ango.sdk import SDK
from imerit_ango.plugins import ModelPlugin, run
from imerit_ango.models.annotate import AnnotationPayload, Answer
from imerit_ango.models.enums import StorageFileTypes
from imerit_ango.models.label_category import Tool, ToolCategory
from imerit_ango.models.export_options import ExportOptions
from imerit_ango.plugin_logger import PluginLogger

def callback(data):
    logger = data["logger"]
    assert isinstance(logger, PluginLogger)
    logger.info("step %d of %s", 1, "two", progress=0.5)
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("caught")
    print("printed", flush=True)
    SDK(api_key=data["apiKey"], host="http://localhost:1")
    return AnnotationPayload(answer=Answer([{"bounding-box": {"x": 1, "y": 2.0, "width": 3, "height": 4}}], None, ()))

if __name__ == "__main__":
    run(ModelPlugin(id="p", secret="s", callback=callback, host="http://h", concurrency=2), host="http://h")
"""


def test_the_seeds_sample(make_child: Any, python: Path) -> None:
    child = make_child(SEED_SAMPLE.read_text(encoding="utf-8"), python=python)
    info = child.loaded()
    assert info["python"] == python.parts[-3]
    result = child.answer(dataURL="u", categorySchema=[{"schemaId": "7", "modelClass": "V"}], configJSON="{}")
    box = {"schemaId": "7", "bounding-box": {"x": 20, "y": 30, "width": 50, "height": 60}}
    assert result["prediction"]["returned"] == {
        "data": "u",
        "answer": {"objects": [box], "classifications": [], "relations": []},
    }
    logged = [(frame["level"], frame["msg"]) for frame in child.frames if frame["type"] == "log"]
    assert logged == [("INFO", "Plugin session is started!"), ("INFO", "Plugin session is ended!")]
    assert child.stop() == 0


def test_the_current_generation(make_child: Any, python: Path) -> None:
    child = make_child(CURRENT, python=python)
    assert child.loaded()["concurrency"] == 2
    prediction = child.answer(apiKey="k")["prediction"]
    box = {"bounding-box": {"x": 1, "y": 2.0, "width": 3, "height": 4}}
    assert prediction["returned"] == {
        "answer": {"objects": [box], "classifications": [], "relations": []},
        "brushDataUrl": None,
        "medicalBrushDataUrl": None,
    }
    assert prediction["generation"] == "current"
    assert type(prediction["returned"]["answer"]["objects"][0]["bounding-box"]["x"]) is int
    assert type(prediction["returned"]["answer"]["objects"][0]["bounding-box"]["y"]) is float
    logs = [frame for frame in child.frames if frame["type"] == "log"]
    assert (logs[0]["msg"], logs[0]["extra"], logs[0]["id"]) == ("step 1 of two", {"progress": 0.5}, 1)
    assert logs[1]["level"] == "ERROR"
    assert "ZeroDivisionError" in logs[1]["details"]
    assert child.printed() == ["printed"]
    assert child.stop() == 0


def test_an_error_tells_the_line(make_child: Any, python: Path) -> None:
    child = make_child(
        "import json\nfrom ango.plugins import ModelPlugin, run\ndef deep(text):\n    return json.loads(text)\n"
        "def callback(**data):\n    return deep(data['configJSON'])\nrun(ModelPlugin('p', 's', callback))\n",
        python=python,
    )
    child.loaded()
    error = child.answer(configJSON="{oops")
    assert error["what"].startswith("the script raised JSONDecodeError: Expecting property name")
    assert error["where"] == "plugin.py:4"
    assert error["details"].startswith("plugin.py:4 in deep\n    return json.loads(text)\n")
    assert child.stop() == 0


def test_a_sealed_application_is_not_written_to(tmp_path: Path, make_child: Any, monkeypatch: Any) -> None:
    sealed = tmp_path / "Plugdeck.app" / "Contents" / "child"
    shutil.copytree(BOOT.parent, sealed, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    child = make_child({"plugin.py": "import helper\n" + CURRENT, "helper.py": ""}, boot=sealed / "boot.py")
    child.loaded()
    child.answer(apiKey="k")
    assert list(sealed.rglob("*.pyc")) == []
    assert list(tmp_path.glob("work*/__pycache__/helper*.pyc")), "the script's own modules are compiled as ever"


def test_a_python_too_old_says_so() -> None:
    source = BOOT.read_text(encoding="utf-8")
    # The guard must be reached: nothing above it may be syntax that an old Python does not know.
    assert "from __future__" not in source
    assert 'f"' not in source
    old = Path.home() / ".pyenv" / "versions" / "3.7.16" / "bin" / "python"
    if old.exists():
        done = subprocess.run(
            [old, "-u", BOOT], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False
        )
        assert done.returncode == 72
        assert "needs Python 3.8 or newer; this is 3.7" in done.stderr
