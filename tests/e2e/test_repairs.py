"""What callbacks return that is not quite JSON, as the hub sees it: repaired and said, or refused by its field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.paths import DataDir

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LIMIT_S = 60.0
SECRET = "s1-long-enough"
SCRIPT = """
import json
import numpy as np
from imerit_ango.models.annotate import AnnotationPayload, Answer
from imerit_ango.plugins import ModelPlugin, run

def box(x, y, width, height):
    return {"title": "Bolt", "bounding-box": {"x": x, "y": y, "width": width, "height": height}}

def callback(data):
    return eval(json.loads(data["configJSON"]))

run(ModelPlugin("p1", "s", callback))
"""
BOX = {"x": 1, "y": 2, "width": 3, "height": 4}
ARRAY = [[1, 1], [9, 1], [9, 9]]

REPAIRED = {
    "[box(1, 2, 3, 4)]": ("bounding-box", BOX, ["the returned value was a list, taken as the objects of the answer"]),
    "Answer([box(1, 2, 3, 4)])": ("bounding-box", BOX, []),
    "AnnotationPayload(answer=[box(1, 2, 3, 4)])": (
        "bounding-box",
        BOX,
        ["answer was a list, taken as the objects of the answer"],
    ),
    "Answer([box(np.int64(1), np.float32(2), np.array(3), 4)])": (
        "bounding-box",
        BOX,
        [
            "objects[0].bounding-box.x was a numpy.int64, taken as a number",
            "objects[0].bounding-box.y was a numpy.float32, taken as a number",
            "objects[0].bounding-box.width was a numpy.ndarray, taken as a number",
        ],
    ),
    "{'objects': [{'title': 'Bolt', 'polygon': np.array([[1, 1], [9, 1], [9, 9]])}]}": (
        "polygon",
        ARRAY,
        ["objects[0].polygon was a numpy.ndarray, taken as a list"],
    ),
    "{'objects': ({'title': 'Bolt', 'polygon': ((1, 1), (9, 1), (9, 9))},)}": (
        "polygon",
        ARRAY,
        ["objects (and 4 more) was a tuple, taken as a list"],
    ),
    "box(1, 2, 3, 4)": (
        "bounding-box",
        BOX,
        ["the returned value was a single object, taken as an answer with one object"],
    ),
}
REFUSED = {
    "Answer([box(1, object(), 3, 4)])": "objects[0].bounding-box.y cannot be part of an answer",
    "{'objects': [box(1, 2, 3, 'wide')]}": "objects[0].bounding-box.height",
    "'no answer'": "it is text",
    "{'predictions': []}": "it has none of objects, classifications and relations, but predictions",
    "None": "the callback returned nothing (None)",
}


async def test_one_right_reading_is_taken_and_none_names_the_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets, path = tmp_path / "assets", tmp_path / "p1.py"
    assets.mkdir()
    Image.new("RGB", (40, 30)).save(assets / "a.png")
    path.write_text(SCRIPT)
    monkeypatch.setenv("PLUGDECK_SECRET_P1", SECRET)
    host = Host(DataDir(tmp_path / "data"))
    async with DemoHub(assets_dir=assets) as hub:
        hub.add_plugin("p1", SECRET)
        try:
            await host.start()
            profile = Profile(name="p1", host=hub.url, plugin_id="p1", source=CallbackSource(script=path))
            await host.add_profile(profile, None)
            await host.start_profile(profile.id)
            await hub.wait_online("p1", LIMIT_S)

            async def run(returned: str) -> Any:
                session = await hub.run_plugin("p1", config=json.dumps(returned))
                return await session.wait(LIMIT_S)

            for returned, (key, value, notes) in REPAIRED.items():
                session = await run(returned)
                assert not session.error, (returned, session.logs)
                [found] = session.response["objects"]
                assert found[key] == value, returned
                assert [(line.level, line.message) for line in session.logs] == [("WARNING", note) for note in notes]
            for returned, reason in REFUSED.items():
                session = await run(returned)
                assert session.responses == [{"error": True, "session": session.id}], returned
                assert session.logs[-1].level == "ERROR"
                assert reason in session.logs[-1].message, (returned, session.logs)
            assert hub.protocol_errors == []
        finally:
            await host.stop(1)
