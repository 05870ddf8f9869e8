"""The demo hub's HTTP API: every call of facts: hub-protocol, HTTP API, and the few more that batch scripts make.

Answers look like `{"status": "success", "data": {…}}`, refusals like `{"status": "fail", "message": …}`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from desktop_app.hub.demo.export import export_rows, pack
from desktop_app.hub.demo.faults import Faults
from desktop_app.hub.demo.files import KINDS, Files
from desktop_app.hub.demo.sample import SampleProject
from desktop_app.hub.demo.sessions import Sessions, answer_of
from desktop_app.hub.demo.state import Asset, EventKind, JsonObject, Recorder, Session, Task

PAGE_LIMIT = 1000
BODY_LIMIT = 64 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """A call that is answered with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Api:
    """The calls under `/v2/`.

    Args:
        user_key: the API key of the person at the hub; a session's own key works as well.
    """

    def __init__(
        self,
        recorder: Recorder,
        project: SampleProject,
        sessions: Sessions,
        files: Files,
        faults: Faults,
        user_key: str,
    ) -> None:
        self._recorder = recorder
        self._project = project
        self._sessions = sessions
        self._files = files
        self._faults = faults
        self._user_key = user_key

    def make_app(self) -> web.Application:
        """An application with the API's routes, its faults and its record of every call."""
        app = web.Application(middlewares=[self._middleware], client_max_size=BODY_LIMIT)
        app.on_response_prepare.append(self._record)
        get, post = app.router.add_get, app.router.add_post
        get("/v2/listProjects", self._list_projects)
        get("/v2/project/{project}", self._get_project)
        get("/v2/project/{project}/assets", self._get_assets)
        get("/v2/project/{project}/tasks", self._get_tasks)
        get("/v2/task/{task}", self._get_task)
        post("/v2/annotate/{task}", self._annotate)
        get("/v2/export", self._export)
        get("/v2/exportV3", self._export)  # what clients 1.2.2 to 1.3.42 call
        post("/v2/import/labels", self._import_labels)
        get("/v2/getUploadUrl", self._get_upload_url)
        get("/v2/getSignedUrl", self._get_signed_url)
        post("/v2/pluginLog", self._plugin_log)
        post("/v2/pluginResponse", self._plugin_response)
        return app

    # -- around every call --------------------------------------------------------------------------------------------

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path
        if path.startswith("/socket.io/"):
            return await handler(request)
        if self._faults.http_delay and path.startswith(self._faults.delay_prefix):
            await asyncio.sleep(self._faults.http_delay)
        fault = self._faults.take_http_fault(path)
        if fault is not None:
            return web.Response(status=fault.status, text=fault.body, content_type="text/html", headers=fault.headers)
        return await self._answer(request, handler)

    async def _record(self, request: web.Request, response: web.StreamResponse) -> None:
        """Called when an answer's headers are about to go out: a file's status is known no earlier."""
        if request.path.startswith("/socket.io/"):
            return
        body, _ = await _json_body(request)
        session = self._session(request)
        self._recorder.add(
            EventKind.HTTP,
            plugin_id=session.plugin_id if session else "",
            session=session.id if session else "",
            text=f"{request.method} {request.path} {response.status}",
            data={
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "body": body,
                "status": response.status,
                "key": self._key_kind(request),
            },
        )

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path.startswith("/v2/"):
                if self._key_kind(request) in ("missing", "wrong"):
                    raise Refused(401, "Invalid API key!")
                if not (await _json_body(request))[1]:
                    raise Refused(400, "The body is not valid JSON.")
            return await handler(request)
        except Refused as refused:
            return web.json_response({"status": "fail", "message": refused.message}, status=refused.status)
        except web.HTTPException as error:
            return web.json_response({"status": "fail", "message": error.reason}, status=error.status)

    def _session(self, request: web.Request) -> Session | None:
        key = request.headers.get("apikey")
        return self._sessions.by_api_key(key) if key else None

    def _key_kind(self, request: web.Request) -> str:
        if request.path.startswith("/files/"):
            return "signed"
        key = request.headers.get("apikey")
        if not key:
            return "missing"
        if key == self._user_key:
            return "user"
        return "session" if self._sessions.by_api_key(key) else "wrong"

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _list_projects(self, request: web.Request) -> web.Response:
        return _success({"projects": [self._project.as_json()], "total": 1})

    async def _get_project(self, request: web.Request) -> web.Response:
        self._check_project(request.match_info["project"])
        return _success({"project": self._project.as_json()})

    async def _get_assets(self, request: web.Request) -> web.Response:
        self._check_project(request.match_info["project"])
        filters = _json_query(request, "filters", {})
        if not isinstance(filters, dict):
            raise Refused(400, "`filters` is a JSON object.")
        found = self._found(filters)
        return _success({"assets": [self._asset_json(asset) for asset in _page(request, found)], "total": len(found)})

    async def _get_tasks(self, request: web.Request) -> web.Response:
        self._check_project(request.match_info["project"])
        stage = request.query.get("stage")
        found = [task for task in self._project.tasks.values() if stage in (None, task.stage)]
        return _success({"tasks": [self._task_json(task) for task in _page(request, found)], "total": len(found)})

    async def _get_task(self, request: web.Request) -> web.Response:
        # The published client reads the answer although it asks for `includeAnswer=False`.
        return _success({"task": self._task_json(self._task(request.match_info["task"]))})

    async def _export(self, request: web.Request) -> web.Response:
        self._check_project(request.query.get("project", ""))
        stages = _json_query(request, "stage", None)
        batches = _json_query(request, "batches" if "batches" in request.query else "tag", [])
        as_lines = request.query.get("format") == "ndjson"
        rows = export_rows(self._project, self._files, stages, batches)
        content = await asyncio.to_thread(pack, rows, as_lines)
        stored = await asyncio.to_thread(self._files.write, "exports", "export.zip", content)
        return _success({"exportPath": self._files.signed_url(stored)})

    # -- writing ------------------------------------------------------------------------------------------------------

    async def _annotate(self, request: web.Request) -> web.Response:
        task = self._task(request.match_info["task"])
        body = await _object_body(request)
        session = self._session(request)
        problem = _annotation_problem(body)
        if problem:
            self._recorder.add(EventKind.PROTOCOL_ERROR, session=session.id if session else "", text=problem, data=body)
            raise Refused(400, problem)
        if session is not None and session.task_id != task.id:
            self._recorder.add(
                EventKind.PROTOCOL_ERROR,
                plugin_id=session.plugin_id,
                session=session.id,
                text="an annotation with the API key of a session about another task",
                data=body,
            )
        self._sessions.annotate(task, body, dict(request.query), session)
        return _success({"label": self._task_json(task)})

    async def _import_labels(self, request: web.Request) -> web.Response:
        body = await _object_body(request)
        self._check_project(body.get("project"))
        rows = body.get("jsonContent")
        if not isinstance(rows, list):
            raise Refused(400, "`jsonContent` is a list.")
        labeled = 0
        for row in rows:
            asset = self._named_asset(row) if isinstance(row, dict) else None
            answer = answer_of({"objects": []} | row) if isinstance(row, dict) else None
            if asset is not None and answer is not None:
                self._project.pre_label(asset, answer)
                labeled += 1
        return _success({"project": f"{labeled} / {len(rows)} tasks are labeled."})

    async def _get_upload_url(self, request: web.Request) -> web.Response:
        name, kind = self._named_file(request)
        stored = self._files.announce(kind, name)
        return _success({"uploadUrl": self._files.signed_url(stored, "PUT")})

    async def _get_signed_url(self, request: web.Request) -> web.Response:
        name, kind = self._named_file(request)
        stored = self._files.find(name, kind)
        if stored is None:
            raise Refused(404, "There is no such file.")
        return _success({"signedUrl": self._files.signed_url(stored)})

    async def _plugin_log(self, request: web.Request) -> web.Response:
        return self._report(request, self._sessions.log(await request.json(), ""))

    async def _plugin_response(self, request: web.Request) -> web.Response:
        return self._report(request, self._sessions.response(await request.json(), ""))

    # -- helpers ------------------------------------------------------------------------------------------------------

    def _report(self, request: web.Request, taken: bool) -> web.Response:
        if not taken:
            raise Refused(400, f"Not a {request.path.rpartition('/')[2]} object of a known session.")
        return _success({})

    def _check_project(self, project_id: Any) -> None:
        if project_id != self._project.id:
            raise Refused(404, "There is no such project.")

    def _task(self, task_id: str) -> Task:
        task = self._project.tasks.get(task_id)
        if task is None:
            raise Refused(404, "There is no such task.")
        return task

    def _named_file(self, request: web.Request) -> tuple[str, str]:
        name, kind = request.query.get("name", ""), request.query.get("type", "assets")
        if not name:
            raise Refused(400, "`name` is missing.")
        if kind not in KINDS:
            raise Refused(400, f"`type` is one of {', '.join(KINDS)}.")
        return name, kind

    def _named_asset(self, row: JsonObject) -> Asset | None:
        external_id, data = row.get("externalId"), row.get("data")
        asset = self._project.named(external_id) if isinstance(external_id, str) else None
        if asset is not None:
            return asset
        stored = self._files.find(data) if isinstance(data, str) else None
        return self._project.named(stored.key.removeprefix("assets/")) if stored is not None else None

    def _found(self, filters: JsonObject) -> Sequence[Asset]:
        """Without making all assets of a generated project, where the filters allow it."""
        wanted = filters.get("batches", [])
        if set(filters) <= {"batches"} and isinstance(wanted, list):
            return self._project.in_batches(wanted) if wanted else self._project.listed
        if isinstance(filters.get("_id"), str):
            asset = self._project.asset(filters["_id"])
            return [asset] if asset is not None and self._matches(asset, filters) else []
        return [asset for asset in self._project.listed if self._matches(asset, filters)]

    def _matches(self, asset: Asset, filters: JsonObject) -> bool:
        """Facts: the client's `get_assets`: `_id`, `externalId`, `isPreLabeled`, and `batches`, all of which count."""
        wanted = filters.get("batches", [])
        if not isinstance(wanted, list):
            raise Refused(400, "`filters.batches` is a list.")
        shown = {
            "_id": asset.id,
            "externalId": asset.external_id,
            "isPreLabeled": self._project.task_of(asset).pre_labeled,
        }
        return all(filters[key] == value for key, value in shown.items() if key in filters) and all(
            batch in asset.batches for batch in wanted
        )

    def _data_url(self, asset: Asset) -> str:
        return self._files.signed_url(self._files.of_asset(asset))

    def _asset_json(self, asset: Asset) -> JsonObject:
        task = self._project.task_of(asset)
        return {
            "_id": asset.id,
            "project": self._project.id,
            "externalId": asset.external_id,
            "data": self._data_url(asset),
            "batches": list(asset.batches),
            "isPreLabeled": task.pre_labeled,
            "labelTasks": [task.id],
        }

    def _task_json(self, task: Task) -> JsonObject:
        asset = self._project.asset(task.asset_id)
        return {
            "_id": task.id,
            "project": self._project.id,
            "asset": task.asset_id,
            "externalId": asset.external_id if asset else "",
            "batches": list(asset.batches) if asset else [],
            "stage": task.stage,
            "status": "Completed" if task.stage == "Complete" else "Todo",
            "answer": task.answer,
            "brushDataUrl": task.brush_data_url,
            "medicalBrushDataUrl": task.medical_brush_data_url,
        }


def _success(data: JsonObject) -> web.Response:
    return web.json_response({"status": "success", "data": data})


def _page(request: web.Request, rows: Sequence[Any]) -> Sequence[Any]:
    """The rows of `page` (from 1) with `limit` rows each."""
    try:
        page, limit = int(request.query.get("page", "1")), int(request.query.get("limit", "10"))
    except ValueError:
        raise Refused(400, "`page` and `limit` are numbers.") from None
    if page < 1 or not 1 <= limit <= PAGE_LIMIT:
        raise Refused(400, f"`page` counts from 1 and `limit` is at most {PAGE_LIMIT}.")
    return rows[(page - 1) * limit : page * limit]


def _json_query(request: web.Request, name: str, default: Any) -> Any:
    text = request.query.get(name)
    if not text:
        return default
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(400, f"`{name}` is not valid JSON.") from None


async def _json_body(request: web.Request) -> tuple[Any, bool]:
    """The JSON body of a POST, and whether it could be read; other methods have none."""
    if request.method != "POST" or request.path.startswith("/files/"):
        return None, True
    try:
        return json.loads(await request.read()), True
    except (ValueError, RecursionError, web.HTTPRequestEntityTooLarge):
        return None, False


async def _object_body(request: web.Request) -> JsonObject:
    body = await request.json()
    if not isinstance(body, dict):
        raise Refused(400, "The body is a JSON object.")
    return body


def _annotation_problem(body: JsonObject) -> str | None:
    answer = body.get("answer")
    if not isinstance(answer, dict):
        return "an annotation has an object `answer`"
    if "objects" not in answer and "tools" not in answer:
        return "an annotation's answer has `objects` (or `tools`)"
    for key in ("objects", "tools", "classifications", "relations"):
        if not isinstance(answer.get(key, []), list):
            return f"an annotation's `{key}` is a list"
    return None
