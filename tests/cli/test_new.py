from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli.parser import STYLES
from desktop_app.runner.script_facts import read_script

STANDS_IN = {
    # What the templates use of these packages, so that all of a template's own lines run.
    "ultralytics": {
        "ultralytics.py": """
class Row(list):
    def tolist(self): return list(self)
class Box:
    cls, conf, xyxy = 1.0, 0.75, [Row([10.0, 20.0, 110.0, 220.0])]
class Found:
    names, boxes = {1: "nut"}, [Box()]
class YOLO:
    def __init__(self, weights): assert weights == "best.pt"
    def predict(self, picture, conf, iou, verbose):
        assert picture.mode == "RGB" and not verbose
        return [Found()]
"""
    },
}


@pytest.mark.parametrize("style", STYLES)
def test_every_template_says_who_it_is(cli: Any, tmp_path: Path, style: str) -> None:
    file = tmp_path / "plugin.py"
    outcome = cli("new", "script", "--style", style, file)
    assert (outcome.code, outcome.err) == (0, "")
    assert f"plugdeck test --script {file}" in outcome.out
    facts = read_script(file)
    assert facts.placeholders == ("host", "plugin id", "secret")
    assert facts.hands_over
    assert facts.kind == "model"
    assert facts.generation == ("documented" if style == "documented" else "current")
    assert "--script plugin.py" in file.read_text()
    assert "FILE" not in file.read_text()


@pytest.mark.parametrize("style", ["documented", "current"])
def test_the_plain_ones_run_as_they_are(cli: Any, tmp_path: Path, picture: Path, style: str) -> None:
    file = tmp_path / "plugin.py"
    cli("new", "script", file, "--style", style)
    outcome = cli("test", "--script", file, picture, "--json")
    assert outcome.code == 0, outcome.err
    (result,) = json.loads(outcome.out)
    (found,) = result["answer"]["objects"]
    assert found["title"] == "Object"
    assert found["bounding-box"] == {"x": 320, "y": 240, "width": 640, "height": 480}
    mapped = cli("test", "--script", file, picture, "--json", "--map", "Object=S1")
    (found,) = json.loads(mapped.out)[0]["answer"]["objects"]
    assert found["schemaId"] == "S1"


@pytest.mark.parametrize("style", ["ultralytics", "torchvision", "transformers"])
def test_the_others_run_as_far_as_their_imports(cli: Any, tmp_path: Path, picture: Path, style: str) -> None:
    file = tmp_path / "plugin.py"
    cli("new", "script", file, "--style", style)
    outcome = cli("test", "--script", file, picture)
    assert outcome.code == 1  # the bundled interpreter has none of these packages
    assert outcome.err.count("\n") == 1
    assert ("torch" if style != "ultralytics" else "ultralytics") in outcome.err


@pytest.mark.parametrize("style", sorted(STANDS_IN))
def test_their_own_lines_run(cli: Any, tmp_path: Path, picture: Path, style: str) -> None:
    file = tmp_path / "plugin.py"
    cli("new", "script", file, "--style", style)
    for name, text in STANDS_IN[style].items():
        (tmp_path / name).write_text(text)
    outcome = cli("test", "--script", file, picture, "--json")
    assert outcome.code == 0, outcome.err
    (found,) = json.loads(outcome.out)[0]["answer"]["objects"]
    assert found["title"] == "nut"
    assert found["bounding-box"] == {"x": 10, "y": 20, "width": 100, "height": 200}
    assert found["metadata"]["confidence"] == 0.75


def test_nothing_that_exists_is_replaced(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "plugin.py"
    file.write_text("mine")
    outcome = cli("new", "script", file)
    assert outcome.code == 2
    assert file.read_text() == "mine"
    assert cli("new", "script", tmp_path / "plugin.txt").code == 2
    outcome = cli("new", "script", tmp_path / "none" / "plugin.py")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert cli("new").code == 2
