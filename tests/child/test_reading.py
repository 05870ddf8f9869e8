from __future__ import annotations

import dataclasses
import io
import types
from typing import Any

import numpy as np
import pytest

from desktop_app.child.convert import Notes
from desktop_app.child.models.annotate import AnnotationPayload, Answer
from desktop_app.child.reading import read_returned
from desktop_app.child.serve import Failure

BOX = {"bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4}}
WHOLE = {"objects": [BOX], "classifications": [], "relations": []}


def _read(value: Any, kind: str = "model") -> tuple[Any, str | None, list[str]]:
    notes = Notes()
    reading = read_returned(value, kind, notes)
    return reading.value, reading.generation, notes.sentences()


@dataclasses.dataclass
class OwnAnswer:
    objects: Any
    classifications: Any = None
    relations: Any = None


@pytest.mark.parametrize(
    ("returned", "value", "generation"),
    [
        ({"data": "u", "answer": WHOLE}, {"data": "u", "answer": WHOLE}, "documented"),
        ({"data": "u", "answer": None}, {"data": "u", "answer": None}, "documented"),
        ({"answer": Answer([BOX]), "data": "u"}, {"answer": WHOLE, "data": "u"}, "documented"),
        ({"answer": WHOLE, "brushDataUrl": "b"}, {"answer": WHOLE, "brushDataUrl": "b"}, "current"),
        ({"externalId": "e", **WHOLE}, {"externalId": "e", **WHOLE}, "flat"),
        ({"objects": []}, {"objects": []}, "flat"),
        ({"tools": [BOX], "data": "u"}, {"objects": [BOX], "data": "u"}, "flat"),
        (Answer([BOX]), {"answer": WHOLE}, "current"),
        (OwnAnswer([BOX]), {"answer": WHOLE}, "current"),
        (
            AnnotationPayload(answer=Answer([BOX]), brush_data_url="b"),
            {"answer": WHOLE, "brushDataUrl": "b", "medicalBrushDataUrl": None},
            "current",
        ),
        (
            AnnotationPayload(),
            {
                "answer": {"objects": [], "classifications": [], "relations": []},
                "brushDataUrl": None,
                "medicalBrushDataUrl": None,
            },
            "current",
        ),
        (
            types.SimpleNamespace(answer=WHOLE),
            {"answer": WHOLE, "brushDataUrl": None, "medicalBrushDataUrl": None},
            "current",
        ),
        ([BOX], {"answer": WHOLE}, "current"),
        ((BOX,), {"answer": WHOLE}, "current"),
        ([], {"answer": {"objects": [], "classifications": [], "relations": []}}, "current"),
        (BOX, {"answer": WHOLE}, "current"),
        ('{"objects": []}', {"objects": []}, "flat"),
        (b"[]", {"answer": {"objects": [], "classifications": [], "relations": []}}, "current"),
    ],
)
def test_what_a_model_callback_may_return(returned: Any, value: Any, generation: str) -> None:
    assert _read(returned)[:2] == (value, generation)


def test_documented_and_flat_dicts_keep_their_keys_in_order() -> None:
    returned = {"zeta": 1, "data": "u", "answer": {"relations": [], "objects": [], "mine": 2}, "alpha": 3}
    value, _, notes = _read(returned)
    assert value == returned
    assert list(value) == ["zeta", "data", "answer", "alpha"]
    assert list(value["answer"]) == ["relations", "objects", "mine"]
    assert notes == []


def test_repairs_are_told() -> None:
    assert _read([BOX])[2] == ["the returned value was a list, taken as the objects of the answer"]
    payload = AnnotationPayload(Answer([{"point": np.array([1.5, 2.5])}]))
    assert _read(payload)[2] == ["answer.objects[0].point was a numpy.ndarray, taken as a list"]
    assert _read({"tools": []})[2] == ["tools was the name of the objects inside a task, taken as objects"]


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (None, "returned nothing"),
        ({}, "none of objects, classifications and relations, but nothing"),
        ({"boxes": [], "scores": []}, "but boxes, scores"),
        ("done", "it is text"),
        (7, "it is of type int"),
        ({"answer": object()}, "it is of type object"),
        (object(), "it is of type object"),
    ],
)
def test_what_cannot_be_an_answer(returned: Any, problem: str) -> None:
    with pytest.raises(Failure) as raised:
        _read(returned)
    assert problem in raised.value.what
    assert raised.value.kind == "answer"
    assert raised.value.remedy


def test_other_kinds_return_what_they_like_but_something() -> None:
    assert _read("All annotations are imported!", "batch") == ("All annotations are imported!", None, [])
    assert _read({"files": (1,)}, "file-explorer")[0] == {"files": [1]}
    with pytest.raises(Failure, match="returned nothing"):
        _read(None, "markdown")


@pytest.mark.parametrize(
    "returned",
    [
        ("out.json", io.BytesIO(b"data")),
        (io.BytesIO(b"data"), "out.json"),
        types.SimpleNamespace(file=io.BytesIO(b"data"), file_name="out.json", storage_id=None, bucket=None),
        types.SimpleNamespace(file=io.StringIO("data"), file_name="out.json"),
    ],
)
def test_an_export_is_a_file(returned: Any) -> None:
    reading = read_returned(returned, "export", Notes())
    assert reading.value == {"fileName": "out.json", "storageId": None, "bucket": None}
    assert reading.blob == b"data"
    with pytest.raises(Failure, match="file cannot be part of an answer"):
        read_returned({"file": 1}, "export", Notes())
