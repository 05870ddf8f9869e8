from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli.inspect import tell

KEYS = {"family", "task", "input", "classes", "output", "confidence", "why", "warnings", "sure"}
PARTS = {
    "family", "task", "size", "layout", "dtype", "color", "scale", "mean_std", "resize", "output", "classes",
}  # fmt: skip
INPUT_KEYS = {"name", "width", "height", "dynamic", "layout", "dtype", "channels", "scale", "mean", "std", "resize"}


def test_json_has_the_keys_of_the_contract(cli: Any, model: Path, data_dir: Path) -> None:
    outcome = cli("inspect", model, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert set(found) >= KEYS
    assert set(found["input"]) >= INPUT_KEYS
    assert (found["task"], found["confidence"]) == ("detect", "certain")
    assert found["classes"] == ["bolt", "nut", "washer"]
    assert found["why"]
    assert set(found["sure"]) == PARTS
    assert all(set(part) == {"confidence", "why"} and part["why"] for part in found["sure"].values())
    assert found["sure"]["classes"] == {"confidence": "certain", "why": "its metadata names them"}
    assert not data_dir.exists()  # nothing is left behind for a question


def test_people_read_what_how_sure_and_why(cli: Any, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    outcome = cli("inspect", model.name)  # a path relative to where the person is, not to where the worker is
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "fasteners.onnx"
    assert "  What it does  detects objects: a box for each" in lines
    assert "  How sure      certain: the file itself settles it" in lines
    assert "  Classes       3: bolt, nut, washer" in lines
    assert any(line.startswith("  Input         320 × 320 pixels, RGB, letterboxed") for line in lines)
    table = lines[lines.index("In detail:") + 1 : lines.index("Why:")]
    assert table[0].startswith("  family        ultralytics")
    assert len(table) == len(PARTS)
    assert re.split(r" {2,}", table[2].strip()) == ["size", "320 × 320", "certain", "the graph fixes it"]
    assert re.split(r" {2,}", table[6].strip())[:3] == ["scaling", "0…1", "certain"]
    assert table[10].endswith("its metadata names them")
    assert lines.index("Why:") < len(lines) - 2
    assert lines[-1] == "Try it: plugdeck test --onnx fasteners.onnx PICTURE"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\x07" * 500, "ein Text".encode("utf-16")])
def test_nonsense_is_one_line(cli: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    for more in ([], ["--json"]):
        outcome = cli("inspect", path, *more)
        assert outcome.code == 1
        assert outcome.out == ""
        assert outcome.err.count("\n") == 1
        assert "bad.onnx" in outcome.err


def test_a_damaged_model_is_one_line(cli: Any, tmp_path: Path, model: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(model.read_bytes()[:100_000])
    outcome = cli("inspect", path)
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1


def test_no_file_or_a_folder_is_wrong_usage(cli: Any, tmp_path: Path) -> None:
    assert cli("inspect", tmp_path / "none.onnx").code == 2
    assert "folder" in cli("inspect", tmp_path).err
    assert cli("inspect").code == 2


def test_a_path_with_odd_letters_works(cli: Any, tmp_path: Path, model: Path) -> None:
    path = tmp_path / "größe & ‘more’ %s.onnx"
    shutil.copy(model, path)
    outcome = cli("inspect", path)
    assert outcome.code == 0, outcome.err
    assert path.name in outcome.out


def found(**changes: Any) -> dict[str, Any]:
    spec = {
        "name": "x", "width": 224, "height": 224, "dynamic": True, "layout": "nhwc", "dtype": "uint8", "channels": 3,
        "color": "bgr", "scale": 1.0, "mean": [1.5, 2, 3], "std": [1, 1, 2], "resize": "crop",
    }  # fmt: skip
    return {
        "family": "f", "task": "classify", "input": spec, "classes": [f"class {n}" for n in range(40)], "output": {},
        "confidence": "guess", "why": ["a\x1b[2J"], "warnings": ["look"], "names_from": "suggestion", **changes,
    }  # fmt: skip


def test_a_guess_says_so_and_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Path("m.onnx"), found())
    text = capsys.readouterr().out
    assert "a guess: try it" in text
    assert "40: class 0, class 1" in text
    assert "class 20" not in text
    assert "suggested, the file does not name them" in text
    assert "224 × 224 pixels (any size would do), BGR, centre cut out, pixels 0…255, mean 1.5/2/3, std 1/1/2" in text
    assert "To check:\n  - look\n" in text
    assert "\x1b" not in text


def test_the_parts_are_told_whatever_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    sure = {
        "task": {"confidence": "likely", "why": "signs"},
        "mean_std": {"confidence": "guess", "why": "assumed\x1b[2J"},
        "resize": {"confidence": "likely", "why": "usual"},
        "classes": {"confidence": "likely", "why": "so many are usually these"},
        "a newer one": {"confidence": "likely", "why": "unknown to this version"},
    }
    tell(Path("m.onnx"), found(sure=sure))
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("In detail:") + 1
    table = [re.split(r" {2,}", line.strip()) for line in lines[start : lines.index("Why:")]]
    assert [row[:3] for row in table] == [
        ["task", "classify", "likely"],
        ["mean and std", "1.5/2/3, 1/1/2", "guess"],
        ["resizing", "crop", "likely"],
        ["class names", "class 0, class 1, class 2, …", "likely"],
    ]
    assert "\x1b" not in "".join(lines)
    tell(Path("m.onnx"), found())
    assert "In detail" not in capsys.readouterr().out


def test_what_cannot_be_run_is_not_offered_to_be_tried(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Path("m.onnx"), found(task="unsupported", confidence="certain", classes=[], warnings=[]))
    text = capsys.readouterr().out
    assert "nothing that Plugdeck can turn into annotations" in text
    assert "Try it" not in text
