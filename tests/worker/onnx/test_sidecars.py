"""Files beside a model."""

from __future__ import annotations

import json
from pathlib import Path

from desktop_app.worker.onnx.sidecars import read_sidecars


def test_none(tmp_path: Path) -> None:
    found = read_sidecars(tmp_path / "m.onnx")
    assert (found.names, found.warnings, dict(found.files)) == ((), (), {})


def test_own_list_wins_over_general_ones(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("x\ny")
    (tmp_path / "m.txt").write_text("a\nb")
    found = read_sidecars(tmp_path / "m.onnx")
    assert (found.names, found.names_file) == (("a", "b"), "m.txt")


def test_data_yaml(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("train: ../x\nnc: 2\nnames: ['a', 'b']\n")
    assert read_sidecars(tmp_path / "m.onnx").names == ("a", "b")


def test_config_json_above_an_onnx_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "a", "1": "b"}}))
    (tmp_path / "onnx").mkdir()
    assert read_sidecars(tmp_path / "onnx" / "model.onnx").names == ("a", "b")
    (tmp_path / "weights").mkdir()
    assert read_sidecars(tmp_path / "weights" / "model.onnx").names == ()


def test_broken_files_are_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "data.yaml").write_text("a: |\n  b")
    (tmp_path / "labels.txt").write_bytes(b"\xff\x00\xfe")
    found = read_sidecars(tmp_path / "m.onnx")
    assert found.names == ()
    assert len(found.warnings) == 3


def test_a_list_inside_config_json_that_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[1, 2]")
    assert read_sidecars(tmp_path / "m.onnx").names == ()
