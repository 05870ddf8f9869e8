from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli.test import tell
from desktop_app.core.job import StepTimings
from desktop_app.jobs.trial import TrialResult


def test_a_model_without_a_profile_leaves_nothing_behind(
    cli: Any, model: Path, picture: Path, data_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    outcome = cli("test", "--onnx", model, picture, "--overlay", out, "--confidence", "0.5")
    assert (outcome.code, outcome.err) == (0, "")
    first, *rows, last = outcome.out.splitlines()
    assert first.startswith(f"{picture}: ")
    assert len(rows) > 5
    assert {row.split()[0] for row in rows} <= {"bolt", "nut", "washer"}
    assert len({row.index("bounding-box") for row in rows}) == 1  # in columns
    assert last == f"{out}: {len(rows)} objects drawn"
    assert out.read_bytes().startswith(b"\x89PNG")
    assert not data_dir.exists()


def test_json_alone_is_on_stdout(cli: Any, model: Path, picture: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    out = tmp_path / "out.png"
    outcome = cli("test", "--json", picture, "--onnx", model, text, tmp_path / "none.jpg", "--overlay", out)
    assert outcome.code == 1
    good, bad, missing = json.loads(outcome.out)
    assert set(good) == {"file", "answer", "response", "timings_ms", "warnings"}
    assert good["file"] == str(picture)
    assert good["response"]["response"] == good["answer"]
    assert bad["answer"] is None is missing["answer"]
    assert len(outcome.err.splitlines()) == 2
    assert out.is_file()


def test_mappings_decide_what_is_answered(cli: Any, model: Path, picture: Path) -> None:
    outcome = cli("test", "--onnx", model, picture, "--json", "--map", "bolt=B1", "--map", "Nut=N1")
    (result,) = json.loads(outcome.out)
    assert {item["schemaId"] for item in result["answer"]["objects"]} == {"B1", "N1"}
    assert any("washer" in warning for warning in result["warnings"])


def test_a_config_that_a_model_cannot_read_is_said(cli: Any, model: Path, picture: Path) -> None:
    outcome = cli("test", "--onnx", model, picture, "--config", "{bad")
    assert outcome.code == 0
    assert "The --config is no JSON object, so the model runs without it." in outcome.err


def test_scripts_run_with_their_config(cli: Any, script: Path, picture: Path, data_dir: Path) -> None:
    outcome = cli("test", "--script", script, picture)
    assert outcome.code == 0, outcome.err
    head, thing, light = outcome.out.splitlines()
    assert "1 object, 1 classification in" in head
    assert thing.split() == ["Thing", "bounding-box", "x", "1,", "y", "2,", "3", "×", "4"]
    assert light.split() == ["Light:", "Dim"]
    outcome = cli("test", "--script", script, picture, "--config", "raise")
    assert outcome.code == 1
    assert "as asked" in outcome.err
    assert outcome.err.count("\n") == 1
    assert not data_dir.exists()


def test_a_profile_is_tested_with_its_own_options(cli: Any, keychain: Any, model: Path, picture: Path) -> None:
    cli(
        "profiles", "add", "Cars", "--host", "https://h.example", "--id", "i", "--secret-stdin", "--onnx", model,
        "--confidence", "0.8", stdin="s\n",
    )  # fmt: skip
    outcome = cli("test", "cars", picture, "--json")
    assert outcome.code == 0, outcome.err
    (result,) = json.loads(outcome.out)
    scores = [item["metadata"]["confidence"] for item in result["answer"]["objects"]]
    assert scores
    assert min(scores) >= 0.8
    outcome = cli("test", "Cars", picture, "--confidence", "0.1")
    assert outcome.code == 2  # never ignored in silence
    assert "--confidence" in outcome.err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ([], "--onnx or --script"),
        (["--onnx", "MODEL"], "no file to test"),
        (["nobody", "PICTURE"], "nobody"),
        (["--onnx", "MODEL", "PICTURE", "--overlay", "/none/such/out.png"], "/none/such"),
        (["--onnx", "MODEL", "PICTURE", "--overlay", "out.jpg"], "PNG"),
        (["--onnx", "MODEL", "PICTURE", "--overlay", "FOLDER"], "folder"),
        (["--onnx", "MODEL", "copy.png", "--overlay", "copy.png"], "replace"),
    ],
)
def test_a_slip_is_told_before_the_model_runs(
    cli: Any, model: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a.png"
    folder.mkdir()
    given = {"MODEL": model, "PICTURE": picture, "FOLDER": folder}
    outcome = cli("test", *(given.get(item, item) for item in line))
    assert outcome.code in (1, 2)
    assert says in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""


def test_an_overlay_that_cannot_be_drawn_costs_no_answer(cli: Any, script: Path, tmp_path: Path) -> None:
    text = tmp_path / "note.txt"
    text.write_text("a text")
    out = tmp_path / "out.png"
    outcome = cli("test", "--script", script, text, "--overlay", out)
    assert outcome.code == 1
    assert "1 object" in outcome.out
    assert "The overlay was not drawn" in outcome.err
    assert outcome.err.count("\n") == 1
    assert not out.exists()


def test_every_shape_is_told_in_a_few_words(capsys: pytest.CaptureFixture[str]) -> None:
    box = {"x": 1, "y": 2, "width": 3, "height": 4}
    ring = [[0, 0], [10, 0], [10, 10.5]]
    objects = [
        {"title": "a", "schemaId": "s1", "rotated-bounding-box": {**box, "rotation": 9}},
        {"schemaId": "s2", "polygon": ring, "metadata": {"confidence": 0.5}},
        {"title": "c", "polyline": [[0, 0], [7, 3]]},
        {"title": "d", "point": [3.4, 5]},
        {"title": "e", "segmentation": {"zones": [{"region": ring, "holes": [ring]}, {"region": ring}]}},
        {"title": "f", "ner": {"start": 1, "end": 5}},
        {"title": "g", "bounding-box": "broken"},
        {"bounding-box": box},
        {"title": "evil\x1b[2J\nx" + "y" * 300, "point": [0, 0]},
        "no object",
    ]  # fmt: skip
    answer = {"objects": objects, "classifications": [{"title": "L", "answer": ["p", "q"]}], "relations": [{}]}
    result = TrialResult(Path("f"), answer=answer, timings=StepTimings(total=12.4), warnings=("careful\nnow",))
    tell(result)
    text = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "f: 10 objects, 1 classification, 1 relation in 12 ms"
    assert lines[1:9] == [
        "a (s1) rotated-bounding-box x 1, y 2, 3 × 4, 9.0°",
        "s2 0.50 polygon 3 points, x 0, y 0, 10 × 11",
        "c polyline 2 points, x 0, y 0, 7 × 3",
        "d point x 3, y 5",
        "e segmentation 2 zones, 1 hole, x 0, y 0, 10 × 11",
        "f ner {'start': 1, 'end': 5}",
        "g bounding-box broken",
        "(no class) bounding-box x 1, y 2, 3 × 4",
    ]
    assert lines[-2:] == ["L: p, q", "warning: careful now"]
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 300


def test_kinds_that_answer_with_a_message_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    tell(TrialResult(Path("f"), response={"response": "42 tasks\ndone"}))
    assert capsys.readouterr().out == "f: 42 tasks done\n"
