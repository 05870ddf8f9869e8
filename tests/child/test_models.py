"""Model classes: what they become is what the published ones become."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app.child.models.annotate import AnnotationPayload, Answer
from desktop_app.child.models.task_filter import DateRange, NumberRange, StringFilter, TaskFilter

BUILD = """
from imerit_ango.models.annotate import *
from imerit_ango.models.enums import *
from imerit_ango.models.export_options import *
from imerit_ango.models.invite import *
from imerit_ango.models.label_category import *
from imerit_ango.models.storage import Storage
from imerit_ango.models.task_filter import *
from imerit_ango.models.utils import merge_annotations
import datetime, json
date = datetime.datetime(2026, 1, 2, 3, 4, 5, 678900)
old = {"tools": [{"objectId": "o"}], "classifications": [{"schemaId": "a"}, {"schemaId": "b"}], "relations": [{"x": 1}]}
leaf = TreeOption("Leaf", value="v3")  # with a key of its own the published one raises
tree = [TreeOption("Trunk", value="v1", children=[TreeOption("Branch", value="v2", children=[leaf])])]
print(json.dumps([
    Answer([1], None, ()).toDict(),
    AnnotationPayload(Answer(), "u", medical_brush_data_url="m").toDict(),
    AnnotationPayload().toDict(),
    ExportOptions().toDict(),
    ExportOptions(["A"], ["b"], TaskTypes.BENCHMARK, ExportFormats.NDJSON, ExportTypes.ISSUE, True, True, True, False,
                  False, True, TimeFilter(date, date), TimeFilter(None, date)).toDict(),
    TimeFilter(date, None).to_json(), TimeFilter().toDict(),
    Invitation(["a@x"], OrganizationRoles.Admin, [ProjectAssignment("p", ProjectRoles.Lead)]).toDict(),
    Invitation(["a@x"], OrganizationRoles.Member).toDict(),
    RoleUpdate("a@x", OrganizationRoles.Admin).toDict(),
    Storage("n", StorageProvider.GCP, "pub", "priv").to_dict(),
    TaskFilter().toDict(),
    TaskFilter(stage="S", batches=["b"], status=TaskStatus.READY, review_status=ReviewStatus.TODO, assignee="a@x",
               external_id=StringFilter(regex="^a"), created_at=DateRange(gt=date, lte=date), priority=3,
               duration=NumberRange(gte=1.5), open_issues_count=NumberRange(eq=0), is_draft=False).toDict(),
    TaskFilter(stage=["A", "B"], batches=StringFilter(nin=["x"]), created_by=StringFilter()).to_json(),
    merge_annotations(old, Answer([{"objectId": "n"}], [{"schemaId": "a", "answer": 1}], [])).toDict(),
    ClassificationCategory(Classification.Tree_dropdown, "T", schemaId="s", color="#123", treeOptions=tree,
                           regex="r", defaultValue=True).toDict()["options"][2]["value"],
    [tool.value for tool in Tool], [c.value for c in Classification], [r.value for r in Relation],
    [member.value for enum in (Metrics, OrganizationRoles, ProjectRoles, StorageProvider, StorageFileTypes, ExportTypes,
     ExportFormats, TaskTypes, ProjectType, ReviewStatus, SortOrder, StageType, MedicalPlane) for member in enum],
], default=str, sort_keys=True))
"""


def _run(python: Path | str, path: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [python, "-c", BUILD], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.peers
@pytest.mark.timeout(900)
async def test_they_become_what_the_published_ones_become(published_client: Any) -> None:
    python = await asyncio.to_thread(published_client, "ango==1.4.10")
    compat = Path(__file__).parents[2] / "desktop_app" / "child" / "compat"
    published = await asyncio.to_thread(_run, python, "")
    ours = await asyncio.to_thread(_run, sys.executable, str(compat))
    for mine, theirs in zip(ours, published, strict=True):
        assert mine == theirs


def test_answers_have_lists_of_their_own() -> None:
    first, second = Answer(), Answer(None, (), [])  # type: ignore[arg-type]
    first.objects.append({"point": [1, 2]})
    assert second.toDict() == {"objects": [], "classifications": [], "relations": []}
    assert AnnotationPayload(first).toDict()["answer"]["objects"] == [{"point": [1, 2]}]


def test_filters_ask_for_what_is_set() -> None:
    assert TaskFilter(priority=NumberRange(gte=2), batches=["b"]).toDict() == {
        "batches": {"$in": ["b"]},
        "priority": {"$gte": 2},
    }
    assert TaskFilter(created_at=DateRange(), assignee=StringFilter()).is_empty()
    with pytest.raises(TypeError, match="no_such_field"):
        TaskFilter(no_such_field=1)
