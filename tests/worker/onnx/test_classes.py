"""Class lists in every form people have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.core.errors import UsageError
from desktop_app.worker.onnx.classes import names_of, parse_classes, read_classes, suggestion
from desktop_app.worker.onnx.known_names import COCO, coco91


@pytest.mark.parametrize(
    "text",
    [
        "bolt\nnut\nhex washer\n",
        "\ufeffbolt\r\nnut\r\n\r\nhex washer",
        "bolt, nut, hex washer",
        "['bolt', 'nut', 'hex washer']",
        '["bolt", "nut", "hex washer"]',
        "{0: 'bolt', 1: 'nut', 2: 'hex washer'}",
        '{"0": "bolt", "2": "hex washer", "1": "nut"}',
        '{"bolt": 0, "nut": 1, "hex washer": 2}',
        '{"id2label": {"0": "bolt", "1": "nut", "2": "hex washer"}}',
        "names: [bolt, nut, 'hex washer']  # three\nnc: 3",
        "train: ./x\nnames:\n  0: bolt\n  1: nut\n  2: hex washer\n",
        "names:\n- bolt\n- nut\n- hex washer\n",
        "0: bolt\n1: nut\n2: hex washer",
        "# ours\nbolt\nnut\nhex washer",
    ],
)
def test_forms(text: str) -> None:
    assert parse_classes(text) == ("bolt", "nut", "hex washer")


@pytest.mark.parametrize("text", ["", "  \n", "# only a remark"])
def test_no_names(text: str) -> None:
    with pytest.raises(UsageError):
        parse_classes(text)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("Straße\nÜberweg\n", encoding="utf-8")
    assert read_classes(path) == ("Straße", "Überweg")
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UsageError, match="text file"):
        read_classes(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_classes(tmp_path / "nothing.txt")


def test_suggestions() -> None:
    assert len(COCO) == 80
    assert coco91()[1] == "person"
    assert coco91()[90] == "toothbrush"
    assert suggestion(80, "detect") == ("COCO", COCO)
    assert suggestion(80, "classify") is None
    assert suggestion(7, "detect") is None


def test_labels_that_only_count_name_nothing() -> None:
    assert names_of({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}) == ()
    assert names_of({"id2label": {"0": "LABEL_0", "1": "road"}}) == ("LABEL_0", "road")
