"""The SDK against the demo hub, and call by call against the published one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.child.http_calls import HttpError, query, request
from desktop_app.child.models.annotate import AnnotationPayload, Answer
from desktop_app.child.models.export_options import ExportOptions
from desktop_app.child.sdk import SDK
from desktop_app.child.sdk_documented import DocumentedSDK
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import EventKind


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    """A hub with one asset."""
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "a note & more.txt").write_text("text")
    async with DemoHub(assets_dir=folder) as running:
        yield running


async def test_reading_and_writing(hub: DemoHub, tmp_path: Path) -> None:
    def script() -> None:
        sdk = SDK(hub.api_key, hub.url + "/")
        project = hub.project.id
        assert sdk.get_project(project)["data"]["project"]["categorySchema"]["tools"]
        [asset] = sdk.get_assets(project_id=project, filters={"externalId": "a note & more.txt"})["data"]["assets"]
        assert sdk.get_assets(project, filters={"_id": "nothing"})["data"]["total"] == 0
        task = next(task for task in sdk.get_tasks(project)["data"]["tasks"] if task["asset"] == asset["_id"])
        labels = [{"externalId": asset["externalId"], "objects": [{"point": [1, 2]}]}]
        assert sdk.import_labels(project, labels)["status"] == "success"
        assert sdk.get_task(task["_id"])["data"]["task"]["answer"]["tools"] == [{"point": [1, 2]}]
        payload = AnnotationPayload(Answer([{"point": [3, 4]}]), brush_data=[[0, 1], [1, 0]])
        assert sdk.annotate_task(task["_id"], payload, overwrite=False)
        answer = sdk.get_task(task["_id"])["data"]["task"]
        assert answer["answer"]["tools"] == [{"point": [3, 4]}, {"point": [1, 2]}]
        assert answer["brushDataUrl"] == payload.brush_data_url
        rows = sdk.export(project, ExportOptions(stage=["Label"]))
        assert "a note & more.txt" in [row["externalId"] for row in rows]
        sdk.export(project, ExportOptions(stage=["Label"]), str(tmp_path / "export.zip"))
        assert (tmp_path / "export.zip").read_bytes().startswith(b"PK")
        rows, count = sdk.exportV3(project, stage=["Label"], export_format="ndjson")
        assert len(list(rows)) == count > 0

    await asyncio.to_thread(script)
    assert hub.stored_bytes(hub.project.task_of(hub.assets[0]).brush_data_url or "")
    assert hub.protocol_errors == []


async def test_errors_are_told_in_words(hub: DemoHub) -> None:
    def script() -> None:
        with pytest.raises(HttpError, match="Invalid API key") as raised:
            SDK("wrong", hub.url).list_projects()
        assert raised.value.status == 401
        assert "Invalid API key" in str(DocumentedSDK("wrong", hub.url).list_projects()), "documented: an answer"
        with pytest.raises(HttpError, match="failed: ") as raised:
            SDK("k", "http://127.0.0.1:1").list_projects()
        assert raised.value.status is None
        with pytest.raises(HttpError, match="not an http address"):
            request("GET", "file:///etc/passwd")

    await asyncio.to_thread(script)


async def test_what_passes_is_tried_again(hub: DemoHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.child.http_calls.time.sleep", lambda _: None)
    hub.faults.fail_http("/v2/listProjects", status=503, times=2)

    def script() -> None:
        url = f"{hub.url}/v2/listProjects"
        with pytest.raises(HttpError):
            request("GET", url, headers={"apikey": hub.api_key})
        assert b"success" in request("GET", url, headers={"apikey": hub.api_key}, tries=3)
        with pytest.raises(HttpError):
            request("GET", f"{hub.url}/v2/nothing", headers={"apikey": hub.api_key}, tries=3)

    await asyncio.to_thread(script)
    missing = [event for event in hub.events if event.kind is EventKind.HTTP and "/v2/nothing" in event.text]
    assert len(missing) == 1, "what is final is not tried again"


def test_query_strings() -> None:
    assert query(a=1, b=None, c="x y&z", d={"k": ["v"]}) == "a=1&c=x%20y%26z&d=%7B%22k%22%3A%20%5B%22v%22%5D%7D"


CALLS = """
import json, sys
from {module}.sdk import SDK
from {module}.models.label_category import *
host, key, project, task, path = sys.argv[1:6]
sdk = SDK(api_key=key, host=host)
def call(name, *args, **kwargs):
    try:
        getattr(sdk, name)(*args, **kwargs)
    except Exception as error:
        print(name, type(error).__name__)
call("list_projects", page=2, limit=3)
call("get_project", project)
call("get_tasks", project, page=1, limit=5)
call("get_task", task)
call("import_labels", project, [{{"externalId": "a b", "objects": []}}])
call("upload_files", project, [path, {{"data": path, "externalId": "e"}}])
tool = ToolCategory(Tool.BoundingBox, title="Car", schemaId="s1", color="#fff",
    classifications=[ClassificationCategory(Classification.Radio, title="Kind", schemaId="s2", color="#000",
                                            options=[LabelOption("a", "o1")])])
call("create_label_set", project, tools=[tool],
     relations=[RelationCategory(Relation.Single, title="R", schemaId="s3", color="#111")])
call("create_attachment", project, [{{"data": "u"}}])
"""
DOCUMENTED_CALLS = """
call("create_issue", task, "content", [1, 2])
call("assign_batches", project, ["a1"], [])
"""
CURRENT_CALLS = """
from imerit_ango.models.annotate import AnnotationPayload, Answer
from imerit_ango.models.enums import *
from imerit_ango.models.export_options import ExportOptions, TimeFilter
import datetime
call("get_assets", project_id=project, filters={"_id": "x", "batches": ["a b"]})
call("get_assets", project, 2, 20)
payload = AnnotationPayload(Answer([{"point": [1, 2]}]), brush_data_url="b")
payload.project_id = project  # else the published client asks for the task first, mask or not
call("annotate_task", task, payload, True, True)
call("export", project, ExportOptions(stage=["Label"], batches=["b1"], include_history=False,
     created_at=TimeFilter(datetime.datetime(2026, 1, 2), None)))
call("create_issue", task, "content", position=[1, 2], page=3, plane=MedicalPlane.Axial,
     error_codes=[{"category": "c"}])
call("update_issue", "i1", content="new", status="Open")
call("add_comment_to_issue", "i1", "hello", ["me@x"])
call("delete_issue", project, "i1")
call("get_issues", project, task_id=task)
call("create_project", "name", project_type=ProjectType.PCT)
call("clone_project", project, batches=False)
call("delete_project", "other")
call("assign_task", project, [task], "Label", "me@x")
call("requeue_tasks", project, "stage", filters={"taskIds": [task]})
call("update_tasks_priority", project, 3)
call("review_task", task, ReviewStatus.ACCEPTED)
call("delete_assets", project, ["a1"])
call("create_batch", project, "b")
call("assign_batches", project, ["a1"], ["b1"])
call("add_members_to_project", project, ["me@x"], ProjectRoles.Lead)
call("get_metrics", project, Metrics.AssetSize)
call("get_storages", "st")
call("delete_storage", "st")
call("list_storage_files", "st", "bucket", path="p/q")
call("get_organization_members", "org")
call("delete_organization_members", "org", ["me@x"])
call("get_organization_invites", "org")
call("send_notification", ["me@x"], "message", title="t")
call("get_task_history", task_id=task)
call("update_workflow_stages", project, [{"id": "s"}])
call("file_explorer", "bucket", "st", {"folder": "f"})
"""


@pytest.mark.peers
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("requirement", "module", "more"),
    [("ango==1.1.6", "ango", DOCUMENTED_CALLS), ("ango==1.4.10", "imerit_ango", CURRENT_CALLS)],
)
async def test_every_call_is_the_published_ones(
    hub: DemoHub, published_client: Any, tmp_path: Path, requirement: str, module: str, more: str
) -> None:
    python: Path = await asyncio.to_thread(published_client, requirement)
    script = tmp_path / "calls.py"
    script.write_text(CALLS.format(module=module) + more, encoding="utf-8")
    (tmp_path / "up.txt").write_text("uploaded")
    compat = Path(__file__).parents[2] / "desktop_app" / "child" / "compat"
    heard = []
    for program, path in ((python, ""), (Path(sys.executable), str(compat))):
        seen = len(list(hub.events))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
        task = hub.project.task_of(hub.assets[0])
        process = await asyncio.create_subprocess_exec(
            program, script, hub.url, hub.api_key, hub.project.id, task.id, tmp_path / "up.txt",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()[-2000:]
        # The rest of a project's life is not compared: what a call did to it must not change the next program's calls.
        hub.project.task_of(hub.assets[0]).answer = {"tools": [], "classifications": [], "relations": []}
        calls = [event.data for event in list(hub.events)[seen:] if event.kind is EventKind.HTTP]
        heard.append([_normal(hub, call) for call in calls])
        print(out.decode())
    published, ours = heard
    assert len(published) > 10
    for mine, theirs in zip(ours, published, strict=False):
        assert mine == theirs
    assert len(ours) == len(published)


def _normal(hub: DemoHub, call: dict[str, Any]) -> Any:
    import re

    shown = {name: call[name] for name in ("method", "path", "query", "body", "key")}
    if shown["path"].startswith("/files/"):
        shown["query"] = {}
    text = json.dumps(shown, sort_keys=True).replace("/v2//", "/v2/")
    # 1.1.6 ignores the colour it is given, and does not know these fields of a classification.
    text = re.sub(r'"color": "#\w+"', '"color": "#"', text)
    text = re.sub(r'"(exportName|displayName|abbreviatedName|attributeType|defaultValue)": null, ', "", text)
    return json.loads(re.sub(r"\b[0-9a-f]{16}(?:[0-9a-f]{16})?\b", "UNIQUE", text))
