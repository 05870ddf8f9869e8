"""Scripts of every generation and kind: what the hub hears from us equals what it hears from their published client."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import io
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.host import Host
from desktop_app.hub.demo.connections import PluginOffline
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import EventKind, Session
from desktop_app.store.paths import DataDir

pytestmark = [pytest.mark.peers, pytest.mark.e2e, pytest.mark.timeout(1500)]

LIMIT_S = 60.0
SECRET = "s1-long-enough"
SAMPLE = Path(__file__).parents[1] / "data" / "seed_sample.py"
BOX = '{"bounding-box": {"x": 20, "y": 30.5, "width": 50, "height": 60}, "objectId": "new", "title": "Bolt"}'
PARTS = f'"objects": [{BOX}], "classifications": [{{"schemaId": "light", "answer": "Dim"}}], "relations": []'

HEAD = """
import json
from io import BytesIO
from {module}.plugins import *
from {module}.plugins import {kind}, run
HOST, PLUGIN_ID, PLUGIN_SECRET = "<YOUR HOST>", "<YOUR PLUGIN ID>", "<YOUR PLUGIN SECRET>"

def callback({parameter}):
    logger = data.get("logger")
    if logger is not None:
        logger.info("started", stage="start")
        logger.warning("took long")
"""
TAIL = """

if __name__ == "__main__":
    run({kind}(id=PLUGIN_ID, secret=PLUGIN_SECRET, callback=callback{host}), host=HOST)
"""


def script(module: str, parameter: str, body: str, kind: str = "ModelPlugin") -> str:
    """A script whose callback logs and then does what `body` says."""
    host = ", host=HOST" if kind in ("ModelPlugin", "ExportPlugin") else ""
    indented = "\n".join("    " + line for line in body.strip().splitlines())
    return HEAD.format(module=module, parameter=parameter, kind=kind) + indented + TAIL.format(kind=kind, host=host)


DOCUMENTED_BODY = f'return {{"data": data.get("dataURL"), "answer": {{{PARTS}}}}}'
FLAT_BODY = f'return {{"externalId": data.get("externalId", "e"), {PARTS}}}'
PAYLOAD_BODY = (
    "from imerit_ango.models.annotate import AnnotationPayload, Answer\n"
    f"return AnnotationPayload(answer=Answer(**{{{PARTS}}}))"
)
MASK_BODY = """
import numpy as np
from imerit_ango.models.annotate import AnnotationPayload, Answer
mask = np.zeros((30, 40, 4), "uint8")
left, color = (0, (255, 0, 0, 255)) if data["overwrite"] else (20, (0, 0, 255, 255))
mask[:, left:left + 20] = color
return AnnotationPayload(answer=Answer(), brush_data=mask, medical_brush_data=np.ones((2, 3, 5), "uint8"))
"""
BATCH_BODY = """
from {module}.sdk import SDK
sdk = SDK(api_key=data["apiKey"], host=HOST)
assets = sdk.get_assets(data["projectId"])["data"]["assets"]
rows = [{{"externalId": a["externalId"], "objects": [], "classifications": [], "relations": []}} for a in assets]
sdk.import_labels(data["projectId"], rows)
config = json.loads(data["configJSON"])
return "%d labeled, %s" % (len(rows), config["word"])
"""
MARKDOWN_BODY = """
lines = ["| %s |" % " | ".join(row.split(",")) for row in "a,b\\n1,2".splitlines()]
return "\\n".join(lines)
"""
EXPORT_OLD_BODY = """
rows = list(data["jsonExport"])
return "names.json", BytesIO(json.dumps([row["externalId"] for row in rows]).encode())
"""
EXPORT_BODY = """
rows = list(data["jsonExport"])
return ExportResponse(BytesIO(json.dumps([len(rows), data["numTasks"]]).encode()), "names.json")
"""


@dataclass
class Case:
    """One script under one client, and the jobs that are run through it."""

    client: str
    text: str
    jobs: list[dict[str, Any]]
    loses: str = ""
    """What the published client does wrong with these jobs: then only ours is looked at."""


INTERACTIVE = {"asset": 0}
UNMAPPED = {"asset": 1, "class_mapping": None}
WORKFLOW = {"asset": 1, "workflow": True}
MERGED = {"asset": 0, "overwrite": False}
MERGED_WORKFLOW = {"asset": 1, "overwrite": False, "workflow": True}
BATCH = {"asset": None, "config": '{"word": "done"}'}
EXPORT = {"asset": None, "config": "{}", "extra": {"stage": ["Label"], "batches": []}}
OLD = {"generation": "older"}

ANGO_116, IA_124, IA_1310 = "ango==1.1.6", "imerit-ango==1.2.4", "imerit-ango==1.3.10"
IA_1322, IA_1350, ANGO_1410 = "imerit-ango==1.3.22", "imerit-ango==1.3.50", "ango==1.4.10"

CASES = {
    "1.1.6 sample": Case(ANGO_116, "", [INTERACTIVE | OLD, UNMAPPED | OLD]),
    "1.1.6 model": Case(ANGO_116, script("ango", "**data", DOCUMENTED_BODY), [INTERACTIVE | OLD, WORKFLOW | OLD]),
    "1.1.6 export": Case(ANGO_116, script("ango", "**data", EXPORT_OLD_BODY, "ExportPlugin"), [EXPORT | OLD]),
    "1.2.4 model": Case(IA_124, script("imerit_ango", "**data", FLAT_BODY), [INTERACTIVE, UNMAPPED]),
    "1.2.4 workflow": Case(IA_124, script("imerit_ango", "**data", FLAT_BODY), [WORKFLOW]),
    "1.2.4 export": Case(IA_124, script("imerit_ango", "**data", EXPORT_OLD_BODY, "ExportPlugin"), [EXPORT]),
    "1.3.10 model": Case(
        IA_1310,
        script("imerit_ango", "**data", FLAT_BODY),
        [INTERACTIVE],
        loses='it compares with `is not "WS"`, and an answer over the socket is never sent',
    ),
    "1.3.10 workflow": Case(IA_1310, script("imerit_ango", "**data", FLAT_BODY), [WORKFLOW]),
    "1.3.10 export": Case(IA_1310, script("imerit_ango", "**data", EXPORT_BODY, "ExportPlugin"), [EXPORT]),
    "1.3.22 model": Case(IA_1322, script("imerit_ango", "data", FLAT_BODY), [INTERACTIVE, UNMAPPED, MERGED]),
    "1.3.22 workflow": Case(IA_1322, script("imerit_ango", "data", FLAT_BODY), [WORKFLOW]),
    "1.3.22 export": Case(IA_1322, script("imerit_ango", "data", EXPORT_BODY, "ExportPlugin"), [EXPORT]),
    "1.3.50 model": Case(IA_1350, script("imerit_ango", "data", PAYLOAD_BODY), [INTERACTIVE, UNMAPPED, MERGED]),
    "1.3.50 workflow": Case(IA_1350, script("imerit_ango", "data", PAYLOAD_BODY), [WORKFLOW]),
    "1.4.10 model": Case(
        ANGO_1410,
        script("imerit_ango", "data", PAYLOAD_BODY),
        [INTERACTIVE, UNMAPPED, MERGED, WORKFLOW, MERGED_WORKFLOW],
    ),
    "1.4.10 masks": Case(
        ANGO_1410 + " numpy pillow",
        script("imerit_ango", "data", MASK_BODY),
        [{"asset": 0, "workflow": True, "overwrite": True}, {"asset": 0, "workflow": True, "overwrite": False}],
    ),
    "1.3.50 export": Case(IA_1350, script("imerit_ango", "data", EXPORT_BODY, "ExportPlugin"), [EXPORT]),
    "1.4.10 export": Case(ANGO_1410, script("imerit_ango", "data", EXPORT_BODY, "ExportPlugin"), [EXPORT]),
    "1.4.10 error": Case(ANGO_1410, script("imerit_ango", "data", "raise ValueError('no')"), [INTERACTIVE]),
    "1.4.10 flat dict, as the public samples return": Case(
        ANGO_1410,
        script("imerit_ango", "data", FLAT_BODY),
        [INTERACTIVE],
        loses="a dict has no `.answer`: the session never ends",
    ),
    "1.4.10 nothing": Case(
        ANGO_1410, script("imerit_ango", "data", "return None"), [INTERACTIVE], loses="the session never ends"
    ),
    "1.4.10 bare answer": Case(
        ANGO_1410,
        script("imerit_ango", "data", PAYLOAD_BODY.replace("AnnotationPayload(answer=", "(")),
        [INTERACTIVE],
        loses="an Answer has no `.answer`: the session never ends",
    ),
}


@dataclass
class Heard:
    """What a hub heard of one session, with what differs from run to run taken out."""

    responses: Any
    annotations: Any
    logs: Any
    calls: Any
    stored: Any = field(default_factory=list)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[DemoHub]:
    """A hub with two pictures and the plugin of the scripts."""
    folder = tmp_path / "assets"
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / f"{number}.png")
    async with DemoHub(assets_dir=folder) as running:
        running.add_plugin("p1", SECRET, class_names=("bolt", "nut", "washer"))
        yield running


def _normal(hub: DemoHub, session: Session, value: Any) -> Any:
    text = json.dumps(value, sort_keys=True)
    for found, name in ((session.id, "SESSION"), (session.api_key, "KEY"), (hub.url, "HUB")):
        text = text.replace(found, name)
    # 1.3.10 says so where it means false.
    text = text.replace('"includeOnlyKeyFrames": "none"', '"includeOnlyKeyFrames": "false"')
    text = re.sub(r"\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})\b", "UNIQUE", text)
    return json.loads(re.sub(r'(HUB/[^"?]*)\?[^"]*', r"\1?SIGNED", text))


def _heard(hub: DemoHub, session: Session, events: list[Any]) -> Heard:
    calls = []
    stored = []
    for event in events:
        if event.kind is not EventKind.HTTP:
            continue
        data = event.data
        if event.session not in ("", session.id) or data["path"].startswith("/files/assets/"):
            continue  # the asset: ours is fetched for the screen
        if data["path"].startswith("/files/") and data["method"] == "GET":
            continue
        query = {} if data["path"].startswith("/files/") else dict(data["query"])
        if query.get("includeAnswer") == "False":
            del query["includeAnswer"]  # which clients before 1.3.43 do not say; the hub answers the same
        calls.append({"method": data["method"], "path": data["path"], "query": query, "body": data["body"]})
        if data["method"] == "PUT":
            stored.append(_content(hub.stored_bytes(hub.url + data["path"])))
    return Heard(
        _normal(hub, session, session.responses),
        _normal(hub, session, [{"query": item.query, "body": item.body} for item in session.annotations]),
        _normal(hub, session, [line.fields for line in session.logs]),
        _normal(hub, session, calls),
        stored,
    )


def _content(data: bytes | None) -> Any:
    """A stored file as what it says: PNGs of different writers are equal when their pixels are."""
    assert data is not None
    if data.startswith(b"\x89PNG"):
        return np.array(Image.open(io.BytesIO(data)).convert("RGBA")).tolist()
    if data.startswith(b"NRRD"):
        import gzip

        header, _, body = data.partition(b"\n\n")
        return (header.decode(), gzip.decompress(body).hex())
    return data.decode()


async def _run_jobs(hub: DemoHub, case: Case) -> list[Heard]:
    heard = []
    old = {
        "tools": [{"objectId": "old", "point": [1, 2]}],
        "classifications": [{"schemaId": "light", "answer": "Bright"}, {"schemaId": "other", "answer": "x"}],
        "relations": [{"schemaId": "r", "from": "old", "to": "old", "direction": "straight"}],
    }
    for asset in hub.assets:
        task = hub.project.task_of(asset)
        task.brush_data_url, task.medical_brush_data_url = None, None
    for job in case.jobs:
        # Anew for every job: what a task has from the job before, the published client doubles and we do not.
        for asset in hub.assets:
            hub.project.task_of(asset).answer = copy.deepcopy(old)
        seen = len(list(hub.events))
        session = await hub.run_plugin("p1", **job)
        await session.wait(LIMIT_S)
        before = len(list(hub.events))
        await _following(hub, job)
        events = list(hub.events)
        heard.append(
            _heard(hub, session, events[seen:before] + [e for e in events[before:] if e.session == session.id])
        )
    return heard


async def _following(hub: DemoHub, job: dict[str, Any]) -> None:
    """Runs the job once more: once that one has ended, all that a client sends after its response has come as well."""
    try:
        following = await hub.run_plugin("p1", **job)
    except PluginOffline:
        return  # 1.3.10 leaves by itself after a workflow job
    await hub.wait_until(lambda: following.done or not hub.online("p1"), LIMIT_S)


@asynccontextmanager
async def _published(hub: DemoHub, python: Path, scripts: dict[str, Path]) -> AsyncIterator[None]:
    """The published client with each of these scripts, by their plugins' ids."""
    left_out = {"CONNECTOR", "PORT", "LOGLEVEL", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    processes = []
    try:
        for path in scripts.values():
            with path.with_suffix(".log").open("wb") as sink:
                processes.append(
                    await asyncio.create_subprocess_exec(
                        python, path, stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment
                    )
                )
        for plugin_id in scripts:
            await hub.wait_online(plugin_id, LIMIT_S)
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                # 1.3.10 leaves by itself after a workflow job: it trips over the hub's answer to its annotation.
                process.kill()
            await process.wait()
        for path in scripts.values():
            print((await asyncio.to_thread(path.with_suffix(".log").read_text, errors="replace"))[-3000:])


@asynccontextmanager
async def _ours(hub: DemoHub, python: Path, scripts: dict[str, Path]) -> AsyncIterator[None]:
    """The same scripts, hosted by us."""
    host = Host(DataDir(next(iter(scripts.values())).parent / "data"))
    variables = []
    try:
        await host.start()
        for plugin_id, path in scripts.items():
            profile = Profile(
                name=plugin_id,
                host=hub.url,
                plugin_id=plugin_id,
                source=CallbackSource(script=path, python=python),
                timeout_s=60,
            )
            variables.append(profile.secret_variable)
            os.environ[profile.secret_variable] = SECRET
            await host.add_profile(profile, None)
            await host.start_profile(profile.id)
        for plugin_id in scripts:
            await hub.wait_online(plugin_id, LIMIT_S)
        yield
    finally:
        await host.stop(1)
        for variable in variables:
            del os.environ[variable]


def _write(path: Path, text: str, hub: DemoHub, plugin_id: str = "p1") -> Path:
    for placeholder, value in (("HOST", hub.url), ("PLUGIN ID", plugin_id), ("PLUGIN SECRET", SECRET)):
        text = text.replace(f"<YOUR {placeholder}>", value)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", CASES)
async def test_the_hub_hears_the_same(hub: DemoHub, published_client: Any, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    python = await asyncio.to_thread(published_client, *case.client.split())
    scripts = {"p1": _write(tmp_path / "plugin.py", case.text or SAMPLE.read_text(encoding="utf-8"), hub)}
    async with _ours(hub, python, scripts):
        ours = await _run_jobs(hub, case)
    if case.loses:
        print(f"the published client loses this answer: {case.loses}")
        [heard] = ours
        assert len(heard.responses) == 1
        if name == "1.4.10 nothing":
            assert heard.responses == [{"error": True, "session": "SESSION"}]
            assert "returned nothing" in heard.logs[-1]["msg"]
        else:
            assert heard.responses[0]["response"]["objects"][0]["objectId"] == "new"
        return
    async with _published(hub, python, scripts):
        published = await _run_jobs(hub, case)
    assert len(ours) == len(published) == len(case.jobs)
    for mine, theirs in zip(ours, published, strict=True):
        _assert_same(mine, theirs)


KINDS = {
    "BatchModelPlugin": BATCH_BODY,
    "InputPlugin": 'return "imported %s" % json.loads(data["configJSON"])["word"]',
    "MarkdownPlugin": MARKDOWN_BODY,
    "FileExplorerPlugin": 'return {"files": [1, "two"], "folder": None}',
}


@pytest.mark.parametrize("client", [ANGO_116, IA_124, IA_1310, IA_1322, IA_1350, ANGO_1410])
async def test_the_hub_hears_the_same_from_every_kind(
    hub: DemoHub, published_client: Any, tmp_path: Path, client: str
) -> None:
    python = await asyncio.to_thread(published_client, client)
    module = "ango" if client == ANGO_116 else "imerit_ango"
    parameter = "**data" if client in (ANGO_116, IA_124, IA_1310) else "data"
    scripts = {}
    for kind, body in KINDS.items():
        hub.add_plugin(kind, SECRET)
        body = body.format(module=module) if kind == "BatchModelPlugin" else body
        scripts[kind] = _write(tmp_path / f"{kind}.py", script(module, parameter, body, kind), hub, kind)
    generation: dict[str, Any] = OLD if client == ANGO_116 else {}
    heard: list[dict[str, Heard]] = []
    for side in (_ours, _published):
        async with side(hub, python, scripts):
            told = {}
            for kind in KINDS:
                session = await hub.run_plugin(kind, **BATCH, **generation)
                if side is _ours or client != IA_1310:
                    await session.wait(LIMIT_S)
                else:
                    # It compares with `is not "WS"`: what it answers over the socket is never sent.
                    await hub.wait_until(lambda heard=(session, kind): _has_done_all(hub, *heard), LIMIT_S)
                told[kind] = _heard(hub, session, list(hub.events))
            heard.append(told)
    ours, published = heard
    for kind in KINDS:
        if client == IA_1310:
            assert published[kind].responses == []
            published[kind].responses = ours[kind].responses
        _assert_same(ours[kind], published[kind])
        assert len(ours[kind].responses) == 1
    assert ours["BatchModelPlugin"].responses[0]["response"] == "3 labeled, done"
    assert ours["FileExplorerPlugin"].responses[0]["response"] == {"files": [1, "two"], "folder": None}


def _has_done_all(hub: DemoHub, session: Session, kind: str) -> bool:
    calls = [event for event in hub.http_calls if event.session == session.id]
    return len(session.logs) == 2 and len(calls) == (2 if kind == "BatchModelPlugin" else 0)


def _assert_same(mine: Heard, theirs: Heard) -> None:
    print([line["msg"] for line in mine.logs])
    assert mine.responses == theirs.responses
    assert mine.annotations == theirs.annotations
    assert mine.calls == theirs.calls
    assert mine.stored == theirs.stored
    assert _logs(mine, theirs) == theirs.logs


def _logs(mine: Heard, theirs: Heard) -> Any:
    """Our lines, without what we remark on the answer itself. The reason of a failure is worded our way.

    Workflow jobs of old clients had no logger at all.
    """
    if not theirs.logs:
        return []
    mine.logs = [line for line in mine.logs if not re.match(r"(objects|classifications|relations)\[", line["msg"])]
    if mine.responses and mine.responses[0].get("error"):
        assert "raised ValueError: no" in mine.logs[-1]["msg"]
        return [*mine.logs[:-1], {**mine.logs[-1], "msg": theirs.logs[-1]["msg"]}]
    return mine.logs
