"""The HTTP API, over HTTP."""

from __future__ import annotations

import io
import json
import zipfile

import httpx
import pytest

ANSWER = {
    "objects": [{"bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4}}], "classifications": [], "relations": [],
}  # fmt: skip


def data(response: httpx.Response) -> dict:
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["status"] == "success"
    return body["data"]


@pytest.mark.parametrize("headers", [{}, {"apikey": ""}, {"apikey": "wrong"}, {"Authorization": "x"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v2/listProjects"), ("POST", "/v2/annotate/1"), ("POST", "/v2/pluginLog"), ("GET", "/v2/no")],
)
async def test_without_a_valid_key_every_call_is_refused(hub, headers, method, path):
    async with httpx.AsyncClient(base_url=hub.url, headers=headers) as client:
        response = await client.request(method, path)
    assert response.status_code == 401
    assert response.json() == {"status": "fail", "message": "Invalid API key!"}
    assert hub.http_calls[-1].data["key"] in ("missing", "wrong")


async def test_a_session_has_a_key_of_its_own(hub, connect):
    peer = await connect()
    session = await hub.run_plugin("p1")
    job = await peer.job()
    assert job["apiKey"] not in (hub.api_key, "")
    async with httpx.AsyncClient(base_url=hub.url, headers={"apikey": job["apiKey"]}) as client:
        data(await client.get(f"/v2/project/{job['projectId']}"))
    call = hub.http_calls[-1]
    assert (call.session, call.plugin_id, call.data["key"]) == (session.id, "p1", "session")


async def test_the_project_shows_its_categories_and_batches(hub, http):
    project = data(await http.get(f"/v2/project/{hub.project.id}"))["project"]
    assert project["categorySchema"]["tools"][0] == {
        "schemaId": hub.project.schema_id("Bolt"), "title": "Bolt", "tool": "bounding-box", "color": "#f44336",
        "required": False, "columnField": False, "shortcutKey": "", "classifications": [], "options": [],
    }  # fmt: skip
    assert project["batches"] == project["tags"] == hub.project.batches
    assert data(await http.get("/v2/listProjects?page=1&limit=10"))["projects"][0]["_id"] == hub.project.id
    assert (await http.get("/v2/project/other")).status_code == 404


async def test_assets_come_in_pages(hub, http):
    url = f"/v2/project/{hub.project.id}/assets"
    seen = []
    for page, count in ((1, 3), (2, 1), (3, 0)):
        answer = data(await http.get(url, params={"page": page, "limit": 3}))
        assert answer["total"] == 4
        assert len(answer["assets"]) == count
        seen += answer["assets"]
    assert [entry["_id"] for entry in seen] == [asset.id for asset in hub.assets]
    assert seen[0]["externalId"] == "a tray & more.png"
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(seen[0]["data"])).status_code == 200
    for params in ({"page": 0}, {"page": "x"}, {"limit": 0}, {"limit": 5000}, {"limit": -1}):
        assert (await http.get(url, params=params)).status_code == 400


async def test_assets_can_be_filtered(hub, http):
    async def found(filters: object) -> list[str]:
        params = {"filters": filters if isinstance(filters, str) else json.dumps(filters)}
        answer = data(await http.get(f"/v2/project/{hub.project.id}/assets", params=params))
        assert answer["total"] == len(answer["assets"])
        return [entry["externalId"] for entry in answer["assets"]]

    everything = [asset.external_id for asset in hub.assets]
    morning, evening = (batch["_id"] for batch in hub.project.batches)
    assert await found({}) == await found("") == everything
    assert await found({"_id": hub.assets[1].id}) == ["b.png"]
    assert await found({"externalId": "c.PNG"}) == ["c.PNG"]
    assert await found({"_id": hub.assets[1].id, "externalId": "c.PNG"}) == []
    assert await found({"batches": [morning]}) == everything[::2]
    assert await found({"batches": [morning, evening]}) == []
    assert await found({"isPreLabeled": True}) == []
    assert await found({"somethingNew": 1}) == everything
    hub.project.task_of(hub.assets[2]).pre_labeled = True
    assert await found({"isPreLabeled": True}) == ["c.PNG"]
    for bad in ("{broken", "[]", "5", '{"batches": 5}'):
        response = await http.get(f"/v2/project/{hub.project.id}/assets", params={"filters": bad})
        assert response.status_code == 400


async def test_a_task_has_its_answer_whatever_was_asked_for(hub, http):
    task = hub.project.task_of(hub.assets[0])
    task.answer = {"tools": ANSWER["objects"], "classifications": [], "relations": []}
    for query in ("", "?includeAnswer=False", "?includeAnswer=True"):
        shown = data(await http.get(f"/v2/task/{task.id}{query}"))["task"]
        assert shown["answer"] == task.answer
        assert shown["project"] == hub.project.id
        assert shown["asset"] == hub.assets[0].id
        assert shown["brushDataUrl"] is None
    assert (await http.get("/v2/task/none")).status_code == 404


async def test_tasks_can_be_listed_by_stage(hub, http):
    hub.project.task_of(hub.assets[1]).stage = "Review"
    url = f"/v2/project/{hub.project.id}/tasks"
    assert data(await http.get(url, params={"limit": 2}))["total"] == 4
    assert [task["externalId"] for task in data(await http.get(url, params={"stage": "Review"}))["tasks"]] == ["b.png"]


@pytest.mark.parametrize(
    ("query", "body", "stage"),
    [
        # 1.3.43 and later
        (
            "nextStage=true&isPlugin=true",
            {"answer": ANSWER, "brushDataUrl": None, "medicalBrushDataUrl": None, "duration": 0},
            "Review",
        ),
        # documented client
        (
            "nextStage=true",
            {"answer": {"tools": ANSWER["objects"], "classifications": [], "relations": []}, "duration": 0},
            "Review",
        ),
        ("nextStage=false&isPlugin=false", {"answer": {"objects": ANSWER["objects"]}}, "Label"),
    ],
)
async def test_every_generation_annotates(hub, http, query, body, stage):
    task = hub.project.task_of(hub.assets[0])
    data(await http.post(f"/v2/annotate/{task.id}?{query}", json=body))
    assert task.answer == {"tools": ANSWER["objects"], "classifications": [], "relations": []}
    assert task.stage == stage
    [annotation] = task.annotations
    assert annotation.body == body
    assert annotation.query == dict(httpx.QueryParams(query))
    assert annotation.session == ""
    call = hub.http_calls[-1].data
    assert (call["method"], call["path"], call["body"], call["status"]) == (
        "POST", f"/v2/annotate/{task.id}", body, 200,
    )  # fmt: skip


async def test_an_annotation_ends_its_workflow_session(hub, connect):
    peer = await connect()
    session = await hub.run_plugin("p1", asset=2, workflow=True)
    job = await peer.job()
    async with httpx.AsyncClient(base_url=hub.url, headers={"apikey": job["apiKey"]}) as client:
        data(await client.post(f"/v2/annotate/{job['taskId']}?nextStage=true", json={"answer": ANSWER}))
    await session.wait(5)
    assert session.outcome == "annotated"
    assert session.annotations[0].session == session.id
    assert hub.protocol_errors == []


async def test_an_annotation_of_another_sessions_task_is_noted(hub, connect):
    peer = await connect()
    await hub.run_plugin("p1", asset=2, workflow=True)
    job = await peer.job()
    other = hub.project.task_of(hub.assets[0])
    async with httpx.AsyncClient(base_url=hub.url, headers={"apikey": job["apiKey"]}) as client:
        data(await client.post(f"/v2/annotate/{other.id}", json={"answer": ANSWER}))
    assert [event.text for event in hub.protocol_errors] == [
        "an annotation with the API key of a session about another task"
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{broken", b"[]", b"null", b"5", b"{}", b'{"answer": null}', b'{"answer": {}}',
        b'{"answer": {"objects": 1}}',
        b'{"answer": {"objects": [], "relations": null}}', b"[" * 100_000, b"\xff\xfe",
    ],
)  # fmt: skip
async def test_a_bad_annotation_is_refused_and_changes_nothing(hub, http, body):
    task = hub.project.task_of(hub.assets[0])
    response = await http.post(f"/v2/annotate/{task.id}?nextStage=true", content=body)
    assert response.status_code == 400
    assert response.json()["status"] == "fail"
    assert task.annotations == []
    assert task.stage == "Label"


async def test_labels_are_imported_by_external_id_or_address(hub, http):
    rows = [
        {"externalId": "b.png", **ANSWER},
        {"data": hub.asset_url(hub.assets[0]), **ANSWER},
        {"data": hub.asset_url(hub.assets[2]).partition("?")[0], "classifications": [{"schemaId": "c", "answer": "x"}]},
        {"externalId": "nothing.png", **ANSWER},
        {"externalId": "b.png", "objects": "many"},
        {"data": "http://[::1"},
        {},
        7,
    ]
    answer = data(await http.post("/v2/import/labels", json={"project": hub.project.id, "jsonContent": rows}))
    assert answer == {"project": "3 / 8 tasks are labeled."}
    tasks = [hub.project.task_of(asset) for asset in hub.assets]
    assert [task.pre_labeled for task in tasks] == [True, True, True, False]
    assert tasks[1].answer["tools"] == ANSWER["objects"]
    assert tasks[2].answer["classifications"] == [{"schemaId": "c", "answer": "x"}]
    for bad in ({"project": hub.project.id}, {"project": hub.project.id, "jsonContent": {}}):
        assert (await http.post("/v2/import/labels", json=bad)).status_code == 400
    assert (await http.post("/v2/import/labels", json={"project": "x", "jsonContent": []})).status_code == 404


async def unzipped(http: httpx.AsyncClient, query: dict[str, str]) -> tuple[str, str]:
    path = data(await http.get("/v2/export", params=query))["exportPath"]
    async with httpx.AsyncClient() as stranger:
        archive = zipfile.ZipFile(io.BytesIO((await stranger.get(path)).content))
    [name] = archive.namelist()
    return name, archive.read(name).decode()


async def test_exports_are_zips_of_lines_or_of_a_list(hub, http):
    hub.project.task_of(hub.assets[1]).answer["tools"] = ANSWER["objects"]
    project = {"project": hub.project.id}
    name, text = await unzipped(http, project | {"format": "ndjson"})
    rows = [json.loads(line) for line in text.splitlines()]
    assert name.endswith(".ndjson")
    assert [row["externalId"] for row in rows] == [asset.external_id for asset in hub.assets]
    assert rows[1]["tasks"][0]["objects"] == ANSWER["objects"]
    assert rows[0]["batches"] == ["Morning"]
    name, text = await unzipped(http, project | {"format": "json"})
    assert [row["externalId"] for row in json.loads(text)] == [row["externalId"] for row in rows]


async def test_exports_can_be_narrowed(hub, http):
    hub.project.task_of(hub.assets[1]).stage = "Complete"
    morning = hub.project.batches[0]["_id"]

    async def names(**query: str) -> list[str]:
        _, text = await unzipped(http, {"project": hub.project.id, "format": "json", **query})
        return [row["externalId"] for row in json.loads(text)]

    assert await names(stage='["Complete"]') == ["b.png"]
    assert await names(batches=json.dumps([morning])) == ["a tray & more.png", "c.PNG"]
    assert await names(tag=json.dumps([morning]), stage='["Complete"]') == []
    assert (await http.get("/v2/export", params={"project": "x"})).status_code == 404
    assert (await http.get("/v2/export", params={"project": hub.project.id, "stage": "["})).status_code == 400


async def test_upload_and_read_addresses_name_a_known_kind(hub, http):
    for query in ("", "name=&type=brushes", "name=a&type=secrets"):
        assert (await http.get(f"/v2/getUploadUrl?{query}")).status_code == 400
    assert (await http.get("/v2/getSignedUrl?name=none.png&type=brushes")).status_code == 404
    # Documented clients name no kind.
    assert data(await http.get("/v2/getUploadUrl?name=a.png"))["uploadUrl"].startswith(f"{hub.url}/files/assets/")


async def test_logs_and_responses_may_come_over_http(hub, http, connect, log_line):
    peer = await connect()
    session = await hub.run_plugin("p1")
    job = await peer.job()
    data(await http.post("/v2/pluginLog", json=log_line(job)))
    data(await http.post("/v2/pluginResponse", json={"export": True, "response": "url", "session": job["session"]}))
    await session.wait(5)
    assert session.logs[0].message == "step 1"
    assert session.response == "url"
    assert session.responses[0]["export"] is True
    for path in ("/v2/pluginLog", "/v2/pluginResponse"):
        for bad in (None, [], {"session": "none"}):
            assert (await http.post(path, json=bad)).status_code == 400


async def test_calls_that_do_not_exist_are_refused_in_json(hub, http):
    for method, path in (("GET", "/v2/none"), ("DELETE", f"/v2/project/{hub.project.id}"), ("GET", "/")):
        response = await http.request(method, path)
        assert response.status_code in (404, 405)
        assert response.json()["status"] == "fail"


async def test_calls_can_meet_a_gateway_that_fails(hub, http):
    hub.faults.fail_http("/v2/task/", times=1)
    hub.faults.fail_http("/v2/project/", status=429, body="slow down", headers={"Retry-After": "7"})
    task = next(iter(hub.tasks))
    response = await http.get(f"/v2/task/{task}")
    assert response.status_code == 502
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<h1>502 Bad Gateway</h1>" in response.text
    assert (await http.get(f"/v2/task/{task}")).status_code == 200
    for _ in range(2):
        response = await http.get(f"/v2/project/{hub.project.id}")
        assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert [event.data["status"] for event in hub.http_calls] == [502, 200, 429, 429]


async def test_calls_can_be_slow(hub, http):
    hub.faults.http_delay = 30
    hub.faults.delay_prefix = "/v2/task/"
    with pytest.raises(httpx.ReadTimeout):
        await http.get("/v2/task/1", timeout=0.05)
    assert (await http.get("/v2/listProjects", timeout=5)).status_code == 200
